"""Who must hear of a change, and how soon.

The outbox holds "this record is out of step in this connection"; here it is said for which connections a
change makes that true, and in which lane the work waits. What is then written is decided when the work is
done.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from enum import IntEnum
from typing import Literal, NamedTuple

from core.model.values import Values, is_blank

Cause = Literal["live", "backfill"]
"""Whether a change just happened, or a first load or a recovery shows what was there already."""


class Lane(IntEnum):
    """The order in which waiting work is taken up, the smallest first."""

    CONSENT = 0
    """Consent and erasure."""
    FIRST_RESPONSE = 1
    """A new lead, which somebody should answer soon."""
    LIVE = 2
    ACTIVITY = 3
    BACKFILL = 4


class Hearer(NamedTuple):
    """A connection that may be written to: kind → the canonical fields that its mapping carries out."""

    name: str
    out_fields: Mapping[str, frozenset[str]]


def lane(kind: str, changed: Collection[str] | None, cause: Cause = "live") -> Lane:
    """Where a change waits. `changed` is None for a record that is new or gone.

    A change of consent goes first whatever caused it. A contact that is new in a backfill brings its consent
    along, in the same write, and waits with the rest.
    """
    if changed is not None and any(name.startswith("consent.") for name in changed):
        return Lane.CONSENT
    if cause == "backfill":
        return Lane.BACKFILL
    if kind == "contact" and changed is None:
        return Lane.FIRST_RESPONSE
    return Lane.ACTIVITY if kind == "activity" else Lane.LIVE


def hearers(
    kind: str,
    changed: Collection[str] | None,
    connections: Iterable[Hearer],
    source: str | None = None,
    *,
    said: Values | None = None,
    values: Values | None = None,
) -> tuple[str, ...]:
    """The connections that must hear of a change, in the order given.

    `changed` are the fields whose standing value changed, None for a record that is new or gone: every
    connection that writes that kind hears of it. The `source` of the change hears of it too, unless all that
    it `said` stands (`values` is the record): a word that was overruled is put back, even when the record
    itself did not change.
    """
    told = []
    for connection in connections:
        carried = connection.out_fields.get(kind)
        if not carried:
            continue
        if connection.name == source and said is not None and values is not None:
            if _differs(carried, changed, said, values):
                told.append(connection.name)
        elif changed is None or not carried.isdisjoint(changed):
            told.append(connection.name)
    return tuple(told)


def _differs(carried: frozenset[str], changed: Collection[str] | None, said: Values, values: Values) -> bool:
    """Whether the source, among what it carries, holds something else than what stands."""
    concerned = carried if changed is None else [name for name in carried if name in said or name in changed]
    return any(
        said.get(name) != values.get(name) and not (is_blank(said.get(name)) and is_blank(values.get(name)))
        for name in concerned
    )
