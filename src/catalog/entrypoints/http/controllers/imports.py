"""`/items/import` and `/imports`: import items from a file."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import FromPath

from catalog.application.files.readers import open_table
from catalog.application.files.refused_rows import csv_header
from catalog.application.imports.jobs import FinishedImport, ImportJobs, ImportOwner, ImportSource
from catalog.application.imports.plan import ImportPlan
from catalog.application.imports.progress import REFUSED, ImportState
from catalog.application.imports.refusals import Refusal, RefusedRow
from catalog.domain.identity.errors import Forbidden
from catalog.domain.identity.principal import Principal
from catalog.domain.identity.scopes import ITEMS_IMPORT, USERS_ADMIN
from catalog.entrypoints.http.controllers.items import ITEMS
from catalog.entrypoints.http.idempotency import Idempotency
from catalog.entrypoints.http.openapi.file_bodies import IMPORT_CONTENT
from catalog.entrypoints.http.openapi.operation import LOCATION, Content, Operation, ResponseSpec, documented, json_response
from catalog.entrypoints.http.requests.access import requires
from catalog.entrypoints.http.requests.bodies import JSON
from catalog.entrypoints.http.requests.caller import AnyRequest, caller_id, principal_of, request_origin
from catalog.entrypoints.http.requests.import_parameters import ERRORS_FORMAT, IMPORT
from catalog.entrypoints.http.requests.import_uploads import ImportUpload, ImportUploads
from catalog.entrypoints.http.requests.query_string import read_choices, reject_parameters
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
from catalog.entrypoints.representations.imports import ImportStatusBody, to_refusal_body, to_report_fields

IMPORTS: Final = "/api/v1/imports"

CheckContinuation = Callable[[Principal, str], Awaitable[None]]
"""Takes the caller of work that takes long, and the scope for it. Raises an error if the caller has lost it."""

_encoder = msgspec.json.Encoder()


class ImportsController(Controller):
    """Endpoints for imports."""

    tags = ("imports",)
    jobs: ImportJobs
    idempotency: Idempotency
    uploads: ImportUploads
    check_continuation: CheckContinuation

    @post(
        f"{ITEMS}/import",
        status_code=200,
        opt=documented(
            Operation(
                "import_items",
                "Import items",
                requires(ITEMS_IMPORT),
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
        """Import items from a CSV, JSON or JSON Lines file, or a workbook (.xlsx, .ods). Rows are matched to items by SKU.

        The file may be compressed (gzip, bzip2, xz, zstd, or a ZIP archive of one file); its content decides what it is.

        Send the file as the request body (a JSON file as `application/json`), or as the only file of a form
        (`multipart/form-data`) whose other fields are the parameters. The response counts the rows by outcome and lists the
        first 1,000 reasons for refusal; `errors_url` has all of them for one day. With `mode=all_or_nothing`, nothing is
        imported if any row is refused (422).

        With `delete_missing=true`, the file is the whole truth: items that are not in it are deleted. If `deletion_refused` is
        not null, it says why none was.

        With `Prefer: respond-async`, the response is 202 as soon as the file is uploaded; poll `/imports/{id}` for progress.

        Exports can be imported unchanged. If the last row is a proof that the export is complete, it is verified first, unless
        `partial=true`.
        """
        scope = request.scope
        upload = self.uploads.start(scope, request.receive)
        origin = request_origin(request)
        with self.idempotency.claim(scope, upload.body) as claim:
            stored_response = await claim.stored_response()
            if stored_response is not None:
                return stored_response
            source, plan = await self._receive(upload)
            owner = ImportOwner(caller_id(scope), partial(self.check_continuation, principal_of(scope), ITEMS_IMPORT))
            if ASYNCHRONOUS in preferences(scope):
                return await claim.execute(self.jobs.start(source, plan, origin, owner), _accepted_response)
            return await claim.execute(self.jobs.run(source, plan, origin, owner), _finished_response)

    @get(
        f"{IMPORTS}/{{id:str}}",
        opt=documented(
            Operation(
                "get_import",
                "Get import status",
                requires(ITEMS_IMPORT),
                responses=(json_response(200, "The status of the import", ImportStatusBody),),
                errors=(404,),
            )
        ),
    )
    async def read(self, request: AnyRequest, id: FromPath[str]) -> PreparedResponse:
        """Return the status and progress of an import. Both are available for one day.

        `status` is running, done, refused (`mode=all_or_nothing` only), failed, cancelled or interrupted. The counts cover
        committed rows. To import the rest of an interrupted import, send the file again with `on_conflict=skip` or `update`;
        rows are matched by SKU. `refusals` has the first 20 reasons for refused rows.
        """
        reject_parameters(request.scope)
        state = await self._own(request, id)
        refusals = await self.jobs.first_refusals(id) if state.chunks else []
        return PreparedResponse(200, json_content(_encoder.encode(_to_import_body(state, refusals))))

    @get(
        f"{IMPORTS}/{{id:str}}/errors",
        opt=documented(
            Operation(
                "list_import_errors",
                "List refused rows",
                requires(ITEMS_IMPORT),
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
        """Return all refused rows, in line order.

        By default, the response has a line of JSON for each reason, as in `refusals`. With `format=csv`, it has the rows with the
        columns of the file and two more, `refused_line` and `refused_reason`, so that they can be mended and imported again with
        the same parameters. If the file was JSON, so are these rows: JSON Lines, with two more members.
        """
        file_format = read_choices(request.scope).text(ERRORS_FORMAT)
        detection = (await self._own(request, id)).report.detection
        is_json = detection is not None and detection.format in ("json", "jsonl")
        chunks = (
            _encode_reasons(self.jobs.refusals(id))
            if file_format == "jsonl"
            else _encode_rows(self.jobs.refused_rows(id), is_json=is_json)
        )
        return StreamingResponse(b"", chunks, (b"content-type", FILE_MEDIA_TYPES["jsonl" if is_json else file_format]))

    @delete(
        f"{IMPORTS}/{{id:str}}",
        status_code=202,
        opt=documented(
            Operation(
                "cancel_import",
                "Cancel an import",
                requires(ITEMS_IMPORT),
                responses=(json_response(202, "Accepted; the current state of the import", ImportStatusBody),),
                errors=(404,),
            )
        ),
    )
    async def cancel(self, request: AnyRequest, id: FromPath[str]) -> PreparedResponse:
        """Stop an import before its next slice of rows. Committed rows stay, and an import that has ended is left unchanged."""
        reject_parameters(request.scope)
        await self._own(request, id)
        return PreparedResponse(
            202, json_content(_encoder.encode(_to_import_body(await self.jobs.cancel(id, request_origin(request)))))
        )

    async def _own(self, request: AnyRequest, import_id: str) -> ImportState:
        """Return the state of an import that the caller may see: an own one, or any for admins.

        Raises: ImportNotFound, Forbidden.
        """
        state = await self.jobs.get(import_id)
        if state.owner != caller_id(request.scope) and USERS_ADMIN not in principal_of(request.scope).scopes:
            message = "This import belongs to another user; only admins see the imports of all users."
            raise Forbidden(message)
        return state

    async def _receive(self, upload: ImportUpload) -> tuple[ImportSource, ImportPlan]:
        """Receive the file and the options. Raises: ImportsBusy, and whatever `upload.receive` raises."""
        with self.jobs.receiving():
            file, options = await upload.receive(upload.body.save)
        reading, filename = options.reading, options.filename
        source = ImportSource(lambda: open_table(file, reading, filename=filename), file.tell, file.close)
        return source, options.plan


def _accepted_response(state: ImportState) -> PreparedResponse:
    content = json_content(_encoder.encode(_to_import_body(state)))
    return PreparedResponse(202, content, (b"location", f"{IMPORTS}/{state.id}".encode()), preference_applied(ASYNCHRONOUS))


def _finished_response(finished: FinishedImport) -> PreparedResponse:
    body = _to_import_body(finished.state, finished.refusals)
    return PreparedResponse(422 if finished.state.status == REFUSED else 200, json_content(_encoder.encode(body)))


def _to_import_body(state: ImportState, refusals: Sequence[Refusal] | None = None) -> ImportStatusBody:
    return ImportStatusBody(
        id=state.id,
        status=state.status,
        dry_run=state.dry_run,
        bytes=state.bytes,
        rate=round(state.rate, 1),
        error=state.error,
        errors_url=public_path(f"{IMPORTS}/{state.id}/errors"),
        **to_report_fields(state.report, refusals),
    )


async def _encode_reasons(chunks: AsyncGenerator[Sequence[Refusal], None]) -> AsyncGenerator[bytes, None]:
    async for chunk in chunks:
        yield b"".join(_encoder.encode(to_refusal_body(refusal)) + b"\n" for refusal in chunk)


async def _encode_rows(chunks: AsyncGenerator[Sequence[RefusedRow], None], *, is_json: bool) -> AsyncGenerator[bytes, None]:
    has_header = is_json
    async for rows in chunks:
        if not has_header:
            yield csv_header(rows[0].columns or ())
            has_header = True
        yield b"".join(row.encode() for row in rows)
    if not has_header:
        yield csv_header(())
