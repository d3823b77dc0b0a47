"""Runs, leases, and what agreement was last measured."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, func, insert, select, update
from sqlalchemy.sql.dml import ReturningInsert

from core.errors import StoreError
from core.model.instant import Instant
from core.store import database
from core.store.codec import dumps, loads
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import agreement, agreement_day, history, lease, meta, run, webhook


class Run(NamedTuple):
    """One trip (a pull, a delivery) or one act of a person (an edit, an answer, a new mapping, an undo)."""

    id: int
    connection_id: int
    stream: str | None
    what: str
    began_at: Instant
    ended_at: Instant | None
    raw: str
    code: str | None
    message: str | None
    raw_subject: str | None = None

    @property
    def subject(self) -> dict[str, Any]:
        """What a person's act was about; empty for the hub's own trips."""
        found: dict[str, Any] = loads(self.raw_subject) if self.raw_subject else {}
        return found

    @property
    def counts(self) -> dict[str, Any]:
        """What it did, in numbers."""
        found: dict[str, Any] = loads(self.raw)
        return found


_ALL = tuple(
    run.c[name]
    for name in (
        "id", "connection_id", "stream", "what", "began_at", "ended_at", "counts", "code", "message", "subject"
    )
)  # fmt: skip


def begin(
    tx: Connection,
    connection_id: int,
    what: str,
    *,
    stream: str | None,
    at: Instant,
    subject: Mapping[str, Any] | None = None,
    webhook_id: int | None = None,
) -> int:
    """Open a run; gives its id. `webhook_id` is what it takes in, where that is one webhook alone."""
    told = dumps(subject) if subject else None
    made = _begin(
        tx, connection_id=connection_id, stream=stream, what=what, began_at=at, counts="{}", subject=told,
        webhook_id=webhook_id,
    )  # fmt: skip
    return int(made.scalar_one())


@prepared
def _begin(_among: Among) -> ReturningInsert[Any]:
    # Which columns are filled follows from the values that are given.
    return insert(run).returning(run.c.id)


def end(
    tx: Connection,
    run_id: int,
    *,
    at: Instant,
    counts: dict[str, Any],
    code: str | None = None,
    message: str | None = None,
) -> None:
    """Close a run with what it did, and the error that ended it."""
    columns = ("ended_at", "counts", "code", "message")
    database.update(tx, run, ("id",), columns, [(at, dumps(counts), code, message, run_id)])


def recent(tx: Connection, *, connection_id: int | None = None, limit: int = 30) -> list[Run]:
    """The newest runs, newest first."""
    if connection_id is None:
        return [Run(*row) for row in _recent(tx, limit=limit)]
    return [Run(*row) for row in _recent_of(tx, limit=limit, connection_id=connection_id)]


@prepared
def _recent(_among: Among) -> Select[Any]:
    return select(*_ALL).order_by(run.c.id.desc()).limit(bindparam("limit"))


@prepared
def _recent_of(_among: Among) -> Select[Any]:
    query = select(*_ALL).where(run.c.connection_id == bindparam("connection_id"))
    return query.order_by(run.c.id.desc()).limit(bindparam("limit"))


WINDOW = 50_000
"""So many runs are looked through for those that are asked for, at most."""


class Wanted(NamedTuple):
    """Which runs are wanted; what is left out asks for all."""

    connection_id: int | None = None
    what: str | None = None
    stream: str | None = None
    failed: bool = False


def listed(
    tx: Connection, wanted: Wanted, *, below: int | None = None, limit: int = 50
) -> tuple[list[Run], int | None]:
    """Runs, newest first, and where the page below begins; None where there is nothing more.

    A page looks through so many runs at most. It may be short, or empty, and there be more all the same.
    """
    c = run.c
    top = below if below is not None else (tx.execute(select(func.max(c.id))).scalar() or 0) + 1
    query = select(*_ALL).where(c.id < top, c.id >= top - WINDOW)
    if wanted.connection_id is not None:
        query = query.where(c.connection_id == wanted.connection_id)
    if wanted.what is not None:
        query = query.where(c.what == wanted.what)
    if wanted.stream is not None:
        query = query.where(c.stream == wanted.stream)
    if wanted.failed:
        query = query.where(c.code.is_not(None))
    found = [Run(*row) for row in tx.execute(query.order_by(c.id.desc()).limit(limit))]
    lowest = found[-1].id if len(found) == limit else top - WINDOW
    return found, lowest if lowest > 1 else None


def one(tx: Connection, run_id: int) -> Run | None:
    """A run by its number."""
    row = tx.execute(select(*_ALL).where(run.c.id == run_id)).one_or_none()
    return Run(*row) if row else None


def by_ids(tx: Connection, run_ids: Collection[int]) -> dict[int, Run]:
    """Runs by their numbers."""
    return {row[0]: Run(*row) for row in tx.execute(select(*_ALL).where(among(tx, run.c.id, run_ids)))}


def undos_of(tx: Connection, run_id: int) -> list[Run]:
    """The undos of a run, oldest first."""
    c = run.c
    query = select(*_ALL).where(c.what == "undo", c.subject == dumps({"undoes": run_id}))
    return [Run(*row) for row in tx.execute(query.order_by(c.id))]


def is_leased(tx: Connection, name: str, *, now: Instant) -> bool:
    """Whether somebody holds a lease."""
    until = tx.execute(select(lease.c.until).where(lease.c.name == name)).scalar_one_or_none()
    return until is not None and until > now


def any_lease(tx: Connection, *, now: Instant) -> bool:
    """Whether anybody holds any lease: whoever does prolongs it while it works."""
    return tx.execute(select(lease.c.name).where(lease.c.until > now).limit(1)).first() is not None


class Lease(NamedTuple):
    """A lease that was taken: its fencing token, and how many in a row before us never let it go."""

    token: int
    lost: int


def take_lease(
    tx: Connection,
    name: str,
    holder: str,
    *,
    now: Instant,
    until: Instant,
    is_gone: Callable[[str], bool] = lambda _holder: False,
) -> Lease | None:
    """Take or prolong a lease; None when somebody else holds it and is not known to be gone."""
    row = _lease(tx, name=name).one_or_none()
    if row is None:
        database.insert(
            tx,
            lease,
            ("name", "holder", "token", "until"),
            [(name, holder, 1, until)],
            otherwise="ON CONFLICT DO NOTHING",
        )
        row = _lease(tx, name=name).one()
        return Lease(row.token, row.lost) if row.holder == holder else None
    if row.holder == holder:
        keep_lease(tx, name, row.token, until=until)
        return Lease(row.token, row.lost)
    if row.holder and row.until > now and not is_gone(row.holder):
        return None
    taken = Lease(row.token + 1, row.lost + bool(row.holder))
    columns = ("holder", "token", "until", "lost")
    database.update(tx, lease, ("name",), columns, [(holder, taken.token, until, taken.lost, name)])
    return taken


def keep_lease(tx: Connection, name: str, token: int, *, until: Instant) -> None:
    """Prolong a lease, if it is still ours."""
    database.update(tx, lease, ("name", "token"), ("until",), [(until, name, token)])


@prepared
def _lease(_among: Among) -> Select[Any]:
    return select(lease).where(lease.c.name == bindparam("name")).with_for_update()


def check_lease(tx: Connection, name: str, token: int) -> None:
    """Refuse to write for a worker whose lease was taken over; raises `StoreError`."""
    if _token(tx, name=name).scalar_one_or_none() != token:
        raise StoreError(
            f"The lease {name} was taken over by another worker: nothing of this step was kept.",
            code="store.taken_over",
        )


@prepared
def _token(_among: Among) -> Select[Any]:
    return select(lease.c.token).where(lease.c.name == bindparam("name"))


CONFIGURED = "configured"
"""The fact that counts how often the configuration was changed."""


def reconfigure(tx: Connection) -> None:
    """Count a change of the configuration, before it is written; steps that go by the former one end before that."""
    database.serialise(tx, CONFIGURED)
    put_fact(tx, CONFIGURED, str(int(fact(tx, CONFIGURED) or 0) + 1))


def check_configured(tx: Connection, known: str | None) -> None:
    """Refuse to write by a configuration that is not in force any more; raises `StoreError`."""
    database.share(tx, CONFIGURED)
    if fact(tx, CONFIGURED) != known:
        raise StoreError(
            "The configuration was changed in the midst of this step: nothing of it was kept.",
            code="store.reconfigured",
        )


def drop_lease(tx: Connection, name: str, token: int, *, lost: int = 0) -> None:
    """Let a lease go, if it is still ours; `lost` is not 0 where its work came to no end."""
    database.update(tx, lease, ("name", "token"), ("until", "holder", "lost"), [(0, "", lost, name, token)])


def free_leases(tx: Connection, holder: str) -> None:
    """Let go of all that a holder has."""
    tx.execute(update(lease).where(lease.c.holder == holder).values(until=0, holder=""))


def keep_agreement(tx: Connection, connection_id: int, kind: str, *, at: Instant, counts: dict[str, int]) -> None:
    """Keep what was measured last."""
    database.insert(
        tx,
        agreement,
        ("connection_id", "kind", "at", "counts"),
        [(connection_id, kind, at, dumps(counts))],
        otherwise="ON CONFLICT (connection_id, kind) DO UPDATE SET at = excluded.at, counts = excluded.counts",
    )


def keep_agreement_of_day(tx: Connection, connection_id: int, day: str, kinds: dict[str, tuple[int, int]]) -> None:
    """Keep, for a day (`2026-11-30`), how many fields there were of each kind, and how many of them were agreed."""
    database.insert(
        tx,
        agreement_day,
        ("connection_id", "kind", "day", "fields", "agreed"),
        [(connection_id, kind, day, fields, agreed) for kind, (fields, agreed) in kinds.items()],
        otherwise="ON CONFLICT (connection_id, kind, day) DO UPDATE SET fields = excluded.fields, "
        "agreed = excluded.agreed",
    )


def agreement_days(tx: Connection, since: str) -> list[tuple[int, str, float]]:
    """(connection id, day, agreed share of all its fields) from a day on, in the order of days."""
    c = agreement_day.c
    query = select(c.connection_id, c.day, func.sum(c.agreed), func.sum(c.fields)).where(c.day >= since)
    rows = tx.execute(query.group_by(c.connection_id, c.day).order_by(c.day))
    return [(id_, day, float(agreed) / float(fields) if fields else 1.0) for id_, day, agreed, fields in rows]


def agreements(tx: Connection) -> list[tuple[int, str, Instant, dict[str, int]]]:
    """(connection id, kind, when, counts) as last measured."""
    return [(row.connection_id, row.kind, row.at, loads(row.counts)) for row in tx.execute(select(agreement))]


def fact(tx: Connection, name: str) -> str | None:
    """A fact about the installation."""
    found: str | None = _fact(tx, name=name).scalar_one_or_none()
    return found


def facts_from(tx: Connection, start: str) -> dict[str, str]:
    """The facts whose names begin so: the rest of the name → what is known."""
    query = select(meta.c.name, meta.c.value).where(meta.c.name.startswith(start, autoescape=True))
    return {name.removeprefix(start): value for name, value in tx.execute(query)}


@prepared
def _fact(_among: Among) -> Select[Any]:
    return select(meta.c.value).where(meta.c.name == bindparam("name"))


def facts(tx: Connection, names: Collection[str]) -> dict[str, str]:
    """Those of these facts that there are."""
    return {row[0]: row[1] for row in _facts(tx, names=names)}


@prepared
def _facts(among: Among) -> Select[Any]:
    return select(meta.c.name, meta.c.value).where(among(meta.c.name, "names"))


def put_fact(tx: Connection, name: str, value: str) -> None:
    """Write a fact down, replacing an older one."""
    again = "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
    database.insert(tx, meta, ("name", "value"), [(name, value)], otherwise=again)


def forget(tx: Connection, run_id: int) -> None:
    """Drop a run that did nothing."""
    database.delete(tx, run, ("id",), [(run_id,)])


def drop_fact(tx: Connection, name: str) -> None:
    """Forget a fact."""
    tx.execute(meta.delete().where(meta.c.name == name))


class Behind(NamedTuple):
    """One thing that happened to a record, and the run it belongs to."""

    record_id: int
    at: Instant
    run_id: int | None
    what: str | None
    """What the run was; None for what belongs to none."""
    connection_id: int | None
    """Whose run it was."""
    by_person: bool
    """Whether it was a person's act: not a trip of the hub, and no answer that the hub gave by itself."""


class Cause(NamedTuple):
    """What last changed a record: when, in which run, and by which webhook where that run took in one alone."""

    at: Instant
    run_id: int
    webhook_id: int | None
    came_at: Instant | None
    """When that webhook came; None where there was none, or it is kept no more."""


def causes(tx: Connection, record_ids: Collection[int]) -> dict[int, Cause]:
    """Record id → what changed it last; one statement."""
    h = history.c
    latest = select(func.max(h.id)).where(database.among(tx, h.record_id, record_ids), h.run_id.is_not(None))
    query = (
        select(h.record_id, h.at, h.run_id, run.c.webhook_id, webhook.c.at)
        .join_from(history, run, run.c.id == h.run_id)
        .join(webhook, webhook.c.id == run.c.webhook_id, isouter=True)
        .where(h.id.in_(latest.group_by(h.record_id)))
    )
    return {row[0]: Cause(*row[1:]) for row in tx.execute(query)}


def behind(tx: Connection, record_ids: Collection[int]) -> list[Behind]:
    """What happened to these records, oldest first."""
    h = history.c
    query = (
        select(h.record_id, h.at, h.run_id, run.c.what, run.c.connection_id, run.c.subject)
        .join_from(history, run, run.c.id == h.run_id, isouter=True)
        .where(database.among(tx, h.record_id, record_ids))
        .order_by(h.id)
    )
    acts: dict[int | None, bool] = {None: False}
    found = []
    for record_id, at, run_id, what, connection_id, subject in tx.execute(query):
        if run_id not in acts:
            acts[run_id] = subject is not None and "actor" not in loads(subject)
        found.append(Behind(record_id, at, run_id, what, connection_id, acts[run_id]))
    return found
