"""Beside: what cannot wait for the end of a long turn. What came by webhook is heard, and refusals are written.

A connection that nobody works gets a short turn of its own; one that is being walked or written does it between two
calls. Whoever asks not to be written to any more does not wait for a first load that takes hours.
"""

from __future__ import annotations

from core.errors import ToolError
from core.flow.failing import failed
from core.flow.hub import Connection, Hub
from core.flow.inward.hearing import hear
from core.flow.leasing import leased
from core.flow.outward.outbound import deliver_refusals
from core.store import notices, outbox


def pressing(hub: Hub) -> set[int]:
    """The connections with something that cannot wait: notices to be heard, or refusals to be written."""
    now = hub.clock()
    with hub.store.reading() as tx:
        found = notices.due_connections(tx, now) | outbox.refusing(tx, now)
    return {id_ for id_ in found if id_ in hub.connections and hub.connections[id_].state == "active"}


def turn_beside(hub: Hub, connection: Connection, *, holder: str = "here") -> bool:
    """A turn in which only notices are heard and refusals written; False when somebody else has the connection.

    Nothing is created in it, since a stream that was not read whole may hold it already.
    """
    if connection.id not in pressing(hub):
        return True
    with leased(hub, connection, holder) as own:
        if own is None:
            return False
        try:
            hear(own, connection)
            deliver_refusals(own, connection)
        except ToolError as error:
            failed(own, connection, error)
    return True
