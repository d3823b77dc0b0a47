"""Lanes: the queues of the workers, and which task waits in which."""

from __future__ import annotations

from enum import StrEnum


class Lane(StrEnum):
    """The queues, the most urgent one first."""

    CONSENT = "consent"
    """What cannot wait: webhooks are heard, refusals are written."""
    LIVE = "live"
    """Turns of connections."""
    UPKEEP = "upkeep"
    """The hub's own work: audit, steps, mails, reviews, measuring, alerts, webhooks."""
    BACKFILL = "backfill"
    """Turns in which something is read for the first time, and which may take hours."""


LANE_OF = {
    "wake": Lane.CONSENT,
    "hear": Lane.CONSENT,
    "turn": Lane.LIVE,
    "tend": Lane.UPKEEP,
    "measure": Lane.UPKEEP,
    "alert": Lane.UPKEEP,
    "deliver": Lane.UPKEEP,
    "load": Lane.BACKFILL,
}
"""Task → its lane."""
