"""Logs: JSON lines for machines, readable ones on a terminal; the request's id on each. Never a body, never a secret."""

import logging
import sys
from typing import Any

import msgspec
import structlog

from catalog.entrypoints.settings import LogSettings

_encoder = msgspec.json.Encoder(enc_hook=repr)

# uvicorn's own access line is off: ours has the request's id.
_STDLIB = ("uvicorn", "uvicorn.error", "litestar", "asyncio", "sqlalchemy", "alembic")


def configure(settings: LogSettings) -> None:
    """Set logging up for this process: structlog's loggers, and those of the libraries through the same door."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    level = logging.getLevelNamesMapping()[settings.level]
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
    ]
    # Without local variables: they may hold bodies and secrets.
    traces = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    shape: list[Any] = [plain] if console else [traces, _json]
    structlog.configure(
        processors=[*shared, *shape],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *shape]
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


def _json(_logger: object, _method: str, event: dict[str, Any]) -> str:
    """Render a line; what JSON has not is shown as Python shows it."""
    return _encoder.encode(event).decode()
