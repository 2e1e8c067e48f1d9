"""/items/batch: many operations on items in one request."""

from typing import Any

import msgspec
from litestar import Controller, post

from catalog.application.items.batch import Batch, BatchOperations, BatchResult
from catalog.entrypoints.http.controllers.items import AnyRequest, origin
from catalog.entrypoints.http.idempotency import BodyFingerprint, Idempotency
from catalog.entrypoints.http.middleware.response_cache import ITEMS
from catalog.entrypoints.http.openapi.document import Operation, documented
from catalog.entrypoints.http.requests.bodies import JSON, parse_object, read_bytes
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.requests.query_string import reject_parameters
from catalog.entrypoints.http.responses.preferences import MINIMAL, preference_applied, preferences
from catalog.entrypoints.http.responses.prepared import PreparedResponse, json_content
from catalog.entrypoints.http.responses.problems import problem_of, short_problem_of, status_of
from catalog.entrypoints.representations.items import ItemBody, to_item_body

MAX_PROBLEMS = 64 * 1024
"""Bytes of the problems of a batch that are written in full; after those, a problem is written without its `errors`."""

MAX_STORED_RESPONSE = 1024 * 1024
"""Bytes of a batch's answer that are kept for its Idempotency-Key; one that is longer is given and kept without the items."""

_STATUS = {"created": 201, "updated": 200, "unchanged": 200, "deleted": 204}

_encoder = msgspec.json.Encoder()


class ResultBody(msgspec.Struct, omit_defaults=True):
    """What became of an operation: a status as a request of its own would have it, with the item or the problem."""

    status: int
    item: ItemBody | None = None
    problem: msgspec.Raw | None = None


class ResultsBody(msgspec.Struct):
    """What became of each operation, in their order."""

    results: list[ResultBody]
    failed: int
    dry_run: bool


class BatchController(Controller):
    """Batches of operations."""

    path = f"{ITEMS}/batch"
    tags = ("items",)
    batches: BatchOperations
    idempotency: Idempotency
    most: int
    """The bytes that a body may have."""

    @post(
        status_code=200,
        opt=documented(Operation("Do many things", body="Batch", responses=("200-batch", "404", "409", "412"), idempotent=True)),
    )
    async def run(self, request: AnyRequest) -> PreparedResponse:
        """Up to 1,000 operations in one commit, each seeing the effects of those before it.

        With `atomic` all of them are done or none: the answer is then that of the first that cannot be done, and `errors`
        names each by its place. Without, those that cannot be done have a problem in their place. A `dry_run` writes nothing.
        """
        reject_parameters(request.scope)
        body = await read_bytes(request, JSON, limit=self.most)
        batch = Batch.parse(parse_object(body))
        by = origin(request)

        def show(done: BatchResult) -> PreparedResponse:
            minimal = MINIMAL in preferences(request.scope)
            body = _encoder.encode(_results(request.scope, done, minimal=minimal))
            if not minimal and len(body) > MAX_STORED_RESPONSE and header(request.scope, b"idempotency-key") is not None:
                minimal = True
                body = _encoder.encode(_results(request.scope, done, minimal=minimal))
            content = json_content(body)
            return PreparedResponse(200, content, preference_applied(MINIMAL)) if minimal else PreparedResponse(200, content)

        return await self.idempotency.respond(
            request.scope, by.actor, BodyFingerprint(body), lambda notes: self.batches.run(batch, by, notes), show
        )


def _results(scope: Any, done: BatchResult, *, minimal: bool) -> ResultsBody:  # noqa: ANN401 - an ASGI scope
    """Show what became of each operation; the problems in full as long as MAX_PROBLEMS is not reached."""
    shown: list[ResultBody] = []
    written = 0
    for result in done.results:
        if result.error is None:
            item = None if minimal or result.item is None else to_item_body(result.item)
            shown.append(ResultBody(_STATUS[result.action], item))
            continue
        problem = problem_of(scope, result.error) if written < MAX_PROBLEMS else short_problem_of(scope, result.error)
        written += len(problem)
        shown.append(ResultBody(status_of(result.error), problem=msgspec.Raw(problem)))
    return ResultsBody(shown, done.failed, done.dry_run)
