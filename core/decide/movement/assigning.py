"""Assigning: who gets a record that has nobody, by the rules of ownership, and why. Pure.

The first rule that fits and finds somebody decides. Nobody who is inactive, away or no person (a queue) ever gets
one. Among several it goes to whoever has the fewest open records for their share; of those who are equal, to whom one
was given longest ago.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from core.decide.movement.person import Person
from core.decide.movement.policy import Assignment, Policy
from core.model.instant import Instant, from_iso
from core.model.values import Values, is_blank

_TOUCHES = ("last_contacted_at", "last_replied_at", "stage_entered_at")
"""Fields that say when somebody last touched a record."""


class Assigned(NamedTuple):
    """Who gets a record, by which rule, and why."""

    person: Person
    rule: str
    reason: str
    """In words, such as `fewest open for their share (4) of 3 who may get it`."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known around a record that has nobody."""

    at: Instant
    """Now."""
    arrived_at: Instant
    """When the record came."""
    load: Mapping[int, int] = field(default_factory=dict)
    """Person → open records they own."""
    last_given: Mapping[int, Instant] = field(default_factory=dict)
    """Person → when one was last given to them."""
    company_owner: int | None = None
    contact_owner: int | None = None
    touched_at: Instant | None = None
    """When anybody last touched it, where more is known than the record's own fields say."""


def assign(  # noqa: PLR0913 - what is known around a record comes from as many places
    policy: Policy,
    kind: str,
    values: Values,
    people: Iterable[Person],
    *,
    at: Instant,
    arrived_at: Instant,
    load: Mapping[int, int] | None = None,
    last_given: Mapping[int, Instant] | None = None,
    company_owner: int | None = None,
    contact_owner: int | None = None,
    touched_at: Instant | None = None,
    not_to: Collection[int] = (),
) -> Assigned | None:
    """Who gets a record of this kind, None where no rule finds anybody.

    `values` may carry `address` and `language` of its contact or company where a deal or ticket has none. `not_to`
    are people who had it and let it stall.
    """
    around = Situation(at, arrived_at, load or {}, last_given or {}, company_owner, contact_owner, touched_at)
    may = [one for one in people if one.record_id not in not_to and _available(one, policy, at)]
    for rule in policy.assignments:
        if rule.kind == kind and _fits(rule, values, policy, around):
            found = _among(rule, values, may, around)
            if found is not None:
                return found
    return None


def _available(person: Person, policy: Policy, at: Instant) -> bool:
    if not person.can_act:
        return False
    return not any(away.who == person.email and away.since <= at < away.until for away in policy.absences)


def _fits(rule: Assignment, values: Values, policy: Policy, around: Situation) -> bool:
    if rule.arrives == "outside" and policy.hours.is_open(around.arrived_at):
        return False
    if rule.quiet is not None and around.at - _touched(values, around) < rule.quiet:
        return False
    return rule.when.holds(values)


def _touched(values: Values, around: Situation) -> Instant:
    said = [from_iso(str(values[name])) for name in _TOUCHES if not is_blank(values.get(name))]
    return max([around.arrived_at, *said, *([] if around.touched_at is None else [around.touched_at])])


def _among(rule: Assignment, values: Values, may: Sequence[Person], around: Situation) -> Assigned | None:
    """Whom a rule finds among those who may get one."""
    fit = [one for one in may if _meant(rule, one) and all(_SERVES[by](one, values) for by in rule.by)]
    if rule.same_as:
        owner = around.company_owner if rule.same_as == "company" else around.contact_owner
        same = next((one for one in fit if one.record_id == owner), None)
        return Assigned(same, rule.name, f"owns the {rule.same_as}") if same else None
    if not fit:
        return None
    chosen = min(fit, key=lambda one: _turn(one, rule, around))
    return Assigned(chosen, rule.name, _reason(chosen, rule, fit, around))


def _meant(rule: Assignment, person: Person) -> bool:
    if rule.to and person.email not in rule.to:
        return False
    return not rule.team or person.team.casefold() == rule.team.casefold()


def _turn(person: Person, rule: Assignment, around: Situation) -> tuple[Fraction, Instant, str, int]:
    """The smaller, the sooner it is somebody's turn."""
    share = max(1, rule.share.get(person.email, 1))
    burden = Fraction(around.load.get(person.record_id, 0), share)
    return burden, around.last_given.get(person.record_id, 0), person.email, person.record_id


def _reason(chosen: Person, rule: Assignment, fit: Sequence[Person], around: Situation) -> str:
    told = [*(f"serves its {_NAMES[by]}" for by in rule.by)]
    if len(fit) == 1:
        return " and ".join([*told, "nobody else may get it now"])
    turn = _turn(chosen, rule, around)
    equal = sum(_turn(one, rule, around)[0] == turn[0] for one in fit)
    share = f" for a share of {rule.share[chosen.email]}" if rule.share.get(chosen.email, 1) > 1 else ""
    words = f"fewest open ({around.load.get(chosen.record_id, 0)}{share}) of {len(fit)} who may get it"
    return ", ".join([*told, words, *(["given one longest ago"] if equal > 1 else [])])


# Whom a record's place and language narrow it to.


def _serves_place(person: Person, values: Values) -> bool:
    address = values.get("address")
    place = address if isinstance(address, dict) else {}
    names = {str(place[part]).casefold() for part in ("country", "region", "city") if place.get(part)}
    code = str(place.get("postal_code") or "").casefold()
    return any(one.casefold() in names or _covers(one.casefold().strip(), code) for one in person.territories)


def _covers(area: str, code: str) -> bool:
    """Whether a post code is in an area: `ls` covers `ls1 4ap` and not `l1 1aa`; `75` covers `75011`."""
    if not area or not code.startswith(area):
        return False
    rest = code[len(area) :]
    if area.isalpha():
        return not rest[:1].isalpha()
    return area.isdecimal() or not rest[:1].isalnum()


def _speaks(person: Person, values: Values) -> bool:
    wanted = _language(str(values.get("language") or ""))
    return bool(wanted) and any(_language(one) == wanted for one in person.languages)


def _language(code: str) -> str:
    """`de` of `de-AT`."""
    return code.replace("_", "-").partition("-")[0].strip().casefold()


_SERVES: Mapping[str, Callable[[Person, Values], bool]] = {"territory": _serves_place, "language": _speaks}
_NAMES = {"territory": "place", "language": "language"}
