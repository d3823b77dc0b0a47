"""Consent: every word about it goes into a ledger that can be proven, and whoever is about to write to people asks."""
