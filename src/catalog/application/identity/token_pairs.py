"""Access tokens with the refresh token that replaces them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from catalog.application.identity.signing_keys import SigningKeys
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.scopes import Scopes
from catalog.domain.identity.session import Session
from catalog.domain.identity.user import User
from catalog.ports.identity.tokens import AccessClaims, TokenSigner
from catalog.ports.ids import Ids

ACCESS_LIFE = timedelta(minutes=10)
"""How long an access token is valid by default."""


@dataclass(frozen=True, slots=True, repr=False)
class TokenPair:
    """What a client gets when it signs in or refreshes: two tokens, the seconds until the first expires, and its scopes."""

    access_token: str
    refresh_token: str
    expires_in: int
    scopes: Scopes


class AccessTokens:
    """Issues access tokens for sessions."""

    def __init__(self, signer: TokenSigner, signing_keys: SigningKeys, ids: Ids, life: timedelta = ACCESS_LIFE) -> None:
        """Sign with `signer`, which has its keys from `signing_keys`. Tokens are valid for `life`."""
        self._signer = signer
        self._signing_keys = signing_keys
        self._ids = ids
        self.life = life

    async def issue(self, session: Session, user: User, refresh_token: str, now: datetime) -> TokenPair:
        """Return the tokens of a session. Raises: Unavailable if there has been no signing key yet."""
        await self._signing_keys.ensure_loaded()
        scopes = session.scopes & ROLE_SCOPES[user.role]
        expires_at = min(now + self.life, session.expires_at)
        claims = AccessClaims(
            token_id=self._ids.new_id(),
            user_id=user.id,
            username=user.username,
            role=user.role,
            scopes=scopes,
            session_id=session.id,
            issued_at=now,
            expires_at=expires_at,
        )
        return TokenPair(self._signer.sign(claims), refresh_token, int((expires_at - now).total_seconds()), scopes)
