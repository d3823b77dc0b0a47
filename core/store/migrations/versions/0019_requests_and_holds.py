"""Requests of people about their own data; and when held fields are let go."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("closed_at IS NULL")

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "request",
        sa.Column("id", ID, nullable=False),
        sa.Column("came_at", ID, nullable=False),
        sa.Column("right", sa.Text(), nullable=False),
        sa.Column("way", sa.Text(), nullable=False),
        sa.Column("due_at", ID, nullable=False),
        sa.Column("who", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("digest", sa.Text()),
        sa.Column("record_id", ID),
        sa.Column("taken_by", sa.Text()),
        sa.Column("exported_at", ID),
        sa.Column("exported", sa.Text()),
        sa.Column("run_id", ID),
        sa.Column("erasure_id", ID),
        sa.Column("closed_at", ID),
        sa.Column("closed_by", sa.Text()),
        sa.Column("answer", sa.Text()),
        sa.Column("ground", sa.Text()),
        sa.Column("why", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("request_open", "request", ["due_at"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    for name, column in (("closed", "closed_at"), ("by_record", "record_id"), ("by_digest", "digest")):
        op.create_index(f"request_{name}", "request", [column])

    op.create_table(
        "hold",
        sa.Column("record_id", ID, nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("until", ID, nullable=False),
        sa.PrimaryKeyConstraint("record_id", "field", "until"),
    )
    op.create_index("hold_by_time", "hold", ["until"])


def downgrade() -> None:
    """Go back; what people asked is lost, and what is held is held until somebody lets it go."""
    op.drop_table("hold")
    op.drop_table("request")
