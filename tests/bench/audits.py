"""`audits`: the four elements of a million open records, of one that was edited, and of none whose time has come."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace

from core.flow.movement.auditing import Audited, audit, judge_page
from core.flow.saying import say
from core.model.instant import DAY, HOUR, Instant, iso
from core.model.values import Values
from core.store import records
from core.store.database import allocate
from core.store.records import Record, State
from tests.bench.figures import Figure, at_most, more
from tests.bench.stage import Stage
from tests.core.decide.movement.policies import POLICY
from tests.support import Lab

_PAGE = 10_000
_OWNERS = 200
_EDITS = 300
_LOOKS = 2_000
_MS = 1e3


def measure(stage: Stage) -> Iterator[Figure]:
    """Full audits of two sizes, then single edits and idle looks in each."""
    small, large = stage.size(10_000, 2_000), stage.size(1_000_000, 20_000)
    labs: dict[int, Lab] = {}
    with ExitStack() as open_:
        for size in (small, large):
            lab = labs[size] = open_.enter_context(Lab(stage.fresh(), tick=0))
            lab.dressed = lambda hub: replace(hub, movement=POLICY)
            stage.tell(f"audits: {size:,} open records are put down")
            subjects = _fill(lab, size)
            stage.tell("audits: all are judged")
            began = time.perf_counter()
            judged = audit(lab.hub).judged
            taken = time.perf_counter() - began
            note = f"{judged:,} judged in {taken:.1f} s; peak memory {_peak():,.0f} MB"
            yield more(
                "audits", f"a full audit of {size:,}", judged / taken, "records/s", peers={}, goal=None, note=note
            )
            edited = [subjects[place * len(subjects) // _EDITS] for place in range(_EDITS)]
            alone = _each(lambda id_, lab=lab: _edited(lab, id_), edited)  # type: ignore[misc]
            for id_ in edited:
                say(lab.hub, id_, {"description": "Ring in the evening"})
            began = time.perf_counter()
            assert audit(lab.hub).judged == len(edited)
            together = (time.perf_counter() - began) / len(edited) * _MS
            judging = statistics.median(_each(lambda id_, lab=lab: _judged(lab, id_), edited))  # type: ignore[misc]
            note = f"read, judged and kept; from the edit to its commit: median {statistics.median(alone):.2f} ms"
            yield at_most("audits", f"one edit judged, among {size:,}", judging, "ms", limit=1, note=note)
            note = f"{_EDITS} edits at once, with all that finds them"
            yield at_most("audits", f"an edit of many judged, among {size:,}", together, "ms", limit=1, note=note)
        # In turns, since either takes less than what a busy machine differs by from one minute to the next.
        looks = [(_idle(labs[small]), _idle(labs[large])) for _ in range(_LOOKS)]
    few, many = (statistics.median(one) for one in zip(*looks, strict=True))
    name = f"a look where nothing is due, {large:,} against {small:,}"
    yield at_most("audits", name, many / few, "×", limit=1.25, note=f"{many:.2f} ms against {few:.2f}")


def _each(act: Callable[[int], float], of: Iterator[int] | range | list[int]) -> list[float]:
    return [act(one) for one in of]


def _edited(lab: Lab, id_: int) -> float:
    """Milliseconds until the verdict on an edited record is kept."""
    say(lab.hub, id_, {"description": "Ring in the morning"})
    return _idle(lab)


def _judged(lab: Lab, id_: int) -> float:
    """Milliseconds for one record to be read with all that is about it, judged, and its verdict kept."""
    with lab.hub.store.writing() as tx:
        began = time.perf_counter()
        judge_page(lab.hub, tx, [id_], Audited(), {})
        return (time.perf_counter() - began) * _MS


def _idle(lab: Lab) -> float:
    began = time.perf_counter()
    audit(lab.hub)
    return (time.perf_counter() - began) * _MS


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _fill(lab: Lab, size: int) -> list[int]:
    """So many leads and deals, every fifth with a task, as records that stand in the store."""
    now = lab.clock()
    with lab.hub.store.writing() as tx:
        owners = list(allocate(tx, "record", _OWNERS))
        records.insert(tx, [_record(id_, "owner", _owner(place), now) for place, id_ in enumerate(owners)])
    subjects: list[int] = []
    for start in range(0, size, _PAGE):
        with lab.hub.store.writing() as tx:
            count = min(_PAGE, size - start)
            ids = list(allocate(tx, "record", count))
            records.insert(tx, [_subject(id_, place, owners, now) for place, id_ in enumerate(ids, start)])
            tasks = list(allocate(tx, "record", count // 5))
            records.insert(
                tx, [_record(id_, "activity", _task(ids[place * 5], now), now) for place, id_ in enumerate(tasks)]
            )
            subjects += ids
    return subjects


def _subject(id_: int, place: int, owners: list[int], now: Instant) -> Record:
    said = {"owner": owners[place % len(owners)], "created_at": iso(now - place % 90 * DAY), "source": "web"}
    if place % 10 < 3:
        return _record(id_, "deal", {"name": f"Deal {place}", "status": "open", "stage": "New", **said}, now)
    person = {"first_name": f"First{place}", "last_name": f"Last{place}", "email": f"p{place}@shore.example"}
    return _record(id_, "contact", {**person, "lifecycle_stage": "lead", "asked": "A quote", **said}, now)


def _task(subject: int, now: Instant) -> Values:
    due = {"due_at": iso(now + (1 + subject % 48) * HOUR), "created_at": iso(now)}
    return {"type": "task", "subject": "Call", "contacts": [subject], "deal": subject, **due}


def _owner(place: int) -> Values:
    return {"name": f"Owner {place}", "email": f"owner{place}@shop.example", "active": True}


def _record(id_: int, kind: str, values: Values, now: Instant) -> Record:
    return Record(id_, kind, records.raw(dict(values)), State.LIVE, None, 1, now, now)
