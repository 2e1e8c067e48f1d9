"""Begin a migration: `make migration NAME=what_it_does`."""

import re
import sys

from alembic import command

from catalog.adapters.sql.schema.migrate import HEAD_REVISION, alembic_config


def main() -> None:
    """Write an empty migration that follows the newest one."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if not re.fullmatch(r"[a-z0-9_]+", name):
        sys.exit("Say what the migration does: make migration NAME=add_suppliers")
    following = f"{int(HEAD_REVISION) + 1:04}"
    command.revision(alembic_config(), name, rev_id=following)
    sys.stdout.write(f"Now write its steps, and set WANTED to {following} in adapters/sql/schema/migrate.py.\n")


if __name__ == "__main__":
    main()
