"""The OpenAPI document is valid."""

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator


@pytest.fixture
def store() -> str:
    """The document is the same for every store."""
    return "memory"


async def test_the_document_is_valid(client: httpx.AsyncClient) -> None:
    """By the rules of OpenAPI 3.1 and of JSON Schema."""
    OpenAPIV31SpecValidator((await client.get("/openapi.json")).json()).validate()
