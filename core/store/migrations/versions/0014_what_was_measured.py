"""What was measured of agreement, block by block; and an index of the few bindings that are not simply bound."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "measured",
        sa.Column("block", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("open", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("block", "connection_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("measured_by_time", "measured", ["connection_id", "at"])
    said = sa.text("open = 1")
    op.create_index("measured_open", "measured", ["connection_id", "at"], sqlite_where=said, postgresql_where=said)
    few = sa.text("state <> 0")
    op.create_index("binding_apart", "binding", ["stream_id", "state"], sqlite_where=few, postgresql_where=few)


def downgrade() -> None:
    """Go back; everything is measured each time."""
    op.drop_index("binding_apart", "binding")
    op.drop_table("measured")
