"""Routes read the parameters that they declare, and no others."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from catalog.entrypoints.http.requests.header_parameters import REQUEST_ID, HeaderParameter

UNKNOWN = "no_such_parameter"


@pytest.fixture
def store() -> str:
    """One kind of store is enough: parameters are read at the edge."""
    return "memory"


@dataclass(frozen=True)
class Endpoint:
    """An operation in the OpenAPI document, with its parameters by location."""

    path: str
    method: str
    id: str
    parameters: dict[str, set[str]]
    body: dict[str, Any]


@pytest.fixture
async def endpoints(client: httpx.AsyncClient) -> list[Endpoint]:
    """The operations in the OpenAPI document."""
    document = (await client.get("/openapi.json")).json()
    components = document["components"]["parameters"]
    found = []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parameters: dict[str, set[str]] = {"path": set(), "query": set(), "header": set()}
            for reference in operation["parameters"]:
                parameter = components[reference["$ref"].rpartition("/")[2]]
                if not parameter.get("explode"):
                    parameters[parameter["in"]].add(parameter["name"])
            body = operation.get("requestBody", {}).get("content", {})
            found.append(Endpoint(path, method, operation["operationId"], parameters, body))
    return found


@pytest.fixture
def read_headers(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The names of the headers that were read with `HeaderParameter.read`."""
    names: set[str] = set()
    read = HeaderParameter.read

    def record(self: HeaderParameter, scope: Any) -> str | None:  # noqa: ANN401 - an ASGI scope
        names.add(self.name)
        return read(self, scope)

    monkeypatch.setattr(HeaderParameter, "read", record)
    return names


async def build_request(client: httpx.AsyncClient, endpoint: Endpoint, query: str = "") -> httpx.Request:
    """Return a valid request to an endpoint, on a new item and category, with the example of its first media type as body."""
    item = (await client.post("/api/v1/items", json={"name": "Chair"})).json()
    category = (await client.post("/api/v1/categories", json={"name": item["sku"]})).json()
    finished = await client.post("/api/v1/items/import", content=b"sku,name\n,", headers={"content-type": "text/csv"})
    if endpoint.id == "restore_item":
        await client.delete(f"/api/v1/items/{item['id']}")
    path = endpoint.path.format(key=item["id"], slug=category["slug"], id=finished.json()["id"])
    headers = {}
    body: dict[str, Any] = {}
    for media_type, content in list(endpoint.body.items())[:1]:
        headers["content-type"] = media_type
        example = content["examples"]["example"]["value"]
        if endpoint.id == "put_item":
            example["sku"] = item["sku"]
        body = {"content": example} if isinstance(example, str) else {"json": example}
    return client.build_request(endpoint.method, f"{path}?{query}", headers=headers, **body)


async def test_undeclared_query_parameters_are_rejected(client: httpx.AsyncClient, endpoints: list[Endpoint]) -> None:
    """Every route but the health checks rejects a parameter that it does not declare."""
    for endpoint in endpoints:
        if endpoint.path.startswith("/health"):
            continue
        response = await client.send(await build_request(client, endpoint, f"{UNKNOWN}=1"))
        assert response.status_code == 422, (endpoint.id, response.text)
        assert UNKNOWN in {error.get("parameter") for error in response.json()["errors"]}, endpoint.id


async def test_declared_query_parameters_are_accepted(client: httpx.AsyncClient, endpoints: list[Endpoint]) -> None:
    """Every route accepts each parameter that it declares. An empty value counts as absent."""
    for endpoint in endpoints:
        query = "&".join(f"{name}=" for name in sorted(endpoint.parameters["query"]))
        response = await client.send(await build_request(client, endpoint, query))
        assert response.status_code < 400 or response.status_code in (404, 409), (endpoint.id, response.text)


async def test_routes_read_the_headers_that_they_declare(
    client: httpx.AsyncClient, endpoints: list[Endpoint], read_headers: set[str]
) -> None:
    """Every route reads each header that it declares, and no other. The middleware reads X-Request-ID."""
    for endpoint in endpoints:
        request = await build_request(client, endpoint)
        if endpoint.id == "list_changes":  # only the stream reads Last-Event-ID; an invalid one ends it at once
            request.headers.update({"accept": "text/event-stream", "last-event-id": "x"})
        read_headers.clear()
        await client.send(request)
        assert read_headers == endpoint.parameters["header"] - {REQUEST_ID.name}, endpoint.id
