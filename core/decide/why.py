"""Why a value stands: the claim and the rule behind it, and what became of every other claim.

Made from the same verdicts as the record, so an explanation cannot differ from what it explains. A claim that
does not stand is always given a reason: a rule that overruled it, or a question that waits for a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeGuard

import orjson

from core.decide.fold import beside, decided, resolved, words
from core.decide.rules import HUB, LATEST, RULES, Plan, Rule, Rules
from core.decide.settle import Said, Verdict, element_key, in_contention, strictness
from core.model.claim import Stamp, Voice
from core.model.hold import Hold, holds
from core.model.instant import iso
from core.model.shape import Shape
from core.model.values import Json, is_blank


class Winner(NamedTuple):
    """The claim that stands."""

    source: str
    stamp: Stamp


class Loser(NamedTuple):
    """A claim of something else than what stands, and why it does not stand."""

    source: str
    value: Json
    stamp: Stamp
    reason: str


@dataclass(frozen=True, slots=True)
class Why:
    """A field explained. `value` is None for nothing, `winner` None for a set from several claims."""

    field: str
    value: Json
    rule: Rule
    winner: Winner | None
    losers: tuple[Loser, ...]
    asked: bool
    sentence: str
    held: Hold | None = None
    """By whom it is held, if anybody does."""


def explain(shape: Shape, rules: Rules, voices: Sequence[Voice], field: str) -> Why:
    """Why this field of the record has the value it has."""
    plan = rules.plan(shape)
    rule = plan.rules.get(field, LATEST)
    holding = holds(voice for voice in voices if voice.source == HUB)
    held = holding.get(field)
    verdict = _verdict(plan, rules, voices, field, holding)
    said = words(plan, voices, field)
    losers = [
        *(_losers(verdict, rule, said) if held is None else _held_off(held, said)),
        *_unresolved(plan, voices, field),
    ]
    return Why(
        field,
        verdict.value,
        rule,
        Winner(verdict.winner.source, verdict.winner.stamp) if verdict.winner else None,
        tuple(sorted(losers, key=lambda lost: (lost.stamp, lost.source, text(lost.value)))),
        bool(verdict.asked),
        _sentence(field, rule, verdict, losers) if held is None else _held_sentence(field, held, losers),
        held,
    )


def _held_off(held: Hold, said: Sequence[Said]) -> Iterable[Loser]:
    """What others say of a field that is held; it is kept, and counts once the hold ends."""
    for word in said:
        if word.value != held.value and not (is_blank(word.value) and is_blank(held.value)):
            yield Loser(word.source, word.value, word.stamp, "waits until the hold ends")


def held_words(held: Hold) -> str:
    """By whom a field is held, since when, until when, and why."""
    until = "until somebody lets it go" if held.until is None else f"until {iso(held.until)}"
    return f"held by {held.by} since {held.stamp.said_at} {until}, because {held.why}"


def _held_sentence(field: str, held: Hold, losers: Sequence[Loser]) -> str:
    told = [f"{field} is {text(held.value)}, {held_words(held)}."]
    told += [f"{_claimed(lost)}: {lost.reason}." for lost in losers]
    return " ".join(told)


def text(value: Json) -> str:
    """A value as people read it: words as they are, the rest as JSON, `nothing` for blank.

    A reference that waits is told by the address, or the tool's id, that it waits for.
    """
    if is_blank(value):
        return "nothing"
    if _waits(value):
        return str(value["id"])
    if isinstance(value, list) and any(_waits(one) for one in value):
        return ", ".join(text(one) for one in value)
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _verdict(plan: Plan, rules: Rules, voices: Sequence[Voice], field: str, holding: Mapping[str, Hold]) -> Verdict:
    main, held = plan.sides.get(field), holding.get(field)
    if held is not None:
        return Verdict(held.value, Said(HUB, held.value, held.stamp))
    if main is None:
        verdict = decided(plan, rules, voices, field)
        return verdict if not is_blank(verdict.value) else verdict._replace(value=None)
    standing = holding[main].value if main in holding else decided(plan, rules, voices, main).value
    elements = beside(plan, voices, field, standing)
    whole = [word for word in words(plan, voices, field) if word.value == elements]
    return Verdict(elements or None, max(whole, key=lambda word: word.stamp) if whole else None)


def _losers(verdict: Verdict, rule: Rule, said: Sequence[Said]) -> Iterable[Loser]:
    for word in said:
        if isinstance(verdict.value, list) and isinstance(word.value, list):
            reason = _missing(verdict.value, word.value)
        elif word.value == verdict.value or (is_blank(word.value) and is_blank(verdict.value)):
            reason = ""
        else:
            reason = _reason(verdict, rule, word, said)
        if reason:
            yield Loser(word.source, word.value, word.stamp, reason)


def _missing(standing: list[Json], claimed: list[Json]) -> str:
    """What of a set does not stand."""
    kept = {element_key(element) for element in standing}
    lost = [text(element) for element in claimed if element_key(element) not in kept]
    return f"{', '.join(lost)} was taken out, replaced, or stands in the field beside" if lost else ""


def _reason(verdict: Verdict, rule: Rule, word: Said, said: Sequence[Said]) -> str:
    winner = verdict.winner
    if word in verdict.asked:
        return "waits for a person's answer"
    if is_blank(word.value) and rule.name not in {"latest", "system_of_record", "hold"}:
        return "says nothing"
    if winner is None:
        return f"overruled by the rule {rule}"
    if rule.name == "strictest":
        return _consent_reason(winner, word)
    if _is_named(rule, winner.source):
        return f"{winner.source} goes before it by the rule {rule}"
    if rule.name in {"latest", "prefer", "system_of_record", "hold"}:
        return _newness_reason(winner, word, said, verdict)
    return f"overruled by the rule {rule}: {RULES[rule.name]}"


def _is_named(rule: Rule, source: str) -> bool:
    """Whether the rule itself gives this source the word, however new others are."""
    return (
        (rule.name == "prefer" and source in rule.prefer)
        or (rule.name == "system_of_record" and source == rule.source)
        or (rule.name == "hold" and source == HUB)
    )


def _newness_reason(winner: Said, word: Said, said: Sequence[Said], verdict: Verdict) -> str:
    if verdict.asked or word not in in_contention(said):
        return "older"
    if winner.source == HUB:
        return "about as new, and a person's word goes first"
    if word.stamp.at < winner.stamp.since:
        return "older"
    return f"about as new, and {winner.source} is believed first"


def _consent_reason(winner: Said, word: Said) -> str:
    if strictness(word.value) > strictness(winner.value):
        return "older than the person's own grant, which answers it"
    return f"{winner.value} is narrower; only the person widens it"


def _unresolved(plan: Plan, voices: Sequence[Voice], field: str) -> Iterable[Loser]:
    if field not in plan.refs:
        return
    for voice in voices:
        claim = voice.claims.get(field)
        if claim is not None and resolved(claim.value) != claim.value:
            yield Loser(voice.source, claim.value, claim.stamp, _awaited(claim.value))


def _awaited(value: Json) -> str:
    words = [one for one in (value if isinstance(value, list) else [value]) if _waits(one)]
    addresses = ", ".join(str(one["id"]) for one in words if one.get("by") == "email")
    if addresses:
        return f"nobody alone is known by the address {addresses}"
    return "points to a record that is not known yet"


def _waits(value: Json) -> TypeGuard[dict[str, Json]]:
    """Whether a value is a reference in a tool's own words (`core.flow.refs`)."""
    return isinstance(value, dict) and "id" in value and ("by" in value or "in" in value)


def _claimed(lost: Loser) -> str:
    said_at = lost.stamp.said_at
    how = f"says {text(lost.value)} since {said_at}" if said_at else f"only took it to be {text(lost.value)}"
    return f"{lost.source} {how}"


def _sentence(field: str, rule: Rule, verdict: Verdict, losers: Sequence[Loser]) -> str:
    """For a support person: what stands, who said so and when, and what the others say."""
    if verdict.asked:
        named = "; ".join(f"{word.source} says {text(word.value)}" for word in verdict.asked)
        return f"{field} waits for a person: {verdict.note} ({named}). Until then {text(verdict.value)} is kept."
    opening = f"{field} is {text(verdict.value)}"
    if verdict.winner:
        said_at = verdict.winner.stamp.said_at
        how = f"said on {said_at}" if said_at else "takes it while nobody knows better"
        opening += f", as {verdict.winner.source} {how}"
    elif not is_blank(verdict.value):
        opening += ", put together from several sources"
    told = [opening + f" (rule {rule}: {RULES[rule.name]})."]
    told += [f"{_claimed(lost)}: {lost.reason}." for lost in losers]
    return " ".join(told)
