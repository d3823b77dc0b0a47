"""Again: whoever was erased does not come back with an older copy of the database.

The erasures are listed beside the database, with nothing but hashes. What is in the list and not in the store was
undone by a restored backup: whoever is in the store again is erased again, and who is not stays known all the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from core.decide.keys import keys_of
from core.flow.erasure.erasing import erase
from core.flow.erasure.person import is_lead
from core.flow.hub import Hub
from core.flow.running import Run
from core.store import bindings, erasures, records, suppression
from core.store.database import allocate
from core.store.records import Record, State

_PAGE = 1_000


class Listed(NamedTuple):
    """An erasure as the list has it."""

    token: str
    kind: str
    reference: str | None
    digests: tuple[str, ...]
    """The hashes by which the person is known again; none where they were let in again."""


def as_listed(hub: Hub) -> list[Listed]:
    """Every erasure of the store, oldest first."""
    with hub.store.reading() as tx:
        hashes = suppression.by_erasure(tx)
        return [
            Listed(one.token, one.kind, one.reference, tuple(hashes.get(one.id, ()))) for one in erasures.after(tx, 0)
        ]


def erase_again(hub: Hub, lost: Sequence[Listed]) -> int:
    """Make these erasures again; gives how many records were there again. Looks at every record of their kinds once."""
    wanted = {digest: one for one in lost for digest in one.digests}
    back = dict(_back(hub, {one.kind for one in lost}, wanted)) if wanted else {}
    for record_id, one in back.items():
        with hub.store.reading() as tx:
            gone = records.erased(tx, [record_id])
        if not gone:
            erase(hub, record_id, reference=one.reference, token=_token(hub, one), known=one.digests)
    for one in lost:
        if one not in back.values():
            _stand_in(hub, one)
    return len(back)


def _token(hub: Hub, one: Listed) -> str | None:
    """Its own; several records that were one may be apart in the older copy, and a token is given once."""
    with hub.store.reading() as tx:
        taken = any(known.token == one.token for known in erasures.after(tx, 0))
    return None if taken else one.token


def _back(hub: Hub, kinds: Collection[str], wanted: dict[str, Listed]) -> Iterator[tuple[int, Listed]]:
    """(record id, erasure) of the records that are known by one of these hashes."""
    suppressor = hub.suppressor
    assert suppressor is not None  # noqa: S101 - a copy has no list
    last = 0
    while True:
        with hub.store.reading() as tx:
            page = records.recognised_after(tx, last, kinds, _PAGE)
            bound = bindings.of_records(tx, [one.id for one in page])
        if not page:
            return
        last = page[-1].id
        hashes = [(row.record_id, suppressor.of_place(row.stream_id, row.remote_id)) for row in bound]
        for record in page:
            leads = (key for key in keys_of(record.kind, record.values, hub.blocks) if is_lead(key))
            hashes += [(record.id, suppressor.of_key(key.digest)) for key in leads]
        yield from ((record_id, wanted[one]) for record_id, one in hashes if one in wanted)


def _stand_in(hub: Hub, one: Listed) -> None:
    """Nobody in the store is this person, and nobody may become them: a record without anything stands for them."""
    with Run(hub, hub.own_id, "erase", subject={"again": one.token}) as run:
        now = hub.clock()
        with hub.store.writing(durable=True) as tx:
            (id_,) = allocate(tx, "record", 1)
            records.insert(tx, [Record(id_, one.kind, "{}", State.ERASED, None, 1, now, now)])
            erasure = erasures.begin(
                tx, at=now, kind=one.kind, record_id=id_, records=[id_], run_id=run.id, token=one.token,
                reference=one.reference,
            )  # fmt: skip
            suppression.add(tx, erasure, one.digests)
            erasures.close_finished(tx, [erasure], now=now)
        run.counts = {"erased": 0}
