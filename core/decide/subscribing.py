"""What to do about a connection's subscription: one shall stand, at our address, sound, and with time left.

What the hub ordered is held against what the tool lists. Where a tool lists nothing, the hub's own word counts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from core.decide.outcome import back_off
from core.errors import Again, ConcordError, Throttled, Unknown
from core.model.instant import DAY, HOUR, SECOND, Instant
from core.ports import Secrets, Subscription

LOOK_EVERY = 6 * HOUR
"""How often a tool that lists its subscriptions is asked whether ours is still sound; also how often is tried what a
person must mend."""
EARLY = DAY
"""A subscription is renewed so long before it ends, or when a quarter of its life is left."""
GRACE = HOUR
"""So long are the notices trusted of one that was taken away: some may be under way."""
TRIES = 12
"""After so many failures a subscription that is to go is left to a person."""


class State(StrEnum):
    """What became of an order."""

    ORDERED = "ordered"
    """On its way, or its answer was lost: it may be in the tool."""
    FAILED = "failed"
    """It is certainly not in the tool."""
    LIVE = "live"
    LEAVING = "leaving"
    """Nothing needs it any more, and it may still be in the tool."""
    ENDED = "ended"
    """It is not in the tool any more."""


_ABOUT = frozenset({State.ORDERED, State.FAILED, State.LIVE})
"""What says how it stands with a connection."""


_PERHAPS = frozenset({State.ORDERED, State.LIVE, State.LEAVING})
"""What may be in the tool."""


class Held(NamedTuple):
    """One order as the hub keeps it; see the table `subscription`."""

    id: int
    key: str
    state: State
    address: str
    remote_id: str | None
    kept: Mapping[str, Any]
    since: Instant | None
    ends_at: Instant | None
    due_at: Instant | None
    renew: bool
    attempts: int
    secrets: Secrets = Secrets()

    def subscription(self, like: Subscription | None = None) -> Subscription:
        """What the connector is given; one whose answer was lost goes by its key, and is kept like another one."""
        kept = self.kept or (like.kept if like is not None else {})
        id_ = self.key if self.remote_id is None else self.remote_id
        return Subscription(id_, self.address, self.ends_at, kept=dict(kept), secrets=self.secrets)


class Survey(NamedTuple):
    """What there is for a connection. Those that are not known were ordered by us and lost, or made by a person."""

    stands: Subscription | None = None
    sound: bool = False
    """The one that stands is all that is wanted."""
    unknown: Sequence[Subscription] = ()
    """In the tool, at our address, and kept nowhere; one of them may be the one that stands."""
    gone: Collection[int] = ()
    """Orders of which nothing is in the tool."""


def is_due(held: Sequence[Held], address: str, now: Instant) -> bool:
    """Whether anything is to be done for a connection that shall be called at this address."""
    latest = max((one for one in held if one.state in _ABOUT), default=None, key=lambda one: one.id)
    if latest is None or is_pressing(held, now):
        return True
    # One that stands and could not be looked at is not asked about at each turn, wherever it points to.
    return latest.address != address and not (latest.state == State.LIVE and latest.attempts)


def is_pressing(held: Sequence[Held], now: Instant) -> bool:
    """Whether the time has come for any of these."""
    return any(one.state != State.ENDED and one.due_at is not None and one.due_at <= now for one in held)


def surveyed(held: Sequence[Held], told: Sequence[Subscription] | None, address: str | None, now: Instant) -> Survey:
    """Hold what was ordered against what the tool lists (None: it does not); no `address`: none shall stand."""
    found: list[tuple[Held | None, Subscription]]
    if told is None:
        found = [(one, one.subscription()) for one in held if one.state in _PERHAPS and not _is_over(one, now)]
        gone = [one.id for one in held if one.state in _PERHAPS and _is_over(one, now)]
    else:
        found = _found(held, told, address)
        there = {one.id for one, _ in found if one is not None}
        gone = [one.id for one in held if one.state in _PERHAPS and one.id not in there]
    live = [(known, one) for known, one in found if known is not None and known.state == State.LIVE]
    unknown = [one for known, one in found if known is None]
    if address is None or not (live or unknown):
        return Survey(unknown=unknown, gone=gone)
    if not live:
        return Survey(unknown[0], unknown=unknown, gone=gone)
    known, stands = live[0]
    # One that is mended in place has another secret then: after a lost answer nobody knows which.
    unanswered = any(one.state == State.ORDERED for one in held)
    return Survey(stands, not unanswered and _is_sound(known, stands, address, now), unknown, gone)


def _found(
    held: Sequence[Held], told: Sequence[Subscription], address: str | None
) -> list[tuple[Held | None, Subscription]]:
    """What the tool lists and is ours: known by its id, or at an address of ours."""
    by_id = {one.remote_id: one for one in held if one.remote_id is not None and one.state != State.ENDED}
    places = {address, *(one.address for one in held if one.state == State.ORDERED)}
    found: list[tuple[Held | None, Subscription]] = []
    for one in told:
        known = by_id.get(one.id)
        if known is not None:
            ours = known.subscription(one)
            found.append((known, Subscription(one.id, one.address, one.ends_at or ours.ends_at, one.fault, ours.kept,
                                              ours.secrets)))  # fmt: skip
        elif one.address in places:
            found.append((None, one))
    return found


def _is_over(one: Held, now: Instant) -> bool:
    """Whether it has ended by itself."""
    return one.ends_at is not None and one.ends_at <= now


def _is_sound(known: Held, stands: Subscription, address: str, now: Instant) -> bool:
    if known.renew or stands.fault or stands.address != address:
        return False
    ends = renewed_at(known.since or now, stands.ends_at)
    return ends is None or now < ends


def renewed_at(since: Instant, ends_at: Instant | None) -> Instant | None:
    """When a subscription is to be renewed; None for one that does not end."""
    return None if ends_at is None else ends_at - min(EARLY, max(0, ends_at - since) // 4)


def due_next(since: Instant, ends_at: Instant | None, now: Instant, *, listed: bool) -> Instant | None:
    """When to look after a sound one again; None for never."""
    times = [renewed_at(since, ends_at), now + LOOK_EVERY if listed else None]
    return min((one for one in times if one is not None), default=None)


def patience(error: ConcordError, attempts: int) -> Instant:
    """How long to wait after a failure (µs), when so many came before it."""
    if isinstance(error, Throttled) and error.wait is not None:
        return int(error.wait * SECOND)
    if isinstance(error, Unknown) or error.again is not Again.NEVER:
        return int(back_off(attempts) * SECOND)
    return LOOK_EVERY
