"""Logging configuration: JSON lines, or readable lines on a terminal, each with the request id.

Bodies and secrets are never logged.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from catalog.entrypoints.settings.sections import LogSettings

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request being served; every log line includes it."""

# Local variables are left out: they may hold bodies and secrets.
_render_exception = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))

_encoder = msgspec.json.Encoder(enc_hook=repr)

# uvicorn's access log is disabled; ours includes the request id.
_STDLIB = ("uvicorn", "uvicorn.error", "litestar", "asyncio", "sqlalchemy", "alembic")


def configure(settings: LogSettings) -> None:
    """Configure logging for this process. Library loggers go through the same structlog pipeline."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level]
    renderers: list[Any] = [_add_traceback, _render_json]
    if console:
        renderers = [_format_timestamp, structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    structlog.configure(
        processors=[_add_context, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_add_context],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
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


def log_shared_cache(failure: str | None) -> None:
    """Log that the shared cache is unavailable, with the reason, or available again (None)."""
    log = structlog.get_logger("catalog.cache")
    if failure is None:
        log.info("shared_cache_recovered")
    else:
        log.warning("shared_cache_unavailable", reason=failure, effect="responses come from the process cache and the store")


def log_shared_limits(failure: str | None) -> None:
    """Log that the shared counts of requests and failed sign-ins are unavailable, with the reason, or available again (None)."""
    log = structlog.get_logger("catalog.limits")
    if failure is None:
        log.info("shared_limits_recovered")
    else:
        effect = "each process counts its own requests and failed sign-ins"
        log.warning("shared_limits_unavailable", reason=failure, effect=effect)


def log_identity_not_prepared(reason: str, store: str, *, retrying: bool = True) -> None:
    """Log that the store was away at the start, or the first admin could not be created, with the reason."""
    effect = "the first admin is created as soon as the store is ready"
    if not retrying:
        effect = "no first admin was created; correct the setting and restart, or use `catalog users create`"
    structlog.get_logger("catalog.identity").warning("identity_not_prepared", reason=reason, store=store, effect=effect)


def log_identity_still_not_prepared(reason: str) -> None:
    """Log that another attempt to prepare the store has failed, with the reason."""
    structlog.get_logger("catalog.identity").debug("identity_still_not_prepared", reason=reason)


def log_store_not_ready(reason: str, store: str) -> None:
    """Log that requests get 503, with the reason, until the store is ready."""
    structlog.get_logger("catalog.store").warning(
        "store_not_ready", reason=reason, store=store, effect="requests get 503 until the store is ready"
    )


def line_logger(name: str) -> Callable[..., None]:
    """Return a fast logging function for frequent INFO events. Call the function only inside a running event loop.

    It takes the event's fields as keyword arguments, including `event`. Lines use structlog's current processors and writer but
    bypass its bound loggers, whose copies and lookups take as long as everything else. Lines logged in the same iteration of the
    loop are written together, because requests that are committed together also finish together.
    """
    if not structlog.get_logger(name).bind().is_enabled_for(logging.INFO):
        return lambda **_fields: None
    processors, write = structlog.get_config()["processors"], structlog.get_config()["logger_factory"](name).msg
    pending: list[str] = []

    def flush() -> None:
        text = "\n".join(pending)
        pending.clear()
        write(text)

    def line(**fields: object) -> None:
        event: Any = fields
        for process in processors:
            event = process(None, "info", event)
        pending.append(event)
        if len(pending) == 1:
            asyncio.get_running_loop().call_soon(flush)

    return line


def _add_context(_logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add time, level and request id. One processor replaces several of structlog's to keep access lines cheap."""
    event["at"] = datetime.now(UTC)
    event["level"] = method
    current_id = request_id.get()
    if current_id is not None:
        event["request_id"] = current_id
    return event


def _add_traceback(logger: object, method: str, event: MutableMapping[str, Any]) -> Any:  # noqa: ANN401 - structlog's event type
    """Render the exception, if the event has one."""
    return _render_exception(logger, method, event) if "exc_info" in event else event


def _format_timestamp(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Format the time for people."""
    event["timestamp"] = event.pop("at").strftime("%H:%M:%S.%f")[:-3]
    return event


def _render_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """Render the event as JSON. Values without a JSON form are rendered with repr()."""
    return _encoder.encode(event).decode()
