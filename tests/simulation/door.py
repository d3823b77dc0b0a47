"""The door for webhooks, as long as the flow has none of its own: requests become notices, and notices readings.

A notice is taken in like a reading that began when the tool sent it, so that one that is late is told from one that
is new. Where only ids can be believed, the records are read.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import ToolError
from core.flow.hub import Connection, Hub
from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.flow.inward.rereading import read_again
from core.flow.outward.outbound import settle_intents
from core.ports import Notice, Page, Remote, Request

SECRET = "whsec_" + "c2ltdWxhdGlvbnMgYXJlIG5vdCBzZWNyZXQhISE="


def hear(hub: Hub, connection: Connection, requests: Sequence[Request], *, ids: bool) -> None:
    """Take in what these requests tell; `ids` looks up what they are about instead of believing them."""
    try:
        # As before a poll: else what we made ourselves, unanswered, would be taken for a stranger.
        settle_intents(hub, connection)
    except ToolError:
        return
    connector = hub.open(connection.name)
    for request in requests:
        for notice in connector.receive(request):
            if notice.stream in {stream.name for stream in connection.streams} and notice.remote is not None:
                _take_in(hub, connection, request, notice, notice.remote, ids=ids)


def _take_in(hub: Hub, connection: Connection, request: Request, notice: Notice, remote: Remote, *, ids: bool) -> None:
    stream = next(one for one in connection.streams if one.name == notice.stream)
    again = [remote.id]
    if not ids:
        trip = Trip(hub, stream, request.received_at, hub.clock(), told=True)
        again = inbound(trip, Page([remote], {})).again
    try:
        if again:
            read_again(hub, stream, again)
    except ToolError:
        # The next poll sweeps behind; nothing of the notice is kept.
        return
