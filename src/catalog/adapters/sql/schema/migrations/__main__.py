"""Create a migration: `make migration NAME=what_it_does`."""

import re
import sys

from alembic import command

from catalog.adapters.sql.schema.migrate import HEAD_REVISION, alembic_config


def main() -> None:
    """Create an empty migration after the newest one."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if not re.fullmatch(r"[a-z0-9_]+", name):
        sys.exit("Name the migration after what it does, in lower case: make migration NAME=add_suppliers")
    revision = f"{int(HEAD_REVISION) + 1:04}"
    command.revision(alembic_config(), name, rev_id=revision)
    sys.stdout.write(f"Write its steps, then set HEAD_REVISION to {revision} in adapters/sql/schema/migrate.py.\n")


if __name__ == "__main__":
    main()
