"""Describing: what a tool says of its streams is kept, and held against what was kept before.

    describe ▶ compare ▶ keep ▶ lines rest, or are taken up ▶ one review a stream

Only the lines rest that a change concerns (`core.flow.drift.resting`); all else of every record goes on. Free-form
tools, and those that describe nothing, are left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from core.decide import drift
from core.decide.drift import Change, compare
from core.decide.known import Known
from core.errors import Reach, SchemaChanged, ToolError, Unsupported
from core.flow.drift.lines import written_by
from core.flow.drift.resting import CODE, turn_lines
from core.flow.hub import Connection, Hub, Stream
from core.flow.outward.reconcile import reconcile
from core.flow.pausing import JUST_TRIED, reads
from core.model.instant import DAY, HOUR, Instant
from core.ports import Description
from core.store import Tx, connections, descriptions, reviews, runs
from core.store.codec import dumps, loads
from core.store.descriptions import DescriptionRow
from core.store.reviews import Question, Review

LOOK_EVERY = DAY
"""A tool is asked so often what a stream looks like; a call or two."""
LOOK_AGAIN = HOUR
"""The same while lines of it rest, so that what was mended is soon taken up."""


class Look(NamedTuple):
    """What a look at a stream found."""

    changes: list[Change]
    """Everything that is different from what the mapping was last known to be right for."""
    paused: tuple[str, ...] = ()
    """Lines that rest from now on."""
    taken_up: tuple[str, ...] = ()
    """Lines that go on."""


# --- when to look


def before_reading(hub: Hub, connection: Connection, *, asked: bool) -> None:
    """Look at the streams with lines that rest, and where the mapping is new: what is mended is read in this turn.

    `asked` says that a person wants it now. A tool's failure is left to the reading, which meets it too.
    """
    with hub.store.reading() as tx:
        kept = descriptions.kept(tx, connection.stream_ids)
        resting = {line.stream_id for line in descriptions.paused(tx, connection.stream_ids)}
    now, again = hub.clock(), JUST_TRIED if asked else LOOK_AGAIN
    for stream in connection.streams:
        row = kept.get(stream.id)
        if row is not None and (not row.at or (stream.id in resting and now - row.at >= again)):
            with suppress(ToolError):
                look(hub, stream)


def after_reading(hub: Hub, connection: Connection, read: Collection[Stream]) -> None:
    """Look at streams that were not looked at for a day: of those that are read, where that is allowed now."""
    streams = [stream for stream in connection.streams if stream in read or not reads(stream)]
    with hub.store.reading() as tx:
        kept = descriptions.kept(tx, [stream.id for stream in streams])
    for stream in streams:
        row = kept.get(stream.id)
        if row is None or hub.clock() - row.at >= LOOK_EVERY:
            with suppress(ToolError):
                look(hub, stream)


def look_in_trouble(hub: Hub, stream: Stream, named: Collection[str]) -> Look:
    """Look because these fields of the tool made trouble; one that the tool does not know counts as removed.

    What keeps all of the tool from answering is raised; any other failure finds nothing.
    """
    try:
        return look(hub, stream, named=named)
    except ToolError as error:
        if error.reach is Reach.CONNECTION:
            raise
        return Look([])


def explains(hub: Hub, stream: Stream, error: ToolError) -> bool:
    """Whether an error of reading came from lines that rest now; then it is worth reading again."""
    if not isinstance(error, SchemaChanged) or error.reach is not Reach.STREAM:
        return False
    return bool(look_in_trouble(hub, stream, str(error.facts.get("field", "")).split(", ")).paused)


def explains_writing(hub: Hub, stream: Stream, named: Collection[str]) -> bool:
    """Whether edits of these fields of the tool went wrong because of lines that rest now; never raises a `ToolError`.

    Edits that were on their way when the lines were put to rest need no other look.
    """

    def resting() -> bool:
        with hub.store.reading() as tx:
            return not written_by(stream, descriptions.paused(tx, [stream.id])).isdisjoint(named)

    if not resting():
        with suppress(ToolError):
            look(hub, stream, named=named)
    return resting()


# --- the look


def look(hub: Hub, stream: Stream, *, named: Collection[str] = ()) -> Look:
    """Ask the tool what a stream looks like, and act on what changed; raises the tool's error.

    `named` are fields of the tool that it was just found not to have.
    """
    try:
        description = hub.open(stream.source).describe(stream.name)
    except Unsupported:
        description = Description(stream.name, (), open=True)
    except ToolError:
        with hub.store.writing() as tx:
            row = descriptions.kept(tx, [stream.id]).get(stream.id)
            descriptions.keep(tx, DescriptionRow(stream.id, hub.clock(), row.text if row else ""))
        raise
    return take_note(hub, stream, description, named=named)


def take_note(hub: Hub, stream: Stream, description: Description, *, named: Collection[str] = ()) -> Look:
    """Keep what a stream looks like; put lines to rest, take lines up, and ask or close the question about it."""
    now = hub.clock()
    with hub.store.writing() as tx:
        known = _kept(tx, stream, description)
        if not description.fields and not description.open:
            # A tool that names no field at all has said nothing.
            descriptions.keep(tx, DescriptionRow(stream.id, now, dumps(known.to_json())))
            return Look([])
        known = known.missing(_paths(stream, named))
        changes = _changes(stream, known, description)
        matter = [change for change in changes if change.matters]
        descriptions.keep(tx, DescriptionRow(stream.id, now, dumps(known.after(description, matter).to_json())))
        paused, taken_up, free = turn_lines(tx, stream, drift.resting(changes), now)
        _ask(tx, stream, known, matter, now)
        if paused or taken_up:
            _log(tx, stream, matter, paused, taken_up, now)
    if free:
        reconcile(hub, hub.connections[stream.connection_id])
    return Look(changes, paused, taken_up)


def since_kept(hub: Hub, stream: Stream, description: Description) -> list[Change]:
    """What is different from what was kept; nothing is changed."""
    with hub.store.reading() as tx:
        return _changes(stream, _kept(tx, stream, description), description)


def _kept(tx: Tx, stream: Stream, description: Description) -> Known:
    """What is known of a stream; at the first look, just what it shows."""
    row = descriptions.kept(tx, [stream.id]).get(stream.id)
    return Known.from_json(loads(row.text)) if row is not None and row.text else Known(description)


def _changes(stream: Stream, known: Known, description: Description) -> list[Change]:
    mapping = stream.translator.mapping
    return compare(known.agreed, description, mapping, stream.shape, creates=stream.creates)


def _paths(stream: Stream, named: Collection[str]) -> Iterable[str]:
    """What the mapping calls these fields of the tool."""
    used = (path for line in stream.translator.lines for path in (*line.reads, *line.writes))
    return [path for path in used if path in named or path.partition(".")[0] in named] if named else ()


# --- the question


def _ask(tx: Tx, stream: Stream, known: Known, matter: list[Change], now: Instant) -> None:
    """One review a stream, open while something is to be mended that nobody has waved through."""
    asked = [
        one.id
        for one in reviews.about(tx, [0])
        if (one.what, one.connection_id, one.field) == ("schema", stream.connection_id, stream.name)
    ]
    if not matter:
        reviews.close_ids(tx, asked, now=now, answer="mended")
    elif asked or {change.what for change in matter} - known.told:
        question = Question("schema", _subject(stream, matter), connection_id=stream.connection_id, field=stream.name)
        reviews.ask(tx, [question], now=now)


def _subject(stream: Stream, matter: list[Change]) -> dict[str, object]:
    resting = drift.resting(matter)
    return {
        "connection": stream.source,
        "stream": stream.name,
        "code": CODE,
        "message": " ".join(change.what for change in matter),
        "remedy": " ".join(dict.fromkeys(change.remedy for change in matter)),
        "acts": "admin",
        "lines": {name: str(change.side) for name, change in resting.items()},
        "changes": [told(change) for change in matter],
    }


def told(change: Change) -> dict[str, object]:
    """A change as reviews, the API and `--json` show it."""
    return {
        "kind": str(change.kind),
        "field": change.field,
        "what": change.what,
        "remedy": change.remedy,
        "lines": list(change.touches),
        "paused": {name: str(change.side) for name in change.pauses},
    }


def _log(
    tx: Tx, stream: Stream, matter: list[Change], paused: Collection[str], taken_up: Collection[str], now: Instant
) -> None:
    run_id = runs.begin(tx, stream.connection_id, "describe", stream=stream.name, at=now)
    counts = {"lines paused": len(paused), "lines taken up": len(taken_up)}
    code = CODE if paused else None
    message = " ".join(change.what for change in matter if not set(change.pauses).isdisjoint(paused)) or None
    runs.end(tx, run_id, at=now, counts={k: v for k, v in counts.items() if v}, code=code, message=message)


def forget(tx: Tx, connection_id: int, mapped: Collection[str], *, now: Instant) -> None:
    """Of streams that are no longer mapped nothing is kept, and nothing is asked."""
    gone = {one.name: one.id for one in connections.streams_of(tx, connection_id) if one.name not in mapped}
    descriptions.forget(tx, list(gone.values()))
    asked = [
        one.id
        for one in reviews.about(tx, [0])
        if (one.what, one.connection_id) == ("schema", connection_id) and one.field in gone
    ]
    reviews.close_ids(tx, asked, now=now, answer="no longer mapped")


def wave_through(hub: Hub, review: Review) -> None:
    """A person knows of it: what stops no line is settled; lines that rest go on resting, and are not asked about."""
    _reconsider(hub, review, forget=False)


def look_soon(hub: Hub, review: Review) -> None:
    """A person has mended it: the tool is asked at the next turn, and what is not mended is asked about again."""
    _reconsider(hub, review, forget=True)


def _reconsider(hub: Hub, review: Review, *, forget: bool) -> None:
    streams = hub.connections[review.connection_id].streams if review.connection_id in hub.connections else ()
    for stream in streams:
        if stream.name != review.field:
            continue
        with hub.store.writing() as tx:
            row = descriptions.kept(tx, [stream.id]).get(stream.id)
            if row is None or not row.text:
                return
            known = Known.from_json(loads(row.text))
            if forget:
                row = row._replace(at=0, text=dumps(replace(known, told=frozenset()).to_json()))
                connections.poll_now(tx, {stream.id}, now=hub.clock())
            else:
                stops = [change for change in _changes(stream, known, known.now) if change.matters and change.pauses]
                row = row._replace(text=dumps(known.after(known.now, stops).to_json()))
            descriptions.keep(tx, row)
