"""Who may call what: every route of the application with every kind of caller. Both come from the application itself."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from catalog.domain.identity.roles import ROLE_SCOPES, USER_ROLES, Role
from catalog.domain.identity.scopes import ITEMS_CREATE, ITEMS_READ
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.http.openapi.endpoints import Endpoint, endpoints
from catalog.entrypoints.http.requests.access import FULL_SIGN_IN, SIGN_IN, AccessRule
from tests.conftest import STORES
from tests.http.identity.making import Service, serving, settings_of


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> str:
    """The kind of store: the grid is the same on each."""
    kind: str = request.param
    return kind


CREDENTIALS = ("token", "cookie", "api_key", "narrow token", "narrow api_key")
"""A narrow credential has one scope only, `items:create`; those of auditors have `items:read`."""

ALLOWED = "allowed"


def documented(container: Container) -> list[Endpoint]:
    """Return the routes of an application. The outer layers are those of `create_app`."""
    app: Any = create_app(container)
    while not hasattr(app, "routes"):
        app = getattr(app, "app", None) or app._app
    return endpoints(app.routes)


ENDPOINTS = documented(Container(settings=settings_of("memory://")))
PROTECTED = [endpoint for endpoint in ENDPOINTS if not endpoint.operation.access.public]
ENDING = ("sign_out", "delete_session", "change_password")
"""Operations that end the session; they are called with credentials of their own."""


class Caller(NamedTuple):
    """A kind of caller: the role, the credential, and the scopes that both grant."""

    role: Role
    credential: str

    @property
    def scope(self) -> str | None:
        """The only scope of a narrow credential."""
        if not self.credential.startswith("narrow"):
            return None
        return ITEMS_READ if self.role == "auditor" else ITEMS_CREATE

    @property
    def scopes(self) -> frozenset[str]:
        """What the caller may do."""
        return ROLE_SCOPES[self.role] if self.scope is None else frozenset({self.scope})

    async def headers(self, service: Service) -> dict[str, str]:
        """Sign in."""
        scopes = [self.scope] if self.scope else sorted(self.scopes)
        if self.credential == "cookie":
            return await service.cookie(self.role)
        if self.credential.endswith("api_key"):
            return await service.api_key(self.role, *scopes)
        return await service.bearer(self.role, scopes=scopes)


CALLERS = [Caller(role, credential) for role in USER_ROLES for credential in CREDENTIALS]


def expected(rule: AccessRule, caller: Caller) -> str:
    """Return the code of the refusal, or ALLOWED."""
    if rule in (SIGN_IN, FULL_SIGN_IN):
        refused = caller.credential.endswith("api_key") or (rule == FULL_SIGN_IN and caller.scope is not None)
        return "credential_not_allowed" if refused else ALLOWED
    return ALLOWED if rule.scope is None or rule.scope in caller.scopes else "insufficient_scope"


def outcome(response: httpx.Response) -> str:
    """Return the code of a refusal, or ALLOWED, whatever the request lacks besides."""
    if response.status_code not in (401, 403) or response.json()["code"] == "invalid_credentials":
        return ALLOWED
    code: str = response.json()["code"]
    return code


def url(endpoint: Endpoint) -> str:
    """Return a path of a route, with ids that do not exist."""
    missing = "00000000-0000-4000-8000-000000000000"
    values = {"key": "NO-SUCH-ITEM", "slug": "none", "id": missing, "user": "nobody", "session_id": missing, "key_id": missing}
    return endpoint.path.format(**values)


async def call(client: httpx.AsyncClient, endpoint: Endpoint, headers: dict[str, str]) -> httpx.Response:
    """Send a request with an empty object for a body if the route takes one."""
    return await client.request(endpoint.method, url(endpoint), json={} if endpoint.operation.body else None, headers=headers)


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: f"{caller.role}-{caller.credential.replace(' ', '-')}")
async def test_each_route_admits_whom_its_rule_admits(service: Service, caller: Caller) -> None:
    """And it names the scope that is missing, in the problem and in the challenge."""
    headers = await caller.headers(service)
    async with service.client() as client:
        for endpoint in PROTECTED:
            rule = endpoint.operation.access
            if endpoint.operation.id in ENDING and expected(rule, caller) == ALLOWED:
                assert outcome(await call(client, endpoint, await caller.headers(service))) == ALLOWED
                continue
            response = await call(client, endpoint, headers)
            assert outcome(response) == expected(rule, caller), (endpoint.operation.id, response.text)
            if outcome(response) == "insufficient_scope":
                assert response.json()["required"] == rule.scope
                assert response.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="{rule.scope}"'


async def test_nobody_gets_in_without_a_credential(service: Service) -> None:
    """The challenge has no error, because there was no token. Unknown credentials are refused too, and never count as none."""
    async with service.client() as client:
        for endpoint in PROTECTED:
            response = await call(client, endpoint, {})
            assert (response.status_code, response.json()["code"]) == (401, "unauthenticated"), endpoint.operation.id
            assert response.headers["www-authenticate"] == "Bearer"
            for headers in ({"Authorization": "Bearer x"}, {"Authorization": "Basic eDp5"}, {"X-API-Key": "x"}):
                response = await call(client, endpoint, headers)
                assert (response.status_code, response.json()["code"]) == (401, "invalid_token"), endpoint.operation.id
                assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_public_routes_ignore_credentials(service: Service) -> None:
    """Also those that are not valid, so that a client with an old token can sign in again."""
    public = [endpoint for endpoint in ENDPOINTS if endpoint.operation.access.public]
    assert len(public) > 5
    async with service.client() as client:
        for headers in ({}, {"Authorization": "Bearer x", "X-API-Key": "y"}):
            for endpoint in public:
                response = await call(client, endpoint, headers)
                assert response.status_code in (200, 422) or endpoint.operation.id == "create_session", endpoint.operation.id
            for page in ("/", "/docs", "/redoc", "/openapi.json", "/docs/errors", "/api/v1", "/docs/assets/swagger-ui.css"):
                assert (await client.get(page, headers=headers)).status_code == 200, page


async def test_guests_read_where_the_public_may(store_url: str) -> None:
    """Everything else asks them to sign in; the export too, and an invalid credential is no guest."""
    async with serving(store_url, identity={"public_read": True}) as service, service.client() as client:
        for endpoint in PROTECTED:
            rule = endpoint.operation.access
            allowed = rule.guests and rule.scope in (None, ITEMS_READ)
            response = await call(client, endpoint, {})
            assert (response.status_code != 401) == allowed, endpoint.operation.id
            assert (await call(client, endpoint, {"Authorization": "Bearer x"})).status_code == 401
        me = (await client.get("/api/v1/auth/me")).json()
    assert me == {"username": None, "role": "guest", "scopes": ["items:read"], "kind": "guest"}


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        yield from path.values()


async def test_the_openapi_document_declares_the_rules(service: Service) -> None:
    """Schemes, scopes, 401, 403 and 429, and what the challenges look like."""
    async with service.client() as client:
        document = (await client.get("/openapi.json")).json()
    components = document["components"]
    assert components["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert components["securitySchemes"]["password"]["flows"]["password"]["tokenUrl"] == "/api/v1/auth/token"
    assert components["securitySchemes"]["api_key"] | {"description": ""} == {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "",
    }
    for status in ("401", "403"):
        assert "WWW-Authenticate" in components["responses"][status]["headers"]
    operations = {operation["operationId"]: operation for operation in _operations(document)}
    assert {endpoint.operation.id for endpoint in ENDPOINTS} == set(operations)
    for endpoint in ENDPOINTS:
        rule, shown = endpoint.operation.access, operations[endpoint.operation.id]
        assert (shown["security"] == []) == rule.public
        if not rule.public:
            assert shown["security"][0] == {"bearer": [rule.scope] if rule.scope else []}
            assert {"401", "403", "429"} <= shown["responses"].keys()
            assert ({"api_key": shown["security"][0]["bearer"]} in shown["security"]) == rule.api_keys


async def test_put_needs_the_right_to_create_or_the_right_to_replace(service: Service) -> None:
    """A user may create an item with PUT, and not replace it."""
    user, editor = await service.bearer("user"), await service.bearer("editor")
    path = "/api/v1/items/CHAIR"
    async with service.client() as client:
        assert (await client.put(path, json={"name": "Chair"}, headers=user)).status_code == 201
        for headers in ({}, {"If-Match": "*"}):
            refused = await client.put(path, json={"name": "Stool"}, headers=user | headers)
            assert (refused.status_code, refused.json()["required"]) == (403, "items:write")
        absent = await client.put(path, json={"name": "Stool"}, headers=user | {"If-None-Match": "*"})
        assert absent.status_code == 412
        assert (await client.put(path, json={"name": "Stool"}, headers=editor)).status_code == 200


async def test_each_operation_of_a_batch_has_its_own_rule(service: Service) -> None:
    """An atomic batch is refused whole, and nothing is replayed that the caller may not do any more."""
    user = await service.bearer("user")
    create, upsert = {"op": "create", "item": {"sku": "A", "name": "A"}}, {"op": "upsert", "item": {"sku": "A", "name": "B"}}
    remove = {"op": "delete", "key": "A"}
    async with service.client(**user) as client:

        async def run(*operations: object, **options: object) -> httpx.Response:
            return await client.post("/api/v1/items/batch", json={"operations": operations, **options})

        mixed = (await run(create, upsert, remove, {"op": "update", "key": "NONE", "patch": {}})).json()
        assert [result["status"] for result in mixed["results"]] == [201, 403, 403, 403]
        assert mixed["results"][1]["problem"]["required"] == "items:write"
        new = {"op": "create", "item": {"sku": "B", "name": "B"}}
        for operations in ((new, remove), (new, upsert)):
            refused = await run(*operations, atomic=True)
            assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
        assert (await client.get("/api/v1/items/B")).status_code == 404
