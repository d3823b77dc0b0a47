"""Erasure: a person is taken out of the hub and of every tool that lets us, and is not taken in again."""
