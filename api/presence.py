"""Presence: whether anybody does the hub's work, where several processes share it.

Each worker says every few seconds in Redis which lanes it works, and beat that it looks; a word that nobody renews ends
by itself. The doors tell who is missing, and alert in the workers' place, since without any nobody else would. In a
Redis that was emptied a moment ago nobody is there yet, which is over before an alert is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from api.lanes import Lane

if TYPE_CHECKING:
    from api.settings import Settings

EVERY = 5.0
"""Seconds between two words of one process."""
GONE = 30
"""Seconds after which who has said nothing is taken for gone."""
BEAT = "beat"
PARTS = (*map(str, Lane), BEAT)
"""All that somebody must be there for."""
_PATIENCE = 1.0


class Absence(NamedTuple):
    """Somebody, or something, that is missing: what that means, and what to do."""

    what: str
    """`queue`, `workers` or `beat`."""
    says: str
    remedy: str


class Presence:
    """Who is there, of one installation."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        """`prefix` is the installation's own, so that several may share a Redis."""
        self._redis, self._prefix = redis, prefix
        self._told_at = -EVERY

    @classmethod
    def at(cls, url: str, prefix: str) -> Presence:
        """In the Redis at this address, which nobody waits for."""
        return cls(Redis.from_url(url, socket_connect_timeout=_PATIENCE, socket_timeout=_PATIENCE), prefix)

    def tell(self, names: Iterable[str]) -> None:
        """Say that somebody works these lanes, or is `beat`; to be called often, and never fails."""
        if time.monotonic() - self._told_at < EVERY:
            return
        self._told_at = time.monotonic()
        with suppress(RedisError, OSError), self._redis.pipeline(transaction=False) as told:
            for name in names:
                told.set(self._key(name), "1", ex=GONE)
            told.execute()

    def worked(self) -> dict[str, bool] | None:
        """Lane, or `beat` → whether anybody is there for it; None where Redis does not answer."""
        try:
            held = self._redis.mget([self._key(name) for name in PARTS])
        except (RedisError, OSError):
            return None
        return {name: one is not None for name, one in zip(PARTS, held, strict=True)}

    def absences(self) -> list[Absence]:
        """What is missing, as a person reads it."""
        worked = self.worked()
        if worked is None:
            return [_QUEUE]
        lanes = [name for name, there in worked.items() if not there and name != BEAT]
        found = [_workers(lanes)] if lanes else []
        return found if worked[BEAT] else [*found, _BEAT]

    def _key(self, name: str) -> str:
        return f"{self._prefix}here:{name}"


_QUEUE = Absence(
    "queue",
    "Redis does not answer, so nobody is woken. What comes is kept, and nobody works it.",
    "See that it runs, and that CONCORD_REDIS_URL leads to it; then the work goes on by itself.",
)
_BEAT = Absence(
    "beat",
    f"Nobody has looked for {GONE} s what is due, so tools are not polled and nothing is tried again.",
    "Start `concord beat`, and see in its log why it ended.",
)


def _workers(lanes: list[str]) -> Absence:
    if len(lanes) == len(Lane):
        return Absence(
            "workers",
            f"No worker has been there for {GONE} s. What comes is kept, and nobody works it.",
            "Start `concord worker`, and see in its log why it ended.",
        )
    named = ", ".join(lanes)
    return Absence(
        "workers",
        f"No worker has been there for {GONE} s for this lane: {named}."
        if len(lanes) == 1
        else f"No worker has been there for {GONE} s for these lanes: {named}.",
        f"Start `concord worker --queues {','.join(lanes)}`, and see in its log why it ended.",
    )


def prefix(name: str) -> str:
    """What the names of all that an installation keeps in Redis begin with; `name` is the installation's own."""
    return f"concord:{name}:"


def presence_of(settings: Settings, named: Callable[[], str]) -> Presence | None:
    """Who is there, as a command may ask that is no part of the work; None where one process does it all.

    `named` gives the installation's name, and is asked only where there is anybody to miss.
    """
    if settings.redis_url is None or settings.url.startswith("sqlite"):
        return None
    return Presence.at(settings.redis_url.get_secret_value(), prefix(named()))
