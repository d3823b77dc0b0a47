"""Alerts that somebody put off, and what was told of which."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.add_column("alert", sa.Column("quiet_until", ID))
    op.add_column("alert", sa.Column("quiet_by", sa.Text()))
    op.add_column("alert", sa.Column("quiet_why", sa.Text()))
    op.create_table(
        "telling",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("where", sa.Text(), nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("since", ID, nullable=False),
        sa.Column("gone_at", ID),
        sa.Column("to", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("telling_by_time", "telling", ["at"])


def downgrade() -> None:
    """Go back; what was put off is told."""
    op.drop_table("telling")
    for name in ("quiet_until", "quiet_by", "quiet_why"):
        op.drop_column("alert", name)
