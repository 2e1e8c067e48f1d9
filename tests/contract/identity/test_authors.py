"""A change is committed only if the credential of its author is still valid, whatever the process believes that sends it."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from catalog.domain.identity.changes import IdentityChange, KeyRevocation, SessionEnd
from catalog.domain.identity.errors import InvalidToken
from catalog.domain.identity.principal import Author
from catalog.domain.identity.user import User
from catalog.ports.identity.storage import IdentityStorage
from tests.contract.identity.making import add_key, add_user, commit_all, event, key_of, seconds, start_session
from tests.making import NOON, certain, item_id

LATER = NOON + seconds(60)
SESSION, KEY = item_id(11), item_id(12)

Stop = Callable[[IdentityStorage, User], Awaitable[object]]


def new_key(user: User, number: int, credential: object = SESSION) -> IdentityChange:
    """Return the change by which the user makes a key."""
    return IdentityChange(author=Author(user.id, user.role, credential), new_key=key_of(user, number))  # type: ignore[arg-type]


async def end_session(identity: IdentityStorage, _user: User) -> None:
    """End the session, and revoke the key."""
    await identity.commit(IdentityChange(ends=(SessionEnd(LATER, session_id=SESSION),)))
    await identity.commit(IdentityChange(revocation=KeyRevocation(KEY), events=(event(at=LATER),)))


async def disable(identity: IdentityStorage, user: User) -> None:
    """Disable the user, but leave session and key."""
    await identity.commit(IdentityChange(user=user.set_disabled(disabled=True, now=LATER)))


async def demote(identity: IdentityStorage, user: User) -> None:
    """Give the user another role, but leave session and key."""
    await identity.commit(IdentityChange(user=user.set_role("user", now=LATER)))


async def delete(identity: IdentityStorage, user: User) -> None:
    """Delete the user with session and key."""
    await identity.commit(IdentityChange(user=user.delete(now=LATER)))


@pytest.mark.parametrize("credential", [SESSION, KEY])
@pytest.mark.parametrize("stop", [end_session, disable, demote, delete])
async def test_nothing_is_committed_with_a_credential_that_was_revoked(
    identity: IdentityStorage, credential: object, stop: Stop
) -> None:
    """A session that ended, a key that was revoked, a user who was disabled, has another role, or was deleted."""
    user, other = await add_user(identity, 1, role="editor"), await add_user(identity, 2)
    await start_session(identity, user, 11)
    await add_key(identity, user, 12)
    await identity.commit(new_key(user, 21, credential))
    await stop(identity, user)
    entries = len(await identity.security_chain(0, 99))
    by = Author(user.id, "editor", credential)  # type: ignore[arg-type]
    changes = (
        replace(new_key(user, 22, credential), events=(event(),)),
        IdentityChange(author=by, new_key=key_of(other, 23), events=(event(),)),
        IdentityChange(author=by, user=other.set_role("admin", now=LATER), events=(event(),)),
        IdentityChange(author=by, user=other.delete(now=LATER), events=(event(),)),
    )
    for change in changes:
        with pytest.raises(InvalidToken):
            await identity.commit(change)
    assert await identity.api_key(item_id(22)) is await identity.api_key(item_id(23)) is None
    assert await identity.user(other.id) == other
    assert len(await identity.security_chain(0, 99)) == entries


async def test_an_unknown_credential_commits_nothing(identity: IdentityStorage) -> None:
    """A session that was deleted long ago is not there any more."""
    user = await add_user(identity, 1)
    with pytest.raises(InvalidToken):
        await identity.commit(new_key(user, 21))
    assert await identity.api_keys() == []


async def test_the_author_may_change_what_the_change_is_about(identity: IdentityStorage) -> None:
    """What was valid before the change counts: admins may demote and delete themselves."""
    await add_user(identity, 1, role="admin")
    user = await add_user(identity, 2, role="admin")
    await start_session(identity, user, 11)
    change = certain(user.set_role("editor", now=LATER))
    await identity.commit(IdentityChange(author=Author(user.id, "admin", SESSION), user=change))
    deletion = change.subject.delete(now=LATER)
    await identity.commit(IdentityChange(author=Author(user.id, "editor", SESSION), user=deletion))
    assert await identity.user(user.id) is None


async def test_no_key_is_made_after_its_session_ended(rivals: list[IdentityStorage]) -> None:
    """However they fall together: a key exists only if its commit succeeded, and none is made once the session has ended."""
    user = await add_user(rivals[0], 1)
    await start_session(rivals[0], user, 11)
    end = IdentityChange(ends=(SessionEnd(LATER, session_id=SESSION),))
    changes = [new_key(user, number) for number in range(100, 120)]
    errors = await commit_all(rivals, [*changes[:10], end, *changes[10:]])
    assert errors.pop(10) is None
    assert {type(error) for error in errors if error is not None} <= {InvalidToken}
    made = {key.id for key in await rivals[-1].api_keys(user.id)}
    assert made == {item_id(100 + number) for number, error in enumerate(errors) if error is None}
    for storage in rivals:
        with pytest.raises(InvalidToken):
            await storage.commit(new_key(user, 200))
