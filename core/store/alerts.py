"""Alerts: the troubles that stand, each since when, and when somebody was last told."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from core.decide.alerting import Standing
from core.store import database
from core.store.tables import alert

_COLUMNS = tuple(alert.c[name] for name in Standing._fields)
_CHANGING = tuple(name for name in Standing._fields if name not in {"kind", "where"})


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
