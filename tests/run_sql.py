"""Runs SQL on a store's database, past the service."""

import sqlite3
from pathlib import Path

import asyncpg


async def run_sql(url: str, sql: str) -> None:
    """Run statements on the SQLite file or the Postgres database of this URL."""
    if url.startswith("sqlite"):
        connection = sqlite3.connect(Path(url.removeprefix("sqlite:///")))
        with connection:
            connection.executescript(sql)
        connection.close()
        return
    postgres = await asyncpg.connect(url)
    try:
        await postgres.execute(sql)
    finally:
        await postgres.close()
