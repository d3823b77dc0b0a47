"""What all tables are made with, and the two that are about the installation itself."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

metadata = MetaData()

Id = BigInteger().with_variant(Integer, "sqlite")

# Facts about the installation: its id, and the like.
meta = Table("meta", metadata, Column("name", Text, primary_key=True), Column("value", Text, nullable=False))

# SQLite has no sequences; PostgreSQL uses its own and leaves this table empty.
sequence = Table("sequence", metadata, Column("name", Text, primary_key=True), Column("next", Id, nullable=False))
