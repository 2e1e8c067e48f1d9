"""The shape of problems (RFC 9457)."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from catalog.domain.validation import MAX_ERRORS
from catalog.entrypoints.http.responses.problem_types import ERRORS_PATH


class FieldErrorBody(msgspec.Struct):
    """One error in the input."""

    code: Annotated[str, Meta(description="A stable code.", examples=["too_long"])]
    detail: Annotated[str, Meta(description="A sentence for people.")]
    pointer: Annotated[str | UnsetType, Meta(description="A JSON pointer (RFC 6901) into the request body.")] = UNSET
    parameter: Annotated[str | UnsetType, Meta(description="The name of a query parameter.")] = UNSET
    cure: Annotated[
        str | UnsetType, Meta(description="What would help: a parameter, or an action.", examples=["decimal=comma"])
    ] = UNSET


class ProblemBody(msgspec.Struct):
    """A problem (RFC 9457)."""

    type: Annotated[
        str,
        Meta(
            description="The documentation of the problem, relative to the service; `about:blank` if the status says it all.",
            examples=[f"{ERRORS_PATH}#sku_taken"],
            extra_json_schema={"format": "uri-reference"},
        ),
    ]
    title: str
    status: int
    detail: str
    instance: str
    code: Annotated[str, Meta(description="A stable error code; branch on this.", examples=["sku_taken"])]
    request_id: str
    errors: Annotated[list[FieldErrorBody] | UnsetType, Meta(description=f"Validation errors, up to {MAX_ERRORS}.")] = UNSET
    errors_total: Annotated[
        int | UnsetType, Meta(description="Total number of errors, if `errors` does not list all of them.")
    ] = UNSET
    required: Annotated[
        str | UnsetType, Meta(description="With `insufficient_scope`: the scope that is missing.", examples=["items:write"])
    ] = UNSET
