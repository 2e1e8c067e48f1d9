"""`catalog keys`: list, create and revoke API keys."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import rich_click as click

from catalog.domain.identity.api_key import ApiKey, NewApiKey
from catalog.domain.identity.errors import CredentialNotAllowed, InsufficientScope
from catalog.domain.identity.roles import ROLE_SCOPES
from catalog.domain.identity.scopes import SCOPES, in_order
from catalog.domain.identity.user import User
from catalog.entrypoints.cli.commands.users import all_users
from catalog.entrypoints.cli.identity_session import CALLER, run_identity
from catalog.entrypoints.cli.options import as_json
from catalog.entrypoints.cli.tables import print_fields, print_table


@click.group()
def keys() -> None:
    """List, create and revoke API keys."""


@keys.command("list")
@click.option("--user", help="Only the keys of this user.")
@as_json
def list_(user: str | None, *, as_json: bool) -> None:
    """List API keys, newest first."""

    async def work(container: Any) -> tuple[Sequence[ApiKey], Mapping[UUID, str]]:  # noqa: ANN401 - a Container
        if user is not None:
            owner: User = await container.users().get(user)
            return await container.api_keys().of_user(owner.id), {owner.id: owner.username}
        names = {found.id: found.username for found in await all_users(container)}
        return await container.identity_storage().api_keys(), names

    found, names = run_identity(work)
    if as_json:
        from catalog.entrypoints.representations.identity import encode_api_keys  # noqa: PLC0415 - keeps --help fast

        page = json.loads(encode_api_keys(found))
        for key, body in zip(found, page["api_keys"], strict=True):
            body["user"] = names.get(key.user_id)
        click.echo(json.dumps(page))
    elif found:
        headings = ("Id", "User", "Name", "Scopes", "Expires (UTC)", "Last used (UTC)", "Created (UTC)")
        print_table(headings, (_row(key, names) for key in found), wrapped="Scopes")
    else:
        click.echo("No API keys.", err=True)


@keys.command()
@click.option("--user", required=True, help="Whose key it is: a name or an id.")
@click.option("--name", required=True, help="What the key is for; 1 to 100 characters.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice(SCOPES),
    help="A right of the key; repeatable.",
)
@click.option("--expires", metavar="TIME", help="When the key expires, such as 2027-01-31T12:00:00Z. Default: never.")
@as_json
def create(user: str, name: str, scopes: tuple[str, ...], expires: str | None, *, as_json: bool) -> None:
    """Create an API key for a user. The key is shown only once."""

    async def work(container: Any) -> tuple[ApiKey, str]:  # noqa: ANN401 - a Container
        fields: dict[str, object] = {"name": name, "scopes": list(scopes), "expires_at": expires}
        new = NewApiKey.parse(fields, now=container.clock().now())
        owner: User = await container.users().get(user)
        if owner.disabled:
            message = f"The user {owner.username} is disabled. Enable the user first."
            raise CredentialNotAllowed(message)
        try:
            key, text = await container.api_keys().create(new, owner, CALLER, within=ROLE_SCOPES[owner.role])
        except InsufficientScope as error:
            message = f"{owner.username}'s role {owner.role} does not grant {error.required}."
            raise CredentialNotAllowed(message) from error
        return key, text

    key, text = run_identity(work, describe=_as_options)
    if as_json:
        from catalog.entrypoints.representations.identity import encode_api_key  # noqa: PLC0415 - keeps --help fast

        click.echo(encode_api_key(key, text))
        return
    print_fields(
        {
            "id": key.id,
            "name": key.name,
            "scopes": " ".join(in_order(key.scopes)),
            "expires_at": key.expires_at,
            "created_at": key.created_at,
            "key": text,
        }
    )
    click.echo("Store the key now: it is not shown again.", err=True)


@keys.command()
@click.argument("key_id", metavar="ID", type=click.UUID)
def revoke(key_id: UUID) -> None:
    """Revoke an API key. Every process refuses it within a second."""

    async def work(container: Any) -> None:  # noqa: ANN401 - a Container
        await container.api_keys().revoke(key_id, CALLER, of_anybody=True)

    run_identity(work)
    click.echo(f"Revoked the API key {key_id}.")


def _row(key: ApiKey, names: Mapping[UUID, str]) -> tuple[object, ...]:
    scopes = " ".join(in_order(key.scopes))
    return key.id, names.get(key.user_id), key.name, scopes, key.expires_at, key.last_used_at, key.created_at


def _as_options(line: str) -> str:
    """Return a message with options instead of members of JSON."""
    return line.replace("The member expires_at", "--expires")
