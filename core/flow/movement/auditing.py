"""Auditing: every open record's verdict, kept as records change and as the clock goes on.

    history since the last look ▶ what it is about ▶ those records ┐
    verdicts that held until now ──────────────────────────────────┴▶ judge ▶ keep

History is the list of what changed, so that nothing has to be noted elsewhere: a page of it is judged in the
transaction that notes how far it was read. The first time, and when the policy changes, all open records are walked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.decide.movement.audit import Verdict, judge
from core.decide.movement.policy import DONE, Mode, Policy
from core.decide.movement.reality import CLAIM, findings
from core.decide.movement.steps import Deed, due_steps, moot_reminders, wakes_at
from core.decide.movement.subject import Subject
from core.flow.hub import Hub
from core.flow.movement.gathering import LINKED, SUBJECTS, points_to, subjects
from core.flow.restored.following import careful
from core.model.instant import Instant
from core.store import Tx, movement, records, restores, reviews, runs
from core.store.codec import dumps, loads, pack
from core.store.database import serialise
from core.store.movement import Kept

PAGE = 1_000
FORM = 2
"""Of what a verdict keeps; with another number everything is judged anew."""
AUDITED = "audited"
"""The fact that says how far history was read, by which policy, and where a walk stands."""


@dataclass(slots=True)
class Audited:
    """What an audit did."""

    judged: int = 0
    closed: int = 0
    """Records that are not open, or not any more."""


def audit(hub: Hub) -> Audited:
    """Bring every verdict up to date; what a crash left undone is done now."""
    done = Audited()
    while (step := _next(hub)) is not None:
        step(hub, done)
    return done


def _next(hub: Hub) -> Callable[[Hub, Audited], None] | None:
    """What is to be done next, found without a write; None when every verdict is up to date."""
    with hub.store.reading() as tx:
        place = _place(tx)
        if not place and not hub.movement.stages:
            return None
        if place.get("policy") != _mark(hub) or "walk" in place:
            return _walk
        if movement.newest_news(tx) > place["news"]:
            return _read_history
        return _tick if movement.due(tx, hub.clock(), 1) else None


def _mark(hub: Hub) -> str:
    """By what records are judged."""
    return f"{hub.movement.mark} {FORM}"


def _walk(hub: Hub, done: Audited) -> None:
    """A page of the walk through everything."""
    with hub.store.writing() as tx:
        place = _place(tx)
        if place.get("policy") != _mark(hub):
            serialise(tx, records.CHANGING)
            # What was found once about who is about whom stays true by history; only the first walk must find it.
            linked = "news" in place and place.get("walk", {}).get("what") != "link"
            place = {**place, "policy": _mark(hub), "walk": {"what": "judge" if linked else "link", "last": 0}}
            place.setdefault("news", movement.newest_news(tx))
        if "walk" not in place:
            # Another worker has just come to its end.
            return
        walk = place["walk"]
        page = records.after(tx, walk["last"], LINKED if walk["what"] == "link" else SUBJECTS, PAGE)
        if walk["what"] == "link":
            movement.link(tx, {one.id: points_to(one) for one in page})
        else:
            judge_page(hub, tx, [one.id for one in page], done, place, walking=True)
        if page:
            walk["last"] = page[-1].id
        elif walk["what"] == "link":
            place["walk"] = {"what": "judge", "last": 0}
        else:
            del place["walk"]
            place.setdefault("at", hub.clock())
        runs.put_fact(tx, AUDITED, dumps(place))


def _read_history(hub: Hub, done: Audited) -> None:
    """Judge what the next page of history concerns."""
    with hub.store.writing() as tx:
        # Nobody who changes records may be half way, or what they tell would be passed over.
        serialise(tx, records.CHANGING)
        place = _place(tx)
        changed, place["news"] = movement.news_after(tx, place["news"], PAGE)
        judge_page(hub, tx, _concerned(hub, tx, changed), done, place)
        place["at"] = hub.clock()
        runs.put_fact(tx, AUDITED, dumps(place))


def _concerned(hub: Hub, tx: Tx, changed: Collection[int]) -> set[int]:
    """The records to be judged because these changed; what owners own waits for its turn like what is due."""
    found = records.load(tx, changed)
    linked = {id_: one for id_, one in found.items() if one.kind in LINKED}
    touched = movement.link(tx, {id_: points_to(one) for id_, one in linked.items()})
    owners = {id_ for id_, one in linked.items() if one.kind == "owner"}
    if owners:
        staff = movement.about_these(tx, owners)
        movement.wake(tx, owners | {id_ for some in staff.values() for id_ in some}, hub.clock())
        movement.wake_ownerless(tx, hub.clock())
    # What is about a person may be about their deals, too.
    deals = {id_ for some in movement.about_these(tx, touched).values() for id_ in some}
    return {*changed, *touched, *deals}


def _tick(hub: Hub, done: Audited) -> None:
    """Judge those whose time has come."""
    with hub.store.writing() as tx:
        judge_page(hub, tx, movement.due(tx, hub.clock(), PAGE), done, _place(tx))


def judge_page(
    hub: Hub, tx: Tx, ids: Collection[int], done: Audited, place: Mapping[str, Any], *, walking: bool = False
) -> None:
    """Judge these records by what is known now, and keep what comes of it; `place` is the fact as it stands."""
    if not ids:
        return
    now = hub.clock()
    found, closed = subjects(hub, tx, ids)
    before = movement.of_records(tx, ids)
    looked_at = None if walking else place.get("at")
    found = [
        one._replace(entered_at=_entered_at(hub.movement, one, before.get(one.record_id), now, looked_at, walking))
        for one in found
    ]
    restored = restores.latest(tx)
    due = {one.record_id: careful(due_steps(hub.movement, one, now), restored, one.entered_at, now) for one in found}
    asks = walking or restored is not None or Mode.ASK in hub.movement.modes.values()
    asked = _questions(tx, ids, due, now) if asks else {}
    rows = [
        _row(hub.movement, one, due[one.record_id], asked.get(one.record_id, set()), before.get(one.record_id), now)
        for one in found
    ]
    kept = [row for row in rows if row is not None]
    movement.keep(tx, kept)
    closed += {one.record_id for one in found} - {row.record_id for row in kept}
    movement.drop(tx, closed)
    done.judged += len(found)
    done.closed += len(closed)


def _entered_at(
    policy: Policy, subject: Subject, before: Kept | None, now: Instant, looked_at: Instant | None, walking: bool
) -> Instant | None:
    """When the hub saw a record come into its stage; None where it was in it when it was first seen."""
    stage = policy.place_of(subject.kind, subject.values)
    if before is not None and before.since is not None and stage is not None:
        # Another policy may call the same stage otherwise.
        return before.since if walking or before.stage == stage.name else now
    # What was there at the last look and had no verdict was not open then.
    return now if looked_at is not None and subject.held_since <= looked_at else None


def _questions(tx: Tx, ids: Collection[int], due: Mapping[int, Sequence[Deed]], now: Instant) -> dict[int, set[str]]:
    """Record → the steps about which somebody is asked; a question whose step is not due any more is closed."""
    asks = {id_: {one.name for one in some if one.mode is Mode.ASK} for id_, some in due.items()}
    asked: dict[int, set[str]] = {}
    moot = []
    for one in reviews.about(tx, ids, what="step"):
        name = one.subject["name"]
        if name in asks.get(one.record_id, ()):
            asked.setdefault(one.record_id, set()).add(name)
        else:
            moot.append(one.id)
    reviews.close_ids(tx, moot, now=now, answer="it is not due any more")
    return asked


def _row(
    policy: Policy, subject: Subject, steps: Sequence[Deed], asked: Collection[str], before: Kept | None, now: Instant
) -> Kept | None:
    """What is kept of a record; None where it is closed, has nothing to show, and waits for no moment."""
    verdict, unreal, wakes = judge(policy, subject, now), findings(policy, subject, now), wakes_at(policy, subject, now)
    stage = policy.place_of(subject.kind, subject.values)
    shown = int(all(one.what != CLAIM for one in unreal)) if stage is not None and stage.evidence else None
    moot = moot_reminders(policy, subject, now)
    if verdict is None and not unreal and not steps and not moot and wakes is None and shown is None:
        return None
    told: dict[str, Any] = {"unreal": [one._asdict() for one in unreal], "steps": [list(one) for one in steps]}
    moments = [wakes]
    if verdict is not None:
        told |= _told(verdict)
        moments.append(verdict.holds_until)
    return Kept(
        subject.record_id, subject.kind, stage.name if stage is not None else "",
        subject.owner.record_id if subject.owner is not None else None,
        str(subject.values.get("source") or ""), int(verdict is not None),
        sum(one.ok << place for place, one in enumerate(verdict.elements)) if verdict is not None else 0,
        int(verdict is not None and verdict.stale), len(unreal),
        verdict.since if verdict is not None else None,
        verdict.waits_since if verdict is not None else None,
        verdict.answered_after if verdict is not None else None,
        int(verdict.in_window) if verdict is not None and verdict.in_window is not None else None,
        verdict.stalls_at if verdict is not None else None,
        verdict.overdue_since if verdict is not None else None,
        _unworked_since(subject, verdict, before) if verdict is not None else None,
        policy.hours.week_of(subject.came_at), shown,
        sum(one.mode in DONE and one.name not in asked for one in steps) + len(moot),
        min((at for at in moments if at is not None), default=None), pack(told),
    )  # fmt: skip


def _unworked_since(subject: Subject, verdict: Verdict, before: Kept | None) -> Instant | None:
    """Since when a lead waits for anybody's first word; that it moves to another stage makes it no younger."""
    if subject.kind != "contact" or not verdict.untouched:
        return None
    known = before.unworked_since if before is not None else None
    return min(one for one in (known, verdict.waits_since, verdict.since) if one is not None)


def _told(verdict: Verdict) -> dict[str, Any]:
    return {
        "elements": [list(one) for one in verdict.elements],
        "rung": list(verdict.next_rung) if verdict.next_rung else None,
    }


def _place(tx: Tx) -> dict[str, Any]:
    kept = runs.fact(tx, AUDITED)
    return loads(kept) if kept else {}
