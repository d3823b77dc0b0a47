"""The door in small: requests go the way of the hub's own door, without the socket before it."""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import ToolError
from core.flow.hub import Connection, Hub
from core.flow.inward.hearing import hear, keep
from core.ports import Request

SECRET = "whsec_" + "c2ltdWxhdGlvbnMgYXJlIG5vdCBzZWNyZXQhISE="


def told_by_webhook(hub: Hub, connection: Connection, requests: Sequence[Request]) -> None:
    """Take in what these requests tell: stored first, each event once, and then heard."""
    for request in requests:
        keep(hub, connection, request)
    try:
        hear(hub, connection)
    except ToolError:
        # What a person must mend: the hub hears within turns, and the next one pauses the connection for it.
        return
