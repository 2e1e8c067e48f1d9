"""JSON schemas of types: what msgspec generates, in the form that generated clients work best with."""

from collections.abc import Iterable
from inspect import cleandoc
from typing import Any

import msgspec

from catalog.entrypoints.representations.items import SparseItemBody

Schema = dict[str, Any]

_PREFIX = "#/components/schemas/"

_REQUIRED = {SparseItemBody.__name__: ["id"]}
"""The properties that are required in structs of which responses may leave out any other."""


def schemas_of(types: Iterable[object]) -> tuple[list[Schema], dict[str, Schema]]:
    """Return the schema of each type, and the components that they refer to.

    A component is named after its struct, without the suffix `Body`, or has the title of an inner schema, so that generated
    clients get a named class for it.
    """
    schemas, generated = msgspec.json.schema_components(types, ref_template=f"{_PREFIX}{{name}}")
    components: dict[str, Schema] = {}
    for name, schema in generated.items():
        members = {key: value for key, value in schema.items() if key != "title"}
        members |= {"description": cleandoc(schema["description"]), "required": _REQUIRED.get(name, schema["required"])}
        components[_component_name(name)] = _simplify(members, components)
    return [_simplify(schema, components) for schema in schemas], components


def _component_name(name: str) -> str:
    return name.removesuffix("Body")


def _simplify(value: Any, components: dict[str, Schema]) -> Any:  # noqa: ANN401 - any part of a schema
    """Rename references, move inner schemas with a title to the components, and write types and constants in the short form."""
    if isinstance(value, str):
        return _component_name(value) if value.startswith(_PREFIX) else value
    if isinstance(value, list):
        return [_simplify(element, components) for element in value]
    if not isinstance(value, dict):
        return value
    schema = {name: _simplify(member, components) for name, member in value.items()}
    if isinstance(schema.get("title"), str):
        title = schema.pop("title")
        return _as_component(title, schema, components)
    return _shorten(schema)


def _as_component(title: str, schema: Schema, components: dict[str, Schema]) -> Schema:
    components[title] = _shorten(schema)
    return {"$ref": _PREFIX + title}


def _shorten(schema: Schema) -> Schema:
    """Write `const` for a single value, and a list of types for alternatives that differ only in type."""
    if "enum" in schema and all(isinstance(value, str) for value in schema["enum"]):
        values = schema["enum"]
        only = {name: value for name, value in schema.items() if name != "enum"} | {"const": values[0]}
        return {"type": "string"} | (schema if len(values) > 1 else only)
    alternatives = schema.get("anyOf", [])
    types = [alternative.get("type") for alternative in alternatives if _is_plain(alternative)]
    if not alternatives or len({*types}) < len(alternatives):
        return schema
    merged: Schema = {"type": types}
    for alternative in alternatives:
        merged |= {name: value for name, value in alternative.items() if name != "type"}
    return merged | {name: value for name, value in schema.items() if name != "anyOf"}


def _is_plain(schema: Schema) -> bool:
    """Return whether a schema has one type, and no keyword that would also apply to values of other types."""
    return isinstance(schema.get("type"), str) and not schema.keys() & {"enum", "const"}
