"""Requests that take longer: when more time was taken, and the reason that the person was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.add_column("request", sa.Column("extended_at", ID))
    op.add_column("request", sa.Column("extended_why", sa.Text()))


def downgrade() -> None:
    """Go back; the later end of a request stays, and its reason is lost."""
    op.drop_column("request", "extended_why")
    op.drop_column("request", "extended_at")
