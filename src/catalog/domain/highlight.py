"""Highlights: where the words of a search begin words of an item, shown in its own text."""

from functools import lru_cache
from html import escape
from itertools import groupby

from catalog.domain.search import Search
from catalog.domain.text import fold, words


def highlighted(text: str | None, search: Search) -> str | None:
    """Return the text with `<mark>` around each word that a word of the search begins; None where there is none.

    The text is escaped for HTML, so that it can stand in a page as it is.
    """
    parts: list[str] = []
    marked = False
    for between, signs in groupby(text or "", _between_words):
        run = "".join(signs)
        found = not between and any(word.startswith(search.words) for word in words(run))
        parts.append(f"<mark>{escape(run)}</mark>" if found else escape(run))
        marked = marked or found
    return "".join(parts) if marked else None


@lru_cache(maxsize=4096)
def _between_words(sign: str) -> bool:
    """Whether a sign stands between words, however it is folded; marks belong to the word before them."""
    folded = fold(sign)
    return folded != "" and not words(folded)
