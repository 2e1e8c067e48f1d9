"""Reads the chain of digests over the log."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select

from catalog.adapters.sql.log_chain import as_bytes, change_digest, entry_content, origin_content, parse_chain_end
from catalog.adapters.sql.schema.tables import THE_HEAD, change_log, log_head
from catalog.domain.change import Origin
from catalog.domain.changes.log import MAX_SEQ
from catalog.domain.hash_chain import ChainEnd, Link

CHAIN_ENDS = select(
    log_head.c.seq, log_head.c.chain_end, log_head.c.floor, as_bytes(log_head.c.floor_digest), log_head.c.chained_from
).where(THE_HEAD)
"""Selects where the chain starts and ends."""


def to_chain_ends(row: Sequence[Any]) -> tuple[ChainEnd, ChainEnd]:
    """Return where the chain starts and where it ends, from a row of CHAIN_ENDS."""
    seq, chain_end, floor, floor_digest, chained_from = row
    start = ChainEnd(floor, floor_digest or b"") if floor > chained_from else ChainEnd(chained_from)
    return start, parse_chain_end(chain_end, seq)


def links_statement(after: int, limit: int) -> Select[Any]:
    """Select entries with their digests."""
    log = change_log.c
    columns = (log.seq, log.kind, log.subject_id, log.key, log.version, log.at, log.before, log.after)
    origin = (log.actor, log.request_id, log.credential, log.address)
    return select(*columns, *origin, as_bytes(log.digest)).where(log.seq > min(after, MAX_SEQ - 1)).order_by(log.seq).limit(limit)


def to_link(row: Sequence[Any]) -> Link:
    """Return the link of a row of `links_statement`."""
    seq, *change, actor, request_id, credential, address, digest = row
    origin = origin_content(Origin(actor, request_id, credential, address))
    return Link(seq, entry_content(seq, origin, change_digest(change)), digest)
