"""Joins ES modules into scripts, so that a browser loads the page with few requests instead of one for each module.

Each module becomes a function that returns what the module exports, in the order of the imports. Only the forms of `import` and
`export` below are understood, which are enough for a page; others are an error, at the start of the service, as is the import of
something that is not exported. Indentation and comments that have lines of their own are left out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

_IMPORT: Final = re.compile(r'(?m)^import \{([\w\s,]+)\} from "\./([\w-]+\.js)";$')
_EXPORT: Final = re.compile(r"(?m)^export ((?:async )?function\*? |c(?:lass|onst) )(\w+)")
_TEXT_OR_COMMENT: Final = re.compile(
    r"""(?m)(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`)"""
    r"""|^[ \t]*(?:\n|/(?:/[^\n]*|\*\*[^*]*\*+(?:[^/*][^*]*\*+)*/[ \t]*)\n)?"""
)
_LEFT_OVER: Final = re.compile(r"(?m)^(?:im|ex)port\b.*")


class InvalidModule(Exception):
    """A module cannot be joined with others."""


def join_modules(sources: Mapping[str, str], main: str) -> str:
    """Return a script that does what the module `main` does. `sources` has the text of each module by its file name.

    It exports all modules, for `join_rest`.

    Raises: InvalidModule for a module that is missing, imports itself in a circle, imports what another does not export, or has
    another form of import or export.
    """
    names = _in_order(sources, main)
    return f"{_joined(sources, names, names)}\nexport {{ {', '.join(map(_variable, names))} }};"


def join_rest(sources: Mapping[str, str], main: str, first: str) -> str:
    """Return a script for what the module `main` needs beyond the module `first`.

    It exports a function that does what `main` does. Its argument is what the script of `first` exports, so that no module runs
    twice. Raises: InvalidModule, as `join_modules`.
    """
    there, needed = _in_order(sources, first), _in_order(sources, main)
    names = [name for name in needed if name not in there]
    shared = ", ".join(_variable(name) for name in needed if name in there)
    return f"export default ({{ {shared} }}) => {{\n{_joined(sources, names, needed)}\n}};"


def _joined(sources: Mapping[str, str], names: Sequence[str], known: Sequence[str]) -> str:
    """Return the code of modules, which may import those that are known."""
    exported = {name: [found[2] for found in _EXPORT.finditer(sources[name])] for name in known}
    for name in names:
        _check_imports(name, sources[name], exported)
    return "\n".join(_as_function(name, sources[name], exported[name]) for name in names)


def _in_order(sources: Mapping[str, str], main: str) -> list[str]:
    """Return the names of a module and of all that it imports, each after those that it imports itself."""
    ordered: dict[str, None] = {}
    _add(sources, main, (), ordered)
    return [*ordered]


def _add(sources: Mapping[str, str], name: str, importers: tuple[str, ...], ordered: dict[str, None]) -> None:
    """Add a module to those that are in order, after what it imports, unless it is there."""
    if name in ordered:
        return
    if name in importers:
        message = f"{name} imports itself: {' > '.join((*importers, name))}"
        raise InvalidModule(message)
    if name not in sources:
        message = f"{importers[-1] if importers else 'The page'} imports {name}, which does not exist."
        raise InvalidModule(message)
    for _, imported in _IMPORT.findall(sources[name]):
        _add(sources, imported, (*importers, name), ordered)
    ordered[name] = None


def _check_imports(importer: str, source: str, exported: Mapping[str, Sequence[str]]) -> None:
    """Raise InvalidModule if a module imports something that does not exist, which would be undefined only when it is used."""
    for names, imported in _IMPORT.findall(source):
        for name, _ in _names(names):
            if name not in exported[imported]:
                message = f"{importer} imports {name}, which {imported} does not export."
                raise InvalidModule(message)


def _as_function(name: str, source: str, exported: Sequence[str]) -> str:
    body = _IMPORT.sub(lambda found: f"const {{ {_renamed(found[1])} }} = {_variable(found[2])};", source)
    body = _EXPORT.sub(r"\1\2", body)
    left_over = _LEFT_OVER.search(body)
    if left_over is not None:
        message = f"{name} has a form of import or export that is not supported: {left_over[0]}"
        raise InvalidModule(message)
    body = _TEXT_OR_COMMENT.sub(lambda found: found["text"] or "", body)
    return f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();"


def _names(imports: str) -> Iterator[tuple[str, str]]:
    """Yield what is imported, and its name in the importing module."""
    for part in filter(None, map(str.strip, imports.split(","))):
        name, _, own_name = part.partition(" as ")
        yield name, own_name or name


def _renamed(imports: str) -> str:
    """Return the names of an import, as a destructuring assignment has them."""
    return ", ".join(name if name == own_name else f"{name}: {own_name}" for name, own_name in _names(imports))


def _variable(name: str) -> str:
    """Return the name of the variable that has what a module exports."""
    return f"module_{name.removesuffix('.js').replace('-', '_')}"
