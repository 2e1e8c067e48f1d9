"""`/auth/me`, `/auth/logout`, `/auth/sessions`: what users see and change of themselves."""

from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.params import FromPath

from catalog.application.identity.sessions import UserSessions
from catalog.application.identity.users import Users
from catalog.domain.errors import FieldError, InvalidInput
from catalog.domain.identity.errors import SessionNotFound
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.openapi.identity_bodies import PasswordChangeBody, SignOutBody
from catalog.entrypoints.http.openapi.operation import NO_CONTENT, Operation, documented, json_body, json_response
from catalog.entrypoints.http.requests.access import ANY_CALLER, FULL_SIGN_IN, SIGN_IN
from catalog.entrypoints.http.requests.bodies import JSON, read_object
from catalog.entrypoints.http.requests.caller import AnyRequest, caller_of, principal_of
from catalog.entrypoints.http.requests.credentials import SessionCookie, has_header_credential
from catalog.entrypoints.http.requests.query_string import reject_parameters
from catalog.entrypoints.http.requests.sign_in import read_texts
from catalog.entrypoints.http.responses.prepared import PreparedResponse, no_content, secret_content
from catalog.entrypoints.representations.identity import CallerBody, SessionsBody, encode_caller, encode_sessions


class CallerController(Controller):
    """Endpoint that says who the caller is. It exists in every mode."""

    path = "/api/v1/auth/me"
    tags = ("identity",)

    @get(
        sync_to_thread=False,
        opt=documented(
            Operation("get_me", "Get the caller", ANY_CALLER, responses=(json_response(200, "The caller", CallerBody),))
        ),
    )
    def read(self, request: AnyRequest) -> PreparedResponse:
        """Return who sends this request, and what it may do. Without sign-in, `kind` is local."""
        reject_parameters(request.scope)
        return PreparedResponse(200, secret_content(encode_caller(principal_of(request.scope))))


class AccountController(Controller):
    """Endpoints for the caller's own password and sessions."""

    path = "/api/v1/auth"
    tags = ("identity",)
    users: Users
    sessions: UserSessions
    cookie: SessionCookie

    @post(
        "/me/password",
        status_code=200,
        opt=documented(
            Operation(
                "change_password",
                "Change one's own password",
                FULL_SIGN_IN,
                body=json_body(PasswordChangeBody),
                responses=(NO_CONTENT,),
                errors=(409, 429),
                changes_nothing=True,
            )
        ),
    )
    async def change_password(self, request: AnyRequest) -> PreparedResponse:
        """Change one's own password. The session of this request stays; all others end. API keys stay.

        A browser gets a new cookie. Access tokens from before are not valid any more: refresh them.
        """
        reject_parameters(request.scope)
        fields = await read_object(request, JSON)
        errors = FieldErrors()
        texts = read_texts(fields, ("current", "new"), ("current", "new"), errors)
        errors.raise_if_any()
        secret = await self.users.change_own_password(texts["current"], texts["new"], caller_of(request.scope))
        return PreparedResponse(204, no_content(*(() if secret is None else (self.cookie.header(secret),))))

    @post(
        "/logout",
        status_code=200,
        opt=documented(
            Operation("sign_out", "Sign out", SIGN_IN, body=json_body(SignOutBody), responses=(NO_CONTENT,), changes_nothing=True)
        ),
    )
    async def sign_out(self, request: AnyRequest) -> PreparedResponse:
        """End the session of this request, or all sessions of the user. Its tokens are not valid any more within a second."""
        reject_parameters(request.scope)
        fields = await read_object(request, JSON)
        everywhere = fields.get("all", False)
        if not isinstance(everywhere, bool) or fields.keys() - {"all"}:
            raise InvalidInput([FieldError((), "wrong_members", 'The body must be {"all": true} or {"all": false}.')])
        await self.sessions.sign_out(caller_of(request.scope), everywhere=everywhere)
        return PreparedResponse(204, no_content(*(() if has_header_credential(request.scope) else (self.cookie.cleared,))))

    @get(
        "/sessions",
        opt=documented(
            Operation("list_sessions", "List own sessions", SIGN_IN, responses=(json_response(200, "Sessions", SessionsBody),))
        ),
    )
    async def list(self, request: AnyRequest) -> PreparedResponse:
        """Return the caller's sessions, the newest first."""
        reject_parameters(request.scope)
        caller = caller_of(request.scope)
        sessions = await self.sessions.own(caller)
        return PreparedResponse(200, secret_content(encode_sessions(sessions, caller.principal.session_id)))

    @delete(
        "/sessions/{session_id:str}",
        status_code=204,
        opt=documented(
            Operation("end_session", "End one of one's own sessions", SIGN_IN, responses=(NO_CONTENT,), errors=(404,))
        ),
    )
    async def end(self, request: AnyRequest, session_id: FromPath[str]) -> None:
        """End one of the caller's sessions."""
        reject_parameters(request.scope)
        try:
            key = UUID(session_id)
        except ValueError:
            raise SessionNotFound(session_id) from None
        await self.sessions.end(key, caller_of(request.scope))
