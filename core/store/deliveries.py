"""What went out: intents before creates, deliveries with the tool's answer, dead letters kept whole."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, FromClause, Select, and_, bindparam, func, or_, select

from core.model.instant import HOUR, Instant
from core.store import database
from core.store.codec import unpack
from core.store.database import among
from core.store.prepared import Among, prepared
from core.store.tables import dead_letter, delivery, intent, waiting_out, written


class Intent(NamedTuple):
    """A create that may have been sent: looked up by its key before it is sent again."""

    key: str
    connection_id: int
    stream_id: int
    record_id: int
    at: Instant
    sent: bytes | None = None
    """What the create was sent with, packed."""


class Delivery(NamedTuple):
    """One edit and what became of it; `fields` is the JSON list of remote fields written."""

    at: Instant
    run_id: int | None
    connection_id: int
    record_id: int
    remote_id: str | None
    verb: str
    outcome: str
    code: str | None
    fields: str
    note: str | None
    before: bytes | None = None
    """What the tool was known to hold in these fields, packed; None for a create."""


class DeadLetter(NamedTuple):
    """An edit that the tool refused. `cause` fingerprints what was wanted: when it changes, it is tried again."""

    at: Instant
    connection_id: int
    stream_id: int
    record_id: int
    verb: str
    code: str
    message: str
    acts: str
    remedy: str
    cause: int
    packed: bytes

    @property
    def edit(self) -> dict[str, Any]:
        """The refused edit: remote field → value."""
        found: dict[str, Any] = unpack(self.packed)
        return found


_DEAD = (
    "at",
    "connection_id",
    "stream_id",
    "record_id",
    "verb",
    "code",
    "message",
    "acts",
    "remedy",
    "cause",
    "edit",
)
_REPLACE = "ON CONFLICT (connection_id, record_id) DO UPDATE SET " + ", ".join(
    f"{name} = excluded.{name}" for name in ("at", "stream_id", *_DEAD[4:])
)


def intend(tx: Connection, intents: Sequence[Intent]) -> None:
    """Write down creates before they are sent."""
    database.insert(tx, intent, Intent._fields, intents, otherwise="ON CONFLICT DO NOTHING")


def intents_of(tx: Connection, connection_id: int) -> list[Intent]:
    """Creates of a connection whose outcome nobody has written down."""
    return [Intent(*row) for row in _intents_of(tx, connection_id=connection_id)]


@prepared
def _intents_of(_among: Among) -> Select[Any]:
    columns = (intent.c[name] for name in Intent._fields)
    query = select(*columns).where(intent.c.connection_id == bindparam("connection_id"))
    return query.order_by(intent.c.key)


def resolve(tx: Connection, keys: Iterable[str]) -> None:
    """Forget intents whose outcome is known."""
    database.delete(tx, intent, ("key",), [(key,) for key in keys])


def log(tx: Connection, rows: Sequence[Delivery]) -> None:
    """Write down what was sent and what the tool answered."""
    database.insert(tx, delivery, Delivery._fields, rows)


def deliveries(tx: Connection, *, record_id: int | None = None, limit: int = 50) -> list[Delivery]:
    """The newest deliveries, newest first."""
    query = select(*(delivery.c[name] for name in Delivery._fields)).order_by(delivery.c.id.desc()).limit(limit)
    if record_id is not None:
        query = query.where(delivery.c.record_id == record_id)
    return [Delivery(*row) for row in tx.execute(query)]


def of_run(tx: Connection, run_id: int) -> list[Delivery]:
    """What a run sent out, oldest first."""
    query = select(*(delivery.c[name] for name in Delivery._fields)).where(delivery.c.run_id == run_id)
    return [Delivery(*row) for row in tx.execute(query.order_by(delivery.c.id))]


def newest(tx: Connection) -> int:
    """The number of the latest delivery; what is sent from now on has a higher one."""
    return tx.execute(select(func.max(delivery.c.id))).scalar() or 0


def after(tx: Connection, last_id: int) -> list[Delivery]:
    """What was sent out after a delivery, oldest first."""
    query = select(*(delivery.c[name] for name in Delivery._fields)).where(delivery.c.id > last_id)
    return [Delivery(*row) for row in tx.execute(query.order_by(delivery.c.id))]


def created(tx: Connection, record_ids: Collection[int]) -> dict[tuple[int, str], Instant]:
    """(connection id, remote id) → when we created that, for what these records became in the tools."""
    c = delivery.c
    query = select(c.connection_id, c.remote_id, c.at).where(
        among(tx, c.record_id, record_ids), c.verb == "create", c.outcome == "done", c.remote_id.is_not(None)
    )
    return {(row[0], row[1]): row[2] for row in tx.execute(query)}


def replaced(tx: Connection, record_ids: Collection[int], since: Instant) -> dict[tuple[int, str], dict[str, Any]]:
    """(connection id, remote id) → what the tool held in the fields that we wrote over since a moment."""
    c = delivery.c
    query = select(c.connection_id, c.remote_id, c.before).where(
        among(tx, c.record_id, record_ids), c.at >= since, c.before.is_not(None), c.remote_id.is_not(None)
    )
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for connection_id, remote_id, packed in tx.execute(query.order_by(c.id)):
        held = found.setdefault((connection_id, remote_id), {})
        found[connection_id, remote_id] = {**unpack(packed), **held}
    return found


def delivery_counts(tx: Connection) -> dict[tuple[int, str, str], int]:
    """(connection id, verb, outcome) → number of deliveries."""
    c = delivery.c
    query = select(c.connection_id, c.verb, c.outcome, func.count()).group_by(c.connection_id, c.verb, c.outcome)
    return {(row[0], row[1], row[2]): row[3] for row in tx.execute(query)}


def bury(tx: Connection, rows: Sequence[DeadLetter]) -> None:
    """Keep refused edits; a newer one of the same record and connection takes the older one's place."""
    database.insert(tx, dead_letter, _DEAD, rows, otherwise=_REPLACE)


def unbury(tx: Connection, connection_id: int, record_ids: Iterable[int]) -> None:
    """Drop the dead letters of records that got through or are tried again."""
    rows = [(connection_id, record_id) for record_id in record_ids]
    database.delete(tx, dead_letter, ("connection_id", "record_id"), rows)


def dead_letters(
    tx: Connection,
    *,
    connection_id: int | None = None,
    record_ids: Collection[int] | None = None,
    code: str | None = None,
    message: str | None = None,
    until: Instant | None = None,
    limit: int = 1000,
) -> list[DeadLetter]:
    """Dead letters, newest first; `until` leaves out what was refused after that moment."""
    query = select(*(dead_letter.c[name] for name in _DEAD)).order_by(dead_letter.c.id.desc()).limit(limit)
    if connection_id is not None:
        query = query.where(dead_letter.c.connection_id == connection_id)
    if record_ids is not None:
        query = query.where(among(tx, dead_letter.c.record_id, record_ids))
    if code is not None:
        query = query.where(dead_letter.c.code == code)
    if message is not None:
        query = query.where(dead_letter.c.message == message)
    if until is not None:
        query = query.where(dead_letter.c.at <= until)
    return [DeadLetter(*row) for row in tx.execute(query)]


class Refusals(NamedTuple):
    """Dead letters that a connection refused with the same words: one thing to mend, however many they are."""

    connection_id: int
    code: str
    message: str
    letters: int
    oldest: Instant
    newest: Instant
    acts: str
    remedy: str
    id: int
    """The number of the first of them, by which the class is asked for."""


class Numbered(NamedTuple):
    """A dead letter with its number."""

    id: int
    letter: DeadLetter


def refusals(
    tx: Connection,
    *,
    connection_id: int | None = None,
    code: str | None = None,
    after: tuple[int, int] | None = None,
    limit: int = 50,
) -> list[Refusals]:
    """Dead letters by what was said, the largest class first; `after` is the size and number of the last one shown."""
    c = dead_letter.c
    size, first = func.count(), func.min(c.id)
    query = select(
        c.connection_id, c.code, c.message, size, func.min(c.at), func.max(c.at), func.min(c.acts), func.min(c.remedy),
        first,
    ).group_by(c.connection_id, c.code, c.message)  # fmt: skip
    if connection_id is not None:
        query = query.where(c.connection_id == connection_id)
    if code is not None:
        query = query.where(c.code == code)
    if after is not None:
        query = query.having(or_(size < after[0], and_(size == after[0], first > after[1])))
    return [Refusals(*row) for row in tx.execute(query.order_by(size.desc(), first).limit(limit))]


def refusals_of(tx: Connection, letter_id: int) -> Refusals | None:
    """The class that a dead letter belongs to; None where that letter is not there any more."""
    c, one = dead_letter.c, dead_letter.alias()
    query = (
        select(
            c.connection_id, c.code, c.message, func.count(), func.min(c.at), func.max(c.at), func.min(c.acts),
            func.min(c.remedy), func.min(c.id),
        )
        .join_from(dead_letter, one, _alike(one))
        .where(one.c.id == letter_id)
        .group_by(c.connection_id, c.code, c.message)
    )  # fmt: skip
    row = tx.execute(query).one_or_none()
    return Refusals(*row) if row is not None else None


def _alike(one: FromClause) -> ColumnElement[bool]:
    """Whether a dead letter is of the same class as another one."""
    return and_(*(dead_letter.c[name] == one.c[name] for name in ("connection_id", "code", "message")))


def letters_of(tx: Connection, of: Refusals, *, below: int | None = None, limit: int = 50) -> list[Numbered]:
    """Dead letters of a class, newest first; `below` is the number of the last one shown."""
    c = dead_letter.c
    query = select(c.id, *(c[name] for name in _DEAD)).where(
        c.connection_id == of.connection_id, c.code == of.code, c.message == of.message
    )
    if below is not None:
        query = query.where(c.id < below)
    return [Numbered(row[0], DeadLetter(*row[1:])) for row in tx.execute(query.order_by(c.id.desc()).limit(limit))]


def latest(tx: Connection, connection_id: int, record_ids: Collection[int], since: Instant) -> dict[int, Delivery]:
    """Record id → the newest delivery to a connection since a moment."""
    c = delivery.c
    query = select(*(c[name] for name in Delivery._fields)).where(
        among(tx, c.record_id, record_ids), c.connection_id == connection_id, c.at >= since
    )
    return {row[3]: Delivery(*row) for row in tx.execute(query.order_by(c.id))}


def refused(tx: Connection, connection_id: int, record_ids: Collection[int]) -> set[int]:
    """Those of these records of which a connection has refused something."""
    return set(_refused(tx, connection_id=connection_id, record_ids=record_ids).scalars())


@prepared
def _refused(among: Among) -> Select[Any]:
    c = dead_letter.c
    return select(c.record_id).where(c.connection_id == bindparam("connection_id"), among(c.record_id, "record_ids"))


def wait_for(tx: Connection, rows: Sequence[tuple[int, int, int]]) -> None:
    """(connection id, target record id, record id): write the record again once the connection holds the target."""
    columns = ("connection_id", "target_id", "record_id")
    database.insert(tx, waiting_out, columns, rows, otherwise="ON CONFLICT DO NOTHING")


def released_by(tx: Connection, connection_id: int, target_ids: Collection[int]) -> list[int]:
    """Records that waited for these targets in a connection; they wait no longer."""
    rows = _waiting_for(tx, connection_id=connection_id, target_ids=target_ids).all()
    database.delete(
        tx,
        waiting_out,
        ("connection_id", "target_id", "record_id"),
        [(connection_id, target, record) for target, record in rows],
    )
    return sorted({record for _target, record in rows})


@prepared
def _waiting_for(among: Among) -> Select[Any]:
    c = waiting_out.c
    waits = (c.connection_id == bindparam("connection_id"), among(c.target_id, "target_ids"))
    return select(c.target_id, c.record_id).where(*waits)


class Written(NamedTuple):
    """What was written to a connection in one hour: of which kind, what, how often, and how often unasked."""

    hour: int
    kind: str
    what: str
    number: int
    unasked: int


_MORE = (
    "ON CONFLICT (connection_id, hour, kind, what) DO UPDATE SET "
    "number = written.number + excluded.number, unasked = written.unasked + excluded.unasked"
)


def note_written(tx: Connection, connection_id: int, rows: Sequence[tuple[str, str, int, int]], *, at: Instant) -> None:
    """(kind, what, number, unasked) written now; each pair of kind and what once."""
    columns = ("connection_id", "hour", "kind", "what", "number", "unasked")
    database.insert(tx, written, columns, [(connection_id, at // HOUR, *row) for row in rows], otherwise=_MORE)


def written_since(tx: Connection, connection_id: int, hour: int) -> list[Written]:
    """What was written from an hour on."""
    c = written.c
    query = select(c.hour, c.kind, c.what, c.number, c.unasked).where(c.connection_id == connection_id, c.hour >= hour)
    return [Written(*row) for row in tx.execute(query.order_by(c.hour))]


def forget_written(tx: Connection, connection_id: int, *, before: int) -> None:
    """Drop what was written before an hour."""
    tx.execute(written.delete().where(written.c.connection_id == connection_id, written.c.hour < before))


def agree_to_written(tx: Connection, connection_id: int) -> None:
    """A person agrees to what was written so far: it no longer counts with what comes."""
    tx.execute(written.update().where(written.c.connection_id == connection_id).values(unasked=0))
