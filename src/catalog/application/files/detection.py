"""What was detected in a file. It becomes part of the report, so that nothing is guessed silently."""

from dataclasses import dataclass

_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}


@dataclass(frozen=True, slots=True)
class FileDetection:
    """How a file is read: what the caller fixed, and what its content showed.

    `sheets` are the names of all sheets of a workbook. `warnings` are sentences for people, such as that the encoding is a guess.
    """

    format: str
    compression: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    records: str | None = None
    warnings: tuple[str, ...] = ()
    sheets: tuple[str, ...] = ()

    @property
    def is_workbook(self) -> bool:
        """Whether cells have types, as those of a spreadsheet."""
        return self.sheet is not None

    def describe(self) -> str:
        """Describe the file in a few words: "utf-16, tab-separated"."""
        words = [self.compression, self.encoding] if self.format == "csv" else [self.compression, self.format, self.encoding]
        if self.delimiter is not None:
            words.append(f"{_DELIMITER_NAMES.get(self.delimiter, self.delimiter)}-separated")
        if self.sheet is not None:
            words.append(f"sheet {self.sheet}")
        if self.records is not None:
            words.append(f"rows in {self.records}")
        return ", ".join(word for word in words if word)
