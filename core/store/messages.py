"""Mails of follow-through on their way: each is booked with its step, and sent at most once.

    waiting ▶ sending ▶ sent          refused: the consent gate said no until its time was up
                  └▶ unsure           failed: the server takes no mail for them     left: it is not owed any more

No words are kept here: a mail is written when it goes out, from what stands then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import IntEnum
from typing import NamedTuple

from sqlalchemy import Connection, select

from core.decide.movement.steps import Deed
from core.model.instant import Instant
from core.store import database
from core.store.database import among
from core.store.tables import message


class State(IntEnum):
    """How far a mail has come."""

    WAITING = 0
    SENDING = 1
    """It was about to go out; after a crash nobody knows whether it did."""
    SENT = 2
    REFUSED = 3
    FAILED = 4
    UNSURE = 5
    LEFT = 6

    @property
    def is_settled(self) -> bool:
        """Whether nothing more becomes of it."""
        return self not in (State.WAITING, State.SENDING)


class Booked(NamedTuple):
    """A mail that is to go out."""

    name: str
    """Its step's."""
    record_id: int
    rule: str
    """The acknowledgement it is, by its name in the policy."""
    at: Instant
    """When it was booked."""
    until: Instant
    """Later it is not sent any more."""
    state: State = State.WAITING
    note: str = ""
    """Why it waits, or did not go out."""

    @classmethod
    def of(cls, deed: Deed, now: Instant) -> Booked:
        """The mail of a step."""
        return cls(deed.name, deed.record_id, deed.on, now, deed.due_at if deed.due_at is not None else now)


_ALL = tuple(message.c[name] for name in Booked._fields)


def book(tx: Connection, rows: Iterable[Booked]) -> None:
    """Let these mails wait for their way out."""
    database.insert(tx, message, Booked._fields, [(*one[:5], int(one.state), one.note) for one in rows])


def on_their_way(tx: Connection, *, after: str, limit: int) -> list[Booked]:
    """Mails of which something is still to become, in the order of their names."""
    query = select(*_ALL).where(message.c.state.in_((State.WAITING, State.SENDING)), message.c.name > after)
    return [_read(row) for row in tx.execute(query.order_by(message.c.name).limit(limit))]


def of_records(tx: Connection, record_ids: Collection[int]) -> dict[int, list[Booked]]:
    """Record id → its mails, in the order in which they were booked."""
    found: dict[int, list[Booked]] = {}
    query = select(*_ALL).where(among(tx, message.c.record_id, record_ids)).order_by(message.c.at, message.c.name)
    for row in tx.execute(query) if record_ids else ():
        one = _read(row)
        found.setdefault(one.record_id, []).append(one)
    return found


def move(tx: Connection, rows: Iterable[Booked]) -> None:
    """Write down how far these have come."""
    said = [(int(one.state), one.note, one.name) for one in rows]
    database.update(tx, message, ("name",), ("state", "note"), said)


def _read(row: Iterable[object]) -> Booked:
    one = Booked(*row)  # type: ignore[arg-type]
    return one._replace(state=State(one.state))


def doubt(tx: Connection) -> None:
    """What waits may have gone out already: it is looked for, and not sent."""
    tx.execute(message.update().where(message.c.state == State.WAITING).values(state=int(State.SENDING)))
