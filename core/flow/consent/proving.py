"""Proving: that one entry stands in the ledger that was signed, without showing any other.

Whoever gets a proof needs the public key and SHA-256, and neither the hub nor its database (`holds`).
"""

from __future__ import annotations

from typing import NamedTuple

from core.decide import merkle
from core.errors import ConfigError
from core.flow.consent import heads
from core.flow.hub import Hub
from core.store import ledger
from core.store.ledger import Head, Row


class Proof(NamedTuple):
    """An entry, the hashes beside its way to the root, and the signed head with that root."""

    row: Row
    path: list[bytes]
    head: Head


def prove(hub: Hub, place: int) -> Proof:
    """The proof for the entry at a place; what was not signed yet is signed first.

    `ConfigError` where there is no such entry.
    """
    head = heads.sign(hub)
    with hub.store.reading() as tx:
        row = ledger.at(tx, place)
        if row is None or head is None or place >= head.size:
            raise ConfigError(
                f"The ledger has no entry {place}.", remedy="Look a person's entries up with `concord consent log`."
            )
        return Proof(row, merkle.inclusion(ledger.Nodes(tx), place, head.size), head)


def holds(installation: str, proof: Proof) -> bool:
    """Whether a proof is right; an erased entry is proven by its leaf alone."""
    row, head = proof.row, proof.head
    told = row.salt is None or row.body is None or merkle.leaf(row.salt, row.body) == row.leaf
    there = merkle.is_included(row.leaf, row.place, head.size, proof.path, head.root)
    return told and there and heads.holds(installation, head)
