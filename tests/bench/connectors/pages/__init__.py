"""A tool that shows its contacts in pages, for the benches."""
