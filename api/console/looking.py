"""Looking: whose data somebody looks at is on the trail, once for as long as they keep looking."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Any

from api.console.veil import sees_people
from core.model.instant import MINUTE, Instant
from core.store.codec import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.console.desk import Desk
    from api.console.people import Visitor

_SAME = 10 * MINUTE
"""A page that renews itself is one look for so long."""
_REMEMBERED = 10_000


class Looking:
    """The looks of one process. Safe to use from many threads."""

    def __init__(self, desk: Desk) -> None:
        """Nobody has looked yet."""
        self._desk, self._lock = desk, Lock()
        self._seen: OrderedDict[str, Instant] = OrderedDict()

    def note(self, visitor: Visitor, what: str, about: Mapping[str, Any]) -> None:
        """Put a look on the trail, unless it is one that goes on; viewers see nothing personal."""
        if sees_people(visitor) and self._is_new(dumps([visitor.digest, what, dict(about)])):
            with self._desk.installation.store.writing() as tx:
                self._desk.people.note(tx, visitor, what, about)

    def _is_new(self, look: str) -> bool:
        now = self._desk.installation.clock()
        with self._lock:
            before = self._seen.get(look)
            if before is not None and now - before < _SAME:
                return False
            self._seen[look] = now
            self._seen.move_to_end(look)
            if len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
        return True
