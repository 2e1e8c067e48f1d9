"""The commit, as catalog.domain.admission tells it: lock, read the standing, ask, write in bulk, commit once."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CompoundSelect,
    Delete,
    Dialect,
    Insert,
    Select,
    String,
    Update,
    cast,
    delete,
    literal,
    null,
    select,
    union_all,
    update,
)

from catalog.adapters.sql.direct import Direct
from catalog.adapters.sql.flavour import Flavour, Statement
from catalog.adapters.sql.rows import from_entry, from_item
from catalog.adapters.sql.tables import change_log, items, log_head
from catalog.adapters.sql.watching import EMPTY
from catalog.domain.admission import Admission, Outcome, Standing, admit, named
from catalog.domain.changelog import ChangeSet
from catalog.domain.errors import SchemaOutdated
from catalog.domain.item import touched
from catalog.domain.search import SEARCHED, SearchWords

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

# A SKU that is given up in a batch may be taken up in the same batch, by another row. So the rows that change theirs
# first get one that no item can have.
_PARKED = literal("~") + cast(items.c.id, String)


class Stood(NamedTuple):
    """What a transaction found when it began: the standing of what a batch names, and the items' places in the table."""

    standing: Standing
    seqs: Mapping[UUID, int]


class Committing:
    """The statements of a commit, compiled once, and the way through them."""

    def __init__(self, flavour: Flavour, dialect: Dialect) -> None:
        """Compile for a database."""

        def compiled(statement: Select[Any] | CompoundSelect[Any] | Insert | Update | Delete) -> Direct:
            return Direct(statement, dialect)

        self._flavour = flavour
        # Three questions in one, each with an index of its own: with OR, Postgres read the whole table.
        standing = select(items.c.id, items.c.version, items.c.sku, items.c.seq, cast(null(), BigInteger).label("head"))
        self._standing = compiled(
            union_all(
                standing.where(flavour.among(items.c.id, "ids")),
                standing.where(flavour.among(items.c.sku, "skus")),
                select(null(), null(), null(), null(), log_head.c.seq),
            )
        )
        self._remove_words = compiled(delete(flavour.words).where(flavour.among(flavour.words_key, "gone")))
        self._remove_items = compiled(delete(items).where(flavour.among(items.c.seq, "gone")))
        self._park = compiled(update(items).where(flavour.among(items.c.id, "renamed")).values(sku=_PARKED))
        self._change_items = compiled(flavour.update(items, items.c.id, _CHANGED))
        self._add_items = compiled(flavour.insert(items))
        self._add_words = compiled(flavour.insert_words)
        self._change_words = compiled(flavour.update_words)
        self._add_entries = compiled(flavour.insert(change_log))
        self._move_head = compiled(flavour.move_head)

    async def begin(self, driver: Any, batch: Sequence[ChangeSet]) -> Stood:  # noqa: ANN401 - a driver's connection
        """Begin a transaction, take the lock, and read the standing of what the batch names."""
        ids, skus = named(batch)
        values = {"ids": self._flavour.listed(ids), "skus": self._flavour.listed(skus)}
        rows = self._standing.rows(await self._flavour.begin(driver, self._standing.sql, self._standing.parameters(values)))
        head = next((row[4] for row in rows if row[4] is not None), None)
        if head is None:
            raise SchemaOutdated(EMPTY)
        found = [row for row in rows if row[0] is not None]
        versions = {item_id: version for item_id, version, _, _, _ in found}
        owners = {sku: item_id for item_id, _, sku, _, _ in found}
        return Stood(Standing(head, versions, owners), {item_id: seq for item_id, _, _, seq, _ in found})

    async def finish(self, driver: Any, batch: Sequence[ChangeSet], stood: Stood) -> Sequence[Outcome]:  # noqa: ANN401 - likewise
        """Write what is admitted of the batch, and commit."""
        admission = admit(batch, stood.standing)
        await self._flavour.finish(driver, self._writes(admission, stood.seqs) if admission.entries else [])
        return admission.outcomes

    def _writes(self, admission: Admission, seqs: Mapping[UUID, int]) -> list[list[Statement]]:
        """List the statements that write the net of a batch, in two steps: what frees SKUs, then what takes them."""
        frees: list[Statement] = []
        if admission.removed:
            gone = self._flavour.listed([seqs[item_id] for item_id in admission.removed])
            frees += (_once(self._remove_words, gone=gone), _once(self._remove_items, gone=gone))
        if admission.renamed:
            frees.append(_once(self._park, renamed=self._flavour.listed(admission.renamed)))
        takes: list[Statement] = []

        def each(statement: Direct, rows: Sequence[Mapping[str, Any]]) -> None:
            if rows:
                takes.append((statement.sql, self._flavour.bulk(statement, rows)))

        each(self._change_items, [from_item(net.subject) | {"key": net.subject.id} for net in admission.changed])
        each(self._add_items, [from_item(born.item) | {"seq": born.seq} for born in admission.born])
        each(self._add_words, [_words(SearchWords.of(born.item), born.seq) for born in admission.born])
        each(self._change_words, _changed_words(admission, seqs))
        each(self._add_entries, [from_entry(entry) for entry in admission.entries])
        takes.append(_once(self._move_head, head=admission.entries[-1].seq))
        return [frees, takes] if frees else [takes]


def _once(statement: Direct, **values: Any) -> Statement:  # noqa: ANN401 - whatever the driver takes
    """Have a statement run once."""
    return statement.sql, [statement.parameters(values)]


def _changed_words(admission: Admission, seqs: Mapping[UUID, int]) -> list[dict[str, Any]]:
    """Return the index rows of changed items; an item of which nothing that is searched was touched is left alone."""
    return [
        _words(SearchWords.of(net.subject), seqs[net.subject.id])
        for net in admission.changed
        if net.before is None or not touched(net.before, net.subject).isdisjoint(SEARCHED)
    ]


def _words(words: SearchWords, seq: int) -> dict[str, Any]:
    return {"seq": seq, "name": words.name, "text": words.text}
