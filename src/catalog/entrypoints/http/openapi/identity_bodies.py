"""The shapes of the request bodies of identity. Documentation only, like the other request bodies."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.domain.identity.api_key import MAX_KEY_NAME
from catalog.domain.identity.passwords import MAX_LENGTH, MIN_LENGTH
from catalog.entrypoints.representations.identity import Scope, Username, UserRole

_PASSWORD = "correct horse battery staple"  # noqa: S105 - the example that everybody knows
_NEW = "a horse that staples batteries"

Password = Annotated[str, Meta(extra_json_schema={"format": "password"})]
NewPassword = Annotated[
    str,
    Meta(min_length=MIN_LENGTH, max_length=MAX_LENGTH, extra_json_schema={"format": "password"}, description="Not a common one."),
]


class SignInBody(msgspec.Struct, forbid_unknown_fields=True):
    """Sign in. Without `scopes`, the token gets all of the user's role; those that the role does not grant are left out."""

    EXAMPLE: ClassVar[Any] = {"username": "anna", "password": _PASSWORD}

    username: str
    password: Password
    scopes: list[Scope] | UnsetType = UNSET


class SignInFormBody(msgspec.Struct):
    """Sign in with the password grant of OAuth 2 (RFC 6749, section 4.3)."""

    EXAMPLE: ClassVar[Any] = {"grant_type": "password", "username": "anna", "password": _PASSWORD}

    username: str
    password: Password
    grant_type: Literal["password"] | UnsetType = UNSET
    scope: Annotated[str | UnsetType, Meta(description="Scopes with spaces between them.")] = UNSET


class RefreshBody(msgspec.Struct, forbid_unknown_fields=True):
    """Replace a refresh token."""

    EXAMPLE: ClassVar[Any] = {"refresh_token": "…"}

    refresh_token: str


class SignOutBody(msgspec.Struct, forbid_unknown_fields=True):
    """Sign out."""

    EXAMPLE: ClassVar[Any] = {"all": False}

    all: Annotated[bool, Meta(description="End all sessions of the user.")] = False


class BrowserSignInBody(msgspec.Struct, forbid_unknown_fields=True):
    """Sign in with a browser."""

    EXAMPLE: ClassVar[Any] = {"username": "anna", "password": _PASSWORD}

    username: str
    password: Password


class PasswordChangeBody(msgspec.Struct, forbid_unknown_fields=True):
    """Change one's own password."""

    EXAMPLE: ClassVar[Any] = {"current": _PASSWORD, "new": _NEW}

    current: Password
    new: NewPassword


class SetupBody(msgspec.Struct, forbid_unknown_fields=True):
    """Create the first admin, with the token that the service printed when it started."""

    EXAMPLE: ClassVar[Any] = {"token": "…", "username": "anna", "password": _PASSWORD}

    token: str
    username: Username
    password: NewPassword


class NewUserBody(msgspec.Struct, forbid_unknown_fields=True):
    """A new user."""

    EXAMPLE: ClassVar[Any] = {"username": "anna", "password": _PASSWORD, "role": "editor"}

    username: Username
    password: NewPassword
    role: UserRole


class UserPatchBody(msgspec.Struct, forbid_unknown_fields=True):
    """What to change of a user. Any change of role, password or `disabled` ends the user's sessions."""

    EXAMPLE: ClassVar[Any] = {"role": "editor"}

    role: UserRole | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    password: NewPassword | UnsetType = UNSET


class NewApiKeyBody(msgspec.Struct, forbid_unknown_fields=True):
    """A new API key. Its scopes are among those of the credential that makes it."""

    EXAMPLE: ClassVar[Any] = {"name": "Nightly import", "scopes": ["items:read", "items:import"]}

    name: Annotated[str, Meta(min_length=1, max_length=MAX_KEY_NAME)]
    scopes: Annotated[list[Scope], Meta(min_length=1)]
    expires_at: datetime | UnsetType | None = UNSET
