"""Finds the items that a misspelled search may have meant."""

from collections.abc import Sequence
from itertools import count
from time import monotonic

from catalog.adapters.sql.database import SqlDatabase
from catalog.adapters.sql.dialect import SqlDialect
from catalog.adapters.sql.reads.suggestions import candidate_parameters, candidates_statement, suggestions_statement
from catalog.adapters.sql.row_mapping import to_item
from catalog.domain.items.item import Item
from catalog.domain.search.search import ItemTerms, SearchQuery
from catalog.domain.search.spelling import MAX_SUGGESTIONS, WordPattern, corrections, is_corrected_by, word_patterns
from catalog.ports.storage.defaults import SUGGEST_SECONDS

SUGGESTION_BATCH = 5 * MAX_SUGGESTIONS
"""Items read at a time. The index also finds names that have a corrected word only as part of a code; those are skipped."""


class SuggestionReader:
    """Looks up similar words, then the names that contain them."""

    def __init__(self, database: SqlDatabase, dialect: SqlDialect) -> None:
        """Compile the statements."""
        self._database = database
        self._dialect = dialect
        self._select_candidates = database.compile(candidates_statement())
        self._select_suggestions = database.compile(suggestions_statement(dialect))

    async def suggest(self, search: SearchQuery) -> Sequence[Item]:
        """Return the items whose names contain a correction of every word, by name, then by id."""
        candidates = [[] if pattern is None else await self.candidates(pattern) for pattern in word_patterns(search)]
        corrected = list(corrections(search, candidates))
        if not corrected:
            return ()
        parameters = {**self._dialect.correction_parameters(corrected), "limit": SUGGESTION_BATCH}
        suggestions: list[Item] = []
        deadline = monotonic() + SUGGEST_SECONDS
        for skip in count(0, SUGGESTION_BATCH):
            page = {**parameters, "skip": skip}
            rows = await self._database.fetch_within(self._select_suggestions, page, max(0.0, deadline - monotonic())) or ()
            for item in map(to_item, rows):
                terms = ItemTerms.from_item(item)
                if any(is_corrected_by(terms, correction) for correction in corrected):
                    suggestions.append(item)
            if len(rows) < SUGGESTION_BATCH or len(suggestions) >= MAX_SUGGESTIONS:
                break
        return suggestions[:MAX_SUGGESTIONS]

    async def candidates(self, pattern: WordPattern) -> list[str]:
        """Return the stored words that match a pattern."""
        return [row[0] for row in await self._database.fetch(self._select_candidates, candidate_parameters(pattern))]
