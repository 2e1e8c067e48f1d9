"""The OpenAPI 3.1 document, made from the routes that there really are; each handler brings its `Operation`."""

from collections.abc import Iterable
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from litestar.routes import BaseRoute, HTTPRoute

from catalog import __version__
from catalog.entrypoints.http.openapi.components import PARAMETERS, RESPONSES, SCHEMAS, request_body

_KEY = "operation"

_ALWAYS = ("400", "414", "421", "422", "431", "500", "503")
_UNSAFE = ("403",)
_WITH_BODY = ("408", "413", "415")
_AMONG_ITEMS = "/api/v1/items/{key}"
"""Where the paths of /items/batch, /items/export and /items/import stand in the way, with methods of their own."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a handler's documentation says beyond its name and docstring.

    `body` is a schema's name, `parameters` and `answers` are keys of catalog.entrypoints.http.openapi.components. HEAD works
    wherever GET does; `head` says that it is worth a line. `once`: it takes an Idempotency-Key.
    """

    summary: str
    body: str | None = None
    parameters: tuple[str, ...] = ()
    responses: tuple[str, ...] = ()
    conditional: bool = False
    idempotent: bool = False
    head: bool = False


def documented(operation: Operation) -> dict[str, Any]:
    """Return the handler's option that carries its documentation."""
    return {_KEY: operation}


def openapi_document(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """Describe the routes. Raises TypeError for one that says nothing of itself and is not left out by intent."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if method == "OPTIONS" or not handler.resolve_include_in_schema():
                continue
            described = _described(handler, method.lower(), route.path_format)
            paths.setdefault(route.path_format, {})[method.lower()] = described
            if handler.opt[_KEY].head:
                paths[route.path_format]["head"] = _bodiless(described)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Catalog",
            "version": __version__,
            "description": "The items a company sells or lends. Errors are problem details (RFC 9457) with a stable `code`.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "security": [],
        "tags": [
            {"name": "items", "description": "The items"},
            {"name": "imports", "description": "Many items out of a file"},
            {"name": "log", "description": "What happened"},
            {"name": "categories", "description": "The tree that items stand in"},
            {"name": "operations", "description": "For those who run it"},
        ],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": SCHEMAS, "responses": RESPONSES, "parameters": PARAMETERS},
    }


def _described(handler: Any, method: str, path: str) -> dict[str, Any]:  # noqa: ANN401 - a handler of Litestar's
    operation = handler.opt.get(_KEY)
    if not isinstance(operation, Operation):
        message = f"The route {method.upper()} {path} has no documentation: opt=documented(Operation(…))"
        raise TypeError(message)
    names = [*(name for name in ("key", "slug", "id") if f"{{{name}}}" in path), *operation.parameters, "request_id"]
    if operation.conditional:
        names.append("if_match")
    if operation.idempotent:
        names.append("idempotency_key")
    if operation.body and method in ("post", "put", "patch"):
        names.append("prefer")
    if "304" in operation.responses:
        names.append("if_none_match")
    if method == "put":
        names.append("if_absent")
    answers = [
        *(code for code in _ALWAYS if not any(own.startswith(code) for own in operation.responses)),
        *operation.responses,
        *(_UNSAFE if method != "get" else ()),
        *(("405",) if path == _AMONG_ITEMS else ()),
        *(_WITH_BODY if operation.body else ()),
        *(("428",) if operation.conditional else ()),
    ]
    described: dict[str, Any] = {
        "operationId": _identifier(method, path, handler.handler_name),
        "summary": operation.summary,
        "description": cleandoc(handler.fn.__doc__ or ""),
        "tags": sorted(handler.resolve_tags()),
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in names],
        "responses": {key.partition("-")[0]: {"$ref": f"#/components/responses/{key}"} for key in sorted({*answers})},
    }
    if operation.body:
        described["requestBody"] = {"required": True, "content": request_body(operation.body, method)}
    return described


def _identifier(method: str, path: str, name: str) -> str:
    """Name an operation; the paths of one handler are told apart by their segments."""
    segments = [part for part in path.split("/") if part and part not in ("api", "v1") and not part.startswith("{")]
    versioned = "api_" if path.startswith("/api/v1/health") else ""
    return f"{versioned}{name if 'health' not in segments else method}_{'_'.join(segments)}"


def _bodiless(described: dict[str, Any]) -> dict[str, Any]:
    """Describe HEAD: as GET, without a body."""
    return described | {
        "operationId": f"head_{described['operationId']}",
        "summary": f"{described['summary']} (headers only)",
        "responses": {
            code: {"description": RESPONSES[reference["$ref"].rpartition("/")[2]]["description"]}
            for code, reference in described["responses"].items()
        },
    }
