"""Holding a field of one record: what stands, stands, until a time or until it is let go.

A hold is a claim of the person in the hub (`core.model.hold`), so what tools say meanwhile is kept beside it and counts
again afterwards. When its time is over it is let go by the hub; only what is due is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import ConfigError
from core.flow.changes import Changes
from core.flow.desk import Work, load_works
from core.flow.hub import Hub
from core.flow.refold import refold
from core.flow.running import Run
from core.flow.saying import claim_each, normal
from core.model.claim import Claim, Evidence, Stamp
from core.model.hold import Hold, holds, name_of
from core.model.instant import Instant
from core.model.values import Json
from core.store import Tx, records
from core.store import holds as stored

LONGEST = 500
"""Letters of a reason."""
PAGE = 500
_AS_IS: Json = object()  # no value of any field


def hold(
    hub: Hub, record_id: int, field: str, *, by: str, why: str, until: Instant | None = None, value: Json = _AS_IS
) -> int:
    """Hold a field at what stands, or at `value`; gives the run, by which it is undone. `ConfigError` where it cannot.

    What held it before is replaced.
    """
    now, said = hub.clock(), why.strip()[:LONGEST]
    if not said:
        raise ConfigError("It is not said why this is held.", remedy="Say why, so that others know.")
    if until is not None and until <= now:
        raise ConfigError("That time is over.", remedy="Say a moment that is still to come, or none.")
    with Run(hub, hub.own_id, "hold", subject={"record": record_id, "fields": [field]}) as run:
        changes = Changes(now, run.id)
        with hub.store.writing(durable=True) as tx:
            work = _work(hub, tx, record_id)
            _may_be_held(hub, work.record.kind, field)
            stands = work.record.values.get(field) if value is _AS_IS else value
            stands = normal(hub, work.record.kind, {field: stands})[field]
            stamp = Stamp(now, now, Evidence.FIELD_HISTORY)
            word = Hold(stands, by, said, until, stamp).word()
            _claim(hub, tx, changes, [(work, [field], word)])
            if until is not None:
                stored.put(tx, work.record.id, field, until)
    return run.id


def let_go(hub: Hub, record_id: int, field: str) -> int:
    """Let a field go; gives the run. `ConfigError` where nobody holds it."""
    with Run(hub, hub.own_id, "let_go", subject={"record": record_id, "fields": [field]}) as run:
        changes = Changes(hub.clock(), run.id)
        with hub.store.writing(durable=True) as tx:
            work = _work(hub, tx, record_id)
            if field not in holds(work.voices.values()):
                raise ConfigError(f"Nobody holds {field}.", remedy="`concord why` says what is held.")
            _claim(hub, tx, changes, [(work, [field], None)])
    return run.id


def let_go_due(hub: Hub) -> int:
    """Let go what was held for long enough; gives how many fields. One statement where nothing is due."""
    count = 0
    while True:
        now = hub.clock()
        with hub.store.reading() as tx:
            if not stored.due(tx, now, 1):
                return count
        with Run(hub, hub.own_id, "let_go") as run, hub.store.writing() as tx:
            changes = Changes(now, run.id)
            due = stored.due(tx, now, PAGE)
            into = records.merged_into(tx, [record_id for record_id, _ in due])
            works = load_works(hub, tx, {into.get(record_id, record_id) for record_id, _ in due})
            over = [(work, _over(work, now)) for work in works.values()]
            _claim(hub, tx, changes, [(work, names, None) for work, names in over if names])
            stored.drop(tx, due)
            done = sum(len(names) for _, names in over)
            run.counts = {"released": done}
        count += done


def _over(work: Work, now: Instant) -> list[str]:
    held = holds(work.voices.values())
    return sorted(name for name, one in held.items() if one.until is not None and one.until <= now)


def _work(hub: Hub, tx: Tx, record_id: int) -> Work:
    into = records.merged_into(tx, [record_id]).get(record_id, record_id)
    work = load_works(hub, tx, [into]).get(into)
    if work is None:
        raise ConfigError(f"There is no record {record_id}.", remedy="Look it up with `concord why KIND KEY`.")
    return work


def _may_be_held(hub: Hub, kind: str, field: str) -> None:
    one = hub.shapes[kind].fields.get(field)
    if one is None:
        raise ConfigError(f"A {kind} has no field '{field}'.", remedy="`concord why` names its fields.")
    if one.rule == "strictest":
        raise ConfigError("Consent is not held: a refusal always counts.", remedy="Say it in the person's name.")


def _claim(hub: Hub, tx: Tx, changes: Changes, said: Sequence[tuple[Work, Sequence[str], Json]]) -> None:
    stamp = Stamp(changes.now, changes.now, Evidence.FIELD_HISTORY)
    claimed = [(work, {name_of(field): Claim(word, stamp) for field in fields}) for work, fields, word in said]
    claim_each(hub, tx, changes, claimed)
    refold(hub, tx, changes, [work for work, _, _ in said], cause="live")
    changes.write(tx)
