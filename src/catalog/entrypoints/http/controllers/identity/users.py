"""`/users`: administer users."""

from typing import Final

from litestar import Controller, delete, get, patch, post
from litestar.params import FromPath

from catalog.application.identity.users import Users
from catalog.domain.identity.scopes import USERS_ADMIN
from catalog.domain.identity.user import NewUser, User, UserPatch
from catalog.entrypoints.http.openapi.identity_bodies import NewUserBody, UserPatchBody
from catalog.entrypoints.http.openapi.operation import (
    ETAG,
    LOCATION,
    NO_CONTENT,
    Operation,
    documented,
    json_body,
    json_response,
    patch_body,
)
from catalog.entrypoints.http.requests.access import requires
from catalog.entrypoints.http.requests.bodies import JSON, MERGE_PATCH, read_object
from catalog.entrypoints.http.requests.caller import AnyRequest, caller_of
from catalog.entrypoints.http.requests.identity_parameters import CURSOR, SEARCH, USERS, page_size
from catalog.entrypoints.http.requests.path_parameters import item_key
from catalog.entrypoints.http.requests.preconditions import etag, parse_if_match
from catalog.entrypoints.http.requests.query_string import read_choices, reject_parameters
from catalog.entrypoints.http.responses.prepared import PreparedResponse, secret_content
from catalog.entrypoints.representations.identity import UserBody, UsersBody, encode_user, encode_users

PATH: Final = "/api/v1/users"

_USER = json_response(200, "The user", UserBody, ETAG)


class UsersController(Controller):
    """Endpoints for users."""

    path = PATH
    tags = ("identity",)
    users: Users
    strict: bool
    """Whether If-Match is required."""

    @post(
        opt=documented(
            Operation(
                "create_user",
                "Create a user",
                requires(USERS_ADMIN),
                body=json_body(NewUserBody),
                responses=(json_response(201, "The user was created", UserBody, LOCATION, ETAG),),
                errors=(409,),
                changes_nothing=True,
            )
        )
    )
    async def create(self, request: AnyRequest) -> PreparedResponse:
        """Create a user."""
        reject_parameters(request.scope)
        user = await self.users.create(NewUser.parse(await read_object(request, JSON)), caller_of(request.scope))
        location = (b"location", f"{PATH}/{user.id}".encode())
        return PreparedResponse(201, secret_content(encode_user(user), (b"etag", etag(user).encode())), location)

    @get(
        opt=documented(
            Operation(
                "list_users",
                "List or search users",
                requires(USERS_ADMIN),
                parameters=USERS,
                responses=(json_response(200, "A page of users", UsersBody),),
            )
        )
    )
    async def list(self, request: AnyRequest) -> PreparedResponse:
        """Return a page of users, by name; with `q`, those whose name contains it."""
        choices = read_choices(request.scope)
        page = await self.users.page(choices.text(SEARCH), after=choices.text(CURSOR) or None, limit=page_size(choices))
        return PreparedResponse(200, secret_content(encode_users(page.users, page.next_after)))

    @get(
        "/{user:str}",
        opt=documented(Operation("get_user", "Get a user", requires(USERS_ADMIN), responses=(_USER,), errors=(404,))),
    )
    async def read(self, request: AnyRequest, user: FromPath[str]) -> PreparedResponse:
        """Return one user by id or name."""
        reject_parameters(request.scope)
        return _user_response(await self.users.get(item_key(user)))

    @patch(
        "/{user:str}",
        opt=documented(
            Operation(
                "update_user",
                "Update a user",
                requires(USERS_ADMIN),
                body=patch_body(UserPatchBody),
                responses=(_USER,),
                errors=(404, 409, 412),
                conditional=True,
                changes_nothing=True,
            )
        ),
    )
    async def revise(self, request: AnyRequest, user: FromPath[str]) -> PreparedResponse:
        """Change role or password, or disable or enable the user. That ends the user's sessions.

        A new password revokes the user's API keys, and while the user is disabled they do not work.
        """
        reject_parameters(request.scope)
        changes = UserPatch.parse(await read_object(request, MERGE_PATCH, JSON))
        found = await self.users.get(item_key(user))
        versions = self._versions(request, found)
        return _user_response(await self.users.update(found.id, changes, caller_of(request.scope), versions=versions))

    @delete(
        "/{user:str}",
        status_code=204,
        opt=documented(
            Operation(
                "delete_user",
                "Delete a user",
                requires(USERS_ADMIN),
                responses=(NO_CONTENT,),
                errors=(404, 409, 412),
                conditional=True,
            )
        ),
    )
    async def remove(self, request: AnyRequest, user: FromPath[str]) -> None:
        """Delete a user, with all sessions and API keys. The name may be taken anew, by another user."""
        reject_parameters(request.scope)
        found = await self.users.get(item_key(user))
        await self.users.delete(found.id, caller_of(request.scope), versions=self._versions(request, found))

    def _versions(self, request: AnyRequest, user: User) -> set[int] | None:
        """Return the versions of the user that If-Match names; None for any. Raises: Malformed; an HTTPException with 428."""
        expected = parse_if_match(request.scope, required=self.strict)
        return None if expected is None else {version for user_id, version in expected if user_id == user.id}


def _user_response(user: User) -> PreparedResponse:
    return PreparedResponse(200, secret_content(encode_user(user), (b"etag", etag(user).encode())))
