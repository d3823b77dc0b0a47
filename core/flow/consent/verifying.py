"""Verifying the ledger: every entry against its leaf, every leaf against the tree, the tree against each signed head.

Nothing is mended here. What is found is told by place, so that an auditor can look at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from core.decide import merkle
from core.flow.consent import heads
from core.flow.hub import Hub
from core.model.many import many, verb
from core.store import Tx, bindings, ledger, records
from core.store.bindings import Bound
from core.store.ledger import Head

_TOLD = 20
"""So many findings of a kind are told one by one."""
_PAGE = 2_000
_LOST = bytes(32)
"""Stands in the tree for a leaf that is not there."""


@dataclass(slots=True)
class Verified:
    """What was looked at, and what is wrong."""

    entries: int = 0
    erased: int = 0
    heads: int = 0
    root: bytes = merkle.EMPTY
    claims: int = 0
    """Claims about consent in the store that were held against the ledger."""
    wrong: list[str] = field(default_factory=list)
    """In words, with the place; at most a few of each kind."""
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong

    def find(self, kind: str, words: str) -> None:
        """Note something wrong."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if self.counts[kind] <= _TOLD:
            self.wrong.append(words)


def verify(
    hub: Hub, *, kept: Sequence[Head] = (), tell: Callable[[int], None] = lambda _: None, claims: bool = True
) -> Verified:
    """Look at the whole ledger; `kept` are heads that somebody kept elsewhere, `tell` hears how far it is.

    With `claims`, each word about consent that counts in the store is looked for in the ledger, too.
    """
    found = Verified()
    with hub.store.reading() as tx:
        signed = _signed(hub, found, [*ledger.heads(tx), *kept])
        latest: dict[tuple[int, int, str], Any] = {}
        _walk(tx, found, signed, latest, tell)
        if claims:
            _held_against_claims(hub, tx, found, latest)
    return found


def _signed(hub: Hub, found: Verified, all_heads: Sequence[Head]) -> dict[int, bytes]:
    """Size → root of the heads whose signature is right."""
    own = hub.signer.public if hub.signer else None
    roots: dict[int, bytes] = {}
    for head in all_heads:
        found.heads += 1
        if not heads.holds(hub.installation, head) or (own is not None and head.key != own):
            found.find("head", f"the head of {many(head.size, 'entry')} is not signed with this installation's key")
        elif roots.setdefault(head.size, head.root) != head.root:
            found.find("head", f"two heads of {many(head.size, 'entry')} have different roots")
    return roots


def _walk(
    tx: Tx,
    found: Verified,
    signed: dict[int, bytes],
    latest: dict[tuple[int, int, str], Any],
    tell: Callable[[int], None],
) -> None:
    """Every entry in order; at each signed size the root is compared."""
    tip, missing, erased = merkle.Tip(), set[int](), set[int]()
    sizes = sorted(signed)
    for page in ledger.pages(tx):
        for place, record_id, salt, body, leaf in page:
            while tip.size < place:
                found.find("gap", f"entry {tip.size:,} is missing")
                tip.add(_LOST)
            if body is None or salt is None:
                missing.add(place)
            elif not _are_bytes(salt, body, leaf):
                found.find("entry", f"entry {place:,} is not what was entered")
                tip.add(_LOST)
                continue
            else:
                if sha256(b"\0" + salt + body).digest() != leaf:
                    found.find("entry", f"entry {place:,} is not what was entered")
                _note(found, latest, erased, place, record_id, body)
            tip.add(leaf)
            while sizes and sizes[0] <= tip.size:
                size = sizes.pop(0)
                if size == tip.size and tip.root() != signed[size]:
                    found.find("root", f"the first {size:,} entries are not those that were signed")
        found.entries = tip.size
        tell(found.entries)
    for size in sizes:
        were = f"{many(size, 'entry')} {verb(size, 'was', 'were')} signed"
        found.find("cut", f"{were}, and {tip.size:,} {verb(tip.size, 'is', 'are')} there: the end was cut off")
    for place in sorted(missing - erased):
        found.find("blank", f"entry {place:,} was blanked, and no erasure says so")
    found.erased, found.root = len(missing), tip.root()


def _are_bytes(*parts: object) -> bool:
    """Whether these are what they were stored as; SQLite keeps what it is given, of whatever type."""
    return all(part.__class__ is bytes for part in parts)


def _note(
    found: Verified,
    latest: dict[tuple[int, int, str], Any],
    erased: set[int],
    place: int,
    record_id: int,
    body: bytes,
) -> None:
    try:
        told = orjson.loads(body)
        if told.get("record") != record_id:
            found.find("entry", f"entry {place:,} is filed under record {record_id}, and is about another one")
        if "erased" in told:
            erased.update(told["erased"])
            return
        name = f"consent.{told['channel']}" + (f".{told['topic']}" if told["topic"] else "")
        latest[record_id, told["binding"], name] = told["status"]
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        # Whoever wrote this by hand wrote what no entry ever says.
        found.find("entry", f"entry {place:,} cannot be read")


def _held_against_claims(hub: Hub, tx: Tx, found: Verified, latest: dict[tuple[int, int, str], Any]) -> None:
    """Whatever counts in the store was entered: nobody slipped a consent in beside the ledger."""
    for bound, name, status in _claims(hub, tx):
        found.claims += 1
        # A word that came to this record by a merge was entered again there.
        if latest.get((bound.record_id, bound.id, name), _NONE) != status:
            source, record_id = hub.sources.get(bound.stream_id, "?"), bound.record_id
            found.find("claim", f"{source} says {name} {status} of record {record_id}, which is not in the ledger")


_NONE = object()


def _claims(hub: Hub, tx: Tx) -> Iterator[tuple[Bound, str, Any]]:
    """(binding, field, status) of each claim about consent of records that live."""
    fields = {kind: shape.consents for kind, shape in hub.shapes.items() if shape.consents}
    last = 0
    while page := records.after(tx, last, fields.keys(), _PAGE):
        last = page[-1].id
        kinds = {one.id: one.kind for one in page}
        for bound in bindings.of_records(tx, kinds):
            claims = bound.claims
            for name in fields[kinds[bound.record_id]]:
                if name in claims:
                    yield bound, name, claims.values[name]
