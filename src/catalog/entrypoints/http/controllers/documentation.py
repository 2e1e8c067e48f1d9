"""`/openapi.json` and the pages that render it.

Swagger UI is served from installed files. So is ReDoc if its package is installed; otherwise it is loaded from its CDN.
"""

from html import escape
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, Router, get
from litestar.static_files import create_static_files_router

from catalog.entrypoints.http.requests.access import public_page
from catalog.entrypoints.http.requests.bodies import JSON
from catalog.entrypoints.http.responses.problem_types import ERRORS_PATH, PROBLEM_TYPES
from catalog.entrypoints.http.responses.problems import codes_by_status
from catalog.entrypoints.http.responses.public_prefix import public_path, public_prefix

_STATIC = Path(__file__).parents[1] / "static"

_BUNDLES = (("swagger_ui", "static"), ("drf_spectacular_sidecar", "static/drf_spectacular_sidecar/redoc/bundles"))
"""Packages that contain Swagger UI and ReDoc, and the folder inside. Only their files are used; they are never imported."""

_REDOC = "redoc.standalone.js"
_REDOC_CDN = "https://cdn.redoc.ly"

# The common Content-Security-Policy, plus what these two pages need: inline styles, and a worker for ReDoc's search.
_CSP = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:{images}; "
    "font-src 'self'; connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def assets() -> Router:
    """Return a router that serves scripts and styles: our own, and those of the installed packages."""
    return create_static_files_router(
        path="/docs/assets", directories=[_STATIC, *_bundle_folders()], include_in_schema=False, opt=public_page()
    )


def _bundle_folders() -> list[Path]:
    """Return the folders of the installed packages in `_BUNDLES`."""
    specs = ((find_spec(package), folder) for package, folder in _BUNDLES)
    return [Path(spec.origin).parent / folder for spec, folder in specs if spec is not None and spec.origin is not None]


@get("/api/v1", include_in_schema=False, opt=public_page(), sync_to_thread=False)
def index() -> Response[bytes]:
    """List the resources of the API."""
    return Response(msgspec.json.encode({name: public_path(path) for name, path in _INDEX.items()}), media_type=JSON)


_INDEX = {
    "items": "/api/v1/items",
    "categories": "/api/v1/categories",
    "changes": "/api/v1/changes",
    "health": "/api/v1/health",
    "openapi": "/openapi.json",
    "documentation": "/docs",
}


@get("/docs", include_in_schema=False, opt=public_page(), sync_to_thread=False)
def docs() -> Response[bytes]:
    """Show the API in Swagger UI, where you can try it."""
    return _page("docs.html", {})


@get("/redoc", include_in_schema=False, opt=public_page(), sync_to_thread=False)
def redoc() -> Response[bytes]:
    """Show the API in ReDoc.

    Without a local bundle, the page loads it from ReDoc's CDN, and its Content-Security-Policy allows that.
    """
    if any((folder / _REDOC).exists() for folder in _bundle_folders()):
        return _page("redoc.html", {"{{script}}": f"docs/assets/{_REDOC}"})
    script = f"{_REDOC_CDN}/redoc/v2.5.0/bundles/{_REDOC}"
    return _page("redoc.html", {"{{script}}": script}, scripts=f" {_REDOC_CDN}", images=f" {_REDOC_CDN}")


@get(ERRORS_PATH, include_in_schema=False, opt=public_page(), sync_to_thread=False)
def error_types() -> Response[bytes]:
    """Describe every error code. A problem's `type` refers to a section of this page."""
    sections = [_error_section(code, status) for status, codes in sorted(codes_by_status().items()) for code in codes]
    return _page("errors.html", {"{{sections}}": "\n".join(sections)})


def _error_section(code: str, status: int) -> str:
    title, meaning = PROBLEM_TYPES[code]
    parts = escape(meaning).split("`")
    text = "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))
    return f'<h2 id="{code}">{escape(title)}</h2>\n<p><code>{code}</code>, status {status}. {text}</p>'


@get("/openapi.json", include_in_schema=False, opt=public_page(), sync_to_thread=False)
def openapi(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the OpenAPI document. Its server URL is the public path prefix, if a proxy adds one."""
    servers = msgspec.json.encode({"servers": [{"url": public_prefix.get() or "/"}]})
    document: bytes = request.app.state.openapi  # encoded once, without the servers
    return Response(servers.removesuffix(b"}") + b"," + document.removeprefix(b"{"), media_type=JSON)


def _page(name: str, replacements: dict[str, str], scripts: str = "", images: str = "") -> Response[bytes]:
    text = (_STATIC / name).read_text()
    for placeholder, value in replacements.items():
        text = text.replace(placeholder, value)
    headers = {"Content-Security-Policy": _CSP.format(scripts=scripts, images=images)}
    return Response(text.encode(), media_type=MediaType.HTML, headers=headers)
