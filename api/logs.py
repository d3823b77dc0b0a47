"""Log lines: to stderr, from `CONCORD_LOG` (debug, info, warning, error) upwards; stdout is for answers.

`CONCORD_LOG_FORMAT` is `json`, one object a line, or `console` for people; by itself a terminal gets the second. Each
line tells the connection, the stream, the run and the trace in which it was written. Nothing that a person or a tool
said is in a line: of an error its kind, its code and the places in the code, not its words; of what libraries log their
fixed words, not the values set into them.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from traceback import extract_tb
from types import TracebackType
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars, reset_contextvars

from api.tracing import ids
from core import signals
from core.errors import ConcordError, ConfigError
from core.signals import Fact, Span

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_FORMATS = ("json", "console")
_HERE = Path(__file__).resolve().parents[1]
_FRAMES = 12
"""The innermost places that are told of an error."""
_VALUES = re.compile(r"\S*@\S*|'[^']*'|\"[^\"]*\"|[a-z]+://\S+|\+?\d[\d ()./:-]{3,}")
"""What in a library's words may be a value all the same."""

log = structlog.get_logger("concord")
Line = MutableMapping[str, Any]


def set_up() -> None:
    """Set logging up for this process; `ConfigError` for a level or a form there is not."""
    level = _chosen("CONCORD_LOG", "warning", tuple(_LEVELS))
    form = _chosen("CONCORD_LOG_FORMAT", "console" if sys.stderr.isatty() else "json", _FORMATS)
    render: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if form == "console":
        render = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*_COMMON, render],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    take_down()
    logging.getLogger().addHandler(_Libraries(logging.WARNING))


def take_down() -> None:
    """Let libraries log as if `set_up` had never been."""
    root = logging.getLogger()
    for one in [one for one in root.handlers if isinstance(one, _Libraries)]:
        root.removeHandler(one)


def _chosen(name: str, default: str, known: tuple[str, ...]) -> str:
    said = os.environ.get(name, "").lower() or default
    if said not in known:
        raise ConfigError(f"{name} is '{said}'.", remedy=f"Choose one of {', '.join(known)}.")
    return said


# What is in a line.


def _without_words(_logger: object, _method: str, line: Line) -> Line:
    """An error as its kind, code and places: its words may hold whatever it was about."""
    given = line.pop("exc_info", None)
    error = given[1] if isinstance(given, tuple) else sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        line.update(told(error))
    return line


def told(error: BaseException) -> dict[str, Any]:
    """What may be said of an error."""
    code = {"code": error.error_code} if isinstance(error, ConcordError) else {}
    why = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    cause = {"cause": type(why).__name__} if why is not None else {}
    places = [f"{_short(one.filename)}:{one.lineno} {one.name}" for one in extract_tb(error.__traceback__)]
    return {"error": type(error).__name__, **code, **cause, "at": places[-_FRAMES:]}


def _short(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(_HERE)) if path.is_relative_to(_HERE) else "/".join(path.parts[-2:])


_COMMON: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _without_words,
]


class _Libraries(logging.Handler):
    """What libraries log, as lines of ours: their fixed words only."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log it."""
        words = _VALUES.sub("…", str(record.msg))[:200]
        level = "error" if record.levelno >= logging.ERROR else "warning"
        getattr(log, level)(words, library=record.name, exc_info=record.exc_info or None)


# Where a line was written.


class Placing:
    """A listener of `core.signals`: lines tell where they were written, and runs leave one when they end."""

    def __init__(self, installation: str) -> None:
        """`installation` is what makes the ids of traces ours."""
        self._installation = installation

    def told(self, what: str, facts: dict[str, Fact]) -> None:
        """Nothing is logged of what is only counted."""

    def began(self, span: Span) -> Callable[[], None]:
        """Bind where we are, until it has ended."""
        tokens = bind_contextvars(**self._place(span))

        def ended() -> None:
            if span.what == "run":
                _log_run(span)
            reset_contextvars(**tokens)

        return ended

    def _place(self, span: Span) -> dict[str, Any]:
        place = {name: span.facts[name] for name in ("connection", "stream", "run") if span.facts.get(name) is not None}
        origin = span.after[0] if len(span.after) == 1 else span.own
        if origin is not None:
            place["trace"] = f"{ids(self._installation, origin).trace:032x}"
        return place


def _log_run(span: Span) -> None:
    counts = {name: value for name, value in span.facts.items() if name not in ("connection", "stream", "run")}
    took = round(span.seconds, 3)
    if span.code is not None:
        log.warning("run.failed", code=span.code, seconds=took, **counts)
    elif not span.quiet:
        log.info("run.done", seconds=took, **counts)


@contextmanager
def placed(installation: str) -> Iterator[None]:
    """Lines tell where they were written, and what nobody caught is told like any error, while the block lasts."""
    leave = signals.listen(Placing(installation))
    before = sys.excepthook, threading.excepthook
    sys.excepthook = _uncaught
    threading.excepthook = lambda said: _uncaught(said.exc_type, said.exc_value, said.exc_traceback)
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before
        leave()


def _uncaught(
    kind: type[BaseException], error: BaseException | None, _trace: TracebackType | None
) -> None:  # fmt: skip
    if issubclass(kind, KeyboardInterrupt | SystemExit):
        return
    log.error("ended by an error that nobody expected", exc_info=error if error is not None else kind())
