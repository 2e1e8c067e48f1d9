"""No regular expression can take more than linear time, whatever text it is given.

A backtracking matcher is linear where at each place of a text at most one part of the pattern can take the next character: then
there is never a second way to try. That is a property of the pattern (it is deterministic, or "one-unambiguous"), and it is
computed here from the pattern's own parse tree, for every pattern of every module. A pattern that is deterministic but for
bounded repeats, and so can take no more than some characters at all, is linear too.

This holds where a match begins at a given place. A search begins anew at each place, so only patterns may be
searched for that match whatever they begin with, or fail after a few characters.
"""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from re import _compiler as compiler  # type: ignore[attr-defined]
from re import _constants as constants
from re import _parser as parser
from typing import Any

import pytest

import catalog

SOURCE = Path(catalog.__file__).parent
SETS = (constants.LITERAL, constants.NOT_LITERAL, constants.IN, constants.ANY)
REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT, constants.POSSESSIVE_REPEAT)

MOST_BOUNDED = 1_000
"""The longest text that a pattern may match which is not deterministic."""

ALPHABET = [chr(point) for point in range(256)] + ["ſ", "İ", "é", "中", "٣", "\u2028", "\ud800", "🎉"]
"""Characters of every class that patterns tell apart."""


Node = tuple[Any, Any]
"""An operation of a parsed pattern, and its argument."""


@dataclass
class Part:
    """A piece of a pattern: which positions may be first and last in it, and whether it may match nothing."""

    first: set[int] = field(default_factory=set)
    last: set[int] = field(default_factory=set)
    empty: bool = True


class Positions:
    """The positions of a pattern (Glushkov's): what each takes, and which may follow it."""

    def __init__(self, nodes: Iterable[Node], flags: int) -> None:
        """Go through the tree of a pattern."""
        self.flags = flags
        self.takes: list[frozenset[str]] = []
        self.follow: list[set[int]] = []
        self.twice = False
        self.whole = self.sequence(nodes)

    @property
    def deterministic(self) -> bool:
        """Whether no character can be taken by two positions at the same place, nor be come to by two ways."""
        return not self.twice and all(self.disjoint(places) for places in [self.whole.first, *self.follow])

    def disjoint(self, places: Iterable[int]) -> bool:
        """Whether no two positions take the same character."""
        seen: set[str] = set()
        for place in places:
            if seen & self.takes[place]:
                return False
            seen |= self.takes[place]
        return True

    def join(self, before: Part, after: Part) -> None:
        """Let one piece follow another; not by two ways, as in `(a+)+`."""
        for place in before.last:
            self.twice = self.twice or not self.follow[place].isdisjoint(after.first)
            self.follow[place] |= after.first

    def sequence(self, nodes: Iterable[Node]) -> Part:
        """Join pieces."""
        whole = Part()
        for node in nodes:
            part = self.piece(node)
            self.join(whole, part)
            if whole.empty:
                whole.first |= part.first
            whole.last = part.last | (whole.last if part.empty else set())
            whole.empty = whole.empty and part.empty
        return whole

    def piece(self, node: Node) -> Part:
        """Read one node."""
        op, argument = node
        if op in SETS:
            self.takes.append(self.characters(node))
            self.follow.append(set())
            place = len(self.takes) - 1
            return Part({place}, {place}, empty=False)
        if op in REPEATS:
            return self.repeat(*argument)
        if op is constants.BRANCH:
            parts = [self.sequence(branch) for branch in argument[1]]
            first = {place for part in parts for place in part.first}
            return Part(first, {place for part in parts for place in part.last}, any(part.empty for part in parts))
        if op in (constants.SUBPATTERN, constants.ATOMIC_GROUP):
            return self.sequence(argument[3] if op is constants.SUBPATTERN else argument)
        assert op is constants.AT or (op is constants.ASSERT and argument[1].getwidth()[1] <= 1), node
        return Part()

    def repeat(self, least: int, most: int, inner: Iterable[Node]) -> Part:
        """Read a repeat; how often matters only where it is once at most."""
        part = self.sequence(inner)
        if most > 1:
            self.twice = self.twice or part.empty
            self.join(part, part)
        return Part(part.first, part.last, part.empty or least == 0)

    def characters(self, node: Node) -> frozenset[str]:
        """Return which characters of the alphabet a node takes."""
        compiled = compiler.compile(parser.SubPattern(parser.State(), [node]), self.flags)
        return frozenset(character for character in ALPHABET if compiled.fullmatch(character))


def modules() -> Iterator[Any]:
    """Import every module but those that act when they are imported."""
    for found in pkgutil.walk_packages(catalog.__path__, "catalog."):
        if ".migrations." not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def patterns() -> dict[str, re.Pattern[Any]]:
    """Return every pattern that a module holds, by its name."""
    found = {
        f"{module.__name__}.{name}": value
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern) and not name.startswith("__")
    }
    assert len(found) > 10
    return found


PATTERNS = patterns()


def tree(pattern: re.Pattern[Any]) -> Any:  # noqa: ANN401 - what the parser of patterns makes
    """Parse a pattern; one of bytes as one of text with the same numbers."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    return parser.parse(text, pattern.flags)


BY_HAND = {"catalog.domain.search.index_terms._CODE", "catalog.domain.search.index_terms._ASCII_CODE"}
"""Patterns that are linear though this check cannot see it: every repeat is possessive, and a run of characters is tried at its
first one only (by looking behind), so no character is taken twice; tests/unit/domain/search/test_index_terms.py tries their
worst cases."""


def is_linear(pattern: re.Pattern[Any]) -> bool:
    """Whether a match from a given place takes linear time. Alternatives of the whole are tried once each."""
    parsed = tree(pattern)
    nodes = list(parsed)
    ways = nodes[0][1][1] if len(nodes) == 1 and nodes[0][0] is constants.BRANCH else [nodes]
    return parsed.getwidth()[1] <= MOST_BOUNDED or all(Positions(way, pattern.flags).deterministic for way in ways)


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_linear(name: str) -> None:
    """By its form."""
    assert name in BY_HAND or is_linear(PATTERNS[name]), PATTERNS[name].pattern


@pytest.mark.parametrize(
    ("pattern", "linear"),
    [
        (r"(a+)+b", False),
        (r"a*a*b", False),
        (r"(?:ab|[a-c]c)*d", False),
        (r"(a*)*b", False),
        (r"\s*,\s*,?\s*", False),
        (r'"(?:[^"\\]|\\.)*"', True),
        (r"[a-z0-9]+(-[a-z0-9]+)*", True),
        (r"([0-9]+)(?:\.([0-9]+))?", True),
        (r".*-.*", False),
    ],
)
def test_the_check_tells_them_apart(pattern: str, linear: bool) -> None:  # noqa: FBT001 - a case's outcome
    """Those that are known to explode, and their like that do not."""
    assert is_linear(re.compile(pattern, re.DOTALL)) is linear


def test_what_is_searched_for_is_found_where_it_begins() -> None:
    """A search tries each place of a text as a beginning, and so may go through it again and again."""
    searched = set()
    for path in SOURCE.rglob("*.py"):
        if "migrations" in path.parts:
            continue
        module = ".".join(("catalog", *path.relative_to(SOURCE).with_suffix("").parts))
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
                continue
            if node.value.id == "re":
                assert node.attr in ("compile", "Pattern", "Match", "DOTALL", "escape"), (
                    f"{path}: compile it, so that it is checked"
                )
            elif (
                node.attr in ("search", "findall", "finditer", "sub", "subn", "split") and f"{module}.{node.value.id}" in PATTERNS
            ):
                searched.add(f"{module}.{node.value.id}")
    for name in sorted(searched - OURS - BY_HAND):
        assert may_be_searched_for(PATTERNS[name]), name


def may_be_searched_for(pattern: re.Pattern[Any]) -> bool:
    """Whether no place of a text is gone through more often than a few times: what is taken is matched, or is short."""
    parsed = tree(pattern)
    positions = Positions(parsed, pattern.flags)
    matched = positions.deterministic and positions.whole.last == set(range(len(positions.takes)))
    return matched or parsed.getwidth()[1] <= SHORT


@pytest.mark.parametrize(
    ("pattern", "safe"), [(r"[ab]", True), (r"[ab]+", True), (r"\d+x?", True), (r"ab", True), (r"\d+x", False), (r"\d*,", False)]
)
def test_the_check_tells_searches_apart(pattern: str, safe: bool) -> None:  # noqa: FBT001 - a case's outcome
    """A search for what begins long and ends late goes through a text again and again."""
    assert may_be_searched_for(re.compile(pattern)) is safe


SHORT = 10
"""Characters that may be gone through in vain at each place."""

OURS = {"catalog.adapters.postgres.dialect._PARAMETER", "catalog.domain.text.normalization._RANGE"}
"""Patterns that are searched for in our own texts, and never in what came from outside."""
