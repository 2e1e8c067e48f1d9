"""Resolving futures that callers wait for. A caller may have been cancelled, and each gets its own copy of an exception."""

import asyncio
from typing import TypeVar

from catalog.domain.errors import Unavailable

T = TypeVar("T")


def set_result(future: asyncio.Future[T], value: T) -> None:
    """Set the result, unless the future is done or cancelled."""
    if not future.done():
        future.set_result(value)


def set_exception(future: asyncio.Future[T], error: Exception) -> None:
    """Set the exception, unless the future is done or cancelled.

    When the store is unavailable, many callers wait for the same error, so each gets a copy: the traceback of a shared
    exception would grow with every caller that raises it.
    """
    if future.done():
        return
    if isinstance(error, Unavailable):
        copied = type(error)(*error.args)
        copied.__cause__ = error.__cause__
        error = copied
    future.set_exception(error)
