"""Beside: what cannot wait for the end of a long turn. What came by webhook is heard; refusals and corrections go out.

A connection that nobody works gets a short turn of its own; one that is being walked or written does it between two
calls. Whoever asks not to be written to any more does not wait for a first load that takes hours.
"""

from __future__ import annotations

from core.errors import ToolError
from core.flow.failing import failed
from core.flow.holding import held
from core.flow.hub import Connection, Hub
from core.flow.inward.hearing import meanwhile
from core.flow.leasing import leased
from core.store import due


def pressing(hub: Hub) -> set[int]:
    """The active connections with what cannot wait: notices to be heard, refusals or corrections to be told."""
    with hub.store.reading() as tx:
        found = due.pressing(tx, hub.clock())
    return {id_ for id_ in found & hub.connections.keys() if _may_be_worked(hub, hub.connections[id_])}


def _may_be_worked(hub: Hub, connection: Connection) -> bool:
    """Whether it is active, and no maintenance window holds even this."""
    hold = held(hub, connection)
    return connection.state == "active" and (hold is None or not (hold.reads or hold.everything))


def turn_beside(hub: Hub, connection: Connection, *, holder: str = "here") -> int | None:
    """A turn in which only notices are heard, and refusals and what was just corrected written; gives how much moved.

    None when somebody else has the connection. Nothing is created in it, since a stream that was not read whole may
    hold it already.
    """
    if connection.id not in pressing(hub):
        return 0
    with leased(hub, connection, holder) as own:
        if own is None:
            return None
        try:
            heard = meanwhile(own, connection)
            return heard.heard + heard.created + heard.joined + heard.gone + heard.told
        except ToolError as error:
            failed(own, connection, error)
    return 0
