"""A client generated from the OpenAPI document works."""

import asyncio
import importlib
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import httpx
import pytest


@pytest.fixture
def store() -> str:
    """One kind of store is enough for what is the edge's own."""
    return "memory"


async def test_a_generated_client_can_be_imported_and_used(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its modules; openapi-python-client leaves no operation out."""
    (tmp_path / "openapi.json").write_bytes((await client.get("/openapi.json")).content)
    (tmp_path / "config.yml").write_text("post_hooks: []\npackage_name_override: generated_catalog\n")
    generator = Path(sys.executable).parent / "openapi-python-client"
    options = ["--path", "openapi.json", "--meta", "none", "--output-path", "generated_catalog", "--config", "config.yml"]
    made = await asyncio.create_subprocess_exec(generator, "generate", *options, cwd=tmp_path, stdout=PIPE, stderr=STDOUT)
    output, _ = await made.communicate()
    assert made.returncode == 0, output.decode()
    names = [
        ".".join(path.relative_to(tmp_path).with_suffix("").parts) for path in (tmp_path / "generated_catalog").rglob("*.py")
    ]
    monkeypatch.syspath_prepend(tmp_path)
    for name in names:
        importlib.import_module(name)
    described = (await client.get("/openapi.json")).json()["paths"]
    operations = {operation["operationId"] for item in described.values() for operation in item.values()}
    assert operations <= {name.rpartition(".")[2] for name in names}
    models = importlib.import_module("generated_catalog.models")
    draft = models.ItemDraft(name="Chair", sku="A", price=models.Money(amount="1.20", currency="EUR"))
    created = await client.post("/api/v1/items", json=draft.to_dict())
    assert models.Item.from_dict(created.json()).price.amount == "1.20"
    sparse = (await client.get("/api/v1/items?fields=sku")).json()
    assert [item.sku for item in models.ItemPage.from_dict(sparse).items] == ["A"]
