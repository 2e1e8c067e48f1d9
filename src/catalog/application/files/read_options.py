"""How to read a file: what the caller fixed. Everything else is detected."""

from dataclasses import dataclass

from catalog.application.files.trailer import TrailerPolicy


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The options of reading a file; None means that the content decides.

    `format` is csv (with any delimiter), json, jsonl, xlsx or ods. `delimiter` is one character, or `tab`. `sheet` is a
    name, or a number from 1. `records` is the path of the member of a JSON object that has the array of rows, such as
    `products` or `data.items`. `partial` says that the file is an export that was edited or shortened.
    """

    format: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    records: str | None = None
    partial: bool = False

    @property
    def policy(self) -> TrailerPolicy:
        """What to do with the trailer: the file of a partial import was edited, so its trailer cannot match."""
        return "ignore" if self.partial else "verify"
