"""What began a run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    id_ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("run", sa.Column("webhook_id", id_, nullable=True))


def downgrade() -> None:
    """Go back; traces of later writes begin with their run."""
    op.drop_column("run", "webhook_id")
