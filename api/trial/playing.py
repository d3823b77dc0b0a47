"""Playing a trial: connect the sandbox and the rest of the business, let both come into agreement, and watch.

    connect ▶ check ▶ make what is missing there ▶ read both ▶ write both ▶ … until nothing moves ▶ what was seen

It is the hub's own road, turn by turn; only the installation is a new one, and the connector is looked at while it is
used. Whoever calls this answers for the room: which addresses can be reached, and that the folder is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.assembly import Installation, Text
from api.building import ConnectionSpec
from api.checkup import Checked, check_connection, prepare
from api.listing import problems_of
from api.mappings import check_text, load
from api.settings import Settings
from api.trial.business import business
from connectors._kit.catalogue import entry
from core.errors import ConcordError
from core.flow.outward.agreement import Agreement
from core.flow.outward.reconcile import reconcile
from core.flow.sync import Turn, turn
from core.mapping import MappingError, Problem
from core.model.instant import SECOND, Instant
from core.model.locale import Locale

if TYPE_CHECKING:
    from api.trial.asked import Asked
    from connectors._kit.stand_in import StandIn
    from core.flow.hub import Hub
    from core.mapping import Mapping as ToolMapping
    from core.ports import Clock, Description, Edit, Fields, Page

ROUNDS = 4
"""Agreement takes two or three."""
LONGEST = 45 * SECOND
"""µs after which no other round is begun."""
MOST = 500
"""Records that are read of a sandbox; its samples are a few dozen at most."""
SHOWN = 50
"""Problems, dead letters and reviews of each sort that are told."""
Tell = Callable[[str], None]


@dataclass(slots=True)
class Seen:
    """What went between the hub and the tried tool."""

    records: dict[str, dict[str, Fields]] = field(default_factory=dict)
    """Stream → id → the record as it was first read; what the hub itself had written is left out."""
    edits: list[Edit] = field(default_factory=list)
    """What was sent there, in order."""
    made: set[tuple[str, str]] = field(default_factory=set)
    """(stream, id) of what the hub created there."""

    @property
    def read(self) -> int:
        """Records that were read."""
        return sum(map(len, self.records.values()))


@dataclass(slots=True)
class Played:
    """Everything that came of a trial, for whoever tells it."""

    asked: Asked
    began_at: Instant
    ended_at: Instant = 0
    mapping: ToolMapping | None = None
    """None where its text cannot be read; then nothing else was done."""
    problems: Sequence[Problem] = ()
    """Of the mapping, held against the sandbox."""
    described: dict[str, Description] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)
    """What the tool lacked, and was made there."""
    checked: Checked | None = None
    seen: Seen = field(default_factory=Seen)
    calls: list[Any] = field(default_factory=list)
    """The calls by which the tool was written to."""
    kinds: dict[str, str] = field(default_factory=dict)
    values: dict[tuple[str, str], Any] = field(default_factory=dict)
    """(stream, id) of some records → how the mapping reads them."""
    agreement: Agreement = field(default_factory=Agreement)
    listed: dict[str, Any] = field(default_factory=dict)
    """Problems, dead letters and reviews, as `concord problems` tells them."""
    errors: list[ConcordError] = field(default_factory=list)
    """What ended a turn, or stopped a stream."""
    cut_short: str = ""
    """Why it did not come to its end."""


class Watched:
    """A connector that is looked at; it has any verb that the real one has, and none that it has not."""

    def __init__(self, connector: Any, seen: Seen) -> None:
        self._connector, self._seen = connector, seen

    def __getattr__(self, verb: str) -> Any:
        """The connector's own verb, watched."""
        act = getattr(self._connector, verb)
        return {"read": self._read, "write": self._write}.get(verb, act) if callable(act) else act

    def _read(self, stream: str, cursor: Any) -> Page:
        page: Page = self._connector.read(stream, cursor)
        known = self._seen.records.setdefault(stream, {})
        for one in page.records:
            if not one.deleted and (stream, one.id) not in self._seen.made:
                known.setdefault(one.id, one.fields)
        return page

    def _write(self, stream: str, edits: Sequence[Edit]) -> Any:
        self._seen.edits += edits
        receipts = self._connector.write(stream, edits)
        self._seen.made |= {
            (stream, one.remote_id)
            for edit, one in zip(edits, receipts, strict=True)
            if edit.verb == "create" and one.remote_id
        }
        return receipts


def play(asked: Asked, folder: Path, stand: StandIn, *, clock: Clock, tell: Tell = lambda _: None) -> Played:
    """Try a tool in an empty folder. What is wrong with mapping or tool is told in the result."""
    played = Played(asked, clock())
    with ExitStack() as stack:
        tell("A hub of its own is set up for the trial.")
        settings = Settings(data=folder, public_url=None)
        at = stack.enter_context(Installation(settings, clock=clock, scratch=True))
        try:
            _speak(at, asked)
            played.mapping = load(asked.mapping, file=asked.mapping_file)
            played.problems = _checked_text(at, played)
            played.kinds = {name: one.kind for name, one in played.mapping.streams.items()}
            rest = stack.enter_context(business(clock, set(played.kinds.values())))
            tried = ConnectionSpec(
                asked.tool, asked.tool, dict(stand.settings), asked.mapping, asked.mapping_file, asked.streams
            )
            at.change(connections=[tried, rest])
        except MappingError as error:
            played.mapping, played.problems, played.kinds = None, error.problems, {}
        else:
            _look(at, played, tell)
            _sync(at, played, stand, tell)
            _sum_up(at, played)
        played.ended_at = clock()
    return played


def _speak(at: Installation, asked: Asked) -> None:
    """The fields, topics and manners of the installation for which it is tried."""
    texts = {name: Text(*one) for name, one in asked.texts.items()}
    at.change(texts=texts, locale=Locale(**asked.locale) if asked.locale else None)


def _checked_text(at: Installation, played: Played) -> list[Problem]:
    asked = played.asked
    return check_text(
        asked.mapping, file=asked.mapping_file, shapes=at.shapes(), manifest=entry(asked.tool).manifest,
        descriptions=played.described, samples={name: list(one.values()) for name, one in played.seen.records.items()},
        locale=at.locale(),
    )  # fmt: skip


def _look(at: Installation, played: Played, tell: Tell) -> None:
    """Sign in to the sandbox, and make what `check` finds missing there, as an admin would agree to."""
    tell("The hub signs in to the sandbox and looks around.")
    checked = check_connection(at, played.asked.tool)
    played.needs = [one["what"] for one in checked.findings if not one["ok"] and one["fix"]]
    if played.needs:
        prepare(at, checked)
        checked = check_connection(at, played.asked.tool)
    played.checked, connector = checked, at.connector(played.asked.tool)
    for stream in played.kinds:
        try:
            played.described[stream] = connector.describe(stream)
        except ConcordError as error:
            played.errors.append(error)


def _sync(at: Installation, played: Played, stand: StandIn, tell: Tell) -> None:
    """Rounds until nothing moves: read both, then write both."""
    before = len(stand.written())
    for number in range(1, ROUNDS + 1):
        tell(f"Round {number}: both sides are read, and what differs is written.")
        turns = _round(at, played)
        played.errors += [one.error for one in turns if one.error is not None]
        played.errors += [error for one in turns for error in one.stopped.values()]
        if all(one.quiet or one.error is not None for one in turns):
            break
        if played.seen.read > MOST:
            played.cut_short = f"More than {MOST} records were read."
            break
        if at.clock() - played.began_at > LONGEST:
            played.cut_short = f"It took longer than {LONGEST // SECOND} seconds."
            break
    played.calls = list(stand.written())[before:]


def _round(at: Installation, played: Played) -> list[Turn]:
    """One round; a connection that the first half has paused takes no part in the second."""
    turns = []
    for reads in (True, False):
        at.refresh()
        hub = _watched(at, played)
        active = [one for one in hub.connections.values() if one.state == "active"]
        turns += [turn(hub, one, pulls=reads, delivers=not reads) for one in active]
    return turns


def _watched(at: Installation, played: Played) -> Hub:
    tried = played.asked.tool

    def open_(name: str) -> Any:
        connector = at.connector(name)
        return Watched(connector, played.seen) if name == tried else connector

    return replace(at.hub(), open=open_)


def _sum_up(at: Installation, played: Played) -> None:
    at.refresh()
    hub = at.hub()
    connection = hub.connection(played.asked.tool)
    played.problems = _checked_text(at, played)
    played.agreement = reconcile(hub, connection, mend=False).whole
    played.listed = problems_of(at, None, limit=SHOWN)
    for stream in connection.streams:
        some = dict(islice(played.seen.records.get(stream.name, {}).items(), 3))
        for id_, reading in zip(some, stream.translator.read(list(some.values())), strict=True):
            played.values[stream.name, id_] = reading
