"""Fold records again after their claims changed, and gather what follows: values, history, keys, marks, questions.

Every trip that changes claims ends here: inbound, a person's edit, replay of history, un-merging. The records it is
given are loaded and locked by the trip.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from core.decide import reviewing
from core.decide.flip import flips
from core.decide.fold import Ask, fold
from core.decide.keys import keys_of, reach_of
from core.decide.route import Cause, Lane, hearers, lane
from core.decide.settle import strictness
from core.decide.words import words_of
from core.flow.addresses import resolve_awaited
from core.flow.changes import Changes
from core.flow.consent.recording import of_change
from core.flow.desk import Work
from core.flow.hub import Hub
from core.model.claim import Voice
from core.model.consent import Occasion
from core.model.instant import Instant
from core.model.shape import Shape
from core.model.shapes import KIND_ORDER
from core.model.values import Json
from core.store import Tx, bindings, history, reviews
from core.store.bindings import State as BindingState
from core.store.codec import dumps, loads, pack
from core.store.history import Entry
from core.store.records import Record, State, raw
from core.store.reviews import Question, Standing


def refold(hub: Hub, tx: Tx, changes: Changes, works: Sequence[Work], *, cause: Cause) -> int:
    """Fold each record and gather the consequences; gives how many records changed.

    Whoever was awaited by an address is found when `changes` are written, in the same transaction.
    """
    changes.afterwards = partial(_find_awaited, hub, changes, cause)
    if not works:
        return 0
    _reopen(hub, tx, changes, works)
    standing = reviews.standing(tx, [work.record.id for work in works])
    edited = [work.record.id for work in works if any(heard.what == "heard" for heard in work.heard)]
    past = _restless(hub, tx, edited, changes.now)
    changed = sum(
        _refold(hub, changes, work, standing.get(work.record.id, ()), past.get(work.record.id, {}), cause)
        for work in works
    )
    if standing:
        _close_settled(hub, tx, changes, works, standing)
    return changed


def _find_awaited(hub: Hub, changes: Changes, cause: Cause, tx: Tx) -> None:
    """Claims that waited for an address get the record that has it now, and their own records are folded again."""
    if not changes.refiled:
        return
    later = Changes(changes.now, changes.run_id)
    works = resolve_awaited(hub, tx, later, changes.digests)
    if works:
        refold(hub, tx, later, works, cause=cause)
        later.write(tx)


def _reopen(hub: Hub, tx: Tx, changes: Changes, works: Sequence[Work]) -> None:
    """An edit outlives a delete: the tools that deleted the record, and those we took it out of, are given it again.

    Heard in the other order, the delete would have released the binding (`core.decide.existence`). Who was deleted and
    turns out to be somebody who lives is given again with them: the delete was about a record that is no longer one.
    """
    came_back = [one.record.id for one in works if one.record.state != State.LIVE and one.state == State.LIVE]
    if came_back:
        reviews.reopen_gone(tx, came_back)
    gone, living = (State.DELETED, State.ARCHIVED), _living(works)
    revived = [work.record.id for work in works if work.record.state in gone and work.record.id in living]
    for bound in bindings.of_records(tx, revived) if revived else ():
        stream = hub.stream(bound.stream_id)
        present = changes.bindings.get(bound.id, bound)
        if stream is None or {bound.state, present.state} != {BindingState.GONE}:
            continue
        ours = bound.wrote_at is not None and bound.wrote_at > bound.read_at
        if ours or stream.policy.deletes_in in ("archive", "propagate"):
            changes.bindings[bound.id] = present._replace(state=BindingState.RELEASED)


def _living(works: Sequence[Work]) -> set[int]:
    """Those that are live now, by themselves or as what they were merged into."""
    by_id = {work.record.id: work for work in works}
    living = set()
    for id_, work in by_id.items():
        end = work
        while end.state == State.MERGED and end.merged_into in by_id:
            end = by_id[end.merged_into]
        if end.state == State.LIVE:
            living.add(id_)
    return living


Past = Mapping[str, Sequence[tuple[Instant, Json]]]
"""Field → (at, value) of its latest changes."""


def _restless(hub: Hub, tx: Tx, record_ids: Sequence[int], now: Instant) -> dict[int, Past]:
    """What changed lately in records that were edited often enough to be going back and forth."""
    fewest, longest = hub.rules.patience
    since = now - longest
    entries: dict[int, list[Entry]] = {}
    for entry in history.edits_since(tx, record_ids, since) if record_ids else ():
        entries.setdefault(entry.record_id, []).append(entry)
    past: dict[int, Past] = {}
    for record_id, found in entries.items():
        if len(found) < fewest:
            continue
        values: dict[str, list[tuple[Instant, Json]]] = {}
        for entry in found:
            for name, (before, after) in entry.delta.get("set", {}).items():
                values.setdefault(name, [(entry.at - 1, before)]).append((entry.at, after))
        past[record_id] = values
    return past


def _refold(hub: Hub, changes: Changes, work: Work, standing: Sequence[Standing], past: Past, cause: Cause) -> bool:
    record = work.record
    before = loads(record.raw)
    folded = fold(hub.shapes[record.kind], hub.rules, tuple(work.voices.values()))
    after = folded.values
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    _write_history(changes, work, {name: [before.get(name), after.get(name)] for name in changed})
    _enter_consents(hub, changes, work)
    # What is deleted or merged away is asked about again when it comes back.
    asks = folded.asks if work.state == State.LIVE else ()
    said = _said_here(hub, work)
    settled = _ask(changes, record.id, asks, {one.field for one in standing if one.what == "ask"})
    settled |= {one.field for one in standing if one.what == "frozen" and one.field in said}
    _freeze(hub, changes, work, changed - said, after, past)
    moved = work.state != record.state
    if changed or moved:
        changes.records.append(
            record._replace(
                raw=raw(after),
                state=work.state,
                merged_into=work.merged_into,
                version=record.version + 1,
                updated_at=changes.now,
            )
        )
        _rekey(hub, changes, record, before, after, gone=work.state == State.MERGED, moved=moved)
    # A question that is settled lets out what was held back, even where the answer is what stood before.
    _mark(hub, changes, work, after, frozenset(changed | settled), everywhere=moved, cause=cause)
    return bool(changed or moved)


def _freeze(
    hub: Hub, changes: Changes, work: Work, changed: Iterable[str], after: Mapping[str, Json], past: Past
) -> None:
    """A field that two tools keep setting back and forth is left alone until a person has looked."""
    for name in changed:
        limit = hub.rules.restless(work.record.kind, name)
        if name in past and flips([*past[name], (changes.now, after.get(name))], limit.changes, limit.within):
            values = sorted({dumps(value) for _, value in past[name]})
            said = [(voice.source, voice.claims.get(name)) for voice in work.voices.values()]
            contenders = [[source, claim.value, claim.stamp.at] for source, claim in said if claim is not None]
            subject = {"values": values, "contenders": contenders}
            changes.questions.append(Question("frozen", subject, record_id=work.record.id, field=name))


def _said_here(hub: Hub, work: Work) -> set[str]:
    """The fields about which a person has just had a say in the hub."""
    own = [one for one in work.heard if work.streams.get(one.binding_id or 0) in hub.own_streams]
    return {name for heard in own for name in heard.claims.values}


def _close_settled(
    hub: Hub, tx: Tx, changes: Changes, works: Sequence[Work], standing: Mapping[int, Sequence[Standing]]
) -> None:
    """Close what needs no answer any more."""
    closed: dict[str, list[int]] = {}
    for work in works:
        for one in standing.get(work.record.id, ()):
            connection = hub.connections.get(one.connection_id)
            there = connection.stream_ids if connection else ()
            why = reviewing.settled(
                one.what,
                connection_id=one.connection_id if connection else 0,
                field=one.field,
                is_live=work.state == State.LIVE,
                held=sum(stream_id in there for stream_id in work.streams.values()),
                said=_said_here(hub, work),
            )
            if why:
                closed.setdefault(why, []).append(one.id)
    for why, ids in closed.items():
        reviews.close_ids(tx, ids, now=changes.now, answer=why)


def _write_history(changes: Changes, work: Work, changed: dict[str, list[Any]]) -> None:
    moved = work.state != work.record.state
    for place, heard in enumerate(work.heard):
        if heard.what == "ruled" and not changed:
            continue
        delta: dict[str, Any] = {**heard.claims.to_json(), **heard.more}
        if changed and place == len(work.heard) - 1:
            delta["set"] = changed
        if moved and place == len(work.heard) - 1:
            delta["state"] = [work.record.state, work.state]
        changes.tell(work.record.id, heard.what, pack(delta), heard.binding_id)


def _enter_consents(hub: Hub, changes: Changes, work: Work) -> None:
    """Whatever a voice says anew about consent goes into the ledger."""
    shape = hub.shapes[work.record.kind]
    if not shape.consents or work.state == State.MERGED:
        return
    heard = {one.binding_id: one for one in work.heard}
    last = work.heard[-1].what if work.heard else "decided"
    for binding_id, voice in work.voices.items():
        before = work.before.get(binding_id)
        if before is voice.claims:
            continue
        news = heard.get(binding_id)
        cause, proof = (news.what, news.more.get("proof")) if news else (last, None)
        came = Occasion(work.record.id, binding_id, voice.source, cause, changes.now, changes.run_id, proof)
        changes.consents.extend(of_change(shape.consents, before, voice.claims, came))


def _ask(changes: Changes, record_id: int, asks: Sequence[Ask], asked: set[str]) -> set[str]:
    """Put the questions; gives the fields that were asked about and are settled now."""
    for ask in asks:
        subject = {"rule": ask.rule, "note": ask.note, "contenders": [list(one) for one in ask.contenders]}
        changes.questions.append(Question("ask", subject, record_id=record_id, field=ask.field))
    settled = asked - {ask.field for ask in asks}
    changes.answered.extend(("ask", record_id, name) for name in sorted(settled))
    return settled


def _rekey(
    hub: Hub,
    changes: Changes,
    record: Record,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    gone: bool,
    moved: bool,
) -> None:
    # A deleted record keeps its keys: who comes again is known again, with what was said (a refusal above all).
    was = _filed(hub, record.kind, before) if record.state != State.MERGED else set()
    now = set() if gone else _filed(hub, record.kind, after)
    changes.dropped_keys.extend((digest, record.id) for digest in was - now)
    changes.keys.extend((digest, record.id) for digest in now - was)
    changes.stirred |= was | now if moved else set()
    shape = hub.shapes[record.kind]
    called = {*words_of(shape, before)} if record.state != State.MERGED else set()
    calls = set() if gone else {*words_of(shape, after)}
    changes.dropped_words.extend((word, record.id) for word in called - calls)
    changes.words.extend((word, record.id) for word in calls - called)


def _filed(hub: Hub, kind: str, values: dict[str, Any]) -> set[int]:
    return {key.digest for key in keys_of(kind, values, hub.blocks)} | {*reach_of(kind, values, hub.blocks)}


def _mark(
    hub: Hub,
    changes: Changes,
    work: Work,
    after: dict[str, Any],
    changed: frozenset[str],
    *,
    everywhere: bool,
    cause: Cause,
) -> None:
    kind = work.record.kind
    to = set(hearers(kind, None if everywhere else changed, hub.hearers)) if changed or everywhere else set()
    for heard in work.heard:
        voice = work.voices.get(heard.binding_id) if heard.binding_id is not None else None
        if voice is None or everywhere:
            continue
        # A source whose word stands already holds it; one that was overruled must be told what stands.
        if not _stands(voice, after):
            to.add(voice.source)
        elif changed <= voice.claims.values.keys() and not _is_held_twice(work, voice):
            to.discard(voice.source)
    if changed:
        # Whose filter asks what changed must look even where all of it was said there.
        to |= {one.name for one in hub.connections.values() if one.chooses(kind, changed)}
    to |= work.touched
    held = work.streams.values()
    ids = [one.id for one in hub.connections.values() if one.name in to and one.concerns(kind, after, held)]
    if not ids:
        return
    wider = work.wider | {voice.source for voice in _newly_wider(hub.shapes[kind], work, after)}
    urgent = [id_ for id_ in ids if hub.connections[id_].name in wider] if wider else []
    changes.mark(urgent, work.record.id, Lane.CONSENT, KIND_ORDER.index(kind))
    rest = [id_ for id_ in ids if id_ not in urgent]
    changes.mark(rest, work.record.id, lane(kind, changed, cause), KIND_ORDER.index(kind))


def _newly_wider(shape: Shape, work: Work, after: Mapping[str, Json]) -> Iterator[Voice]:
    """Voices that have just come to this record, or just said so, with a wider consent than stands."""
    narrow = {name: strictness(after[name]) for name in shape.consents if name in after}
    if not any(narrow.values()):
        return
    for binding_id, voice in work.voices.items():
        if work.before.get(binding_id) is not voice.claims and not voice.retired:
            said = voice.claims.values
            if any(degree > (strictness(said[name]) if said.get(name) else 0) for name, degree in narrow.items()):
                yield voice


def _is_held_twice(work: Work, voice: Voice) -> bool:
    """Whether a source holds the record in another one of its own, which must hear of it, too."""
    return sum(one.source == voice.source and not one.retired for one in work.voices.values()) > 1


def _stands(voice: Voice, after: dict[str, Any]) -> bool:
    """Whether everything the voice claims is what stands."""
    return all(after.get(name) == value for name, value in voice.claims.values.items())
