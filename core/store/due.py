"""Due: what waits to be worked, by connection and for the hub as a whole; one statement, whatever is held.

Nothing here is a queue: it is looked up from what stands in the store, so that a wake-up that is lost costs a moment
and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Connection,
    Select,
    Text,
    bindparam,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from core.decide.route import Lane
from core.model.instant import Instant
from core.store import hooks
from core.store.messages import State
from core.store.prepared import Among, prepared
from core.store.tables import (
    connection,
    consent_entry,
    delivery,
    history,
    hold,
    hook,
    intent,
    lease,
    message,
    meta,
    notice,
    outbox,
    review,
    stream,
    subscription,
    verdict,
)

_LEFT = or_(
    meta.c.name.in_(("fold again", "match again")),
    meta.c.name.like("translate connection % again"),
    meta.c.name.like("filter connection % again"),
)
"""The facts that say what a changed configuration has left to be done (`api.assembly`)."""


@dataclass(slots=True)
class Due:
    """What is due at a moment."""

    news: int = 0
    """The place at which history ends: another one after any change."""
    sent: int = 0
    """The newest delivery."""
    unsettled: bool = False
    """Whether a changed configuration has left something to be done before anything else."""
    hub: frozenset[str] = frozenset()
    """What of the hub's own work waits: judging, steps, reviews, holds, subscriptions, mails, sign-ups."""
    ledger: int = 0
    """How many entries the consent ledger has."""
    held: dict[str, str] = field(default_factory=dict)
    """Lease → who holds it at the moment."""
    first_load: set[int] = field(default_factory=set)
    """Connections with a stream to be read that was never read whole."""
    reading: dict[int, Instant] = field(default_factory=dict)
    """Connection → since when a stream of it is to be read; the latest of several."""
    writing: set[int] = field(default_factory=set)
    """Connections to which something is to be written, or may have been created without anybody knowing."""
    told: dict[int, int] = field(default_factory=dict)
    """Connection → the latest of its notices that wait."""
    refusing: set[int] = field(default_factory=set)
    """Connections to which a refusal is to be written."""
    hooks: dict[str, int] = field(default_factory=dict)
    """Host → one of its webhooks that have something to tell."""


def look(tx: Connection, now: Instant, *, reads: Collection[int]) -> Due:
    """What is due now; `reads` are the streams that are read at all."""
    due, own = Due(), set()
    for what, id_, mark, name, holder in _look(tx, now=now, reads=reads):
        match what:
            case "news" | "sent" | "ledger":
                setattr(due, what, mark or 0)
            case "again":
                due.unsettled = True
            case "lease":
                due.held[name] = holder
            case "read":
                due.reading[id_] = max(mark, due.reading.get(id_, 0))
                if name == "backfill":
                    due.first_load.add(id_)
            case "write":
                due.writing.add(id_)
            case "told":
                due.told[id_] = mark
            case "refuse":
                due.refusing.add(id_)
            case "hook":
                due.hooks[name] = id_
            case _:
                own.add(what)
    due.hub = frozenset(own)
    return due


def pressing(tx: Connection, now: Instant) -> set[int]:
    """The connections of which something is to be heard, or to which a refusal or a correction is to be told."""
    return set(_pressing(tx, now=now).scalars())


@prepared
def _pressing(_among: Among) -> Select[Any]:
    now: BindParameter[int] = bindparam("now")
    told = (notice.c.connection_id == connection.c.id, notice.c.heard_at.is_(None), notice.c.due_at <= now)
    waits = (outbox.c.connection_id == connection.c.id, outbox.c.due_at <= now, outbox.c.lease_until <= now)
    urgent = outbox.c.lane.in_((Lane.CONSENT, Lane.FIRST_RESPONSE, Lane.LIVE))
    return select(connection.c.id).where(
        or_(select(notice.c.id).where(*told).exists(), select(outbox.c.record_id).where(*waits, urgent).exists())
    )


def is_unsettled(tx: Connection) -> bool:
    """Whether a changed configuration has left something to be done before anything else."""
    return _again(tx).first() is not None


@prepared
def _again(_among: Among) -> Select[Any]:
    return select(meta.c.name).where(_LEFT).limit(1)


@prepared
def _look(among: Among) -> Any:
    """(what, connection or 0, mark, lease or phase, holder)."""
    now: BindParameter[int] = bindparam("now")
    # Rows that are leased while nobody works their connection were left by somebody who was killed.
    waits = (outbox.c.connection_id == connection.c.id, outbox.c.due_at <= now)
    readable = or_(
        stream.c.pause_side.is_(None), stream.c.pause_side != "whole", func.coalesce(stream.c.try_at, 0) <= now
    )
    return union_all(
        _row("news", mark=func.max(history.c.id)),
        _row("sent", mark=func.max(delivery.c.id)),
        _row("ledger", mark=func.max(consent_entry.c.place)),
        _row("again").select_from(meta).where(_LEFT),
        _row("lease", name=lease.c.name, holder=lease.c.holder).where(lease.c.until > now, lease.c.holder != ""),
        _row("read", stream.c.connection_id, mark=stream.c.due_at, name=stream.c.phase).where(
            among(stream.c.id, "reads"), stream.c.due_at <= now, readable
        ),
        _row("write", connection.c.id).where(
            or_(
                select(outbox.c.record_id).where(*waits).exists(),
                select(intent.c.key).where(intent.c.connection_id == connection.c.id).exists(),
            )
        ),
        _row("refuse", connection.c.id).where(
            select(outbox.c.record_id).where(*waits, outbox.c.lane == Lane.CONSENT).exists()
        ),
        _row("told", notice.c.connection_id, mark=func.max(notice.c.id))
        .where(notice.c.heard_at.is_(None), notice.c.due_at <= now)
        .group_by(notice.c.connection_id),
        _row("hook", func.min(hook.c.id), name=hook.c.host).where(*hooks.is_due(now)).group_by(hook.c.host),
        _if("judge", select(verdict.c.record_id).where(verdict.c.holds_until <= now)),
        _if("step", select(verdict.c.record_id).where(verdict.c.steps > 0)),
        _if("review", select(review.c.id).where(review.c.closed_at.is_(None), review.c.due_at <= now)),
        _if("hold", select(hold.c.record_id).where(hold.c.until <= now)),
        _if("subscription", select(subscription.c.id).where(subscription.c.due_at <= now)),
        _if("mail", select(message.c.name).where(message.c.state.in_((State.WAITING, State.SENDING)))),
    )


def _row(what: str, id_: Any = None, *, mark: Any = None, name: Any = None, holder: Any = None) -> Select[Any]:
    return select(
        literal(what, literal_execute=True),
        literal(0, literal_execute=True) if id_ is None else id_,
        cast(null() if mark is None else mark, BigInteger),
        cast(null() if name is None else name, Text),
        cast(null() if holder is None else holder, Text),
    )


def _if(what: str, found: Select[Any]) -> Select[Any]:
    return _row(what).where(found.exists())
