"""`catalog users`: list, create, change and delete users."""

from collections.abc import Mapping, Sequence
from typing import Any

import rich_click as click

from catalog.domain.identity.roles import USER_ROLES
from catalog.domain.identity.user import NewUser, User, UserPatch
from catalog.entrypoints.cli.identity_session import CALLER, run_identity
from catalog.entrypoints.cli.options import as_json
from catalog.entrypoints.cli.passwords import read_password
from catalog.entrypoints.cli.tables import print_fields, print_table

_role = click.Choice(USER_ROLES)


@click.group()
def users() -> None:
    """List, create, change and delete users.

    USER is a name or an id. A password is asked for, or is the first line of standard input.
    """


@users.command("list")
@click.option("--q", "search", default="", help="Only users whose name contains this.")
@as_json
def list_(search: str, *, as_json: bool) -> None:
    """List users by name."""

    async def work(container: Any) -> Sequence[User]:  # noqa: ANN401 - a Container
        return await all_users(container, search)

    found = run_identity(work)
    if as_json:
        from catalog.entrypoints.representations.identity import encode_users  # noqa: PLC0415 - keeps --help fast

        click.echo(encode_users(found, None))
    elif found:
        headings = ("Name", "Role", "State", "Created (UTC)", "Changed (UTC)", "Version", "Id")
        print_table(headings, (_row(user) for user in found))
    else:
        click.echo("No users." if search else "No users yet. Try `catalog users create NAME --role admin`.", err=True)


@users.command()
@click.argument("name")
@click.option("--role", required=True, type=_role, help="What the user may do.")
@as_json
def create(name: str, role: str, *, as_json: bool) -> None:
    """Create a user. The password is asked for, or is the first line of standard input."""
    password = read_password()

    async def work(container: Any) -> tuple[User, str]:  # noqa: ANN401 - a Container
        new = NewUser.parse({"username": name, "role": role, "password": password})
        return await container.users().create(new, CALLER), container.settings().identity.mode

    user, mode = run_identity(work)
    _print_user(user, as_json=as_json)
    if mode != "required":
        click.echo(f"With CATALOG_IDENTITY__MODE={mode}, nobody signs in, so users have no effect: set it to required.", err=True)


@users.command()
@click.argument("user")
@click.argument("new_role", metavar="ROLE", type=_role)
@as_json
def role(user: str, new_role: str, *, as_json: bool) -> None:
    """Change a user's role: user, editor, auditor or admin. Ends the user's sessions."""
    _update(user, {"role": new_role}, as_json=as_json)


@users.command()
@click.argument("user")
@as_json
def disable(user: str, *, as_json: bool) -> None:
    """Disable a user. Ends the user's sessions; API keys stop working until the user is enabled."""
    _update(user, {"disabled": True}, as_json=as_json)


@users.command()
@click.argument("user")
@as_json
def enable(user: str, *, as_json: bool) -> None:
    """Enable a user who was disabled."""
    _update(user, {"disabled": False}, as_json=as_json)


@users.command()
@click.argument("user")
@as_json
def password(user: str, *, as_json: bool) -> None:
    """Set a user's password, from a prompt or the first line of standard input. Ends sessions and revokes API keys."""
    _update(user, {"password": read_password()}, as_json=as_json)


@users.command()
@click.argument("user")
def delete(user: str) -> None:
    """Delete a user, with all sessions and API keys."""

    async def work(container: Any) -> User:  # noqa: ANN401 - a Container
        found: User = await container.users().get(user)
        await container.users().delete(found.id, CALLER)
        return found

    click.echo(f"Deleted the user {run_identity(work).username}.")


async def all_users(container: Any, search: str = "") -> Sequence[User]:  # noqa: ANN401 - a Container
    """Return the users whose name contains `search`, by name."""
    from catalog.application.identity.users import MAX_PAGE  # noqa: PLC0415 - keeps --help fast

    found: list[User] = []
    after: str | None = None
    while True:
        page = await container.users().page(search, after=after, limit=MAX_PAGE)
        found += page.users
        after = page.next_after
        if after is None:
            return found


def _update(key: str, fields: Mapping[str, object], *, as_json: bool) -> None:
    """Change a user, and print the result."""

    async def work(container: Any) -> User:  # noqa: ANN401 - a Container
        user: User = await container.users().update(key, UserPatch.parse(fields), CALLER)
        return user

    _print_user(run_identity(work), as_json=as_json)


def _row(user: User) -> tuple[object, ...]:
    return user.username, user.role, _state(user), user.created_at, user.updated_at, user.version, user.id


def _state(user: User) -> str:
    return "disabled" if user.disabled else "enabled"


def _print_user(user: User, *, as_json: bool) -> None:
    if as_json:
        from catalog.entrypoints.representations.identity import encode_user  # noqa: PLC0415 - keeps --help fast

        click.echo(encode_user(user))
        return
    print_fields(
        {
            "id": user.id,
            "username": user.username,
            "role": user.role,
            "state": _state(user),
            "created_at": user.created_at,
            "updated_at": user.updated_at,
            "version": user.version,
        }
    )
