"""`/auth/token` and `/auth/refresh`: sign in with a password, and go on with a refresh token. The public keys of the tokens."""

from typing import Final

from litestar import Controller, get, post

from catalog.application.identity.sign_in import SignIn
from catalog.application.identity.token_pairs import TokenPair
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.middleware.rate_limits import SignInLimit
from catalog.entrypoints.http.openapi.identity_bodies import RefreshBody, SignInBody, SignInFormBody
from catalog.entrypoints.http.openapi.operation import Content, Operation, documented, json_body, json_response
from catalog.entrypoints.http.requests.access import PUBLIC, SIGNING_IN
from catalog.entrypoints.http.requests.bodies import JSON, read_object
from catalog.entrypoints.http.requests.caller import AnyRequest, client_of
from catalog.entrypoints.http.requests.query_string import reject_parameters
from catalog.entrypoints.http.requests.sign_in import FORM, read_sign_in, read_texts
from catalog.entrypoints.http.responses.prepared import PreparedResponse, secret_content
from catalog.entrypoints.representations.identity import PublicKeysBody, TokensBody, encode_public_keys, encode_tokens
from catalog.ports.cache import ResponseContent
from catalog.ports.identity.tokens import TokenSigner

TOKEN: Final = "/api/v1/auth/token"  # noqa: S105 - a path
PUBLIC_KEYS: Final = "/.well-known/jwks.json"

_TOKENS = json_response(200, "The tokens", TokensBody)

_PUBLIC_KEYS_CACHING = (b"cache-control", b"public, max-age=60")
"""New keys are published some minutes before they sign."""


class TokensController(Controller):
    """Endpoints for tokens."""

    path = "/"
    tags = ("identity",)
    sign_in: SignIn
    sign_in_limit: SignInLimit
    signer: TokenSigner

    @post(
        TOKEN,
        status_code=200,
        opt=documented(
            Operation(
                "create_token",
                "Sign in",
                SIGNING_IN,
                body={**json_body(SignInBody), FORM: Content(SignInFormBody, SignInFormBody.EXAMPLE)},
                responses=(_TOKENS,),
                errors=(401, 403),
                changes_nothing=True,
            )
        ),
    )
    async def create(self, request: AnyRequest) -> PreparedResponse:
        """Sign in with username and password, and get an access token and a refresh token.

        Send the access token as `Authorization: Bearer …`. After wrong passwords, sign-ins are delayed more and more (429).
        """
        reject_parameters(request.scope)
        wanted = await read_sign_in(request)
        client = client_of(request.scope)
        await self.sign_in_limit.check(wanted.username, request.scope)
        return _tokens_response(await self.sign_in.for_tokens(wanted.username, wanted.password, client, wanted.scopes))

    @post(
        "/api/v1/auth/refresh",
        status_code=200,
        opt=documented(
            Operation(
                "refresh_token",
                "Refresh tokens",
                PUBLIC,
                body=json_body(RefreshBody),
                responses=(_TOKENS,),
                errors=(401,),
                changes_nothing=True,
            )
        ),
    )
    async def refresh(self, request: AnyRequest) -> PreparedResponse:
        """Replace a refresh token by new tokens of the same session, with the same scopes.

        A refresh token is used once. If it is presented again later, somebody has a copy, and the session ends.
        """
        reject_parameters(request.scope)
        fields = await read_object(request, JSON)
        errors = FieldErrors()
        texts = read_texts(fields, ("refresh_token",), ("refresh_token",), errors)
        errors.raise_if_any()
        return _tokens_response(await self.sign_in.refresh(texts["refresh_token"], client_of(request.scope)))

    @get(
        PUBLIC_KEYS,
        sync_to_thread=False,
        opt=documented(
            Operation(
                "get_public_keys",
                "Get public keys",
                PUBLIC,
                responses=(json_response(200, "The public keys", PublicKeysBody),),
            )
        ),
    )
    def public_keys(self, request: AnyRequest) -> PreparedResponse:
        """Return the public keys that access tokens are signed with, so that other services can verify them."""
        reject_parameters(request.scope)
        body = encode_public_keys(self.signer.public_keys())
        headers = ((b"content-type", JSON.encode()), (b"content-length", b"%d" % len(body)), _PUBLIC_KEYS_CACHING)
        return PreparedResponse(200, ResponseContent(body, headers))


def _tokens_response(pair: TokenPair) -> PreparedResponse:
    body = encode_tokens(pair.access_token, pair.refresh_token, pair.expires_in, pair.scopes)
    return PreparedResponse(200, secret_content(body))
