"""Takes the fields of items from rows that have the same columns."""

from collections.abc import Mapping
from typing import Any

from catalog.application.imports.amounts import PLAIN, DecimalMark, read_price
from catalog.application.imports.attribute_columns import convert
from catalog.application.imports.field_names import ATTRIBUTE
from catalog.application.strict_json import parse_json
from catalog.domain.errors import Malformed
from catalog.domain.items.item import READ_ONLY_FIELDS, Provenance
from catalog.domain.validation import FieldErrors

_TOTALS = frozenset({"total", "totals", "subtotal", "grand total", "sum", "summe", "gesamt"})
"""SKU values that mark a row of totals."""

_CLEARABLE = ("name", "description", "category")
"""Plain fields that an empty cell clears. The item then refuses to be without a name."""


class ColumnLayout:
    """Maps fields to columns for all rows with the same column names, so that it is computed once."""

    def __init__(
        self,
        mapping: Mapping[str, str],
        constants: Mapping[str, str],
        types: Mapping[str, str],
        mark: DecimalMark | None = None,
        *,
        preserve: bool = False,
    ) -> None:
        """Take each field from its column in `mapping`, unless it has a constant. `types` are those of attributes.

        `mark` is the decimal mark of prices; with None, each must prove its own. With `preserve`, read-only fields are read too.
        """
        self.mapping = mapping
        """The column of each field."""
        # Constants are added to the row's values under tuple keys, which no column has.
        self._constants: dict[Any, str] = {(name,): value for name, value in constants.items()}
        sources: dict[str, Any] = {**mapping, **{name: (name,) for name in constants}}
        self._plain_fields = [(name, sources[name]) for name in ("sku", "name", "description", "category") if name in sources]
        self._sku = sources.get("sku")
        self._price, self._currency, self._attributes = (sources.get(name) for name in ("price", "currency", "attributes"))
        self._has_attributes = self._attributes is not None or any(name.startswith(ATTRIBUTE) for name in sources)
        self._mark = mark
        self._is_plain = PLAIN[mark]
        self._read_only = [(name, mapping.get(name, name)) for name in READ_ONLY_FIELDS] if preserve else None
        self._attribute_columns = [
            (name[len(ATTRIBUTE) :], source, types.get(name)) for name, source in sources.items() if name.startswith(ATTRIBUTE)
        ]

    def fields(self, values: Mapping[Any, Any], errors: FieldErrors) -> dict[str, Any]:
        """Convert the values of a row to the fields of an item, in the form that the domain parses."""
        if self._constants:
            values = {**values, **self._constants}
            self._refuse_filler_rows(values, errors)
        fields: dict[str, Any] = {}
        for name, source in self._plain_fields:
            if source in values:
                fields[name] = values[source]
        price = values.get(self._price)
        if price is not None:
            currency = values.get(self._currency)
            if isinstance(price, str) and not self._is_plain(price):
                price = read_price(price, currency, self._mark, errors)
                if price is not None:
                    fields["price"] = price
            elif isinstance(price, dict):
                fields["price"] = price
            else:
                fields["price"] = {"amount": price} if currency is None else {"amount": price, "currency": currency}
        if self._has_attributes:
            attributes = self._collect_attributes(values, errors)
            if attributes:
                fields["attributes"] = attributes
        return fields

    def with_cleared(self, fields: Mapping[str, Any], values: Mapping[Any, Any]) -> dict[str, Any]:
        """Return the fields as a merge patch that clears those with an empty cell."""
        values = {**values, **self._constants}
        cleared: dict[str, Any] = {
            name: None for name, source in self._plain_fields if name in _CLEARABLE and values.get(source) is None
        }
        if self._price is not None and values.get(self._price) is None:
            cleared["price"] = None
        attributes = {name: None for name, source, _ in self._attribute_columns if values.get(source) is None}
        if self._attributes is not None and values.get(self._attributes) is None and not self._attribute_columns:
            cleared["attributes"] = None
        elif attributes and isinstance(given := fields.get("attributes", {}), dict):
            cleared["attributes"] = {**attributes, **given}
        return {**fields, **cleared}

    def provenance(self, values: Mapping[str, Any], errors: FieldErrors) -> Provenance | None:
        """Parse the id, version and timestamps that an item had in another catalog, if they are preserved."""
        if self._read_only is None:
            return None
        return Provenance.parse({name: values[column] for name, column in self._read_only if column in values}, errors)

    def _refuse_filler_rows(self, values: Mapping[Any, Any], errors: FieldErrors) -> None:
        """Refuse rows of totals and empty rows, which only look like items because constants fill in their missing values."""
        if len(values) == len(self._constants):
            errors.add((), "empty_row", "The row has no values of its own.")
        sku = values.get(self._sku)
        if isinstance(sku, str) and sku.strip().rstrip(":").casefold() in _TOTALS:
            errors.add(("sku",), "total_row", f"The row seems to be a total ({sku.strip()}), not an item.")

    def _collect_attributes(self, values: Mapping[Any, Any], errors: FieldErrors) -> Any:  # noqa: ANN401 - any JSON value, which the domain validates
        """Merge the attributes column and the attr.NAME columns."""
        attributes = {} if self._attributes is None else self._parse_attributes(values.get(self._attributes, {}), errors)
        if not isinstance(attributes, dict):
            return attributes
        for name, source, type_name in self._attribute_columns:
            value = values.get(source)
            if value is not None and type_name is not None:
                value = convert(value, type_name, name, errors)
            if value is not None:
                attributes[name] = value
        return attributes

    def _parse_attributes(self, attributes: Any, errors: FieldErrors) -> Any:  # noqa: ANN401 - any JSON value, which the domain validates
        """Return the value of the attributes column: if it is an object or the text of one, a dict of its own."""
        if isinstance(attributes, str):
            try:
                return parse_json(attributes)
            except Malformed as error:
                errors.add(("attributes",), "malformed", str(error))
                return {}
        return attributes.copy() if isinstance(attributes, dict) else attributes
