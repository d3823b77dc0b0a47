"""Signals: what the hub does, told to whoever listens. Until `api` has somebody listen, nothing is spent on it.

    with signals.span("run", Origin(run_id=7), what="pull", connection="crm", stream="contacts") as span:
        span.note(read=200)

A span says that something was done, how long it took and how it ended. It may name its own origin (a run, a webhook)
and those it comes from; an origin is made of numbers the store holds anyway, so that another process, days later,
finds the same trace. Facts are names of connections and streams, counts and codes: never an id of a record, an
address, a value or a payload. A listener raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import NamedTuple, Protocol

Fact = str | int | float | bool | None


class Origin(NamedTuple):
    """Where something began: the webhook that brought it, the run in which it was taken in, or both."""

    run_id: int | None = None
    webhook_id: int | None = None


class Span:
    """Something that is being done. `note` adds facts; a `quiet` one has done nothing worth telling."""

    __slots__ = ("_began", "_ends", "after", "code", "facts", "own", "quiet", "seconds", "what")

    def __init__(self, what: str, own: Origin | None, after: Sequence[Origin], facts: dict[str, Fact]) -> None:
        """As `span` gives it."""
        self.what, self.own, self.after, self.facts = what, own, after, facts
        self.quiet, self.seconds = False, 0.0
        self.code: str | None = None
        """The code of the error that ended it; None where it ended well."""

    def note(self, **facts: Fact) -> None:
        """Add facts."""
        self.facts |= facts

    def __enter__(self) -> Span:
        """Begin."""
        self._began = perf_counter()
        self._ends = [listener.began(self) for listener in _listeners]
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        """End, well or by an error."""
        self.seconds = perf_counter() - self._began
        if error is not None:
            self.code = getattr(error, "error_code", None) or type(error).__name__
        for end in reversed(self._ends):
            end()


class _Nobody(Span):
    """A span that nobody hears of: one for all, and it keeps nothing."""

    __slots__ = ()

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def note(self, **_: Fact) -> None:
        return


class Listener(Protocol):
    """Hears of spans and of moments; called in the thread in which they happen."""

    def began(self, span: Span) -> Callable[[], None]:
        """Something began; what is given back is called when it has ended and the span says how."""
        ...

    def told(self, what: str, facts: dict[str, Fact]) -> None:
        """Something happened."""
        ...


_listeners: tuple[Listener, ...] = ()
_NOBODY = _Nobody("", None, (), {})


def span(what: str, /, own: Origin | None = None, after: Sequence[Origin] = (), **facts: Fact) -> Span:
    """A block in which something is done; `after` are the origins that it follows from."""
    return Span(what, own, after, facts) if _listeners else _NOBODY


def tell(what: str, /, **facts: Fact) -> None:
    """Say that something happened."""
    for listener in _listeners:
        listener.told(what, facts)


def heard() -> bool:
    """Whether anybody listens: what must be looked up only to be told is not looked up else."""
    return bool(_listeners)


def listen(listener: Listener) -> Callable[[], None]:
    """Tell this listener from now on; gives what ends that."""
    global _listeners  # noqa: PLW0603 - one process, one set of listeners, as with logging
    _listeners = (*_listeners, listener)

    def leave() -> None:
        global _listeners  # noqa: PLW0603 - as above
        _listeners = tuple(one for one in _listeners if one is not listener)

    return leave
