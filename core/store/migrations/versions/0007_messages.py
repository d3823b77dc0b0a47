"""messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "message",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("until", ID, nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("message_by_record", "message", ["record_id"], unique=False)
    op.create_index("message_by_state", "message", ["state", "name"], unique=False)


def downgrade() -> None:
    """Go back; mails that wait are not sent."""
    op.drop_table("message")
