"""/openapi.json, and the pages that show it: Swagger UI from our own files, ReDoc from its bundle where it is there."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, Router, get
from litestar.static_files import create_static_files_router

from catalog.entrypoints.http.middleware.public_prefix import public_path, public_prefix
from catalog.entrypoints.http.openapi.document import openapi_document
from catalog.entrypoints.http.requests.bodies import JSON

_STATIC = Path(__file__).parents[1] / "static"

_BUNDLES = (("swagger_ui", "static"), ("drf_spectacular_sidecar", "static/drf_spectacular_sidecar/redoc/bundles"))
"""Packages that bring Swagger UI and ReDoc, and where. Their files alone are used; the packages are never imported."""

_REDOC = "redoc.standalone.js"
_REDOC_CDN = "https://cdn.redoc.ly"

# The shared rules for pages, with what these two need: styles that their scripts write, and ReDoc's search worker.
_CSP = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:{images}; "
    "font-src 'self'; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def assets() -> Router:
    """Serve the scripts and styles: ours, and those of other packages."""
    return create_static_files_router(path="/docs/assets", directories=[_STATIC, *_folders()], include_in_schema=False)


def _folders() -> list[Path]:
    """Return where scripts and styles of other packages are."""
    found = ((find_spec(package), folder) for package, folder in _BUNDLES)
    return [Path(spec.origin).parent / folder for spec, folder in found if spec is not None and spec.origin is not None]


@get("/", include_in_schema=False, sync_to_thread=False)
def home() -> Response[bytes]:
    """Lead people who type the address into a browser to the documentation."""
    return Response(b"", status_code=307, headers={"Location": "/docs"})


@get("/api/v1", include_in_schema=False, sync_to_thread=False)
def index() -> Response[bytes]:
    """List what there is below this path."""
    return Response(msgspec.json.encode({name: public_path(path) for name, path in _INDEX.items()}), media_type=JSON)


_INDEX = {
    "items": "/api/v1/items",
    "categories": "/api/v1/categories",
    "changes": "/api/v1/changes",
    "health": "/api/v1/health",
    "openapi": "/openapi.json",
    "documentation": "/docs",
}


@get("/docs", include_in_schema=False, sync_to_thread=False)
def docs() -> Response[bytes]:
    """Show the API, to try it."""
    return _page("docs.html", {})


@get("/redoc", include_in_schema=False, sync_to_thread=False)
def redoc() -> Response[bytes]:
    """Show the API, to read it. Where the bundle is not there, the page takes it from ReDoc's CDN, and its rules say so."""
    if any((folder / _REDOC).exists() for folder in _folders()):
        return _page("redoc.html", {"{{script}}": f"docs/assets/{_REDOC}"})
    script = f"{_REDOC_CDN}/redoc/v2.5.0/bundles/{_REDOC}"
    return _page("redoc.html", {"{{script}}": script}, scripts=f" {_REDOC_CDN}", images=f" {_REDOC_CDN}")


@get("/openapi.json", include_in_schema=False, sync_to_thread=False)
def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Describe the API, as it is seen from outside: behind a proxy's path the server's URL has that path."""
    state = request.app.state
    if "openapi" not in state:
        state.openapi = {}
    prefix = public_prefix.get()
    if prefix not in state.openapi:
        if len(state.openapi) >= _PREFIXES:
            state.openapi.clear()
        document = openapi_document(request.app.routes) | {"servers": [{"url": prefix or "/"}]}
        state.openapi[prefix] = msgspec.json.encode(document)
    return Response(state.openapi[prefix], media_type=JSON)


_PREFIXES = 16
"""Documents that are kept, each for another path of a proxy."""


def _page(name: str, filled: dict[str, str], scripts: str = "", images: str = "") -> Response[bytes]:
    text = (_STATIC / name).read_text()
    for mark, value in filled.items():
        text = text.replace(mark, value)
    headers = {"Content-Security-Policy": _CSP.format(scripts=scripts, images=images)}
    return Response(text.encode(), media_type=MediaType.HTML, headers=headers)
