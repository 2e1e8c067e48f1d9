"""A client generated from the OpenAPI document works."""

import asyncio
import importlib
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.settings.model import Settings
from catalog.entrypoints.settings.sections import StorageSettings
from tests.http.making import client_for


@pytest.fixture
def store() -> str:
    """The document is the same for every store."""
    return "memory"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a client that openapi-python-client generated, which can be imported."""
    folder = tmp_path_factory.mktemp("client")
    app = create_app(Container(settings=Settings(storage=StorageSettings(url="memory://"))))

    async def document() -> bytes:
        async with client_for(app) as client:
            return (await client.get("/openapi.json")).content

    (folder / "openapi.json").write_bytes(asyncio.run(document()))
    (folder / "config.yml").write_text("post_hooks: []\npackage_name_override: generated_catalog\n")
    generator = Path(sys.executable).parent / "openapi-python-client"
    options = ["--path", "openapi.json", "--meta", "none", "--output-path", "generated_catalog", "--config", "config.yml"]
    made = subprocess.run([generator, "generate", *options], cwd=folder, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder / "generated_catalog"


class GeneratedClient:
    """Calls operations through the generated client, over the test's own connection to the application."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        """Use a client of the application."""
        self.models = importlib.import_module("generated_catalog.models")
        self._client = importlib.import_module("generated_catalog").Client(base_url="http://localhost")
        self._client.set_async_httpx_client(http)

    async def call(self, tag: str, operation: str, *path: str, **arguments: object) -> Any:  # noqa: ANN401 - a generated model
        """Call an operation, and return the parsed response."""
        module: ModuleType = importlib.import_module(f"generated_catalog.api.{tag}.{operation}")
        return await module.asyncio(*path, client=self._client, **arguments)


async def test_every_operation_and_model_can_be_imported(client: httpx.AsyncClient, package: Path) -> None:
    """The generator omits no operation."""
    names = [
        ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for path in package.rglob("*.py")  # noqa: ASYNC240 - a few files
    ]
    for name in names:
        importlib.import_module(name)
    described = (await client.get("/openapi.json")).json()["paths"]
    operations = {operation["operationId"] for item in described.values() for operation in item.values()}
    assert operations <= {name.rpartition(".")[2] for name in names}


@pytest.mark.usefixtures("package")
async def test_a_generated_client_creates_finds_and_reprices_items(client: httpx.AsyncClient) -> None:
    """It uses typed models, filters by operator and by attribute, and problems."""
    catalog = GeneratedClient(client)
    models = catalog.models
    for sku, amount, size in (("A", "1.20", 1), ("B", "9.00", 2), ("C", "9.00", 3)):
        attributes = models.NewAttributes.from_dict({"size": size})
        price = models.PriceDraft(amount=amount, currency="EUR")
        draft = models.ItemDraft(name="Chair", sku=sku, price=price, attributes=attributes)
        created = await catalog.call("items", "create_item", body=draft)
        assert (type(created), created.price.amount) == (models.Item, amount)
    filters = {"currency": "EUR", "price_gte": "5.00", "attributes": models.AttributeFilters.from_dict({"attr.size__lt": 3})}
    page = await catalog.call("items", "list_items", **filters)
    assert [item.sku for item in page.items] == ["B"]
    sparse = await catalog.call("items", "list_items", fields="sku", sort="sku")
    assert [(item.sku, bool(item.name)) for item in sparse.items] == [("A", False), ("B", False), ("C", False)]
    new_price = models.PriceDraft(amount="7.50", currency="EUR")
    repriced = await catalog.call("items", "update_item_price", "B", body=new_price)
    assert (repriced.price.amount, repriced.version) == ("7.50", 2)
    problem = await catalog.call("items", "get_item", "NOPE")
    assert (type(problem), problem.code) == (models.Problem, "item_not_found")


@pytest.mark.usefixtures("package")
async def test_a_generated_client_runs_batches_and_imports_files(client: httpx.AsyncClient) -> None:
    """Each operation of a batch is a class, and a file is sent as a form."""
    catalog = GeneratedClient(client)
    models = catalog.models
    draft = models.ItemDraft(name="Chair", sku="A")
    operations = [
        models.CreateOperation(op="create", item=draft),
        models.UpdateOperation(op="update", key="A", patch=models.ItemPatch(description="Folds flat")),
        models.DeleteOperation(op="delete", key="NOPE"),
    ]
    results = await catalog.call("items", "batch_items", body=models.Batch(operations=operations))
    assert [(result.status, bool(result.problem)) for result in results.results] == [(201, False), (200, False), (404, True)]
    file = importlib.import_module("generated_catalog.types").File(BytesIO(b"sku,name\nB,Table\n"), "items.csv", "text/csv")
    status = await catalog.call("imports", "import_items", body=models.ImportForm(file=file))
    assert (type(status), status.created, status.status) == (models.ImportStatus, 1, "done")
    history = await catalog.call("items", "get_item_history", "A")
    assert [change.kind for change in history.changes] == ["item.created", "item.revised"]
