"""Agreement by day, so that its trend can be shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "agreement_day",
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("fields", ID, nullable=False),
        sa.Column("agreed", ID, nullable=False),
        sa.PrimaryKeyConstraint("connection_id", "kind", "day"),
    )


def downgrade() -> None:
    """Go back; the trend begins anew."""
    op.drop_table("agreement_day")
