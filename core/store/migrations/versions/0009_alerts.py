"""alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "alert",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("where", sa.Text(), nullable=False),
        sa.Column("since", ID, nullable=False),
        sa.Column("told_at", ID),
        sa.Column("gone_at", ID),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("remedy", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "where"),
    )


def downgrade() -> None:
    """Go back; what stands is told anew."""
    op.drop_table("alert")
