"""Writes to a store from a separate process: `python -m tests.contract.concurrent_writer URL NAME ROUNDS`.

In each round it commits three change sets concurrently: one new item, two new items together, and an update of the item
CONTESTED, which all writers update. It prints "ready", starts when it reads a line, and finally prints how many of its
updates were committed.
"""

import asyncio
import sys

from catalog.domain.changes.log import ChangeSet, Committed
from catalog.entrypoints.storage_plugins import open_store
from catalog.ports.storage import StorageOptions
from tests.making import NOON, TESTER, certain, creation


async def main(url: str, name: str, rounds: int) -> None:
    """Commit in each round, then print the number of successful updates."""
    storage = open_store(StorageOptions(url, deadline=20.0))
    await storage.head()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    first_number = int(name) * 100_000
    successes = 0
    for number in range(first_number, first_number + 3 * rounds, 3):
        contested = (await storage.items_by_sku(["CONTESTED"]))["CONTESTED"]
        update = certain(contested.update({"name": f"by {name} after {contested.version}"}, now=NOON))
        outcomes = await asyncio.gather(
            storage.commit([ChangeSet((creation(number),), TESTER)]),
            storage.commit([ChangeSet((creation(number + 1), creation(number + 2)), TESTER)]),
            storage.commit([ChangeSet((update,), TESTER)]),
        )
        successes += isinstance(outcomes[2][0], Committed)
    await storage.close()
    sys.stdout.write(f"{successes}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
