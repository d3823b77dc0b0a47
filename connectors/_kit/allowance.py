"""What a remote account allows, as books that are asked before each call and told after it. Pure: `now` is given.

    resting? ▶ asked for silence? ▶ the tool's window used up? ▶ the day's calls? ▶ whose turn is it? ▶ booked

`Terms` is what the tool publishes; the rest is learnt. `allowance.lua` keeps the same books in Redis, line by line the
same sums, and a test holds the two against each other: whoever changes one changes both. Times are µs, waits too.

Nothing is booked ahead: who has to wait asks again at the time it was told, so that a live call never stands behind
calls of a backfill that came first. Whose turn it is follows from the lanes' shares (start-time fair queueing): a lane
may use all that nobody else wants, and what it did not want earlier is no credit.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from core.decide.route import Lane
from core.model.instant import DAY, MINUTE, SECOND, Instant

SHARES = (8.0, 3.0, 3.0, 1.0, 1.0)
"""Lane → its guaranteed part of sixteen, when all want more than there is."""

SMOOTH = 0.03
"""So much of a window's calls may be made at once; the rest is spread, or two bursts would meet in one window."""
EASE, EASE_ONCE, GROW = 0.7, 2 * SECOND, 30.0
"""After a refusal the pace is this part of what it was, once for refusals that come together; and it takes so many
seconds to grow by the whole pace."""
LEAST = 0.05
"""Part of the pace below which it is never eased."""
FORGET = 4.0
"""A pace that only refusals have taught is forgotten once it has grown to so many times what it was."""
LOOK = 5 * MINUTE
"""Where only the reserve of a rolling quota is left, one call in this time sees whether there is more."""
LONGEST_QUIET = MINUTE
"""The longest silence after refusals that do not say how long."""
FAILURES = 5
"""After so many failures in a row the tool is let rest."""
FIRST_REST, LONGEST_REST = 2 * SECOND, 5 * MINUTE
PROBE, LOOK_AGAIN = 2 * MINUTE, 5 * SECOND
"""So long one call is waited for that sees whether the tool answers again; the others ask after the shorter time."""
STILL_THERE = SECOND // 2
"""Who waits is counted for so long after the time it should have asked again."""

RESTING, QUIET, USED_UP, TURN = "resting", "quiet", "used_up", "turn"
"""Why a call has to wait: the tool fails, it asked for silence, the day's calls are used up, or others go first."""


class Terms(NamedTuple):
    """What a tool publishes about an account; zeros for what it does not."""

    rate: float = 0.0
    """Calls a second, lasting."""
    burst: float = 1.0
    """Calls at once, after a while without any."""
    daily: float = 0.0
    """Calls a day, where the tool does not count for us."""
    reserve: float = 0.1
    """The part of a day's calls that is left to people and other apps; the first lane may use it."""

    def cautious(self, share: float) -> Terms:
        """The part of them that one process keeps to while it cannot ask what the others do."""
        return self._replace(rate=self.rate * share, burst=max(1.0, self.burst * share))


def terms(
    requests: float | None,
    per_seconds: float = 1.0,
    *,
    burst: float | None = None,
    daily: int | None = None,
    reserve: float = 0.1,
) -> Terms:
    """Terms by which no window of `per_seconds` ever holds more than `requests` calls.

    `burst` is the largest number of calls that are booked in one (an envelope of several calls).
    """
    if not requests:
        return Terms(daily=daily or 0, reserve=reserve)
    at_once = max(1.0, float(burst or round(requests * SMOOTH)))
    # One at a time, N calls fit into N equal parts of the window; a few percent are left for lines that jitter.
    lasting = requests * (1 - SMOOTH) if at_once == 1 else max(requests - at_once, requests / 2)
    return Terms(lasting / per_seconds, at_once, daily or 0, reserve)


class Verdict(NamedTuple):
    """Whether a call may be made now; else why not, and after how many µs to ask again."""

    go: bool
    wait: int = 0
    why: str = ""
    booked: int = 0
    """How many calls are booked by now: says later which ones a tool's count cannot have seen."""
    tense: bool = False
    """Whether the books want to hear that a call went well."""


class Waiting(NamedTuple):
    """Somebody whose turn has not come."""

    lane: int
    calls: float
    since: Instant
    until: Instant
    """When it is taken for gone."""


class Report(NamedTuple):
    """How an account stands. Numbers are 0 and moments None where nothing is known."""

    rate: float = 0.0
    """Calls a second that are made at most now; 0 without a limit."""
    left: float = 0.0
    allowed: float = 0.0
    """Of the day's calls, by the tool's word or ours; 0 where nobody counts."""
    reserve: float = 0.0
    resets_at: Instant | None = None
    """When the day's calls are whole again; None for those that come back one by one."""
    used_up_until: Instant | None = None
    """Reading and writing wait until then, because the day's calls are used up."""
    quiet_until: Instant | None = None
    resting_until: Instant | None = None
    refused_at: Instant | None = None
    """When the tool last asked for fewer calls."""
    refusals: int = 0
    calls: int = 0
    waiting: int = 0


class Books:
    """One account's books, in this process. Not thread-safe: whoever keeps them locks."""

    def __init__(self) -> None:
        self.s: dict[str, float] = {}
        self.waiting: dict[str, Waiting] = {}

    # --- before a call

    def ask(self, terms: Terms, now: Instant, lane: int, calls: float, who: str) -> Verdict:
        """Book the calls if they may be made now."""
        why, until = self._shut(terms, now, lane, calls)
        if why:
            self.waiting.pop(who, None)
            return Verdict(False, max(1, until - now), why)
        wait = self._turn(terms, now, lane, calls, who)
        if wait > 0:
            since = self.waiting[who].since if who in self.waiting else now
            self.waiting[who] = Waiting(lane, calls, since, now + min(wait, SECOND) + STILL_THERE)
            return Verdict(False, wait, TURN)
        self._book(terms, now, lane, calls, who)
        return Verdict(True, booked=int(self._at("calls")), tense=bool(self._at("fails") or self._at("again")))

    def leave(self, who: str) -> None:
        """Somebody does not wait any longer."""
        self.waiting.pop(who, None)

    def _shut(self, terms: Terms, now: Instant, lane: int, calls: float) -> tuple[str, Instant]:
        """Why nobody of this lane may call now, and until when."""
        s = self.s
        if self._at("rest_until") > now:
            return RESTING, int(s["rest_until"])
        if self._at("rests") and self._at("probe_until") > now:
            return RESTING, int(min(s["probe_until"], now + LOOK_AGAIN))
        if self._at("used_up_until") > now:
            return USED_UP, int(s["used_up_until"])
        if self._at("quiet_until") > now:
            return QUIET, int(s["quiet_until"])
        if self._at("window_until") > now and self._at("window_left") < min(calls, max(1.0, self._at("window_told"))):
            return QUIET, int(s["window_until"])
        return self._day_shut(terms, now, lane, calls)

    def _day_shut(self, terms: Terms, now: Instant, lane: int, calls: float) -> tuple[str, Instant]:
        """The same of the day's calls alone."""
        if not self._short(terms, now, lane, calls):
            return "", 0
        if self._is_rolling():
            if self._at("look_at") <= now:
                return "", 0
            return USED_UP, int(self._at("look_at"))
        return USED_UP, self._resets_at(now)

    def _turn(self, terms: Terms, now: Instant, lane: int, calls: float, who: str) -> int:
        """How long until it is this one's turn; 0 for now."""
        rate, burst = self._refill(terms, now)
        if rate <= 0:
            return 0
        gone = [one for one, known in self.waiting.items() if known.until < now and one != who]
        for one in gone:
            del self.waiting[one]
        missing = self._ahead(now, lane, calls, who, burst) + min(calls, burst) - self._at("level")
        return 0 if missing <= 1e-9 else math.floor(missing / rate * SECOND) + 1

    def _ahead(self, now: Instant, lane: int, calls: float, who: str, burst: float) -> float:
        """How many calls of others go before this one."""
        queue = {one: known for one, known in self.waiting.items() if one != who}
        since = self.waiting[who].since if who in self.waiting else now
        queue[who] = Waiting(lane, calls, since, now)
        starts = self._starts()
        ordered = sorted(queue, key=lambda one: (queue[one].since, one))
        total = 0.0
        while True:
            lanes = {queue[one].lane for one in ordered}
            first = min(lanes, key=lambda one: (starts[one], one))
            next_ = next(one for one in ordered if queue[one].lane == first)
            if next_ == who:
                return total
            total += min(queue[next_].calls, burst)
            starts[first] += queue[next_].calls / SHARES[first]
            ordered.remove(next_)

    def _starts(self) -> list[float]:
        """Where in the order each lane's next call stands; a lane that wanted nothing comes in at the present place."""
        return [max(self._at(f"lane{number}"), self._at("place")) for number in range(len(SHARES))]

    def _book(self, terms: Terms, now: Instant, lane: int, calls: float, who: str) -> None:
        s, starts = self.s, self._starts()
        self.waiting.pop(who, None)
        # A call that goes before its turn, because there is enough for all, must not push the others back.
        s["place"] = min(starts[one] for one in {lane, *(known.lane for known in self.waiting.values())})
        s[f"lane{lane}"] = starts[lane] + calls / SHARES[lane]
        s["level"] = self._at("level") - calls
        s["calls"] = self._at("calls") + calls
        s["window_left"] = self._at("window_left") - calls
        if self._short(terms, now, lane, calls):
            s["look_at"] = now + LOOK
        s["today"] = self._at("today") + calls
        second = now // SECOND
        if second != self._at("second"):
            s["before"] = self._at("count") if second == self._at("second") + 1 else 0
            s["second"], s["count"] = second, 0
        s["count"] = self._at("count") + calls
        if self._at("rests"):
            # This call sees for all whether the tool answers again.
            s["probe_until"] = now + PROBE

    # --- pace

    def _refill(self, terms: Terms, now: Instant) -> tuple[float, float]:
        """The pace now, and what may be done at once; the level is brought up to this moment."""
        s, rate = self.s, self._rate(terms, now)
        burst = terms.burst
        if "filled_at" not in s:
            s["level"], s["filled_at"] = burst, now
        elif now > s["filled_at"]:
            s["level"] = min(burst, s["level"] + rate * (now - s["filled_at"]) / SECOND)
            s["filled_at"] = now
        if rate <= 0:
            s["level"] = burst
        return rate, burst

    def _rate(self, terms: Terms, now: Instant) -> float:
        """Calls a second, 0 for no limit: what is published, or what grew since the last refusal."""
        if not self._at("eased_at"):
            return terms.rate
        grown = self._at("pace") + self._at("step") * (now - self._at("eased_at")) / SECOND
        if terms.rate > 0:
            return min(terms.rate, grown)
        return grown if grown < FORGET * self._at("pace") else 0.0

    def _ease(self, terms: Terms, now: Instant) -> None:
        s = self.s
        if now - self._at("eased_at") < EASE_ONCE:
            return
        rate, _ = self._refill(terms, now)
        if rate <= 0:
            rate = max(1.0, self._at("before"), self._at("count"))
        whole = terms.rate if terms.rate > 0 else rate
        s["pace"], s["step"], s["eased_at"] = max(rate * EASE, whole * LEAST), whole / GROW, now

    # --- the day

    def _day(self, terms: Terms, now: Instant) -> tuple[float, float]:
        """Calls left of the day's and calls allowed; zeros where nobody counts."""
        s, allowed = self.s, self._at("day_allowed")
        if allowed > 0:
            while 0 < self._at("day_resets_at") <= now:
                s["day_left"], s["today"], s["day_resets_at"] = allowed, 0, s["day_resets_at"] + DAY
            return s["day_left"] - self._at("today"), allowed
        if terms.daily <= 0:
            return 0.0, 0.0
        if self._at("day") != now // DAY:
            s["day"], s["today"] = now // DAY, 0
        return terms.daily - self._at("today"), terms.daily

    def _short(self, terms: Terms, now: Instant, lane: int, calls: float) -> bool:
        """Whether these calls would take what is left to others; a refusal of consent may."""
        left, allowed = self._day(terms, now)
        kept = 0.0 if lane == Lane.CONSENT else allowed * terms.reserve
        return allowed > 0 and left - calls < kept

    def _is_rolling(self) -> bool:
        """Whether the tool counts a day whose calls come back one by one."""
        return self._at("day_allowed") > 0 and not self._at("day_resets_at")

    def _resets_at(self, now: Instant) -> Instant:
        return int(self._at("day_resets_at")) or (now // DAY + 1) * DAY

    # --- after a call

    def learn(self, terms: Terms, now: Instant, remaining: float, reset: int, allowed: float, booked: int) -> None:
        """The tool said how much is left: of the day's `allowed` calls, or (0) of a window that ends in `reset` µs.

        `booked` is the verdict's of the call that was answered: what was booked since is not in the tool's count.
        """
        s = self.s
        since = max(0.0, self._at("calls") - booked) if booked else 0.0
        if allowed > 0:
            s["day_left"], s["day_allowed"], s["today"] = remaining, allowed, since
            s["day_resets_at"] = now + reset if reset > 0 else 0
            if self._short(terms, now, Lane.LIVE, 1):
                s["look_at"] = now + LOOK
            return
        s["window_left"], s["window_told"] = remaining - since, remaining
        s["window_until"] = now + reset

    def refused(self, terms: Terms, now: Instant, wait: int, used_up: bool) -> None:
        """The tool asked for fewer calls: silence for `wait` µs (below 0: it did not say), and a slower pace.

        `used_up`: it was the day's quota.
        """
        s = self.s
        if self._at("quiet_until") <= now:
            # What was on its way when the silence began says nothing new.
            s["again"] = self._at("again") + 1
        s["refused_at"], s["refusals"], s["fails"], s["rests"] = now, self._at("refusals") + 1, 0, 0
        s["rest_until"] = 0
        if wait < 0:
            wait = min(SECOND * 2 ** int(min(s["again"] - 1, 10)), LONGEST_QUIET)
        name = "used_up_until" if used_up else "quiet_until"
        s[name] = max(self._at(name), now + wait)
        if not used_up:
            self._ease(terms, now)

    def answered(self, now: Instant, well: bool) -> None:
        """The tool answered, or failed on its side."""
        s = self.s
        if well:
            s["fails"], s["rests"], s["rest_until"], s["again"] = 0, 0, 0, 0
            return
        s["fails"] = self._at("fails") + 1
        if self._at("rest_until") > now or (not self._at("rests") and s["fails"] < FAILURES):
            return
        s["rests"] = self._at("rests") + 1
        s["rest_until"] = now + min(FIRST_REST * 2 ** int(min(s["rests"] - 1, 20)), LONGEST_REST)
        s["probe_until"] = 0

    def late(self, terms: Terms, now: Instant, calls: float, since: Instant) -> None:
        """Calls that were made from `since` on, while these books could not be reached: they are of this day, too."""
        _, allowed = self._day(terms, now)
        self.s["calls"] = self._at("calls") + calls
        begins = self._resets_at(now) - DAY if allowed and not self._is_rolling() else 0
        if since >= begins:
            self.s["today"] = self._at("today") + calls

    def seed(self, now: Instant, day: int, today: float, left: float, allowed: float, resets_at: int) -> None:
        """Take up what was known of the day before these books were opened, where nothing is known yet."""
        s = self.s
        if self._at("calls") or self._at("day_allowed"):
            return
        if allowed > 0:
            s["day_left"], s["day_allowed"], s["day_resets_at"] = left, allowed, resets_at
        elif day == now // DAY:
            s["day"], s["today"] = day, today

    def report(self, terms: Terms, now: Instant) -> Report:
        """How the account stands."""
        left, allowed = self._day(terms, now)
        short = self._short(terms, now, Lane.LIVE, 1)
        rolling = self._is_rolling()
        used_up = self._at("used_up_until")
        if short:
            used_up = max(used_up, self._at("look_at") if rolling else self._resets_at(now))
        resets_at = 0 if rolling or allowed <= 0 else self._resets_at(now)
        return Report(
            self._rate(terms, now), left, allowed, terms.reserve,
            _ahead_of(now, resets_at), _ahead_of(now, used_up), _ahead_of(now, self._at("quiet_until")),
            _ahead_of(now, max(self._at("rest_until"), self._at("probe_until") if self._at("rests") else 0)),
            int(self._at("refused_at")) or None, int(self._at("refusals")), int(self._at("calls")),
            sum(one.until >= now for one in self.waiting.values()),
        )  # fmt: skip

    def _at(self, name: str) -> float:
        return self.s.get(name, 0.0)


def _ahead_of(now: Instant, at: float) -> Instant | None:
    return int(at) if at > now else None
