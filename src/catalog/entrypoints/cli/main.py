"""`catalog`: the command and its groups."""

import rich_click as click

from catalog import __version__
from catalog.entrypoints.cli.commands.categories import categories
from catalog.entrypoints.cli.commands.changes import changes
from catalog.entrypoints.cli.commands.import_export import export, import_, seed
from catalog.entrypoints.cli.commands.items import items
from catalog.entrypoints.cli.commands.service import doctor, migrate, serve

_EPILOG = "Exit codes: 0 done, 1 refused, 2 wrong usage or settings, 3 the store is unavailable."


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@click.version_option(__version__, prog_name="catalog")
def main() -> None:
    """A catalog of items over REST and the command line.

    The store is chosen by CATALOG_STORAGE__URL: sqlite:///catalog.db (when nothing is set),
    postgresql://user:password@host/db, or memory://.
    """


for command in (serve, migrate, doctor, seed, items, categories, changes, import_, export):
    main.add_command(command)
