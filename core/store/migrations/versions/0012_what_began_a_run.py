"""What began a run, and indexes for what the log is asked by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_OF_FEW = (
    ("delivery_by_code", "delivery", ["code", "id"], "code IS NOT NULL"),
    ("run_failed", "run", ["id"], "code IS NOT NULL"),
    ("run_acts", "run", ["id"], "subject IS NOT NULL"),
)


def upgrade() -> None:
    """Go to this version."""
    id_ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("run", sa.Column("webhook_id", id_, nullable=True))
    op.create_index("delivery_by_connection", "delivery", ["connection_id", "id"])
    for name, table, columns, said in _OF_FEW:
        op.create_index(name, table, columns, sqlite_where=sa.text(said), postgresql_where=sa.text(said))


def downgrade() -> None:
    """Go back; a trace begins with its run, and the log is searched slowly."""
    for name, table, _, _ in reversed(_OF_FEW):
        op.drop_index(name, table)
    op.drop_index("delivery_by_connection", "delivery")
    op.drop_column("run", "webhook_id")
