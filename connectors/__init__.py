"""The tools: one folder each, on the kit in `_kit`. They import `core` and the kit, never each other."""
