"""the first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "agreement",
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "kind"),
    )
    op.create_table(
        "binding",
        sa.Column("id", ID, nullable=False),
        sa.Column("stream_id", ID, nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("modified_at", ID, nullable=True),
        sa.Column("read_at", ID, nullable=False),
        sa.Column("wrote_at", ID, nullable=True),
        sa.Column("claims", sa.LargeBinary(), nullable=False),
        sa.Column("expected", sa.LargeBinary(), nullable=False),
        sa.Column("told", sa.LargeBinary(), nullable=True),
        sa.Column("problems", sa.Text(), nullable=True),
        sa.Column("moved_to", sa.Text(), nullable=True),
        sa.Column("moved_stream_id", ID, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("stream_id", "remote_id"),
    )
    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.create_index("binding_by_record", ["record_id"], unique=False)
        batch_op.create_index(
            "binding_moved",
            ["moved_stream_id", "moved_to"],
            unique=False,
            sqlite_where=sa.text("moved_to IS NOT NULL"),
            postgresql_where=sa.text("moved_to IS NOT NULL"),
        )
        batch_op.create_index(
            "binding_with_problems",
            ["stream_id"],
            unique=False,
            sqlite_where=sa.text("problems IS NOT NULL"),
            postgresql_where=sa.text("problems IS NOT NULL"),
        )

    op.create_table(
        "connection",
        sa.Column("id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("connector", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("streams", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("pause_code", sa.Text(), nullable=True),
        sa.Column("pause_note", sa.Text(), nullable=True),
        sa.Column("skew", sa.Text(), nullable=True),
        sa.Column("account", sa.Text(), nullable=True),
        sa.Column("brake", sa.Text(), nullable=True),
        sa.Column("created_at", ID, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "dead_letter",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("stream_id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("acts", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.Column("cause", sa.BigInteger(), nullable=False),
        sa.Column("edit", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("connection_id", "record_id"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("run_id", ID, nullable=True),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("verb", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("before", sa.LargeBinary(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index("delivery_by_record", ["record_id"], unique=False)
        batch_op.create_index("delivery_by_run", ["run_id"], unique=False)

    op.create_table(
        "description",
        sa.Column("stream_id", ID, autoincrement=False, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("stream_id"),
    )
    op.create_table(
        "history",
        sa.Column("id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("run_id", ID, nullable=True),
        sa.Column("binding_id", ID, nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("delta", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("history", schema=None) as batch_op:
        batch_op.create_index("history_by_record", ["record_id"], unique=False)
        batch_op.create_index("history_by_run", ["run_id"], unique=False)

    op.create_table(
        "intent",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("stream_id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("sent", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("key"),
    )
    with op.batch_alter_table("intent", schema=None) as batch_op:
        batch_op.create_index("intent_by_connection", ["connection_id"], unique=False)

    op.create_table(
        "key",
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("digest", "record_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "new_key",
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("digest", "record_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("until", ID, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "mapping",
        sa.Column("id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("active", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("mapping", schema=None) as batch_op:
        batch_op.create_index("mapping_by_connection", ["connection_id"], unique=False)

    op.create_table(
        "meta",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "outbox",
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("lane", sa.SmallInteger(), nullable=False),
        sa.Column("rank", sa.SmallInteger(), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.Column("due_at", ID, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", ID, nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("weighed", sa.BigInteger(), nullable=True),
        sa.Column("released", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("connection_id", "record_id"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.create_index("outbox_by_lane", ["connection_id", "lane", "rank", "record_id"], unique=False)

    op.create_table(
        "paused_line",
        sa.Column("stream_id", ID, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("acts", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "field"),
    )
    op.create_table(
        "plan",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("lines", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run_id", ID, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "record",
        sa.Column("id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("values", sa.Text(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("merged_into", ID, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.create_index("record_by_kind", ["kind", "state"], unique=False)

    op.create_table(
        "review",
        sa.Column("id", ID, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("opened_at", ID, nullable=False),
        sa.Column("due_at", ID, nullable=False),
        sa.Column("escalated_at", ID, nullable=True),
        sa.Column("closed_at", ID, nullable=True),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("review", schema=None) as batch_op:
        batch_op.create_index(
            "review_open",
            ["what", "record_id", "connection_id", "field"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "run",
        sa.Column("id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("stream", sa.Text(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("began_at", ID, nullable=False),
        sa.Column("ended_at", ID, nullable=True),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.create_index("run_by_connection", ["connection_id"], unique=False)

    op.create_table(
        "sequence",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("next", ID, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "stream",
        sa.Column("id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("walked", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("began_at", ID, nullable=True),
        sa.Column("read_at", ID, nullable=True),
        sa.Column("due_at", ID, nullable=False),
        sa.Column("quiet_polls", sa.Integer(), nullable=False),
        sa.Column("pause_code", sa.Text(), nullable=True),
        sa.Column("pause_note", sa.Text(), nullable=True),
        sa.Column("pause_acts", sa.Text(), nullable=True),
        sa.Column("pause_remedy", sa.Text(), nullable=True),
        sa.Column("pause_side", sa.Text(), nullable=True),
        sa.Column("try_at", ID, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("connection_id", "name"),
    )
    op.create_table(
        "unread",
        sa.Column("id", ID, nullable=False),
        sa.Column("stream_id", ID, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("stream_id", "place"),
    )
    op.create_table(
        "waiting_in",
        sa.Column("stream_id", ID, nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("binding_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "remote_id", "binding_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "waiting_out",
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("target_id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "target_id", "record_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "written",
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("hour", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("unasked", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "hour", "kind", "what"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table("written")
    op.drop_table("waiting_out")
    op.drop_table("waiting_in")
    op.drop_table("unread")
    op.drop_table("stream")
    op.drop_table("sequence")
    with op.batch_alter_table("run", schema=None) as batch_op:
        batch_op.drop_index("run_by_connection")

    op.drop_table("run")
    with op.batch_alter_table("review", schema=None) as batch_op:
        batch_op.drop_index(
            "review_open", sqlite_where=sa.text("closed_at IS NULL"), postgresql_where=sa.text("closed_at IS NULL")
        )

    op.drop_table("review")
    with op.batch_alter_table("record", schema=None) as batch_op:
        batch_op.drop_index("record_by_kind")

    op.drop_table("record")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_index("outbox_by_lane")

    op.drop_table("plan")
    op.drop_table("paused_line")
    op.drop_table("outbox")
    op.drop_table("meta")
    with op.batch_alter_table("mapping", schema=None) as batch_op:
        batch_op.drop_index("mapping_by_connection")

    op.drop_table("mapping")
    op.drop_table("lease")
    op.drop_table("new_key")
    op.drop_table("key")
    with op.batch_alter_table("intent", schema=None) as batch_op:
        batch_op.drop_index("intent_by_connection")

    op.drop_table("intent")
    with op.batch_alter_table("history", schema=None) as batch_op:
        batch_op.drop_index("history_by_run")
        batch_op.drop_index("history_by_record")

    op.drop_table("history")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index("delivery_by_run")
        batch_op.drop_index("delivery_by_record")

    op.drop_table("description")
    op.drop_table("delivery")
    op.drop_table("dead_letter")
    op.drop_table("connection")
    with op.batch_alter_table("binding", schema=None) as batch_op:
        batch_op.drop_index(
            "binding_with_problems",
            sqlite_where=sa.text("problems IS NOT NULL"),
            postgresql_where=sa.text("problems IS NOT NULL"),
        )
        batch_op.drop_index(
            "binding_moved",
            sqlite_where=sa.text("moved_to IS NOT NULL"),
            postgresql_where=sa.text("moved_to IS NOT NULL"),
        )
        batch_op.drop_index("binding_by_record")

    op.drop_table("binding")
    op.drop_table("agreement")
