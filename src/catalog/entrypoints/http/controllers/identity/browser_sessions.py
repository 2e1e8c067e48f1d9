"""`/auth/session`: sign in with a browser, which gets a cookie. `/auth/setup`: create the first admin."""

from litestar import Controller, delete, post

from catalog.application.identity.first_admin import FirstAdmin
from catalog.application.identity.sessions import UserSessions
from catalog.application.identity.sign_in import SignIn
from catalog.domain.identity.errors import CrossSite
from catalog.domain.identity.user import NewUser
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.middleware.rate_limits import SignInLimit
from catalog.entrypoints.http.openapi.identity_bodies import BrowserSignInBody, SetupBody
from catalog.entrypoints.http.openapi.operation import NO_CONTENT, SET_COOKIE, Operation, documented, json_body, json_response
from catalog.entrypoints.http.requests.access import SIGN_IN, SIGNING_IN
from catalog.entrypoints.http.requests.bodies import JSON, read_object
from catalog.entrypoints.http.requests.caller import AnyRequest, caller_of, client_of
from catalog.entrypoints.http.requests.credentials import SessionCookie
from catalog.entrypoints.http.requests.origins import is_same_origin
from catalog.entrypoints.http.requests.query_string import reject_parameters
from catalog.entrypoints.http.requests.sign_in import read_texts
from catalog.entrypoints.http.responses.prepared import PreparedResponse, no_content, secret_content
from catalog.entrypoints.representations.identity import CallerBody, UserBody, encode_caller, encode_user

_SETUP_FIELDS = ("token", "username", "password")


class BrowserSessionsController(Controller):
    """Endpoints for the sessions of browsers."""

    path = "/api/v1/auth"
    tags = ("identity",)
    sign_in: SignIn
    sign_in_limit: SignInLimit
    sessions: UserSessions
    first_admin: FirstAdmin
    cookie: SessionCookie

    @post(
        "/session",
        status_code=200,
        opt=documented(
            Operation(
                "create_session",
                "Sign in with a browser",
                SIGNING_IN,
                body=json_body(BrowserSignInBody),
                responses=(json_response(200, "Who has signed in", CallerBody, SET_COOKIE),),
                errors=(401, 403),
                changes_nothing=True,
            )
        ),
    )
    async def create(self, request: AnyRequest) -> PreparedResponse:
        """Sign in with username and password, and get a cookie. Only for pages of this service; programs use `/auth/token`."""
        scope = request.scope
        if not is_same_origin(scope):
            raise CrossSite
        reject_parameters(scope)
        fields = await read_object(request, JSON)
        errors = FieldErrors()
        texts = read_texts(fields, ("username", "password"), ("username", "password"), errors)
        errors.raise_if_any()
        client = client_of(scope)
        await self.sign_in_limit.check(texts["username"], scope)
        secret, principal = await self.sign_in.for_browser(texts["username"], texts["password"], client)
        return PreparedResponse(200, secret_content(encode_caller(principal)), self.cookie.header(secret))

    @delete(
        "/session",
        status_code=200,
        opt=documented(Operation("delete_session", "Sign out with a browser", SIGN_IN, responses=(NO_CONTENT,))),
    )
    async def remove(self, request: AnyRequest) -> PreparedResponse:
        """End the session of this request, and clear its cookie."""
        reject_parameters(request.scope)
        await self.sessions.sign_out(caller_of(request.scope), everywhere=False)
        return PreparedResponse(204, no_content(self.cookie.cleared))

    @post(
        "/setup",
        opt=documented(
            Operation(
                "set_up",
                "Create the first admin",
                SIGNING_IN,
                body=json_body(SetupBody),
                responses=(json_response(201, "The admin", UserBody),),
                errors=(401,),
                changes_nothing=True,
            )
        ),
    )
    async def set_up(self, request: AnyRequest) -> PreparedResponse:
        """Create the first admin of an empty store. The token is printed when the service starts; it is valid for an hour."""
        reject_parameters(request.scope)
        fields = await read_object(request, JSON)
        errors = FieldErrors()
        texts = read_texts(fields, _SETUP_FIELDS, _SETUP_FIELDS, errors)
        errors.raise_if_any()
        token = texts.pop("token")
        user = await self.first_admin.set_up(token, NewUser.parse({**texts, "role": "admin"}), client_of(request.scope))
        return PreparedResponse(201, secret_content(encode_user(user)))
