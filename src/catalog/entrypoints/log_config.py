"""Logs: JSON lines for machines, readable ones on a terminal; the request's id on each. Never a body, never a secret."""

import asyncio
import logging
import sys
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from catalog.entrypoints.settings import LogSettings

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request that is served here and now; every line has it."""

# Without local variables: they may hold bodies and secrets.
_traces = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

_encoder = msgspec.json.Encoder(enc_hook=repr)

# uvicorn's own access line is off: ours has the request's id.
_STDLIB = ("uvicorn", "uvicorn.error", "litestar", "asyncio", "sqlalchemy", "alembic")


def configure(settings: LogSettings) -> None:
    """Set logging up for this process: structlog's loggers, and those of the libraries through the same door."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level]
    shape: list[Any] = [_traced, _json]
    if console:
        shape = [_shown, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    structlog.configure(
        processors=[_complete, *shape],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_complete], processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shape]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _STDLIB:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(level, logging.WARNING))


def log_shared_cache(fault: str | None) -> None:
    """Say that the shared cache is away, and why, or that it is back (None)."""
    log = structlog.get_logger("catalog.cache")
    if fault is None:
        log.info("shared_cache_back")
    else:
        log.warning("shared_cache_away", reason=fault, effect="answers come from this process's cache and from the store")


def log_store_not_ready(reason: str, store: str) -> None:
    """Say that requests are refused with 503, and why, until the store is ready."""
    structlog.get_logger("catalog.store").warning(
        "store_not_ready", reason=reason, store=store, effect="requests are answered 503"
    )


def line_logger(name: str) -> Callable[..., None]:
    """Return a function that writes lines of level INFO which come all the time, for use in a running event loop.

    It takes the fields of an event, `event` among them. A line goes through structlog's processors and to its writer, as these
    are configured now, but not through its bound loggers, whose copies and look-ups take as long as all the rest. Lines of one
    turn of the loop are written together: requests that are committed together are answered together.
    """
    if not structlog.get_logger(name).bind().is_enabled_for(logging.INFO):
        return lambda **_fields: None
    processors, write = structlog.get_config()["processors"], structlog.get_config()["logger_factory"](name).msg
    waiting: list[str] = []

    def flush() -> None:
        text = "\n".join(waiting)
        waiting.clear()
        write(text)

    def line(**fields: object) -> None:
        event: Any = fields
        for process in processors:
            event = process(None, "info", event)
        waiting.append(event)
        if len(waiting) == 1:
            asyncio.get_running_loop().call_soon(flush)

    return line


def _complete(_logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Say when, how serious, and in which request. One step instead of structlog's several: each access line pays for it."""
    event["at"] = datetime.now(UTC)
    event["level"] = method
    known = request_id.get()
    if known is not None:
        event["request_id"] = known
    return event


def _traced(logger: object, method: str, event: MutableMapping[str, Any]) -> Any:  # noqa: ANN401 - an event, as structlog has it
    """Write the exception down, where there is one."""
    return _traces(logger, method, event) if "exc_info" in event else event


def _shown(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write the time as people read it."""
    event["timestamp"] = event.pop("at").strftime("%H:%M:%S.%f")[:-3]
    return event


def _json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """Render a line; what JSON has not is shown as Python shows it."""
    return _encoder.encode(event).decode()
