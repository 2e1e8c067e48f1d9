"""The security log's chain, its filters, and the messages of errors."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.domain.errors import CatalogError
from catalog.domain.hash_chain import ChainEnd, follow, next_digest
from catalog.domain.identity import errors
from catalog.domain.identity.audit import EVERY_EVENT, STREAMS, AuditFilter
from catalog.domain.identity.chain import append, canonical, to_link
from catalog.domain.identity.security_log import RESULTS, SECURITY_ACTIONS, SecurityEntry, SecurityEvent
from tests.making import NOON, item_id

EVENT = SecurityEvent(action="access.denied", at=NOON, result="denied", actor="anna", subject="berta", address="192.0.2.1")


def chain_of(count: int) -> list[SecurityEntry]:
    """Return the entries of a log."""
    return append(ChainEnd(), [replace(EVENT, count=number) for number in range(1, count + 1)])


def test_a_chain_continues_from_its_head() -> None:
    """It does not matter how many events are appended at a time."""
    whole = chain_of(5)
    first, rest = whole[:2], whole[2:]
    assert append(ChainEnd(2, first[1].digest), tuple(entry.event for entry in rest)) == rest
    assert first[0].digest == next_digest(b"", canonical(1, whole[0].event))
    assert follow(ChainEnd(), map(to_link, whole))[1] is None
    assert follow(ChainEnd(2, first[1].digest), map(to_link, rest))[1] is None
    assert follow(ChainEnd(), [])[1] is None


@given(st.integers(0, 5), st.sampled_from(["alter", "digest", "remove", "insert", "swap"]))
def test_the_first_fault_is_found(position: int, kind: str) -> None:
    """Whatever is altered, removed or inserted: the number of the first wrong entry is found."""
    entries = chain_of(7)
    entry = entries[position]
    if kind == "alter":
        entries[position] = replace(entry, event=replace(entry.event, actor="nobody"))
    elif kind == "digest":
        entries[position] = replace(entry, digest=entry.digest[::-1])
    elif kind == "remove":
        del entries[position]
    elif kind == "insert":
        entries.insert(position, replace(entry, event=EVENT))
    else:
        entries[position : position + 2] = [entries[position + 1], entry]
    assert follow(ChainEnd(), map(to_link, entries))[1] == position + 1


@pytest.mark.parametrize(
    "changed",
    [
        {"action": "x"},
        {"at": NOON + timedelta.resolution},
        {"result": "success"},
        {"actor": None},
        {"credential": "x"},
        {"address": "x"},
        {"request_id": "x"},
        {"subject": "anna"},
        {"detail": {"a": 1}},
        {"detail": {"a": "1"}},
        {"count": 2},
    ],
)
def test_the_digest_covers_every_field(changed: dict[str, object]) -> None:
    """Two events that differ in any field have different contents."""
    assert canonical(1, EVENT) != canonical(1, replace(EVENT, **changed))  # type: ignore[arg-type]
    assert canonical(1, EVENT) != canonical(2, EVENT)


def test_the_content_does_not_depend_on_the_order_of_details() -> None:
    """Stores may return them in any order. A lone surrogate is no error."""
    assert canonical(1, replace(EVENT, detail={"a": 1, "b": 2})) == canonical(1, replace(EVENT, detail={"b": 2, "a": 1}))
    assert canonical(1, replace(EVENT, actor="\ud800"))


@pytest.mark.parametrize(
    ("audit_filter", "matches"),
    [
        (EVERY_EVENT, True),
        (AuditFilter(actor="anna", action="access.denied", subject="berta", result="denied", address="192.0.2.1"), True),
        (AuditFilter(actor="x"), False),
        (AuditFilter(action="x"), False),
        (AuditFilter(subject="x"), False),
        (AuditFilter(result="success"), False),
        (AuditFilter(address="x"), False),
        (AuditFilter(since=NOON), True),
        (AuditFilter(since=NOON + timedelta.resolution), False),
        (AuditFilter(until=NOON + timedelta.resolution), True),
        (AuditFilter(until=NOON), False),
    ],
)
def test_a_filter_selects_events(audit_filter: AuditFilter, matches: bool) -> None:  # noqa: FBT001 - a column of the table
    """Every field that is set must match; `until` is exclusive."""
    assert audit_filter.matches(EVENT) is matches


def test_the_words_of_the_log() -> None:
    """Actions are unique, and results and streams are those of the API."""
    assert len(set(SECURITY_ACTIONS)) == len(SECURITY_ACTIONS) == 18
    assert RESULTS == ("success", "failure", "denied")
    assert STREAMS == ("catalog", "security")


ERRORS: list[tuple[CatalogError, str]] = [
    (errors.Unauthenticated(), "unauthenticated"),
    (errors.InvalidToken(), "invalid_token"),
    (errors.InvalidSetupToken(), "invalid_token"),
    (errors.ExpiredToken(), "expired_token"),
    (errors.InvalidCredentials(), "invalid_credentials"),
    (errors.InsufficientScope("items:write"), "insufficient_scope"),
    (errors.CredentialNotAllowed(), "credential_not_allowed"),
    (errors.WrongPassword(), "invalid_credentials"),
    (errors.CrossSite(), "cross_site"),
    (errors.SeveralCredentials(), "several_credentials"),
    (errors.TooManyAttempts(7), "too_many_attempts"),
    (errors.TooManyRequests(7), "too_many_requests"),
    (errors.WeakPassword("Too short.", ("new",)), "weak_password"),
    (errors.UserNotFound("x" * 999), "user_not_found"),
    (errors.SessionNotFound(item_id(1)), "session_not_found"),
    (errors.ApiKeyNotFound(item_id(1)), "api_key_not_found"),
    (errors.UsernameTaken("anna"), "username_taken"),
    (errors.LastAdmin("anna"), "last_admin"),
    (errors.TooManyApiKeys(50), "too_many_api_keys"),
]


@pytest.mark.parametrize(("error", "code"), ERRORS)
def test_every_error_has_a_code_and_a_short_message(error: CatalogError, code: str) -> None:
    """Codes are stable, and messages are sentences."""
    message = str(error)
    assert message.endswith(".")
    assert len(message) < 200
    assert {error.code} | {fault.code for fault in getattr(error, "errors", ())} == {code}
