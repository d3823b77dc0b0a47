"""What it means that a record does not fit a stream's filter: a table of policies.

There are two filters, and they are asked about different things. `only_in` looks at what the tool itself shows, and
decides whether that comes into the hub. `only_out` looks at what stands in the hub, and decides whether the tool
gets it. Whatever a filter cuts off, a refusal of consent still passes, both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from core.decide.settle import strictness
from core.model.values import Json, Values, is_blank

LeavesIn = Literal["keep", "unlink"]
"""What becomes of a record that came in and no longer fits `only_in`.

`keep`: the filter stood at the door only, and the record goes on as before. `unlink`: what the tool said until then,
the edit by which it left included, goes on to count; from then on it is neither read nor written.
"""

Leaves = Literal["keep", "unlink", "archive"]
"""What becomes of a record in the tool when it no longer fits `only_out`.

`keep`: it stays as it is; what people edit there is still read, and nothing is written to it. `unlink`: it is no
longer read either. `archive`: it is deleted there, or archived where the tool's delete does that.
"""

Act = Literal["leave", "cut", "delete", "tie"]
"""What is to be done about a held record: nothing but refusals, cut it off, delete it there, or tie it again."""


class Verdict(NamedTuple):
    """What follows for a record that a tool holds."""

    act: Act
    ask: bool = False
    """Whether a person must do in the tool what we cannot do there."""


def outward(policy: Leaves, *, fits: bool, cut: bool, can_delete: bool) -> Verdict | None:
    """What follows from `only_out` for a record that the tool holds, `cut` off already or not; None for nothing.

    It follows from what is so, not from what just happened: so a changed policy is carried out, too.
    """
    if fits or (policy == "keep" and cut):
        return Verdict("tie") if cut else None
    if policy == "keep":
        return Verdict("leave")
    if policy == "archive" and can_delete:
        return Verdict("delete")
    return Verdict("leave") if cut else Verdict("cut", ask=policy == "archive")


class Past(NamedTuple):
    """One entry of a record's history: what changed, field → [before, after], and whether the tool showed it first."""

    changed: Mapping[str, Sequence[Json]]
    first: bool


def has_left(holds: Callable[[Values], bool], values: Values, past: Iterable[Past]) -> bool:
    """Whether a record that does not fit did so at some time since the tool holds it; `past` is newest first.

    What the tool held by itself and what never fitted has not left, so no policy cuts it off or deletes it there. What
    we made there did fit once, whatever the filter was then.
    """
    before = dict(values)
    for entry in past:
        if entry.first:
            return False
        for name, change in entry.changed.items():
            before[name] = change[0]
        if entry.changed and holds(before):
            return True
    return True


def stays_inside(policy: LeavesIn, *, fits: bool, ours: bool) -> bool:
    """Whether what a tool shows may speak; `ours` is what came in before, or what we made there ourselves."""
    return fits or (ours and policy == "keep")


def refusals(wanted: Mapping[str, Json], held: Mapping[str, Json]) -> list[str]:
    """The consent fields of which `held` permits more than is `wanted`: opt-outs that have not arrived yet."""
    return [
        name
        for name, value in wanted.items()
        if name.startswith("consent.") and not is_blank(value) and strictness(value) > _permitted(held.get(name))
    ]


def _permitted(status: Json) -> int:
    return 0 if is_blank(status) else strictness(status)
