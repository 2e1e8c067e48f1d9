"""The content of entries of the change log: the digests of existing databases depend on every byte of it."""

from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from hypothesis import example, given
from hypothesis import strategies as st

from catalog.adapters.sql.log_chain import change_digest, entry_content, origin_content
from catalog.domain.change import Origin
from catalog.domain.hash_chain import next_digest

ID = UUID("01a2232b-fda9-7055-99ca-dfd429788e0e")


def test_the_digest_of_an_entry_never_changes() -> None:
    """An entry that a released version has written has this digest, so verification has to compute the same."""
    at = datetime(2026, 11, 28, 17, 20, 15, 273609, UTC)
    change = change_digest(("item.updated", ID, "M-100", 2, at, '{"name":"Öl"}', '{"name":"Öl 🙂"}'))
    content = entry_content(7, origin_content(Origin("anna", "request", None, "192.0.2.1")), change)
    assert content == b'7 ["anna","request",null,"192.0.2.1"]' + change
    assert next_digest(bytes(32), content).hex() == "47ef46ccc0e7b9e7cd72ea60b121c06a4aec62d877bce4b66b14c53dd4823464"


@given(st.datetimes(timezones=st.just(UTC)))
@example(datetime(2026, 11, 28, tzinfo=UTC))
@example(datetime(1, 1, 1, 0, 0, 0, 1, UTC))
def test_a_time_is_digested_as_isoformat_writes_it(at: datetime) -> None:
    """With an offset, and with microseconds unless there are none. Missing states are empty."""
    text = f"item.deleted\x1fM-100\x1f3\x1f{at.isoformat()}\x1f{{}}\x1f"
    assert change_digest(("item.deleted", ID, "M-100", 3, at, "{}", None)) == sha256(ID.bytes + text.encode()).digest()
