"""Joins ES modules into one script, so that a browser loads the page with one request instead of one for each module.

Each module becomes a function that returns what the module exports, in the order of the imports. The results are in a global
object, so that a script can use the modules of another one that was loaded before. Only the forms of `import` and
`export` below are understood, which are enough for a page; others are an error, at the start of the service, as is the import of
something that is not exported. Comments that have lines of their own are left out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

_IMPORT: Final = re.compile(r'(?m)^import \{([\w\s,]+)\} from "\./([\w-]+\.js)";$')
_EXPORT: Final = re.compile(r"(?m)^export ((?:async )?function\*? |c(?:lass|onst) )(\w+)")
_TEXT_OR_COMMENT: Final = re.compile(
    r"""(?m)(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[\s\S]|[^`\\])*`)"""
    r"""|^[ \t]*/(?:/[^\n]*|\*\*[^*]*\*+(?:[^/*][^*]*\*+)*/[ \t]*)\n"""
)
_MODULES: Final = "pageModules"
_LEFT_OVER: Final = re.compile(r"(?m)^(?:im|ex)port\b.*")


class InvalidModule(Exception):
    """A module cannot be joined with others."""


def join_modules(sources: Mapping[str, str], names: Sequence[str]) -> str:
    """Return one script of these modules, in this order. `sources` has the text of each module by its file name.

    Raises: InvalidModule for a module that imports what another does not export, or has another form of import or export.
    """
    exported = {name: [found[2] for found in _EXPORT.finditer(source)] for name, source in sources.items()}
    for name in names:
        _check_imports(name, sources[name], exported)
    functions = (_as_function(name, sources[name], exported[name]) for name in names)
    return "\n".join((f"globalThis.{_MODULES} ??= {{}};", *functions))


def modules_of(sources: Mapping[str, str], main: str, importers: tuple[str, ...] = ()) -> list[str]:
    """Return the names of a module and of all that it imports, each after those that it imports itself.

    Raises: InvalidModule for a module that is missing, or imports itself in a circle through `importers`.
    """
    if main in importers:
        message = f"{main} imports itself: {' > '.join((*importers, main))}"
        raise InvalidModule(message)
    if main not in sources:
        message = f"{importers[-1] if importers else 'The page'} imports {main}, which does not exist."
        raise InvalidModule(message)
    imported = (name for _, name in _IMPORT.findall(sources[main]))
    ordered = [found for name in imported for found in modules_of(sources, name, (*importers, main))]
    return list(dict.fromkeys((*ordered, main)))


def _check_imports(importer: str, source: str, exported: Mapping[str, Sequence[str]]) -> None:
    """Raise InvalidModule if a module imports something that does not exist, which would be undefined only when it is used."""
    for names, imported in _IMPORT.findall(source):
        for name, _ in _names(names):
            if name not in exported[imported]:
                message = f"{importer} imports {name}, which {imported} does not export."
                raise InvalidModule(message)


def _as_function(name: str, source: str, exported: Sequence[str]) -> str:
    body = _IMPORT.sub(lambda found: f"const {{ {_renamed(found[1])} }} = {_result(found[2])};", source)
    body = _TEXT_OR_COMMENT.sub(lambda found: found["text"] or "", _EXPORT.sub(r"\1\2", body))
    left_over = _LEFT_OVER.search(body)
    if left_over is not None:
        message = f"{name} has a form of import or export that is not supported: {left_over[0]}"
        raise InvalidModule(message)
    return f"{_result(name)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();"


def _names(imports: str) -> Iterator[tuple[str, str]]:
    """Yield what is imported, and its name in the importing module."""
    for part in filter(None, map(str.strip, imports.split(","))):
        name, _, own_name = part.partition(" as ")
        yield name, own_name or name


def _renamed(imports: str) -> str:
    """Return the names of an import, as a destructuring assignment has them."""
    return ", ".join(name if name == own_name else f"{name}: {own_name}" for name, own_name in _names(imports))


def _result(name: str) -> str:
    """Return the expression for what a module exports."""
    return f'{_MODULES}["{name}"]'
