"""A record that is judged, with all that is known about it, and what it is called in a sentence. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.decide.movement.person import Person
from core.decide.movement.traces import Trace
from core.model.instant import Instant, from_iso
from core.model.values import Json, Values

_UNNAMED = {"contact": "this lead", "deal": "this deal", "ticket": "this ticket"}


class Subject(NamedTuple):
    """One record to be judged, with all that is known about it."""

    record_id: int
    kind: str
    values: Values
    held_since: Instant
    """When the hub first held it; counts where no tool says when it was made."""
    owner: Person | None
    """Who owns it; None where nobody does, or nobody whom the hub knows."""
    traces: Sequence[Trace] = ()
    taken: frozenset[str] = frozenset()
    """The names of the steps that follow-through has taken about it."""
    said_by: Mapping[str, frozenset[str]] | None = None
    """Field → the tools that claim the value that stands; None where no stage asks who says what."""
    entered_at: Instant | None = None
    """When the hub saw it come into its present stage; None where it was in it when it was first seen."""
    made: frozenset[int] = frozenset()
    """The activities that follow-through has set down about it."""

    @property
    def came_at(self) -> Instant:
        """When it came in: as a tool says, or when the hub first held it."""
        said = self.values.get("created_at")
        return from_iso(said) if isinstance(said, str) and said else self.held_since


def filled(text: str, subject: Subject, stage: str) -> str:
    """A text with the record's own words in place of `{name}`, `{owner}`, `{asked}` and `{stage}`."""
    words = {
        "name": _title(subject),
        "owner": _called(subject.owner),
        "asked": _short(subject.values.get("asked")),
        "stage": stage,
    }
    for key, word in words.items():
        text = text.replace(f"{{{key}}}", word)
    return " ".join(text.split())


def _title(subject: Subject) -> str:
    values = subject.values
    parts = [values.get("first_name"), values.get("last_name")]
    own = " ".join(str(one) for one in parts if one) if any(parts) else None
    for found in (own, values.get("full_name"), values.get("name"), values.get("subject"), values.get("email")):
        if found:
            return str(found)
    return _UNNAMED.get(subject.kind, "this record")


def _called(owner: Person | None) -> str:
    return owner.called if owner is not None else "nobody"


def _short(value: Json) -> str:
    """The first line of what they asked, cut where it is long."""
    line = str(value or "").strip().split("\n")[0]
    return f"{line[:77]}…" if len(line) > 78 else line
