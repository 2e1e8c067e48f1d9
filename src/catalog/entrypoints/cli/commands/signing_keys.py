"""`catalog signing-keys`: list and rotate the keys that sign access tokens."""

import json
from collections.abc import Sequence
from typing import Any

import rich_click as click

from catalog.entrypoints.cli.identity_session import CALLER, run_identity
from catalog.entrypoints.cli.options import as_json
from catalog.entrypoints.cli.tables import print_table


@click.group("signing-keys")
def signing_keys() -> None:
    """List and rotate the keys that sign access tokens."""


@signing_keys.command("list")
@as_json
def list_(*, as_json: bool) -> None:
    """List the keys, newest first: the one that signs, the next one, and previous ones whose tokens are still valid.

    Keys of CATALOG_IDENTITY__SIGNING_KEY are listed in their order: the first one signs, the others verify.
    """

    async def work(container: Any) -> Sequence[Any]:  # noqa: ANN401 - a Container
        found: Sequence[Any] = await container.signing_keys().listed()
        return found

    found = run_identity(work)
    if as_json:
        from catalog.entrypoints.representations.identity import encode_signing_keys  # noqa: PLC0415 - keeps --help fast

        click.echo(encode_signing_keys(found))
    elif found:
        print_table(("Id", "State", "Created (UTC)"), ((key.id, key.state, key.created_at) for key in found))
    else:
        click.echo("No signing keys yet. The service makes one at its first start.", err=True)


@signing_keys.command()
@as_json
def rotate(*, as_json: bool) -> None:
    """Make a new key. It signs after some minutes, when all processes know it; tokens of the old one stay valid."""

    async def work(container: Any) -> str:  # noqa: ANN401 - a Container
        key_id: str = (await container.signing_keys().rotate(CALLER)).id
        return key_id

    key_id = run_identity(work)
    click.echo(json.dumps({"id": key_id}) if as_json else f"Made the signing key {key_id}.")
