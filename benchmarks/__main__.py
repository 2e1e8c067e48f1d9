"""Runs the benchmarks: `make bench` for all of them, `make bench ARGS=import` or `make bench ARGS="import FILE …"` for one.

Postgres is started with durable settings. Each benchmark prints a table from one run on one machine. The numbers depend on the
machine and its load, so compare only numbers from the same table.
"""

import platform
import sys
from collections.abc import Callable

from benchmarks import bulk, chain, feed, finding, identity, importing, lone, page, pools, serving
from catalog import __version__

BENCHMARKS: dict[str, Callable[[list[str]], None]] = {
    "import": importing.main,
    "bulk": bulk.main,
    "http": serving.main,
    "lone": lone.main,
    "finding": finding.main,
    "feed": feed.main,
    "pools": pools.main,
    "identity": identity.main,
    "chain": chain.main,
    "page": page.main,
}


def main() -> None:
    """Run all benchmarks, or the one named by the first argument."""
    name, *arguments = sys.argv[1:] or [""]
    if name and name not in BENCHMARKS:
        sys.exit(f"Unknown benchmark {name}. Available: {', '.join(BENCHMARKS)}.")
    print(f"Catalog {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}\n")
    for benchmark in [name] if name else BENCHMARKS:
        BENCHMARKS[benchmark](arguments)


if __name__ == "__main__":
    main()
