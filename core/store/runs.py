"""Runs, leases, and what agreement was last measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, bindparam, insert, select, update
from sqlalchemy.sql.dml import ReturningInsert

from core.errors import StoreError
from core.model.instant import Instant
from core.store import database
from core.store.codec import dumps, loads
from core.store.prepared import Among, prepared
from core.store.tables import agreement, history, lease, meta, run


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
) -> int:
    """Open a run; gives its id."""
    told = dumps(subject) if subject else None
    made = _begin(tx, connection_id=connection_id, stream=stream, what=what, began_at=at, counts="{}", subject=told)
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


def one(tx: Connection, run_id: int) -> Run | None:
    """A run by its number."""
    row = tx.execute(select(*_ALL).where(run.c.id == run_id)).one_or_none()
    return Run(*row) if row else None


def undos_of(tx: Connection, run_id: int) -> list[Run]:
    """The undos of a run, oldest first."""
    c = run.c
    query = select(*_ALL).where(c.what == "undo", c.subject == dumps({"undoes": run_id}))
    return [Run(*row) for row in tx.execute(query.order_by(c.id))]


def is_leased(tx: Connection, name: str, *, now: Instant) -> bool:
    """Whether somebody holds a lease."""
    until = tx.execute(select(lease.c.until).where(lease.c.name == name)).scalar_one_or_none()
    return until is not None and until > now


def take_lease(tx: Connection, name: str, holder: str, *, now: Instant, until: Instant) -> int | None:
    """Take or prolong a lease; gives its fencing token, None when somebody else holds it."""
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
        return int(row.token) if row.holder == holder else None
    if row.holder != holder and row.until > now:
        return None
    token = row.token if row.holder == holder else row.token + 1
    database.update(tx, lease, ("name",), ("holder", "token", "until"), [(holder, token, until, name)])
    return int(token)


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


def drop_lease(tx: Connection, name: str, token: int) -> None:
    """Let a lease go, if it is still ours."""
    database.update(tx, lease, ("name", "token"), ("until", "holder"), [(0, "", name, token)])


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


def agreements(tx: Connection) -> list[tuple[int, str, Instant, dict[str, int]]]:
    """(connection id, kind, when, counts) as last measured."""
    return [(row.connection_id, row.kind, row.at, loads(row.counts)) for row in tx.execute(select(agreement))]


def fact(tx: Connection, name: str) -> str | None:
    """A fact about the installation."""
    found: str | None = _fact(tx, name=name).scalar_one_or_none()
    return found


def facts(tx: Connection, start: str) -> dict[str, str]:
    """The facts whose names begin so: the rest of the name → what is known."""
    query = select(meta.c.name, meta.c.value).where(meta.c.name.startswith(start, autoescape=True))
    return {name.removeprefix(start): value for name, value in tx.execute(query)}


@prepared
def _fact(_among: Among) -> Select[Any]:
    return select(meta.c.value).where(meta.c.name == bindparam("name"))


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
