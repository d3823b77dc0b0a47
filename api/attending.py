"""Attending: a door sends the alerts while a part of the work is done by nobody, since no worker would."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from core.errors import ConcordError

if TYPE_CHECKING:
    from api.assembly import Installation

EVERY = 60.0
"""Seconds between two looks whether anybody is missing."""


@contextmanager
def attended(installation: Installation) -> Iterator[None]:
    """While the block lasts, alerts are sent from here whenever a part of the work is done by nobody."""
    over = threading.Event()
    thread = threading.Thread(target=_attend, args=(installation, over), name="attending", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


def _attend(installation: Installation, over: threading.Event) -> None:
    while not over.wait(EVERY):
        # Where not even the store answers, the page says so.
        with suppress(ConcordError):
            stand_in(installation)


def stand_in(installation: Installation) -> None:
    """Tell of what is wrong, where the workers cannot because somebody is missing."""
    # Only who stands in pays for what a turn needs.
    from api import duties

    if installation.presence is not None and installation.presence.absences():
        installation.renew()
        duties.alert(installation)
