"""Alerts: the troubles that stand, each since when, and when somebody was last told; and what was told lately."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from core.decide.alerting import News, Standing
from core.model.instant import DAY, Instant
from core.store import database
from core.store.codec import dumps, loads
from core.store.tables import alert, telling

KEPT = 30 * DAY
"""So long it is kept what was told."""
_COLUMNS = tuple(alert.c[name] for name in Standing._fields)
_CHANGING = ("since", "told_at", "gone_at", "says", "remedy")
"""What a look changes; whoever puts a trouble off meanwhile is not overruled."""


class Telling(NamedTuple):
    """Something that was told."""

    id: int
    at: Instant
    what: str
    """`first`, `again` or `over`."""
    kind: str
    where: str
    says: str
    since: Instant
    gone_at: Instant | None
    to: Sequence[str]
    """Ways by which it was told, each with whom; none where nobody was to hear."""


def standing(tx: Connection) -> list[Standing]:
    """All that stand, the oldest first."""
    return [Standing(*row) for row in tx.execute(select(*_COLUMNS).order_by(alert.c.since, *_COLUMNS[:2]))]


def put(tx: Connection, before: Collection[Standing], now: Collection[Standing]) -> None:
    """Keep what stands from now on in place of what stood before."""
    left = {one.key for one in before} - {one.key for one in now}
    database.delete(tx, alert, ("kind", "where"), sorted(left))
    again = ", ".join(f"{name} = excluded.{name}" for name in _CHANGING)
    rows = [tuple(one) for one in now if one not in before]
    database.insert(tx, alert, Standing._fields, rows, otherwise=f'ON CONFLICT (kind, "where") DO UPDATE SET {again}')


def put_off(tx: Connection, key: tuple[str, str], until: Instant | None, by: str | None, why: str | None) -> bool:
    """Tell nothing of a trouble before this time, None to tell as usual; whether it stands."""
    those = (alert.c.kind == key[0], alert.c["where"] == key[1], alert.c.gone_at.is_(None))
    change = update(alert).where(*those).values(quiet_until=until, quiet_by=by, quiet_why=why)
    return bool(tx.execute(change).rowcount)


def note(tx: Connection, news: Collection[News], to: Sequence[str], at: Instant) -> None:
    """Keep what was told to whom, and let go of what is too old."""
    tx.execute(delete(telling).where(telling.c.at < at - KEPT))
    rows = [
        {
            "at": at, "what": one.what, "kind": one.about.kind, "where": one.about.where, "says": one.about.says,
            "since": one.about.since, "gone_at": one.about.gone_at, "to": dumps(list(to)),
        }
        for one in news
    ]  # fmt: skip
    tx.execute(insert(telling), rows)


def told(tx: Connection, limit: int = 200) -> list[Telling]:
    """What was told lately, newest first."""
    query = select(telling).order_by(telling.c.id.desc()).limit(limit)
    return [Telling(*row)._replace(to=loads(row.to)) for row in tx.execute(query)]
