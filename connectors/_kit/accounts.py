"""Accounts: whoever calls one remote account keeps its limits together, in this process or, by Redis, with all workers.

    Http ▶ Meter (waits) ▶ Local ┬ Books (allowance.py), under a lock
                         └ Shared ┴ the same books in Redis (allowance.lua), by Redis' own clock

While Redis does not answer, each process keeps books of its own and a part of the pace, and nothing fails. Books that
were emptied begin anew: a window is forgotten at most, and the day is told by the tool or taken up from what was kept.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from connectors._kit.allowance import QUIET, RESTING, TURN, USED_UP, Books, Report, Terms, Verdict, terms
from connectors._kit.limits import Learnt
from core import errors
from core.calling import lane
from core.errors import Resting, Throttled, ToolError
from core.model.instant import DAY, SECOND, Instant, iso
from core.ports import Clock, Context

if TYPE_CHECKING:
    import redis

log = structlog.get_logger("concord.limits")

CAUTIOUS = 0.25
"""The part of the pace that a process keeps to while it cannot ask the others: four of them stay within the limit."""
LOST_FOR = 5 * SECOND
"""After Redis did not answer it is asked again so much later, or each call would wait for it."""
KEEP_EVERY = 30 * SECOND
"""So often it is kept how an account stands, and at once when it begins or ceases to wait."""
_PATIENCE = 1.0
"""Seconds that Redis may take."""
_LONGEST_SLEEP = 1.0
"""Whoever waits shows that he still does."""
_SCRIPT = Path(__file__).with_name("allowance.lua")

Keep = Callable[[str, Mapping[str, Any]], None]
"""(connection, how its account stands) → kept where `concord status` finds it."""


class Account(Protocol):
    """One account's books, wherever they are kept; the entries are those of `Books`, without `now`. Thread-safe."""

    def ask(self, terms: Terms, lane: int, calls: float, who: str) -> Verdict:
        """Book the calls if they may be made now."""
        ...

    def tell(self, entry: str, terms: Terms, *given: float) -> None:
        """Make one of the other entries: learn, refused, answered, seed."""
        ...

    def leave(self, terms: Terms, who: str) -> None:
        """Somebody does not wait any longer."""
        ...

    def report(self, terms: Terms) -> Report:
        """How the account stands."""
        ...


class Local:
    """Books in this process."""

    def __init__(self, clock: Clock) -> None:
        self._books, self._clock, self._lock = Books(), clock, threading.Lock()

    def ask(self, terms: Terms, lane: int, calls: float, who: str) -> Verdict:
        """Book the calls if they may be made now."""
        with self._lock:
            return self._books.ask(terms, self._clock(), lane, calls, who)

    def tell(self, entry: str, terms: Terms, *given: float) -> None:
        """Make an entry."""
        first = () if entry in ("answered", "seed") else (terms,)
        with self._lock:
            getattr(self._books, entry)(*first, self._clock(), *given)

    def leave(self, terms: Terms, who: str) -> None:  # noqa: ARG002 -- Redis is told the terms with every entry
        """Somebody does not wait any longer."""
        with self._lock:
            self._books.leave(who)

    def report(self, terms: Terms) -> Report:
        """How the account stands."""
        with self._lock:
            return self._books.report(terms, self._clock())


class Wire:
    """The line to Redis, one for all accounts; says of itself whether it is down."""

    def __init__(self, url: str, clock: Clock, *, prefix: str = "concord:calls:") -> None:
        # Only who shares limits pays for the import.
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self.lost: type[Exception] = redis.RedisError
        self.prefix = prefix
        self.clock = clock
        self._down_until: Instant = 0
        self._client: redis.Redis = redis.Redis.from_url(
            url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, retry=Retry(NoBackoff(), 1)
        )
        self._script = self._client.register_script(_SCRIPT.read_text(encoding="utf-8"))

    def enter(self, account: str, entry: str, now: Instant | None, terms: Terms, *given: object) -> list[bytes] | None:
        """Make an entry in an account's books; None while Redis is not there."""
        if self._down_until > self.clock():
            return None
        keys = [f"{self.prefix}{{{account}}}", f"{self.prefix}{{{account}}}:waiting"]
        told: list[Any] = ["" if now is None else now, *terms, *given]
        try:
            found: list[bytes] = self._script(keys, [entry, *told])
        except self.lost as error:
            self._down_until = self.clock() + LOST_FOR
            log.warning("limits.alone", cause=type(error).__name__)
            return None
        return found

    def close(self) -> None:
        """Let the connection go."""
        self._client.close()


class Shared:
    """Books in Redis; while it is not there, cautious ones in this process. `clock` is only for tests.

    What was called meanwhile is added to the shared books once they are there again, if this process still is.
    """

    def __init__(self, wire: Wire, account: str, alone: Local, *, clock: Clock | None = None) -> None:
        self._wire, self._account, self._alone, self._clock = wire, account, alone, clock
        self._owed, self._owed_since, self._lock = 0.0, 0, threading.Lock()

    def ask(self, terms: Terms, lane: int, calls: float, who: str) -> Verdict:
        """Book the calls if they may be made now."""
        self._make_up(terms)
        found = self._enter("ask", terms, int(lane), calls, who)
        if found is None:
            verdict = self._alone.ask(terms.cautious(CAUTIOUS), lane, calls, who)
            if verdict.go:
                self._owe(calls)
            # By this process's own number the shared books could not tell what was called since.
            return verdict._replace(booked=0)
        go, wait, why, booked, tense = (one.decode() for one in found)
        return Verdict(go == "1", int(float(wait)), why, int(float(booked)), tense == "1")

    def tell(self, entry: str, terms: Terms, *given: float) -> None:
        """Make an entry; what the tool says is noted here, too, for the time when Redis is not there."""
        self._enter(entry, terms, *(int(one) if isinstance(one, bool) else one for one in given))
        self._alone.tell(entry, terms.cautious(CAUTIOUS), *given)

    def leave(self, terms: Terms, who: str) -> None:
        """Somebody does not wait any longer."""
        if self._enter("leave", terms, who) is None:
            self._alone.leave(terms, who)

    def report(self, terms: Terms) -> Report:
        """How the account stands."""
        found = self._enter("report", terms)
        if found is None:
            return self._alone.report(terms.cautious(CAUTIOUS))
        n = [float(one) for one in found]
        until = [int(one) or None for one in n[4:9]]
        return Report._make([*n[:4], *until, *(int(one) for one in n[9:])])

    def _owe(self, calls: float) -> None:
        """Remember a call that is missing in the shared books; of a day that is over, nobody asks any more."""
        now = self._wire.clock()
        with self._lock:
            if now // DAY != self._owed_since // DAY:
                self._owed, self._owed_since = 0.0, now
            self._owed += calls

    def _make_up(self, terms: Terms) -> None:
        with self._lock:
            owed, self._owed = self._owed, 0.0
        if owed and self._enter("late", terms, owed, self._owed_since) is None:
            with self._lock:
                self._owed += owed

    def _enter(self, entry: str, terms: Terms, *given: object) -> list[bytes] | None:
        return self._wire.enter(self._account, entry, self._clock() if self._clock else None, terms, *given)


class Meter:
    """One connection's limits (`Limits`): it waits for its turn, and says why when that takes too long."""

    def __init__(
        self,
        account: Account,
        terms: Terms,
        *,
        clock: Clock,
        sleep: Callable[[float], None],
        max_wait: float = 30.0,
        connection: str | None = None,
        keep: Callable[[Report], None] | None = None,
    ) -> None:
        """`max_wait` bounds the waiting of one call, in seconds. `keep` is told now and then how the account stands."""
        self.terms = terms
        self._account, self._clock, self._sleep = account, clock, sleep
        self._max_wait, self._connection = max_wait, connection
        self._keep = keep
        self._kept_at: Instant = 0
        self._stands: tuple[bool, ...] = ()
        self._tense = False

    def take(self, calls: int = 1) -> int:
        """Wait for leave to make calls, for what they are made (`core.calling`)."""
        who, chosen, waited = _name(), lane(), 0.0
        while True:
            verdict = self._account.ask(self.terms, chosen, calls, who)
            if verdict.go:
                self._tense = verdict.tense
                return verdict.booked
            wait = verdict.wait / SECOND
            if waited + wait > self._max_wait or verdict.why == RESTING:
                self._account.leave(self.terms, who)
                self._note(urgent=verdict.why != TURN)
                raise self._error(verdict.why, wait)
            pause = min(wait, _LONGEST_SLEEP)
            self._sleep(pause)
            waited += pause

    def learn(self, learnt: Learnt, booked: int = 0) -> None:
        """The tool said how much is left."""
        reset, allowed = int(learnt.reset * SECOND), learnt.allowed or 0
        self._account.tell("learn", self.terms, learnt.remaining, reset, allowed, booked)

    def refused(self, wait: float | None, *, used_up: bool = False) -> None:
        """The tool asked for fewer calls."""
        self._account.tell("refused", self.terms, -1 if wait is None else int(wait * SECOND), used_up)
        self._tense = True
        self._note(urgent=True)

    def answered(self, well: bool) -> None:
        """The tool answered, or failed on its side."""
        if well and not self._tense:
            self._note()
            return
        self._account.tell("answered", self.terms, well)
        self._tense = not well
        self._note(urgent=True)

    @property
    def left(self) -> tuple[int, int] | None:
        """Calls left and calls allowed of the day's; None where nobody counts them."""
        found = self.report()
        return (max(0, int(found.left)), int(found.allowed)) if found.allowed else None

    def report(self) -> Report:
        """How the account stands."""
        return self._account.report(self.terms)

    def _error(self, why: str, wait: float) -> ToolError:
        when = iso(self._clock() + int(wait * SECOND))
        facts = {"connection": self._connection}
        if why == RESTING:
            return Resting(
                f"The tool failed several times in a row; one call sees again at {when}.", wait=wait, **facts
            )
        if why == USED_UP:
            said = f"The tool's calls of the day are used up to the reserve; reading and writing go on at {when}."
            return Throttled(said, wait=wait, code=errors.USED_UP, **facts)
        if why == QUIET:
            return Throttled(f"The tool asked for no calls until {when}.", wait=wait, **facts)
        return Throttled("The tool's limit of calls is used up for now.", wait=wait, **facts)

    def _note(self, *, urgent: bool = False) -> None:
        now = self._clock()
        if self._keep is None or not (urgent or now - self._kept_at >= KEEP_EVERY):
            return
        found = self.report()
        stands = (found.used_up_until is not None, found.resting_until is not None, found.quiet_until is not None)
        if stands != self._stands or now - self._kept_at >= KEEP_EVERY:
            self._kept_at, self._stands = now, stands
            self._keep(found)


class Accounts:
    """The books of all accounts that this process calls. Thread-safe; close it in the end."""

    def __init__(
        self,
        *,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
        redis_url: str | None = None,
        keep: Keep | None = None,
        kept: Callable[[str], Mapping[str, Any]] | None = None,
    ) -> None:
        """`keep` keeps how a connection's account stands, and `kept` gives it back after a restart."""
        self._clock, self._sleep, self._keep, self._kept = clock, sleep, keep, kept
        self._wire = Wire(redis_url, clock) if redis_url else None
        self._accounts: dict[str, Account] = {}
        self._lock = threading.Lock()

    def meter(self, connection: str, account: str, agreed: Terms, *, max_wait: float = 30.0) -> Meter:
        """A connection's limits in an account; what was known of its day is taken up."""
        with self._lock:
            is_new = account not in self._accounts
            found = self._accounts.setdefault(account, self._opened(account))
        if is_new and self._kept is not None:
            _take_up(found, agreed, self._kept(connection).get(account, {}))
        keep = self._keep
        return Meter(
            found,
            agreed,
            clock=self._clock,
            sleep=self._sleep,
            max_wait=max_wait,
            connection=connection,
            keep=None if keep is None else lambda report: keep(connection, {account: told(report, self._clock())}),
        )

    def close(self) -> None:
        """Let go of Redis."""
        if self._wire is not None:
            self._wire.close()

    def _opened(self, account: str) -> Account:
        alone = Local(self._clock)
        return alone if self._wire is None else Shared(self._wire, account, alone)


def meter(
    context: Context,
    account: str,
    requests: float | None,
    per_seconds: float = 1.0,
    *,
    burst: float | None = None,
    daily: int | None = None,
    reserve: float | None = None,
    max_wait: float = 30.0,
) -> Meter:
    """The limits of a connector's account (`account_of`), shared with whoever else calls it.

    `reserve` is the part of the day's calls that is left to others; without it the setting `reserve` (percent), or a
    tenth. The other words are those of `allowance.terms`.
    """
    if reserve is None:
        reserve = min(90.0, max(0.0, float(context.settings.get("reserve", 10)))) / 100
    agreed = terms(requests, per_seconds, burst=burst, daily=daily, reserve=reserve)
    accounts: Accounts = context.accounts or Accounts(clock=context.clock, sleep=context.sleep or time.sleep)
    return accounts.meter(context.name, account, agreed, max_wait=max_wait)


def account_of(tool: str, *known_by: object) -> str:
    """What an account is called among the books: the tool, and a digest of what it is known by, secrets included."""
    words = "\0".join(str(one) for one in known_by)
    return f"{tool} {hashlib.sha256(words.encode()).hexdigest()[:16]}"


def told(report: Report, now: Instant) -> dict[str, Any]:
    """A report as it is kept and shown; moments are µs."""
    return {"at": now, **report._asdict()}


def _take_up(account: Account, agreed: Terms, kept: Mapping[str, Any]) -> None:
    if not kept.get("allowed"):
        return
    own = agreed.daily > 0 and kept["allowed"] == agreed.daily
    day, resets_at = kept["at"] // DAY, kept.get("resets_at") or 0
    if own:
        account.tell("seed", agreed, day, agreed.daily - kept["left"], 0, 0, 0)
    else:
        account.tell("seed", agreed, 0, 0, kept["left"], kept["allowed"], resets_at)


_PROCESS = secrets.token_hex(4)
_NUMBERS = itertools.count()


def _name() -> str:
    """A name of its own for each call that waits."""
    return f"{_PROCESS}-{next(_NUMBERS)}"
