"""`catalog audit`: list, verify, export and prune the records of who did what."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import rich_click as click

from catalog.application.audit.audit import Audit, AuditPage
from catalog.application.audit.pruning import SecurityPruning
from catalog.application.audit.request import MAX_EVENTS, AuditRequest
from catalog.application.audit.verification import Verdict, change_log_chain, security_log_chain, verify_chain
from catalog.domain.hash_chain import ChainEnd
from catalog.domain.identity.audit import STREAMS, AuditEvent
from catalog.domain.identity.security_log import RESULTS
from catalog.entrypoints.cli.exit_codes import REFUSED, USAGE, fail
from catalog.entrypoints.cli.identity_session import identity_of
from catalog.entrypoints.cli.options import as_json
from catalog.entrypoints.cli.output_files import atomic_output
from catalog.entrypoints.cli.pruning import cutoff, prune_options
from catalog.entrypoints.cli.session import run
from catalog.entrypoints.cli.tables import print_table

_HEADINGS = ("Stream", "No.", "Time (UTC)", "Action", "Result", "By", "On", "With", "From")
_RETENTION = "CATALOG_AUDIT__RETENTION_DAYS"


@click.group()
def audit() -> None:
    """List, verify, export and prune the change log and the security log."""


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that select events."""
    for option in (
        click.option("--until", metavar="TIME", help="Only events before this time or date."),
        click.option("--since", metavar="TIME", help="Only events from this time or date on."),
        click.option("--address", help="Only events from this address."),
        click.option("--result", type=click.Choice(RESULTS), help="Only events with this result."),
        click.option("--subject", help="Only what was done to this SKU, slug, username or id."),
        click.option("--action", help="Only this action, for example item.created or sign_in.failed."),
        click.option("--actor", help="Only what this user did."),
        click.option("--stream", type=click.Choice(STREAMS), help="Only the change log (catalog) or the security log."),
    ):
        command = option(command)
    return command


@audit.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1, MAX_EVENTS), help="Maximum number of events (default 100).")
@click.option("--cursor", help="Continue after a page.")
@as_json
def list_(*, as_json: bool, **parameters: str | int | None) -> None:
    """List events, newest first."""

    async def work(container: Any) -> AuditPage:  # noqa: ANN401 - a Container
        request = AuditRequest.parse(_given(parameters))
        async with identity_of(container) as identity:
            return await Audit(container.storage(), identity).page(request)

    page = run(work)
    if as_json:
        from catalog.entrypoints.representations.audit import encode_audit  # noqa: PLC0415 - keeps --help fast

        click.echo(encode_audit(page))
        return
    if page.events:
        print_table(_HEADINGS, map(_row, page.events), numbers=("No.",))
    elif page.next_cursor is None:
        click.echo("No events.", err=True)
    if page.next_cursor is not None:
        click.echo(f"More results: --cursor {page.next_cursor}", err=True)


@audit.command()
@click.option("--stream", type=click.Choice(STREAMS), help="Verify only this stream.")
@click.option(
    "--expect",
    "expectations",
    multiple=True,
    metavar="[STREAM:]SEQ:DIGEST",
    help="An end that an earlier verification printed and that you stored elsewhere: the stream must still contain it. "
    "Without a stream, it is that of --stream, or catalog; repeatable.",
)
def verify(stream: str | None, expectations: tuple[str, ...]) -> None:
    """Verify that no entry was altered, removed or inserted.

    Prints the end of each stream. Store it elsewhere and pass it with --expect the next time: this is how a log is found that was
    cut at its end or written anew. Exits with 1 and prints the number of the first faulty entry if there is a fault.
    """
    expected = dict(_expected(text, stream or "catalog") for text in expectations)
    if stream is not None and expected.keys() - {stream}:
        fail(f"--expect names a stream that is not verified with --stream {stream}.", code=USAGE)
    verdicts: dict[str, Verdict] = {}
    missing: list[str] = []

    async def work(container: Any) -> None:  # noqa: ANN401 - a Container
        async with identity_of(container) as identity:
            chains = {
                "catalog": await change_log_chain(container.storage()),
                "security": None if identity is None else security_log_chain(identity),
            }
            for name, chain in chains.items():
                if chain is not None and stream in (None, name):
                    end = (await chain.ends())[1]
                    if name in expected and expected[name].seq > end.seq:
                        missing.append(_missing(name, end, expected.pop(name)))
                    verdicts[name] = await verify_chain(chain, expected.get(name))

    run(work)
    faults = [*missing, *(fault for name, verdict in verdicts.items() if (fault := _fault(name, verdict, expected.get(name))))]
    faults += [f"{name}: the storage keeps no chain." for name in expected.keys() - verdicts.keys()]
    for name, verdict in verdicts.items():
        if verdict.first_fault is None:
            click.echo(f"{name} {verdict.end} ({verdict.checked} entries verified, from number {verdict.start.seq + 1} on)")
    if faults:
        fail(*faults, code=REFUSED)


@audit.command()
@_filters
@click.argument("output", required=False, type=click.Path(dir_okay=False, path_type=Path))
def export(output: Path | None, **parameters: str | None) -> None:
    """Write events as JSON Lines to OUTPUT, or to the terminal. The newest comes first."""

    async def work(container: Any) -> None:  # noqa: ANN401 - a Container
        from catalog.entrypoints.representations.audit import encode_event_lines  # noqa: PLC0415 - keeps --help fast

        request: AuditRequest | None = AuditRequest.parse({**_given(parameters), "limit": str(MAX_EVENTS)})
        async with identity_of(container) as identity:
            both = Audit(container.storage(), identity)
            with atomic_output(output) as file:
                while request is not None:
                    page = await both.page(request)
                    file.write(encode_event_lines(page.events))
                    request = None if page.next_cursor is None else replace(request, cursor=page.next_cursor)

    try:
        run(work)
    except OSError as error:
        fail(f"{error.filename or output}: {(error.strerror or str(error)).lower()}.", code=USAGE)


@audit.command()
@prune_options(_RETENTION)
def prune(before: str | None, archive: Path) -> None:
    """Archive old entries of the security log to a file, then delete them.

    The digest of the last one is kept, so that the rest can be verified. The change log is pruned by `catalog changes prune`.
    """
    if archive.exists():
        fail(f"{archive} already exists. Choose another file, so that no archive is overwritten.", code=USAGE)

    async def work(container: Any) -> tuple[int, int]:  # noqa: ANN401 - a Container
        from catalog.entrypoints.representations.audit import encode_security_lines  # noqa: PLC0415 - keeps --help fast

        moment = cutoff(before, container.settings().audit.retention_days, _RETENTION, container.clock().now())
        async with identity_of(container) as identity:
            if identity is None:
                return 0, 0
            pruning = SecurityPruning(identity, container.clock())
            last_seq = await pruning.last_before(moment)
            floor = (await identity.security_heads())[0].seq
            if last_seq:
                with atomic_output(archive) as file:
                    async for chunk in pruning.archive(last_seq, encode_security_lines):
                        file.write(chunk)
                await pruning.prune(last_seq)
            return last_seq - floor, last_seq

    try:
        count, last_seq = run(work)
    except OSError as error:
        fail(f"{error.filename or archive}: {(error.strerror or str(error)).lower()}.", code=USAGE)
    if not last_seq:
        click.echo("No entries are old enough to prune; no archive was written.")
    else:
        click.echo(f"Moved {count} entries, up to number {last_seq}, from the security log to {archive}.")


def _given(parameters: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in parameters.items() if value is not None}


def _expected(text: str, default_stream: str) -> tuple[str, ChainEnd]:
    """Parse an expectation, or fail."""
    name, _, rest = text.partition(":")
    stream, end = (name, rest) if name in STREAMS else (default_stream, text)
    try:
        return stream, ChainEnd.parse(end)
    except ValueError:
        fail(f"--expect must be SEQ:DIGEST, as printed by a verification, not {text!r}.", code=USAGE)


def _missing(name: str, end: ChainEnd, expected: ChainEnd) -> str:
    """Return what is wrong with a stream that ends before an expected entry."""
    other = next(stream for stream in STREAMS if stream != name)
    return (
        f"{name} {end.seq + 1}: this entry is missing, because the log ends at {end.seq} and {expected.seq} was expected. If "
        f"that is the end of the other stream, use --expect {other}:{expected}"
    )


def _fault(name: str, verdict: Verdict, expected: ChainEnd | None) -> str | None:
    """Return what is wrong with a stream, or None."""
    if verdict.lacks_digest:
        return (
            f"{name} {verdict.first_fault}: this entry has no digest. It was inserted, or a process of an older version wrote it "
            f"while this one was rolled out. In that case, accept it: from now on, verify with --expect {name}:{verdict.noted}"
        )
    if verdict.first_fault is not None:
        return f"{name} {verdict.first_fault}: this entry was altered, removed or inserted, or its digest was noted differently."
    if expected is not None and expected.seq < verdict.start.seq:
        return f"{name} {expected.seq}: the expected entry was pruned. The log begins after number {verdict.start.seq}."
    return None


def _row(audited: AuditEvent) -> tuple[object, ...]:
    event = audited.event
    result = event.result if event.count == 1 else f"{event.result} ({event.count} times)"
    who = (event.actor, event.subject, event.credential, event.address)
    return audited.stream, audited.seq, event.at, event.action, result, *who
