"""Sending: the connection by which the hub itself sends mail, as the configuration names it."""

from __future__ import annotations

from core.errors import ConfigError
from core.flow.hub import Connection, Hub
from core.ports import Sends


def mail_connection(hub: Hub, name: str | None) -> Connection | None:
    """The connection with this name; None while it is not there, or rests."""
    connection = next((one for one in hub.connections.values() if one.name == name), None)
    return connection if connection is not None and connection.state == "active" else None


def sender(hub: Hub, connection: Connection, setting: str) -> Sends:
    """What sends by it; `ConfigError` where it sends no mail. `setting` is how a connection is named there."""
    opened = hub.open(connection.name)
    if not isinstance(opened, Sends):
        raise ConfigError(f"{connection.name} sends no mail.", remedy=f"Name a connection of `smtp` as `{setting}`.")
    return opened
