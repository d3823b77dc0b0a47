"""What should move: verdicts on open records, the steps taken for them, messages and leads."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, PrimaryKeyConstraint, SmallInteger, Table, Text, text

from core.store.tables.base import Id, metadata

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
