"""What follow-through may do after the database was set back: steps may have been taken that it knows nothing of.

Nothing is followed through while streams are still unread, for a day at most. For a week what was waited for at that
time already is asked of a person, because a reminder or a new owner cannot be taken back.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.decide.movement.policy import Mode
from core.decide.movement.steps import Deed
from core.model.instant import DAY, Instant
from core.store import Tx, restores
from core.store.restores import Restored

PATIENCE = DAY
"""A tool that stays away for longer does not keep all others waiting."""
ASKED = 7 * DAY


def waits(tx: Tx, restored: Restored, now: Instant) -> bool:
    """Whether nothing is followed through yet."""
    return now < restored.at + PATIENCE and bool(restored.stream_ids) and bool(restores.unread(tx, restored))


def careful(deeds: Sequence[Deed], restored: Restored | None, since: Instant | None, now: Instant) -> list[Deed]:
    """The steps about what has stood since a moment; what may have been taken and forgotten is asked, not done."""
    may_be_done = restored is not None and now < restored.at + ASKED and (since is None or since < restored.at)
    return [one._replace(mode=Mode.ASK) if may_be_done and one.mode is Mode.ACT else one for one in deeds]
