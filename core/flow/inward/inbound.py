"""Inbound: a page of a tool's records becomes claims, and the claims become records, in one transaction.

    page ▶ not news? ▶ translate ▶ echo? ▶ match the unbound ▶ refs ▶ fold ▶ bindings, records, history, marks

A reading that equals what we expect is dropped after one query for the page. The checkpoint moves in the same
transaction as the data. What must be read again (it began before our own write ended) is given back to the caller.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import orjson

from core.decide.echo import heard, is_news, is_stale, stamp_for
from core.flow.changes import Changes
from core.flow.desk import Heard, Work, load_works
from core.flow.drift.lines import as_last_said, as_read, with_held, without_held
from core.flow.erasure.guarding import spare_the_merged, stop_the_erased
from core.flow.filters.doors import drops
from core.flow.filters.filtering import cut, forget, overhear, sift, strangers_of, ties, was_before
from core.flow.hub import Stream
from core.flow.identity.merging import Forwards, follow, forwards, moves
from core.flow.identity.restating import restate
from core.flow.inward.arrivals import Arrival, Intake, Trip
from core.flow.inward.departures import depart
from core.flow.inward.newcomers import welcome
from core.flow.inward.whereabouts import whereabouts
from core.flow.refold import refold
from core.flow.refs import Refs, resolve_waiting
from core.mapping import paths
from core.mapping.translator import Reading
from core.model.claim import Claims, Evidence, Stamp
from core.model.instant import Instant
from core.model.values import Json, is_blank
from core.ports import Fields, Page, Remote
from core.store import Tx, bindings, connections, deliveries, records
from core.store.bindings import Bound, Glance, State
from core.store.codec import digest, pack, squeeze

Keep = Callable[[Tx], None]
"""Writes the checkpoint in the page's own transaction."""


def inbound(trip: Trip, page: Page, *, keep: Keep | None = None) -> Intake:
    """Take a page in; `keep` writes the checkpoint along with it."""
    remotes = _each_once(page.records)
    intake = Intake(read=len(remotes))
    with trip.hub.store.reading() as tx:
        trip = replace(trip, stream=as_read(tx, trip.stream))
        known = bindings.glance(tx, trip.stream.id, list(remotes)) if remotes else {}
    news, goodbyes = _news(trip, remotes, known, intake)
    unread = [
        *page.problems,
        *(remote.problem for remote in remotes.values() if remote.problem and not remote.fields),
    ]
    if not news and not goodbyes and not unread and keep is None:
        return intake
    arrivals = _translated(trip, news, known)
    with trip.hub.store.writing() as tx:
        if arrivals or goodbyes:
            _take_in(trip, tx, arrivals, goodbyes, intake)
        if unread:
            row = connections.stream_row(tx, trip.stream.id)
            connections.note_unread(tx, trip.stream.id, row.generation, unread, at=trip.now)
            intake.problems += len(unread)
        if keep is not None:
            keep(tx)
    return intake


def receive(trip: Trip, tx: Tx, fresh: Sequence[Remote]) -> Intake:
    """Take in records that were never shown before, as part of another act's transaction."""
    news = [(remote, raw, digest(raw)) for remote in fresh if (raw := orjson.dumps(remote.fields))]
    intake = Intake(read=len(news))
    _take_in(trip, tx, _translated(trip, news, {}), (), intake)
    return intake


def _each_once(found: Sequence[Remote]) -> dict[str, Remote]:
    """By id; of two readings of one record in a page the newer stands, else the later in order."""
    remotes: dict[str, Remote] = {remote.id: remote for remote in found}
    if len(remotes) == len(found):
        return remotes
    for remote in found:
        other = remotes[remote.id]
        if other.modified_at is not None and remote.modified_at is not None and remote.modified_at > other.modified_at:
            remotes[remote.id] = remote
    return remotes


def _news(
    trip: Trip, remotes: Mapping[str, Remote], known: Mapping[str, Glance], intake: Intake
) -> tuple[list[tuple[Remote, bytes, int]], list[Remote]]:
    """What is worth a closer look: (remote, bytes, digest) of readings, and tombstones of what was there so far."""
    news: list[tuple[Remote, bytes, int]] = []
    goodbyes = []
    bound, watchful = State.BOUND, trip.trusted or trip.stream.returning
    for remote in remotes.values():
        glance = known.get(remote.id)
        if remote.deleted:
            if glance is not None and _leaves(remote, glance):
                if is_stale(trip.began_at, glance.wrote_at):
                    intake.again.append(remote.id)
                else:
                    goodbyes.append(remote)
            continue
        if remote.problem and not remote.fields:
            continue
        raw = orjson.dumps(remote.fields)
        mark = digest(raw)
        if glance is None:
            if remote.partial or trip.told:
                intake.again.append(remote.id)
            else:
                news.append((remote, raw, mark))
            continue
        intake.seen.append(glance.id)
        # Nearly every reading of a poll is the bytes that were expected: no closer look for those.
        same = mark == glance.digest and glance.state == bound and not watchful
        same |= glance.state == State.ERASED
        verdict = "old" if same else _look(trip, remote, glance, mark)
        if verdict == "news":
            news.append((remote, raw, mark))
        elif verdict == "again":
            intake.again.append(remote.id)
        else:
            intake.unchanged += 1
    return news, goodbyes


def _leaves(remote: Remote, glance: Glance) -> bool:
    """Whether a tombstone is news: of what was there, or that what was only known to be gone lives on elsewhere."""
    there = (*bindings.THERE, State.ERASED)
    return glance.state in there or (bool(remote.moved_to) and glance.state in (State.GONE, State.RELEASED))


def _look(trip: Trip, remote: Remote, glance: Glance, mark: int) -> str:
    """Whether a reading of a bound record is `news`, `old`, or must be read `again`."""
    back = glance.state not in bindings.THERE
    if glance.state == State.MOVED or (glance.state == State.RETRACTED and mark == glance.digest):
        return "old"
    if mark == glance.digest and not back and not trip.stream.returning:
        # A direct read brings the version along, without which a write would be refused for ever.
        return "news" if trip.trusted and not is_stale(trip.began_at, glance.wrote_at) else "old"
    if is_stale(trip.began_at, glance.wrote_at):
        return "again"
    ordered = trip.stream.manifest.stamps == "tool" and None not in (glance.modified_at, remote.modified_at)
    if (trip.trusted or not ordered) and trip.began_at < glance.read_at:
        # It was asked for before the record was looked at last, and nothing tells which of the two is newer.
        return "again"
    if ordered and not trip.trusted and not is_news(glance.modified_at, remote.modified_at):
        return "old"
    # A lagging list may still show what was deleted; only a newer stamp says that it is back.
    if back and ordered and mark == glance.digest and glance.modified_at == remote.modified_at:
        return "old"
    return "news"


def _translated(trip: Trip, news: Sequence[tuple[Remote, bytes, int]], known: Mapping[str, Glance]) -> list[Arrival]:
    partial = {remote.id for remote, _, _ in news if remote.partial}
    if partial:
        with trip.hub.store.reading() as tx:
            held = bindings.of_remotes(tx, trip.stream.id, partial)
        news = [_completed(item, held.get(item[0].id)) for item in news]
    readings = complained(trip.stream, trip.stream.translator.read([remote.fields for remote, _, _ in news]))
    skew = trip.hub.connections[trip.stream.connection_id].skew
    stamps: dict[tuple[Instant | None, bool], Stamp] = {}
    arrivals = []
    for (remote, raw, mark), reading in zip(news, readings, strict=True):
        # On first sight nobody knows how long an undated value has stood.
        first = remote.id not in known or not known[remote.id].record_id
        modified_at = remote.modified_at if first else _changed_at(trip, remote, known[remote.id])
        stamp = stamps.get((modified_at, first))
        if stamp is None:
            since = None if first else trip.last_read_at
            stamp = _said_now(trip) if trip.first_hand else stamp_for(modified_at, trip.now, since, skew)
            stamps[modified_at, first] = stamp
        kept = orjson.dumps(without_held(trip.stream, remote.fields)) if trip.stream.held else raw
        arrivals.append(Arrival(remote, kept, mark, reading, stamp))
    return arrivals


def _said_now(trip: Trip) -> Stamp:
    return Stamp(trip.now, trip.now, Evidence.FIELD_HISTORY, explicit=True)


def _changed_at(trip: Trip, remote: Remote, glance: Glance) -> Instant | None:
    """The stamp of a changed record; None where its clients write the stamp, and this one did not."""
    if trip.stream.manifest.stamps == "tool" or remote.modified_at is None:
        return remote.modified_at
    # What it says now, it did not say when we looked: it cannot have changed before that.
    untouched = remote.modified_at == glance.modified_at or remote.modified_at < (trip.last_read_at or 0)
    return None if untouched else remote.modified_at


def complained(stream: Stream, readings: list[Reading]) -> list[Reading]:
    """A blank where the mapping requires something is a problem of the record, which comes in all the same."""
    required = [line.field for line in stream.translator.lines if line.required and line.direction != "out"]
    for name in required:
        what = f"{name}: is blank, and the mapping requires it"
        readings = [
            reading
            if name in reading.values or name not in reading.said
            else reading._replace(problems=(*reading.problems, what))
            for reading in readings
        ]
    return readings


def _completed(item: tuple[Remote, bytes, int], held: Bound | None) -> tuple[Remote, bytes, int]:
    """Lay a partial reading over what the tool is known to hold."""
    remote = item[0]
    if held is None or not remote.partial:
        return item
    whole = held.shown or held.expected
    for path, value in remote.fields.items():
        paths.put(whole, path, value)
    raw = orjson.dumps(whole)
    return remote._replace(fields=whole, partial=False), raw, digest(raw)


def _take_in(trip: Trip, tx: Tx, arrivals: Sequence[Arrival], goodbyes: Sequence[Remote], intake: Intake) -> None:
    hub, stream = trip.hub, trip.stream
    changes = Changes(trip.now, trip.run_id)
    ids = [arrival.remote.id for arrival in arrivals] + [remote.id for remote in goodbyes]
    bound = bindings.of_remotes(tx, stream.id, ids)
    arrivals, goodbyes = stop_the_erased(trip, tx, changes, bound, arrivals, goodbyes, intake)
    strangers = strangers_of(bound)
    works = load_works(hub, tx, {one.record_id for one in bound.values()}) if bound else {}
    known = [(arrival, bound[arrival.remote.id]) for arrival in arrivals if arrival.remote.id in bound]
    fresh = [arrival for arrival in arrivals if arrival.remote.id not in bound]
    before = stream.translator.read([one.expected for _, one in known]) if known else []
    before = _with_sent(stream, known, before)
    refs = Refs.of(hub, tx, stream, [arrival.reading for arrival in arrivals] + list(before))
    for (arrival, one), was in zip(known, before, strict=True):
        if one.state == State.FILTERED and not ties(trip, arrival, one, works[one.record_id]):
            _hear_from_outside(trip, changes, refs, arrival, one, was, works, intake)
            continue
        _hear(trip, changes, refs, arrival, one, was, works, intake)
        if one.state == State.FILTERED:
            changes.answered.append(("left", one.record_id, ""))
        if drops(stream, one, arrival.reading):
            cut(changes, works[one.record_id], changes.bindings[one.id], stream.source, at=trip.now)
    if strangers:
        forget(trip, tx, changes, strangers, goodbyes)
    _try_refused(trip, tx, [works[one.record_id] for _, one in known if one.record_id in works])
    moved = moves(tx, changes, stream, goodbyes, bound)
    spare_the_merged(trip, tx, changes, moved)
    forwarded: Forwards = {}
    if goodbyes:
        moved = {**moved, **whereabouts(hub, tx, stream, goodbyes, fresh, moved, bound, works)}
        depart(trip, tx, changes, goodbyes, moved, bound, works, intake)
    if fresh:
        forwarded = forwards(tx, stream, moved, bound, [arrival.remote.id for arrival in fresh])
        if stream.only_in is not None or strangers:
            fresh = sift(trip, tx, changes, fresh, strangers, forwarded, intake)
    if fresh:
        welcome(trip, tx, changes, refs, fresh, works, intake, forwarded)
        intake.problems += sum(bool(one.reading.problems or one.remote.problem) for one in fresh)
    follow(hub, tx, changes, stream, moved, forwarded, bound, works)
    if moved:
        restate(trip, tx, changes, goodbyes, moved, bound, works)
    if fresh:
        resolve_waiting(hub, tx, changes, stream, [arrival.remote.id for arrival in fresh], works)
    refold(
        hub,
        tx,
        changes,
        [work for work in works.values() if work.heard or work.touched or work.merged_into],
        cause=trip.cause,
    )
    changes.write(tx)


def _with_sent(stream: Stream, known: Sequence[tuple[Arrival, Bound]], before: Sequence[Reading]) -> list[Reading]:
    """What was expected, and where an unanswered write of ours is what the tool now shows, that instead."""
    after = list(before)
    for place, (arrival, bound) in enumerate(known):
        sent = bound.sent
        if not sent:
            continue
        held = bound.expected
        for path, value in sent.items():
            paths.put(held, path, value)
        (told,) = stream.translator.read([held])
        now, was = arrival.reading.values, before[place].values
        names = {name for name in stream.translator.in_fields if now.get(name) == told.values.get(name)}
        kept = {name: value for name, value in was.items() if name not in names}
        shown = {name: value for name, value in told.values.items() if name in names}
        after[place] = before[place]._replace(values={**kept, **shown})
    return after


def _hear(
    trip: Trip,
    changes: Changes,
    refs: Refs,
    arrival: Arrival,
    bound: Bound,
    was: Reading,
    works: dict[int, Work],
    intake: Intake,
) -> None:
    """A reading of a bound record that is not byte for byte what we expect: an echo, or news."""
    stream, remote = trip.stream, arrival.remote
    translator = stream.translator
    now_values, waits = refs.resolved(arrival.reading.values)
    was_values: Mapping[str, Json] = refs.resolved(was.values)[0]
    if refs.addresses.fields:
        now_values, was_values = refs.addresses.kept(now_values, was_values, bound.claims)
    if stream.returning:
        was_values = as_last_said(stream, bound, was_values)
    named, named_stamp = _known_to_have_changed(stream, arrival) if remote.changed else (None, None)
    claims = heard(
        stream.shape,
        now=now_values,
        before=was_values,
        claims=bound.claims,
        stamp=arrival.stamp,
        when_blank=translator.when_blank,
        fields=translator.in_fields,
        said=arrival.reading.said,
        named=named,
        named_stamp=named_stamp,
    )
    retracted = bound.state == State.RETRACTED
    if claims is not None and (retracted or bound.wish.get("gone")):
        # An undo left nothing standing of what it showed; now all of it is said.
        claims = _all_said(trip, arrival, now_values, bound.claims)
    back = bound.state != State.BOUND and not retracted
    raw = orjson.dumps(with_held(stream, bound, remote.fields)) if stream.held else arrival.raw
    row = bound._replace(
        state=State.RETRACTED if retracted and claims is None else State.BOUND,
        digest=arrival.digest,
        version=remote.version,
        modified_at=remote.modified_at,
        read_at=trip.now,
        packed_expected=squeeze(raw),
        packed_told=_still_told(bound, remote.fields),
        problems=arrival.problems,
    )
    intake.problems += row.problems is not None
    work = works[bound.record_id]
    if claims is None and not back:
        intake.echoes += 1
        changes.echoed.add(bound.record_id)
    else:
        present = bound.claims if claims is None else claims
        row = row._replace(packed_claims=pack(present.to_json()))
        if row.wish.get("gone"):
            row = row._replace(packed_told=bindings.packed_told(row.told, row.sent, row.shown))
        work.say(row, stream.source, present)
        work.heard.append(Heard("heard", _news_only(present, bound.claims), row.id))
        work.touched.update([stream.source] if present == bound.claims else [])
        if _widens(stream, now_values, arrival.reading.said, present):
            # Nobody widens a consent by typing it; the tool is told again, whatever else was said there.
            work.touched.add(stream.source)
            work.wider.add(stream.source)
        if work.state in (records.State.DELETED, records.State.ARCHIVED):
            work.state = records.State.LIVE
        changes.waiting.extend((place[0], place[1], row.id) for place in waits)
        intake.heard += 1
    changes.bindings[row.id] = row


def _widens(stream: Stream, shown: Mapping[str, Json], said: Collection[str], claims: Claims) -> bool:
    """Whether the tool shows a wider consent than the one it is taken to claim."""
    read = (name for name in stream.shape.consents if name in said and name in claims)
    return any(not is_blank(claims.values[name]) and shown.get(name) != claims.values[name] for name in read)


def _hear_from_outside(
    trip: Trip,
    changes: Changes,
    refs: Refs,
    arrival: Arrival,
    bound: Bound,
    was: Reading,
    works: dict[int, Work],
    intake: Intake,
) -> None:
    """A reading of what a filter cut off: only what was edited before that is heard."""
    work = works[bound.record_id]
    if not was_before(arrival, bound, was):
        overhear(trip, changes, arrival, bound, was, work, intake)
        return
    _hear(trip, changes, refs, arrival, bound, was, works, intake)
    cut(changes, work, changes.bindings[bound.id], trip.stream.source, at=bound.read_at)


def _all_said(trip: Trip, arrival: Arrival, now: Mapping[str, Json], claims: Claims) -> Claims | None:
    translator = trip.stream.translator
    return heard(
        trip.stream.shape,
        now=now,
        before=None,
        claims=claims,
        stamp=arrival.stamp,
        when_blank=translator.when_blank,
        fields=translator.in_fields,
        said=arrival.reading.said,
    )


def _try_refused(trip: Trip, tx: Tx, works: Sequence[Work]) -> None:
    """What a tool refused may be taken now that somebody has edited the record there."""
    edited = {work.record.id: work for work in works if work.heard}
    if edited:
        for id_ in deliveries.refused(tx, trip.stream.connection_id, list(edited)):
            edited[id_].touched.add(trip.stream.source)


def _known_to_have_changed(stream: Stream, arrival: Arrival) -> tuple[frozenset[str] | None, Stamp | None]:
    """The fields that the tool itself says were changed at the reading's stamp, and that stamp with this evidence.

    Where the stamp is none of the change (there is none, or it did not move), nothing is known of when it was.
    """
    changed = arrival.remote.changed or ()
    if arrival.stamp.evidence != Evidence.MODIFIED:
        return None, None
    lines = (line for line in stream.translator.lines if _reads_any(line.reads, changed))
    return frozenset(line.field for line in lines), arrival.stamp._replace(evidence=Evidence.EVENT)


def _reads_any(reads: Collection[str], changed: Collection[str]) -> bool:
    """Whether one of these paths was changed, or something in it, or what it is part of."""
    return any(
        path == one or path.startswith(f"{one}.") or one.startswith(f"{path}.") for path in reads for one in changed
    )


def _news_only(present: Claims, earlier: Claims) -> Claims:
    return Claims.of({name: claim for name, claim in present.items() if claim != earlier.get(name)})


def _still_told(bound: Bound, fields: Fields) -> bytes | None:
    """What we told and the tool spelt its own way, as far as it has not been changed there since."""
    if bound.packed_told is None:
        return None
    expected = bound.expected
    told = {path: value for path, value in bound.told.items() if paths.get(expected, path) == paths.get(fields, path)}
    sent = {path: value for path, value in bound.sent.items() if paths.get(fields, path) != value}
    wish = bound.wish
    if "fields" in wish:
        back = wish["fields"].items()
        wish = {"fields": {path: value for path, value in back if paths.get(expected, path) == paths.get(fields, path)}}
    return bindings.packed_told(told, sent, None, wish)
