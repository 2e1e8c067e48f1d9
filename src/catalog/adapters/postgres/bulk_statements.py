"""Writing many rows in one statement, with an array for each column, and several statements in one round trip."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

from sqlalchemy import LargeBinary, Text, bindparam, column, func
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, TIMESTAMP
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine

from catalog.adapters.sql.schema.tables import UtcTime

_PARAMETER = re.compile(r"\$(\d+)")


def unnested(columns: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """Return a table whose rows come from array parameters, one per column. One statement then writes any number of rows."""
    arrays = [bindparam(name, type_=ARRAY(type_)) for name, type_ in columns.items()]
    return (
        func.unnest(*arrays)
        .table_valued(*(column(name, type_) for name, type_ in columns.items()))
        .render_derived(name="input_rows")
    )


def array_type(type_: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the Postgres type of a column's values, without the conversions and options of the column."""
    if isinstance(type_, UtcTime):
        return TIMESTAMP(timezone=True)
    return Text() if isinstance(type_, Text) else BYTEA() if isinstance(type_, LargeBinary) else type_


@lru_cache(maxsize=64)
def combine(statements: Sequence[tuple[str, int]]) -> str:
    """Combine statements, each with its number of parameters, into one. All but the last become CTEs."""
    numbered = []
    offset = 0
    for sql, count in statements:
        numbered.append(_PARAMETER.sub(partial(_renumbered, offset), sql))
        offset += count
    *others, last = numbered
    ctes = ", ".join(f"step_{index} AS ({sql})" for index, sql in enumerate(others))
    return f"WITH {ctes} {last}" if others else last


def _renumbered(offset: int, match: re.Match[str]) -> str:
    """Return a parameter with its number shifted by `offset`."""
    return f"${int(match[1]) + offset}"
