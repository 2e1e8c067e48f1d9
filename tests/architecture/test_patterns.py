"""Every regular expression takes at most linear time, whatever text it is matched against.

A backtracking matcher takes linear time if, at each position in a text, at most one part of the pattern can match the next
character, because then there is never a second way to try. Such a pattern is called deterministic, or "one-unambiguous". This
module computes the property from the parse tree of every pattern in every module. A pattern that is not deterministic but can
match only a bounded number of characters is linear, too.

This covers a match that starts at a given position. A search starts anew at each position, so a pattern may be searched for
only if it matches whatever starts like a match, or fails after a few characters.
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

MAX_BOUNDED = 1_000
"""The longest text that a pattern that is not deterministic may match."""

ALPHABET = [chr(point) for point in range(256)] + ["ſ", "İ", "é", "中", "٣", "\u2028", "\ud800", "🎉"]
"""Characters of every class that patterns distinguish."""


Node = tuple[Any, Any]
"""An operation of a parsed pattern and its argument."""


@dataclass
class Part:
    """A part of a pattern: the positions that can be first and last in it, and whether it can match nothing."""

    first: set[int] = field(default_factory=set)
    last: set[int] = field(default_factory=set)
    empty: bool = True


class Positions:
    """The positions of a pattern (Glushkov's automaton): the characters that each matches, and the positions that can follow."""

    def __init__(self, nodes: Iterable[Node], flags: int) -> None:
        """Walk the tree of a pattern."""
        self.flags = flags
        self.characters_at: list[frozenset[str]] = []
        self.follow: list[set[int]] = []
        self.ambiguous = False
        self.whole = self.sequence(nodes)

    @property
    def deterministic(self) -> bool:
        """Return whether no two positions can match the same character next, and none is reached in two ways."""
        return not self.ambiguous and all(self.disjoint(positions) for positions in [self.whole.first, *self.follow])

    def disjoint(self, positions: Iterable[int]) -> bool:
        """Return whether no two positions match the same character."""
        seen: set[str] = set()
        for position in positions:
            if seen & self.characters_at[position]:
                return False
            seen |= self.characters_at[position]
        return True

    def join(self, before: Part, after: Part) -> None:
        """Let one part follow another. Two ways to follow, as in `(a+)+`, make the pattern ambiguous."""
        for position in before.last:
            self.ambiguous = self.ambiguous or not self.follow[position].isdisjoint(after.first)
            self.follow[position] |= after.first

    def sequence(self, nodes: Iterable[Node]) -> Part:
        """Join the parts of a sequence."""
        whole = Part()
        for node in nodes:
            part = self.part(node)
            self.join(whole, part)
            if whole.empty:
                whole.first |= part.first
            whole.last = part.last | (whole.last if part.empty else set())
            whole.empty = whole.empty and part.empty
        return whole

    def part(self, node: Node) -> Part:
        """Convert one node."""
        op, argument = node
        if op in SETS:
            self.characters_at.append(self.characters(node))
            self.follow.append(set())
            position = len(self.characters_at) - 1
            return Part({position}, {position}, empty=False)
        if op in REPEATS:
            return self.repeat(*argument)
        if op is constants.BRANCH:
            parts = [self.sequence(branch) for branch in argument[1]]
            first = {position for part in parts for position in part.first}
            return Part(first, {position for part in parts for position in part.last}, any(part.empty for part in parts))
        if op in (constants.SUBPATTERN, constants.ATOMIC_GROUP):
            return self.sequence(argument[3] if op is constants.SUBPATTERN else argument)
        assert op is constants.AT or (op is constants.ASSERT and argument[1].getwidth()[1] <= 1), node
        return Part()

    def repeat(self, minimum: int, maximum: int, inner: Iterable[Node]) -> Part:
        """Convert a repeat. All that matters of the maximum is whether it exceeds one."""
        part = self.sequence(inner)
        if maximum > 1:
            self.ambiguous = self.ambiguous or part.empty
            self.join(part, part)
        return Part(part.first, part.last, part.empty or minimum == 0)

    def characters(self, node: Node) -> frozenset[str]:
        """Return the characters of the alphabet that a node matches."""
        compiled = compiler.compile(parser.SubPattern(parser.State(), [node]), self.flags)
        return frozenset(character for character in ALPHABET if compiled.fullmatch(character))


def modules() -> Iterator[Any]:
    """Import every module except those that run something when imported."""
    for module_info in pkgutil.walk_packages(catalog.__path__, "catalog."):
        if ".migrations." not in module_info.name and not module_info.name.endswith("__main__"):
            yield importlib.import_module(module_info.name)


def patterns() -> dict[str, re.Pattern[Any]]:
    """Return every pattern in a module's globals, by its qualified name."""
    by_name = {
        f"{module.__name__}.{name}": value
        for module in modules()
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern) and not name.startswith("__")
    }
    assert len(by_name) > 10
    return by_name


PATTERNS = patterns()


def tree(pattern: re.Pattern[Any]) -> Any:  # noqa: ANN401 - an untyped parser
    """Parse a pattern. A bytes pattern is decoded as Latin-1."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    return parser.parse(text, pattern.flags)


PROVEN_BY_HAND = {"catalog.domain.search.index_terms._CODE", "catalog.domain.search.index_terms._ASCII_CODE"}
"""Linear patterns that this check cannot prove. Every repeat is possessive, and a lookbehind makes sure that a run of characters
is tried only at its first one, so no character is matched twice. tests/unit/domain/search/test_index_terms.py tests their worst
cases."""


def is_linear(pattern: re.Pattern[Any]) -> bool:
    """Return whether a match at a given position takes linear time. Top-level alternatives are tried once each."""
    parsed = tree(pattern)
    nodes = list(parsed)
    alternatives = nodes[0][1][1] if len(nodes) == 1 and nodes[0][0] is constants.BRANCH else [nodes]
    return parsed.getwidth()[1] <= MAX_BOUNDED or all(
        Positions(alternative, pattern.flags).deterministic for alternative in alternatives
    )


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_linear(name: str) -> None:
    """Every pattern is linear by its structure, unless it is proven by hand."""
    assert name in PROVEN_BY_HAND or is_linear(PATTERNS[name]), PATTERNS[name].pattern


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
def test_the_check_detects_slow_patterns(pattern: str, linear: bool) -> None:  # noqa: FBT001 - a case's outcome
    """Known slow patterns fail the check, and similar linear ones pass it."""
    assert is_linear(re.compile(pattern, re.DOTALL)) is linear


def test_searched_patterns_do_not_rescan_the_text() -> None:
    """A search tries every position as a start, so a long failed match at each one would take quadratic time."""
    searched_names = set()
    for path in SOURCE.rglob("*.py"):
        if "migrations" in path.parts:
            continue
        module = ".".join(("catalog", *path.relative_to(SOURCE).with_suffix("").parts))
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
                continue
            if node.value.id == "re":
                assert node.attr in ("compile", "Pattern", "Match", "DOTALL", "escape"), (
                    f"{path}: compile the pattern, so that this test checks it"
                )
            elif (
                node.attr in ("search", "findall", "finditer", "sub", "subn", "split") and f"{module}.{node.value.id}" in PATTERNS
            ):
                searched_names.add(f"{module}.{node.value.id}")
    for name in sorted(searched_names - INTERNAL - PROVEN_BY_HAND):
        assert is_linear_in_search(PATTERNS[name]), name


def is_linear_in_search(pattern: re.Pattern[Any]) -> bool:
    """Return whether a search reads each character only a few times: every attempt succeeds or fails early."""
    parsed = tree(pattern)
    positions = Positions(parsed, pattern.flags)
    always_matches = positions.deterministic and positions.whole.last == set(range(len(positions.characters_at)))
    return always_matches or parsed.getwidth()[1] <= MAX_ATTEMPT


@pytest.mark.parametrize(
    ("pattern", "safe"), [(r"[ab]", True), (r"[ab]+", True), (r"\d+x?", True), (r"ab", True), (r"\d+x", False), (r"\d*,", False)]
)
def test_the_check_detects_slow_searches(pattern: str, safe: bool) -> None:  # noqa: FBT001 - a case's outcome
    """A pattern that starts with a long run and can fail at its end fails the check."""
    assert is_linear_in_search(re.compile(pattern)) is safe


MAX_ATTEMPT = 10
"""The number of characters that may be read in vain at each position."""

INTERNAL = {
    "catalog.adapters.postgres.bulk_statements._PARAMETER",
    "catalog.domain.text.normalization._RANGE",
    "catalog.entrypoints.http.page.files._LEFT_OUT_OF_STYLES",
    *(f"catalog.entrypoints.http.page.modules.{name}" for name in ("_IMPORT", "_EXPORT", "_TEXT_OR_COMMENT", "_LEFT_OVER")),
}
"""Patterns that are searched for only in the program's own texts, never in input."""
