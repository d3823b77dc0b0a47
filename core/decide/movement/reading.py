"""From the text of a movement policy's file to a `Policy`, with every mistake at its place.

    time_zone: Europe/London
    hours: {monday to friday: 09:00-17:30, saturday: 10:00-14:00}
    holidays: {Christmas Day: 12-25}
    escalate_to: anna@shop.example
    ladders:
      enquiry:
        - {after: 30min, do: remind}
        - {after: 1h, do: escalate}
    ladder: enquiry
    stages:
      contact:
        New enquiry:
          when: {lifecycle_stage: lead, last_contacted_at: {known: false}}
          means: They asked for something, and nobody of us has answered.
          journey: captured
          first: {say: "Call {name} about {asked}", within: 15min, type: call}

Windows and rungs (`first`, `after` of a rung) are working time; ages and quiet count every hour. What the words mean
is said once, in `core.decide.movement.words`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256

from core.decide.movement.doubts import look_over
from core.decide.movement.pieces import Pieces
from core.decide.movement.policy import ANSWERED_WITHIN, Mode, Policy, Step
from core.decide.movement.read_hours import read_absences, read_hours, read_zone
from core.decide.movement.read_stages import (
    read_acknowledgements,
    read_hand_offs,
    read_ladders,
    read_ownership,
    read_stages,
    read_touches,
)
from core.decide.movement.words import SECTIONS
from core.mapping.problem import MappingError
from core.mapping.source import Entry, Node, Source
from core.model.locale import Locale
from core.model.shape import Shape


def load_policy(text: str, *, file: str, shapes: Mapping[str, Shape], locale: Locale) -> Policy:
    """The policy in a text; raises `MappingError` with everything that is wrong in it. No text asks nothing."""
    policy, source = load_leniently(text, file=file, shapes=shapes, locale=locale)
    if any(problem.severity == "error" for problem in source.problems):
        raise MappingError(source.problems)
    return policy


def load_leniently(text: str, *, file: str, shapes: Mapping[str, Shape], locale: Locale) -> tuple[Policy, Source]:
    """What can be read of a policy; `source.problems` tells what could not, and what is doubtful."""
    source = Source(file, text)
    root = source.tree() if text.strip() else None
    policy = Policy() if root is None else read_policy(root, source, shapes=shapes, locale=locale)
    mark = sha256(text.encode()).hexdigest()[:16] if root is not None else ""
    return replace(policy, mark=mark), source


def read_policy(root: Node, source: Source, *, shapes: Mapping[str, Shape], locale: Locale) -> Policy:
    """What can be read of a policy; mistakes and doubts are noted in `source`, with their place."""
    pieces = Pieces(source, shapes, locale)
    said = {str(one.key): one for one in pieces.entries(root, "a movement policy", SECTIONS)}
    zone = read_zone(said.get("time_zone"), pieces)
    stages, hand_offs = read_stages(said.get("stages"), pieces), read_hand_offs(said.get("hand_offs"), pieces)
    policy = Policy(
        hours=read_hours(said.get("hours"), said.get("holidays"), zone, pieces),
        stages=tuple(stage for stage, _ in stages),
        ladders=read_ladders(said.get("ladders"), pieces),
        ladder=pieces.text(said.get("ladder")) or None,
        hand_offs=tuple(hand_off for hand_off, _ in hand_offs),
        assignments=read_ownership(said.get("ownership"), pieces),
        absences=read_absences(said.get("absences"), zone, pieces),
        acknowledgements=read_acknowledgements(said.get("acknowledgements"), pieces),
        mail=pieces.text(said.get("mail")) or None,
        reactivate=read_touches(said.get("reactivation"), "reactivation", pieces),
        after_sale=read_touches(said.get("after_sale"), "after_sale", pieces),
        modes=_modes(said.get("follow_through"), pieces),
        escalate_to=_escalate_to(said.get("escalate_to"), pieces),
        answered_within=pieces.time(said.get("answered_within")) or ANSWERED_WITHIN,
    )
    look_over(policy, said, stages, hand_offs, source)
    return policy


def _modes(line: Entry | None, pieces: Pieces) -> dict[Step, Mode]:
    lines = pieces.entries(line.node, "`follow_through`", list(Step)) if line else []
    return {Step(str(one.key)): Mode(mode) for one in lines if (mode := pieces.word(one, Mode))}


def _escalate_to(line: Entry | None, pieces: Pieces) -> str | None:
    return pieces.address(line.node.plain(), line.node.place) or None if line else None
