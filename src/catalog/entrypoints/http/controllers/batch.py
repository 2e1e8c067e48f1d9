"""`/items/batch`: many operations on items in one request."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Controller, post
from msgspec import UNSET, Meta, UnsetType

from catalog.application.items.batch import Batch, BatchOperations, BatchResult
from catalog.domain.errors import CatalogError
from catalog.domain.identity.errors import Forbidden
from catalog.domain.identity.scopes import ITEMS_WRITE
from catalog.entrypoints.http.controllers.items import ITEMS
from catalog.entrypoints.http.idempotency import Idempotency
from catalog.entrypoints.http.openapi.batch_bodies import BatchBody
from catalog.entrypoints.http.openapi.operation import Operation, documented, json_body, json_response
from catalog.entrypoints.http.requests.access import EACH_OPERATION
from catalog.entrypoints.http.requests.bodies import JSON, parse_object, read_bytes
from catalog.entrypoints.http.requests.caller import AnyRequest, principal_of, request_origin
from catalog.entrypoints.http.requests.header_parameters import IDEMPOTENCY_KEY
from catalog.entrypoints.http.requests.query_string import reject_parameters
from catalog.entrypoints.http.responses.preferences import MINIMAL, preference_applied, preferences
from catalog.entrypoints.http.responses.prepared import PreparedResponse, json_content
from catalog.entrypoints.http.responses.problem_bodies import ProblemBody
from catalog.entrypoints.http.responses.problems import problem_of, short_problem_of, status_of
from catalog.entrypoints.representations.fields import Count
from catalog.entrypoints.representations.items import ItemBody, to_item_body

MAX_PROBLEM_BYTES = 64 * 1024
"""Bytes of problems in one batch response, after which further problems are written without their `errors`."""

MAX_STORED_RESPONSE = 1024 * 1024
"""Bytes of the largest response that is stored in full under an Idempotency-Key.

A longer one is sent and stored without the items.
"""

_STATUS = {"created": 201, "updated": 200, "unchanged": 200, "deleted": 204}

_encoder = msgspec.json.Encoder()


class BatchResultBody(msgspec.Struct):
    """The result of one operation: the status it would have as a request of its own, and the item or the problem."""

    status: int
    item: ItemBody | UnsetType = UNSET
    problem: Annotated[
        msgspec.Raw | UnsetType, Meta(extra_json_schema={"$ref": f"#/components/schemas/{ProblemBody.__name__}"})
    ] = UNSET


class BatchResultsBody(msgspec.Struct):
    """The result of each operation, in request order."""

    results: list[BatchResultBody]
    failed: Annotated[Count, Meta(description="Number of operations that failed.")]
    dry_run: bool


class BatchController(Controller):
    """Endpoint for batches of item operations."""

    path = f"{ITEMS}/batch"
    tags = ("items",)
    batches: BatchOperations
    idempotency: Idempotency
    on_denied: Callable[[Any, CatalogError], None]
    """Records a refusal."""
    most: int
    """Maximum size of a request body, in bytes."""

    @post(
        status_code=200,
        opt=documented(
            Operation(
                "batch_items",
                "Run a batch",
                EACH_OPERATION,
                body=json_body(BatchBody),
                responses=(json_response(200, "The result of each operation", BatchResultsBody),),
                errors=(404, 409, 412),
                idempotent=True,
            )
        ),
    )
    async def run(self, request: AnyRequest) -> PreparedResponse:
        """Run up to 1,000 operations in order, in one commit. Each operation sees the effects of those before it.

        By default, operations succeed or fail individually, and `results` has the item or the problem for each. With `atomic`,
        all of them succeed or none is applied: if any fails, the response is a problem with the status of the first failure,
        and `errors` points to every failed operation. With `dry_run`, nothing is written.
        """
        reject_parameters(request.scope)
        body = await read_bytes(request, JSON, limit=self.most)
        batch = Batch.parse(parse_object(body))
        scopes = principal_of(request.scope).scopes
        batch.check_rights(scopes)
        write = self.batches.run(batch, request_origin(request), scopes)
        # After a change of rights, a key counts as used with another body: what was answered then may be forbidden now.
        rights = b"" if ITEMS_WRITE in scopes else b"\nwithout items:write"
        return await self.idempotency.respond(request.scope, body + rights, write, partial(self._respond, request.scope))

    def _respond(self, scope: Any, result: BatchResult) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
        """Return the response, and record a refused operation: the response as a whole is no 403."""
        denied = next((outcome.error for outcome in result.results if isinstance(outcome.error, Forbidden)), None)
        if denied is not None:
            self.on_denied(scope, denied)
        return _batch_response(scope, result)


def _batch_response(scope: Any, result: BatchResult) -> PreparedResponse:  # noqa: ANN401 - an ASGI scope
    """Return the response to a batch, without the items if the client prefers that or if it is too large to be stored."""
    minimal = MINIMAL in preferences(scope)
    content = _encoder.encode(_results(scope, result, minimal=minimal))
    if not minimal and len(content) > MAX_STORED_RESPONSE and IDEMPOTENCY_KEY.read(scope) is not None:
        minimal = True
        content = _encoder.encode(_results(scope, result, minimal=minimal))
    headers = (preference_applied(MINIMAL),) if minimal else ()
    return PreparedResponse(200, json_content(content), *headers)


def _results(scope: Any, result: BatchResult, *, minimal: bool) -> BatchResultsBody:  # noqa: ANN401 - an ASGI scope
    """Return the response body. Problems are complete until they add up to MAX_PROBLEM_BYTES."""
    bodies: list[BatchResultBody] = []
    problem_bytes = 0
    for outcome in result.results:
        if outcome.error is None:
            item = UNSET if minimal or outcome.item is None else to_item_body(outcome.item)
            bodies.append(BatchResultBody(_STATUS[outcome.action], item))
            continue
        full = problem_bytes < MAX_PROBLEM_BYTES
        problem = problem_of(scope, outcome.error) if full else short_problem_of(scope, outcome.error)
        problem_bytes += len(problem)
        bodies.append(BatchResultBody(status_of(outcome.error), problem=msgspec.Raw(problem)))
    return BatchResultsBody(bodies, result.failed, result.dry_run)
