"""All tables. Moments are µs UTC; JSON is text where people or SQL look into it, compressed bytes where not.

Ids are small ascending integers from a sequence, so that indexes grow at their end: a million records cost as much
apiece as ten thousand. `record.values` is a cache: the claims in `binding` and `history` are the truth.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData()

Id = BigInteger().with_variant(Integer, "sqlite")

# Facts about the installation: its id, and the like.
meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

# SQLite has no sequences; PostgreSQL uses its own and leaves this table empty.
sequence = Table("sequence", metadata, Column("name", Text, primary_key=True), Column("next", Id, nullable=False))

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

# By what somebody who was erased is known again: keyed hashes of addresses, numbers and the tools' own ids.
suppression = Table(
    "suppression",
    metadata,
    Column("digest", Text, nullable=False),
    Column("erasure_id", Id, nullable=False),
    PrimaryKeyConstraint("digest", "erasure_id"),
    sqlite_with_rowid=False,
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

# What the audit says of each open record, until when that holds by the clock alone, and what it rests on.
verdict = Table(
    "verdict",
    metadata,
    Column("record_id", Id, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("owner_id", Id),
    Column("source", Text, nullable=False),
    # 0 for a closed one that is kept for what does not fit together, or for a moment to come.
    Column("open", SmallInteger, nullable=False),
    # One bit an element, in the order of `audit.ELEMENTS`.
    Column("elements", SmallInteger, nullable=False),
    Column("stale", SmallInteger, nullable=False),
    # How many things do not fit together.
    Column("unreal", SmallInteger, nullable=False),
    Column("since", Id),
    # Since when the person waits for a word of ours; NULL while nobody does.
    Column("waits_since", Id),
    # Working time until our first word in this stage (µs), and whether that was in time; NULL while it can be.
    Column("answered_after", Id),
    Column("in_window", SmallInteger),
    Column("stalls_at", Id),
    # When its next action had to be done, where that has passed; since when a lead waits for anybody's first word.
    Column("overdue_since", Id),
    Column("unworked_since", Id),
    # The ISO week in which it came in.
    Column("week", Text),
    # Whether what its stage asks for is shown; NULL where it asks for nothing.
    Column("shown", SmallInteger),
    # How many steps of follow-through are due.
    Column("steps", SmallInteger, nullable=False),
    Column("holds_until", Id),
    Column("told", LargeBinary, nullable=False),
    Index(
        "verdict_by_time",
        "holds_until",
        sqlite_where=text("holds_until IS NOT NULL"),
        postgresql_where=text("holds_until IS NOT NULL"),
    ),
    Index("verdict_by_owner", "owner_id"),
    Index("verdict_with_steps", "record_id", sqlite_where=text("steps > 0"), postgresql_where=text("steps > 0")),
)

# The steps of follow-through that were taken. A name holds its occasion, so that each is taken once.
step = Table(
    "step",
    metadata,
    Column("name", Text, primary_key=True),
    Column("record_id", Id, nullable=False),
    Column("step", Text, nullable=False),
    Column("made_id", Id),
    Column("run_id", Id, nullable=False),
    Column("at", Id, nullable=False),
    Index("step_by_record", "record_id"),
    Index("step_by_time", "at"),
)

# The figures of the scorecard as they stood on each day, for the trend.
scorecard = Table(
    "scorecard",
    metadata,
    # `2026-11-30` by the policy's clock.
    Column("day", Text, primary_key=True),
    Column("at", Id, nullable=False),
    # The mark of the policy by which records were judged.
    Column("policy", Text, nullable=False),
    Column("told", Text, nullable=False),
)

# Mails of follow-through: booked in the transaction of their step, sent at most once.
message = Table(
    "message",
    metadata,
    Column("name", Text, primary_key=True),
    Column("record_id", Id, nullable=False),
    Column("rule", Text, nullable=False),
    Column("at", Id, nullable=False),
    Column("until", Id, nullable=False),
    Column("state", SmallInteger, nullable=False),
    Column("note", Text, nullable=False),
    Index("message_by_record", "record_id"),
    Index("message_by_state", "state", "name"),
)

# What forms brought lately, so that one that is sent twice is one; older rows say nothing any more.
lead = Table(
    "lead",
    metadata,
    Column("stream_id", Id, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", BigInteger, nullable=False),
    Column("at", Id, nullable=False),
    PrimaryKeyConstraint("stream_id", "key"),
    Index("lead_by_fingerprint", "stream_id", "fingerprint"),
    Index("lead_by_time", "at"),
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

# Who may use the console.
person = Table(
    "person",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    # As argon2 writes it; None for who signs in elsewhere.
    Column("password", Text),
    # The secret of one-time codes, sealed; None where none are asked for.
    Column("totp", LargeBinary),
    # The step of the last code that was taken: none is taken twice.
    Column("totp_step", Id),
    # IANA name of the zone in which times are shown.
    Column("zone", Text, nullable=False),
    Column("made_at", Id, nullable=False),
    # Since when they may not come in.
    Column("shut_at", Id),
)

# Who is signed in; the token is kept as its digest only.
visit = Table(
    "visit",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("person_id", Id, nullable=False),
    # What every form of this visit carries.
    Column("form_key", Text, nullable=False),
    Column("made_at", Id, nullable=False),
    Column("seen_at", Id, nullable=False),
    Index("visit_of_person", "person_id"),
)

# One-time links: to become somebody, or, with a person, to choose another password.
invitation = Table(
    "invitation",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("person_id", Id),
    Column("made_at", Id, nullable=False),
    Column("ends_at", Id, nullable=False),
)

# Whom an identity provider knows, and who that is here.
provider_account = Table(
    "provider_account",
    metadata,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("person_id", Id, nullable=False),
    # Whether the provider's word gives the role; an admin who gives another one ends that.
    Column("gives_role", Boolean, nullable=False),
    Column("tied_at", Id, nullable=False),
    Index("provider_account_of_person", "person_id"),
)

# Browsers that were sent to another site and are awaited back.
authorization_request = Table(
    "authorization_request",
    metadata,
    # Of the state that comes back.
    Column("digest", Text, primary_key=True),
    # Of what the browser must show.
    Column("browser", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("ends_at", Id, nullable=False),
    Index("authorization_request_ends", "ends_at"),
)

# What people did in the console, each entry chained to the one before.
trail = Table(
    "trail",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", Id, nullable=False),
    Column("person_id", Id),
    # Their address by then; or what acted where nobody was signed in.
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("about", Text, nullable=False),
    # Over all of this and the digest before.
    Column("digest", LargeBinary, nullable=False),
    Index("trail_of_person", "person_id", "id"),
)

# Keys of the API; each is kept as its digest only.
api_key = Table(
    "api_key",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    # The letters with which it begins, by which people tell keys apart.
    Column("begins", Text, nullable=False),
    Column("role", Text, nullable=False),
    # JSON: what of the role's rights it has.
    Column("scopes", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("made_at", Id, nullable=False),
    # When it ends by itself; None: never.
    Column("ends_at", Id),
    Column("shut_at", Id),
    Column("seen_at", Id),
)

# What came of a request that a key may send twice: numbers alone, so that nobody's data outlives them here.
api_answer = Table(
    "api_answer",
    metadata,
    Column("key_id", Id, primary_key=True),
    # Digests of what the caller calls the request, and of what it asks.
    Column("request", Text, primary_key=True),
    Column("asks", Text, nullable=False),
    Column("at", Id, nullable=False),
    # JSON; None while the first one is being done.
    Column("told", Text),
    Index("api_answer_age", "at"),
)

# Webhooks that the hub sends. Nothing waits here: what is to be told is history behind `place`.
hook = Table(
    "hook",
    metadata,
    Column("id", Id, primary_key=True),
    Column("key_id", Id, nullable=False),
    # JSON: names of events.
    Column("events", Text, nullable=False),
    # Whether it is told of what its own key changed.
    Column("own", Boolean, nullable=False),
    Column("host", Text, nullable=False),
    # The address, the secrets and the filter.
    Column("sealed", LargeBinary, nullable=False),
    Column("made_at", Id, nullable=False),
    Column("state", Text, nullable=False),
    # Why it is paused or ended.
    Column("why", Text, nullable=False),
    Column("changed_at", Id, nullable=False),
    # The last step of history that it was told of, and the last event that was accepted of the step after that.
    Column("place", Id, nullable=False),
    Column("told", Text, nullable=False),
    # How often the next event was refused, and when it is tried again.
    Column("tries", SmallInteger, nullable=False),
    Column("try_at", Id, nullable=False),
    # Until when the secret before this one signs, too.
    Column("old_until", Id, nullable=False),
    Index("hook_of_key", "key_id"),
)

# What became of webhooks that were sent; no word of what was in them.
hook_delivery = Table(
    "hook_delivery",
    metadata,
    Column("id", Id, primary_key=True),
    Column("hook_id", Id, nullable=False),
    Column("at", Id, nullable=False),
    Column("event", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("record_id", Id),
    Column("status", SmallInteger),
    Column("error", Text, nullable=False),
    Index("hook_delivery_of_hook", "hook_id", "id"),
    Index("hook_delivery_age", "at"),
)
