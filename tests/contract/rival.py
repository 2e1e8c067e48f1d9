"""A process that commits beside others: `python -m tests.contract.rival URL NAME ROUNDS`.

Each round it commits three change sets at once: a new item, two new items together, and a revision of an item that all
rivals fight for. It says that it is ready, begins when it is told to by a line, and prints how many of its revisions got
through.
"""

import asyncio
import sys

from catalog.domain.changes.log import ChangeSet, Committed
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions
from tests.making import NOON, TESTER, certain, creation


async def main(url: str, name: str, rounds: int) -> None:
    """Commit, round after round."""
    storage = open_store(StorageOptions(url, deadline=20.0))
    await storage.head()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    base = int(name) * 100_000
    won = 0
    for number in range(base, base + 3 * rounds, 3):
        contested = (await storage.items_by_sku(["CONTESTED"]))["CONTESTED"]
        revision = certain(contested.update({"name": f"by {name} after {contested.version}"}, now=NOON))
        outcomes = await asyncio.gather(
            storage.commit([ChangeSet((creation(number),), TESTER)]),
            storage.commit([ChangeSet((creation(number + 1), creation(number + 2)), TESTER)]),
            storage.commit([ChangeSet((revision,), TESTER)]),
        )
        won += isinstance(outcomes[2][0], Committed)
    await storage.close()
    sys.stdout.write(f"{won}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
