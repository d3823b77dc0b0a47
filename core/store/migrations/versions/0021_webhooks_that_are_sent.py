"""Webhooks that the hub sends: who subscribed to what, how far each has been told, and what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "hook",
        sa.Column("id", ID, primary_key=True),
        sa.Column("key_id", ID, nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", ID, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("changed_at", ID, nullable=False),
        sa.Column("place", ID, nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("try_at", ID, nullable=False),
        sa.Column("old_until", ID, nullable=False),
    )
    op.create_index("hook_of_key", "hook", ["key_id"])
    op.create_table(
        "hook_delivery",
        sa.Column("id", ID, primary_key=True),
        sa.Column("hook_id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("record_id", ID),
        sa.Column("status", sa.SmallInteger()),
        sa.Column("error", sa.Text(), nullable=False),
    )
    op.create_index("hook_delivery_of_hook", "hook_delivery", ["hook_id", "id"])
    op.create_index("hook_delivery_age", "hook_delivery", ["at"])


def downgrade() -> None:
    """Go back; whoever was told by webhooks needs another way."""
    op.drop_table("hook_delivery")
    op.drop_table("hook")
