"""Statements that SQLAlchemy compiles once, and that then run on the driver's own connection.

For the reads and writes that everybody waits for: putting a statement together, finding it in SQLAlchemy's cache and adapting the
driver's cursor cost more than the query itself. What SQLAlchemy knows of types is kept: its processors for parameters and
columns are looked up once.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Delete, Dialect, Insert, Select, Update

Processor = Callable[[Any], Any]


class CompiledStatement:
    """A compiled statement: its SQL, and how parameters and rows are brought into the driver's form and back."""

    def __init__(self, statement: Select[Any] | CompoundSelect[Any] | Insert | Update | Delete, dialect: Dialect) -> None:
        """Compile for a dialect whose parameters are positional."""
        compiled = statement.compile(dialect=dialect)
        if compiled.positiontup is None:
            message = f"{dialect.name} does not number its parameters"
            raise TypeError(message)
        self.sql = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._parameters = [
            (name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in compiled.positiontup
        ]
        selected = statement.selected_columns if isinstance(statement, Select | CompoundSelect) else ()
        processors = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in selected]
        self._columns = [(index, process) for index, process in enumerate(processors) if process is not None]

    def parameters(self, values: Mapping[str, Any]) -> list[Any]:
        """Put named values into the driver's order and form."""
        given = {**self._constants, **values}
        return [given[name] if process is None else process(given[name]) for name, process in self._parameters]

    def parameters_for_rows(self, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
        """Put the values of rows, which have these names, into the driver's order and form; every parameter is one of them."""
        places = [(names.index(name), process) for name, process in self._parameters]
        return [[row[place] if process is None else process(row[place]) for place, process in places] for row in rows]

    def rows(self, found: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Bring the driver's rows into the form of the columns' types."""
        processed: list[Sequence[Any]] = []
        for row in found:
            values = list(row)
            for index, process in self._columns:
                values[index] = process(values[index])
            processed.append(values)
        return processed
