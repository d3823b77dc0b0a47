"""What is connected: the tools, their streams and mappings, what they told us, and who works them now."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from core.store.tables.base import Id, metadata

connection = Table(
    "connection",
    metadata,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("connector", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("secrets", LargeBinary),
    Column("streams", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("pause_code", Text),
    Column("pause_note", Text),
    Column("skew", Text),
    Column("account", Text),
    # Limits an admin set for the brake; what is not named is learnt or the default.
    Column("brake", Text),
    Column("created_at", Id, nullable=False),
)

stream = Table(
    "stream",
    metadata,
    Column("id", Id, primary_key=True),
    Column("connection_id", Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("cursor", Text),
    Column("phase", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("walked", Integer, nullable=False),
    Column("total", Integer),
    Column("began_at", Id),
    Column("read_at", Id),
    Column("due_at", Id, nullable=False),
    Column("quiet_polls", Integer, nullable=False),
    # Why it is paused and who must act; the side is `whole` or `writing` (`core.flow.pausing`).
    Column("pause_code", Text),
    Column("pause_note", Text),
    Column("pause_acts", Text),
    Column("pause_remedy", Text),
    Column("pause_side", Text),
    Column("try_at", Id),
    UniqueConstraint("connection_id", "name"),
)

mapping = Table(
    "mapping",
    metadata,
    Column("id", Id, primary_key=True),
    Column("connection_id", Id, nullable=False),
    Column("text", Text, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("file", Text, nullable=False),
    Column("at", Id, nullable=False),
    Column("active", SmallInteger, nullable=False),
    Index("mapping_by_connection", "connection_id"),
)

# What each stream looked like when the tool was last asked.
description = Table(
    "description",
    metadata,
    Column("stream_id", Id, primary_key=True, autoincrement=False),
    Column("at", Id, nullable=False),
    Column("text", Text, nullable=False),
)

# Lines of mappings that are left out, because the tool changed what they touch: neither read nor written meanwhile.
paused_line = Table(
    "paused_line",
    metadata,
    Column("stream_id", Id, nullable=False),
    Column("field", Text, nullable=False),
    # `both`, `writing`, or `returning` while a whole walk reads it again (`core.flow.drift.lines`).
    Column("side", Text, nullable=False),
    Column("at", Id, nullable=False),
    Column("code", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("acts", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    PrimaryKeyConstraint("stream_id", "field"),
)

# Webhooks as they came, for as long as somebody may want to look into them: their bodies only, since addresses and
# headers may hold secrets.
webhook = Table(
    "webhook",
    metadata,
    Column("id", Id, primary_key=True),
    Column("connection_id", Id, nullable=False),
    Column("at", Id, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("webhook_by_time", "at"),
)

# What webhooks told, each event once: a repeat is known by the fingerprint of its id. What is heard keeps its row, so
# that it stays known, and nothing of what was told.
notice = Table(
    "notice",
    metadata,
    Column("id", Id, primary_key=True),
    Column("connection_id", Id, nullable=False),
    Column("webhook_id", Id, nullable=False),
    Column("event", Text, nullable=False),
    Column("at", Id, nullable=False),
    Column("kind", Text, nullable=False),
    # None where it is about nothing that is synced.
    Column("stream_id", Id),
    Column("remote_id", Text),
    Column("note", Text, nullable=False),
    Column("told", LargeBinary),
    Column("due_at", Id, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("heard_at", Id),
    UniqueConstraint("connection_id", "event"),
    Index("notice_by_time", "at"),
    Index("notice_by_remote", "remote_id"),
    Index(
        "notice_waiting",
        "connection_id",
        "due_at",
        sqlite_where=text("heard_at IS NULL"),
        postgresql_where=text("heard_at IS NULL"),
    ),
)

# What tools were asked to call us for: each order from before it goes out until nothing comes of it any more. The
# states are those of `core.store.subscriptions`.
subscription = Table(
    "subscription",
    metadata,
    Column("id", Id, primary_key=True),
    Column("connection_id", Id, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("state", Text, nullable=False),
    Column("address", Text, nullable=False),
    # None while nobody knows whether it was made.
    Column("remote_id", Text),
    Column("kept", Text, nullable=False),
    Column("secrets", LargeBinary),
    Column("ordered_at", Id, nullable=False),
    Column("since", Id),
    Column("ends_at", Id),
    # None where nothing is ever to be done about it.
    Column("due_at", Id),
    Column("renew", SmallInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    # The latest failure, as `ConcordError.to_json` tells it.
    Column("trouble", Text),
    Index("subscription_by_connection", "connection_id"),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("token", BigInteger, nullable=False),
    Column("until", Id, nullable=False),
    # How many times in a row whoever held it did not let it go.
    Column("lost", SmallInteger, nullable=False, server_default=text("0")),
)
