"""The rows that a commit plan writes: items and what is derived from them, and log entries."""

from collections.abc import Iterator, Mapping
from uuid import UUID

from catalog.adapters.sql.writes.prepared_rows import PreparedRows, Row
from catalog.domain.changes.commit_plan import CommitPlan
from catalog.domain.hash_chain import ChainEnd
from catalog.domain.items.attributes import sort_key
from catalog.domain.items.item import Item, changed_fields
from catalog.domain.search.search import SEARCHED_FIELDS, ItemTerms


class PlanRows:
    """The rows of a plan that depend on each item's `seq`, made of the parts that were prepared."""

    def __init__(self, plan: CommitPlan, prepared: PreparedRows, seqs: Mapping[UUID, int], digest: bytes) -> None:
        """Complete the rows of new items and log entries.

        `seqs` has the `seq` of each stored item that the plan touches, and `digest` is that of the log's last entry.
        """
        self._plan = plan
        self._seqs = seqs
        self._inserts: list[tuple[int, Row, ItemTerms]] = [
            (insert.seq, *prepared.insert(insert.item)) for insert in plan.inserted
        ]
        self.entries: list[Row] = []
        for entry in plan.entries:
            row = prepared.entry(entry, digest)
            self.entries.append(row)
            digest = row[-1]
        self.chain_end = ChainEnd(plan.entries[-1].seq, digest) if plan.entries else ChainEnd()
        """The last of `entries`."""

    def deleted_seqs(self) -> list[int]:
        """Return the `seq` of each item to delete."""
        return [self._seqs[item.id] for item in self._plan.deleted]

    def inserted_items(self) -> list[Row]:
        """Return the rows of new items, `seq` first."""
        return [(seq, *row) for seq, row, _ in self._inserts]

    def inserted_terms(self) -> list[Row]:
        """Return the search index rows of new items."""
        return [(seq, terms.name, terms.text) for seq, _, terms in self._inserts]

    def updated_terms(self) -> list[Row]:
        """Return the search index rows of updated items of which a searched field has changed."""
        updated = [
            (self._seqs[change.subject.id], ItemTerms.from_item(change.subject))
            for change in self._plan.updated
            if change.before is None or not changed_fields(change.before, change.subject).isdisjoint(SEARCHED_FIELDS)
        ]
        return [(seq, terms.name, terms.text) for seq, terms in updated]

    def attribute_changes(self) -> tuple[list[Row], list[Row]]:
        """Return the attribute index rows to delete and those to insert."""
        deleted = [row for item in self._plan.deleted for row in _attribute_rows(item, self._seqs[item.id])]
        inserted: list[Row] = []
        for insert in self._plan.inserted:
            inserted += _attribute_rows(insert.item, insert.seq)
        for change in self._plan.updated:
            if change.before is not None and change.after is not None and change.before.attributes != change.after.attributes:
                before, after = (_attribute_rows(item, self._seqs[item.id]) for item in (change.before, change.after))
                deleted += [row for row in before if row not in after]
                inserted += [row for row in after if row not in before]
        return deleted, inserted

    def name_words(self) -> set[str]:
        """Return the words of new and changed names."""
        return {word for terms in self._terms_of_new_names() for word in terms.suggestable.split()}

    def _terms_of_new_names(self) -> Iterator[ItemTerms]:
        for _, _, terms in self._inserts:
            yield terms
        for change in self._plan.updated:
            if change.before is None or change.before.name != change.subject.name:
                yield ItemTerms.from_item(change.subject)


def _attribute_rows(item: Item, seq: int) -> list[Row]:
    return [(name, sort_key(value), seq) for name, value in item.attributes.items()]
