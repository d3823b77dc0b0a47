"""the scorecard."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version; the next audit judges everything anew and fills the new columns."""
    op.add_column("verdict", sa.Column("overdue_since", ID, nullable=True))
    op.add_column("verdict", sa.Column("unworked_since", ID, nullable=True))
    op.add_column("verdict", sa.Column("week", sa.Text(), nullable=True))
    op.add_column("verdict", sa.Column("shown", sa.SmallInteger(), nullable=True))
    op.create_index("step_by_time", "step", ["at"], unique=False)
    op.create_table(
        "scorecard",
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("told", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("day"),
    )


def downgrade() -> None:
    """Go back from this version."""
    op.drop_table("scorecard")
    op.drop_index("step_by_time", "step")
    for column in ("shown", "week", "unworked_since", "overdue_since"):
        op.drop_column("verdict", column)
