"""A record as people look at it: what stands and why, where it is held, what is asked, and what happened to it.

Reads only, in a fixed number of statements, whatever else the hub holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from api import reviews as questions
from api.links import Links
from api.listing import Asked, Veil, log_of
from core.decide.movement.audit import ELEMENTS
from core.decide.why import Why, explain
from core.errors import REGISTRY, ConfigError, who_acts
from core.flow.asking import voices_of
from core.flow.consent.checking import KIND, Verdict, of_person
from core.flow.filters.doors import held_by_the_tool
from core.flow.filters.left_out import LeftOut, told
from core.flow.outward.compare import Difference, Step, everywhere
from core.flow.refs import referred
from core.mapping import paths
from core.model.hold import field_of
from core.model.instant import Instant
from core.model.shape import Field
from core.model.values import Json
from core.store import Tx, bindings, deliveries, history, ledger, movement, records, reviews, runs
from core.store.bindings import Bound
from core.store.records import Record, State
from core.store.reviews import Standing

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.hub import Hub

Told = dict[str, Any]
SHOWN = 30
"""Entries of the timeline, and of the consent ledger."""


class Line(NamedTuple):
    """A field that anybody says something about, and why its value stands."""

    field: Field
    why: Why
    refers: tuple[int, ...]
    """The records that it refers to."""


class Apart(NamedTuple):
    """A field of a tool that does not hold what it should."""

    path: str
    holds: Json
    wanted: Json


@dataclass(frozen=True, slots=True)
class Place:
    """The record in one stream of one connection."""

    connection: str
    stream: str
    bound: Bound | None
    """None where the tool is to get it, and does not hold it yet."""
    own: bool = False
    """Whether it is what was said in the hub itself, or by a form."""
    step: str = ""
    """What the next delivery does there: create, update, delete, cut, tie."""
    apart: tuple[Apart, ...] = ()

    @property
    def state(self) -> str:
        """Where it stands there, in one word."""
        return bindings.State(self.bound.state).name.lower() if self.bound is not None else "missing"

    @property
    def problems(self) -> list[str]:
        """What could not be read or translated there."""
        found: list[str] = orjson.loads(self.bound.problems) if self.bound is not None and self.bound.problems else []
        return found


class Merged(NamedTuple):
    """A record that was made part of this one."""

    record_id: int
    at: Instant
    run_id: int | None
    what: str
    """What the run was; `merge` and `answer` are a person's acts."""

    @property
    def by_person(self) -> bool:
        """Whether a person said so, so that it is undone by itself."""
        return self.what in ("merge", "answer")


@dataclass(slots=True)
class Whole:
    """All that is known of one record."""

    record: Record
    title: str
    lines: list[Line] = field(default_factory=list)
    unset: list[Field] = field(default_factory=list)
    """Fields about which nobody says anything."""
    named: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Record that this one speaks of → its kind and name."""
    places: list[Place] = field(default_factory=list)
    links: Links | None = None
    """Where it is looked at in the tools."""
    left_out: list[LeftOut] = field(default_factory=list)
    elements: dict[str, Told] | None = None
    """The four elements; None where no policy asks for them, or the record is not open."""
    unreal: list[Told] = field(default_factory=list)
    """What does not fit together about it."""
    consent: list[Verdict] = field(default_factory=list)
    proof: list[Told] = field(default_factory=list)
    """What was said about consent, newest first, as the ledger has it."""
    letters: list[Told] = field(default_factory=list)
    questions: list[Told] = field(default_factory=list)
    merged: list[Merged] = field(default_factory=list)
    log: list[Told] = field(default_factory=list)


def found(installation: Installation, number: int) -> Record:
    """A record by its number; `ConfigError` where there is none."""
    with installation.store.reading() as tx:
        record = records.load(tx, [number]).get(number)
    if record is None:
        raise ConfigError(f"There is no record {number}.", remedy="Search for it by an email, a name or a remote id.")
    return record


def whole(installation: Installation, record: Record, *, veil: Veil, sees: bool = True) -> Whole:
    """All that is known of a record; `veil` hides in the timeline what somebody who does not `see` people may not."""
    hub = installation.hub()
    shape = hub.shapes[record.kind]
    made = Whole(record, shape.name_of(record.values))
    if record.state == State.ERASED:
        return made
    with installation.store.reading() as tx:
        bound, asked = bindings.of_records(tx, [record.id]), reviews.about(tx, [record.id])
        _say(hub, made, bound)
        made.links = Links(hub, bound, sees=sees)
        made.questions = questions.briefly(installation, tx, asked)
        standing = (Standing(one.id, one.what, one.connection_id, one.field) for one in asked)
        compared = everywhere(hub, tx, record, bound, {one.field for one in standing if one.holds_back})
        made.places = _places(hub, bound, compared)
        made.left_out = told(hub, record, bound, compared)
        made.letters = letters_of(installation, tx, [record.id])
        verdict = movement.of_records(tx, [record.id]).get(record.id) if hub.movement.stages else None
        if record.kind == KIND:
            rows = ledger.of_records(tx, [record.id])
            made.consent, made.proof = of_person(hub, record, bound, rows), _proof(rows)
        brought = {one.delta["from"]: one for one in history.sightings(tx, record.id) if "from" in one.delta}
        wanted = referred(hub, record.kind, record.values) | brought.keys()
        others = records.load(tx, wanted) if wanted else {}
        made.named, made.merged = _named(hub, others), _merged(tx, record, brought, others)
    if verdict is not None:
        made.elements, made.unreal = _elements(verdict), verdict.told["unreal"]
    made.log = log_of(installation, Asked(record=record.id, limit=SHOWN), veil=veil)
    explained(installation, made.log, made.letters)
    return made


def _say(hub: Hub, made: Whole, bound: list[Bound]) -> None:
    """Who says what of each field, and why one of them stands."""
    shape, voices = hub.shapes[made.record.kind], tuple(voices_of(hub, bound))
    said = {field_of(name) or name for voice in voices for name in voice.claims} | made.record.values.keys()
    for name, one in shape.fields.items():
        if name in said:
            why = explain(shape, hub.rules, voices, name)
            made.lines.append(Line(one, why, _numbers(one, why.value)))
    known = {one.field.name for one in made.lines}
    made.unset = [one for name, one in shape.fields.items() if name not in known]


def _numbers(one: Field, value: Json) -> tuple[int, ...]:
    several = value if isinstance(value, list) else [value]
    return tuple(id_ for id_ in several if isinstance(id_, int)) if one.type == "ref" else ()


def _named(hub: Hub, there: Mapping[int, Record]) -> dict[int, tuple[str, str]]:
    return {id_: (one.kind, hub.shapes[one.kind].name_of(one.values)) for id_, one in there.items()}


def _places(hub: Hub, bound: Sequence[Bound], compared: Mapping[str, Sequence[Difference]]) -> list[Place]:
    every = [one for some in compared.values() for one in some]
    differs = {one.bound.id: one for one in every if one.bound is not None}
    found = []
    for row in bound:
        stream, one = hub.stream(row.stream_id), differs.get(row.id)
        own = stream is None and hub.is_own(row.stream_id)
        found.append(
            Place(
                hub.sources.get(row.stream_id, "?"), stream.name if stream is not None else "", row, own,
                _step(one), _apart(one, row),
            )
        )  # fmt: skip
    lacking = [one for one in every if one.bound is None and one.step is Step.CREATE]
    return found + [Place(one.stream.source, one.stream.name, None, step=Step.CREATE) for one in lacking]


def _step(one: Difference | None) -> str:
    return "" if one is None or one.step is Step.NOTHING else str(one.step)


def _apart(one: Difference | None, row: Bound) -> tuple[Apart, ...]:
    if one is None or not one.fields:
        return ()
    held = held_by_the_tool(row)
    return tuple(Apart(path, paths.get(held, path), wanted) for path, wanted in one.fields.items())


def letters_of(installation: Installation, tx: Tx, record_ids: Collection[int]) -> list[Told]:
    """The open dead letters of these records, newest first."""
    names = {one.id: one.name for one in installation.hub().connections.values()}
    return [
        {
            "record": one.record_id, "connection": names.get(one.connection_id, "?"), "at": one.at, "verb": one.verb,
            "code": one.code, "message": one.message, "acts": one.acts, "remedy": one.remedy,
            "fields": sorted(one.edit),
        }
        for one in (deliveries.dead_letters(tx, record_ids=record_ids) if record_ids else ())
    ]  # fmt: skip


def _merged(tx: Tx, record: Record, brought: Mapping[int, history.Entry], others: Mapping[int, Record]) -> list[Merged]:
    """What was made part of the record, and is so still."""
    mine = {id_: one for id_, one in others.items() if id_ in brought and one.state == State.MERGED}
    still = [id_ for id_, one in mine.items() if one.merged_into == record.id]
    known = runs.by_ids(tx, {brought[id_].run_id or 0 for id_ in still}) if still else {}
    found = []
    for id_ in still:
        entry = brought[id_]
        run = known.get(entry.run_id or 0)
        found.append(Merged(id_, entry.at, entry.run_id, run.what if run is not None else ""))
    return found


def _elements(verdict: movement.Kept) -> dict[str, Told] | None:
    if not verdict.open:
        return None
    each = zip(ELEMENTS, verdict.told.get("elements", []), strict=False)
    return {name: {"ok": ok, "because": because, "who": who, "fix": fix} for name, (ok, because, who, fix) in each}


def _proof(rows: Iterable[ledger.Row]) -> list[Told]:
    told = [{"place": row.place, **row.told} for row in rows if "channel" in row.told]
    return told[: -SHOWN - 1 : -1]


def explained(installation: Installation, log: list[Told], letters: Iterable[Told] | None = None) -> list[Told]:
    """Entries of the log, each failure with what happened, who acts and what to do.

    Where a dead letter of the same failure is open, it says so of the very case; they are looked up if not given.
    """
    failures = [one for one in log if one.get("code")]
    if letters is None:
        with installation.store.reading() as tx:
            letters = letters_of(installation, tx, {one["record"]["id"] for one in failures if one["record"]})
    cases = {(one["record"], one["connection"], one["code"]): one for one in letters}
    for one in failures:
        entry = REGISTRY.get(one["code"])
        case = cases.get((one["record"]["id"], one["connection"], one["code"])) if one["record"] else None
        one["error"] = {
            "happened": entry.happened if entry is not None else "",
            "acts": case["acts"] if case is not None else str(who_acts(one["code"]) or ""),
            "remedy": case["remedy"] if case is not None else entry.remedy if entry is not None else "",
            "is_open": case is not None,
        }
    return log
