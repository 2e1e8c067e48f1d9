"""Serves a seeded memory store. A memory store can be filled only from its own process."""

import asyncio
import sys

import uvicorn

from catalog.domain.change import Origin
from catalog.entrypoints import log_config
from catalog.entrypoints.container import Container
from catalog.entrypoints.http.app import create_app
from catalog.entrypoints.server.server import Server
from catalog.entrypoints.settings.loading import load_settings


def main() -> None:
    """Seed the store, and serve on the port given by the last argument."""
    settings = load_settings()
    log_config.configure(settings.log)
    container = Container(settings=settings)
    asyncio.run(container.seeding().run(Origin("benchmark")))
    config = uvicorn.Config(create_app(container), port=int(sys.argv[-1]), log_config=None, access_log=False, server_header=False)
    Server(config).run()


if __name__ == "__main__":
    main()
