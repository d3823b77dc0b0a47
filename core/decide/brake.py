"""The brake, pure: whether what is about to be written to a connection is unusually much.

A *load* is what would be done to one kind of record there, in numbers. It is held against what the connection has,
against what it usually does, and against limits that an admin may set. Who counts, and what is done about a verdict,
is `core.flow.brake.braking`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple, Self

from core.decide.settle import strictness
from core.model.values import Json, is_blank

CASES = ("deletes", "blanks", "changes", "consent")
"""What may be too much, by the names of its limits."""

OFF = "off"
"""As a limit: this case never stops anything."""

BUSY = 2
"""So many times what is usual in a day is still no reason to stop."""

HABIT = 2
"""As much as was done on so many days of the last weeks is usual: one day alone makes no habit."""


_ALL = 10**9
"""More records than any tool has."""


class Leave(IntEnum):
    """What of an outbox may go out."""

    ALL = 0
    """Everything: nobody has weighed it."""
    WEIGHED = 1
    """What was weighed and is not too much."""
    NARROWING = 2
    """The brake holds: only what a person released, and what narrows a consent."""
    LIVE = 3
    """A long walk or delivery goes on: the few records there that were changed a moment ago."""
    REFUSALS = 4
    """The same: only what narrows a consent, or somebody asked to be erased."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Above which share the brake stops a load, None for never, and up to how many nothing is ever too much."""

    deletes: float | None = 0.1
    """Of the records there."""
    blanks: float | None = 0.2
    """Of the values that one field has there."""
    changes: float | None = 0.5
    """Of the records there; at a first sync, of the values there that would be overwritten."""
    consent: float | None = 0.0
    """Of the records there: permissions that become wider."""
    few: int = 20

    @classmethod
    def of(cls, chosen: Mapping[str, Any]) -> Self:
        """Limits from what an admin chose; the rest as usual."""
        told: dict[str, Any] = {name: None if value == OFF else value for name, value in chosen.items()}
        return cls(**told)


@dataclass(slots=True)
class Load:
    """What is done, or was done, to one kind of record in a connection."""

    creates: int = 0
    """New records, but not a first load's."""
    fills: int = 0
    """Records that get values only where there were none, but not a first load's."""
    loaded: int = 0
    """New or completed records of a first load: to bring them is its purpose, and never too much."""
    changes: int = 0
    """Records of which a value is overwritten or emptied."""
    values: int = 0
    """Values that are overwritten by others."""
    deletes: int = 0
    widened: int = 0
    """Permissions that become wider."""
    blanks: Counter[str] = field(default_factory=Counter)
    """Field → values that are emptied."""

    def update(self, before: Mapping[str, Json], after: Mapping[str, Json], *, live: bool) -> None:
        """Count one record in: field → what is there, and what is written. `live` is false for a first load's."""
        lost = [name for name, value in after.items() if _loses(before.get(name), value)]
        emptied = [name for name in lost if is_blank(after[name])]
        self.blanks.update(emptied)
        self.values += len(lost) - len(emptied)
        if lost:
            self.changes += 1
        elif after:
            self.complete(live=live)

    def create(self, *, live: bool) -> None:
        """Count a new record in."""
        self.creates += live
        self.loaded += not live

    def complete(self, *, live: bool) -> None:
        """Count a record in that loses nothing."""
        self.fills += live
        self.loaded += not live

    def add(self, other: Load, times: int = 1) -> None:
        """Count another load in, so many times."""
        for name, count in other.counts().items():
            self.put(name, count * times)

    def counts(self) -> dict[str, int]:
        """What → how many, without zeros; a field's blanks are under `blanks FIELD`."""
        names = ("creates", "fills", "loaded", "changes", "values", "deletes", "widened")
        found = {name: value for name in names if (value := getattr(self, name))}
        return found | {f"blanks {name}": count for name, count in self.blanks.items() if count}

    def put(self, name: str, count: int) -> None:
        """Add to one of the counts, by the name that `counts` gives it."""
        what, _, of_field = name.partition(" ")
        if what == "blanks":
            self.blanks[of_field] += count
        else:
            setattr(self, what, getattr(self, what) + count)

    @classmethod
    def of(cls, counts: Iterable[tuple[str, int]]) -> Self:
        """A load from its counts."""
        load = cls()
        for name, count in counts:
            load.put(name, count)
        return load

    def parts(self, *, first: bool) -> dict[tuple[str, str], int]:
        """(case, field) → how many; the field is "" but for blanks."""
        changed = self.values if first else self.creates + self.fills + self.changes
        found = {("deletes", ""): self.deletes, ("changes", ""): changed, ("consent", ""): self.widened}
        found |= {("blanks", name): count for name, count in self.blanks.items()}
        return {part: count for part, count in found.items() if count}


@dataclass(slots=True)
class Held:
    """What a connection has of a kind."""

    records: int = 0
    values: Mapping[str, int] = field(default_factory=dict)
    """Field → how many records have a value there, as far as it is known."""


@dataclass(slots=True)
class Normal:
    """What was done before: in the last day, and on a usual one."""

    lately: Load = field(default_factory=Load)
    """Written since this time yesterday without a person having been asked."""
    usual: Load = field(default_factory=Load)
    first: bool = False
    """Nothing of the kind was written there before the last day."""
    days: int = 1
    """So many days' work waits together, because the tool was away."""

    def few(self, limits: Limits, case: str) -> int:
        """What is never too much.

        Work goes on while a tool is away, and gathers. What would be lost or permitted stays as few: else everything
        in a tool might be deleted unasked, if only it had been away for long enough.
        """
        return limits.few * self.days if case == "changes" else limits.few


class Excess(NamedTuple):
    """A limit that is passed."""

    kind: str
    case: str
    field: str
    number: int
    """What waits."""
    lately: int
    """What was written in the last day and counts with it."""
    of: int
    """What it is a share of."""
    usual: int
    limit: int
    made: int
    """Of what waits, new records."""
    first: bool

    def told(self, place: str) -> str:
        """The excess in words, for whoever runs the business; `place` is the connection's name."""
        kinds = plural(self.kind)
        there = f"{self.number:,} of {self.of:,} {kinds} in {place}"
        said = {
            "deletes": f"{there} would be deleted",
            "blanks": f"the {self.field} of {there} would be emptied",
            "changes": self._changes(place, kinds, there),
            "consent": f"{there} would be given a wider consent than they have",
        }[self.case]
        earlier = f", after {self.lately:,} in the last day" if self.lately else ""
        usual = f"at most {self.usual:,} a day" if self.usual else "none"
        return f"{said}{earlier} in a first sync" if self.first else f"{said}{earlier}; usually it is {usual}"

    def _changes(self, place: str, kinds: str, there: str) -> str:
        if self.first:
            return f"{self.number:,} of {self.of:,} values of {kinds} in {place} would be overwritten"
        if not self.made:
            return f"{there} would be changed"
        changed = self.number - self.made
        also = f" and {changed:,} changed" if changed else ""
        return f"{self.made:,} {kinds} would be added to the {self.of:,} in {place}{also}"

    def to_json(self) -> dict[str, Any]:
        """As it is kept with a review."""
        return self._asdict()


def weigh(kind: str, load: Load, held: Held, normal: Normal, limits: Limits) -> list[Excess]:
    """Every limit that a load of a kind passes, the worst case first."""
    found = []
    lately = normal.lately.parts(first=normal.first)
    usual = normal.usual.parts(first=False)
    for (case, name), count in load.parts(first=normal.first).items():
        share = getattr(limits, case)
        if share is None:
            continue
        base = _base(case, name, held, first=normal.first)
        before, often = lately.get((case, name), 0), usual.get((case, name), 0)
        # What is gone since yesterday was there yesterday.
        there = base + (before if case in ("deletes", "blanks") else 0)
        limit = max(normal.few(limits, case), int(share * there), BUSY * often * normal.days)
        if count + before > limit:
            made = load.creates if case == "changes" and not normal.first else 0
            found.append(Excess(kind, case, name, count, before, base, often, limit, made, normal.first))
    return sorted(found, key=lambda one: (CASES.index(one.case), -one.number))


def could_pass(load: Load, most: int, normal: Normal, limits: Limits) -> bool:
    """Whether a limit might be passed if `most` records more than the load counts were changed in every way."""
    lately = normal.lately.parts(first=normal.first)
    known = max(load.parts(first=normal.first).values(), default=0) + max(lately.values(), default=0)
    return most + known > limits.few


def enough(load: Load, normal: Normal, limits: Limits) -> int:
    """How many records there must be for the load to be no more than its share of them; 0 when it is few anyway."""
    lately = normal.lately.parts(first=normal.first)
    wanted = [0]
    for (case, name), count in load.parts(first=normal.first).items():
        share, together = getattr(limits, case), count + lately.get((case, name), 0)
        if share and together > normal.few(limits, case):
            wanted.append(int(min(together / share, _ALL)) + 1)
    return max(wanted)


def usual_of(days: Sequence[Load]) -> Load:
    """A usual day: of each count, what was reached on several of these days."""
    found = Load()
    told = [day.counts() for day in days]
    for name in {name for counts in told for name in counts}:
        most = sorted((counts.get(name, 0) for counts in told), reverse=True)
        if len(most) >= HABIT:
            found.put(name, most[HABIT - 1])
    return found


def _base(case: str, name: str, held: Held, *, first: bool) -> int:
    if case == "blanks":
        return held.values.get(name, held.records)
    if case == "changes" and first:
        return sum(held.values.values())
    return held.records


def _loses(before: Json, after: Json) -> bool:
    """Whether what is there is no longer there afterwards; a list that grows loses nothing."""
    if is_blank(before) or before == after:
        return False
    if isinstance(before, list) and isinstance(after, list):
        return any(one not in after for one in before)
    return True


def widens(before: Json, after: Json, *, live: bool = True) -> bool:
    """Whether a consent permits more than before. A first load's word where there was none is none against it."""
    if is_blank(after) or before == after:
        return False
    if is_blank(before):
        return live and strictness(after) == 0
    return strictness(after) < strictness(before)


def narrows(before: Json, after: Json) -> bool:
    """Whether a consent permits less than before: this is never held back."""
    if is_blank(after) or before == after:
        return False
    return strictness(after) > (0 if is_blank(before) else strictness(before))


def plural(kind: str) -> str:
    """Several of a kind."""
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"
