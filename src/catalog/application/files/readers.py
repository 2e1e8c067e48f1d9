"""Reads a file in any of the formats."""

from catalog.application.files.csv_reader import read_csv
from catalog.application.files.json_reader import read_json_array, read_json_lines
from catalog.application.files.row_source import BinaryReader, RowSource
from catalog.application.files.trailer import TrailerPolicy


def read_table(file: BinaryReader, kind: str, delimiter: str = ",", policy: TrailerPolicy = "of_exports") -> RowSource:
    """Read a file in one of the formats csv, json and jsonl. `delimiter` is for CSV only; see `parse_delimiter`.

    Raises: InvalidQuery for a bad delimiter, InvalidFile if the file has another format or fails the trailer policy.
    """
    if kind == "csv":
        return read_csv(file, delimiter, policy)
    return read_json_array(file, policy) if kind == "json" else read_json_lines(file, policy)
