"""/openapi.json, and the pages that show it: Swagger UI from our own files, ReDoc from its bundle where it is there."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, Router, get
from litestar.static_files import create_static_files_router

from catalog.entrypoints.http.bodies import JSON
from catalog.entrypoints.http.openapi import openapi_document

_STATIC = Path(__file__).parent / "static"
_REDOC_BUNDLE = _STATIC / "redoc.standalone.js"
_REDOC_CDN = "https://cdn.redoc.ly"

# The shared rules for pages, with what these two need: styles that their scripts write, and ReDoc's search worker.
_CSP = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:{images}; "
    "font-src 'self'; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def assets() -> Router:
    """Serve the scripts and styles: ours, and those of the package swagger-ui-py."""
    found = find_spec("swagger_ui")
    folders = [] if found is None or found.origin is None else [Path(found.origin).parent / "static"]
    return create_static_files_router(path="/docs/assets", directories=[_STATIC, *folders], include_in_schema=False)


@get("/docs", include_in_schema=False, sync_to_thread=False)
def docs() -> Response[bytes]:
    """Show the API, to try it."""
    return _page("docs.html", {})


@get("/redoc", include_in_schema=False, sync_to_thread=False)
def redoc() -> Response[bytes]:
    """Show the API, to read it. Where the bundle is not there, the page takes it from ReDoc's CDN, and its rules say so."""
    if _REDOC_BUNDLE.exists():
        return _page("redoc.html", {"{{script}}": "/docs/assets/redoc.standalone.js"})
    script = f"{_REDOC_CDN}/redoc/v2.5.0/bundles/redoc.standalone.js"
    return _page("redoc.html", {"{{script}}": script}, scripts=f" {_REDOC_CDN}", images=f" {_REDOC_CDN}")


@get("/openapi.json", include_in_schema=False, sync_to_thread=False)
def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Describe the API."""
    state = request.app.state
    if "openapi" not in state:
        state.openapi = msgspec.json.encode(openapi_document(request.app.routes))
    return Response(state.openapi, media_type=JSON)


def _page(name: str, filled: dict[str, str], scripts: str = "", images: str = "") -> Response[bytes]:
    text = (_STATIC / name).read_text()
    for mark, value in filled.items():
        text = text.replace(mark, value)
    headers = {"Content-Security-Policy": _CSP.format(scripts=scripts, images=images)}
    return Response(text.encode(), media_type=MediaType.HTML, headers=headers)
