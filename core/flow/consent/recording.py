"""Recording: what was said about consent goes into the ledger, in the transaction that brings the claim.

    claims before and after ▶ what differs about consent ▶ ledger entries (`core.store.ledger`)

Every trip that changes claims ends in `core.flow.refold`, which asks here; a first load has its own short way. So no
word about consent reaches a record without an entry, whoever brought it: a poll, a person, an answer, an undo.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.model.claim import Claims
from core.model.consent import Occasion, Spoken, point
from core.model.values import is_blank


def of_newcomer(fields: Iterable[str], claims: Claims, occasion: Occasion) -> Iterator[Spoken]:
    """What a source says of somebody new; `fields` are the consent fields that its mapping reads."""
    for name in fields:
        claim = claims.get(name)
        if claim is not None:
            yield Spoken(occasion, name, claim, point(name, claims.values))


def of_change(fields: Iterable[str], before: Claims | None, after: Claims, occasion: Occasion) -> Iterator[Spoken]:
    """What differs about consent between a source's earlier claims and its present ones.

    The same word with a newer time, or about another address, is a word, too; a blank after nothing is none.
    """
    for name in fields:
        was, now = before.get(name) if before else None, after.get(name)
        there = point(name, after.values)
        same_point = before is None or there == point(name, before.values)
        if was == now and (now is None or same_point):
            continue
        if was is None and now is not None and is_blank(now.value):
            continue
        yield Spoken(occasion, name, now, there)
