"""The commit, as catalog.domain.admission tells it: lock, read the standing, ask, write in bulk, commit once."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Delete, Dialect, Insert, Select, String, Update, bindparam, cast, delete, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from catalog.adapters.sql.direct import Direct
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


class Committing:
    """The statements of a commit, compiled once, and the way through them."""

    def __init__(self, flavour: Flavour, dialect: Dialect) -> None:
        """Compile for a database."""

        def compiled(statement: Select[Any] | Insert | Update | Delete) -> Direct:
            return Direct(statement, dialect)

        self._flavour = flavour
        self._versions = compiled(select(items.c.id, items.c.version, items.c.seq).where(flavour.among(items.c.id, "ids")))
        self._owners = compiled(select(items.c.sku, items.c.id).where(flavour.among(items.c.sku, "skus")))
        self._remove_words = compiled(delete(flavour.words).where(flavour.among(flavour.words_key, "gone")))
        self._remove_items = compiled(delete(items).where(flavour.among(items.c.seq, "gone")))
        self._park = compiled(update(items).where(flavour.among(items.c.id, "renamed")).values(sku=_PARKED))
        self._change_items = compiled(_UPDATE)
        self._add_items = compiled(insert(items))
        self._add_words = compiled(flavour.insert_words)
        self._change_words = compiled(flavour.update_words)
        self._add_entries = compiled(insert(change_log))
        self._move_head = compiled(_HEAD)

    async def write(self, connection: AsyncConnection, batch: Sequence[ChangeSet]) -> Sequence[Outcome]:
        """Write what is admitted of a batch, inside the transaction that the connection is in."""
        # SQLAlchemy runs this one: with it, it begins the transaction at the driver, where it has not done so yet.
        head = await connection.scalar(self._flavour.lock_head)
        if head is None:
            message = "The table log_head is empty; restore it from a backup."
            raise SchemaOutdated(message)
        driver = (await connection.get_raw_connection()).driver_connection
        ids, skus = named(batch)
        versions = await self._fetch(driver, self._versions, {"ids": self._flavour.listed(ids)})
        owners = await self._fetch(driver, self._owners, {"skus": self._flavour.listed(skus)})
        standing = Standing(head, {item_id: version for item_id, version, _ in versions}, dict(map(tuple, owners)))
        admission = admit(batch, standing)
        if admission.entries:
            await self._apply(driver, admission, {item_id: seq for item_id, _, seq in versions})
        return admission.outcomes

    async def _apply(self, driver: Any, admission: Admission, seqs: dict[UUID, int]) -> None:  # noqa: ANN401 - a driver's
        """Write the net of a batch: first what frees SKUs, then what takes them."""
        if admission.removed:
            gone = [{"gone": self._flavour.listed([seqs[item_id] for item_id in admission.removed])}]
            await self._run(driver, self._remove_words, gone)
            await self._run(driver, self._remove_items, gone)
        if admission.renamed:
            await self._run(driver, self._park, [{"renamed": self._flavour.listed(admission.renamed)}])
        changed = [from_item(net.subject) | {"key": net.subject.id} for net in admission.changed]
        await self._run(driver, self._change_items, changed)
        await self._run(driver, self._add_items, [from_item(born.item) | {"seq": born.seq} for born in admission.born])
        await self._run(driver, self._add_words, [_words(SearchWords.of(born.item), seq=born.seq) for born in admission.born])
        await self._run(driver, self._change_words, _changed_words(admission, seqs))
        await self._run(driver, self._add_entries, [from_entry(entry) for entry in admission.entries])
        await self._run(driver, self._move_head, [{"head": admission.entries[-1].seq}])

    async def _fetch(self, driver: Any, statement: Direct, values: Mapping[str, Any]) -> list[Sequence[Any]]:  # noqa: ANN401 - a driver's
        return statement.rows(await self._flavour.fetch(driver, statement.sql, statement.parameters(values)))

    async def _run(self, driver: Any, statement: Direct, rows: Sequence[Mapping[str, Any]]) -> None:  # noqa: ANN401 - a driver's
        if rows:
            await self._flavour.execute_many(driver, statement.sql, [statement.parameters(row) for row in rows])


def _changed_words(admission: Admission, seqs: Mapping[UUID, int]) -> list[dict[str, Any]]:
    """Return the index rows of changed items; an item whose words stayed is left alone."""
    changed = []
    for net in admission.changed:
        words = SearchWords.of(net.subject)
        if net.before is None or words != SearchWords.of(net.before):
            changed.append(_words(words, key=seqs[net.subject.id]))
    return changed


def _words(words: SearchWords, **key: int) -> dict[str, Any]:
    return {"name": words.name, "text": words.text, **key}
