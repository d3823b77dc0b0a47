"""The hub: one canonical model, claims folded into records, and the trips that keep tools in agreement."""
