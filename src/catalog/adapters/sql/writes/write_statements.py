"""The statements that write a commit plan."""

from collections.abc import Iterable, Sequence

from sqlalchemy import String, Table, cast, delete, literal, update

from catalog.adapters.sql.compiled_statement import CompiledStatement
from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.driver import Statement
from catalog.adapters.sql.row_mapping import (
    CATEGORY_ROW,
    CHANGE_ROW,
    ITEM_ROW,
    RECORD_ROW,
    from_category,
    from_item,
    from_record,
)
from catalog.adapters.sql.schema.tables import categories, change_log, expiring_records, item_attributes, items, name_words
from catalog.adapters.sql.writes.expired_records import ExpiredRecords
from catalog.adapters.sql.writes.plan_rows import PlanRows
from catalog.adapters.sql.writes.prepared_rows import Row
from catalog.domain.changes.commit_plan import CommitPlan

_UPDATED_COLUMNS = (
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

_UPDATED_CATEGORY_COLUMNS = ("name", "parent", "position", "version")

# A batch may give the old SKU of one item to another. So rows whose SKU changes first get a placeholder that is not a valid SKU.
_PLACEHOLDER_SKU = literal("~") + cast(items.c.id, String)

_ENTRY_COLUMNS = ("seq", *CHANGE_ROW, "actor", "request_id", "credential", "address", "digest")
_TERM_COLUMNS = ("seq", "name", "text")
_ATTRIBUTE_COLUMNS = tuple(column.name for column in item_attributes.c)


class WriteStatements:
    """Compiles the statements once, and binds them to the rows of each plan."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect) -> None:
        """Compile the statements for a database."""
        compiled = database.compile
        self._dialect = dialect
        self._expired_records = ExpiredRecords(database)
        self._delete_terms = compiled(delete(dialect.term_table).where(dialect.any_of(dialect.term_table_key, "deleted")))
        self._delete_items = compiled(delete(items).where(dialect.any_of(items.c.seq, "deleted")))
        self._delete_categories = compiled(delete(categories).where(dialect.any_of(categories.c.id, "deleted")))
        self._free_skus = compiled(update(items).where(dialect.any_of(items.c.id, "changed_skus")).values(sku=_PLACEHOLDER_SKU))
        self._update_items = compiled(dialect.update(items, items.c.id, _UPDATED_COLUMNS))
        self._update_categories = compiled(dialect.update(categories, categories.c.id, _UPDATED_CATEGORY_COLUMNS))
        self._insert_items = compiled(dialect.insert(items))
        self._insert_categories = compiled(dialect.insert(categories))
        self._insert_terms = compiled(dialect.insert_terms)
        self._update_terms = compiled(dialect.update_terms)
        self._insert_attributes = compiled(dialect.insert(item_attributes))
        self._delete_attributes = compiled(dialect.delete(item_attributes))
        self._insert_name_words = compiled(dialect.insert_missing(name_words))
        self._insert_entries = compiled(dialect.insert(change_log))
        self._upsert_records = compiled(dialect.upsert(expiring_records))
        self._move_head = compiled(dialect.move_head)

    def steps(self, plan: CommitPlan, rows: PlanRows, new_words: Iterable[str]) -> list[list[Statement]]:
        """Return the statements that write a plan, in two steps: the first frees SKUs and slugs, the second uses them."""
        return [step for step in (self._freeing(plan, rows), self._writing(plan, rows, new_words)) if step]

    def _freeing(self, plan: CommitPlan, rows: PlanRows) -> list[Statement]:
        """Return the statements that delete rows, and those that free SKUs for others."""
        statements: list[Statement] = []
        list_parameter = self._dialect.list_parameter
        if plan.deleted:
            deleted = list_parameter(rows.deleted_seqs())
            statements += (self._delete_terms.bind(deleted=deleted), self._delete_items.bind(deleted=deleted))
        if plan.changed_skus:
            statements.append(self._free_skus.bind(changed_skus=list_parameter(plan.changed_skus)))
        if plan.categories.deleted:
            deleted = list_parameter([category.id for category in plan.categories.deleted])
            statements.append(self._delete_categories.bind(deleted=deleted))
        if plan.records:
            statements += self._expired_records.deletion(max(record.created_at for record in plan.records))
        return statements

    def _writing(self, plan: CommitPlan, rows: PlanRows, new_words: Iterable[str]) -> list[Statement]:
        """Return the statements that insert and update rows, and the one that moves the head."""
        statements: list[Statement] = []

        def add(statement: CompiledStatement, names: Sequence[str], rows: Sequence[Row], into: Table | None = None) -> None:
            if rows:
                statements.append(self._dialect.bulk(statement, names, rows, into))

        deleted_attributes, inserted_attributes = rows.attribute_changes()
        add(self._delete_attributes, _ATTRIBUTE_COLUMNS, deleted_attributes)
        add(self._update_categories, ("key", *CATEGORY_ROW[1:]), list(map(from_category, plan.categories.updated)))
        add(self._insert_categories, CATEGORY_ROW, list(map(from_category, plan.categories.inserted)))
        add(self._update_items, ("key", *ITEM_ROW[1:]), [from_item(change.subject) for change in plan.updated])
        add(self._insert_items, ("seq", *ITEM_ROW), rows.inserted_items(), items)
        add(self._insert_terms, _TERM_COLUMNS, rows.inserted_terms(), self._dialect.term_table)
        add(self._update_terms, _TERM_COLUMNS, rows.updated_terms())
        add(self._insert_attributes, _ATTRIBUTE_COLUMNS, inserted_attributes, item_attributes)
        add(self._insert_name_words, ("word", "reversed"), [(word, word[::-1]) for word in new_words])
        add(self._upsert_records, RECORD_ROW, list(map(from_record, plan.records)))
        add(self._insert_entries, _ENTRY_COLUMNS, rows.entries, change_log)
        if plan.entries:
            statements.append(self._move_head.bind(head=rows.chain_end.seq, chain_end=str(rows.chain_end)))
        return statements
