"""The OpenAPI 3.1 document, generated from the application's endpoints."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from catalog import __version__
from catalog.entrypoints.http.openapi.endpoints import Endpoint
from catalog.entrypoints.http.openapi.operation import Content, ResponseSpec
from catalog.entrypoints.http.openapi.responses import HEADERS, SECURITY_HEADERS, headers, problem_responses
from catalog.entrypoints.http.openapi.schemas import Schema, schemas_of
from catalog.entrypoints.http.openapi.security import Security
from catalog.entrypoints.http.requests.parameters import Parameter
from catalog.entrypoints.http.responses.problem_bodies import ProblemBody

_TAGS = {
    "items": "Items, batches and exports",
    "imports": "Import items from files",
    "log": "The change log, and the history and prices of items",
    "categories": "The category tree",
    "operations": "Health checks",
    "identity": "Signing in, users, sessions and API keys",
}


def openapi_document(endpoints: Iterable[Endpoint], security: Security | None = None) -> dict[str, Any]:
    """Return the OpenAPI document of the endpoints, without its servers. Without `security`, nobody has to sign in."""
    documented = [endpoint for endpoint in endpoints if not endpoint.is_alias]
    documented.sort(key=lambda endpoint: (endpoint.path, endpoint.method))
    types = _DescribedTypes(documented)
    paths: dict[str, Schema] = {}
    for endpoint in documented:
        paths.setdefault(endpoint.path, {})[endpoint.method] = _describe_operation(endpoint, types, security)
    errors = {status for endpoint in documented for status in _errors(endpoint, security)}
    if security is not None and security.public_read:
        types.components["Change"]["required"].remove("actor")  # guests do not get it
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Catalog",
            "version": __version__,
            "description": "The items a company sells or lends. Errors are problem details (RFC 9457) with a stable `code`.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "security": [],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(types.components.items())),
            "responses": problem_responses(errors, secured=security is not None),
            "parameters": {name: _describe_parameter(parameter, types) for name, parameter in sorted(types.parameters.items())},
            "headers": HEADERS if security is None else HEADERS | SECURITY_HEADERS,
            **({} if security is None else {"securitySchemes": security.schemes}),
        },
    }


class _DescribedTypes:
    """The parameters of the document, and the schemas of every type in it."""

    def __init__(self, documented: Sequence[Endpoint]) -> None:
        """Generate the schemas of what the endpoints declare."""
        self.parameters = {parameter.component: parameter for endpoint in documented for parameter in endpoint.parameters}
        contents = [content for endpoint in documented for content in endpoint.contents]
        types = [
            ProblemBody,
            *(parameter.type for parameter in self.parameters.values()),
            *(content.type for content in contents),
            *(related for content in contents for related in content.related),
        ]
        schemas, self.components = schemas_of(types)
        # By identity: not every type is hashable, and equal types may differ in their annotations.
        self._schemas = {id(each): schema for each, schema in zip(types, schemas, strict=True)}
        self._types = types  # keeps their ids valid

    def schema(self, described: object) -> Schema:
        """Return the schema of a type."""
        return self._schemas[id(described)]


def _errors(endpoint: Endpoint, security: Security | None) -> list[int]:
    """Return the statuses of the problems that an endpoint can respond with."""
    if security is None:
        return list(endpoint.errors)
    own = {response.status for response in endpoint.operation.responses}
    return sorted({*endpoint.errors, *security.errors(endpoint.operation.access)} - own)


def _describe_operation(endpoint: Endpoint, types: _DescribedTypes, security: Security | None) -> Schema:
    operation = endpoint.operation
    responses = {str(response.status): _describe_response(response, types) for response in operation.responses}
    problems = {str(status): {"$ref": f"#/components/responses/{status}"} for status in _errors(endpoint, security)}
    described: Schema = {
        "operationId": operation.id,
        "summary": operation.summary,
        "description": endpoint.description,
        "tags": list(endpoint.tags),
        "parameters": [{"$ref": f"#/components/parameters/{parameter.component}"} for parameter in endpoint.parameters],
        "responses": dict(sorted({**responses, **problems}.items())),
    }
    if security is not None:
        described["security"] = security.requirements(operation.access)
    if operation.body:
        described["requestBody"] = {"required": True, "content": _describe_content(operation.body, types)}
    return described


def _describe_parameter(parameter: Parameter, types: _DescribedTypes) -> Schema:
    """Return the parameter object. An empty query parameter counts as absent."""
    schema = types.schema(parameter.type)
    described: Schema = {
        "name": parameter.name,
        "in": parameter.location,
        "description": parameter.description,
        "schema": schema if parameter.default is None else schema | {"default": parameter.default},
    }
    if parameter.location == "path":
        described["required"] = True
    if parameter.prefix:
        described |= {"style": "form", "explode": True}
    elif parameter.location == "query":
        described["allowEmptyValue"] = True
    return described


def _describe_response(response: ResponseSpec, types: _DescribedTypes) -> Schema:
    described: Schema = {"description": response.description, "headers": headers(*response.headers)}
    if response.content:
        described["content"] = _describe_content(response.content, types)
    return described


def _describe_content(content: Mapping[str, Content], types: _DescribedTypes) -> Schema:
    return {media_type: _describe_media_type(part, types) for media_type, part in content.items()}


def _describe_media_type(content: Content, types: _DescribedTypes) -> Schema:
    return {"schema": types.schema(content.type)} | (
        {} if content.example is None else {"examples": {"example": {"value": content.example}}}
    )
