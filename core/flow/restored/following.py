"""What follow-through may do after the database was set back: steps may have been taken that it knows nothing of.

Nothing is followed through while streams are still unread, for a day at most. For a week what was waited for at that
time already is asked of a person, because a reminder or a new owner cannot be taken back.
"""

from __future__ import annotations

from core.model.instant import DAY, Instant
from core.store import Tx, restores
from core.store.restores import Restored

PATIENCE = DAY
"""A tool that stays away for longer does not keep all others waiting."""
ASKED = 7 * DAY


def waits(tx: Tx, restored: Restored, now: Instant) -> bool:
    """Whether nothing is followed through yet."""
    return now < restored.at + PATIENCE and bool(restored.stream_ids) and bool(restores.unread(tx, restored))


def may_be_done(restored: Restored, since: Instant | None, now: Instant) -> bool:
    """Whether a step about what has stood since a moment may have been taken before the database was set back."""
    return now < restored.at + ASKED and (since is None or since < restored.at)
