"""/items/batch: many operations on items in one request."""

from typing import Any

import msgspec
from litestar import Controller, post

from catalog.application.batch import Batch, Batches, Result, Results
from catalog.entrypoints.http.answers import Answer, json_content
from catalog.entrypoints.http.bodies import JSON, read_bytes, to_object
from catalog.entrypoints.http.idempotency import Idempotency, Whole
from catalog.entrypoints.http.items import AnyRequest, origin
from catalog.entrypoints.http.openapi import Operation, documented
from catalog.entrypoints.http.parameters import refuse_parameters
from catalog.entrypoints.http.preferences import MINIMAL, applied, preferences
from catalog.entrypoints.http.problems import problem_of, status_of
from catalog.entrypoints.http.reads import ITEMS
from catalog.entrypoints.shapes import ItemBody, to_item_body

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
    batches: Batches
    idempotency: Idempotency
    most: int
    """The bytes that a body may have."""

    @post(
        status_code=200,
        opt=documented(Operation("Do many things", body="Batch", answers=("200-batch", "404", "409", "412"), once=True)),
    )
    async def run(self, request: AnyRequest) -> Answer:
        """Up to 1,000 operations in one commit, each seeing the effects of those before it.

        With `atomic` all of them are done or none: the answer is then that of the first that cannot be done, and `errors`
        names each by its place. Without, those that cannot be done have a problem in their place. A `dry_run` writes nothing.
        """
        refuse_parameters(request.scope)
        body = await read_bytes(request, JSON, most=self.most)
        batch = Batch.parse(to_object(body))
        by = origin(request)

        def show(done: Results) -> Answer:
            minimal = MINIMAL in preferences(request.scope)
            shown = ResultsBody([_shown(request.scope, one, minimal=minimal) for one in done.results], done.failed, done.dry_run)
            content = json_content(_encoder.encode(shown))
            return Answer(200, content, applied(MINIMAL)) if minimal else Answer(200, content)

        return await self.idempotency.answer(
            request.scope, by.actor, Whole(body), lambda notes: self.batches.run(batch, by, notes), show
        )


def _shown(scope: Any, result: Result, *, minimal: bool) -> ResultBody:  # noqa: ANN401 - an ASGI scope
    if result.error is not None:
        return ResultBody(status_of(result.error), problem=msgspec.Raw(problem_of(scope, result.error)))
    return ResultBody(_STATUS[result.done], item=None if minimal or result.item is None else to_item_body(result.item))
