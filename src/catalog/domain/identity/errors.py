"""The errors of identity, a branch of the tree in catalog.domain.errors.

CatalogError
├── Unauthenticated          the request needs a credential
│   ├── InvalidToken         the credential is not valid, or not any more
│   │   ├── UnknownSigningKey    the token names a key that is not known here
│   │   └── InvalidSetupToken    the token that creates the first admin is not valid
│   ├── ExpiredToken         the credential has expired
│   ├── EndedSession         the session of a browser ended a moment ago
│   └── InvalidCredentials   the username or the password is wrong
├── Forbidden                the caller may not do that
│   ├── InsufficientScope    the caller lacks a scope
│   ├── CredentialNotAllowed this kind of credential may not do that
│   ├── NoRole               the token of another issuer grants no role
│   ├── WrongPassword        the current password is wrong
│   └── CrossSite            a page of another site sent the request
├── SeveralCredentials       the request has more than one credential
├── TooManyAttempts          too many failed sign-ins
├── TooManyRequests          the caller has used up its requests for now
├── InvalidInput
│   └── WeakPassword
├── NotFound
│   ├── UserNotFound
│   ├── SessionNotFound
│   └── ApiKeyNotFound
├── Conflict
│   ├── UsernameTaken
│   ├── LastAdmin
│   ├── TooManyApiKeys
│   └── SigningKeyInSettings the signing key is not kept in the store
└── Unavailable
    ├── SignInsBusy          too many passwords are being checked
    └── IssuerUnavailable    the keys of the other issuer cannot be fetched
"""

from uuid import UUID

from catalog.domain.errors import CatalogError, Conflict, FieldError, FieldPath, InvalidInput, NotFound, Unavailable, shorten


class Unauthenticated(CatalogError):
    """The request needs a credential and has none."""

    code = "unauthenticated"

    def __init__(self, message: str = "Sign in: the request needs an access token or an API key.") -> None:
        """Take the message."""
        super().__init__(message)


class InvalidToken(Unauthenticated):
    """The token, session or API key is not valid, or not any more."""

    code = "invalid_token"

    def __init__(self, message: str = "The token, session or API key is not valid, or was revoked; sign in again.") -> None:
        """Take the message. It does not say which check failed: that would help to forge a token."""
        super().__init__(message)


class UnknownSigningKey(InvalidToken):
    """A token names a signing key that this process does not know: a forgery, or a key that it has not read yet."""


class InvalidSetupToken(InvalidToken):
    """The token that creates the first admin is wrong or has expired, or there is a user already."""

    def __init__(self) -> None:
        """Set the message."""
        super().__init__(
            "The setup token is not valid. It is valid for an hour and works once, while there are no users; "
            "restart the service for a new one."
        )


class ExpiredToken(Unauthenticated):
    """The access token has expired."""

    code = "expired_token"

    def __init__(self) -> None:
        """Set the message."""
        super().__init__("The token has expired; refresh it or sign in again.")


class EndedSession(Unauthenticated):
    """The session of a browser ended a moment ago. The browser may have a newer cookie, so it is not told to forget it."""

    code = InvalidToken.code

    def __init__(self) -> None:
        """Set the message."""
        super().__init__("The session has ended, or goes on with a newer cookie; without one, sign in again.")


class InvalidCredentials(Unauthenticated):
    """The username or the password is wrong, or the user is disabled. All three look the same."""

    code = "invalid_credentials"

    def __init__(self) -> None:
        """Set the message."""
        super().__init__("The username or the password is wrong.")


class Forbidden(CatalogError):
    """The caller is known and may not do that."""

    code = "forbidden"


class InsufficientScope(Forbidden):
    """The caller lacks a scope."""

    code = "insufficient_scope"

    def __init__(self, required: str) -> None:
        """Take the scope that is missing."""
        super().__init__(f"This needs the scope {required}, which the user's role, the token or the API key does not grant.")
        self.required = required


class CredentialNotAllowed(Forbidden):
    """This kind of credential may not do that."""

    code = "credential_not_allowed"

    def __init__(self, message: str = "Only users who signed in with a password may do that.") -> None:
        """Take the message."""
        super().__init__(message)


class NoRole(Forbidden):
    """The token of another issuer is valid, but grants no role here."""

    def __init__(self, actor: str, credential: str) -> None:
        """Take who sends the token, and what kind of credential it is, for the security log."""
        super().__init__("The token grants no role here; ask the administrator of the other issuer for one.")
        self.actor = actor
        self.credential = credential


class WrongPassword(Forbidden):
    """The current password is wrong, so that it is not changed."""

    code = "invalid_credentials"

    def __init__(self) -> None:
        """Set the message."""
        super().__init__("The current password is wrong.")


class CrossSite(Forbidden):
    """A page of another site sent the request, or it cannot be shown that none did."""

    code = "cross_site"

    def __init__(self) -> None:
        """Set the message."""
        super().__init__(
            "Only pages of this service may send this request. Programs use no session cookie: they get a token with "
            "POST /api/v1/auth/token, and send it as Authorization: Bearer."
        )


class SeveralCredentials(CatalogError):
    """The request has more than one credential."""

    code = "several_credentials"

    def __init__(self) -> None:
        """Set the message."""
        super().__init__("Send one credential: either one Authorization header or one X-API-Key header.")


class TooManyAttempts(CatalogError):
    """Too many failed sign-ins. Until the delay is over, the right password is refused as well."""

    code = "too_many_attempts"

    def __init__(self, seconds: int) -> None:
        """Take the delay that is left, in seconds."""
        super().__init__(f"Too many failed sign-ins; try again in {seconds} s.")
        self.seconds = seconds


class TooManyRequests(CatalogError):
    """The caller has used up its requests for now."""

    code = "too_many_requests"

    def __init__(self, seconds: int) -> None:
        """Take the time until there are requests again, in seconds."""
        super().__init__(f"Too many requests; try again in {seconds} s.")
        self.seconds = seconds


class WeakPassword(InvalidInput):
    """The new password is too easy to guess."""

    code = "weak_password"

    def __init__(self, reason: str, path: FieldPath) -> None:
        """Take what is wrong with it, as a sentence, and the path of the field."""
        super().__init__([FieldError(path, "weak_password", reason)])


class UserNotFound(NotFound):
    """No user has this id or username."""

    code = "user_not_found"

    def __init__(self, key: UUID | str) -> None:
        """Take the requested id or username."""
        super().__init__(f"There is no user {shorten(key)}.")
        self.key = key


class SessionNotFound(NotFound):
    """The caller has no such session."""

    code = "session_not_found"

    def __init__(self, session_id: object) -> None:
        """Take the requested id."""
        super().__init__(f"There is no session {shorten(session_id)}.")


class ApiKeyNotFound(NotFound):
    """The caller has no such API key."""

    code = "api_key_not_found"

    def __init__(self, key_id: object) -> None:
        """Take the requested id."""
        super().__init__(f"There is no API key {shorten(key_id)}.")


class UsernameTaken(Conflict):
    """Another user has this name."""

    code = "username_taken"

    def __init__(self, username: str) -> None:
        """Take the username."""
        super().__init__(f"The username {username} belongs to another user; choose another one.")
        self.username = username


class LastAdmin(Conflict):
    """The last enabled admin would be deleted, disabled or get another role."""

    code = "last_admin"

    def __init__(self, username: str) -> None:
        """Take the admin's username."""
        super().__init__(f"{username} is the last admin; make another user an admin first.")
        self.username = username


class TooManyApiKeys(Conflict):
    """The user has the maximum number of API keys."""

    code = "too_many_api_keys"

    def __init__(self, limit: int) -> None:
        """Take the limit."""
        super().__init__(f"A user can have {limit} API keys; revoke one that is not used any more.")
        self.limit = limit


class SigningKeyInSettings(Conflict):
    """The key that signs access tokens is set in the settings, so it is changed there."""

    code = "signing_key_in_settings"

    def __init__(self) -> None:
        """Set the message."""
        super().__init__("The signing key is set in the settings; replace it there, and restart.")


class SignInsBusy(Unavailable):
    """Too many passwords are being checked."""

    code = "sign_ins_busy"

    def __init__(self) -> None:
        """Set the message."""
        super().__init__("Too many sign-ins at the same time; try again in a moment.")


class IssuerUnavailable(Unavailable):
    """The other issuer's keys cannot be fetched."""

    code = "issuer_unavailable"

    def __init__(self) -> None:
        """Set the message."""
        super().__init__("The issuer of the token cannot be reached, so the token cannot be verified; try again in a moment.")
