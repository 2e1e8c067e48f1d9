"""Plain text from HTML, and HTML from plain text, for descriptions of shops."""

from html import escape, unescape
from html.parser import HTMLParser

_BLOCKS = frozenset({"br", "p", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "section", "hr"})
_HIDDEN = frozenset({"script", "style"})


class _TextParser(HTMLParser):
    """Collects the visible text. Blocks start new lines."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the signature is HTMLParser's
        self._hidden += tag in _HIDDEN
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in _HIDDEN and self._hidden > 0
        if tag in _BLOCKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def plain_text(html: str) -> str:
    """Return the text of an HTML fragment, without tags and with one line per block. Text without tags keeps its lines."""
    if "<" not in html:
        return unescape(html) if "&" in html else html
    parser = _TextParser()
    parser.feed(html)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).split("\n"))
    return "\n".join(filter(None, lines))


def to_html(text: str) -> str:
    """Return an HTML fragment from which `plain_text` makes the same text: with <br> between lines if that is so."""
    html = escape(text, quote=False)
    with_breaks = html.replace("\n", "<br>\n")
    return with_breaks if "\n" in text and plain_text(with_breaks) == text else html
