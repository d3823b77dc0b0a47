"""A hub that can be killed: at each commit and each call to a tool, before or after it.

What is killed stays dead. Whatever still runs of it afterwards (a `finally`, a thread) can neither write to the
store nor call a tool, as after SIGKILL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection as Transaction

from core.store.database import Store


class Killed(BaseException):
    """The process ends here."""


class Meanwhile(NamedTuple):
    """What happens while the hub works."""

    call: int
    tool: str
    act: Callable[[], None]
    after: bool = False
    """After the call, with its answer in the hub's hands; else before it."""

    def is_due(self, calls: int, tool: str, after: bool) -> bool:
        """Whether this is the time."""
        return self.call <= calls and (self.tool, self.after) == (tool, after)


@dataclass
class Fate:
    """When the hub is killed, and what people do while it works."""

    place: str = ""
    countdown: int = 0
    dead: bool = False
    meanwhile: list[Meanwhile] = field(default_factory=list)
    calls: int = 0
    began: Callable[[str], None] = lambda *_: None
    """Told of each call that writes, when the hub makes it."""
    watch: Callable[..., None] = lambda *_: None
    """Told (tool, stream, edits) of each call that writes, just before it happens."""
    pauses: int = 0
    """Before which transaction that writes, counted from now, `paused` happens once; 0 for none."""
    paused: Callable[[], None] = lambda *_: None
    found: set[tuple[str, str]] = field(default_factory=set)
    """(tool, id) of what earlier creates had made when it was looked for."""

    def reach(self, place: str) -> None:
        """The hub comes to a place where it may be killed."""
        self.breathe()
        if place == self.place:
            self.countdown -= 1
            if self.countdown == 0:
                self.dead = True
                raise Killed(place)

    def breathe(self) -> None:
        """A dead hub does nothing more."""
        if self.dead:
            raise Killed("already")

    def writes(self) -> None:
        """The hub is about to write to the store."""
        self.breathe()
        if self.pauses:
            self.pauses -= 1
            if not self.pauses:
                self.paused()

    def called(self, tool: str) -> None:
        """Let happen what comes before this call."""
        self.calls += 1
        self._let_happen(tool, after=False)

    def answered(self, tool: str) -> None:
        """Let happen what comes between the answer and what the hub makes of it."""
        self._let_happen(tool, after=True)

    def _let_happen(self, tool: str, *, after: bool) -> None:
        due = [one for one in self.meanwhile if one.is_due(self.calls, tool, after)]
        self.meanwhile = [one for one in self.meanwhile if one not in due]
        for one in due:
            one.act()


class MortalStore(Store):
    """A store whose user may be killed at a commit."""

    def __init__(self, store: Store, fate: Fate) -> None:
        vars(self).update(vars(store))
        self._fate = fate

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """As in the store, for the living."""
        self._fate.breathe()
        with super().reading() as tx:
            yield tx

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Transaction]:
        """As in the store; nothing is kept when it is killed before the commit."""
        self._fate.writes()
        with super().writing(durable=durable) as tx:
            yield tx
            self._fate.reach("before commit")
        self._fate.reach("after commit")


class MortalConnector:
    """A connector whose caller may be killed before a call, or after it but before the answer is heard."""

    def __init__(self, connector: Any, name: str, fate: Fate) -> None:
        self._connector, self._name, self._fate = connector, name, fate

    def __getattr__(self, verb: str) -> Any:
        """Any of the connector's verbs, and none that it does not have."""
        act = getattr(self._connector, verb)

        def call(*args: Any, **more: Any) -> Any:
            self._fate.reach("before call")
            if verb == "write":
                self._fate.began(self._name)
            self._fate.called(self._name)
            if verb == "write":
                self._fate.watch(self._name, *args)
            answer = act(*args, **more)
            if verb == "find" and answer is not None:
                self._fate.found.add((self._name, answer.id))
            self._fate.answered(self._name)
            self._fate.reach("after call")
            return answer

        return call


class SameThread:
    """Stands in for a thread pool, so that a seed always gives the same history."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __enter__(self) -> SameThread:
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, act: Callable[..., Any], *args: Any) -> Future[Any]:
        """Do it now; what it raises is raised when the result is asked for."""
        future: Future[Any] = Future()
        try:
            future.set_result(act(*args))
        except BaseException as error:
            future.set_exception(error)
        return future
