"""lost leases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.add_column("lease", sa.Column("lost", sa.SmallInteger(), nullable=False, server_default=sa.text("0")))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("lease") as table:
        table.drop_column("lost")
