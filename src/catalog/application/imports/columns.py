"""Which column of a file is which field: by its name, or because the caller said so.

The names of columns match those of fields regardless of case, spaces, underscores and hyphens. Other names for the same thing
(title, EAN, Preis) are offered in messages, never taken silently.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from catalog.application.imports.attribute_names import fit_name
from catalog.application.imports.field_names import ATTRIBUTE, FIELDS
from catalog.domain.errors import FieldError, InvalidFile
from catalog.domain.items.item import READ_ONLY_FIELDS
from catalog.domain.text.normalization import printable
from catalog.domain.validation import FieldErrors

_SEPARATORS = re.compile(r"[\s_\-]+")

_DELIMITERS = {";": ";", "\t": "tab", "|": "|"}
"""Common delimiters other than the comma, and their names in the delimiter option."""

_MAX_NAMES_SHOWN = 20
_MAX_CHARACTERS_SHOWN = 40

_ALIASES = {
    "sku": (
        "sku code|sku id|product sku|item sku|seller sku|variant sku|merchant sku|item number|item no|item no.|item code|item id|"
        "product number|product no|product code|product id|article number|article no|part number|part no|mpn|model number|ean|"
        "ean13|ean code|gtin|upc|barcode|isbn|code|reference|ref|id|handle|artikelnummer|artikelnr|artikel-nr.|artikel nr|"
        "art.nr.|art. nr.|artnr|artikelcode|bestellnummer|référence|reference produit|code article|codice|codice articolo|"
        "código|codigo|referencia|varenummer|artikkelnummer|nr|numer|kod|品番|商品コード"
    ),
    "name": (
        "title|product name|product title|item name|article name|product|item|label|designation|bezeichnung|artikelbezeichnung|"
        "artikelname|produktname|titel|nom|nom du produit|désignation|titre|libellé|nombre|nome|titolo|título|titulo|naam|namn|"
        "navn|nazwa|商品名"
    ),
    "description": (
        "body|body (html)|long description|short description|product description|item description|details|text|beschreibung|"
        "langtext|kurztext|artikelbeschreibung|descripción|descrizione|descrição|omschrijving|beskrivning|beskrivelse|opis|説明"
    ),
    "category": (
        "categories|product type|product category|type|group|product group|department|kategorie|warengruppe|produktgruppe|"
        "catégorie|categoria|categoría|categorie|kategori|kategoria|カテゴリ"
    ),
    "price": (
        "unit price|regular price|list price|retail price|sale price|variant price|amount|cost|rrp|msrp|preis|verkaufspreis|"
        "vk|vk-preis|einzelpreis|bruttopreis|prix|prix unitaire|prix ttc|precio|prezzo|preço|preco|prijs|pris|cena|価格"
    ),
    "currency": "currency code|iso currency|währung|waehrung|devise|moneda|valuta|moeda|waluta|通貨",
    "attributes": "properties|specifications|specs|eigenschaften|merkmale|attribute",
}
"""What other systems call the fields, in several languages."""


def normalize_name(name: str) -> str:
    """Return the name without case, spaces, underscores and hyphens."""
    return _SEPARATORS.sub("", name).casefold()


_FIELDS = {normalize_name(name): name for name in (*FIELDS, *READ_ONLY_FIELDS)}
_FIELD_OF_ALIAS = {normalize_name(alias): field for field, aliases in _ALIASES.items() for alias in aliases.split("|")}


@dataclass(frozen=True, slots=True)
class ColumnMatch:
    """The column of each field, with sentences about columns that match but are not taken.

    `duplicates` are columns that have the name of the same field, none of them exactly, so that it has none.
    """

    mapping: Mapping[str, str]
    warnings: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()


def field_of(column: str) -> str | None:
    """Return the field, read-only or not, that has the name of a column; None for another column."""
    field = _FIELDS.get(normalize_name(column))
    if field is not None or not _is_attribute(column):
        return field
    fit = fit_name(column.partition(".")[2])
    return None if fit is None else f"{ATTRIBUTE}{fit}"


def _is_attribute(column: str) -> bool:
    """Return whether a column has the form attr.NAME, in any case and with spaces around the parts."""
    prefix, _, name = column.partition(".")
    return prefix.strip().lower() == "attr" and bool(name.strip())


def find_columns(given: Mapping[str, str], columns: Sequence[str], errors: FieldErrors) -> dict[str, str]:
    """Return the columns that the caller named for fields, as the file spells them. Add an error for each that is missing."""
    found = {}
    for field, name in given.items():
        column = find_column(name, columns)
        if column is None:
            message = f"The file has no column {name} for {field}. Its columns: {list_names(columns)}."
            errors.add(("map",), "unknown_column", message)
        else:
            found[field] = column
    return found


def find_column(name: str, columns: Sequence[str]) -> str | None:
    """Return the column with exactly this name, or else the only one with a similar one. None if there is none."""
    if name in columns:
        return name
    normalized = normalize_name(name)
    similar = [column for column in columns if normalize_name(column) == normalized]
    return similar[0] if len(similar) == 1 else None


def match_columns(columns: Sequence[str], given: Mapping[str, str], *, read_only: bool = False) -> ColumnMatch:
    """Map the fields to the columns of the same names, and as `given`. Also the read-only fields, if they are wanted."""
    candidates = _candidates(columns, given, read_only=read_only)
    repeated = {field: names for field, names in candidates.items() if len(names) > 1}
    unclear = {field: names for field, names in repeated.items() if not field.startswith(ATTRIBUTE) and field not in names}
    mapping = {field: _best(field, names) for field, names in candidates.items() if field not in unclear}
    warnings = [
        f"The columns {list_names(names)} are all {field}; {printable(mapping[field])} is taken. "
        f"To take another too, map it: map={field}_2=COLUMN."
        for field, names in repeated.items()
        if field.startswith(ATTRIBUTE)
    ]
    duplicates = tuple(name for names in unclear.values() for name in names)
    return ColumnMatch(mapping | dict(given), (*warnings, *_unfit(columns)), duplicates)


def match_names(names: Sequence[str], given: Mapping[str, str], *, read_only: bool = False) -> dict[str, str]:
    """Map the fields to the names in a row that names its own values. A field that several names match is left out."""
    candidates = _candidates(names, given, read_only=read_only)
    mapping = {field: _best(field, matches) for field, matches in candidates.items() if field in matches or len(matches) == 1}
    return mapping | dict(given)


def _best(field: str, columns: Sequence[str]) -> str:
    """Return the column with exactly the name of the field, or else the first."""
    return field if field in columns else columns[0]


def _candidates(columns: Sequence[str], given: Mapping[str, str], *, read_only: bool) -> dict[str, list[str]]:
    """Return the different columns that match each field, except the fields that are given."""
    candidates: dict[str, list[str]] = defaultdict(list)
    given_columns = set(given.values())
    for column in dict.fromkeys(columns):
        field = field_of(column)
        if field is None or field in given or (field in READ_ONLY_FIELDS and not read_only):
            continue
        if column == field or column not in given_columns:
            candidates[field].append(column)
    return candidates


def _unfit(columns: Sequence[str]) -> tuple[str, ...]:
    """Name the attribute columns whose names cannot be made fit."""
    unfit = [column for column in dict.fromkeys(columns) if _is_attribute(column) and field_of(column) is None]
    if not unfit:
        return ()
    return (f"No attribute name can be made from {list_names(unfit)}; map it: map={ATTRIBUTE}NAME={list_names(unfit[:1])}.",)


def header_problem(
    columns: Sequence[str], match: ColumnMatch, used: Mapping[str, str], *, has_sku: bool, offers: Sequence[str] = ()
) -> InvalidFile | None:
    """Return why a header is refused: a used column is there twice, or there is no SKU. `offers` name a cure in sentences."""
    counts = Counter(columns)
    duplicates = match.duplicates or sorted({name for name in used.values() if counts[name] > 1})
    if duplicates:
        return InvalidFile([FieldError((), "invalid_file", f"Duplicate columns in the header: {list_names(duplicates)}.")])
    if has_sku:
        return None
    columns_found = f"Its columns: {list_names(columns)}." if columns else "Its first row is empty."
    delimiters = [delimiter for delimiter in _DELIMITERS if delimiter in columns[0]] if len(columns) == 1 else []
    if delimiters:
        cures = [f"It seems to use another delimiter; set the delimiter to {_DELIMITERS[delimiters[0]]}."]
    else:
        cures = [*offers, *suggest(columns, used)] or ["Name the column that has it: map=sku=COLUMN."]
    no_field = "" if used else "None of its columns is a field. "
    message = f"The file has no column sku, but every row needs a SKU. {no_field}{columns_found}"
    return InvalidFile([FieldError((), "invalid_file", " ".join((message, *(cures if columns else ()))))])


def suggest(columns: Sequence[str], used: Mapping[str, str]) -> list[str]:
    """Offer columns for the fields that have none, in sentences."""
    offered = suggestions(columns, used)
    return [
        f"The column {list_names([offered[field]])} may be the {field}: map={field}={list_names([offered[field]])}."
        for field in FIELDS
        if field in offered
    ]


def suggestions(columns: Sequence[str], used: Mapping[str, str]) -> dict[str, str]:
    """Return columns for the fields that have none: those that are known by another name, and for the SKU, the most similar."""
    taken = set(used.values())
    offered: dict[str, str] = {}
    for column in dict.fromkeys(columns):
        field = _FIELD_OF_ALIAS.get(normalize_name(column))
        if field is not None and field not in used and column not in taken:
            offered.setdefault(field, column)
    if "sku" not in used and "sku" not in offered:
        by_name = {normalize_name(name): name for name in columns}
        nearest = get_close_matches("sku", by_name, 1)
        if nearest:
            offered["sku"] = by_name[nearest[0]]
    return offered


def list_names(names: Sequence[str]) -> str:
    """List names from a file, limited in number and length, without terminal control characters."""
    listed = ", ".join(printable(name)[:_MAX_CHARACTERS_SHOWN] for name in names[:_MAX_NAMES_SHOWN])
    return f"{listed} and {len(names) - _MAX_NAMES_SHOWN} more" if len(names) > _MAX_NAMES_SHOWN else listed
