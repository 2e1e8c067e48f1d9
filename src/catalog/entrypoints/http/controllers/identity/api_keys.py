"""`/api-keys`: make, list and revoke API keys."""

from typing import Final
from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.params import FromPath

from catalog.application.identity.api_keys import UserApiKeys
from catalog.application.identity.users import Users
from catalog.domain.identity.api_key import NewApiKey
from catalog.domain.identity.errors import ApiKeyNotFound
from catalog.domain.identity.scopes import USERS_ADMIN
from catalog.entrypoints.http.openapi.identity_bodies import NewApiKeyBody
from catalog.entrypoints.http.openapi.operation import LOCATION, NO_CONTENT, Operation, documented, json_body, json_response
from catalog.entrypoints.http.requests.access import SIGN_IN
from catalog.entrypoints.http.requests.bodies import JSON, read_object
from catalog.entrypoints.http.requests.caller import AnyRequest, caller_of, principal_of
from catalog.entrypoints.http.requests.identity_parameters import OWNER
from catalog.entrypoints.http.requests.query_string import read_choices, reject_parameters
from catalog.entrypoints.http.responses.prepared import PreparedResponse, secret_content
from catalog.entrypoints.representations.identity import ApiKeysBody, CreatedApiKeyBody, encode_api_key, encode_api_keys
from catalog.ports.clock import Clock

PATH: Final = "/api/v1/api-keys"


class ApiKeysController(Controller):
    """Endpoints for API keys."""

    path = PATH
    tags = ("identity",)
    api_keys: UserApiKeys
    users: Users
    clock: Clock

    @post(
        opt=documented(
            Operation(
                "create_api_key",
                "Create an API key",
                SIGN_IN,
                body=json_body(NewApiKeyBody),
                responses=(json_response(201, "The key, which is shown only now", CreatedApiKeyBody, LOCATION),),
                errors=(409,),
                changes_nothing=True,
            )
        )
    )
    async def create(self, request: AnyRequest) -> PreparedResponse:
        """Create an API key for the caller. Its scopes lie within those of the credential that makes it."""
        reject_parameters(request.scope)
        new = NewApiKey.parse(await read_object(request, JSON), now=self.clock.now())
        created = await self.api_keys.create_own(new, caller_of(request.scope))
        location = (b"location", f"{PATH}/{created.key.id}".encode())
        return PreparedResponse(201, secret_content(encode_api_key(created.key, created.text)), location)

    @get(
        opt=documented(
            Operation(
                "list_api_keys",
                "List API keys",
                SIGN_IN,
                parameters=(OWNER,),
                responses=(json_response(200, "API keys", ApiKeysBody),),
                errors=(404,),
            )
        )
    )
    async def list(self, request: AnyRequest) -> PreparedResponse:
        """Return the caller's API keys, the newest first; admins get those of another user with `user`."""
        caller = caller_of(request.scope)
        owner = read_choices(request.scope).text(OWNER)
        if owner:
            caller.principal.require(USERS_ADMIN)
            keys = await self.api_keys.of_user((await self.users.get(owner)).id)
        else:
            keys = await self.api_keys.own(caller)
        return PreparedResponse(200, secret_content(encode_api_keys(keys)))

    @delete(
        "/{key_id:str}",
        status_code=204,
        opt=documented(Operation("revoke_api_key", "Revoke an API key", SIGN_IN, responses=(NO_CONTENT,), errors=(404,))),
    )
    async def revoke(self, request: AnyRequest, key_id: FromPath[str]) -> None:
        """Revoke one of the caller's API keys; admins revoke those of any user."""
        reject_parameters(request.scope)
        try:
            parsed = UUID(key_id)
        except ValueError:
            raise ApiKeyNotFound(key_id) from None
        is_admin = USERS_ADMIN in principal_of(request.scope).scopes
        await self.api_keys.revoke(parsed, caller_of(request.scope), of_anybody=is_admin)
