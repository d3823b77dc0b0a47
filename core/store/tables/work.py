"""What is done: what waits to be written, what was, what failed, what is asked, and each run that did it."""

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

outbox = Table(
    "outbox",
    metadata,
    Column("connection_id", Id, nullable=False),
    Column("record_id", Id, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("mark", BigInteger, nullable=False),
    Column("due_at", Id, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("lease_until", Id, nullable=False),
    Column("note", Text),
    # The mark that the brake has weighed, and the one that may go out because a person wants it.
    Column("weighed", BigInteger),
    Column("released", BigInteger),
    PrimaryKeyConstraint("connection_id", "record_id"),
    Index("outbox_by_lane", "connection_id", "lane", "rank", "record_id"),
    sqlite_with_rowid=False,
)

intent = Table(
    "intent",
    metadata,
    Column("key", Text, primary_key=True),
    Column("connection_id", Id, nullable=False),
    Column("stream_id", Id, nullable=False),
    Column("record_id", Id, nullable=False),
    Column("at", Id, nullable=False),
    # What a create was sent with: found afterwards, that much of the record is no word of the tool's own.
    Column("sent", LargeBinary),
    Index("intent_by_connection", "connection_id"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Id, nullable=False),
    Column("run_id", Id),
    Column("connection_id", Id, nullable=False),
    Column("record_id", Id, nullable=False),
    Column("remote_id", Text),
    Column("verb", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("code", Text),
    Column("fields", Text, nullable=False),
    # What the tool was known to hold where we wrote over it: remote field → value. None where nothing was.
    Column("before", LargeBinary),
    Column("note", Text),
    Index("delivery_by_record", "record_id", "id"),
    Index("delivery_by_run", "run_id", "id"),
    Index("delivery_by_connection", "connection_id", "id"),
    Index(
        "delivery_by_connection_and_code",
        "connection_id",
        "code",
        "id",
        sqlite_where=text("code IS NOT NULL"),
        postgresql_where=text("code IS NOT NULL"),
    ),
    Index(
        "delivery_by_code",
        "code",
        "id",
        sqlite_where=text("code IS NOT NULL"),
        postgresql_where=text("code IS NOT NULL"),
    ),
)

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Id, nullable=False),
    Column("connection_id", Id, nullable=False),
    Column("stream_id", Id, nullable=False),
    Column("record_id", Id, nullable=False),
    Column("verb", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("acts", Text, nullable=False),
    Column("remedy", Text, nullable=False),
    Column("cause", BigInteger, nullable=False),
    Column("edit", LargeBinary, nullable=False),
    UniqueConstraint("connection_id", "record_id"),
)

# A claim refers to a remote record that nobody has seen yet: when that one is bound, these bindings resolve. One that
# names a person by an address nobody has yet waits for a key: stream 0, and the key's digest for an id.
waiting_in = Table(
    "waiting_in",
    metadata,
    Column("stream_id", Id, nullable=False),
    Column("remote_id", Text, nullable=False),
    Column("binding_id", Id, nullable=False),
    PrimaryKeyConstraint("stream_id", "remote_id", "binding_id"),
    sqlite_with_rowid=False,
)

# A record refers to another that a connection does not hold yet: when it does, the first is written again.
waiting_out = Table(
    "waiting_out",
    metadata,
    Column("connection_id", Id, nullable=False),
    Column("target_id", Id, nullable=False),
    Column("record_id", Id, nullable=False),
    PrimaryKeyConstraint("connection_id", "target_id", "record_id"),
    sqlite_with_rowid=False,
)

review = Table(
    "review",
    metadata,
    Column("id", Id, primary_key=True),
    Column("what", Text, nullable=False),
    Column("connection_id", Id, nullable=False),
    Column("record_id", Id, nullable=False),
    Column("field", Text, nullable=False),
    Column("subject", Text, nullable=False),
    # Who is to answer, by name; None for whoever administers the hub.
    Column("owner", Text),
    Column("opened_at", Id, nullable=False),
    Column("due_at", Id, nullable=False),
    # When it was told to somebody else, because the time was up.
    Column("escalated_at", Id),
    Column("closed_at", Id),
    Column("answer", Text),
    Index(
        "review_open",
        "what",
        "record_id",
        "connection_id",
        "field",
        unique=True,
        sqlite_where=text("closed_at IS NULL"),
        postgresql_where=text("closed_at IS NULL"),
    ),
)

run = Table(
    "run",
    metadata,
    Column("id", Id, primary_key=True),
    Column("connection_id", Id, nullable=False),
    Column("stream", Text),
    Column("what", Text, nullable=False),
    Column("began_at", Id, nullable=False),
    Column("ended_at", Id),
    Column("counts", Text, nullable=False),
    Column("code", Text),
    Column("message", Text),
    # What a person's act was about (a review, a mapping, the run it undoes), as JSON; None for the hub's own trips.
    Column("subject", Text),
    # The webhook that it took in, where it was one alone: by it a write is followed back to what caused it.
    Column("webhook_id", Id),
    Index("run_by_connection", "connection_id"),
    Index("run_acts", "id", sqlite_where=text("subject IS NOT NULL"), postgresql_where=text("subject IS NOT NULL")),
    Index("run_failed", "id", sqlite_where=text("code IS NOT NULL"), postgresql_where=text("code IS NOT NULL")),
    *(
        Index(
            name,
            column,
            "id",
            sqlite_where=text("code IS NOT NULL"),
            postgresql_where=text("code IS NOT NULL"),
        )
        for name, column in (("run_failed_by_connection", "connection_id"), ("run_failed_by_code", "code"))
    ),
)

# What could not be read at all: a line of a file, a nameless item. Replaced by each whole walk of its stream.
unread = Table(
    "unread",
    metadata,
    Column("id", Id, primary_key=True),
    Column("stream_id", Id, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("at", Id, nullable=False),
    Column("place", Text, nullable=False),
    UniqueConstraint("stream_id", "place"),
)

# Plans that were made: of what, what they would do, and what became of them.
plan = Table(
    "plan",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Id, nullable=False),
    Column("subject", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("lines", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("run_id", Id),
)

# What was written to a connection, counted by the hour: what is usual there, and what came slowly but was much.
written = Table(
    "written",
    metadata,
    Column("connection_id", Id, nullable=False),
    Column("hour", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("number", Integer, nullable=False),
    # As much of it as nobody was asked about.
    Column("unasked", Integer, nullable=False),
    PrimaryKeyConstraint("connection_id", "hour", "kind", "what"),
    sqlite_with_rowid=False,
)
