"""What is agreed: the records, what each tool holds of them, every change, and what people said of their data."""

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

record = Table(
    "record",
    metadata,
    Column("id", Id, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("values", Text, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("merged_into", Id),
    Column("version", Integer, nullable=False),
    Column("created_at", Id, nullable=False),
    Column("updated_at", Id, nullable=False),
    Index("record_by_kind", "kind", "state"),
)

binding = Table(
    "binding",
    metadata,
    Column("id", Id, primary_key=True),
    Column("stream_id", Id, nullable=False),
    Column("remote_id", Text, nullable=False),
    Column("record_id", Id, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("digest", BigInteger, nullable=False),
    Column("version", Text),
    Column("modified_at", Id),
    Column("read_at", Id, nullable=False),
    Column("wrote_at", Id),
    Column("claims", LargeBinary, nullable=False),
    Column("expected", LargeBinary, nullable=False),
    Column("told", LargeBinary),
    Column("problems", Text),
    Column("moved_to", Text),
    # The stream in which `moved_to` is an id: ids of different streams may be spelt the same.
    Column("moved_stream_id", Id),
    UniqueConstraint("stream_id", "remote_id"),
    Index("binding_by_record", "record_id"),
    Index(
        "binding_moved",
        "moved_stream_id",
        "moved_to",
        sqlite_where=text("moved_to IS NOT NULL"),
        postgresql_where=text("moved_to IS NOT NULL"),
    ),
    # Few: what is deleted there, cut off, or kept out by a filter.
    Index("binding_apart", "stream_id", "state", sqlite_where=text("state <> 0"), postgresql_where=text("state <> 0")),
    Index(
        "binding_with_problems",
        "stream_id",
        sqlite_where=text("problems IS NOT NULL"),
        postgresql_where=text("problems IS NOT NULL"),
    ),
)

# What records can be found by when a new one is matched: a digest of kind, key and value. New ones gather in a small
# table first (`core.store.settling`).
key, new_key = (
    Table(
        name,
        metadata,
        Column("digest", BigInteger, nullable=False),
        Column("record_id", Id, nullable=False),
        PrimaryKeyConstraint("digest", "record_id"),
        sqlite_with_rowid=False,
    )
    for name in ("key", "new_key")
)

# The words of names, by which people look records up (`core.store.words`); new ones gather likewise. Bytes, because
# these have one order everywhere: a text's depends on how a database was made.
word, new_word = (
    Table(
        name,
        metadata,
        Column("word", LargeBinary, nullable=False),
        Column("record_id", Id, nullable=False),
        PrimaryKeyConstraint("word", "record_id"),
        sqlite_with_rowid=False,
    )
    for name in ("word", "new_word")
)

history = Table(
    "history",
    metadata,
    Column("id", Id, primary_key=True),
    Column("record_id", Id, nullable=False),
    Column("at", Id, nullable=False),
    Column("run_id", Id),
    Column("binding_id", Id),
    Column("what", Text, nullable=False),
    Column("delta", LargeBinary, nullable=False),
    Index("history_by_record", "record_id", "id"),
    Index("history_by_run", "run_id", "id"),
)

# Which activities, documents, payments and deals are about which records, and who manages whom.
about = Table(
    "about",
    metadata,
    Column("target_id", Id, nullable=False),
    Column("record_id", Id, nullable=False),
    PrimaryKeyConstraint("target_id", "record_id"),
    Index("about_by_record", "record_id"),
    sqlite_with_rowid=False,
)

# When fields that somebody holds are to be let go (`core.model.hold` says what is held).
hold = Table(
    "hold",
    metadata,
    Column("record_id", Id, nullable=False),
    Column("field", Text, nullable=False),
    Column("until", Id, nullable=False),
    PrimaryKeyConstraint("record_id", "field", "until"),
    Index("hold_by_time", "until"),
)

# What was ever said about consent, in order; nothing in it is changed. An erasure takes `salt` and `body` away and is
# itself an entry, so that the tree still holds (`core.decide.merkle`).
consent_entry = Table(
    "consent_entry",
    metadata,
    Column("place", Id, primary_key=True, autoincrement=False),
    Column("record_id", Id, nullable=False),
    Column("salt", LargeBinary),
    Column("body", LargeBinary),
    Column("leaf", LargeBinary, nullable=False),
    Index("consent_entry_by_record", "record_id"),
)

# The tree's complete nodes from `core.store.ledger.KEPT_FROM` on, by level and place in one number; those below are
# quickly worked out.
consent_node = Table(
    "consent_node",
    metadata,
    Column("position", Id, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)

# Signed: so many entries gave this root at that time.
consent_head = Table(
    "consent_head",
    metadata,
    Column("size", Id, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("at", Id, nullable=False),
    Column("key", Text, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

# Who was erased on request. Nothing here says who it was: `records` are numbers that hold nothing any more.
erasure = Table(
    "erasure",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("record_id", Id, nullable=False),
    Column("records", Text, nullable=False),
    Column("run_id", Id),
    # What it is called in the list beside the database, where numbers may begin anew (`core.flow.erasure.again`).
    Column("token", Text, nullable=False, unique=True),
    # The admin's own number for the request.
    Column("reference", Text),
    # What was taken out of the hub: table → rows.
    Column("counts", Text, nullable=False),
    # The ledger's entry that says so; None where consent was never spoken of.
    Column("place", Id),
    Column("done_at", Id),
)

# Where somebody who was erased was held, or turned up again. `remote_id` is kept while something is to be done there.
erasure_place = Table(
    "erasure_place",
    metadata,
    Column("id", Id, primary_key=True),
    Column("erasure_id", Id, nullable=False),
    Column("connection_id", Id, nullable=False),
    Column("stream_id", Id, nullable=False),
    Column("remote_id", Text),
    # The key of our own create whose answer nobody has heard.
    Column("key", Text),
    Column("state", Text, nullable=False),
    Column("note", Text),
    Column("at", Id, nullable=False),
    Index("erasure_place_by_erasure", "erasure_id"),
    Index(
        "erasure_place_open",
        "connection_id",
        sqlite_where=text("remote_id IS NOT NULL OR key IS NOT NULL"),
        postgresql_where=text("remote_id IS NOT NULL OR key IS NOT NULL"),
    ),
)

# By what somebody who was erased is known again: keyed hashes of addresses, numbers and the tools' own ids.
suppression = Table(
    "suppression",
    metadata,
    Column("digest", Text, nullable=False),
    Column("erasure_id", Id, nullable=False),
    PrimaryKeyConstraint("digest", "erasure_id"),
    sqlite_with_rowid=False,
)

# What people asked about their own data. An erasure takes `who`, `note` and `why` away where they name the person.
request = Table(
    "request",
    metadata,
    Column("id", Id, primary_key=True),
    Column("came_at", Id, nullable=False),
    # A word of `core.decide.requesting.RIGHTS`.
    Column("right", Text, nullable=False),
    Column("way", Text, nullable=False),
    Column("due_at", Id, nullable=False),
    Column("who", Text),
    Column("note", Text),
    # The keyed hash of the address that asked, so that who asks again is known, as in `suppression`.
    Column("digest", Text),
    Column("record_id", Id),
    Column("taken_by", Text),
    # When more time was taken, and what the person was told for a reason.
    Column("extended_at", Id),
    Column("extended_why", Text),
    # When what is held was given out, and the SHA-256 of that file.
    Column("exported_at", Id),
    Column("exported", Text),
    Column("run_id", Id),
    Column("erasure_id", Id),
    Column("closed_at", Id),
    Column("closed_by", Text),
    # `answered` or `refused`, and then the ground.
    Column("answer", Text),
    Column("ground", Text),
    Column("why", Text),
    Index("request_open", "due_at", sqlite_where=text("closed_at IS NULL"), postgresql_where=text("closed_at IS NULL")),
    Index("request_closed", "closed_at"),
    Index("request_by_record", "record_id"),
    Index("request_by_digest", "digest"),
)
