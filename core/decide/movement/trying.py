"""Trying: what a policy would have done between two moments, worked out from how records stood then. Pure.

    the past of records ▶ at each moment at which one changes or something falls due ▶ judged ▶ steps ▶ as if taken

What people and tools did stays as it was. What follow-through really did in that time is taken out, and what it would
have done is put in its place; where both are the same step, what people did with it goes on to count. Nobody can know
what they would have done about a step that was not taken.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import NamedTuple

from core.decide.movement.audit import judge
from core.decide.movement.doing import OWNING, RETRY, activity, addressee, mail, refs, whom
from core.decide.movement.past import Past
from core.decide.movement.person import Person
from core.decide.movement.policy import Mode, Policy, Step
from core.decide.movement.steps import Deed, steps_by, wakes_at
from core.decide.movement.subject import Subject
from core.decide.movement.traces import KINDS, Trace, targets, trace_of
from core.model.instant import Instant
from core.model.values import Json, Values

NOBODY = "nobody could be found"
NO_ADDRESS = "no address"
NO_PERMISSION = "no permission"


class Taken(NamedTuple):
    """A step that follow-through really took."""

    name: str
    step: str
    at: Instant
    made_id: int | None


Gate = Callable[[int, str | None, Instant], str]
"""Person, topic and moment → why they may not be written to then; '' where they may."""


def _open_to_all(_person: int, _topic: str | None, _at: Instant) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class World:
    """What is known of the time in which a policy is tried."""

    subjects: Mapping[int, Past] = field(default_factory=dict)
    """The records about which something may be done."""
    others: Mapping[int, Past] = field(default_factory=dict)
    """Traces, people and companies around them."""
    about: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Record → those that are about it, now or then."""
    staff: Sequence[tuple[Instant, Mapping[int, Person]]] = ()
    """Who owned records, from which moment on; oldest first."""
    taken: Mapping[int, Sequence[Taken]] = field(default_factory=dict)
    """Record → the steps that were really taken, at any time."""
    given: Mapping[int, Instant] = field(default_factory=dict)
    """Person → when a record was last given to them before it begins."""
    load: Mapping[int, int] = field(default_factory=dict)
    """Person → open records of theirs beside the subjects."""
    gate: Gate = _open_to_all


class Did(NamedTuple):
    """A step that would have been taken, asked about, or listed."""

    at: Instant
    record_id: int
    kind: str
    step: Step
    mode: Mode
    name: str
    on: str
    """What it answers, in the policy's own words."""
    stage: str
    source: str
    owner_id: int | None
    """Who owns the record; of a step that gives it to somebody, they."""
    to: str = ""
    say: str = ""
    held: str = ""
    """Why it would have come to nothing: `NOBODY`, `NO_ADDRESS`, `NO_PERMISSION`; '' where it would not."""
    why: str = ""
    """What the consent gate says, or why it is somebody's turn."""

    @property
    def key(self) -> tuple[str, str, str, int | None]:
        """What makes it the same as one of another policy, whenever it comes."""
        return (self.name, self.mode, self.held, self.owner_id if self.step in OWNING else None)


class _Came(NamedTuple):
    """What comes of a step."""

    owner: int
    to: str = ""
    held: str = ""
    why: str = ""


class _Set(NamedTuple):
    """An activity that a step has set down here."""

    at: Instant
    values: Values
    real: Past | None
    """The same one, where follow-through really set it down: from then on it is as people left it."""

    def values_at(self, moment: Instant) -> Values | None:
        if self.real is not None and self.real.place(moment) >= 0:
            return self.real.at(moment)
        return self.values


@dataclass(slots=True)
class _Lot:
    """One record on its way through time."""

    past: Past
    owners: Sequence[int]
    """By state: who owns it by the word of people and tools."""
    people_said: Sequence[bool]
    """By state: whether they have just said so."""
    names: set[str]
    """Of the steps that were taken."""
    real: Mapping[str, Taken]
    """Those that were really taken since the begin."""
    place: int = -1
    given: int | None = None
    """Whom a step has given it to, as long as nobody says otherwise."""
    entered: Instant | None = None
    stage: str | None = None
    looked_at: bool = False
    counts_for: int | None = None
    """In whose load it is."""
    tries_at: Instant = 0
    """When it is tried again to find somebody for it."""
    told: set[str] = field(default_factory=set)
    """Steps that are told of without being taken."""

    @property
    def owner(self) -> int:
        if self.place < 0:
            return 0
        return self.given if self.given is not None else self.owners[self.place]

    @property
    def values(self) -> Values | None:
        values = self.past.states[self.place].values if self.place >= 0 else None
        if values is None or values.get("owner") == (self.owner or None):
            return values
        found: dict[str, Json] = {**values, "owner": self.owner or None}
        return found


class Walk:
    """A policy on its way through a world; `go` as far as you like, `did` tells what it would have done by then."""

    def __init__(self, policy: Policy, world: World, begin: Instant) -> None:
        """As if the policy had been put in force at `begin`; what was taken before counts as taken."""
        self.policy, self.world, self.begin = policy, world, begin
        self.did: list[Did] = []
        self._load, self._given = Counter(world.load), dict(world.given)
        self._made = {
            one.made_id
            for some in world.taken.values()
            for one in some
            if one.at >= begin and one.made_id is not None and one.step not in OWNING
        }
        self._set: dict[int, _Set] = {}
        self._set_about: dict[int, list[int]] = defaultdict(list)
        self._traces: dict[tuple[int, int], tuple[Trace, set[int]] | None] = {}
        self._due: list[tuple[Instant, int, bool]] = []
        self._lots = {id_: self._lot(one) for id_, one in world.subjects.items()}
        for at, changed in self._moments():
            self._wake(max(at, begin), changed)
        heapq.heapify(self._due)

    def go(self, until: Instant) -> None:
        """On to a moment, whatever is due at it included."""
        while self._due and self._due[0][0] <= until:
            at, ids = self._due[0][0], set[int]()
            while self._due and self._due[0][0] == at:
                _, id_, again = heapq.heappop(self._due)
                if not again or self._lots[id_].tries_at == at:
                    ids.add(id_)
            self._look(at, sorted(ids))

    # --- how things stand

    def _lot(self, past: Past) -> _Lot:
        owners, said, world, before = [], [], 0, 0
        for state in past.states:
            now = _owner(state.values)
            people = now != before and not (state.ours and state.at >= self.begin)
            world = now if people else world
            owners.append(world)
            said.append(people)
            before = now
        taken = self.world.taken.get(past.record_id, ())
        lot = _Lot(
            past, owners, said,
            {one.name for one in taken if one.at < self.begin},
            {one.name: one for one in taken if one.at >= self.begin},
        )  # fmt: skip
        while lot.place + 1 < len(past.states) and past.states[lot.place + 1].at < self.begin:
            self._step(lot)
        return lot

    def _step(self, lot: _Lot) -> None:
        """Its next state."""
        lot.place += 1
        state = lot.past.states[lot.place]
        if lot.people_said[lot.place]:
            lot.given = None
        stage = self.policy.stage_of(lot.past.kind, state.values) if state.values is not None else None
        if stage is not None and stage.name != lot.stage:
            lot.entered = state.at if lot.looked_at else None
        lot.stage, lot.looked_at = stage.name if stage is not None else None, True

    def _moments(self) -> Iterable[tuple[Instant, Iterable[int]]]:
        """When something changes, and the records that this concerns."""
        for id_, lot in self._lots.items():
            yield self.begin, [id_]
            yield from ((state.at, [id_]) for state in lot.past.states if state.at >= self.begin)
        for past in self.world.others.values():
            if past.kind in KINDS and past.record_id not in self._made:
                yield from self._turns(past, self.begin)
        for at, _ in self.world.staff:
            if at >= self.begin:
                yield at, self._lots

    def _turns(self, past: Past, since: Instant) -> Iterable[tuple[Instant, Iterable[int]]]:
        before: set[int] = set()
        for state in past.states:
            now = targets(past.kind, state.values) if state.values is not None else set[int]()
            if state.at >= since:
                yield state.at, self._concerned(before | now)
            before = now

    def _concerned(self, about: Iterable[int]) -> set[int]:
        """What is about a person may be about their deals, too."""
        found = set(about)
        return found.union(*(self.world.about.get(one, ()) for one in about))

    def _wake(self, at: Instant, ids: Iterable[int]) -> None:
        for id_ in ids:
            if id_ in self._lots:
                heapq.heappush(self._due, (at, id_, False))

    def _people(self, at: Instant) -> Mapping[int, Person]:
        place = bisect_right(self.world.staff, at, key=itemgetter(0))
        return self.world.staff[place - 1][1] if place else {}

    def _subject(self, lot: _Lot, values: Values, at: Instant) -> Subject:
        past = lot.past
        return Subject(
            past.record_id, past.kind, values, past.held_since, self._people(at).get(lot.owner),
            self._about(past, values, at), frozenset(lot.names), entered_at=lot.entered,
        )  # fmt: skip

    def _about(self, past: Past, values: Values, at: Instant) -> list[Trace]:
        """What others say about a record, and for a deal about its people, as far as it may be about this deal."""
        near = values.get("contacts") if past.kind == "deal" else None
        people = [one for one in near if isinstance(one, int)] if isinstance(near, list) else []
        found: dict[int, Trace] = {}
        for target in (past.record_id, *people):
            for id_ in (*self.world.about.get(target, ()), *self._set_about.get(target, ())):
                known = self._trace(id_, at) if id_ not in found else None
                if known is not None and target in known[1]:
                    own = target == past.record_id
                    if own or known[0].is_free_for(past.record_id):
                        found[id_] = known[0]
        return list(found.values())

    def _trace(self, id_: int, at: Instant) -> tuple[Trace, set[int]] | None:
        """A trace at a moment, and what it is about."""
        if id_ in self._set:
            values = self._set[id_].values_at(at)
            return self._read(id_, "activity", values) if values is not None else None
        past = self.world.others.get(id_)
        if past is None or past.kind not in KINDS or id_ in self._made:
            return None
        place = past.place(at)
        if (id_, place) not in self._traces:
            values = past.states[place].values if place >= 0 else None
            self._traces[id_, place] = self._read(id_, past.kind, values) if values is not None else None
        return self._traces[id_, place]

    def _read(self, id_: int, kind: str, values: Values) -> tuple[Trace, set[int]]:
        trace = trace_of(id_, kind, values, "", answered_within=self.policy.answered_within)
        return trace, targets(kind, values)

    # --- one moment

    def _look(self, at: Instant, ids: Sequence[int]) -> None:
        """Judge these, then take what is due: the order in which the hub does it."""
        due = [(id_, *found) for id_ in ids if (found := self._judged(self._lots[id_], at)) is not None]
        for id_, subject, deeds in due:
            given: int | None = None
            for deed in deeds:
                given = self._do(self._lots[id_], subject, deed, at, given)

    def _judged(self, lot: _Lot, at: Instant) -> tuple[Subject, list[Deed]] | None:
        """What is due about a record; what it counts for and when it is looked at next are noted."""
        while lot.place + 1 < len(lot.past.states) and lot.past.states[lot.place + 1].at <= at:
            self._step(lot)
        values = lot.values
        if values is None:
            self._count(lot, None)
            return None
        subject = self._subject(lot, values, at)
        verdict = judge(self.policy, subject, at)
        self._count(lot, subject.owner.record_id if verdict is not None and subject.owner is not None else None)
        moments = (verdict.holds_until if verdict is not None else None, wakes_at(self.policy, subject, at))
        soonest = min((one for one in moments if one is not None), default=None)
        if soonest is not None:
            self._wake(soonest, [lot.past.record_id])
        deeds = [one for one in steps_by(self.policy, subject, verdict, at) if one.name not in lot.told]
        return (subject, deeds) if deeds else None

    def _count(self, lot: _Lot, owner: int | None) -> None:
        if lot.counts_for == owner:
            return
        if lot.counts_for is not None:
            self._load[lot.counts_for] -= 1
        if owner is not None:
            self._load[owner] += 1
        lot.counts_for = owner

    def _do(self, lot: _Lot, subject: Subject, deed: Deed, at: Instant, given: int | None) -> int | None:
        """As if a step were taken, asked about or listed; gives whom the record was given to at this moment."""
        if deed.step in OWNING:
            return self._give(lot, subject, deed, at, given)
        if deed.mode is not Mode.ACT:
            lot.told.add(deed.name)
            self._note(lot, subject, deed, at, _Came(lot.owner))
        elif deed.step is Step.ACKNOWLEDGE:
            self._write_to(lot, subject, deed, at)
        else:
            people = self._people(at)
            values = activity(deed, subject, people.get(lot.owner, subject.owner), people.values(), at)
            self._take(lot, subject, deed, at, _Came(lot.owner))
            self._set_down(lot, deed, values, at)
        return given

    def _give(self, lot: _Lot, subject: Subject, deed: Deed, at: Instant, given: int | None) -> int | None:
        people = self._people(at)
        if given is not None and deed.mode is Mode.ACT:
            # One new owner answers both: that nobody owned it, and that it was to be given on.
            self._take(lot, subject, deed, at, _Came(given, people[given].reached_at))
            return given
        around = {id_: values for id_ in _near(subject) if (values := self._known(id_, at)) is not None}
        found = whom(self.policy, subject, people.values(), around, at=at, load=self._load, given=self._given)
        if found is None:
            self._leave_alone(lot, subject, deed, at)
            return given
        came = _Came(found.person.record_id, found.person.reached_at, why=found.reason)
        if deed.mode is not Mode.ACT:
            lot.told.add(deed.name)
            self._note(lot, subject, deed, at, came)
            return given
        self._take(lot, subject, deed, at, came)
        lot.given = came.owner
        self._count(lot, came.owner)
        self._given[came.owner] = at
        return came.owner

    def _leave_alone(self, lot: _Lot, subject: Subject, deed: Deed, at: Instant) -> None:
        """Nobody can be found: it is told once, and tried again."""
        alone = f"{deed.name} alone"
        if alone not in lot.told:
            lot.told.add(alone)
            self._note(lot, subject, deed, at, _Came(lot.owner, held=NOBODY))
        lot.tries_at = at + RETRY
        heapq.heappush(self._due, (lot.tries_at, subject.record_id, True))

    def _known(self, id_: int, at: Instant) -> Values | None:
        """A record as it stands at a moment, owner and all."""
        lot = self._lots.get(id_)
        if lot is not None and lot.place >= 0:
            return lot.values
        past = self.world.others.get(id_) or self.world.subjects.get(id_)
        return past.at(at) if past is not None else None

    def _write_to(self, lot: _Lot, subject: Subject, deed: Deed, at: Instant) -> None:
        person = addressee(subject)
        values = self._known(person, at) if person is not None else None
        rule = next((one for one in self.policy.acknowledgements if one.name == deed.on), None)
        if person is None or values is None or not values.get("email"):
            self._take(lot, subject, deed, at, _Came(lot.owner, held=NO_ADDRESS))
        elif why := self.world.gate(person, rule.topic if rule is not None else None, at):
            self._take(lot, subject, deed, at, _Came(lot.owner, held=NO_PERMISSION, why=why))
        else:
            self._take(lot, subject, deed, at, _Came(lot.owner))
            self._set_down(lot, deed, mail(subject, person, at, deed.say), at)

    def _set_down(self, lot: _Lot, deed: Deed, values: Values, at: Instant) -> None:
        real = lot.real.get(deed.name)
        past = self.world.others.get(real.made_id) if real is not None and real.made_id is not None else None
        id_ = past.record_id if past is not None else -1 - len(self._set)
        self._set[id_] = _Set(at, values, past)
        about = targets("activity", values)
        for target in about:
            self._set_about[target].append(id_)
        self._wake(at, self._concerned(about))
        for moment, concerned in self._turns(past, at) if past is not None else ():
            self._wake(moment, concerned)

    def _take(self, lot: _Lot, subject: Subject, deed: Deed, at: Instant, came: _Came) -> None:
        lot.names.add(deed.name)
        self._note(lot, subject, deed, at, came)
        # What comes after it may be due at once.
        self._wake(at, [subject.record_id])

    def _note(self, lot: _Lot, subject: Subject, deed: Deed, at: Instant, came: _Came) -> None:
        source = str(subject.values.get("source") or "")
        self.did.append(
            Did(
                at, subject.record_id, subject.kind, deed.step, deed.mode, deed.name, deed.on, lot.stage or "", source,
                came.owner or None, came.to or deed.to or "", deed.say, came.held, came.why,
            )
        )  # fmt: skip


def _near(subject: Subject) -> list[int]:
    return [one for name in ("company", "contact", "contacts") for one in refs(subject, name)]


def _owner(values: Values | None) -> int:
    value = values.get("owner") if values is not None else None
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
