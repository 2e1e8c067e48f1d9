"""Requests that import a file, and what their responses count."""

import asyncio
from typing import Any

import httpx

from tests.http.making import ITEMS

IMPORT = f"{ITEMS}/import"
CSV = {"Content-Type": "text/csv; charset=utf-8"}
IN_BACKGROUND = CSV | {"Prefer": "respond-async"}


async def import_csv(client: httpx.AsyncClient, text: str, **parameters: Any) -> httpx.Response:  # noqa: ANN401 - parameters
    """Import CSV text with these query parameters."""
    return await client.post(IMPORT, content=text.encode(), headers=CSV, params=parameters)


def file_form(name: str, text: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - form fields
    """Return the arguments of a form upload, as browsers send it."""
    return {"files": {"file": (name, text.encode(), "application/octet-stream")}, "data": options}


def scope() -> dict[str, Any]:
    """Return the ASGI scope of a CSV import."""
    return {
        "type": "http",
        "method": "POST",
        "path": IMPORT,
        "raw_path": IMPORT.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"text/csv")],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("localhost", 80),
        "client": ("localhost", 1),
    }


def counts(body: dict[str, Any]) -> tuple[int, ...]:
    """Return the counts of rows, created, updated, unchanged, skipped and refused."""
    return tuple(body[name] for name in ("rows", "created", "updated", "unchanged", "skipped", "refused"))


async def wait_for_end(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    """Wait until an import has ended, and return its state."""
    async with asyncio.timeout(60):
        while True:
            body: dict[str, Any] = (await client.get(path)).json()
            if body["status"] != "running":
                return body
            await asyncio.sleep(0.01)
