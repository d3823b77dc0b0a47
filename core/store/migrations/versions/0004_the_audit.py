"""the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIMED = sa.text("holds_until IS NOT NULL")
DUE = sa.text("steps > 0")

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "about",
        sa.Column("target_id", ID, nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.PrimaryKeyConstraint("target_id", "record_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("about_by_record", "about", ["record_id"], unique=False)
    op.create_table(
        "verdict",
        sa.Column("record_id", ID, nullable=False, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("open", sa.SmallInteger(), nullable=False),
        sa.Column("elements", sa.SmallInteger(), nullable=False),
        sa.Column("stale", sa.SmallInteger(), nullable=False),
        sa.Column("unreal", sa.SmallInteger(), nullable=False),
        sa.Column("since", ID, nullable=True),
        sa.Column("waits_since", ID, nullable=True),
        sa.Column("answered_after", ID, nullable=True),
        sa.Column("in_window", sa.SmallInteger(), nullable=True),
        sa.Column("stalls_at", ID, nullable=True),
        sa.Column("steps", sa.SmallInteger(), nullable=False),
        sa.Column("holds_until", ID, nullable=True),
        sa.Column("told", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("record_id"),
    )
    op.create_index(
        "verdict_by_time", "verdict", ["holds_until"], unique=False, sqlite_where=TIMED, postgresql_where=TIMED
    )
    op.create_index("verdict_by_owner", "verdict", ["owner_id"], unique=False)
    op.create_index(
        "verdict_with_steps", "verdict", ["record_id"], unique=False, sqlite_where=DUE, postgresql_where=DUE
    )
    op.create_table(
        "step",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("made_id", ID, nullable=True),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index("step_by_record", "step", ["record_id"], unique=False)


def downgrade() -> None:
    """Go back from this version."""
    op.drop_table("step")
    op.drop_table("verdict")
    op.drop_table("about")
