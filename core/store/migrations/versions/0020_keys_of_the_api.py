"""Keys of the API, and what was answered to requests that may be sent twice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "api_key",
        sa.Column("id", ID, primary_key=True),
        sa.Column("digest", sa.Text(), nullable=False, unique=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("begins", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", ID, nullable=False),
        sa.Column("ends_at", ID),
        sa.Column("shut_at", ID),
        sa.Column("seen_at", ID),
    )
    op.create_table(
        "api_answer",
        sa.Column("key_id", ID, nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("asks", sa.Text(), nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("told", sa.Text()),
        sa.PrimaryKeyConstraint("key_id", "request"),
    )
    op.create_index("api_answer_age", "api_answer", ["at"])


def downgrade() -> None:
    """Go back; programs need other ways in."""
    op.drop_table("api_answer")
    op.drop_table("api_key")
