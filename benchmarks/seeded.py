"""Serve a memory store that is seeded first: a process of its own has no other way to fill it."""

import asyncio
import sys

import uvicorn

from catalog.domain.change import Origin
from catalog.entrypoints import log_config
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.server.server import Server
from catalog.entrypoints.settings import Settings


def main() -> None:
    """Seed, and serve on the port that the last argument names."""
    settings = Settings.load()
    log_config.configure(settings.log)
    container = Container(settings=settings)
    asyncio.run(container.seeding().run(Origin("benchmark")))
    config = uvicorn.Config(create_app(container), port=int(sys.argv[-1]), log_config=None, access_log=False, server_header=False)
    Server(config).run()


if __name__ == "__main__":
    main()
