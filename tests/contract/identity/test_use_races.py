"""The use cases of identity under concurrency, with several processes on one database."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

import pytest

from catalog.application.identity.caller import Caller
from catalog.application.identity.token_pairs import TokenPair
from catalog.domain.errors import StaleVersion
from catalog.domain.identity.api_key import MAX_API_KEYS, NewApiKey
from catalog.domain.identity.errors import (
    EndedSession,
    InvalidCredentials,
    InvalidToken,
    LastAdmin,
    TooManyApiKeys,
    TooManyAttempts,
)
from catalog.domain.identity.user import UserPatch
from catalog.ports.identity.storage import IdentityStorage
from tests.identity_use import CLI, CLIENT, OTHER_PASSWORD, PASSWORD, Process, Shared, eventually

PARALLEL = 50

T = TypeVar("T")


@pytest.fixture
async def processes(rivals: list[IdentityStorage]) -> list[Process]:
    """Several processes that have started, one for each storage."""
    shared = Shared()
    processes = [Process(storage, shared) for storage in rivals]
    await asyncio.gather(*(process.start() for process in processes))
    return processes


async def outcomes(actions: Iterable[Awaitable[T]]) -> tuple[list[T], list[type[BaseException]]]:
    """Run actions at the same time. Return their results and the types of their errors."""
    results: list[T] = []
    errors: list[type[BaseException]] = []
    for outcome in await asyncio.gather(*actions, return_exceptions=True):
        if isinstance(outcome, BaseException):
            errors.append(type(outcome))
        else:
            results.append(outcome)
    return results, errors


def refreshes(processes: list[Process], tokens: list[str]) -> Iterable[Awaitable[TokenPair]]:
    """Return a refresh of each token, on all processes in turn."""
    return (processes[number % len(processes)].sign_in.refresh(token, CLIENT) for number, token in enumerate(tokens))


async def test_processes_that_start_together_share_one_signing_key(processes: list[Process]) -> None:
    """The first one that was stored."""
    (key,) = await processes[0].storage.signing_keys()
    assert [list(process.signer.keys) for process in processes] == [[key]] * len(processes)
    await processes[0].add_user()
    token = (await processes[0].tokens()).access_token
    assert (await processes[-1].recognize(token)).username == "anna"


async def test_fifty_parallel_refreshes_of_one_token(processes: list[Process]) -> None:
    """All get a pair of the same session. When one pair was used, a replay of the first token ends the session."""
    user = await processes[0].add_user()
    first = await processes[0].tokens()
    pairs, errors = await outcomes(refreshes(processes, [first.refresh_token] * PARALLEL))
    assert errors == []
    assert len({pair.refresh_token for pair in pairs} | {first.refresh_token}) == PARALLEL + 1
    (session,) = await processes[1].storage.sessions_of(user.id)
    issued = processes[0].shared.issued
    assert {issued[pair.access_token].session_id for pair in pairs} == {session.id}
    again, errors = await outcomes(refreshes(processes, [pair.refresh_token for pair in pairs]))
    assert (len(again), errors) == (PARALLEL, [])
    replays, errors = await outcomes(refreshes(processes, [first.refresh_token] * PARALLEL))
    assert (replays, set(errors)) == ([], {InvalidToken})
    assert await processes[1].storage.sessions_of(user.id) == []
    rest, errors = await outcomes(refreshes(processes, [pair.refresh_token for pair in again]))
    assert (rest, len(errors)) == ([], PARALLEL)
    reused = await processes[0].log("token.reused")
    assert {(event.subject, event.credential) for event in reused} == {("anna", f"session:{session.id}")}


async def test_fifty_parallel_refreshes_after_the_grace(processes: list[Process]) -> None:
    """All are refused, and the session ends."""
    user = await processes[0].add_user()
    first = await processes[0].tokens()
    successor = await processes[0].sign_in.refresh(first.refresh_token, CLIENT)
    processes[0].clock.move(seconds=11)
    pairs, errors = await outcomes(refreshes(processes, [first.refresh_token] * PARALLEL))
    assert (pairs, set(errors)) == ([], {InvalidToken})
    assert await processes[1].storage.sessions_of(user.id) == []
    with pytest.raises(InvalidToken):
        await processes[1].sign_in.refresh(successor.refresh_token, CLIENT)


async def test_nobody_stays_signed_in_who_is_disabled(processes: list[Process]) -> None:
    """However sign-ins and refreshes fall together with it."""
    user = await processes[0].add_user()
    pairs = [await process.tokens() for process in processes]
    sign_ins = [process.tokens() for process in processes * 3]
    disabling = processes[0].users.update("anna", UserPatch(disabled=True), CLI)
    actions = [*sign_ins[:7], disabling, *sign_ins[7:], *refreshes(processes, [pair.refresh_token for pair in pairs])]
    results, errors = await outcomes(actions)
    assert set(errors) <= {InvalidCredentials, InvalidToken, TooManyAttempts}
    assert any(not isinstance(result, TokenPair) for result in results)
    assert await processes[1].storage.sessions_of(user.id) == []
    for process in processes:
        await process.watch.update()
    for token in processes[0].shared.issued:
        with pytest.raises(InvalidToken):
            await processes[-1].recognize(token)


async def test_parallel_changes_of_a_user_all_count(processes: list[Process]) -> None:
    """Without an expected version, each is decided on what the others left; with one, a single change succeeds."""
    await processes[0].add_user()
    patches = (UserPatch(role="auditor"), UserPatch(password=OTHER_PASSWORD), UserPatch(disabled=True))
    pairs = zip(processes, patches, strict=False)
    _, errors = await outcomes(process.users.update("anna", patch, CLI) for process, patch in pairs)
    assert errors == []
    user = await processes[0].users.get("anna")
    assert (user.role, user.disabled, user.password_hash, user.version) == ("auditor", True, f"a:{OTHER_PASSWORD}", 4)
    roles = ("user", "editor", "admin", "user", "editor")
    _, errors = await outcomes(
        process.users.update("anna", UserPatch(role=role), CLI, versions=[4])  # type: ignore[arg-type]
        for process, role in zip(processes, roles, strict=False)
    )
    assert errors == [StaleVersion] * (len(processes) - 1)


async def test_admins_who_delete_each_other_leave_one(processes: list[Process]) -> None:
    """All of them at the same time."""
    names = [f"root{number}" for number in range(len(processes))]
    for name in names:
        await processes[0].add_user(name, "admin")
    deleted, errors = await outcomes(process.users.delete(name, CLI) for process, name in zip(processes, names, strict=False))
    assert (len(deleted), errors) == (len(processes) - 1, [LastAdmin])
    assert len((await processes[0].users.page("", after=None, limit=9)).users) == 1


async def test_parallel_keys_do_not_exceed_their_number(processes: list[Process]) -> None:
    """Of 60, 50 are made."""
    user = await processes[0].add_user()
    caller = await processes[0].caller()
    actions = (processes[number % len(processes)].keys.create_own(NewApiKey(f"key {number}"), caller) for number in range(60))
    created, errors = await outcomes(actions)
    assert (len(created), errors) == (MAX_API_KEYS, [TooManyApiKeys] * 10)
    assert len(await processes[1].keys.of_user(user.id)) == MAX_API_KEYS


async def test_parallel_changes_of_the_own_password_keep_one_session(processes: list[Process]) -> None:
    """One changes it first, and the other sessions have ended then."""
    user = await processes[0].add_user()
    callers = [await process.caller() for process in processes]
    _, errors = await outcomes(
        process.users.change_own_password(PASSWORD, f"the new sentence {number}", caller)
        for number, (process, caller) in enumerate(zip(processes, callers, strict=True))
    )
    assert len(errors) == len(processes) - 1
    (kept,) = await processes[0].storage.sessions_of(user.id)
    (event,) = await processes[0].log("password.changed")
    assert event.detail == {"session": str(kept.id)}
    number = [caller.principal.credential for caller in callers].index(event.credential)
    await processes[0].tokens(password=f"the new sentence {number}")


async def test_a_running_process_notices_what_another_one_revokes(processes: list[Process]) -> None:
    """Tokens, keys and cookies are refused there without being looked up."""
    first, second = processes[0], processes[-1]
    await first.add_user()
    pair = await first.tokens()
    caller = Caller(await first.recognize(pair.access_token), CLIENT)
    key = (await first.keys.create_own(NewApiKey("key"), caller)).text
    cookie, _ = await first.sign_in.for_browser("anna", PASSWORD, CLIENT)
    credentials = ((pair.access_token, "token"), (key, "token"), (cookie, "cookie"))
    known = [await second.recognize(text, kind) for text, kind in credentials]
    async with second.watch.running(interval=0.01):
        await first.users.update("anna", UserPatch(disabled=True), CLI)

        async def all_are_refused() -> bool:
            return not any(second.authenticator.is_valid(principal) for principal in known)

        await eventually(all_are_refused)
    for text, kind in credentials:
        with pytest.raises((InvalidToken, EndedSession)):
            await second.recognize(text, kind)
