"""Reconsider: a new mapping or new rules, applied to what is known already, without a call to any tool.

The payload of every binding is kept, so a changed mapping is read again from there; every claim is kept, so changed
rules are a matter of folding. What then is out of step in the tools, reconcile finds.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.decide.echo import stamp_for
from core.flow.changes import Changes
from core.flow.desk import Heard, Work, load_works
from core.flow.hub import Hub, Stream
from core.flow.inward.inbound import complained
from core.flow.refold import refold
from core.flow.refs import Refs
from core.mapping import Reading, Translator
from core.model.claim import Claim, Claims
from core.model.shapes import KIND_ORDER
from core.model.values import Json, is_blank
from core.store import Tx, bindings, records
from core.store.bindings import Bound
from core.store.codec import dumps

PAGE = 1_000


def fold_again(hub: Hub, *, run_id: int | None = None) -> int:
    """Fold every record by the rules now in force; gives how many changed."""
    changed = last = 0
    while True:
        with hub.store.writing() as tx:
            page = records.after(tx, last, KIND_ORDER, PAGE)
            if not page:
                return changed
            last = page[-1].id
            changes = Changes(hub.clock(), run_id)
            works = load_works(hub, tx, [record.id for record in page])
            for work in works.values():
                work.heard.append(Heard("ruled", Claims(), None))
            changed += refold(hub, tx, changes, list(works.values()), cause="backfill")
            changes.write(tx)


def translate_again(hub: Hub, stream: Stream, earlier: Translator | None, *, run_id: int | None = None) -> int:
    """Read every kept payload of a stream by its new mapping; gives how many bindings now say something else.

    `earlier` is the mapping that made the present claims. A word that is only read differently keeps its time; a
    field that is read for the first time counts as said when the record was last changed.
    """
    changed = last = 0
    while True:
        with hub.store.writing() as tx:
            page = bindings.after(tx, stream.id, last, PAGE)
            if not page:
                return changed
            last = page[-1].id
            # What a filter keeps out says nothing, however it is read.
            known = [row for row in page if row.record_id and row.state != bindings.State.ERASED]
            changed += _page(hub, tx, stream, earlier, known, run_id)


def _page(
    hub: Hub, tx: Tx, stream: Stream, earlier: Translator | None, page: Sequence[Bound], run_id: int | None
) -> int:
    payloads = [row.expected for row in page]
    now = complained(stream, stream.translator.read(payloads))
    was = earlier.read(payloads) if earlier else [Reading({}, (), frozenset())] * len(page)
    refs = Refs.of(hub, tx, stream, [*now, *was])
    changes, works = Changes(hub.clock(), run_id), load_works(hub, tx, {row.record_id for row in page})
    changed = 0
    for row, new, old in zip(page, now, was, strict=True):
        values, waits = refs.resolved(new.values)
        before = refs.resolved(old.values)[0]
        if refs.addresses.fields:
            values, before = refs.addresses.kept(values, before, row.claims)
        said = _said_anew(hub, stream, row, values, before, new, earlier)
        problems = dumps(list(new.problems)) if new.problems else None
        claims = row.claims
        if said == claims and problems == row.problems:
            continue
        changes.bindings[row.id] = row._replace(packed_claims=bindings.packed(said), problems=problems)
        changes.waiting.extend((stream_id, word, row.id) for stream_id, word in waits)
        if said != claims and row.record_id in works:
            _heard(works[row.record_id], row, stream, said)
            changed += 1
    refold(hub, tx, changes, [work for work in works.values() if work.heard], cause="backfill")
    changes.write(tx)
    return changed


def _heard(work: Work, row: Bound, stream: Stream, said: Claims) -> None:
    work.say(row, stream.source, said, retired=row.state != bindings.State.BOUND)
    earlier = row.claims
    # Only what changed, so that history can be told without an earlier run.
    fresh = Claims.of({name: claim for name, claim in said.items() if claim != earlier.get(name)})
    dropped = sorted(earlier.values.keys() - said.values.keys())
    work.heard.append(Heard("mapped", fresh, row.id, {"dropped": dropped} if dropped else {}))
    work.touched.add(stream.source)


def _said_anew(
    hub: Hub,
    stream: Stream,
    row: Bound,
    values: dict[str, Json],
    before: dict[str, Json],
    reading: Reading,
    earlier: Translator | None,
) -> Claims:
    """The binding's claims as the new mapping reads them."""
    skew = hub.connections[stream.connection_id].skew
    stamp = stamp_for(row.modified_at, row.read_at, None, skew)
    listened = earlier.in_fields if earlier else frozenset()
    claims = {name: claim for name, claim in row.claims.items() if name in stream.translator.in_fields}
    # What we told and the tool spells its own way is no word of its own, though nobody listened meanwhile.
    told = row.told
    ours = {line.field for line in stream.translator.lines if not told.keys().isdisjoint(line.reads)} if told else ()
    for name in reading.said:
        value = values.get(name)
        if name in claims:
            if value != before.get(name):
                claims[name] = claims[name]._replace(value=None if is_blank(value) else value)
        elif name not in listened and name not in ours and not is_blank(value):
            claims[name] = Claim(value, stamp)
    return Claims.of(claims)
