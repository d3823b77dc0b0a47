"""Taking back: a page of records as they would be if a run had never been, but for what was said since.

History is told twice, with the run and without it, and what differs is changed in the bindings: what they claim, which
record they belong to, and whether the tool still holds them. The records are then folded like after any other news,
so that the ordinary way out brings the tools back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from core.decide.route import Cause
from core.decide.why import explain
from core.flow.addresses import awaited
from core.flow.changes import Changes
from core.flow.desk import Heard, Work, lay_out
from core.flow.hub import Hub
from core.flow.refold import refold
from core.flow.undo.orphans import give_up_newcomers
from core.flow.undo.putting_back import put_back
from core.flow.undo.replay import Spoken, strict_fields, tales_of, tell, undone_in
from core.flow.undo.retelling import Kept, Left, Page, Taken, mine, place
from core.flow.undo.undoable import Target, answer_of
from core.model.claim import Claim, Claims
from core.model.instant import Instant
from core.model.values import Json, is_blank
from core.store import Tx, apart, bindings, deliveries, records, reviews, steps
from core.store.bindings import Bound
from core.store.bindings import State as BindingState
from core.store.database import serialise
from core.store.records import State


def take_back(hub: Hub, tx: Tx, changes: Changes, target: Target, record_ids: Collection[int], cause: Cause) -> Taken:
    """Take a run back of these records, and of those they were merged with; `changes` is left to be written."""
    serialise(tx, records.CHANGING)
    tales = tales_of(tx, record_ids)
    gone = undone_in(tales)
    chosen = {one.record_id for one in tales if one.run_id == target.run.id} - {
        record_id for record_id, run_id in gone if run_id == target.run.id
    }
    if not chosen:
        return Taken()
    strict = strict_fields(hub)
    before = tell(tales, without=gone, strict=strict)
    page = Page(hub, target, changes, tales, chosen, before, before, strict)
    page.retell()
    _load(page, tx)
    give_up_newcomers(page, tx)
    _rebind(page)
    _stand(page)
    _note_pairs(page, tx)
    _put_questions(page, tx)
    _tell(page)
    _fold(page, tx, cause)
    return page.taken


def _load(page: Page, tx: Tx) -> None:
    ids = {one.record_id for one in page.tales}
    page.rows = {row.id: row for row in bindings.of_records(tx, ids)}
    for id_, record in records.load(tx, ids, to_change=True).items():
        page.works[id_] = Work(record, state=record.state, merged_into=record.merged_into)


# Bindings and records.


def _rebind(page: Page) -> None:
    """Change in each binding what differs between the two tellings."""
    back = {id_: (now, was) for one in mine(page) for id_, was, now in one.delta.get("bindings", ())}
    for row in page.rows.values():
        before, after = page.before.spoken.get(row.id), page.after.spoken.get(row.id)
        state = _state(row, before, after, back.get(row.id))
        new = row._replace(state=state)
        if before is not None and after is not None:
            if before.record_id != after.record_id and row.record_id == before.record_id:
                new = new._replace(record_id=after.record_id)
            if before.claims != after.claims:
                claims = _changed(row.claims, before.claims, after.claims)
                new = new._replace(packed_claims=bindings.packed(claims))
                page.changes.waiting.extend((*awaits, row.id) for awaits in awaited(claims))
        new = _with_wish(page, new)
        if state != row.state:
            page.note(new.record_id, "bindings", [row.id, row.state, state])
        if new != row:
            page.changes.bindings[row.id] = new
            page.touched |= {row.record_id, new.record_id}
        page.rows[row.id] = new
        if new.record_id in page.works:
            page.works[new.record_id].before[row.id] = row.claims
            lay_out(page.hub, page.works[new.record_id], new)


def _state(row: Bound, before: Spoken | None, after: Spoken | None, back: tuple[int, int] | None) -> int:
    if back is not None:
        now, was = back
        return was if row.state == now else row.state
    if before is None or after is None:
        return row.state
    if after.unseen and not before.unseen and row.state == BindingState.BOUND:
        return BindingState.RETRACTED
    if before.retired and not after.retired and row.state in (BindingState.GONE, BindingState.UNLINKED):
        return BindingState.RELEASED
    return row.state


def _changed(claims: Claims, before: Mapping[str, Claim], after: Mapping[str, Claim]) -> Claims:
    present = dict(claims.items())
    for name in before.keys() | after.keys():
        if before.get(name) == after.get(name):
            continue
        if name in after:
            present[name] = after[name]
        else:
            present.pop(name, None)
    return Claims.of(present)


def _with_wish(page: Page, row: Bound) -> Bound:
    """What we made of a record that is given up shall go; where it is taken up again, it stays."""
    ours = row.record_id in page.given_up and row.state == BindingState.BOUND and place(page.hub, row) in page.made
    if ours:
        return row._replace(packed_told=bindings.packed_told(row.told, row.sent, row.shown, {"gone": True}))
    if row.wish.get("gone") and row.record_id in page.chosen:
        return row._replace(packed_told=bindings.packed_told(row.told, row.sent, row.shown))
    return row


def _stand(page: Page) -> None:
    """Where each record stands without the run."""
    for id_, work in page.works.items():
        was, becomes = page.before.state(id_), page.after.state(id_)
        if was != becomes:
            work.state, work.merged_into = becomes, page.after.into.get(id_)
            page.touched.add(id_)
        if id_ in page.given_up:
            work.state = State.DELETED
    page.touched |= page.chosen


def _tell(page: Page) -> None:
    """An entry in the history of each record, and a mark everywhere."""
    for id_ in page.touched:
        more = {"run": page.target.run.id, **page.more.get(id_, {})}
        page.works[id_].heard.append(Heard("undone", Claims(), None, more))
        page.works[id_].touched.update(one.name for one in page.hub.connections.values())


def _note_pairs(page: Page, tx: Tx) -> None:
    """Two that a tool made one and a person took apart are told apart; asked again, they wait for the answer."""
    parted = set(page.before.into.items()) - page.after.into.items()
    joined = set(page.after.into.items()) - page.before.into.items()
    if parted and not page.target.reviews:
        apart.keep_apart(tx, sorted(parted), now=page.changes.now)
    if joined:
        apart.bring_together(tx, joined, now=page.changes.now)


def _put_questions(page: Page, tx: Tx) -> None:
    """Questions that the run answered are put again, or have their answer again; those it raised are closed."""
    asked = [one.id for one in page.target.reviews.values() if one.record_id in page.touched]
    page.taken.opened = put_again(tx, page.target, asked, now=page.changes.now) if asked else []
    closed = [id_ for one in mine(page) for id_ in one.delta.get("closed", ())]
    if closed:
        reviews.reopen(tx, closed)
        page.taken.opened += closed
    moved = {id_: now for more in page.more.values() for id_, _was, now in more.get("bindings", ())}
    released = [page.rows[id_] for id_, now in moved.items() if now == BindingState.RELEASED]
    places = {(row.record_id, place(page.hub, row)[0]) for row in released}
    if places:
        about = reviews.about(tx, {record_id for record_id, _ in places})
        moot = [one for one in about if one.what == "delete" and (one.record_id, one.connection_id) in places]
        reviews.close_ids(tx, [one.id for one in moot], now=page.changes.now, answer="the deletion was undone")
        for one in moot:
            page.note(one.record_id, "closed", one.id)


def put_again(tx: Tx, target: Target, ids: Collection[int], *, now: Instant) -> list[int]:
    """Open these reviews again, or close them if it is an undo that is undone; gives those that are open now."""
    answer = answer_of(target.root)
    if target.again:
        reviews.close_ids(tx, sorted(ids), now=now, answer=answer)
        return []
    closed = [one.id for one in reviews.by_ids(tx, ids) if one.closed_at is not None and one.answer == answer]
    reviews.reopen(tx, closed)
    if any(one.what == "step" for one in target.reviews.values()):
        # What is asked again can be answered again. The steps of a round stay taken, or the next would take them anew.
        steps.forget(tx, target.root.id)
    return closed


# What follows.


def _fold(page: Page, tx: Tx, cause: Cause) -> None:
    works = [page.works[id_] for id_ in sorted(page.touched)]
    for connection in page.hub.connections.values():
        deliveries.unbury(tx, connection.id, page.touched)
    refold(page.hub, tx, page.changes, works, cause=cause)
    stands = {record.id: record.values for record in page.changes.records}
    after = {work.record.id: stands.get(work.record.id, work.record.values) for work in works}
    rows = [page.changes.bindings.get(row.id, row) for row in page.rows.values() if row.record_id in page.touched]
    live = {work.record.id: work.record.values for work in works if work.state == State.LIVE}
    for row in put_back(page.hub, tx, page.target.run.began_at, rows, live, after):
        page.changes.bindings[row.id] = row
    page.taken.record_ids = sorted(page.touched)
    page.taken.kept += _kept(page, after)
    page.taken.left = list(_left(page, rows))


def _kept(page: Page, after: Mapping[int, Mapping[str, Json]]) -> Iterable[Kept]:
    """Fields that the run changed and that stay as they are."""
    for (id_, name), (was, became) in _changes_of(page).items():
        work = page.works[_end(page.after.into, id_)]
        stands = work.record.values.get(name)
        if after.get(work.record.id, work.record.values).get(name) != stands or id_ in page.given_up:
            continue
        if _same(stands, was) or (work.record.id != id_ and stands != became):
            continue
        voices = tuple(work.voices.values())
        winner = explain(page.hub.shapes[work.record.kind], page.hub.rules, voices, name).winner
        refused = any(name in one.kept for _, one in page.speakers.get(work.record.id, ()))
        why = "an undo never widens consent" if refused else "changed or confirmed since"
        source, at = (winner.source, winner.stamp.at) if winner else (None, None)
        yield Kept(work.record, name, stands, source, at, why)


def _changes_of(page: Page) -> dict[tuple[int, str], tuple[Json, Json]]:
    """(record id, field) → what stood before the run and after it."""
    found: dict[tuple[int, str], tuple[Json, Json]] = {}
    for one in mine(page):
        changed = one.delta.get("set", {})
        if one.what == "seen" and not changed and "from" not in one.delta:
            changed = {name: (None, value) for name, value in one.delta["v"].items()}
        for name, (was, became) in changed.items():
            first = found.get((one.record_id, name))
            found[one.record_id, name] = (first[0] if first else was, became)
    return found


def _end(into: Mapping[int, int], record_id: int) -> int:
    while record_id in into:
        record_id = into[record_id]
    return record_id


def _same(one: Json, other: Json) -> bool:
    return one == other or (is_blank(one) and is_blank(other))


def _left(page: Page, rows: Iterable[Bound]) -> Iterable[Left]:
    """What the tools will not let us bring back."""
    moved = {id_ for more in page.more.values() for id_, _was, _now in more.get("bindings", ())}
    for row in rows:
        stream, work = page.hub.stream(row.stream_id), page.works.get(row.record_id)
        source = page.hub.sources.get(row.stream_id, "?")
        if work is None:
            continue
        if row.wish.get("gone") and not (stream and stream.policy.writes and stream.manifest.deletes):
            yield Left(source, work.record, "it cannot be deleted there")
        released = row.id in moved and row.state == BindingState.RELEASED and work.state == State.LIVE
        if released and not (stream and stream.creates):
            yield Left(source, work.record, "it cannot be created there again")
