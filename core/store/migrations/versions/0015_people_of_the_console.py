"""Who may use the console, who is signed in, who is invited, and what they did."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "person",
        sa.Column("id", ID, primary_key=True),
        sa.Column("email", sa.Text(), nullable=False, unique=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password", sa.Text()),
        sa.Column("totp", sa.LargeBinary()),
        sa.Column("totp_step", ID),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("made_at", ID, nullable=False),
        sa.Column("shut_at", ID),
    )
    op.create_table(
        "visit",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("form_key", sa.Text(), nullable=False),
        sa.Column("made_at", ID, nullable=False),
        sa.Column("seen_at", ID, nullable=False),
    )
    op.create_index("visit_of_person", "visit", ["person_id"])
    op.create_table(
        "invitation",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("person_id", ID),
        sa.Column("made_at", ID, nullable=False),
        sa.Column("ends_at", ID, nullable=False),
    )
    op.create_table(
        "trail",
        sa.Column("id", ID, primary_key=True),
        sa.Column("at", ID, nullable=False),
        sa.Column("person_id", ID),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
    )
    op.create_index("trail_of_person", "trail", ["person_id", "id"])


def downgrade() -> None:
    """Go back; nobody can sign in any more, and what they did is forgotten."""
    for table in ("trail", "invitation", "visit", "person"):
        op.drop_table(table)
