"""How well it goes: agreement and what was measured of it, and the alerts that were told."""

from __future__ import annotations

from sqlalchemy import Column, Index, PrimaryKeyConstraint, SmallInteger, Table, Text, text

from core.store.tables.base import Id, metadata

agreement = Table(
    "agreement",
    metadata,
    Column("connection_id", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", Id, nullable=False),
    Column("counts", Text, nullable=False),
    PrimaryKeyConstraint("connection_id", "kind"),
)

# The same by day, as it was measured last on each: the trend.
agreement_day = Table(
    "agreement_day",
    metadata,
    Column("connection_id", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("fields", Id, nullable=False),
    Column("agreed", Id, nullable=False),
    PrimaryKeyConstraint("connection_id", "kind", "day"),
)

# What makes up the agreement, by stretches of record numbers: what did not change is not measured again
# (`core.store.measured`).
measured = Table(
    "measured",
    metadata,
    Column("block", Id, nullable=False),
    Column("connection_id", Id, nullable=False),
    # 0 where it is to be measured again.
    Column("at", Id, nullable=False),
    Column("counts", Text, nullable=False),
    # Whether something in it is not agreed.
    Column("open", SmallInteger, nullable=False),
    PrimaryKeyConstraint("block", "connection_id"),
    Index("measured_by_time", "connection_id", "at"),
    Index(
        "measured_open",
        "connection_id",
        "at",
        sqlite_where=text("open = 1"),
        postgresql_where=text("open = 1"),
    ),
    sqlite_with_rowid=False,
)

# What is wrong, since when, and when somebody was last told of it.
alert = Table(
    "alert",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("where", Text, primary_key=True),
    Column("since", Id, nullable=False),
    Column("told_at", Id),
    # Since when it is not there any more; it is over when it stays away.
    Column("gone_at", Id),
    Column("says", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    # Put off by somebody: until when, by whom, and why.
    Column("quiet_until", Id),
    Column("quiet_by", Text),
    Column("quiet_why", Text),
)

# What was told lately: who was told of what, and by which ways.
telling = Table(
    "telling",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Id, nullable=False),
    # `first`, `again` or `over`.
    Column("what", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("where", Text, nullable=False),
    Column("says", Text, nullable=False),
    Column("since", Id, nullable=False),
    Column("gone_at", Id),
    # Who was told, as JSON: ways with their names; none where nobody was to hear.
    Column("to", Text, nullable=False),
    Index("telling_by_time", "at"),
)
