"""/items/import and /imports: many items at once, out of a file."""

import csv
import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
from litestar import Controller, delete, get, post
from litestar.params import FromPath

from catalog.application.changing import Noted
from catalog.application.import_jobs import REFUSED, ImportJobs, ImportState, Source
from catalog.application.import_plan import CONFLICTS, ImportPlan
from catalog.application.import_reading import Refusal
from catalog.application.rows import read_table
from catalog.domain.errors import InvalidQuery, TooLarge
from catalog.domain.faults import Faults
from catalog.domain.text import visible
from catalog.entrypoints.http.answers import Answer, Sent, Streamed, json_content
from catalog.entrypoints.http.bodies import refuse_other_types
from catalog.entrypoints.http.headers import header
from catalog.entrypoints.http.idempotency import Idempotency
from catalog.entrypoints.http.incoming import Incoming
from catalog.entrypoints.http.items import AnyRequest, origin
from catalog.entrypoints.http.openapi import Operation, documented
from catalog.entrypoints.http.parameters import read_choices, read_parameters, refuse_parameters
from catalog.entrypoints.http.preferences import ASYNCHRONOUS, applied, preferences
from catalog.entrypoints.http.reads import ITEMS

IMPORTS: Final = "/api/v1/imports"

_TYPES = {
    "csv": ("text/csv",),
    "json": ("application/json",),
    "jsonl": ("application/jsonl", "application/x-ndjson", "application/x-jsonlines"),
}
_REPEATABLE = ("map", "set", "type")
_FLAGS = ("dry_run", "create_categories", "preserve")
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


class ImportsController(Controller):
    """Imports, and what became of them."""

    tags = ("imports",)
    jobs: ImportJobs
    idempotency: Idempotency
    most_bytes: int
    most_atomic: int

    @post(
        f"{ITEMS}/import",
        status_code=200,
        opt=documented(
            Operation(
                "Import items",
                body="ImportFile",
                parameters=tuple(f"import_{name}" for name in PARAMETERS),
                answers=("200-import", "202-import", "409", "422-import"),
                once=True,
            )
        ),
    )
    async def run(self, request: AnyRequest) -> Sent:
        """A file as CSV, a JSON array or JSON Lines, row by row; items are matched by SKU.

        The answer counts what became of the rows and has the first 1,000 that were refused; `errors_url` has all of them, for a
        day. With `mode=all_or_nothing` nothing goes in when a row is refused (422). With `Prefer: respond-async` the answer is
        202 as soon as the file is there, and `/imports/{id}` tells how far it is. What is exported is imported as it stands.
        """
        kind, delimiter, plan = self._read(request.scope)
        refuse_other_types(request.scope, _TYPES[kind])
        announced = header(request.scope, b"content-length") or ""
        if announced.isdecimal() and int(announced) > self.most_bytes:
            raise TooLarge(self.most_bytes)
        by = origin(request)
        body = Incoming(request.receive, self.most_bytes)
        if ASYNCHRONOUS in preferences(request.scope):

            async def start(notes: Noted[ImportState]) -> ImportState:
                file = await body.save()
                source = Source(lambda: read_table(file, kind, delimiter), file.tell, file.close)
                return await self.jobs.start(source, plan, by, notes)

            return await self.idempotency.answer(request.scope, by.actor, body, start, _accepted)

        first: list[Refusal] = []

        def show(state: ImportState) -> Answer:
            return _finished(state, first)

        async def run(notes: Noted[ImportState]) -> ImportState:
            source = Source(
                lambda: replace(read_table(body, kind, delimiter), stop=body.give_up), lambda: body.count, body.give_up
            )
            return await self.jobs.run(source, plan, by, first, notes, finish=body.finish)

        return await self.idempotency.answer(request.scope, by.actor, body, run, show)

    @get(f"{IMPORTS}/{{id:str}}", opt=documented(Operation("Tell how far an import is", answers=("200-import", "404"))))
    async def read(self, request: AnyRequest, id: FromPath[str]) -> Answer:
        """`status` is running, done, refused (all or nothing), failed, cancelled or interrupted; it is kept for a day.

        What the numbers say is committed. The rest of an import that was interrupted goes in when the file is sent again with
        `on_conflict=skip` or `update`: rows are known by their SKUs.
        """
        refuse_parameters(request.scope)
        return Answer(200, json_content(_encoder.encode(_shown(await self.jobs.get(id)))))

    @get(
        f"{IMPORTS}/{{id:str}}/errors",
        opt=documented(
            Operation("List the rows that an import refused", parameters=("errors_format",), answers=("200-errors", "404"))
        ),
    )
    async def errors(self, request: AnyRequest, id: FromPath[str]) -> Streamed:
        """All of them, in the order of their lines, as JSON Lines or CSV."""
        kind = read_choices(request.scope, format=("jsonl", "csv")).get("format", "jsonl")
        pieces = _csv(self.jobs.refusals(id)) if kind == "csv" else _lines(self.jobs.refusals(id))
        await self.jobs.get(id)
        media = b"text/csv; charset=utf-8" if kind == "csv" else b"application/jsonl"
        return Streamed(b"", pieces, (b"content-type", media))

    @delete(
        f"{IMPORTS}/{{id:str}}", status_code=202, opt=documented(Operation("Cancel an import", answers=("202-import", "404")))
    )
    async def cancel(self, request: AnyRequest, id: FromPath[str]) -> Answer:
        """It ends before its next slice; what is committed stays. One that has ended stays as it is."""
        refuse_parameters(request.scope)
        return Answer(202, json_content(_encoder.encode(_shown(await self.jobs.cancel(id, origin(request))))))

    def _read(self, scope: Any) -> tuple[str, str, ImportPlan]:  # noqa: ANN401 - an ASGI scope
        """Read the parameters: the format, the delimiter of CSV, and the plan. Raises InvalidQuery with every fault."""
        said, faults = read_parameters(scope, _REPEATABLE)
        for name, values in said.items():
            if name not in PARAMETERS:
                faults.add((name,), "unknown_parameter", f"There is no parameter {name}; there are {', '.join(PARAMETERS)}.")
            elif name in _CHOICES and values[0] not in _CHOICES[name]:
                faults.add((name,), "invalid_choice", f"The parameter {name} is {' or '.join(_CHOICES[name])}.")
        plan = ImportPlan()
        try:
            plan = ImportPlan.parse(said.get("map", ()), said.get("set", ()), said.get("type", ()))
        except InvalidQuery as error:
            faults.found += error.faults
        kind = said["format"][0] if "format" in said else _kind_of(scope, faults)
        faults.refuse(InvalidQuery)
        one = {name: values[0] for name, values in said.items()}
        flags = {name: one.get(name) == "true" for name in _FLAGS}
        plan = replace(
            plan,
            on_conflict=next((its for its in CONFLICTS if its == one.get("on_conflict")), "fail"),
            atomic=one.get("mode") == "all_or_nothing",
            most_atomic=self.most_atomic,
            dry_run=flags["dry_run"],
            create_categories=flags["create_categories"],
            preserve=flags["preserve"],
        )
        return kind, one.get("delimiter", ","), plan


def _kind_of(scope: Any, faults: Faults) -> str:  # noqa: ANN401 - an ASGI scope
    """Tell a format by the Content-Type."""
    essence = (header(scope, b"content-type") or "").partition(";")[0].strip().lower()
    for kind, types in _TYPES.items():
        if essence in types:
            return kind
    faults.add(("format",), "missing", f"Say what the file is: format={', '.join(_TYPES)}.")
    return "csv"


def _accepted(state: ImportState) -> Answer:
    content = json_content(_encoder.encode(_shown(state)))
    return Answer(202, content, (b"location", f"{IMPORTS}/{state.id}".encode()), applied(ASYNCHRONOUS))


def _finished(state: ImportState, first: Sequence[Refusal]) -> Answer:
    body = _shown(state)
    body.refusals = [_refusal(one) for one in first]
    return Answer(422 if state.status == REFUSED else 200, json_content(_encoder.encode(body)))


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
        errors_url=f"{IMPORTS}/{state.id}/errors",
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
        writer.writerows(msgspec.structs.astuple(_refusal(one)) for one in chunk)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()
    yield text.getvalue().encode()
