"""Duplicates: what a tool holds twice, with the evidence and a proposal; and the two sides of a question side by side.

Reads only. What is shown is worked out from the present, so it is never older than the records it speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from core.decide.match import weigh
from core.decide.why import text
from core.flow.hub import Connection, Hub
from core.flow.identity.doubles import Duplicate, Group, groups
from core.model.values import Json, Values, is_blank
from core.store import Tx, bindings, records, reviews
from core.store.bindings import Bound, State
from core.store.reviews import Review


class Side(NamedTuple):
    """One of those that may be the same."""

    called: str
    """`contact 17`, or where two are one record already `crm contacts con-3`."""
    record_id: int
    held_by: tuple[str, ...]
    values: Values
    speaks_for: tuple[str, ...] = ()
    """What speaks for its being the same as the first side; nothing for the first."""
    speaks_against: tuple[str, ...] = ()


class Row(NamedTuple):
    """One field: its value on each side, and for all but the first how that compares with the first's."""

    field: str
    values: tuple[Json, ...]
    compared: tuple[str, ...]
    """`same`, `differs`, `only here` (only the first side has it), `only there`, or `` where neither has it."""


@dataclass(frozen=True, slots=True)
class SideBySide:
    """A question whether these are the same, with everything that can be compared."""

    sides: tuple[Side, ...]
    rows: tuple[Row, ...]

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads of the table: the field, the first side, and each other one with how it compares."""
        others = (head for one in self.sides[1:] for head in (one.called, ""))
        return ("field", self.sides[0].called, *others)

    @property
    def table(self) -> list[tuple[str, ...]]:
        """A line a field, and at the end what holds each side and what speaks for and against it, in words."""
        lines = [_line(one.field, [_shown(value) for value in one.values], one.compared) for one in self.rows]
        blank = [""] * len(self.sides)
        for name, said in (
            ("held by", [one.held_by for one in self.sides]),
            ("for", [one.speaks_for for one in self.sides]),
            ("against", [one.speaks_against for one in self.sides]),
        ):
            lines.append(_line(name, [", ".join(words) for words in said], blank[1:]))
        return lines

    def to_json(self) -> dict[str, Any]:
        """The table, and the same for machines."""
        sides = [
            {
                "called": one.called,
                "record": one.record_id,
                "held_by": list(one.held_by),
                "for": list(one.speaks_for),
                "against": list(one.speaks_against),
            }
            for one in self.sides
        ]
        fields = [{"field": one.field, "values": list(one.values), "compared": list(one.compared)} for one in self.rows]
        return {"heads": list(self.heads), "rows": [list(one) for one in self.table], "sides": sides, "fields": fields}


def _line(name: str, values: Sequence[str], compared: Sequence[str]) -> tuple[str, ...]:
    others = (cell for pair in zip(values[1:], compared, strict=True) for cell in pair)
    return (name, values[0], *others)


def _shown(value: Json) -> str:
    return "" if is_blank(value) else text(value)


# What a tool holds twice.


def duplicates(hub: Hub, name: str | None = None, *, limit: int = 200) -> list[Duplicate]:
    """Everything held twice in a connection, or in any: doubles of one record, and open questions about two."""
    with hub.store.reading() as tx:
        asked = [one for one in reviews.open_reviews(tx, limit=100_000) if one.what == "duplicate"]
        return [
            one
            for connection in hub.connections.values()
            if name in (None, connection.name)
            for one in _in_connection(hub, tx, connection, asked, limit)
        ]


def proposed(hub: Hub, review: Review) -> Duplicate | None:
    """The double that a review is about, with the proposal; None where it is no longer there."""
    named = review.subject.get("connection")
    connection = next((one for one in hub.connections.values() if one.name == named), None)
    if connection is None:
        return None
    with hub.store.reading() as tx:
        found = groups(hub, tx, connection, dict.fromkeys(_of_review(review), review.id))
    return found[0] if found else None


def _in_connection(hub: Hub, tx: Tx, connection: Connection, asked: Sequence[Review], limit: int) -> list[Duplicate]:
    here = [one for one in asked if one.subject.get("connection") == connection.name]
    wanted: dict[Group, int | None] = {group: one.id for one in here for group in _of_review(one)}
    for id_ in bindings.doubles(tx, connection.stream_ids, limit):
        wanted.setdefault((id_,), None)
    return groups(hub, tx, connection, dict(list(wanted.items())[:limit]))


def _of_review(review: Review) -> Iterator[Group]:
    if review.connection_id:
        yield (review.record_id,)
    elif "of" in review.subject:
        yield tuple(sorted((review.subject["of"], review.record_id)))


# A question, side by side.


def side_by_side(hub: Hub, review: Review) -> dict[str, Any] | None:
    """What a question whether two or more are the same is about, as a document; None for every other question."""
    found = compared(hub, review)
    return found.to_json() if found is not None else None


def compared(hub: Hub, review: Review) -> SideBySide | None:
    """The same as values.

    First is the one that is asked about: a newcomer, or the one of two in a tool that is proposed to survive.
    """
    if review.what not in ("ambiguous", "duplicate"):
        return None
    if review.connection_id:
        double = proposed(hub, review)
        return _weighed(hub, double.stream.kind, _copies(double)) if double else None
    others = review.subject.get("candidates") or [review.subject["of"]]
    with hub.store.reading() as tx:
        ids = [review.record_id, *others]
        # One that was merged since is now the record it went into.
        forward = records.merged_into(tx, ids)
        ids = list(dict.fromkeys(forward.get(id_, id_) for id_ in ids))
        found = records.load(tx, ids)
        held = bindings.of_records(tx, ids)
    there = [found[id_] for id_ in ids if id_ in found]
    sides = [Side(f"{one.kind} {one.id}", one.id, _held_by(hub, held, one.id), one.values) for one in there]
    return _weighed(hub, there[0].kind, sides) if len(sides) > 1 else None


def _copies(double: Duplicate) -> list[Side]:
    place = f"{double.connection} {double.stream.name}"
    return [Side(f"{place} {one.bound.remote_id}", one.bound.record_id, (place,), one.values) for one in double.copies]


def _held_by(hub: Hub, held: Iterable[Bound], record_id: int) -> tuple[str, ...]:
    rows = (row for row in held if row.record_id == record_id and row.state == State.BOUND)
    return tuple(
        f"{hub.sources[row.stream_id]} {row.remote_id}" for row in rows if row.stream_id not in hub.own_streams
    )


def _weighed(hub: Hub, kind: str, sides: Sequence[Side]) -> SideBySide:
    first, *others = sides
    weighed = [weigh(kind, first.values, one.values, blocks=hub.blocks) for one in others]
    told = [one._replace(**found._asdict()) for one, found in zip(others, weighed, strict=True)]
    names = [name for name in hub.shapes[kind].fields if any(not is_blank(one.values.get(name)) for one in sides)]
    return SideBySide((first, *told), tuple(_row(name, sides) for name in names))


def _row(name: str, sides: Sequence[Side]) -> Row:
    values = tuple(one.values.get(name) for one in sides)
    return Row(name, values, tuple(_verdict(values[0], value) for value in values[1:]))


def _verdict(mine: Json, theirs: Json) -> str:
    if is_blank(mine) and is_blank(theirs):
        return ""
    if is_blank(theirs):
        return "only here"
    if is_blank(mine):
        return "only there"
    return "same" if mine == theirs else "differs"
