"""The OpenAPI 3.1 document, generated from the application's routes and the `Operation` of each handler."""

from collections.abc import Iterable
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any

from litestar.routes import BaseRoute, HTTPRoute

from catalog import __version__
from catalog.entrypoints.http.openapi.components import PARAMETERS, RESPONSES, SCHEMAS, request_body

_KEY = "operation"

_COMMON_RESPONSES = ("400", "414", "421", "422", "431", "500", "503")
_UNSAFE_METHOD_RESPONSES = ("403",)
_BODY_RESPONSES = ("408", "413", "415")
_ITEM_PATH = "/api/v1/items/{key}"
"""This path also matches /items/batch, /items/export and /items/import, which allow different methods."""


@dataclass(frozen=True, slots=True)
class Operation:
    """The documentation of a handler beyond its name and docstring.

    `body` is the name of a schema. `parameters` and `responses` are keys in catalog.entrypoints.http.openapi.components.
    `conditional` handlers accept If-Match, `idempotent` ones an Idempotency-Key. HEAD works wherever GET does; with `head`, it
    is documented too.
    """

    summary: str
    body: str | None = None
    parameters: tuple[str, ...] = ()
    responses: tuple[str, ...] = ()
    conditional: bool = False
    idempotent: bool = False
    head: bool = False


def documented(operation: Operation) -> dict[str, Any]:
    """Return the `opt` argument of a handler with its documentation."""
    return {_KEY: operation}


def openapi_document(routes: Iterable[BaseRoute]) -> dict[str, Any]:
    """Return the OpenAPI document of the routes that are included in the schema.

    Raises: TypeError, if one of them has no documentation.
    """
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if not isinstance(route, HTTPRoute):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            if method == "OPTIONS" or not handler.resolve_include_in_schema():
                continue
            operation_object = _describe(handler, method.lower(), route.path_format)
            paths.setdefault(route.path_format, {})[method.lower()] = operation_object
            if handler.opt[_KEY].head:
                paths[route.path_format]["head"] = _describe_head(operation_object)
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
            {"name": "items", "description": "Items, batches and exports"},
            {"name": "imports", "description": "Import items from files"},
            {"name": "log", "description": "The change log, and the history and prices of items"},
            {"name": "categories", "description": "The category tree"},
            {"name": "operations", "description": "Health checks"},
        ],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": SCHEMAS, "responses": RESPONSES, "parameters": PARAMETERS},
    }


def _describe(handler: Any, method: str, path: str) -> dict[str, Any]:  # noqa: ANN401 - a Litestar handler
    operation = handler.opt.get(_KEY)
    if not isinstance(operation, Operation):
        message = f"Route {method.upper()} {path} has no documentation; add opt=documented(Operation(…))."
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
    responses = [
        *(code for code in _COMMON_RESPONSES if not any(key.startswith(code) for key in operation.responses)),
        *operation.responses,
        *(_UNSAFE_METHOD_RESPONSES if method != "get" else ()),
        *(("405",) if path == _ITEM_PATH else ()),
        *(_BODY_RESPONSES if operation.body else ()),
        *(("428",) if operation.conditional else ()),
    ]
    operation_object: dict[str, Any] = {
        "operationId": _operation_id(method, path, handler.handler_name),
        "summary": operation.summary,
        "description": cleandoc(handler.fn.__doc__ or ""),
        "tags": sorted(handler.resolve_tags()),
        "parameters": [{"$ref": f"#/components/parameters/{name}"} for name in names],
        "responses": {key.partition("-")[0]: {"$ref": f"#/components/responses/{key}"} for key in sorted({*responses})},
    }
    if operation.body:
        operation_object["requestBody"] = {"required": True, "content": request_body(operation.body, method)}
    return operation_object


def _operation_id(method: str, path: str, name: str) -> str:
    """Return a unique operation id. Path segments distinguish the paths of one handler."""
    segments = [part for part in path.split("/") if part and part not in ("api", "v1") and not part.startswith("{")]
    versioned = "api_" if path.startswith("/api/v1/health") else ""
    return f"{versioned}{name if 'health' not in segments else method}_{'_'.join(segments)}"


def _describe_head(operation_object: dict[str, Any]) -> dict[str, Any]:
    """Return the HEAD operation for a GET operation: the same, without response bodies."""
    return operation_object | {
        "operationId": f"head_{operation_object['operationId']}",
        "summary": f"{operation_object['summary']} (headers only)",
        "responses": {
            code: {"description": RESPONSES[reference["$ref"].rpartition("/")[2]]["description"]}
            for code, reference in operation_object["responses"].items()
        },
    }
