"""`catalog sessions`: list and end sessions."""

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import rich_click as click

from catalog.domain.identity.session import Session
from catalog.domain.identity.user import User
from catalog.entrypoints.cli.identity_session import CALLER, run_identity
from catalog.entrypoints.cli.options import as_json
from catalog.entrypoints.cli.tables import print_table

Owned = tuple[Session, User]
"""A session and its user."""


@click.group()
def sessions() -> None:
    """List and end sessions, which begin with a sign-in."""


@sessions.command("list")
@click.option("--user", help="Only the sessions of this user.")
@as_json
def list_(user: str | None, *, as_json: bool) -> None:
    """List sessions by user, newest first."""

    async def work(container: Any) -> Sequence[Owned]:  # noqa: ANN401 - a Container
        service = container.user_sessions()
        if user is None:
            everybody: Sequence[Owned] = await service.of_everybody()
            return everybody
        owner: User = await container.users().get(user)
        return [(session, owner) for session in await service.of_user(owner.id)]

    found = run_identity(work)
    if as_json:
        from catalog.entrypoints.representations.identity import encode_sessions  # noqa: PLC0415 - keeps --help fast

        page = json.loads(encode_sessions([session for session, _ in found], None))
        for (_, owner), body in zip(found, page["sessions"], strict=True):
            del body["current"]
            body["user"] = owner.username
        click.echo(json.dumps(page))
    elif found:
        headings = ("Id", "User", "Kind", "Signed in (UTC)", "Last used (UTC)", "Expires (UTC)", "From", "Program")
        print_table(headings, (_row(session, owner) for session, owner in found))
    else:
        click.echo("No sessions.", err=True)


@sessions.command()
@click.argument("session_id", metavar="[ID]", required=False, type=click.UUID)
@click.option("--user", help="End all sessions of this user.")
def end(session_id: UUID | None, user: str | None) -> None:
    """End a session, or with --user all sessions of a user. Every process notices within a second."""
    if (session_id is None) == (user is None):
        message = "Use either the id of a session or --user."
        raise click.UsageError(message)

    async def work(container: Any) -> str:  # noqa: ANN401 - a Container
        service = container.user_sessions()
        if session_id is not None:
            _, owner = await service.find(session_id)
            await service.end_of(owner, CALLER, session_id)
            return f"Ended the session {session_id} of {owner.username}."
        owner = await container.users().get(user)
        found = await service.of_user(owner.id)
        if found:
            await service.end_of(owner, CALLER)
        return f"Ended {len(found)} {'session' if len(found) == 1 else 'sessions'} of {user}."

    click.echo(run_identity(work))


def _row(session: Session, owner: User) -> tuple[object, ...]:
    return (
        session.id,
        owner.username,
        session.kind,
        session.created_at,
        session.last_used_at,
        session.expires_at,
        session.address,
        session.user_agent,
    )
