"""Waking: which tasks are sent to the workers, and when. The store says what is due; a message only wakes somebody up.

    beat, a webhook, the end of a turn ▶ what is due in the store ▶ not on its way already? ▶ a message in its lane

Redis remembers what was sent a moment ago, so that nothing is sent twice a second. If it forgets everything, a few
messages are sent for nothing; if a message is lost, what it was for is still due, and is woken again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import structlog
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from api.bell import Bell
from core.errors import ConcordError
from core.flow.holders import is_gone
from core.flow.pausing import reads
from core.store import due, hooks
from core.store.due import Due

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.hub import Hub

log = structlog.get_logger("concord.waking")


QUEUED = 60
"""Seconds for which a message is taken to be on its way; then it is taken for lost."""
AGAIN = 5.0
"""Seconds until what a turn could do nothing about is tried again, while nothing else changes."""
RESTS = {"measure": 10}
"""Task → so many times as long as it took, it is not done again: it takes its time where much is held."""
PATIENT = 5.0
"""Seconds between two looks of the hub after itself while something is to be heard or written: that goes first."""
SWEEP = 60.0
"""Seconds after which every connection has a turn, whatever is known to be due."""
_DEAF = 5.0
"""Seconds for which a door rings no more when Redis did not answer; beat finds what came."""


class Wake(NamedTuple):
    """A message that may be sent."""

    task: str
    about: int = 0
    """A connection's id; 0 for the hub's own work."""
    mark: str = ""
    """What it is for; something else after any change."""
    soon: float = 0.0
    """Seconds after the former one before which it is not sent, whatever has changed."""
    again: float = AGAIN
    """Seconds after the former one when it is sent again, though nothing has changed."""

    def is_time(self, age: float, mark: str) -> bool:
        """Whether it may be sent, so many seconds after the former one, which was for that."""
        return age >= self.again or age < 0 or (mark != self.mark and age >= self.soon)

    @property
    def name(self) -> str:
        """By what it is remembered."""
        return f"{self.task}:{self.about}"


def look(hub: Hub) -> Due:
    """What is due in the store at this moment; one statement."""
    read = [one.id for connection in hub.connections.values() for one in connection.streams if reads(one)]
    with hub.store.reading() as tx:
        return due.look(tx, hub.clock(), reads=read)


def wakes(hub: Hub, found: Due) -> Iterator[Wake]:
    """What is to be done, in the order of the lanes. Whoever works a connection hears and writes by itself."""
    free = [
        one
        for one in hub.connections.values()
        if one.state == "active" and not is_worked(found, f"connection {one.id}")
    ]
    for one in free:
        if one.id in found.told or one.id in found.refusing:
            yield Wake("hear", one.id, f"{found.told.get(one.id)} {one.id in found.refusing} {found.news}")
    # By a new configuration, what is known is read anew before anybody writes.
    for one in free if not found.unsettled else ():
        reading, writing = found.reading.get(one.id, 0), one.id in found.writing
        if one.id in found.first_load:
            yield Wake("load", one.id, f"{reading} {found.news}")
        elif reading or writing:
            yield Wake("turn", one.id, f"{reading} {writing} {found.news}")
        elif one.streams:
            yield Wake("turn", one.id, soon=SWEEP, again=SWEEP)
    waits = f"{found.unsettled} {found.news} {found.ledger} {' '.join(sorted(found.hub))}"
    own = [
        Wake("tend", 0, waits, soon=PATIENT if found.told or found.writing else 0.0, again=30.0),
        Wake("measure", 0, f"{found.news} {found.sent}", soon=30.0, again=600.0),
        Wake("alert", 0, soon=60.0, again=60.0),
    ]
    yield from (one for one in own if not is_worked(found, one.task))
    for host, hook_id in found.hooks.items():
        if not is_worked(found, hooks.work_of(host)):
            yield Wake("deliver", hook_id, f"{found.news}")


def is_worked(found: Due, lease: str) -> bool:
    """Whether somebody who may be alive holds a lease."""
    holder = found.held.get(lease)
    return holder is not None and not is_gone(holder)


Send = Callable[[str, int], None]
"""Sends a task about something; raises `OperationalError` where the queue cannot be reached."""


class Waking:
    """Sends what is due to the workers of one installation. `clock` is in seconds."""

    def __init__(self, redis: Redis, prefix: str, send: Send, clock: Callable[[], float] = time.time) -> None:
        """`prefix` is the installation's own, so that several may share a Redis."""
        self._redis, self._prefix, self._send, self._clock = redis, prefix, send, clock

    def look(self, installation: Installation) -> int:
        """Send what is due in the store and not on its way; gives how many messages that were."""
        installation.renew()
        hub = installation.hub()
        return self.send(wakes(hub, look(hub)))

    def send(self, wanted: Iterable[Wake]) -> int:
        """Send those of these that are due to be sent; gives how many."""
        some = list(wanted)
        if not some:
            return 0
        queued = self._redis.mget([self._queued(one.name) for one in some])
        woken = self._redis.mget([self._woken(one.name) for one in some])
        sent = 0
        for one, on_its_way, before in zip(some, queued, woken, strict=True):
            if on_its_way is None and self._is_time(one, before) and self._claim(one):
                self._send(one.task, one.about)
                sent += 1
        return sent

    def knock(self) -> None:
        """Have somebody look at once what is due."""
        if self._redis.set(self._queued("wake:0"), "1", nx=True, ex=5):
            self._send("wake", 0)

    def begun(self, task: str, about: int) -> None:
        """A message has arrived: what is due from now on needs another one."""
        with suppress(RedisError, OSError):
            self._redis.delete(self._queued(f"{task}:{about}"))

    def again(self, task: str, about: int) -> None:
        """It is not at its end: it is sent again though nothing has changed."""
        with suppress(RedisError, OSError):
            self._redis.delete(self._woken(f"{task}:{about}"))

    def rest(self, task: str, about: int, seconds: float) -> None:
        """Send no other one for so long."""
        with suppress(RedisError, OSError):
            self._redis.set(self._queued(f"{task}:{about}"), "1", ex=max(1, int(seconds)))

    def crowded(self, lanes: Collection[str]) -> bool:
        """Whether anything waits in one of these lanes."""
        try:
            return any(self._redis.llen(f"{self._prefix}{lane}") for lane in lanes)
        except (RedisError, OSError):
            return False

    def _is_time(self, one: Wake, before: Any) -> bool:
        if before is None:
            return True
        at, _, mark = before.decode().partition(" ")
        return one.is_time(self._clock() - float(at), mark)

    def _claim(self, one: Wake) -> bool:
        """Note that it is sent; False where somebody else has just done so."""
        if not self._redis.set(self._queued(one.name), "1", nx=True, ex=QUEUED):
            return False
        self._redis.set(self._woken(one.name), f"{self._clock():.3f} {one.mark}", ex=int(one.again) + QUEUED)
        return True

    def _queued(self, name: str) -> str:
        return f"{self._prefix}queued:{name}"

    def _woken(self, name: str) -> str:
        return f"{self._prefix}woken:{name}"


class DistantBell(Bell):
    """A bell that workers in other processes hear. A door that rings it never fails and hardly waits."""

    def __init__(self, waking: Waking) -> None:
        """`waking` sends what the ring is for."""
        super().__init__()
        self._waking, self._deaf_until = waking, 0.0

    def ring(self) -> None:
        """Wake whoever waits, wherever that is."""
        super().ring()
        if time.monotonic() < self._deaf_until:
            return
        try:
            self._waking.knock()
        except (RedisError, OperationalError, OSError) as error:
            self._deaf_until = time.monotonic() + _DEAF
            log.warning("the workers are not woken; beat will do it", error=type(error).__name__)


def try_to_look(waking: Waking, installation: Installation) -> int:
    """Look, and leave it to the next look where the store or Redis does not answer; gives how many were sent."""
    try:
        return waking.look(installation)
    except (RedisError, OperationalError, OSError) as error:
        log.warning("Redis does not answer", error=type(error).__name__)
    except ConcordError as error:
        log.warning("the store does not answer", code=error.error_code, error=error.message)
    return 0
