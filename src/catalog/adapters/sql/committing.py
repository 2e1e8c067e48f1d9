"""The commit, as catalog.domain.admission tells it: lock, read the standing, ask, write in bulk, commit once."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import String, bindparam, cast, delete, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.adapters.sql.flavour import Flavour
from catalog.adapters.sql.rows import from_entry, from_item
from catalog.adapters.sql.tables import change_log, items, log_head
from catalog.domain.admission import Admission, Outcome, Standing, admit, named
from catalog.domain.changelog import ChangeSet
from catalog.domain.errors import SchemaOutdated
from catalog.domain.search import SearchWords

_CHANGED = (
    "sku",
    "name",
    "name_key",
    "description",
    "category",
    "currency",
    "price_minor",
    "attributes",
    "version",
    "updated_at",
)
_UPDATE = update(items).where(items.c.id == bindparam("key")).values({name: bindparam(name) for name in _CHANGED})
_HEAD = update(log_head).values(seq=bindparam("head"))

# A SKU that is given up in a batch may be taken up in the same batch, by another row. So the rows that change theirs
# first get one that no item can have.
_PARKED = literal("~") + cast(items.c.id, String)


async def write(connection: AsyncConnection, batch: Sequence[ChangeSet], flavour: Flavour) -> Sequence[Outcome]:
    """Write what is admitted of a batch, inside the transaction that the connection is in."""
    head = await connection.scalar(flavour.lock_head)
    if head is None:
        message = "The table log_head is empty; restore it from a backup."
        raise SchemaOutdated(message)
    ids, skus = named(batch)
    named_items = select(items.c.id, items.c.version, items.c.seq).where(flavour.among(items.c.id, "ids"))
    rows = (await connection.execute(named_items, {"ids": flavour.listed(ids)})).all()
    named_skus = select(items.c.sku, items.c.id).where(flavour.among(items.c.sku, "skus"))
    owners = (await connection.execute(named_skus, {"skus": flavour.listed(skus)})).all()
    standing = Standing(head, {row.id: row.version for row in rows}, {row.sku: row.id for row in owners})
    admission = admit(batch, standing)
    if admission.entries:
        await _apply(connection, admission, {row.id: row.seq for row in rows}, flavour)
    return admission.outcomes


async def _apply(connection: AsyncConnection, admission: Admission, seqs: dict[UUID, int], flavour: Flavour) -> None:
    """Write the net of a batch: first what frees SKUs, then what takes them."""
    if admission.removed:
        gone = {"gone": flavour.listed([seqs[item_id] for item_id in admission.removed])}
        await connection.execute(delete(flavour.words).where(flavour.among(flavour.words_key, "gone")), gone)
        await connection.execute(delete(items).where(flavour.among(items.c.seq, "gone")), gone)
    if admission.renamed:
        parked = update(items).where(flavour.among(items.c.id, "renamed")).values(sku=_PARKED)
        await connection.execute(parked, {"renamed": flavour.listed(admission.renamed)})
    if admission.changed:
        rows = [from_item(net.subject) | {"key": net.subject.id} for net in admission.changed]
        await connection.execute(_UPDATE, rows)
    if admission.born:
        await connection.execute(insert(items), [from_item(born.item) | {"seq": born.seq} for born in admission.born])
    await _index(connection, admission, seqs, flavour)
    await connection.execute(insert(change_log), [from_entry(entry) for entry in admission.entries])
    await connection.execute(_HEAD, {"head": admission.entries[-1].seq})


async def _index(connection: AsyncConnection, admission: Admission, seqs: dict[UUID, int], flavour: Flavour) -> None:
    """Bring the search index along; an item whose words stayed is left alone."""
    added = [_words(SearchWords.of(born.item), seq=born.seq) for born in admission.born]
    changed = []
    for net in admission.changed:
        words = SearchWords.of(net.subject)
        if net.before is None or words != SearchWords.of(net.before):
            changed.append(_words(words, key=seqs[net.subject.id]))
    if added:
        await connection.execute(flavour.insert_words, added)
    if changed:
        await connection.execute(flavour.update_words, changed)


def _words(words: SearchWords, **key: int) -> dict[str, Any]:
    return {"name": words.name, "text": words.text, **key}
