"""The formats of exports, by name, with their options."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from catalog.application.exports.columns import Columns, ItemColumns
from catalog.application.exports.csv_encoder import CsvEncoder
from catalog.application.exports.encoder import Encode, Encoder
from catalog.application.exports.json_encoders import JsonArrayEncoder, JsonLinesEncoder, encode_cells
from catalog.application.exports.profile_columns import ProfileColumns
from catalog.application.exports.workbook_encoder import WorkbookEncoder
from catalog.application.files.delimited.delimiters import parse_delimiter
from catalog.application.files.encodings import UTF_8, Encoding, parse_output_encoding
from catalog.application.files.trailer import TRAILER_KEY
from catalog.application.imports.profiles import Profile, load_profile
from catalog.domain.errors import InvalidQuery
from catalog.domain.validation import FieldErrors

FORMAT_NAMES = ("csv", "jsonl", "json", "tsv", "xlsx")
"""The formats that can be written."""

DECIMAL_MARKS = ("point", "comma")
"""The decimal marks of prices."""

_DELIMITED = ("csv", "tsv")


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What the caller wants the file to be like; None is the default of the format. `profile` is one, or a name."""

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    profile: Profile | str | None = None
    with_categories: bool = False
    proof: bool = False


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """A format with its options, for one export.

    `charset` is the name of a text's encoding. With `may_refuse`, an item may have to be refused in the middle of the export.
    """

    name: str
    encoder: Callable[[Encode], Encoder]
    columns: Columns = field(default_factory=ItemColumns)
    charset: str | None = None
    may_refuse: bool = False

    @property
    def is_compressed(self) -> bool:
        """Whether compressing the file would gain nothing."""
        return self.name == "xlsx"


def parse_format(name: str, options: ExportOptions = ExportOptions()) -> ExportFormat:
    """Return the format with this name and these options.

    Raises: InvalidQuery, with every error.
    """
    errors = FieldErrors()
    delimiter, encoding, columns = ",", UTF_8, None
    if name not in FORMAT_NAMES:
        errors.add(("format",), "invalid_choice", f"The parameter format must be {' or '.join(FORMAT_NAMES)}.")
    elif name not in _DELIMITED:
        _refuse_text_options(name, options, errors)
    try:
        delimiter = _delimiter(name, options.delimiter)
    except InvalidQuery as error:
        errors.extend(error)
    try:
        encoding = parse_output_encoding(options.encoding or "utf-8")
    except InvalidQuery as error:
        errors.extend(error)
    if options.decimal not in (None, *DECIMAL_MARKS):
        errors.add(("decimal",), "invalid_choice", f"The parameter decimal must be {' or '.join(DECIMAL_MARKS)}.")
    try:
        columns = _profile_columns(options.profile)
    except InvalidQuery as error:
        errors.extend(error)
    if columns is not None:
        _refuse_rows_that_are_no_items(options, errors)
    if options.proof and name in _DELIMITED and not _can_prove(encoding, delimiter):
        message = f"A file in {encoding.name} cannot have a proof; omit proof, or set encoding=utf-8."
        errors.add(("proof",), "invalid_choice", message)
    errors.raise_if_any(InvalidQuery)
    if name in _DELIMITED:
        return _delimited(name, delimiter, encoding, options.decimal, columns)
    return _undelimited(name, columns)


def _delimited(
    name: str, delimiter: str, encoding: Encoding, decimal: str | None, columns: ProfileColumns | None
) -> ExportFormat:
    table: Columns = columns or ItemColumns()
    return ExportFormat(
        name,
        lambda _: CsvEncoder(table, encoding, delimiter, decimal_comma=decimal == "comma"),
        table,
        _charset(encoding),
        may_refuse=columns is not None or not encoding.codec.startswith("utf"),
    )


def _undelimited(name: str, columns: ProfileColumns | None) -> ExportFormat:
    table: Columns = columns or ItemColumns()
    if name == "xlsx":
        return ExportFormat(name, lambda _: WorkbookEncoder(table), table, may_refuse=True)
    if columns is None:
        return FORMATS[name]
    make = JsonLinesEncoder if name == "jsonl" else JsonArrayEncoder
    return ExportFormat(name, lambda _: make(encode_cells(table), table), table, may_refuse=True)


def _refuse_text_options(name: str, options: ExportOptions, errors: FieldErrors) -> None:
    """Refuse options of CSV for another format, unless they ask for what it is anyway."""
    for option, value, default in (
        ("delimiter", options.delimiter, None),
        ("decimal", options.decimal, "point"),
        ("encoding", options.encoding, "utf-8"),
    ):
        if value not in (None, default):
            errors.add((option,), "not_applicable", f"The option {option} is only for CSV, not for {name}; omit it.")


def _delimiter(name: str, given: str | None) -> str:
    """Return the delimiter. Raises: InvalidQuery."""
    if name != "tsv":
        return parse_delimiter(given or ",")
    if given is not None and parse_delimiter(given) != "\t":
        errors = FieldErrors()
        errors.add(
            ("delimiter",), "not_applicable", "The format tsv is tab-separated; omit the delimiter, or use the format csv."
        )
        errors.raise_if_any(InvalidQuery)
    return "\t"


def _profile_columns(profile: Profile | str | None) -> ProfileColumns | None:
    """Return the columns of a profile. Raises: InvalidQuery."""
    loaded = load_profile(profile) if isinstance(profile, str) else profile
    return None if loaded is None else ProfileColumns(loaded)


def _refuse_rows_that_are_no_items(options: ExportOptions, errors: FieldErrors) -> None:
    """Refuse a proof and categories in the columns of another system, which would take them for items."""
    for option, wanted in (("proof", options.proof), ("with_categories", options.with_categories)):
        if wanted:
            message = f"The option {option} cannot be combined with profile: every row of such a file is an item."
            errors.add((option,), "not_applicable", message)


def _can_prove(encoding: Encoding, delimiter: str) -> bool:
    """Return whether an import recognizes the trailer among the bytes of a file."""
    encoder = CsvEncoder(ItemColumns(), encoding, delimiter)
    encoder.trailer(0, "")
    return encoder.trailer(0, "").startswith(f"{TRAILER_KEY}{delimiter}0".encode())


def _charset(encoding: Encoding) -> str:
    """Return the name of an encoding as HTTP has it."""
    return (
        encoding.name.replace("_", "-").replace("utf-16-", "utf-16").replace("utf-32-", "utf-32").replace("iso8859", "iso-8859")
    )


FORMATS: Mapping[str, ExportFormat] = {
    "csv": ExportFormat("csv", lambda _: CsvEncoder(ItemColumns(), UTF_8), charset="utf-8"),
    "jsonl": ExportFormat("jsonl", JsonLinesEncoder),
    "json": ExportFormat("json", JsonArrayEncoder),
}
"""The plain formats: those of text, without options."""
