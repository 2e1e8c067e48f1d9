"""`/items/import` and `/imports`: import items from a file."""

import csv
import io
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import FromPath

from catalog.application.files.formulas import escape_formula
from catalog.application.files.readers import open_table
from catalog.application.imports.jobs import FinishedImport, ImportJobs, ImportSource
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.progress import REFUSED, ImportState
from catalog.application.imports.refusals import Refusal
from catalog.domain.errors import FileTooLarge, InvalidQuery
from catalog.domain.text.normalization import visible
from catalog.entrypoints.http.controllers.items import ITEMS
from catalog.entrypoints.http.idempotency import Idempotency
from catalog.entrypoints.http.openapi.file_bodies import IMPORT_CONTENT
from catalog.entrypoints.http.openapi.operation import LOCATION, Content, Operation, ResponseSpec, documented, json_response
from catalog.entrypoints.http.requests.bodies import JSON, announced_length, refuse_other_types
from catalog.entrypoints.http.requests.caller import AnyRequest, request_origin
from catalog.entrypoints.http.requests.import_options import MEDIA_TYPES, parse_import_options
from catalog.entrypoints.http.requests.import_parameters import ERRORS_FORMAT, IMPORT
from catalog.entrypoints.http.requests.query_string import read_choices, reject_parameters
from catalog.entrypoints.http.requests.uploads import MultipartUpload, UploadSpace, UploadStream, form_boundary
from catalog.entrypoints.http.responses.preferences import ASYNCHRONOUS, preference_applied, preferences
from catalog.entrypoints.http.responses.prepared import (
    FILE_MEDIA_TYPES,
    AsgiResponse,
    PreparedResponse,
    StreamingResponse,
    json_content,
)
from catalog.entrypoints.http.responses.problem_bodies import ProblemBody
from catalog.entrypoints.http.responses.problems import PROBLEM_JSON
from catalog.entrypoints.http.responses.public_prefix import public_path
from catalog.entrypoints.representations.imports import ImportRefusalBody, ImportStatusBody

IMPORTS: Final = "/api/v1/imports"

_encoder = msgspec.json.Encoder()


class ImportsController(Controller):
    """Endpoints for imports."""

    tags = ("imports",)
    jobs: ImportJobs
    idempotency: Idempotency
    most_bytes: int
    most_atomic: int
    space: UploadSpace

    @post(
        f"{ITEMS}/import",
        status_code=200,
        opt=documented(
            Operation(
                "import_items",
                "Import items",
                body=IMPORT_CONTENT,
                parameters=IMPORT,
                responses=(
                    json_response(200, "The result of the import", ImportStatusBody),
                    json_response(202, "Accepted; the current state of the import", ImportStatusBody, LOCATION),
                    ResponseSpec(
                        422,
                        "A problem: `invalid_query`, `invalid_file`, `key_reused`; or the result, if rows were refused "
                        "(`mode=all_or_nothing`)",
                        {PROBLEM_JSON: Content(ProblemBody), JSON: Content(ImportStatusBody)},
                    ),
                ),
                errors=(409, 507),
                idempotent=True,
            )
        ),
    )
    async def run(self, request: AnyRequest) -> AsgiResponse:
        """Import items from a CSV, JSON or JSON Lines file. Rows are matched to existing items by SKU.

        Send the file as the request body (a JSON file as `application/json`), or as the only file of a form
        (`multipart/form-data`) whose other fields are the parameters. The response counts the rows by outcome and lists the
        first 1,000 reasons for refusal; `errors_url` has all of them for one day. With `mode=all_or_nothing`, nothing is
        imported if any row is refused (422).

        With `Prefer: respond-async`, the response is 202 as soon as the file is uploaded; poll `/imports/{id}` for progress.

        Exports can be imported unchanged. If the last row is a proof that the export is complete, it is verified first, unless
        `partial=true`.
        """
        scope = request.scope
        boundary = form_boundary(scope)
        if boundary is None:
            parse_import_options(scope, self.most_atomic)
            refuse_other_types(scope, MEDIA_TYPES, any_charset=True)
        if announced_length(scope) > self.most_bytes:
            raise FileTooLarge(self.most_bytes)
        origin = request_origin(request)
        body = (
            UploadStream(request.receive, self.most_bytes, self.space)
            if boundary is None
            else MultipartUpload(request.receive, self.most_bytes, self.space, boundary)
        )
        with self.idempotency.claim(scope, origin.actor, body) as claim:
            stored_response = await claim.stored_response()
            if stored_response is not None:
                return stored_response
            source, plan = await self._receive(scope, body)
            if ASYNCHRONOUS in preferences(scope):
                return await claim.execute(self.jobs.start(source, plan, origin), _accepted_response)
            return await claim.execute(self.jobs.run(source, plan, origin), _finished_response)

    @get(
        f"{IMPORTS}/{{id:str}}",
        opt=documented(
            Operation(
                "get_import",
                "Get import status",
                responses=(json_response(200, "The status of the import", ImportStatusBody),),
                errors=(404,),
            )
        ),
    )
    async def read(self, request: AnyRequest, id: FromPath[str]) -> PreparedResponse:
        """Return the status and progress of an import. Both are available for one day.

        `status` is running, done, refused (`mode=all_or_nothing` only), failed, cancelled or interrupted. The counts cover
        committed rows. To import the rest of an interrupted import, send the file again with `on_conflict=skip` or `update`;
        rows are matched by SKU.
        """
        reject_parameters(request.scope)
        return PreparedResponse(200, json_content(_encoder.encode(_to_import_body(await self.jobs.get(id)))))

    @get(
        f"{IMPORTS}/{{id:str}}/errors",
        opt=documented(
            Operation(
                "list_import_errors",
                "List refused rows",
                parameters=(ERRORS_FORMAT,),
                responses=(
                    ResponseSpec(
                        200, "The refused rows with their reasons", {"application/jsonl": Content(), "text/csv": Content()}
                    ),
                ),
                errors=(404,),
            )
        ),
    )
    async def errors(self, request: AnyRequest, id: FromPath[str]) -> StreamingResponse:
        """Return every refused row with its reasons, in line order, as JSON Lines or CSV."""
        file_format = read_choices(request.scope, ERRORS_FORMAT).get("format", "jsonl")
        chunks = _encode_csv(self.jobs.refusals(id)) if file_format == "csv" else _encode_json_lines(self.jobs.refusals(id))
        await self.jobs.get(id)
        return StreamingResponse(b"", chunks, (b"content-type", FILE_MEDIA_TYPES[file_format]))

    @delete(
        f"{IMPORTS}/{{id:str}}",
        status_code=202,
        opt=documented(
            Operation(
                "cancel_import",
                "Cancel an import",
                responses=(json_response(202, "Accepted; the current state of the import", ImportStatusBody),),
                errors=(404,),
            )
        ),
    )
    async def cancel(self, request: AnyRequest, id: FromPath[str]) -> PreparedResponse:
        """Stop an import before its next slice of rows. Committed rows stay, and an import that has ended is left unchanged."""
        reject_parameters(request.scope)
        return PreparedResponse(
            202, json_content(_encoder.encode(_to_import_body(await self.jobs.cancel(id, request_origin(request)))))
        )

    async def _receive(self, scope: Any, body: UploadStream) -> tuple[ImportSource, ImportPlan]:  # noqa: ANN401 - an ASGI scope
        """Receive the file and the options, which may be fields of the form.

        Raises: InvalidQuery, ImportsBusy, and whatever `body.save` raises.
        """
        with self.jobs.receiving():
            file = await body.save()
        try:
            options = (
                parse_import_options(scope, self.most_atomic, body.fields, body.filename)
                if isinstance(body, MultipartUpload)
                else parse_import_options(scope, self.most_atomic)
            )
        except InvalidQuery:
            file.close()
            raise
        source = ImportSource(lambda: open_table(file, options.reading, filename=options.filename), file.tell, file.close)
        return source, options.plan


def _accepted_response(state: ImportState) -> PreparedResponse:
    content = json_content(_encoder.encode(_to_import_body(state)))
    return PreparedResponse(202, content, (b"location", f"{IMPORTS}/{state.id}".encode()), preference_applied(ASYNCHRONOUS))


def _finished_response(finished: FinishedImport) -> PreparedResponse:
    body = _to_import_body(finished.state)
    body.refusals = [_to_refusal_body(refusal) for refusal in finished.refusals]
    return PreparedResponse(422 if finished.state.status == REFUSED else 200, json_content(_encoder.encode(body)))


def _to_import_body(state: ImportState) -> ImportStatusBody:
    report = state.report
    return ImportStatusBody(
        id=state.id,
        status=state.status,
        rows=report.rows,
        created=report.created,
        updated=report.updated,
        unchanged=report.unchanged,
        skipped=report.skipped,
        refused=report.refused,
        categories=report.categories,
        filled=report.filled,
        cut=report.cut,
        ignored=[visible(name) for name in report.ignored],
        detected=report.detected,
        warnings=[visible(warning) for warning in report.warnings],
        dry_run=state.dry_run,
        bytes=state.bytes,
        rate=round(state.rate, 1),
        error=state.error,
        errors_url=public_path(f"{IMPORTS}/{state.id}/errors"),
    )


def _to_refusal_body(refusal: Refusal) -> ImportRefusalBody:
    return ImportRefusalBody(refusal.line, visible(refusal.sku), visible(refusal.field), refusal.code, visible(refusal.reason))


async def _encode_json_lines(chunks: AsyncGenerator[Sequence[Refusal], None]) -> AsyncGenerator[bytes, None]:
    async for chunk in chunks:
        yield b"".join(_encoder.encode(_to_refusal_body(refusal)) + b"\n" for refusal in chunk)


async def _encode_csv(chunks: AsyncGenerator[Sequence[Refusal], None]) -> AsyncGenerator[bytes, None]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(ImportRefusalBody.__struct_fields__)
    async for chunk in chunks:
        writer.writerows(
            [escape_formula(str(cell)) for cell in msgspec.structs.astuple(_to_refusal_body(refusal))] for refusal in chunk
        )
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()
