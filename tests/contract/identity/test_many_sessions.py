"""Sessions are bounded, so that a change of their user is a short transaction; and those that ended cost nothing."""

import sqlite3
from pathlib import Path

from catalog.domain.identity.changes import IdentityChange, SessionEnd
from catalog.domain.identity.session import MAX_SESSIONS
from catalog.ports.identity.storage import IdentityStorage
from tests.contract.identity.making import add_user, seconds, start_session
from tests.making import NOON, certain

LATER = NOON + seconds(10_000)


async def test_a_user_with_all_the_sessions_there_may_be_is_disabled(identity: IdentityStorage) -> None:
    """However often the user signed in: what is read, ended and revoked is bounded."""
    user = await add_user(identity, 1)
    started = [
        await start_session(identity, user, 1_000 + number, at=NOON + seconds(number)) for number in range(MAX_SESSIONS + 20)
    ]
    live = await identity.sessions_of(user.id)
    assert [session.id for session in live] == [session.id for session in reversed(started[20:])]
    change = certain(user.set_disabled(disabled=True, now=LATER))
    revoked = await identity.commit(IdentityChange(user=change, ends=(SessionEnd(LATER, user_id=user.id),)))
    assert revoked.ids == {session.id for session in live}
    assert revoked.seq == len(started)
    assert await identity.sessions_of(user.id) == []


async def test_sessions_that_ended_are_skipped_by_the_index(sqlite_template: Path) -> None:
    """They are kept for a day, and may be many. Every sign-in looks for the user's live sessions while it holds the lock."""
    with sqlite3.connect(sqlite_template) as connection:
        sql = "SELECT id FROM sessions WHERE user_id = ? AND ended_at IS NULL ORDER BY created_at DESC, id DESC"
        steps = [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {sql}", ("",))]
    connection.close()
    assert steps[0] == "SEARCH sessions USING INDEX sessions_user (user_id=? AND ended_at=?)"
