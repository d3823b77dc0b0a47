"""Requests of people about their own data: what may be asked, by which way, and by when it must be answered. Pure.

came + the law's days ▶ due, once extended ▶ done (an export, an erasure, other words) ▶ answered, or refused
"""

from __future__ import annotations

from collections.abc import Mapping

from core.decide.profile import Deadlines
from core.model.instant import DAY, Instant

RIGHTS: Mapping[str, str] = {
    "access": "a copy of all that is held of them",
    "erasure": "to be erased",
    "correction": "to have something set right",
    "objection": "to be written to no more",
}
"""What may be asked → in words."""

WAYS = ("email", "phone", "post", "form", "page", "in person", "other")
"""By which a request comes; `page` is the person's own page."""

ANSWERED, REFUSED = "answered", "refused"

GROUNDS: Mapping[str, str] = {
    "nothing": "nothing is held of them",
    "identity": "they did not show who they are",
    "duty": "a law asks us to keep it",
    "others": "it would harm the rights of others",
    "excessive": "it is asked without any ground, or again and again",
    "other": "for another reason",
}
"""Why a request may be refused → in words. They name nobody, and outlive an erasure."""


def extended(deadlines: Deadlines, right: str, due_at: Instant) -> Instant | None:
    """By when it must be answered if more time is taken; None where the law gives none."""
    return due_at + deadlines.further * DAY if deadlines.further and right != "objection" else None


def due(deadlines: Deadlines, right: str, came_at: Instant) -> Instant:
    """By when a request must be answered."""
    days: int = getattr(deadlines, right)
    return came_at + days * DAY
