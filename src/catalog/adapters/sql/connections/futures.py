"""Answering those who wait: somebody may have gone meanwhile, and no two are given the same error."""

import asyncio
from typing import TypeVar

from catalog.domain.errors import Unavailable

T = TypeVar("T")


def set_result(future: asyncio.Future[T], value: T) -> None:
    """Answer, unless nobody waits any more."""
    if not future.done():
        future.set_result(value)


def set_exception(future: asyncio.Future[T], error: Exception) -> None:
    """Answer with an error, unless nobody waits any more.

    That the store is away is told to many at once, so each gets a copy: the traceback of one and the same object would
    grow with everyone who raises it.
    """
    if future.done():
        return
    if isinstance(error, Unavailable):
        copied = type(error)(*error.args)
        copied.__cause__ = error.__cause__
        error = copied
    future.set_exception(error)
