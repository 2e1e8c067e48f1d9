"""The keys that sign access tokens: made at the first start, and replaced without a token losing its validity.

A new key is published for some time before it signs, so that all processes know it when they see the first token of it. The old
key stays until the last token that it signed has expired.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, NamedTuple

from catalog.application.identity.caller import Caller
from catalog.application.identity.throttled_read import ThrottledRead
from catalog.domain.identity.errors import SigningKeyInSettings
from catalog.domain.identity.security_log import SIGNING_KEY_ROTATED
from catalog.domain.identity.session import MAX_ACCESS_LIFE
from catalog.domain.identity.signing_key import StoredSigningKey
from catalog.ports.clock import Clock
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.identity.tokens import TokenSigner

PUBLISHED_BEFORE = timedelta(minutes=3)
"""How long a new key is published before it signs. Every process reads the keys once a minute."""

MIN_RELOAD_INTERVAL = timedelta(seconds=5)
"""How long keys are not read again because of a token with an unknown one, which anybody can make up."""

SigningKeyState = Literal["next", "signing", "previous", "verifying"]
"""A key that will sign, the one that signs, or one that has signed tokens that are still valid.

Of the keys in the settings, the first one signs and the others verify: nobody knows whether they are next or previous.
"""


class ListedSigningKey(NamedTuple):
    """A signing key without its private part, and what it does. A key of the settings has no known time of creation."""

    id: str
    created_at: datetime | None
    state: SigningKeyState


class SigningKeys:
    """Gives the signer its keys: those of the settings, or else those of the store."""

    def __init__(
        self,
        storage: IdentityStorage,
        signer: TokenSigner,
        clock: Clock,
        from_settings: Sequence[StoredSigningKey] = (),
    ) -> None:
        """Keep the keys in `storage`, unless there are some in the settings."""
        self._storage = storage
        self._signer = signer
        self._clock = clock
        self._from_settings = from_settings
        self._is_loaded = False
        self._reads = ThrottledRead(self._read, clock.timestamp, MIN_RELOAD_INTERVAL.total_seconds())

    async def ensure_loaded(self) -> None:
        """Load the keys if that has not succeeded yet, because the store was away at the start. Raises: Unavailable."""
        if not self._is_loaded:
            await self._reads.run_if_due()

    async def reload(self) -> bool:
        """Read the keys again, unless that was done some seconds ago. Return whether it was done now.

        A process that could not reach the store for some minutes does not know a key that signs by then. So while the store is
        away, nobody knows whether a key exists. Raises: Unavailable, also without asking again if that failed a moment ago.
        """
        return not self._from_settings and await self._reads.run_if_due()

    async def load(self) -> None:
        """Give the signer its keys; make the first one if there is none; delete those that are of no use any more.

        To be called at the start, and once a minute. Raises: Unavailable.
        """
        expired = await self._reads.run()
        if expired:
            await self._storage.delete_signing_keys(expired)

    async def _read(self) -> Sequence[str]:
        """Give the signer its keys. Return the ids of those in the store that are of no use any more."""
        if self._from_settings:
            self._signer.use(self._from_settings)
            self._is_loaded = True
            return ()
        now = self._clock.now()
        keys = await self._storage.signing_keys()
        if not keys:
            await self._storage.add_signing_key(self._signer.new_key(now), (), only_first=True)
            keys = await self._storage.signing_keys()
        signing = _signing(keys, now)
        self._signer.use([keys[signing], *keys[:signing], *keys[signing + 1 :]])
        self._is_loaded = True
        return [key.id for successor, key in pairwise(keys) if self._is_expired(successor, now)]

    async def rotate(self, caller: Caller) -> StoredSigningKey:
        """Make a new key, which signs after some minutes. Raises: SigningKeyInSettings, Unavailable."""
        if self._from_settings:
            raise SigningKeyInSettings
        key = self._signer.new_key(self._clock.now())
        event = caller.event(SIGNING_KEY_ROTATED, key.created_at, None, {"signing_key": key.id})
        await self._storage.add_signing_key(key, (event,))
        return key

    async def listed(self) -> Sequence[ListedSigningKey]:
        """Return the keys: those of the settings in their order, or those in the store, the newest first. Raises: Unavailable."""
        if self._from_settings:
            return [
                ListedSigningKey(key.id, None, "verifying" if index else "signing")
                for index, key in enumerate(self._from_settings)
            ]
        keys = await self._storage.signing_keys()
        signing = _signing(keys, self._clock.now())
        states: list[SigningKeyState] = ["next" if index < signing else "previous" for index in range(len(keys))]
        states[signing : signing + 1] = ["signing"]
        return [ListedSigningKey(key.id, key.created_at, state) for key, state in zip(keys, states, strict=False)]

    def _is_expired(self, successor: StoredSigningKey, now: datetime) -> bool:
        """Return whether all tokens of a key have expired, whatever their life was by the settings when they were issued.

        Other processes may notice its successor a little later.
        """
        return successor.created_at + 2 * PUBLISHED_BEFORE + MAX_ACCESS_LIFE <= now


def _signing(keys: Sequence[StoredSigningKey], now: datetime) -> int:
    """Return the index of the key that signs: the newest one that has been published for long enough, or else the oldest."""
    published = (index for index, key in enumerate(keys) if key.created_at + PUBLISHED_BEFORE <= now)
    return next(published, max(len(keys) - 1, 0))
