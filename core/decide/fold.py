"""The fold: rules × claims → the record. The same voices give the same record in any order, however often.

`fold` goes field by field. Where all voices agree there is nothing to settle, which is nearly always; else
the field's rule, one short function in `settle`, picks the claim that stands or asks. Sets that keep what did
not stand elsewhere (`other_emails` beside `email`) come last. `core.decide.why` explains a field from the
same verdicts. What a person holds (`core.model.hold`) stands before any rule is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from core.decide.rules import HUB, LATEST, Plan, Rules
from core.decide.settle import Said, Verdict, element_key, settle, united
from core.model.claim import Voice
from core.model.hold import Hold, field_of, holds
from core.model.instant import Instant
from core.model.shape import Shape
from core.model.values import Json, is_blank


class Ask(NamedTuple):
    """A question for a person: several sources say different things, and no rule decides."""

    field: str
    rule: str
    contenders: tuple[tuple[str, Json, Instant], ...]
    """(source, value, at) of every claim that might stand, oldest first."""
    note: str


class Folded(NamedTuple):
    """What stands, blank fields left out, and what must be asked.

    A field that is asked about has a value too: the earliest of its contenders. It is shown and kept, but
    nothing is written to any tool for that field until the question is answered.
    """

    values: dict[str, Json]
    asks: tuple[Ask, ...] = ()


def fold(shape: Shape, rules: Rules, voices: Sequence[Voice]) -> Folded:
    """The record that these voices make under these rules."""
    plan = rules.plan(shape)
    values, different = _agreed([voice.claims.values for voice in voices])
    held = _held(voices, values, different)
    asks = _settle(plan, rules, voices, values, different, held) if different or held else ()
    return Folded(_tidied(plan, _said_only(values)), asks)


def _held(voices: Sequence[Voice], values: dict[str, Json], different: set[str]) -> Mapping[str, Hold]:
    """Field → its hold; what they are kept under is no field, and is taken out. Nearly nobody holds anything."""
    people = [voice for voice in voices if voice.source == HUB]
    named = {name for voice in people for name in voice.claims.values if field_of(name) is not None} if people else ()
    if not named:
        return {}
    for name in named:
        values.pop(name, None)
        different.discard(name)
    return holds(people)


def alone(shape: Shape, rules: Rules, values: Mapping[str, Json]) -> dict[str, Json]:
    """The record that one voice makes by itself, from what it claims, as `fold` would: most newcomers are such."""
    return _tidied(rules.plan(shape), _said_only(dict(values)))


def _agreed(spoken: Sequence[Mapping[str, Json]]) -> tuple[dict[str, Json], set[str]]:
    """Every claimed field with one of its values, and the fields for which several values are claimed."""
    values: dict[str, Json] = {}
    different = set()
    for claimed in spoken:
        if not values:
            values.update(claimed)
            continue
        for name, value in claimed.items():
            present = values.setdefault(name, value)
            if present is not value and present != value:
                different.add(name)
    return values, different


def _said_only(values: dict[str, Json]) -> dict[str, Json]:
    """Without the blanks."""
    if all(values.values()):
        return values
    return {name: value for name, value in values.items() if value or value == 0}


def _settle(
    plan: Plan,
    rules: Rules,
    voices: Sequence[Voice],
    values: dict[str, Json],
    different: set[str],
    held: Mapping[str, Hold],
) -> tuple[Ask, ...]:
    """Put in place what stands for the fields that are held or on which the voices differ, and what stands beside."""
    asks = []
    values |= {name: hold.value for name, hold in held.items()}
    for name in sorted(different - held.keys()):
        verdict = decided(plan, rules, voices, name)
        values[name] = verdict.value
        if verdict.asked:
            asks.append(_ask(plan, name, verdict))
    for name, main in plan.sides.items():
        if name not in held and not {name, main}.isdisjoint(different | held.keys()):
            values[name] = beside(plan, voices, name, values.get(main))
    return tuple(asks)


def decided(plan: Plan, rules: Rules, voices: Sequence[Voice], name: str) -> Verdict:
    """One field by its rule, from the claims that count."""
    rule = plan.rules.get(name, LATEST)
    return settle(words(plan, voices, name), rule, rules.order(rule))


def words(plan: Plan, voices: Iterable[Voice], name: str) -> list[Said]:
    """Who claims what about a field. A reference that is not resolved yet says nothing, retired voices do."""
    is_ref = name in plan.refs
    said = []
    for voice in voices:
        # Read without making a `Claim` of it: this is where a contested field spends its time.
        claims = voice.claims
        if name not in claims.values:
            continue
        value = claims.values[name]
        if is_ref:
            value = resolved(value)
            if value is _UNRESOLVED:
                continue
        stamp = claims.stamps[claims.stamp_of.get(name, 0)]
        said.append(Said(voice.source, value, stamp, claims.without.get(name, ())))
    return said


def beside(plan: Plan, voices: Sequence[Voice], name: str, standing: Json) -> list[Json]:
    """The set that keeps its own elements and those of the field beside it, but for what stands there."""
    main = plan.sides[name]
    said = words(plan, voices, name)
    # What is claimed beside counts as an element that its source has; no claim there takes anything out.
    stood = [word for word in words(plan, voices, main) if not is_blank(word.value)]
    said += [Said(word.source, [word.value], word.stamp) for word in stood]
    return [element for element in united(said) if element != standing]


_UNRESOLVED: Any = object()


def _tidied(plan: Plan, values: dict[str, Json]) -> dict[str, Json]:
    """Leave unresolved references out, sort sets, and keep what stands out of the set beside it."""
    for name in plan.refs:
        value = values.get(name)
        if value.__class__ is dict or value.__class__ is list:
            values[name] = resolved(value)
            if values[name] is _UNRESOLVED:
                del values[name]
    for name in plan.sets:
        if name in values:
            elements = values[name]
            if name in plan.sides:
                standing = values.get(plan.sides[name])
                elements = [element for element in elements if element != standing]
            if len(elements) > 1 and not _in_order(elements):
                elements = sorted({element_key(element): element for element in elements}.items())
                elements = [element for _, element in elements]
            values[name] = elements
            if not elements:
                del values[name]
    return values


def _in_order(elements: Sequence[Json]) -> bool:
    """Whether a set is words in their order, as its normal form has them; nearly every set is."""
    try:
        return all(one < other for one, other in pairwise(elements)) and all(one.isalnum() for one in elements)
    except (TypeError, AttributeError):
        return False


def resolved(value: Json) -> Json:
    """A reference as it counts: its id, a list of the ids that are known, or `_UNRESOLVED`."""
    if value.__class__ is dict:
        return _UNRESOLVED
    if value.__class__ is list and value:
        return [one for one in value if one.__class__ is not dict] or _UNRESOLVED
    return value


def _ask(plan: Plan, name: str, verdict: Verdict) -> Ask:
    contenders = tuple((word.source, word.value, word.stamp.at) for word in verdict.asked)
    return Ask(name, plan.rules.get(name, LATEST).name, contenders, verdict.note)
