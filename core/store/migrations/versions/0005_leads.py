"""leads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "lead",
        sa.Column("stream_id", ID, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.BigInteger(), nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.PrimaryKeyConstraint("stream_id", "key"),
    )
    op.create_index("lead_by_fingerprint", "lead", ["stream_id", "fingerprint"], unique=False)
    op.create_index("lead_by_time", "lead", ["at"], unique=False)


def downgrade() -> None:
    """Go back; what was sent twice just now counts twice."""
    op.drop_table("lead")
