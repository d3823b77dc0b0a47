"""Settling: new rows of an index gather in a small table and move to the large one together, in its order.

A digest or a word falls anywhere in its order, so in one large index nearly every new one would touch a page of its
own, and a load would cost more the more is there already.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Table, and_, insert, select, true


def settle(tx: Connection, new: Table, large: Table, these: ColumnElement[bool] | None = None) -> None:
    """Move rows of one table to another with the same columns, all of them its key; `these` where not all."""
    chosen = true() if these is None else these
    columns = tuple(column.name for column in large.primary_key.columns)
    # A row that was added again may stand in both.
    known = select(large.c[columns[0]]).where(and_(*(large.c[name] == new.c[name] for name in columns)))
    fresh = select(*(new.c[name] for name in columns)).where(chosen, ~known.exists())
    tx.execute(insert(large).from_select(columns, fresh.order_by(*(new.c[name] for name in columns))))
    tx.execute(new.delete().where(chosen))
