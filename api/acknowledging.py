"""Acknowledging: who asked for something is told so by the mail connection that the movement policy names."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from api.sending import mail_connection, sender
from core.errors import ToolError
from core.flow.leasing import leased
from core.flow.movement.acknowledging import acknowledge, waits
from core.flow.running import Run

if TYPE_CHECKING:
    from core.flow.hub import Hub


def send_acknowledgements(hub: Hub, holder: str) -> None:
    """Send what was booked; what the mail server says stands in the log, and is tried again with the next round.

    One worker at a time sends: the others would take what is on its way for what a crash left there.
    """
    connection = mail_connection(hub, hub.movement.mail)
    if connection is None or not waits(hub):
        return
    with leased(hub, connection, holder) as own:
        if own is not None:
            with suppress(ToolError), Run(own, connection.id, "acknowledge") as run:
                done = acknowledge(own, sender(own, connection, "mail: …"), run)
                run.counts = {state.name.lower(): count for state, count in done.items() if state.is_settled}
