"""Databases on the Postgres server that the benchmarks start."""

import asyncio

import asyncpg

from tests.servers import PostgresServer


def create_database(server: PostgresServer, name: str) -> str:
    """Create a database, and return its name."""

    async def create() -> None:
        connection = await asyncpg.connect(server.url())
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()

    asyncio.run(create())
    return name
