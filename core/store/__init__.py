"""The hub's memory: SQLAlchemy tables and set-based queries over SQLite (WAL) or PostgreSQL.

Queries are grouped by noun, one module each; they take an open transaction and whole sets, and their number of
statements never depends on how many records they are given. Decisions live in `core.decide`, trips in `core.flow`.
"""

from sqlalchemy import Connection as Tx

__all__ = ["Tx"]
