"""The parts of a movement policy's file that have names: stages, ladders, hand-offs, ownership, touches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from core.decide.movement.letters import LETTER
from core.decide.movement.pieces import Pieces
from core.decide.movement.policy import (
    ANY,
    EVIDENCE,
    JOURNEY,
    OTHER,
    Acknowledgement,
    Assignment,
    HandOff,
    Ladder,
    Rung,
    Stage,
    Step,
    To,
    Touch,
)
from core.decide.movement.words import (
    ACKNOWLEDGEMENT,
    BY,
    HAND_OFF,
    HAND_OFF_KINDS,
    OUTSIDE,
    RULE,
    RUNG,
    RUNG_STEPS,
    STAGE,
    STAGE_KINDS,
    TOLD_IN_LETTERS,
    TOUCH,
    TOUCH_KINDS,
)
from core.mapping.problem import did_you_mean, one_of
from core.mapping.source import Entry, Node
from core.model.instant import HOUR
from core.model.values import Json

_GROUP = re.compile(r"(\w+)(?: in (.+))?")
_OPEN: Mapping[str, list[Json]] = {"deal": ["open", None], "ticket": ["new", "open", "waiting", "on_hold", None]}
"""What the status of an open record may be; where a tool tells none, it is taken for open."""
_TO = {Step.REMIND: To.OWNER, Step.TASK: To.OWNER, Step.REACTIVATE: To.OWNER, Step.ESCALATE: To.MANAGER}


# Stages.


def read_stages(line: Entry | None, pieces: Pieces) -> list[tuple[Stage, Entry]]:
    """The stages with their lines. Those of one pipeline stand before those of any, or they would never be reached."""
    found = []
    for group in pieces.entries(line.node, "`stages`") if line else ():
        words = _GROUP.fullmatch(str(group.key).strip())
        kind, pipeline = (words[1], words[2] or "") if words else (str(group.key), "")
        if kind not in STAGE_KINDS or (pipeline and kind == "contact"):
            pieces.source.problem(
                group.place,
                f"`{group.key}` has no stages.",
                expected=f"{one_of(STAGE_KINDS)}; for one pipeline `deal in NAME`",
                remedy=did_you_mean(kind, STAGE_KINDS) or "Choose one of these.",
            )
            continue
        for one in pieces.named(group.node, f"`{group.key}`"):
            if (stage := _stage(one, kind, pipeline, pieces)) is not None:
                found.append((not pipeline, stage, one))
    return [(stage, one) for _, stage, one in sorted(found, key=lambda each: each[0])]


def _stage(line: Entry, kind: str, pipeline: str, pieces: Pieces) -> Stage | None:
    name, what = str(line.key), f"The stage `{line.key}`"
    said = pieces.below(line, what, STAGE)
    needed = ("when", "means", "journey") if kind == "contact" else ("means", "journey")
    has_all = [pieces.needed(said, key, line, what, STAGE) for key in needed]
    if not has_all[0] and kind == "contact":
        return None
    is_open = pieces.flag(said.get("open"), True)
    besides: dict[str, Json] = {"pipeline": pipeline} if pipeline else {}
    if kind in _OPEN and is_open:
        besides["status"] = _OPEN[kind]
    if kind != "contact" and "when" not in said:
        besides["stage"] = name
    return Stage(
        name=name if not pipeline or name.startswith(f"{pipeline}: ") else f"{pipeline}: {name}",
        kind=kind,
        when=pieces.condition(said.get("when"), kind, besides),
        means=pieces.text(said.get("means")),
        journey=pieces.word(said.get("journey"), JOURNEY),
        evidence=pieces.several(said.get("evidence"), EVIDENCE),
        others_only=pieces.word(said.get("evidence_from"), (ANY, OTHER)) == OTHER,
        exit=pieces.text(said.get("exit")),
        first=pieces.first(said.get("first")),
        oldest=pieces.time(said.get("oldest")),
        ladder=pieces.text(said.get("ladder")) or None,
        open=is_open,
    )


# Ladders.


def read_ladders(line: Entry | None, pieces: Pieces) -> dict[str, Ladder]:
    """Name → ladder."""
    found = {}
    for one in pieces.named(line.node, "`ladders`") if line else ():
        if not one.node.is_list or not one.node.value:
            pieces.source.problem(
                one.node.place,
                f"The ladder `{one.key}` has no rungs.",
                found=one.node.told(),
                expected="a list, in the order in which they are climbed",
                remedy="Write `- {after: 1h, do: remind}` below it.",
            )
            continue
        rungs = [_rung(node, one, pieces) for node in one.node.value]
        found[str(one.key)] = Ladder(str(one.key), tuple(rung for rung in rungs if rung))
    return found


def _rung(node: Node, ladder: Entry, pieces: Pieces) -> Rung | None:
    line, what = Entry(ladder.key, node.place, node), f"A rung of `{ladder.key}`"
    said = pieces.below(line, what, RUNG)
    has_both = [pieces.needed(said, key, line, what, RUNG) for key in ("after", "do")]
    after, do = pieces.span(said.get("after")), pieces.word(said.get("do"), RUNG_STEPS)
    say, to = pieces.told(said.get("say")), _to(said.get("to"), pieces)
    if not all(has_both) or not after or not do:
        return None
    return Rung(after, Step(do), to or _TO.get(Step(do), ""), say)


def _to(line: Entry | None, pieces: Pieces) -> str:
    said = pieces.text(line)
    if line is None or not said or said in list(To):
        return said
    if "@" in said:
        return pieces.address(said, line.node.place)
    pieces.source.problem(
        line.node.place,
        f"`{line.key}` has a value it cannot have.",
        found=f"`{said}`",
        expected=f"{', '.join(To)} or an address",
        remedy=did_you_mean(said, To) or "Write it in full, e.g. anna@shop.example.",
    )
    return ""


# What happened, and what is done after long.


def read_hand_offs(line: Entry | None, pieces: Pieces) -> list[tuple[HandOff, Entry]]:
    """The hand-offs with their lines."""
    found = []
    for one in pieces.named(line.node, "`hand_offs`") if line else ():
        what = f"The hand-off `{one.key}`"
        said = pieces.below(one, what, HAND_OFF)
        for key in ("of", "when", "first"):
            pieces.needed(said, key, one, what, HAND_OFF)
        kind = pieces.word(said.get("of"), HAND_OFF_KINDS)
        first, quiet = pieces.first(said.get("first")), pieces.time(said.get("quiet"))
        if kind and first and "when" in said:
            when, ladder = pieces.condition(said["when"], kind), pieces.text(said.get("ladder")) or None
            found.append((HandOff(str(one.key), kind, when, quiet, first, ladder), one))
    return found


def read_touches(line: Entry | None, section: str, pieces: Pieces) -> tuple[Touch, ...]:
    """What is done after a sale, or after long quiet."""
    found = []
    for one in pieces.named(line.node, f"`{section}`") if line else ():
        what = f"`{one.key}`"
        said = pieces.below(one, what, TOUCH)
        for key in TOUCH:
            pieces.needed(said, key, one, what, TOUCH)
        kind, after = pieces.word(said.get("of"), TOUCH_KINDS), pieces.time(said.get("after"))
        first = pieces.first(said.get("first"))
        if kind and first and after is not None and "when" in said:
            found.append(Touch(str(one.key), kind, pieces.condition(said["when"], kind), after, first))
    return tuple(found)


# What is told at once.


def read_acknowledgements(line: Entry | None, pieces: Pieces) -> tuple[Acknowledgement, ...]:
    """What somebody who asked for something is told."""
    found = []
    for one in pieces.named(line.node, "`acknowledgements`") if line else ():
        what = f"`{one.key}`"
        said = pieces.below(one, what, ACKNOWLEDGEMENT)
        needed = ("of", "subject", "question", "next")
        has_all = [pieces.needed(said, key, one, what, ACKNOWLEDGEMENT) for key in needed]
        kind = pieces.word(said.get("of"), STAGE_KINDS)
        within = pieces.time(said.get("within")) if "within" in said else HOUR
        subject, question, coming = (pieces.told(said.get(key)) for key in needed[1:])
        text = pieces.told(said.get("text"), TOLD_IN_LETTERS) or LETTER
        if "text" in said:
            _says_all(said["text"], text, pieces)
        if all(has_all) and kind and within:
            when, topic = pieces.condition(said.get("when"), kind), pieces.text(said.get("topic")) or None
            found.append(Acknowledgement(str(one.key), kind, when, within, subject, question, coming, text, topic))
    return tuple(found)


def _says_all(line: Entry, text: str, pieces: Pieces) -> None:
    """A letter confirms what was asked, asks one thing, and says what comes next."""
    for word in ("asked", "question", "next"):
        if f"{{{word}}}" not in text:
            pieces.source.problem(
                line.node.place,
                f"The letter does not say `{{{word}}}`.",
                expected="what they asked, one question, and what happens next",
                remedy=f"Put `{{{word}}}` where it belongs.",
            )


# Ownership.


def read_ownership(line: Entry | None, pieces: Pieces) -> tuple[Assignment, ...]:
    """The rules in their order; one that speaks of several kinds is a rule for each."""
    return tuple(
        found for one in (pieces.named(line.node, "`ownership`") if line else ()) for found in _rule(one, pieces)
    )


def _rule(line: Entry, pieces: Pieces) -> Iterator[Assignment]:
    what = f"The rule `{line.key}`"
    said = pieces.below(line, what, RULE)
    pieces.needed(said, "of", line, what, RULE)
    shares = pieces.addresses(said.get("to"))
    arrives = pieces.word(said.get("arrives"), (OUTSIDE,))
    quiet, team, by = pieces.time(said.get("quiet")), pieces.text(said.get("team")), pieces.several(said.get("by"), BY)
    same_as = pieces.word(said.get("same_as"), ("company", "contact"))
    for kind in pieces.several(said.get("of"), STAGE_KINDS):
        yield Assignment(
            name=str(line.key),
            kind=kind,
            when=pieces.condition(said.get("when"), kind),
            arrives="outside" if arrives else "",
            quiet=quiet,
            to=tuple(shares),
            team=team,
            same_as=same_as,
            by=by,
            share={who: share for who, share in shares.items() if share > 1},
        )
