"""webhooks."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("heard_at IS NULL")

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "webhook",
        sa.Column("id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("webhook_by_time", "webhook", ["at"], unique=False)
    op.create_table(
        "notice",
        sa.Column("id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("webhook_id", ID, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stream_id", ID, nullable=True),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("told", sa.LargeBinary(), nullable=True),
        sa.Column("due_at", ID, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("heard_at", ID, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("connection_id", "event"),
    )
    op.create_index("notice_by_time", "notice", ["at"], unique=False)
    op.create_index("notice_by_remote", "notice", ["remote_id"], unique=False)
    op.create_index(
        "notice_waiting",
        "notice",
        ["connection_id", "due_at"],
        unique=False,
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def downgrade() -> None:
    """Go back; what was told and not heard yet is found by the next poll."""
    op.drop_table("notice")
    op.drop_table("webhook")
