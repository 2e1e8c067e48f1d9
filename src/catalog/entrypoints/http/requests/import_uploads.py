"""Uploads of files to import: the file is the body, or a part of a form whose other parts are the options."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from catalog.domain.errors import FileTooLarge, InvalidQuery
from catalog.entrypoints.http.requests.bodies import announced_length, refuse_other_types
from catalog.entrypoints.http.requests.import_options import MEDIA_TYPES, ImportOptions, parse_import_options
from catalog.entrypoints.http.requests.uploads import (
    MultipartUpload,
    Receive,
    Upload,
    UploadSpace,
    UploadStream,
    form_boundary,
)


@dataclass(frozen=True, slots=True)
class ImportUploads:
    """Receives uploads of up to `most_bytes`. An atomic import may have up to `most_atomic` rows."""

    most_bytes: int
    most_atomic: int
    space: UploadSpace

    def start(self, scope: Any, receive: Receive) -> "ImportUpload":  # noqa: ANN401 - an ASGI scope
        """Start to receive an upload. What can be checked before it has arrived is checked.

        Raises: InvalidQuery, FileTooLarge, Malformed, and an HTTPException with 415 for another media type.
        """
        boundary = form_boundary(scope)
        options = None  # those of a form arrive with the file
        if boundary is None:
            options = parse_import_options(scope, self.most_atomic)
            refuse_other_types(scope, MEDIA_TYPES, any_charset=True)
        if announced_length(scope) > self.most_bytes:
            raise FileTooLarge(self.most_bytes)
        if boundary is None:
            return ImportUpload(scope, UploadStream(receive, self.most_bytes, self.space), self.most_atomic, options)
        form = MultipartUpload(receive, self.most_bytes, self.space, boundary)
        return ImportUpload(scope, form, self.most_atomic, options)


@dataclass(frozen=True, slots=True)
class ImportUpload:
    """An upload that is arriving. `options` is None if they arrive with the file."""

    scope: Any
    body: UploadStream
    most_atomic: int
    options: ImportOptions | None

    async def receive(self, save: Callable[[], Awaitable[Upload]]) -> tuple[Upload, ImportOptions]:
        """Receive the file, which `save` does, and the options. Raises: InvalidQuery, and what `save` raises."""
        file = await save()
        try:
            return file, self.options or parse_import_options(self.scope, self.most_atomic, self.body.fields, self.body.filename)
        except InvalidQuery:
            file.close()
            raise
