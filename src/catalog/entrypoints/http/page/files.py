"""The files of the page, made and compressed once. Browsers keep those that are named by their content for good."""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Final, Self

from catalog.application.imports.sample_data import sample_file
from catalog.entrypoints.http.page.modules import join_modules, join_rest

_FOLDER: Final = Path(__file__).parent
_MAIN: Final = "main.js"
_REST: Final = "rest.js"
_SAMPLE: Final = "sample.jsonl"
_HASH_LENGTH: Final = 12
_JAVASCRIPT: Final = "text/javascript; charset=utf-8"

# Comments, indentation and blank lines.
_LEFT_OUT_OF_STYLES: Final = re.compile(r"(?m)/\*[^*]*\*+(?:[^/*][^*]*\*+)*/\s*|^\s+")


@dataclass(frozen=True)
class PageFile:
    """A file of the page. `digest` is a part of that of the content, `compressed` the content in gzip, as small as it goes."""

    stem: str
    suffix: str
    media_type: str
    content: bytes
    digest: str
    compressed: bytes

    @classmethod
    def of(cls, stem: str, suffix: str, media_type: str, content: bytes) -> Self:
        """Return a file with this content. Compressing it takes milliseconds, so that is not left to a request."""
        digest = sha256(content).hexdigest()[:_HASH_LENGTH]
        return cls(stem, suffix, media_type, content, digest, gzip.compress(content, 9, mtime=0))

    @property
    def name(self) -> str:
        """The name, which has the digest of the content."""
        return f"{self.stem}.{self.digest}.{self.suffix}"

    def is_named(self, name: str) -> bool:
        """Return whether a file name is this file's, also that of another version of it."""
        return name.startswith(f"{self.stem}.") and name.endswith(f".{self.suffix}")


class PageFiles:
    """The scripts and the style sheet of the page, the document that loads them, and the sample items as a file to import.

    There are two scripts: one for the first view, and one for the rest of the page, which the first view does without.
    """

    def __init__(self, folder: Path = _FOLDER) -> None:
        """Read them from a folder. Raises: InvalidModule."""
        modules = _texts(folder / "scripts", "*.js")
        styles = "\n".join(_texts(folder / "styles", "*.css").values())
        self.script = PageFile.of("page", "js", _JAVASCRIPT, join_modules(modules, _MAIN).encode())
        self.rest = PageFile.of("rest", "js", _JAVASCRIPT, join_rest(modules, _REST, _MAIN).encode())
        self.style = PageFile.of("page", "css", "text/css; charset=utf-8", _LEFT_OUT_OF_STYLES.sub("", styles).encode())
        document = (folder / "index.html").read_text(encoding="utf-8")
        for placeholder, file in (("{{script}}", self.script), ("{{rest}}", self.rest), ("{{style}}", self.style)):
            document = document.replace(placeholder, file.name)
        self._document = document

    @cached_property
    def sample(self) -> PageFile:
        """The sample items. Made when somebody wants them, which is seldom."""
        return PageFile.of("sample", "jsonl", "application/jsonl", sample_file())

    def find(self, name: str) -> PageFile | None:
        """Return the file with this name, or another version of it; None if there is none.

        While a new version of the service is rolled out, the document may come from a process of one version and its files from
        one of the other. Then the other version is better than none.
        """
        if name == _SAMPLE:
            return self.sample
        return next((file for file in (self.script, self.rest, self.style) if file.is_named(name)), None)

    def document(self, prefix: str) -> bytes:
        """Return the document, for a service that is published under a path prefix."""
        return self._document.replace("{{prefix}}", escape(prefix)).encode()


@cache
def page_files() -> PageFiles:
    """Return the files of the page, the same for every application of this process. Raises: InvalidModule."""
    return PageFiles()


def _texts(folder: Path, names: str) -> Mapping[str, str]:
    """Return the text of each file in a folder with a name of this form, in the order of the names."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob(names))}
