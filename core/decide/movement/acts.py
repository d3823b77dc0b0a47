"""Acts: what people really did about a record, against which it is held what a policy would have done. Pure.

A word of ours, a task that somebody set down or did, another owner, another stage: whatever moved the record on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from core.decide.movement.doing import OWNING
from core.decide.movement.past import Past, State
from core.decide.movement.policy import MOVING
from core.decide.movement.traces import ACKNOWLEDGEMENT, KINDS, Trace, targets, trace_of
from core.decide.movement.trying import World
from core.model.instant import Instant
from core.model.values import Values

_SAID = {"call": "called", "meeting": "met them", "email": "wrote"}


class Act(NamedTuple):
    """Something that a person did, as far as tools tell it."""

    at: Instant
    who: str
    """Whose it is, by name; the tool that told it where nobody is named."""
    what: str


def acts_of(world: World, record_id: int, begin: Instant) -> list[Act]:
    """What people did about a record since a moment, in order."""
    found = [*_on_itself(world.subjects[record_id], world, begin)]
    ours = {one.made_id for one in world.taken.get(record_id, ()) if one.at >= begin and one.step not in OWNING}
    for id_ in world.about.get(record_id, ()):
        past = world.others.get(id_)
        if past is not None and past.kind in KINDS:
            found += _on_trace(past, record_id, world, begin, ours=id_ in ours)
    return sorted(found)


def _on_itself(past: Past, world: World, begin: Instant) -> Iterator[Act]:
    before: State | None = None
    for state in past.states:
        if before is not None and state.at >= begin and not state.ours:
            yield from _changed(before.values, state, world)
        before = state


def _changed(before: Values | None, state: State, world: World) -> Iterator[Act]:
    who, now = state.by or "somebody", state.values
    if now is None:
        if before is not None:
            yield Act(state.at, who, "took it away")
        return
    was: Values = before or {}
    if now.get("owner") != was.get("owner") and now.get("owner"):
        yield Act(state.at, who, f"gave it to {_called(now.get('owner'), world)}")
    for name in MOVING:
        if now.get(name) != was.get(name):
            yield Act(state.at, who, f"moved it: {name.replace('_', ' ')} {now.get(name) or 'nothing'}")


def _on_trace(past: Past, target: int, world: World, begin: Instant, *, ours: bool) -> Iterator[Act]:
    before: Trace | None = None
    for state in past.states:
        values = state.values
        if values is None or target not in targets(past.kind, values):
            continue
        now = trace_of(past.record_id, past.kind, values, "")
        who = _called(values.get("owner"), world) or state.by or "somebody"
        yield from (one for one in _moved(before, now, state.at, who, ours) if one.at >= begin)
        before = now


def _moved(before: Trace | None, now: Trace, at: Instant, who: str, ours: bool) -> Iterator[Act]:
    if now.has_tag(ACKNOWLEDGEMENT) or now.outbound is False:
        return
    if before is None and not ours and now.kind == "document":
        yield Act(now.at or at, who, f"sent a {now.type or 'document'}")
    elif now.was_said(at) and (before is None or not before.was_said(at)):
        yield Act(now.at or at, who, _SAID[now.type])
    elif before is None and not ours and now.is_ahead(at):
        yield Act(at, who, f"set down a {now.type}")
    elif before is not None and now.done and not before.done:
        yield Act(at, who, f"did the {now.type or 'task'}")


def _called(owner: object, world: World) -> str:
    for _, people in reversed(world.staff):
        if isinstance(owner, int) and owner in people:
            return people[owner].called
    return ""
