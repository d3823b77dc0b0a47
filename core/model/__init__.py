"""Nouns: canonical shapes, claims, bindings, records, reviews. Frozen, typed, no input or output."""
