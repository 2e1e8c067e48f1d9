"""Whether an identity change can be committed, and what it revokes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from catalog.domain.errors import CatalogError, StaleVersion
from catalog.domain.identity.api_key import MAX_API_KEYS, ApiKey
from catalog.domain.identity.changes import IdentityChange, KeyRevocation, SessionEnd, SessionStart
from catalog.domain.identity.commit_plan import (
    IdentityPlan,
    StoredIdentity,
    StoredKey,
    StoredSession,
    identity_reads,
    plan_identity_commit,
)
from catalog.domain.identity.errors import ApiKeyNotFound, LastAdmin, SessionNotFound, TooManyApiKeys, UsernameTaken
from catalog.domain.identity.principal import Author
from catalog.domain.identity.scopes import NO_SCOPES
from catalog.domain.identity.security_log import SecurityEvent
from catalog.domain.identity.session import MAX_UNUSED_TOKENS, PresentedToken, RefreshToken, Rotation, Session, SessionLimits
from catalog.domain.identity.user import User
from tests.making import NOON, certain, item_id

CREATION = User.create(user_id=item_id(1), username="anna", role="admin", password_hash="hash", now=NOON)
USER = CREATION.subject
STORED = StoredIdentity(users={USER.id: USER})
SESSION = Session.start(item_id(2), USER, "token", NO_SCOPES, now=NOON, limits=SessionLimits())
TOKEN = RefreshToken(token_hash=b"1", session_id=SESSION.id, created_at=NOON)
ROTATION = Rotation(TOKEN, replace(TOKEN, used_at=NOON), replace(TOKEN, token_hash=b"2", parent=b"1"), SESSION)
PRESENTED = PresentedToken(TOKEN, SESSION, USER)
AGAIN = replace(ROTATION, before=ROTATION.after)
FULL = PresentedToken(AGAIN.before, SESSION, USER, unused_tokens=MAX_UNUSED_TOKENS)
RENEWED = SESSION.renew(item_id(4), now=NOON)
KEY = ApiKey(id=item_id(3), user_id=USER.id, name="key", scopes=NO_SCOPES, secret_hash=b"", created_at=NOON)
EVENT = SecurityEvent(action="key.revoked", at=NOON)
OTHER = item_id(9)
DISABLED = replace(USER, disabled=True)


def test_an_empty_change_reads_and_revokes_nothing() -> None:
    """A change of events alone needs nothing."""
    reads = identity_reads(IdentityChange(events=(EVENT,)))
    assert reads == identity_reads(IdentityChange())
    assert not any((reads.users, reads.sessions, reads.sessions_of, reads.keys, reads.keys_of))
    assert (reads.username, reads.admins_except, reads.token_hash) == (None, None, None)
    assert plan_identity_commit(IdentityChange(), StoredIdentity()) == IdentityPlan()


def test_what_is_read_follows_from_the_change() -> None:
    """Each part of a change names what it is decided on."""
    nothing = identity_reads(IdentityChange())
    user, other = frozenset({USER.id}), frozenset({OTHER})
    deletion = IdentityChange(user=USER.delete(now=NOON))
    new_session = IdentityChange(start=SessionStart(SESSION, USER))
    ends = IdentityChange(ends=(SessionEnd(NOON, session_id=OTHER, user_id=USER.id), SessionEnd(NOON, user_id=OTHER)))
    revocation = IdentityChange(revocation=KeyRevocation(KEY.id, USER.id), forget_keys_of=OTHER)
    assert identity_reads(IdentityChange(user=CREATION)) == replace(nothing, users=user, username="anna")
    assert identity_reads(deletion) == replace(nothing, users=user, admins_except=USER.id, sessions_of=user, keys_of=user)
    assert identity_reads(IdentityChange(rotation=ROTATION)) == replace(nothing, token_hash=b"1")
    assert identity_reads(new_session) == replace(nothing, users=user, sessions_of=user)
    assert identity_reads(IdentityChange(new_key=KEY)) == replace(nothing, users=user, keys_of=user)
    by = IdentityChange(author=Author(USER.id, "admin", OTHER))
    assert identity_reads(by) == replace(nothing, users=user, sessions=other, keys=other)
    assert identity_reads(ends) == replace(nothing, sessions=other, sessions_of=other)
    assert identity_reads(revocation) == replace(nothing, keys=frozenset({KEY.id}), keys_of=user | other)


REFUSED: list[tuple[IdentityChange, StoredIdentity, type[CatalogError]]] = [
    (IdentityChange(user=CREATION), STORED, StaleVersion),
    (IdentityChange(user=CREATION), StoredIdentity(username_taken=True), UsernameTaken),
    (IdentityChange(user=USER.delete(now=NOON)), StoredIdentity(), StaleVersion),
    (IdentityChange(user=USER.delete(now=NOON)), replace(STORED, users={USER.id: replace(USER, version=2)}), StaleVersion),
    (IdentityChange(user=USER.delete(now=NOON)), replace(STORED, has_other_admin=False), LastAdmin),
    (IdentityChange(start=SessionStart(SESSION, USER)), StoredIdentity(), StaleVersion),
    (IdentityChange(rotation=ROTATION), StoredIdentity(), StaleVersion),
    (IdentityChange(rotation=ROTATION), StoredIdentity(presented=replace(PRESENTED, token=ROTATION.after)), StaleVersion),
    (IdentityChange(rotation=ROTATION), StoredIdentity(presented=replace(PRESENTED, successor_used=True)), StaleVersion),
    (IdentityChange(rotation=ROTATION), StoredIdentity(presented=replace(PRESENTED, session=RENEWED)), StaleVersion),
    (IdentityChange(rotation=AGAIN), StoredIdentity(presented=FULL), StaleVersion),
    (
        IdentityChange(rotation=ROTATION),
        StoredIdentity(presented=replace(PRESENTED, session=replace(SESSION, ended_at=NOON))),
        StaleVersion,
    ),
    (IdentityChange(rotation=ROTATION), StoredIdentity(presented=replace(PRESENTED, user=DISABLED)), StaleVersion),
    (IdentityChange(new_key=KEY), StoredIdentity(), StaleVersion),
    (IdentityChange(new_key=KEY), StoredIdentity(users={USER.id: DISABLED}), StaleVersion),
    (
        IdentityChange(new_key=KEY),
        replace(STORED, keys=[StoredKey(item_id(100 + number), USER.id) for number in range(MAX_API_KEYS)]),
        TooManyApiKeys,
    ),
    (IdentityChange(ends=(SessionEnd(NOON, session_id=SESSION.id),)), StoredIdentity(), SessionNotFound),
    (
        IdentityChange(ends=(SessionEnd(NOON, session_id=SESSION.id, user_id=OTHER),)),
        StoredIdentity(sessions=[StoredSession(SESSION.id, USER.id, has_ended=False, last_used_at=NOON)]),
        SessionNotFound,
    ),
    (IdentityChange(revocation=KeyRevocation(KEY.id), events=(EVENT,)), StoredIdentity(), ApiKeyNotFound),
    (
        IdentityChange(revocation=KeyRevocation(KEY.id, OTHER), events=(EVENT,)),
        StoredIdentity(keys=[StoredKey(KEY.id, USER.id)]),
        ApiKeyNotFound,
    ),
]


@pytest.mark.parametrize(("change", "stored", "error"), REFUSED)
def test_a_change_that_does_not_fit_is_refused(change: IdentityChange, stored: StoredIdentity, error: type[CatalogError]) -> None:
    """What the store holds decides."""
    with pytest.raises(error):
        plan_identity_commit(change, stored)


ALLOWED: list[tuple[IdentityChange, StoredIdentity]] = [
    (IdentityChange(user=CREATION), StoredIdentity()),
    (IdentityChange(user=CREATION, start=SessionStart(SESSION, USER)), StoredIdentity()),
    (IdentityChange(user=USER.set_password("other", now=NOON)), replace(STORED, has_other_admin=False)),
    (IdentityChange(start=SessionStart(SESSION, USER)), STORED),
    (IdentityChange(rotation=ROTATION), StoredIdentity(presented=PRESENTED)),
    (IdentityChange(rotation=ROTATION), StoredIdentity(presented=replace(PRESENTED, unused_tokens=MAX_UNUSED_TOKENS))),
    (IdentityChange(rotation=AGAIN), StoredIdentity(presented=replace(FULL, unused_tokens=MAX_UNUSED_TOKENS - 1))),
    (
        IdentityChange(new_key=KEY),
        replace(STORED, keys=[StoredKey(item_id(100 + number), OTHER) for number in range(MAX_API_KEYS)]),
    ),
]


@pytest.mark.parametrize(("change", "stored"), ALLOWED)
def test_a_change_that_fits_revokes_nothing(change: IdentityChange, stored: StoredIdentity) -> None:
    """These changes are committed, and no credential ends with them."""
    assert plan_identity_commit(change, stored) == IdentityPlan()


def test_a_session_of_a_user_who_is_deleted_does_not_start() -> None:
    """The session would have no user."""
    change = IdentityChange(user=USER.delete(now=NOON), start=SessionStart(SESSION, USER))
    with pytest.raises(StaleVersion):
        plan_identity_commit(change, STORED)


def test_sessions_end_and_keys_are_revoked() -> None:
    """Those that have ended stay as they are, and forgotten keys are not deleted."""
    sessions = [StoredSession(item_id(number), USER.id, has_ended=number == 12, last_used_at=NOON) for number in (11, 12)]
    keys = [StoredKey(item_id(21), USER.id), StoredKey(item_id(22), OTHER)]
    change = IdentityChange(
        ends=(SessionEnd(NOON, user_id=USER.id), SessionEnd(NOON, session_id=item_id(12))),
        revocation=KeyRevocation(user_id=USER.id),
        forget_keys_of=OTHER,
    )
    stored = StoredIdentity(sessions=sessions, keys=keys)
    assert plan_identity_commit(change, stored) == IdentityPlan(
        frozenset({item_id(11)}),
        frozenset({item_id(21)}),
        (item_id(11), item_id(21), item_id(22)),
        NOON,
        (SecurityEvent(action="key.revoked", at=NOON, detail={"key": str(item_id(21))}),),
    )
    one = IdentityChange(revocation=KeyRevocation(item_id(22), OTHER), events=(EVENT,))
    assert plan_identity_commit(one, stored).deleted_keys == {item_id(22)}
    assert plan_identity_commit(one, stored).events == ()


def test_a_deletion_revokes_everything_of_the_user() -> None:
    """Sessions and keys of the user end, although the change does not say so."""
    sessions = [
        StoredSession(item_id(number), owner, has_ended=False, last_used_at=NOON)
        for number, owner in ((11, USER.id), (12, OTHER))
    ]
    keys = [StoredKey(item_id(21), USER.id), StoredKey(item_id(22), OTHER)]
    plan = plan_identity_commit(IdentityChange(user=USER.delete(now=NOON)), replace(STORED, sessions=sessions, keys=keys))
    assert plan.revoked == (item_id(11), item_id(21))


def test_the_time_of_a_change_is_the_latest_of_its_parts() -> None:
    """A change that revokes keys has the time of its event, and needs one."""
    later = NOON + timedelta(seconds=1)
    change = IdentityChange(user=USER.delete(now=NOON), ends=(SessionEnd(later, user_id=USER.id),), events=(EVENT,))
    assert change.at == later
    with pytest.raises(ValueError, match="needs an event"):
        plan_identity_commit(IdentityChange(revocation=KeyRevocation(KEY.id)), StoredIdentity(keys=[StoredKey(KEY.id, USER.id)]))


def test_a_change_says_whether_an_admin_is_removed() -> None:
    """Deleting, disabling and demoting an active admin does; what happens to others does not."""
    user = replace(USER, role="user")
    assert IdentityChange(user=USER.delete(now=NOON)).may_remove_admin
    assert IdentityChange(user=USER.set_disabled(disabled=True, now=NOON)).may_remove_admin
    assert IdentityChange(user=USER.set_role("user", now=NOON)).may_remove_admin
    assert not IdentityChange(user=USER.set_password("x", now=NOON)).may_remove_admin
    assert not IdentityChange(user=user.delete(now=NOON)).may_remove_admin
    assert not IdentityChange(user=DISABLED.delete(now=NOON)).may_remove_admin
    assert not IdentityChange(user=CREATION).may_remove_admin
    assert not IdentityChange().may_remove_admin
    assert certain(USER.set_role("user", now=NOON)).before is USER
