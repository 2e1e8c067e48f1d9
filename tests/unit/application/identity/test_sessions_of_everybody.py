"""Sessions of all users: what an administrator lists and ends on the command line."""

from datetime import timedelta

import pytest

from catalog.domain.identity.errors import SessionNotFound
from tests.identity_use import CLI, FlakyIdentity, Process
from tests.making import item_id


async def test_live_sessions_of_all_users_are_read_at_once(process: Process, storage: FlakyIdentity) -> None:
    """Without those that expired, and without a query for each user."""
    users = [await process.add_user(name) for name in ("zoe", "anna")]
    await process.tokens("zoe")
    process.clock.time += timedelta(days=7)
    await process.tokens("anna")
    await process.tokens("zoe")
    storage.calls.clear()
    found = await process.sessions.of_everybody()
    assert [(session.created_at, user) for session, user in found] == [(process.clock.now(), user) for user in reversed(users)]
    assert storage.calls == ["all_sessions"]


async def test_a_session_of_anybody_is_found(process: Process) -> None:
    """As long as it is live."""
    user = await process.add_user()
    await process.tokens()
    (session,) = await process.sessions.of_user(user.id)
    assert await process.sessions.find(session.id) == (session, user)
    await process.sessions.end_of(user, CLI, session.id)
    for session_id in (session.id, item_id(99)):
        with pytest.raises(SessionNotFound):
            await process.sessions.find(session_id)
