"""Undo: history is told without a run, and what then differs is put back, here and in the tools."""
