"""The OpenAPI document matches the routes, and the documentation pages load nothing from elsewhere."""

import re
from typing import Any

import httpx
import pytest

from catalog.domain.queries.filters import OPERATORS
from catalog.domain.queries.item_query import PARAMETERS
from catalog.domain.queries.list_request import PARAMETERS as OTHER_PARAMETERS
from catalog.entrypoints.http.responses.problem_types import PROBLEM_TYPES


@pytest.fixture
def store() -> str:
    """The document is the same for every store."""
    return "memory"


async def document(client: httpx.AsyncClient) -> Any:  # noqa: ANN401 - any JSON value
    """Fetch the document."""
    return (await client.get("/openapi.json")).json()


def references(value: object) -> set[str]:
    """Return every $ref in a document."""
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*(references(inner) for inner in value.values()))
    return set().union(*map(references, value)) if isinstance(value, list) else set()


async def test_every_route_is_described(client: httpx.AsyncClient) -> None:
    """HEAD, and the health checks below /api/v1, work too but are not repeated in the document."""
    described = await document(client)
    assert described["openapi"].startswith("3.1")
    operations = {(path, method) for path, item in described["paths"].items() for method in item}
    assert {
        ("/api/v1/items", "post"),
        ("/api/v1/items", "get"),
        ("/api/v1/items/{key}", "get"),
        ("/api/v1/items/{key}", "patch"),
        ("/api/v1/items/{key}", "delete"),
        ("/api/v1/items/{key}/price", "patch"),
        ("/api/v1/categories", "get"),
        ("/api/v1/categories", "post"),
        ("/api/v1/categories/{slug}", "get"),
        ("/api/v1/categories/{slug}/items", "get"),
        ("/api/v1/categories/{slug}", "patch"),
        ("/api/v1/categories/{slug}", "delete"),
        ("/health", "get"),
        ("/health/live", "get"),
        ("/health/ready", "get"),
    } <= operations
    assert not [path for path, method in operations if method == "head" or path.startswith("/api/v1/health")]
    names = [operation["operationId"] for item in described["paths"].values() for operation in item.values()]
    assert len(names) == len(set(names))


async def test_operations_have_the_names_of_methods(client: httpx.AsyncClient) -> None:
    """Generated clients use them as method names, so they are stable."""
    described = await document(client)
    assert {operation["operationId"] for item in described["paths"].values() for operation in item.values()} == {
        *("list_items", "create_item", "get_item", "put_item", "update_item", "update_item_price", "delete_item"),
        *("restore_item", "revert_item", "get_item_history", "get_item_prices", "batch_items", "export_items"),
        *(
            "import_items",
            "inspect_import",
            "get_import",
            "cancel_import",
            "list_import_errors",
            "list_changes",
            "list_audit_events",
        ),
        *("list_categories", "create_category", "get_category", "update_category", "delete_category", "list_category_items"),
        *("get_health", "get_liveness", "get_readiness", "get_me"),
    }


async def test_every_parameter_of_a_list_is_described(client: httpx.AsyncClient) -> None:
    """Each filter is described with each of its operators."""
    described = await document(client)
    listed = described["paths"]["/api/v1/items"]["get"]["parameters"]
    names = {reference["$ref"].rpartition("/")[2] for reference in listed}
    filters = {f"{field}__{operator}" for field, operators in OPERATORS.items() for operator in operators if operator != "eq"}
    assert names == {*PARAMETERS, *OTHER_PARAMETERS, *OPERATORS, *filters, "attributes", "If-None-Match", "X-Request-ID"}
    attributes = described["components"]["parameters"]["attributes"]
    assert (attributes["style"], attributes["explode"]) == ("form", True)


async def test_every_reference_has_a_target(client: httpx.AsyncClient) -> None:
    """Every component is referred to."""
    described = await document(client)
    targets = {f"#/components/{kind}/{name}" for kind, named in described["components"].items() for name in named}
    assert references(described) == targets


async def test_the_examples_can_be_sent(client: httpx.AsyncClient) -> None:
    """The examples of request bodies are valid requests."""
    described = await document(client)

    def example(path: str, method: str) -> Any:  # noqa: ANN401 - any JSON value
        content = described["paths"][path][method]["requestBody"]["content"]
        return next(iter(content.values()))["examples"]["example"]["value"]

    categories = "/api/v1/categories"
    assert (await client.post(categories, json=example(categories, "post"))).status_code == 201
    assert (await client.patch(f"{categories}/garden-chairs", json=example(f"{categories}/{{slug}}", "patch"))).status_code == 200
    item = "/api/v1/items/chair-1"
    assert (await client.post("/api/v1/items", json=example("/api/v1/items", "post"))).status_code == 201
    assert (await client.patch(item, json=example("/api/v1/items/{key}", "patch"))).status_code == 200
    assert (await client.patch(f"{item}/price", json=example("/api/v1/items/{key}/price", "patch"))).status_code == 200


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
async def test_a_page_loads_only_the_scripts_that_its_policy_allows(client: httpx.AsyncClient, page: str) -> None:
    """There are no inline scripts, and the service itself serves every file that the page loads."""
    response = await client.get(page)
    assert response.headers["content-type"].startswith("text/html")
    policy = response.headers["content-security-policy"]
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    assert not re.search(r"<script(?![^>]*\ssrc=)", response.text)
    sources = re.findall(r'(?:src|href|spec-url)="(?!data:)([^"]+)"', response.text)
    assert len(sources) >= 3
    for source in sources:
        # Relative URLs work below any path prefix of a proxy.
        assert not source.startswith(("/", "http"))
        assert (await client.get(f"/{source}")).status_code == 200, source


async def test_the_type_of_a_problem_is_the_url_of_its_documentation(client: httpx.AsyncClient) -> None:
    """The page has a section for every problem type."""
    problem = (await client.get("/api/v1/items/NOPE")).json()
    page, _, section = problem["type"].partition("#")
    assert (page, section) == ("/docs/errors", "item_not_found")
    text = (await client.get(page)).text
    assert set(re.findall(r'<h2 id="(\w+)">', text)) == {*PROBLEM_TYPES}
    assert "{{" not in text


async def test_the_root_of_the_api_lists_what_is_below_it(client: httpx.AsyncClient) -> None:
    """All paths exist."""
    paths = (await client.get("/api/v1")).json()
    assert paths["items"] == "/api/v1/items"
    assert {(await client.get(path)).status_code for path in paths.values()} == {200}
