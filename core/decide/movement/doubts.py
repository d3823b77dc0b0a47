"""What only the whole of a movement policy shows: names that lead nowhere, stages nobody reaches, gaps in recovery."""

from __future__ import annotations

from collections.abc import Sequence

from core.decide.movement.policy import DONE, HandOff, Policy, Stage, Step, To
from core.mapping.comparing import WORDS
from core.mapping.filter import Filter, Test
from core.mapping.problem import did_you_mean
from core.mapping.source import Entry, Source

Begun = tuple[Stage | HandOff, Entry]
Stages = Sequence[tuple[Stage, Entry]]
HandOffs = Sequence[tuple[HandOff, Entry]]


def look_over(policy: Policy, root: dict[str, Entry], stages: Stages, hand_offs: HandOffs, source: Source) -> None:
    """Note in `source` what is wrong or doubtful between the parts."""
    _names(policy, root, stages, hand_offs, source)
    _unreached(stages, source)
    _without_recovery(policy, stages, hand_offs, source)
    _without_manager(policy, root, source)
    _without_letter(policy, root, source)


def _names(policy: Policy, root: dict[str, Entry], stages: Stages, hand_offs: HandOffs, source: Source) -> None:
    """Ladders that are named and not there, or there and not named."""
    both: list[Begun] = [*stages, *hand_offs]
    named = [(one.ladder, _line(line, "ladder")) for one, line in both if one.ladder]
    if policy.ladder and "ladder" in root:
        named.append((policy.ladder, root["ladder"]))
    for name, line in named:
        if name not in policy.ladders and line is not None:
            source.problem(
                line.node.place,
                f"There is no ladder `{name}`.",
                found=f"`{name}`",
                expected="the name of a ladder below `ladders`",
                remedy=did_you_mean(name, policy.ladders) or f"Declare it: `ladders: {{{name}: [...]}}`.",
            )
    used = {name for name, _ in named}
    for one in root["ladders"].node.entries if "ladders" in root else ():
        if one.key not in used:
            source.problem(
                one.place,
                f"Nothing climbs the ladder `{one.key}`.",
                remedy="Name it as the `ladder` of a stage or hand-off, or of all of them at the top.",
                severity="warning",
            )


def _line(line: Entry, key: str) -> Entry | None:
    found: Entry | None = line.node.value.get(key)
    return found


def _unreached(stages: Stages, source: Source) -> None:
    for place, (later, line) in enumerate(stages):
        for earlier, before in stages[:place]:
            if earlier.kind == later.kind and takes_all(earlier.when, later.when):
                source.problem(
                    line.place,
                    f"Nothing is ever in `{later.name}`: `{earlier.name}` takes all of it first.",
                    found=f"`{earlier.name}` on line {before.place.line}: {str(earlier.when) or 'whatever there is'}",
                    remedy=f"Put `{later.name}` before it, or say more closely what is in `{earlier.name}`.",
                )
                break


def takes_all(wide: Filter, narrow: Filter) -> bool:
    """Whether it is certain that whatever fits the narrow filter fits the wide one."""
    return all(any(_implies(one, test) for one in narrow.tests) for test in wide.tests)


def _implies(one: Test, other: Test) -> bool:
    """Whether it is certain that what passes `one` passes `other`."""
    if (one.field, one.part) != (other.field, other.part):
        return False
    if one.word is other.word and one.operand == other.operand:
        return True
    # The values that `is` names can be tried one by one.
    return one.word is WORDS["is"] and all(other.word.holds(value, other.operand) for value in one.operand)


def _without_recovery(policy: Policy, stages: Stages, hand_offs: HandOffs, source: Source) -> None:
    """A first action that may stall without anybody hearing of it."""
    both: list[Begun] = [*stages, *hand_offs]
    for one, line in both:
        if one.first is not None and not one.ladder and not policy.ladder:
            source.problem(
                line.place,
                f"`{one.name}` has a first action, and nothing happens when it stalls.",
                remedy="Give it a `ladder`, or say one for all at the top: `ladder: NAME`.",
                severity="warning",
            )


def _without_letter(policy: Policy, root: dict[str, Entry], source: Source) -> None:
    """Acknowledging is switched on, and there is nothing to say or nobody to carry it."""
    if policy.mode(Step.ACKNOWLEDGE) not in DONE:
        return
    for word, there, what in (
        ("acknowledgements", policy.acknowledgements, "there is no letter"),
        ("mail", policy.mail, "no connection sends mail"),
    ):
        if not there:
            source.problem(
                root["follow_through"].place,
                f"`acknowledge` is switched on, and {what}.",
                remedy=f"Say `{word}: …`, or switch it off.",
                severity="warning",
            )


def _without_manager(policy: Policy, root: dict[str, Entry], source: Source) -> None:
    """A rung that turns to a manager, where not everybody may have one."""
    asked = next((one.name for one in policy.ladders.values() if any(rung.to == To.MANAGER for rung in one.rungs)), "")
    if asked and policy.escalate_to is None:
        source.problem(
            root["ladders"].place,
            f"The ladder `{asked}` turns to the manager, and where an owner has none nobody hears.",
            remedy="Say who hears then: `escalate_to: anna@shop.example`.",
            severity="warning",
        )
