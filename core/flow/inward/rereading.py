"""Direct reads: what the hub looks at again because it must know how a record stands right now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from core.errors import SchemaChanged
from core.flow.drift.describing import look_in_trouble
from core.flow.drift.lines import expected_of
from core.flow.hub import Hub, Stream
from core.flow.inward.arrivals import Intake, Trip
from core.flow.inward.inbound import inbound
from core.ports import Page, Remote
from core.store import descriptions

T = TypeVar("T")


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Items in runs of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def fetched(hub: Hub, stream: Stream, ids: Sequence[str]) -> list[Remote]:
    """These records as the tool shows them now, in its largest batches."""
    connector = hub.open(stream.source)
    found: list[Remote] = []
    for chunk in chunks(list(ids), stream.manifest.fetch_size):
        found.extend(connector.fetch(stream.name, chunk))
    see_whole(hub, stream, found)
    return found


def see_whole(hub: Hub, stream: Stream, remotes: Sequence[Remote]) -> None:
    """Where a tool that names blanks too does not name a mapped field: it is gone, not cleared.

    One record tells for its page, since a field goes from all of them at once. The lines that use it rest, if the
    tool's description says the same; else `SchemaChanged` is raised.
    """
    if not stream.manifest.names_blanks:
        return
    shown = next((one for one in remotes if one.fields and not (one.deleted or one.partial)), None)
    if shown is None or stream.translator.mapping.reads <= shown.fields.keys():
        return
    missing = _missing(hub, stream, shown)
    if missing:
        look_in_trouble(hub, stream, missing)
        missing = _missing(hub, stream, shown)
    if missing:
        raise SchemaChanged(
            f"The tool no longer shows {', '.join(missing)}, which the mapping reads.",
            remedy="Bring the field back or let this connection see it, or take its line out of the mapping.",
            connection=stream.source,
            stream=stream.name,
            field=missing[0],
        )


def _missing(hub: Hub, stream: Stream, shown: Remote) -> list[str]:
    """What the record does not name, of what the lines read that do not rest."""
    with hub.store.reading() as tx:
        lines = descriptions.paused(tx, [stream.id])
    return sorted(expected_of(stream, lines) - shown.fields.keys())


def read_again(hub: Hub, stream: Stream, ids: Sequence[str], *, run_id: int | None = None) -> Intake:
    """Fetch records and take them in as the newest word of the tool."""
    began_at = hub.clock()
    remotes = fetched(hub, stream, ids)
    trip = Trip(hub, stream, began_at, hub.clock(), trusted=True, run_id=run_id)
    return inbound(trip, Page(remotes, {}))
