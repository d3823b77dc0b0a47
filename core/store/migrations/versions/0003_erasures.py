"""erasures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN = sa.text("remote_id IS NOT NULL OR key IS NOT NULL")

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "erasure",
        sa.Column("id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("records", sa.Text(), nullable=False),
        sa.Column("run_id", ID, nullable=True),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("place", ID, nullable=True),
        sa.Column("done_at", ID, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token"),
    )
    op.create_table(
        "erasure_place",
        sa.Column("id", ID, nullable=False),
        sa.Column("erasure_id", ID, nullable=False),
        sa.Column("connection_id", ID, nullable=False),
        sa.Column("stream_id", ID, nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("at", ID, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("erasure_place_by_erasure", "erasure_place", ["erasure_id"], unique=False)
    op.create_index(
        "erasure_place_open",
        "erasure_place",
        ["connection_id"],
        unique=False,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_table(
        "suppression",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("erasure_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("digest", "erasure_id"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Go back; whoever was erased may be taken in again."""
    op.drop_table("suppression")
    op.drop_table("erasure_place")
    op.drop_table("erasure")
