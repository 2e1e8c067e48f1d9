"""The `catalog` command and its subcommands."""

import rich_click as click

from catalog import __version__
from catalog.entrypoints.cli.commands.audit import audit
from catalog.entrypoints.cli.commands.categories import categories
from catalog.entrypoints.cli.commands.changes import changes
from catalog.entrypoints.cli.commands.export import export
from catalog.entrypoints.cli.commands.imports import import_, seed
from catalog.entrypoints.cli.commands.items import items
from catalog.entrypoints.cli.commands.keys import keys
from catalog.entrypoints.cli.commands.service import doctor, migrate, serve
from catalog.entrypoints.cli.commands.sessions import sessions
from catalog.entrypoints.cli.commands.signing_keys import signing_keys
from catalog.entrypoints.cli.commands.users import users

_EPILOG = "Exit codes: 0 success, 1 refused, 2 invalid usage or settings, 3 store unavailable."


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.version_option(__version__, prog_name="catalog")
def main() -> None:
    """Manage a catalog of items, and serve it over a REST API.

    CATALOG_STORAGE__URL selects the store: sqlite:///catalog.db (the default), postgresql://user:password@host/db, or memory://.
    """


for command in (
    *(serve, migrate, doctor, seed, items, categories, changes, import_, export),
    *(users, keys, sessions, signing_keys, audit),
):
    main.add_command(command)
