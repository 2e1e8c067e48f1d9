"""`/items/import/inspect`: what an import would make of a file."""

import msgspec
from litestar import Controller, post

from catalog.application.imports.inspection import MAX_ARCHIVE_SIZE, START_SIZE, Inspections
from catalog.application.imports.jobs import ImportJobs
from catalog.domain.errors import FileTooLarge, InvalidInput, InvalidQuery, shorten
from catalog.domain.identity.scopes import ITEMS_IMPORT
from catalog.domain.text.normalization import visible
from catalog.entrypoints.http.controllers.items import ITEMS
from catalog.entrypoints.http.openapi.file_bodies import IMPORT_CONTENT
from catalog.entrypoints.http.openapi.operation import Operation, documented, json_response
from catalog.entrypoints.http.requests.access import requires
from catalog.entrypoints.http.requests.bodies import announced_length, refuse_other_types
from catalog.entrypoints.http.requests.caller import AnyRequest
from catalog.entrypoints.http.requests.import_options import MEDIA_TYPES, parse_import_options
from catalog.entrypoints.http.requests.import_parameters import IMPORT
from catalog.entrypoints.http.requests.uploads import MultipartUpload, UploadSpace, UploadStream, form_boundary
from catalog.entrypoints.http.responses.prepared import PreparedResponse, json_content
from catalog.entrypoints.http.responses.problem_types import PROBLEM_TYPES
from catalog.entrypoints.http.responses.problems import MAX_DETAIL
from catalog.entrypoints.representations.inspections import (
    InspectionBody,
    InspectionProblemBody,
    InspectionProblemErrorBody,
    to_inspection_body,
)

_encoder = msgspec.json.Encoder()


class ImportInspectionsController(Controller):
    """The endpoint that inspects files."""

    tags = ("imports",)
    jobs: ImportJobs
    inspections: Inspections
    most_bytes: int
    most_atomic: int
    space: UploadSpace

    @post(
        f"{ITEMS}/import/inspect",
        status_code=200,
        opt=documented(
            Operation(
                "inspect_import",
                "Inspect a file",
                requires(ITEMS_IMPORT),
                body=IMPORT_CONTENT,
                parameters=IMPORT,
                responses=(json_response(200, "What an import would make of the file", InspectionBody),),
                errors=(507,),
                changes_nothing=True,
            )
        ),
    )
    async def inspect(self, request: AnyRequest) -> PreparedResponse:
        """Say how `POST /items/import` would read a file with the same parameters. Nothing is imported.

        The response has what was detected, the columns with samples and suggestions, and ten rows as they would be read.
        Categories and existing SKUs are not looked up. If the import would refuse the file, `problem` says why, and the rest is
        what is known nevertheless; a file of which nothing can be read is 422.

        The first MiB of the file is enough: the rest is ignored, and a row that is cut off is left out. A workbook or ZIP archive
        is needed as a whole, up to 16 MiB.
        """
        scope = request.scope
        boundary = form_boundary(scope)
        if boundary is None:
            parse_import_options(scope, self.most_atomic)
            refuse_other_types(scope, MEDIA_TYPES, any_charset=True)
        if announced_length(scope) > self.most_bytes:
            raise FileTooLarge(self.most_bytes)
        body = (
            UploadStream(request.receive, self.most_bytes, self.space)
            if boundary is None
            else MultipartUpload(request.receive, self.most_bytes, self.space, boundary)
        )
        with self.jobs.receiving():
            file = await body.save_start(START_SIZE, MAX_ARCHIVE_SIZE)
        try:
            options = (
                parse_import_options(scope, self.most_atomic, body.fields, body.filename)
                if isinstance(body, MultipartUpload)
                else parse_import_options(scope, self.most_atomic)
            )
        except InvalidQuery:
            file.close()
            raise
        inspection = await self.inspections.run(file, options.reading, options.plan, options.filename)
        problem = None if inspection.problem is None else _to_problem_body(inspection.problem)
        return PreparedResponse(200, json_content(_encoder.encode(to_inspection_body(inspection, problem))))


def _to_problem_body(problem: InvalidInput) -> InspectionProblemBody:
    is_query = isinstance(problem, InvalidQuery)
    return InspectionProblemBody(
        problem.code,
        PROBLEM_TYPES[problem.code].title,
        visible(shorten(problem, MAX_DETAIL)),
        [
            InspectionProblemErrorBody(error.code, visible(error.message), str(error.path[0]) if is_query else "")
            for error in problem.errors
        ],
    )
