"""Condensing: old edits of one tool in a row are told as one, and history comes to the same.

Claims are a union in order, and what stands before and after is first and last; whoever folds the history finds the
same values, reasons and present. Only plain edits are condensed: a first sight, a merge, a deletion, an undo, and a
change of mapping or rules are told as they were. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from core.model.claim import Claim, Claims
from core.model.instant import Instant

_SIMPLE = frozenset(("s", "v", "i", "x", "set"))
"""The words of an entry that only says what somebody claims, and what that changed."""


class Told(NamedTuple):
    """An entry of history, unpacked."""

    id: int
    record_id: int
    at: Instant
    binding_id: int | None
    what: str
    delta: Mapping[str, Any]


class Condensed(NamedTuple):
    """An entry that tells what others told before it; those go."""

    id: int
    delta: Mapping[str, Any]
    gone: tuple[int, ...]


def condense(entries: Sequence[Told], before: Instant) -> list[Condensed]:
    """What a record's history, oldest first, may be told with, of all that is older than a moment.

    Nothing of it where an undo is told: that names a run whose entries must be known from others.
    """
    if any(one.what == "undone" for one in entries):
        return []
    return [_as_one(row) for row in _rows(entries, before) if len(row) > 1]


def _rows(entries: Sequence[Told], before: Instant) -> Iterator[list[Told]]:
    """Plain old edits of one binding with nothing between them."""
    row = [one for one in entries[:1] if _is_plain(one, before)]
    for last, one in pairwise(entries):
        if not _is_plain(one, before):
            yield row
            row = []
        elif row and last.binding_id == one.binding_id:
            row.append(one)
        else:
            yield row
            row = [one]
    yield row


def _is_plain(one: Told, before: Instant) -> bool:
    return one.what == "heard" and one.binding_id is not None and one.at < before and one.delta.keys() <= _SIMPLE


def _as_one(row: Sequence[Told]) -> Condensed:
    claims: dict[str, Claim] = {}
    changed: dict[str, list[Any]] = {}
    for one in row:
        claims |= dict(Claims.from_json(one.delta).items())
        for name, (first, last) in one.delta.get("set", {}).items():
            changed[name] = [changed[name][0] if name in changed else first, last]
    changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
    delta = {**Claims.of(claims).to_json(), **({"set": changed} if changed else {})}
    return Condensed(row[-1].id, delta, tuple(one.id for one in row[:-1]))
