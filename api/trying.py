"""Trying a movement policy: what it would have done, against what was really done, and against the policy in force.

    a draft, or the policy in force ▶ how records stood since ▶ the steps it would have taken ▶ by step, owner, source …

Nothing is written, no tool is called, and nothing but the records' past decides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from core.decide.movement.acts import Act, acts_of
from core.decide.movement.policy import Mode, Policy, Step
from core.decide.movement.reading import load_policy
from core.decide.movement.trying import NO_ADDRESS, NO_PERMISSION, NOBODY, Did, Walk
from core.decide.movement.words import CANNOT_KNOW
from core.decide.reviewing import duration
from core.errors import ConfigError
from core.flow.movement.trying import NEWEST, Read, read_world
from core.model.instant import DAY, Instant, iso
from core.model.many import many

if TYPE_CHECKING:
    from api.assembly import Installation, Text

Tell = Callable[[str], None]
SINCE = 30 * DAY
BY = ("owner", "source", "stage")
SIDES = ("draft", "in_force", "only_draft", "only_in_force", "another_time")
"""Of which steps are listed: those of a side, those of one alone, and those of the draft that come at another time."""

OUTCOMES = {
    "taken": "it would have been taken",
    "asked": "somebody would have been asked first",
    "listed": "it would only have been listed",
    "no_permission": "held back: no permission",
    "no_address": "held back: no address",
    "nobody": "nobody could have been found",
}
_HELD = {NO_PERMISSION: "no_permission", NO_ADDRESS: "no_address", NOBODY: "nobody"}
_MODES = {Mode.ACT: "taken", Mode.ASK: "asked", Mode.DRY: "listed"}
_MORE: Mapping[Step, tuple[str, str]] = {
    Step.ASSIGN: ("given an owner to", "record"),
    Step.ACKNOWLEDGE: ("sent", "acknowledgement"),
    Step.TASK: ("set down", "task"),
    Step.REMIND: ("sent", "reminder"),
    Step.ESCALATE: ("sent", "escalation"),
    Step.REASSIGN: ("given to somebody else", "record"),
    Step.REACTIVATE: ("begun anew with", "record"),
}


class Seen(NamedTuple):
    """A step that would have been taken, and what really happened."""

    did: Did
    really_at: Instant | None
    """When follow-through really took the same step."""
    act: Act | None
    """What a person did first after that; None where nobody did anything until the end."""

    @property
    def outcome(self) -> str:
        """A word of `OUTCOMES`."""
        return _HELD.get(self.did.held) or _MODES[self.did.mode]

    def to_json(self) -> dict[str, Any]:
        """As `--json` shows it."""
        one, act = self.did, self.act
        return {
            "at": iso(one.at), "record": one.record_id, "kind": one.kind, "step": str(one.step),
            "outcome": self.outcome, "on": one.on, "stage": one.stage, "source": one.source, "owner": one.owner_id,
            "to": one.to, "why": one.why, "really_at": iso(self.really_at) if self.really_at is not None else None,
            "then": {"at": iso(act.at), "who": act.who, "what": act.what} if act is not None else None,
        }  # fmt: skip


@dataclass(slots=True)
class Trial:
    """What came of it."""

    begin: Instant
    until: Instant
    number: int
    left_out: int
    kept_since: Instant | None
    sides: dict[str, list[Seen]] = field(default_factory=dict)
    """Word of `SIDES` → the steps, in order; without a draft `in_force` alone."""
    really: Counter[str] = field(default_factory=Counter)
    """Step → how often follow-through really took it."""
    people: Mapping[int, str] = field(default_factory=dict)
    """Owner → what they are called."""

    @property
    def main(self) -> str:
        """The side that is asked about."""
        return "draft" if "draft" in self.sides else "in_force"

    def counts(self, side: str) -> dict[str, Counter[str]]:
        """Step → outcome → how often."""
        found: dict[str, Counter[str]] = {}
        for one in self.sides.get(side, ()):
            found.setdefault(str(one.did.step), Counter())[one.outcome] += 1
        return found

    def groups(self, side: str, by: str) -> list[tuple[str, Counter[str]]]:
        """What a group is called, and its steps that nothing would have held back; the most first."""
        found: dict[str, Counter[str]] = {}
        for one in self.sides.get(side, ()):
            if not one.did.held:
                found.setdefault(self.group_of(one, by), Counter())[str(one.did.step)] += 1
        return sorted(found.items(), key=lambda one: (-one[1].total(), one[0]))

    def group_of(self, one: Seen, by: str) -> str:
        """The group to which a step belongs; '' for none."""
        if by == "owner":
            return self.people.get(one.did.owner_id or 0, "")
        return one.did.source if by == "source" else one.did.stage

    @property
    def looked_at(self) -> str:
        """Which records were looked at, in a sentence."""
        told = f"{many(self.number, 'contact, deal or ticket', 'contacts, deals and tickets')} were looked at"
        return f"The newest {told}; {self.left_out:,} older ones are left out." if self.left_out else f"All {told}."

    @property
    def notes(self) -> list[str]:
        """What is to be known beside the numbers."""
        told = []
        if self.kept_since is not None:
            told.append(f"Nothing is known of the time before {iso(self.kept_since)[:16].replace('T', ' ')} UTC.")
        return [*told, *CANNOT_KNOW]

    @property
    def differs(self) -> str:
        """How the draft differs from the policy in force, in a sentence; '' without a draft."""
        if "draft" not in self.sides:
            return ""
        draft, now = self._taken("draft"), self._taken("in_force")
        told = [
            f"{verb} {abs(by):,} {'more' if by > 0 else 'fewer'} {many(abs(by), noun).split(' ', 1)[1]}"
            for step, (verb, noun) in _MORE.items() if (by := draft[step] - now[step])
        ]  # fmt: skip
        apart = len(self.sides["only_draft"]) + len(self.sides["only_in_force"])
        words = ", ".join(told) or f"done {'as much of each, and not the same' if apart else 'the same'}"
        later = len(self.sides["another_time"])
        moved = f"; {many(later, 'step')} would have come at another time" if later else ""
        return f"This draft would have {words}{moved}."

    def _taken(self, side: str) -> Counter[Step]:
        return Counter(one.did.step for one in self.sides[side] if one.outcome == "taken")

    def to_json(self) -> dict[str, Any]:
        """As `--json` shows it."""
        return {
            "since": iso(self.begin), "until": iso(self.until), "looked_at": self.number, "left_out": self.left_out,
            "really": dict(self.really), "differs": self.differs, "notes": self.notes,
            "sides": {
                side: {
                    "counts": {step: dict(one) for step, one in self.counts(side).items()},
                    **{by: {name or "none": dict(one) for name, one in self.groups(side, by)} for by in BY},
                    "steps": [one.to_json() for one in some],
                }
                for side, some in self.sides.items()
            },
        }  # fmt: skip


def length_of(said: str) -> Instant:
    """`12h` or `30d` in µs; `ConfigError` for anything else."""
    try:
        return duration(said)
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"'{said[:20]}' is no length of time.", remedy="Write 12h or 30d.") from error


def try_policy(
    installation: Installation,
    draft: Text | None,
    *,
    since: Instant = SINCE,
    newest: int = NEWEST,
    switched_on: bool = False,
    tell: Tell = lambda _: None,
) -> Trial:
    """What a draft (or the policy in force) would have done in the last `since` µs.

    `switched_on` takes steps that are off or only listed for switched on. `MappingError` tells what is wrong in the
    draft, `ConfigError` where there is no policy at all.
    """
    hub, until = installation.hub(), installation.clock()
    tried = {"in_force": hub.movement}
    if draft is not None:
        shapes, locale = installation.shapes(), installation.locale()
        tried = {"draft": load_policy(draft.text, file=draft.file, shapes=shapes, locale=locale), **tried}
    if switched_on:
        tried = {side: replace(one, modes=dict.fromkeys(Step, Mode.ACT)) for side, one in tried.items()}
    if not any(one.stages or one.reactivate or one.after_sale or one.hand_offs for one in tried.values()):
        raise ConfigError("No movement policy is in force.", remedy="Write one: docs/movement.md has the words.")
    begin = until - since
    mails = any(one.acknowledgements for one in tried.values())
    read = read_world(hub, begin, newest=newest, mails=mails, say=tell)
    trial = Trial(begin, until, read.number, read.left_out, read.kept_since)
    trial.people = {id_: one.called for _, some in read.world.staff for id_, one in some.items()}
    really = [one for some in read.world.taken.values() for one in some if one.at >= begin]
    trial.really = Counter(one.step for one in really)
    done = {one.name: one.at for one in really}
    acts: dict[int, list[Act]] = {}
    for side, policy in tried.items():
        did = _walked(policy, read, begin, until, lambda words, side=side: tell(f"{_CALLED[side]}: {words}"))  # type: ignore[misc]
        for one in did:
            if one.record_id not in acts:
                acts[one.record_id] = acts_of(read.world, one.record_id, begin)
        trial.sides[side] = [Seen(one, done.get(one.name), _after(acts[one.record_id], one.at)) for one in did]
    if draft is not None:
        trial.sides["only_draft"] = _only(trial.sides["draft"], trial.sides["in_force"])
        trial.sides["only_in_force"] = _only(trial.sides["in_force"], trial.sides["draft"])
        now = {one.did.key: one.did.at for one in trial.sides["in_force"]}
        trial.sides["another_time"] = [
            one for one in trial.sides["draft"] if now.get(one.did.key, one.did.at) != one.did.at
        ]
    return trial


_CALLED = {"draft": "The draft", "in_force": "The policy in force"}


def _walked(policy: Policy, read: Read, begin: Instant, until: Instant, tell: Tell) -> list[Did]:
    """The steps in order, a day at a time, so that it is known how far it has come."""
    walk, days = Walk(policy, read.world, begin), -(-(until - begin) // DAY)
    for day in range(days):
        tell(f"day {day + 1} of {days}.")
        walk.go(min(until, begin + (day + 1) * DAY))
    return walk.did


def _after(acts: Sequence[Act], at: Instant) -> Act | None:
    place = bisect_left(acts, at, key=attrgetter("at"))
    return acts[place] if place < len(acts) else None


def _only(those: Sequence[Seen], others: Sequence[Seen]) -> list[Seen]:
    known = {one.did.key for one in others}
    return [one for one in those if one.did.key not in known]
