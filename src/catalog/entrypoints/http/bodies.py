"""How request bodies are read."""

from collections.abc import Mapping
from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException

from catalog.application.json_text import read_json
from catalog.domain.errors import Fault, InvalidInput

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"


async def read_body(request: "Request[Any, Any, Any]", *types: str) -> Any:  # noqa: ANN401 - any JSON value
    """Read a JSON body of one of the media types. Raises Malformed; an HTTPException with 413 or 415."""
    _refuse_other_types(request.headers, types)
    return read_json(await request.body())


async def read_object(request: "Request[Any, Any, Any]", *types: str) -> Mapping[str, object]:
    """Read a JSON object. Raises what `read_body` raises, and InvalidInput when it is none."""
    body = await read_body(request, *types)
    if not isinstance(body, dict):
        raise InvalidInput([Fault((), "wrong_type", "The body is an object: {…}.")])
    return body


def _refuse_other_types(headers: Mapping[str, str], types: tuple[str, ...]) -> None:
    """Take JSON in UTF-8, sent plainly and called so; a browser's form cannot be mistaken for it."""
    essence, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.lower().replace(" ", "").replace('"', "")
    if essence.strip().lower() not in types or charset not in ("", "charset=utf-8"):
        detail = f"The Content-Type is {' or '.join(types)}, in UTF-8."
        raise HTTPException(status_code=415, detail=detail, headers={"Accept": ", ".join(types)})
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(status_code=415, detail="The body is taken without a Content-Encoding.")
