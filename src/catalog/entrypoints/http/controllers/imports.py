"""/items/import and /imports: many items at once, out of a file."""

import csv
import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import FromPath
from multipart import parse_options_header

from catalog.application.files.readers import escape_formula, parse_delimiter, read_table
from catalog.application.files.trailer import TrailerPolicy, trailer_policy
from catalog.application.imports.jobs import REFUSED, ImportJobs, ImportSource, ImportState
from catalog.application.imports.plan import CONFLICTS, ImportPlan
from catalog.application.imports.rows import Refusal
from catalog.application.writes.commit import RecordsFor
from catalog.domain.errors import FileTooLarge, InvalidQuery
from catalog.domain.queries.filters import without_empty
from catalog.domain.queries.operands import refuse_unknown
from catalog.domain.text.normalization import visible
from catalog.domain.validation import FieldErrors
from catalog.entrypoints.http.controllers.items import AnyRequest, origin
from catalog.entrypoints.http.idempotency import Idempotency
from catalog.entrypoints.http.middleware.public_prefix import public_path
from catalog.entrypoints.http.middleware.response_cache import ITEMS
from catalog.entrypoints.http.openapi.document import Operation, documented
from catalog.entrypoints.http.requests.bodies import announced_length, refuse_other_types
from catalog.entrypoints.http.requests.headers import header
from catalog.entrypoints.http.requests.query_string import read_choices, read_parameters, reject_parameters
from catalog.entrypoints.http.requests.uploads import MultipartUpload, UploadSpace, UploadStream
from catalog.entrypoints.http.responses.preferences import ASYNCHRONOUS, preference_applied, preferences
from catalog.entrypoints.http.responses.prepared import AsgiResponse, PreparedResponse, StreamingResponse, json_content

IMPORTS: Final = "/api/v1/imports"

_TYPES = {
    "csv": ("text/csv",),
    "json": ("application/json",),
    "jsonl": ("application/jsonl", "application/x-ndjson", "application/x-jsonlines"),
}
_ENDINGS = {"csv": (".csv",), "json": (".json",), "jsonl": (".jsonl", ".ndjson")}
FORM = "multipart/form-data"

_REPEATABLE = ("map", "set", "type")
_FLAGS = ("dry_run", "create_categories", "preserve", "partial")
_CHOICES: Mapping[str, Sequence[str]] = {
    "format": tuple(_TYPES),
    "on_conflict": CONFLICTS,
    "mode": ("per_row", "all_or_nothing"),
    **dict.fromkeys(_FLAGS, ("true", "false")),
}
PARAMETERS: Final = (*_CHOICES, "delimiter", *_REPEATABLE)

_encoder = msgspec.json.Encoder()


class RefusalBody(msgspec.Struct):
    """Why a row was not taken: one for each of its faults. `field` is a flat name; empty for the row as a whole."""

    line: int
    sku: str
    field: str
    code: str
    detail: str


class ImportBody(msgspec.Struct):
    """How far an import is; `rate` is rows a second."""

    id: str
    status: str
    rows: int
    created: int
    updated: int
    unchanged: int
    skipped: int
    refused: int
    categories: int
    ignored: list[str]
    dry_run: bool
    bytes: int
    rate: float
    error: str | None
    errors_url: str
    refusals: list[RefusalBody] | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What the options of an import say: the file's format, what stands between its cells, the plan, and how whole it must be."""

    kind: str
    delimiter: str
    plan: ImportPlan
    trailer_policy: TrailerPolicy


class ImportsController(Controller):
    """Imports, and what became of them."""

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
                "Import items",
                body="ImportFile",
                parameters=tuple(f"import_{name}" for name in PARAMETERS),
                responses=("200-import", "202-import", "409", "422-import", "507"),
                idempotent=True,
            )
        ),
    )
    async def run(self, request: AnyRequest) -> AsgiResponse:
        """A file as CSV, a JSON array or JSON Lines, row by row; items are matched by SKU.

        The file is the body, or the one file of a form (`multipart/form-data`), whose other fields are the parameters. The answer
        counts what became of the rows and has the first 1,000 that were refused; `errors_url` has all of them, for a day. With
        `mode=all_or_nothing` nothing goes in when a row is refused (422). With `Prefer: respond-async` the answer is 202 as soon
        as the file is there, and `/imports/{id}` tells how far it is. What is exported is imported as it stands; what looks like
        an export and lacks its last row is refused, unless `partial=true`.
        """
        scope = request.scope
        boundary = _boundary(scope)
        if boundary is None:
            refuse_other_types(scope, _TYPES[self._read(scope, {}, None).kind])
        if announced_length(scope) > self.most_bytes:
            raise FileTooLarge(self.most_bytes)
        by = origin(request)
        form = None if boundary is None else MultipartUpload(request.receive, self.most_bytes, self.space, boundary)
        body = form or UploadStream(request.receive, self.most_bytes, self.space)
        first: list[Refusal] = []
        aside = ASYNCHRONOUS in preferences(scope)

        async def do(notes: RecordsFor[ImportState]) -> ImportState:
            with self.jobs.receiving():
                file = await body.save()
            try:
                told = self._read(scope, {}, None) if form is None else self._read(scope, form.fields, form.filename)
            except InvalidQuery:
                file.close()
                raise
            source = ImportSource(lambda: read_table(file, told.kind, told.delimiter, told.trailer_policy), file.tell, file.close)
            if aside:
                return await self.jobs.start(source, told.plan, by, notes)
            return await self.jobs.run(source, told.plan, by, first, notes)

        def show(state: ImportState) -> PreparedResponse:
            return _accepted(state) if aside else _finished(state, first)

        return await self.idempotency.respond(scope, by.actor, body, do, show)

    @get(f"{IMPORTS}/{{id:str}}", opt=documented(Operation("Tell how far an import is", responses=("200-import", "404"))))
    async def read(self, request: AnyRequest, id: FromPath[str]) -> PreparedResponse:
        """`status` is running, done, refused (all or nothing), failed, cancelled or interrupted; it is kept for a day.

        What the numbers say is committed. The rest of an import that was interrupted goes in when the file is sent again with
        `on_conflict=skip` or `update`: rows are known by their SKUs.
        """
        reject_parameters(request.scope)
        return PreparedResponse(200, json_content(_encoder.encode(_shown(await self.jobs.get(id)))))

    @get(
        f"{IMPORTS}/{{id:str}}/errors",
        opt=documented(
            Operation("List the rows that an import refused", parameters=("errors_format",), responses=("200-errors", "404"))
        ),
    )
    async def errors(self, request: AnyRequest, id: FromPath[str]) -> StreamingResponse:
        """All of them, in the order of their lines, as JSON Lines or CSV."""
        kind = read_choices(request.scope, format=("jsonl", "csv")).get("format", "jsonl")
        pieces = _csv(self.jobs.refusals(id)) if kind == "csv" else _lines(self.jobs.refusals(id))
        await self.jobs.get(id)
        media = b"text/csv; charset=utf-8" if kind == "csv" else b"application/jsonl"
        return StreamingResponse(b"", pieces, (b"content-type", media))

    @delete(
        f"{IMPORTS}/{{id:str}}", status_code=202, opt=documented(Operation("Cancel an import", responses=("202-import", "404")))
    )
    async def cancel(self, request: AnyRequest, id: FromPath[str]) -> PreparedResponse:
        """It ends before its next slice; what is committed stays. One that has ended stays as it is."""
        reject_parameters(request.scope)
        return PreparedResponse(202, json_content(_encoder.encode(_shown(await self.jobs.cancel(id, origin(request))))))

    def _read(self, scope: Any, fields: Mapping[str, Sequence[str]], filename: str | None) -> ImportRequest:  # noqa: ANN401 - an ASGI scope
        """Read the options: parameters, and fields of a form. Raises InvalidQuery with every fault."""
        given, faults = read_parameters(scope, _REPEATABLE)
        for name, values in fields.items():
            given.setdefault(name, []).extend(values)
            if len(given[name]) > 1 and name not in _REPEATABLE:
                faults.add((name,), "repeated_parameter", f"The option {name} is given twice; give it once.")
        said = without_empty(given)
        for name, values in given.items():
            refuse_unknown((name,), PARAMETERS, faults)
            if name in said and name in _CHOICES and values[0] not in _CHOICES[name]:
                faults.add((name,), "invalid_choice", f"The parameter {name} is {' or '.join(_CHOICES[name])}.")
        plan, delimiter = ImportPlan(), ","
        try:
            delimiter = parse_delimiter(said.get("delimiter", [","])[0])
        except InvalidQuery as error:
            faults.extend(error)
        try:
            plan = ImportPlan.parse(said.get("map", ()), said.get("set", ()), said.get("type", ()))
        except InvalidQuery as error:
            faults.extend(error)
        kind = said["format"][0] if "format" in said else _kind_of(scope, filename, faults)
        faults.raise_if_any(InvalidQuery)
        one = {name: values[0] for name, values in said.items()}
        flags = {name: one.get(name) == "true" for name in _FLAGS}
        plan = replace(
            plan,
            on_conflict=next((its for its in CONFLICTS if its == one.get("on_conflict")), "fail"),
            atomic=one.get("mode") == "all_or_nothing",
            max_atomic_rows=self.most_atomic,
            dry_run=flags["dry_run"],
            create_categories=flags["create_categories"],
            preserve=flags["preserve"],
        )
        return ImportRequest(kind, delimiter, plan, trailer_policy(preserve=plan.preserve, partial=flags["partial"]))


def _boundary(scope: Any) -> str | None:  # noqa: ANN401 - an ASGI scope
    """Return the boundary of a form; None when the body is the file itself."""
    essence, options = parse_options_header(header(scope, b"content-type") or "")
    return options.get("boundary", "") if essence == FORM else None


def _kind_of(scope: Any, filename: str | None, faults: FieldErrors) -> str:  # noqa: ANN401 - an ASGI scope
    """Tell a format by the file's name in a form, or by the Content-Type."""
    essence = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    ending = "." + (filename or "").lower().rpartition(".")[2]
    for kind, types in _TYPES.items():
        if essence in types or ending in _ENDINGS[kind]:
            return kind
    faults.add(("format",), "missing", f"Say what the file is: format={', '.join(_TYPES)}.")
    return "csv"


def _accepted(state: ImportState) -> PreparedResponse:
    content = json_content(_encoder.encode(_shown(state)))
    return PreparedResponse(202, content, (b"location", f"{IMPORTS}/{state.id}".encode()), preference_applied(ASYNCHRONOUS))


def _finished(state: ImportState, first: Sequence[Refusal]) -> PreparedResponse:
    body = _shown(state)
    body.refusals = [_refusal(one) for one in first]
    return PreparedResponse(422 if state.status == REFUSED else 200, json_content(_encoder.encode(body)))


def _shown(state: ImportState) -> ImportBody:
    report = state.report
    return ImportBody(
        id=state.id,
        status=state.status,
        rows=report.rows,
        created=report.created,
        updated=report.updated,
        unchanged=report.unchanged,
        skipped=report.skipped,
        refused=report.refused,
        categories=report.categories,
        ignored=[visible(name) for name in report.ignored],
        dry_run=state.dry_run,
        bytes=state.bytes,
        rate=round(state.rate, 1),
        error=state.error,
        errors_url=public_path(f"{IMPORTS}/{state.id}/errors"),
    )


def _refusal(one: Refusal) -> RefusalBody:
    return RefusalBody(one.line, visible(one.sku), visible(one.field), one.code, visible(one.reason))


async def _lines(chunks: AsyncGenerator[Sequence[Refusal], None]) -> AsyncGenerator[bytes, None]:
    async for chunk in chunks:
        yield b"".join(_encoder.encode(_refusal(one)) + b"\n" for one in chunk)


async def _csv(chunks: AsyncGenerator[Sequence[Refusal], None]) -> AsyncGenerator[bytes, None]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(RefusalBody.__struct_fields__)
    async for chunk in chunks:
        writer.writerows([escape_formula(str(cell)) for cell in msgspec.structs.astuple(_refusal(one))] for one in chunk)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()
