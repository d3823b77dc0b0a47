"""What the audit keeps: which records are about which, and each open record's verdict."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Delete, Select, bindparam, delete, func, or_, select, update

from core.model.instant import Instant
from core.store import database
from core.store.codec import unpack
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import about, history, verdict


class Kept(NamedTuple):
    """A verdict as it is kept."""

    record_id: int
    kind: str
    stage: str
    owner_id: int | None
    source: str
    open: int
    """0 for one that is closed, and kept for what does not fit together or for a moment to come."""
    elements: int
    """One bit an element, in the order of `audit.ELEMENTS`."""
    stale: int
    unreal: int
    """How many things do not fit together."""
    since: Instant | None
    """When its present stage began."""
    waits_since: Instant | None
    answered_after: Instant | None
    """Working time until our first word in this stage, in µs."""
    in_window: int | None
    """1 if that was in time, 0 if it was or is late, None while it can still be in time."""
    stalls_at: Instant | None
    overdue_since: Instant | None
    """When its next action had to be done, where that has passed."""
    unworked_since: Instant | None
    """Since when a lead waits for anybody's first word."""
    week: str | None
    """The ISO week in which it came in, by the policy's clock, such as `2026-W49`."""
    shown: int | None
    """1 if what its stage asks for is shown, else 0; None where it asks for nothing."""
    steps: int
    """How many steps the hub is to take by itself now."""
    holds_until: Instant | None
    packed: bytes
    """What it rests on: what is missing, who acts, the fix, and the like."""

    @property
    def told(self) -> dict[str, Any]:
        """What it rests on, unpacked."""
        found: dict[str, Any] = unpack(self.packed)
        return found

    @property
    def score(self) -> int:
        """How many elements are there, 0 to 4."""
        return self.elements.bit_count()


_COLUMNS = (
    "record_id", "kind", "stage", "owner_id", "source", "open", "elements", "stale", "unreal", "since", "waits_since",
    "answered_after", "in_window", "stalls_at", "overdue_since", "unworked_since", "week", "shown", "steps",
    "holds_until", "told",
)  # fmt: skip
COLUMNS = tuple(verdict.c[name] for name in _COLUMNS)
"""Those of `Kept`, in order."""
_ANEW = "ON CONFLICT (record_id) DO UPDATE SET " + ", ".join(f"{one} = excluded.{one}" for one in _COLUMNS[1:])


def link(tx: Connection, targets: Mapping[int, Collection[int]]) -> set[int]:
    """Record id → which records it is about from now on; gives all that it was about before or is now."""
    before = {(row[1], row[0]) for row in _links_of(tx, ids=targets)} if targets else set()
    now = {(target, id_) for id_, some in targets.items() for target in some}
    database.delete(tx, about, ("target_id", "record_id"), sorted(before - now))
    database.insert(tx, about, ("target_id", "record_id"), sorted(now - before), otherwise="ON CONFLICT DO NOTHING")
    return {target for target, _ in before | now}


@prepared
def _links_of(among: Among) -> Select[Any]:
    return select(about.c.record_id, about.c.target_id).where(among(about.c.record_id, "ids"))


def about_these(tx: Connection, target_ids: Collection[int]) -> dict[int, list[int]]:
    """Record id → the records that are about it, oldest first."""
    found: dict[int, list[int]] = {}
    for target, id_ in _links_to(tx, ids=target_ids) if target_ids else ():
        found.setdefault(target, []).append(id_)
    return found


@prepared
def _links_to(among: Among) -> Select[Any]:
    query = select(about.c.target_id, about.c.record_id).where(among(about.c.target_id, "ids"))
    return query.order_by(about.c.record_id)


def keep(tx: Connection, rows: Iterable[Kept]) -> None:
    """Keep these verdicts in place of earlier ones on the same records."""
    database.insert(tx, verdict, _COLUMNS, list(rows), otherwise=_ANEW)


def drop(tx: Connection, record_ids: Collection[int]) -> None:
    """These records are not open any more."""
    if record_ids:
        _drop(tx, ids=record_ids)


@prepared
def _drop(among: Among) -> Delete:
    return delete(verdict).where(among(verdict.c.record_id, "ids"))


def due(tx: Connection, now: Instant, limit: int) -> list[int]:
    """The records whose verdict held until now, the longest overdue first."""
    return list(_due(tx, now=now, limit=limit).scalars())


@prepared
def _due(_among: Among) -> Select[Any]:
    query = select(verdict.c.record_id).where(verdict.c.holds_until <= bindparam("now"))
    return query.order_by(verdict.c.holds_until, verdict.c.record_id).limit(bindparam("limit"))


def wake(tx: Connection, owner_ids: Collection[int], now: Instant) -> None:
    """Whatever these own is to be judged anew."""
    if owner_ids:
        tx.execute(update(verdict).where(among(tx, verdict.c.owner_id, owner_ids)).values(holds_until=now))


def wake_ownerless(tx: Connection, now: Instant) -> None:
    """Whatever lacks its owner is to be judged anew: somebody may be there now."""
    lacking = verdict.c.elements.op("&")(1) == 0
    tx.execute(update(verdict).where(verdict.c.open == 1, lacking).values(holds_until=now))


def next_due(tx: Connection) -> Instant | None:
    """When the clock first changes a verdict."""
    return tx.execute(select(func.min(verdict.c.holds_until))).scalar()


def of_records(tx: Connection, record_ids: Collection[int]) -> dict[int, Kept]:
    """The verdicts on these records."""
    return {row[0]: Kept(*row) for row in _of_records(tx, ids=record_ids)}


@prepared
def _of_records(among: Among) -> Select[Any]:
    return select(*COLUMNS).where(among(verdict.c.record_id, "ids"))


def after(tx: Connection, last_id: int, limit: int) -> list[Kept]:
    """The next verdicts in the order of record ids."""
    query = select(*COLUMNS).where(verdict.c.record_id > last_id).order_by(verdict.c.record_id).limit(limit)
    return [Kept(*row) for row in tx.execute(query)]


def load_of(tx: Connection) -> dict[int, int]:
    """Owner id → how many open records are theirs."""
    c = verdict.c
    query = select(c.owner_id, func.count()).where(c.owner_id.is_not(None), c.open == 1).group_by(c.owner_id)
    return {row[0]: row[1] for row in tx.execute(query)}


def with_steps(tx: Connection, last_id: int, limit: int) -> list[int]:
    """The next records about which something is to be done, in the order of their ids."""
    return list(_with_steps(tx, last_id=last_id, limit=limit).scalars())


@prepared
def _with_steps(_among: Among) -> Select[Any]:
    query = select(verdict.c.record_id).where(verdict.c.steps > 0, verdict.c.record_id > bindparam("last_id"))
    return query.order_by(verdict.c.record_id).limit(bindparam("limit"))


def settle_steps(tx: Connection, record_ids: Collection[int]) -> None:
    """Nothing is to be done about these, until they are judged again."""
    tx.execute(update(verdict).where(among(tx, verdict.c.record_id, record_ids)).values(steps=0))


def look_again(tx: Connection, record_ids: Collection[int], at: Instant) -> None:
    """Judge these again at this moment, or before."""
    if record_ids:
        sooner = or_(verdict.c.holds_until.is_(None), verdict.c.holds_until > at)
        tx.execute(update(verdict).where(among(tx, verdict.c.record_id, record_ids), sooner).values(holds_until=at))


def newest_news(tx: Connection) -> int:
    """The place at which history ends now."""
    return _newest(tx).scalar() or 0


@prepared
def _newest(_among: Among) -> Select[Any]:
    return select(func.max(history.c.id))


def news_after(tx: Connection, place: int, limit: int) -> tuple[list[int], int]:
    """The records of which history tells something after a place, and the place that was got to."""
    rows = list(_news(tx, place=place, limit=limit))
    return list(dict.fromkeys(row[1] for row in rows)), rows[-1][0] if rows else place


@prepared
def _news(_among: Among) -> Select[Any]:
    query = select(history.c.id, history.c.record_id).where(history.c.id > bindparam("place"))
    return query.order_by(history.c.id).limit(bindparam("limit"))
