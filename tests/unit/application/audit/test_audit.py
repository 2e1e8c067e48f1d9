"""The audit: both streams by time, filters, cursors, and bounded work per page."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from catalog.application.audit import audit as module
from catalog.application.audit.audit import Audit
from catalog.application.audit.request import AuditCursor, AuditRequest
from catalog.domain.change import Origin
from catalog.domain.changes.log import ChangeSet
from catalog.domain.errors import InvalidCursor, InvalidQuery
from catalog.domain.identity.audit import AuditEvent
from catalog.domain.identity.security_log import SecurityEvent
from catalog.entrypoints.identity_plugins import open_identity
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.identity.storage import IdentityStorage
from catalog.ports.storage import Storage, StorageOptions
from tests.making import NOON, category, creation

MINUTE = timedelta(minutes=1)


class Logs:
    """Both logs. Times are minutes after noon."""

    def __init__(self) -> None:
        """Start with empty logs."""
        self.storage: Storage = open_store(StorageOptions("memory://"))
        self.identity: IdentityStorage = open_identity(StorageOptions("memory://"))
        self.audit = Audit(self.storage, self.identity)

    async def change(self, number: int, minute: int, actor: str = "anna") -> None:
        """Create an item."""
        origin = Origin(actor, f"request-{number}", "key:1", "192.0.2.1")
        await self.storage.commit([ChangeSet((creation(number, NOON + minute * MINUTE),), origin)])

    async def event(self, minute: int, **fields: str) -> None:
        """Record a security event."""
        at = NOON + minute * MINUTE
        await self.identity.record([SecurityEvent(action=fields.pop("action", "user.created"), at=at, **fields)])  # type: ignore[arg-type]

    async def all_pages(self, **parameters: str) -> list[list[str]]:
        """Return the events of every page."""
        pages = []
        cursor = ""
        while True:
            page = await self.audit.page(AuditRequest.parse({**parameters, "cursor": cursor}))
            pages.append(names(page.events))
            assert len(pages) < 100
            if page.next_cursor is None:
                return pages
            cursor = str(page.next_cursor)

    async def all(self, **parameters: str) -> list[str]:
        """Return the events of every page together."""
        return [name for page in await self.all_pages(**parameters) for name in page]


def names(events: object) -> list[str]:
    """Return the stream and number of each event: c1, s2, …."""
    assert isinstance(events, list)
    return [f"{event.stream[0]}{event.seq}" for event in events]


@pytest.fixture
async def logs() -> Logs:
    """Four changes and four events at minutes 0 to 7, by turns."""
    logs = Logs()
    for number in range(4):
        await logs.change(number + 1, 2 * number, actor="anna" if number % 2 else "berta")
        await logs.event(2 * number + 1, actor="anna", result="failure", address="192.0.2.2", subject="x")
    return logs


EVERYTHING = ["s4", "c4", "s3", "c3", "s2", "c2", "s1", "c1"]


async def test_both_streams_are_shown_by_time(logs: Logs) -> None:
    """The newest first. A change has the fields of its origin."""
    assert await logs.all() == EVERYTHING
    page = await logs.audit.page(AuditRequest(limit=2))
    assert page.events[1] == AuditEvent(
        "catalog",
        4,
        SecurityEvent(
            action="item.created",
            at=NOON + 6 * MINUTE,
            actor="anna",
            credential="key:1",
            address="192.0.2.1",
            request_id="request-4",
            subject="S-4",
            detail={"id": str(creation(4).subject.id), "version": 1},
        ),
    )


async def test_categories_are_shown_with_their_slugs(logs: Logs) -> None:
    """Their subject is the slug."""
    await logs.storage.commit([ChangeSet((category("lamps"),), Origin("anna"))])
    assert await logs.all(subject="lamps") == ["c5"]


async def test_empty_logs_have_one_empty_page() -> None:
    """There is nothing to go on with."""
    assert await Logs().all_pages() == [[]]


@pytest.mark.parametrize("limit", range(1, 10))
@pytest.mark.parametrize("window", [1, 3, 500])
async def test_pages_have_every_event_once(logs: Logs, limit: int, window: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With any limit, and however little of the log is scanned for a page."""
    monkeypatch.setattr(module, "WINDOW", window)
    monkeypatch.setattr(module, "MAX_WINDOWS", 2)
    pages = await logs.all_pages(limit=str(limit))
    assert [name for page in pages for name in page] == EVERYTHING
    assert max(map(len, pages)) <= limit


async def test_a_cursor_is_stable_while_events_arrive(logs: Logs) -> None:
    """What is new does not move the following pages."""
    first = await logs.audit.page(AuditRequest(limit=3))
    assert names(first.events) == EVERYTHING[:3]
    await logs.change(9, 9)
    await logs.event(10)
    assert first.next_cursor is not None
    second = await logs.audit.page(AuditRequest(cursor=first.next_cursor))
    assert names(second.events) == EVERYTHING[3:]
    assert second.next_cursor is None


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"stream": "catalog"}, ["c4", "c3", "c2", "c1"]),
        ({"stream": "security"}, ["s4", "s3", "s2", "s1"]),
        ({"actor": "berta"}, ["c3", "c1"]),
        ({"actor": "anna", "result": "success"}, ["c4", "c2"]),
        ({"result": "failure"}, ["s4", "s3", "s2", "s1"]),
        ({"result": "denied"}, []),
        ({"action": "item.created", "limit": "3"}, ["c4", "c3", "c2", "c1"]),
        ({"action": "user.created"}, ["s4", "s3", "s2", "s1"]),
        ({"subject": "S-2"}, ["c2"]),
        ({"subject": str(creation(2).subject.id)}, ["c2"]),
        ({"subject": "x"}, ["s4", "s3", "s2", "s1"]),
        ({"address": "192.0.2.1", "actor": "anna"}, ["c4", "c2"]),
        ({"since": "2026-11-20T12:05:00Z"}, None),
        ({"until": "2026-11-20T12:02:00Z"}, None),
    ],
)
async def test_filters_select(logs: Logs, parameters: dict[str, str], expected: list[str] | None) -> None:
    """Each filter selects in both streams."""
    if expected is None:
        bound = NOON + (5 if "since" in parameters else 2) * MINUTE
        name = next(iter(parameters))
        expected = ["s4", "c4", "s3"] if name == "since" else ["s1", "c1"]
        parameters = {name: bound.isoformat()}
    assert await logs.all(**parameters) == expected


async def test_a_page_reads_a_bounded_part_of_the_log(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may be empty although there are more. Events of the other stream wait until their turn."""
    monkeypatch.setattr(module, "WINDOW", 1)
    monkeypatch.setattr(module, "MAX_WINDOWS", 1)
    assert await logs.all_pages(stream="catalog", subject="S-1") == [[], [], [], ["c1"]]
    assert await logs.all_pages(subject="S-1") == [[], [], [], ["c1"]]
    assert await logs.all_pages(actor="anna", limit="9") == [["s4", "c4"], ["s3"], ["s2", "c2"], ["s1"]]


async def test_the_time_span_bounds_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end is found by bisection, and reading stops at the beginning, with an hour of tolerance for clocks."""
    logs = Logs()
    for number in range(1, 41):
        await logs.change(number, 60 * number)
    monkeypatch.setattr(module, "WINDOW", 1)
    monkeypatch.setattr(module, "MAX_WINDOWS", 5)
    since, until = (NOON + hours * timedelta(hours=1) for hours in (9, 11))
    assert await logs.all_pages(since=since.isoformat(), until=until.isoformat()) == [["c10", "c9"]]


async def test_times_may_be_out_of_order(logs: Logs) -> None:
    """The clocks of processes differ. Numbers decide within a stream."""
    await logs.change(5, -30)
    assert await logs.all() == ["s4", "s3", "s2", "s1", "c5", "c4", "c3", "c2", "c1"]
    assert await logs.all(stream="catalog", until=(NOON + MINUTE).isoformat()) == ["c5", "c1"]


async def test_pruned_entries_are_not_shown(logs: Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading stops at the first entry that is left."""
    await logs.storage.prune(2)
    await logs.identity.prune_security_log(2)
    assert await logs.all() == EVERYTHING[:4]
    assert await logs.all(until=(NOON + 5 * MINUTE).isoformat()) == ["c3"]
    monkeypatch.setattr(module, "WINDOW", 1)
    assert await logs.all() == EVERYTHING[:4]
    await logs.storage.prune(4)
    assert await logs.all(stream="catalog", until=NOON.isoformat()) == []


async def test_a_storage_without_identity_has_changes_only(logs: Logs) -> None:
    """The security log may be missing."""
    logs.audit = Audit(logs.storage, None)
    assert await logs.all() == ["c4", "c3", "c2", "c1"]


async def test_the_ends_of_time_are_allowed(logs: Logs) -> None:
    """A span may be as long as times can be."""
    assert await logs.all(since="0001-01-01", until="9999-12-31T23:59:59.999999Z") == EVERYTHING
    latest = datetime.max.replace(tzinfo=UTC)
    request = AuditRequest.parse({})
    bounded = replace(request.audit_filter, until=latest)
    assert len((await logs.audit.page(replace(request, audit_filter=bounded))).events) == 8


def test_every_invalid_parameter_is_reported() -> None:
    """Names are suggested."""
    with pytest.raises(InvalidQuery) as caught:
        AuditRequest.parse(
            {"stream": "catalogue", "action": "user.create", "result": "ok", "since": "x", "until": "y", "limit": "0", "who": "x"}
        )
    codes = [error.code for error in caught.value.errors]
    assert sorted(codes) == [
        "invalid_time",
        "invalid_time",
        "out_of_range",
        "unknown_action",
        "unknown_parameter",
        "unknown_result",
        "unknown_stream",
    ]
    assert "did you mean catalog" in next(error.message for error in caught.value.errors if error.code == "unknown_stream")


def test_empty_parameters_count_as_missing() -> None:
    """Forms send them."""
    assert AuditRequest.parse({"actor": "", "limit": "", "cursor": ""}) == AuditRequest()


@pytest.mark.parametrize("text", ["x", "1", "1.", "-1.0", "1.2.3", "1.9999999999999999999", "²1.0"])
def test_a_damaged_cursor_is_refused(text: str) -> None:
    """It is two numbers."""
    with pytest.raises(InvalidCursor):
        AuditRequest.parse({"cursor": text})
    assert AuditCursor.parse(str(AuditCursor(2**63, 0))) == AuditCursor(2**63, 0)
