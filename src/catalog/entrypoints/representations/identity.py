"""JSON representations of users, sessions, API keys and tokens."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from catalog.domain.identity.api_key import ApiKey
from catalog.domain.identity.principal import Principal
from catalog.domain.identity.scopes import SCOPES, Scopes, in_order
from catalog.domain.identity.session import Session
from catalog.domain.identity.user import User
from catalog.domain.identity.usernames import USERNAME_PATTERN
from catalog.entrypoints.representations.fields import Timestamp, Version

_encoder = msgspec.json.Encoder()

Username = Annotated[str, Meta(pattern=f"^{USERNAME_PATTERN}$", examples=["anna"])]
UserRole = Literal["user", "editor", "auditor", "admin"]
Scope = Annotated[str, Meta(title="Scope", extra_json_schema={"enum": list(SCOPES)})]


class TokensBody(msgspec.Struct):
    """An access token, and the refresh token that replaces it."""

    access_token: str
    token_type: Literal["bearer"]
    expires_in: Annotated[int, Meta(description="Seconds until the access token expires.")]
    refresh_token: Annotated[str, Meta(description="To be used once, at `/auth/refresh`.")]
    scopes: list[Scope]

    def __repr__(self) -> str:
        """Return it without the tokens."""
        return f"TokensBody(scopes={self.scopes!r})"


class CallerBody(msgspec.Struct):
    """Who sends a request, and what it may do."""

    username: Annotated[str | None, Meta(description="Null for guests.")]
    role: Annotated[str, Meta(extra_json_schema={"enum": ["guest", "user", "editor", "auditor", "admin"]})]
    scopes: list[Scope]
    kind: Literal["user", "api_key", "local", "guest"]


class SessionBody(msgspec.Struct):
    """A session: what began with a sign-in."""

    id: UUID
    created_at: Timestamp
    last_used_at: Annotated[Timestamp, Meta(description="May be a minute old.")]
    expires_at: Timestamp
    address: Annotated[str | None, Meta(description="From where the user signed in.")]
    user_agent: str | None
    current: Annotated[bool, Meta(description="Whether it is the session of this request.")]


class SessionsBody(msgspec.Struct):
    """The sessions of a user, the newest first."""

    sessions: list[SessionBody]


class UserBody(msgspec.Struct):
    """A user."""

    id: UUID
    username: Username
    role: UserRole
    disabled: bool
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class UsersBody(msgspec.Struct):
    """A page of users, by name."""

    users: list[UserBody]
    next_cursor: Annotated[str | None, Meta(description="Pass it as `cursor` to get the next page; null on the last page.")]


class ApiKeyBody(msgspec.Struct):
    """An API key. The key itself is shown once, when it is created."""

    id: UUID
    name: str
    scopes: list[Scope]
    expires_at: Timestamp | None
    created_at: Timestamp
    last_used_at: Annotated[Timestamp | None, Meta(description="May be a minute old.")]
    prefix: Annotated[str, Meta(description="The beginning of the key.")]


class CreatedApiKeyBody(ApiKeyBody):
    """A new API key, with the key itself, which is shown only now."""

    key: str

    def __repr__(self) -> str:
        """Return it without the key."""
        return f"CreatedApiKeyBody({self.prefix!r})"


class ApiKeysBody(msgspec.Struct):
    """API keys, the newest first."""

    api_keys: list[ApiKeyBody]


class PublicKeysBody(msgspec.Struct):
    """The public keys of access tokens, as JSON Web Keys (RFC 7517)."""

    keys: list[dict[str, Any]]


class SigningKeyBody(msgspec.Struct):
    """A key of access tokens, without its private part. `created_at` is null if the key is in the settings."""

    id: str
    created_at: Timestamp | None
    state: Literal["next", "signing", "previous", "verifying"]


class SigningKeysBody(msgspec.Struct):
    """The keys that sign access tokens, the newest first; those of the settings in their order."""

    signing_keys: list[SigningKeyBody]


def encode_tokens(access_token: str, refresh_token: str, expires_in: int, scopes: Scopes) -> bytes:
    """Encode a pair of tokens."""
    return _encoder.encode(TokensBody(access_token, "bearer", expires_in, refresh_token, list(in_order(scopes))))


def encode_caller(principal: Principal) -> bytes:
    """Encode who sends a request."""
    return _encoder.encode(CallerBody(principal.username, principal.role, list(in_order(principal.scopes)), principal.kind))


def encode_sessions(sessions: Sequence[Session], current: UUID | None) -> bytes:
    """Encode sessions. `current` is the id of the caller's."""
    bodies = [
        SessionBody(
            session.id,
            session.created_at,
            session.last_used_at,
            session.expires_at,
            session.address,
            session.user_agent,
            session.id == current,
        )
        for session in sessions
    ]
    return _encoder.encode(SessionsBody(bodies))


def encode_user(user: User) -> bytes:
    """Encode a user."""
    return _encoder.encode(_to_user_body(user))


def encode_users(users: Sequence[User], next_cursor: str | None) -> bytes:
    """Encode a page of users."""
    return _encoder.encode(UsersBody([_to_user_body(user) for user in users], next_cursor))


def encode_api_key(key: ApiKey, text: str) -> bytes:
    """Encode a new API key, with the key itself."""
    return _encoder.encode(CreatedApiKeyBody(*(*_key_fields(key), text)))


def encode_api_keys(keys: Sequence[ApiKey]) -> bytes:
    """Encode API keys."""
    return _encoder.encode(ApiKeysBody([ApiKeyBody(*_key_fields(key)) for key in keys]))


def encode_signing_keys(keys: Sequence[tuple[Any, ...]]) -> bytes:
    """Encode signing keys, given as id, time of creation and state."""
    return _encoder.encode(SigningKeysBody([SigningKeyBody(*key) for key in keys]))


def encode_public_keys(keys: Sequence[dict[str, Any]]) -> bytes:
    """Encode JSON Web Keys."""
    return _encoder.encode(PublicKeysBody(list(keys)))


def _to_user_body(user: User) -> UserBody:
    role: Any = user.role
    return UserBody(user.id, user.username, role, user.disabled, user.created_at, user.updated_at, user.version)


def _key_fields(key: ApiKey) -> tuple[Any, ...]:
    return (
        key.id,
        key.name,
        list(in_order(key.scopes)),
        key.expires_at,
        key.created_at,
        key.last_used_at,
        key.prefix,
    )
