"""Statements that SQLAlchemy compiles once and that then run directly on the driver's connection.

For frequent reads and writes, building a statement, looking it up in SQLAlchemy's cache and wrapping the driver's cursor cost
more than the query itself. SQLAlchemy's type conversions still apply: the processors for parameters and columns are looked up
once, when the statement is compiled.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import CompoundSelect, Delete, Dialect, Insert, Select, Update

Processor = Callable[[Any], Any]


class CompiledStatement:
    """A compiled statement: its SQL, and the conversions of parameters and rows to and from the driver's types."""

    def __init__(
        self, statement: Select[Any] | CompoundSelect[Any] | Insert | Update | Delete, sqlalchemy_dialect: Dialect
    ) -> None:
        """Compile for a SQLAlchemy dialect. Raises TypeError if its parameters are not positional."""
        compiled = statement.compile(dialect=sqlalchemy_dialect)
        if compiled.positiontup is None:
            message = f"The parameters of {sqlalchemy_dialect.name} are not positional."
            raise TypeError(message)
        self.sql = str(compiled)
        self._constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._parameters = [
            (name, compiled.binds[name].type.dialect_impl(sqlalchemy_dialect).bind_processor(sqlalchemy_dialect))
            for name in compiled.positiontup
        ]
        selected = statement.selected_columns if isinstance(statement, Select | CompoundSelect) else ()
        processors = [
            column.type.dialect_impl(sqlalchemy_dialect).result_processor(sqlalchemy_dialect, None) for column in selected
        ]
        self._columns = [(index, process) for index, process in enumerate(processors) if process is not None]

    def parameters(self, values: Mapping[str, Any]) -> list[Any]:
        """Convert named values to the driver's types, in the order of the statement's parameters."""
        by_name = {**self._constants, **values}
        return [by_name[name] if process is None else process(by_name[name]) for name, process in self._parameters]

    def parameters_for_rows(self, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[list[Any]]:
        """Convert rows to the driver's types, in the order of the statement's parameters.

        `names` are the names of the rows' values. They must include every parameter of the statement.
        """
        positions = [(names.index(name), process) for name, process in self._parameters]
        return [[row[position] if process is None else process(row[position]) for position, process in positions] for row in rows]

    def rows(self, driver_rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Convert the driver's rows to the Python types of the selected columns."""
        processed: list[Sequence[Any]] = []
        for row in driver_rows:
            values = list(row)
            for index, process in self._columns:
                values[index] = process(values[index])
            processed.append(values)
        return processed
