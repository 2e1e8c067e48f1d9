"""Measure: `make bench` for everything, `make bench ARGS=import` or `make bench ARGS="import FILE …"` for a part.

Postgres is started here, with durable settings; each part prints a table from one run on one machine. These numbers
depend on the machine and the hour; compare only what stands in one table.
"""

import platform
import sys
from collections.abc import Callable

from benchmarks import bulk, feed, finding, importing, lone, serving
from catalog import __version__

PARTS: dict[str, Callable[[list[str]], None]] = {
    "import": importing.main,
    "bulk": bulk.main,
    "http": serving.main,
    "lone": lone.main,
    "finding": finding.main,
    "feed": feed.main,
}


def main() -> None:
    """Run the parts that were asked for."""
    name, *rest = sys.argv[1:] or [""]
    if name and name not in PARTS:
        sys.exit(f"There is no part {name}; there are {', '.join(PARTS)}.")
    print(f"Catalog {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}\n")
    for part in [name] if name else PARTS:
        PARTS[part](rest)


if __name__ == "__main__":
    main()
