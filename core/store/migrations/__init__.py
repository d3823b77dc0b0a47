"""Migrations of the schema, run by `core.store.schema`."""
