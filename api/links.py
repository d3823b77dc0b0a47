"""Links into the tools: where a record is looked at in a tool's own web interface."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple

from connectors._kit.catalogue import entry
from core.errors import ConfigError
from core.model.pages import address
from core.store import bindings

if TYPE_CHECKING:
    from core.flow.hub import Hub
    from core.store import Tx
    from core.store.bindings import Bound


class Link(NamedTuple):
    """A page of a record."""

    address: str
    tool: str
    """The tool's name for people."""


class Links:
    """Those of some records, by connection and id there."""

    def __init__(self, hub: Hub, bound: Iterable[Bound] = (), *, sees: bool = True) -> None:
        """Of these bindings; without `sees`, none whose id may be somebody's address."""
        self._by_id: dict[tuple[str, str], Link] = {}
        self._by_record: dict[tuple[int, str], Link] = {}
        for row in bound:
            stream = hub.stream(row.stream_id)
            if stream is None or row.state not in bindings.THERE or (not sees and "@" in row.remote_id):
                continue
            if page := address(stream.page, row.remote_id):
                link = Link(page, _title(hub.connections[stream.connection_id].connector))
                self._by_id[stream.source, row.remote_id] = link
                self._by_record.setdefault((row.record_id, stream.source), link)

    def of(self, connection: str | None, remote_id: str | None) -> Link | None:
        """The page of a record by its id in a tool."""
        return self._by_id.get((connection or "", remote_id or ""))

    def to(self, record_id: int, connection: str) -> Link | None:
        """The page of a record of ours in a connection."""
        return self._by_record.get((record_id, connection))


def links_of(hub: Hub, tx: Tx, record_ids: Collection[int], *, sees: bool = True) -> Links:
    """Those of these records; one statement."""
    return Links(hub, bindings.of_records(tx, record_ids) if record_ids else (), sees=sees)


def _title(connector: str) -> str:
    try:
        return entry(connector).manifest.title
    except ConfigError:
        return connector
