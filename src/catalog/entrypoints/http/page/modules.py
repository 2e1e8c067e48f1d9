"""Joins ES modules into one script, so that a browser loads the page with one request instead of one for each module.

Each module becomes a function that returns what the module exports, in the order of the imports. Only the forms of `import` and
`export` below are understood, which are enough for a page; others are an error, at the start of the service, as is the import of
something that is not exported. Comments that have lines of their own are left out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

_IMPORT: Final = re.compile(r'^import \{\s*([\w\s,]+?),?\s*\} from "\./([\w-]+\.js)";$', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export ((?:async )?function\*? |class |const )(\w+)", re.MULTILINE)
_TEXT_OR_COMMENT: Final = re.compile(
    r"""
    (?P<text> "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' | `(?:\\.|[^`\\])*` )
    | ^[ \t]* (?: //[^\n]* | /\*\*(?:(?!\*/).)*\*/[ \t]* ) \n
    """,
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_LEFT_OVER: Final = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


class InvalidModule(Exception):
    """A module cannot be joined with others."""


def join_modules(sources: Mapping[str, str], main: str) -> str:
    """Return one script that does what the module `main` does. `sources` has the text of each module by its file name.

    Raises: InvalidModule for a module that is missing, imports itself in a circle, imports what another does not export, or has
    another form of import or export.
    """
    names = _in_order(sources, main, ())
    exported = {name: [found[2] for found in _EXPORT.finditer(sources[name])] for name in names}
    for name in names:
        _check_imports(name, sources[name], exported)
    return "\n".join(_as_function(name, sources[name], exported[name]) for name in names)


def _in_order(sources: Mapping[str, str], main: str, importers: tuple[str, ...]) -> list[str]:
    """Return the names of a module and of all that it imports, each after those that it imports itself."""
    if main in importers:
        message = f"{main} imports itself: {' > '.join((*importers, main))}"
        raise InvalidModule(message)
    if main not in sources:
        message = f"{importers[-1] if importers else 'The page'} imports {main}, which does not exist."
        raise InvalidModule(message)
    imported = (name for _, name in _IMPORT.findall(sources[main]))
    ordered = [found for name in imported for found in _in_order(sources, name, (*importers, main))]
    return list(dict.fromkeys((*ordered, main)))


def _check_imports(importer: str, source: str, exported: Mapping[str, Sequence[str]]) -> None:
    """Raise InvalidModule if a module imports something that does not exist, which would be undefined only when it is used."""
    for names, imported in _IMPORT.findall(source):
        for name in names.split(","):
            if name.split(" as ")[0].strip() not in exported[imported]:
                message = f"{importer} imports {name.strip()}, which {imported} does not export."
                raise InvalidModule(message)


def _as_function(name: str, source: str, exported: Sequence[str]) -> str:
    body = _IMPORT.sub(lambda found: f"const {{ {', '.join(_renamed(found[1]))} }} = {_variable(found[2])};", source)
    body = _TEXT_OR_COMMENT.sub(lambda found: found["text"] or "", _EXPORT.sub(r"\1\2", body))
    left_over = _LEFT_OVER.search(body)
    if left_over is not None:
        message = f"{name} has a form of import or export that is not supported: {left_over[0]}"
        raise InvalidModule(message)
    return f"const {_variable(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();"


def _renamed(names: str) -> Iterator[str]:
    """Yield the names of an import, as a destructuring assignment has them."""
    for name in names.split(","):
        yield name.strip().replace(" as ", ": ")


def _variable(name: str) -> str:
    """Return the name of the variable that has what a module exports."""
    return "module_" + re.sub(r"\W", "_", name.removesuffix(".js"))
