"""Whom an identity provider knows, and who was sent to another site and is awaited back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "provider_account",
        sa.Column("issuer", sa.Text(), primary_key=True),
        sa.Column("subject", sa.Text(), primary_key=True),
        sa.Column("person_id", ID, nullable=False),
        sa.Column("gives_role", sa.Boolean(), nullable=False),
        sa.Column("tied_at", ID, nullable=False),
    )
    op.create_index("provider_account_of_person", "provider_account", ["person_id"])
    op.create_table(
        "authorization_request",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("browser", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("ends_at", ID, nullable=False),
    )
    op.create_index("authorization_request_ends", "authorization_request", ["ends_at"])


def downgrade() -> None:
    """Go back; people of a provider are matched by their address again."""
    for table in ("authorization_request", "provider_account"):
        op.drop_table(table)
