"""What `catalog import` prints, and the files it writes: the report, and the refused rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import rich_click as click

from catalog.domain.errors import CatalogError
from catalog.domain.text.normalization import printable
from catalog.entrypoints.cli.option_names import as_options
from catalog.entrypoints.cli.output_files import atomic_output

_MAX_PRINTED = 10
"""Refusals that are printed."""


@dataclass
class ImportOutput:
    """Follows an import: prints its refusals as they come, and collects what the report has."""

    report: Any = None
    """The ImportReport so far; None before the file was opened."""
    refusals: list[Any] = field(default_factory=list)
    """The first refusals."""
    rows: IO[bytes] | None = None
    """The file of refused rows, if there is one."""
    count: int = 0

    def add(self, committed: Any) -> None:  # noqa: ANN401 - a CommittedSlice
        """Take note of a slice, which is empty before the first row."""
        from catalog.application.imports.jobs import MAX_REFUSALS_SHOWN  # noqa: PLC0415 - keeps --help fast

        if self.report is None:
            _print_detected(committed.report)
        self.report = committed.report
        for row in committed.refused_rows:
            if self.rows is not None:
                self.rows.write(row.encode())
            for refusal in row.refusals:
                if self.count < _MAX_PRINTED:
                    _print_refusal(refusal)
                self.count += 1
            self.refusals += row.refusals[: MAX_REFUSALS_SHOWN - len(self.refusals)]

    def print_end(self, errors: Path | None, *, dry_run: bool) -> None:
        """Print the counts, and what was noticed in the rows."""
        if self.count > _MAX_PRINTED:
            more = f"… and {self.count - _MAX_PRINTED} more"
            click.echo(f"{more}." if errors else f"{more}; use --errors FILE to save all refused rows.", err=True)
        _print_counts(self.report, dry_run=dry_run)


@contextmanager
def refused_rows_file(output: ImportOutput, path: Path | None, columns: Sequence[str] | None) -> Iterator[None]:
    """Write the refused rows to a file: a table with these columns and two more, or without columns, JSON Lines.

    It appears when the import has ended without an error, because it may replace the file that is imported.
    """
    if path is None:
        yield
        return
    from catalog.application.files.refused_rows import csv_header  # noqa: PLC0415 - keeps --help fast

    with atomic_output(path) as file:
        if columns is not None:
            file.write(csv_header(columns))
        output.rows = file
        yield


@contextmanager
def report_file(output: ImportOutput, path: Path | None, *, dry_run: bool, atomic: bool) -> Iterator[None]:
    """Write the report to a file as JSON, also if the import fails."""
    if path is None:
        yield
        return
    failure = None
    with atomic_output(path) as file:
        try:
            yield
        except CatalogError as error:
            failure = error
        file.write(_encode(output, failure, dry_run=dry_run, atomic=atomic))
    if failure is not None:
        raise failure


def _encode(output: ImportOutput, failure: CatalogError | None, *, dry_run: bool, atomic: bool) -> bytes:
    """Encode the report, as HTTP does."""
    import msgspec  # noqa: PLC0415 - keeps --help fast

    from catalog.application.imports.progress import DONE, FAILED, REFUSED  # noqa: PLC0415 - as above
    from catalog.application.imports.report import ImportReport  # noqa: PLC0415 - as above
    from catalog.domain.text.normalization import visible  # noqa: PLC0415 - as above
    from catalog.entrypoints.representations.imports import ImportReportBody, to_report_fields  # noqa: PLC0415 - as above

    report = output.report or ImportReport()
    ended = REFUSED if atomic and report.refused and not dry_run else DONE
    body = ImportReportBody(
        status=ended if failure is None else FAILED,
        dry_run=dry_run,
        error=None if failure is None else visible(str(failure)),
        **to_report_fields(report, output.refusals),
    )
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"


def _print_detected(report: Any) -> None:  # noqa: ANN401 - an ImportReport
    """Print how the file is read."""
    if report.detected:
        click.echo(f"Read as {printable(report.detected)}.", err=True)
    for warning in report.warnings:
        click.echo(f"Warning: {printable(as_options(warning))}", err=True)


def _print_refusal(refusal: Any) -> None:  # noqa: ANN401 - a Refusal
    """Print a refusal: its line, its column with the field, the cell unless the reason has it, the reason, and the cure."""
    where = f"line {refusal.line}" if refusal.last_line is None else f"lines {refusal.line} to {refusal.last_line}"
    if refusal.column:
        field_name = "" if refusal.field in (refusal.column, "") else f" ({refusal.field})"
        where += f", {refusal.column}{field_name}"
    elif refusal.field:
        where += f", {refusal.field}"
    value = "" if not refusal.value or _quotes(refusal.reason, refusal.value) else f" {refusal.value!r}"
    click.echo(printable(f"{where}{value}: {as_options(refusal.reason)}"), err=True)
    if refusal.cure and refusal.cure not in refusal.reason:
        click.echo(printable(f"    Try: {as_options(refusal.cure)}"), err=True)


def _quotes(reason: str, value: str) -> bool:
    """Return whether a reason has the value, not only as a part of a word."""
    before, found, after = reason.partition(value)
    return bool(found) and not before[-1:].isalnum() and not after[:1].isalnum()


def _print_counts(report: Any, *, dry_run: bool) -> None:  # noqa: ANN401 - an ImportReport
    """Print what was noticed in the rows to stderr, and the counts to stdout."""
    if report.filled or report.cut:
        click.echo(f"{report.filled} rows had too few cells; {report.cut} rows had too many, all of them empty.", err=True)
    if report.other_categories:
        others = "the first was taken, the others are in the attribute other_categories"
        click.echo(f"Warning: {report.other_categories} rows have several categories; {others}.", err=True)
    if report.ignored:
        click.echo(f"Ignored columns: {', '.join(map(printable, report.ignored))}", err=True)
    would_be = "would be " if dry_run else ""
    click.echo(
        f"{report.rows} rows: {would_be}{report.created} created, {report.updated} updated, {report.unchanged} unchanged, "
        f"{report.skipped} skipped, {report.refused} refused."
    )
    if report.categories:
        click.echo(f"{report.categories} categories {would_be}created.")


def print_deletions(report: Any, *, dry_run: bool) -> None:  # noqa: ANN401 - an ImportReport
    """Print what is missing from the file, and what was deleted."""
    would_be = "would be " if dry_run else ""
    kept = f", {report.kept} kept because others changed them" if report.kept else ""
    if report.missing or not report.deletion_refused:
        click.echo(f"{report.missing} items not in the file: {would_be}{report.deleted} deleted{kept}.")
    if report.missing_skus and (dry_run or report.deletion_refused):
        others = report.missing - report.kept - len(report.missing_skus)
        more = f", … and {others} more" if others > 0 else ""
        click.echo(f"Missing: {', '.join(map(printable, report.missing_skus))}{more}.", err=True)
    if report.deletion_refused:
        click.echo(printable(as_options(report.deletion_refused)), err=True)
