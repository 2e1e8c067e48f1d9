"""`/` and the files of the page over HTTP."""

import gzip
import re
from pathlib import Path

import httpx
import pytest

from catalog.entrypoints.http.page.files import PageFiles
from tests.http.identity.making import serving
from tests.http.making import client_for, memory_app

IMMUTABLE = "public, max-age=31536000, immutable"


@pytest.fixture
def store() -> str:
    """The page is the same for every store."""
    return "memory"


def links(document: str) -> list[str]:
    """Return the paths of the files that a document loads."""
    return re.findall(r'(?:src|href|data-rest)="([^"]+/page/[^"]+|/page/[^"]+)"', document)


async def test_the_document_loads_only_what_its_policy_allows(client: httpx.AsyncClient) -> None:
    """There is nothing inline. Browsers ask for the document again each time, so they notice new files."""
    response = await client.get("/")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert response.headers["cache-control"] == "no-cache"
    policy = dict(part.strip().split(" ", 1) for part in response.headers["content-security-policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    assert "{{" not in response.text
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=", response.text)
    loaded = links(response.text)
    assert [path.rpartition(".")[2] for path in loaded] == ["css", "js", "js"]
    for path in loaded:
        assert (await client.get(path)).status_code == 200, path


async def test_files_are_named_by_their_content_and_kept_for_good(client: httpx.AsyncClient) -> None:
    """They are compressed if the client accepts it. Each form has an ETag of its own."""
    for path in links((await client.get("/")).text):
        plain = await client.get(path, headers={"Accept-Encoding": "identity"})
        compressed = await client.get(path, headers={"Accept-Encoding": "gzip"})
        assert plain.headers["content-type"].startswith("text/javascript" if path.endswith(".js") else "text/css")
        assert compressed.content == plain.content
        assert (compressed.headers["content-encoding"], "content-encoding" in plain.headers) == ("gzip", False)
        assert int(plain.headers["content-length"]) == len(plain.content)
        assert compressed.headers["etag"] != plain.headers["etag"]
        for response in (plain, compressed):
            assert (response.headers["cache-control"], response.headers["vary"]) == (IMMUTABLE, "Accept-Encoding")


async def test_the_name_of_another_version_gets_this_one(client: httpx.AsyncClient) -> None:
    """While versions are exchanged, a document may come from the other one. Then the file is not kept."""
    for path in links((await client.get("/")).text):
        name, _, suffix = path.rsplit(".", 2)
        other = await client.get(f"{name}.0123456789ab.{suffix}")
        assert other.content == (await client.get(path)).content
        assert other.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["page.txt", "other.js", "modules.py", "..%2Fcontroller.py", "%2E%2E", "a/page.js", ""])
async def test_there_are_no_other_files(client: httpx.AsyncClient, name: str) -> None:
    """The sources of the page are not among them."""
    response = await client.get(f"/page/{name}")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_head_has_the_headers_only(client: httpx.AsyncClient) -> None:
    """Of the document and of files."""
    for path in ("/", *links((await client.get("/")).text)):
        head, got = await client.head(path), await client.get(path)
        assert (head.status_code, head.content) == (200, b"")
        assert {name: head.headers[name] for name in ("content-type", "cache-control")} == {
            name: got.headers[name] for name in ("content-type", "cache-control")
        }


async def test_other_methods_are_refused(client: httpx.AsyncClient) -> None:
    """The page is read only."""
    for path in ("/", *links((await client.get("/")).text)):
        assert (await client.post(path)).status_code == 405


@pytest.mark.parametrize("stripped", [True, False])
async def test_links_have_the_prefix_of_a_proxy(*, stripped: bool) -> None:
    """Also those of a document that another prefix has been asked for before."""
    async with client_for(memory_app(root_path="/shop/catalog")) as client:
        base = "" if stripped else "/shop/catalog"
        document = (await client.get(f"{base}/")).text
        assert all(path.startswith("/shop/catalog/page/") for path in links(document))
        assert '"/shop/catalog/docs"' in document
        for path in links(document):
            assert (await client.get(path.removeprefix("/shop/catalog") if stripped else path)).status_code == 200


def test_the_prefix_is_text() -> None:
    """Whatever checks it, it cannot end an attribute of the document."""
    assert b'"><script>' not in PageFiles().document('"><script>alert(1)</script>')


async def test_the_page_is_public(store_url: str) -> None:
    """It asks people to sign in itself, so it ignores credentials, also those that are not valid."""
    async with serving(store_url) as service, service.client() as client:
        paths = ["/", *links((await client.get("/")).text), "/page/sample.jsonl"]
        for headers in ({}, {"Authorization": "Bearer x", "X-API-Key": "y"}):
            assert [(await client.get(path, headers=headers)).status_code for path in paths] == [200] * 5
        assert (await client.get("/page/nope", headers={"Authorization": "Bearer x"})).status_code == 404


def test_files_are_compressed_once(tmp_path: Path) -> None:
    """Their names change with their content, and depend on nothing else. Other files in the folders are left out."""
    files = PageFiles()
    assert files.script.compressed is files.script.compressed
    assert gzip.decompress(files.script.compressed) == files.script.content
    assert PageFiles().script.name == files.script.name
    assert files.sample.name == PageFiles().sample.name
    for folder in ("scripts", "styles"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "main.js~").write_text("no module")
    (tmp_path / "index.html").write_text("{{prefix}}")
    (tmp_path / "scripts" / "main.js").write_text("console.log('ü');", encoding="utf-8")
    (tmp_path / "scripts" / "rest.js").write_text('import { a } from "./a.js";')
    (tmp_path / "scripts" / "a.js").write_text("export const a = 1;")
    for number, name in enumerate(("2-b.css", "1-a.css")):
        (tmp_path / "styles" / name).write_text(f"/* A * or / {number}. */\na {{\n  color: #{number};\n\n}}\n")
    other = PageFiles(tmp_path)
    assert other.script.name != files.script.name
    assert "'ü'" in other.script.content.decode()
    assert other.style.content == b"a {\ncolor: #1;\n}\na {\ncolor: #0;\n}\n"


def test_the_first_view_is_small() -> None:
    """Document, script and style are less than 56 KB, which leaves 4 KB for the first items."""
    files = PageFiles()
    assert len(files.document("")) + len(files.script.compressed) + len(files.style.compressed) < 56_000
