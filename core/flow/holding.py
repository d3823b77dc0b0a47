"""Holding: a connection in a maintenance window is left alone as far as the window says; what waits goes out after."""

from __future__ import annotations

from core.decide.maintenance import Hold, hold
from core.flow.hub import Connection, Hub


def held(hub: Hub, connection: Connection) -> Hold | None:
    """What is held of a connection now, and until when; None outside of its windows."""
    windows = hub.maintenance.get(connection.name)
    return hold(windows, hub.clock()) if windows else None
