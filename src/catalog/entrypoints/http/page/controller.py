"""`/`, where people use the catalog in a browser, and the files that it loads."""

from typing import Any, Final

from litestar import Controller, Request, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from catalog.entrypoints.http.page.files import PageFiles
from catalog.entrypoints.http.requests.access import public_page
from catalog.entrypoints.http.responses.compression import GZIP, accepts_gzip
from catalog.entrypoints.http.responses.prepared import Header, PreparedResponse
from catalog.entrypoints.http.responses.public_prefix import public_prefix
from catalog.ports.cache import ResponseContent

# Nothing but the page's own files and the API, and nothing inline. The icon is in the document itself.
_CSP: Final = (
    b"content-security-policy",
    (
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
        b"form-action 'self'; frame-ancestors 'none'"
    ),
)
_HTML: Final = (b"content-type", b"text/html; charset=utf-8")
_REVALIDATED: Final = (b"cache-control", b"no-cache")
_IMMUTABLE: Final = (b"cache-control", b"public, max-age=31536000, immutable")
_VARY: Final = (b"vary", b"Accept-Encoding")


class PageController(Controller):
    """The page."""

    include_in_schema = False
    opt = public_page()
    files: PageFiles

    @get("/", sync_to_thread=False)
    def document(self) -> PreparedResponse:
        """Return the document."""
        body = self.files.document(public_prefix.get())
        return PreparedResponse(200, _content(body, _HTML, _CSP, _REVALIDATED))

    @get("/page/{name:str}", sync_to_thread=False)
    def file(self, request: Request[Any, Any, Any], name: FromPath[str]) -> PreparedResponse:
        """Return a file of the page. One that is named by its content is never asked for again."""
        found = self.files.find(name)
        if found is None:
            raise NotFoundException
        is_compressed = accepts_gzip(request.scope)
        body = found.compressed if is_compressed else found.content
        etag = f'"{found.digest}{"-gzip" if is_compressed else ""}"'
        headers = ((b"content-type", found.media_type.encode()), (b"etag", etag.encode()), _VARY)
        caching = _IMMUTABLE if found.name == name else _REVALIDATED
        return PreparedResponse(200, _content(body, *headers, caching, *([GZIP] if is_compressed else [])))


def _content(body: bytes, *headers: Header) -> ResponseContent:
    return ResponseContent(body, (*headers, (b"content-length", b"%d" % len(body))))
