"""Filters: which records a stream lets in and a tool gets, and what becomes of one that no longer fits."""
