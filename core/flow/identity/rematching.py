"""Matching again: block lists or tiers were changed, and what is known already is filed by them and compared anew.

Pages of records in id order, each one transaction with the place it got to; a crash goes on from there. A record is
compared with those before it by the keys that count now and did not before: what is the same is joined, what may be is
asked. What was joined by a key that no longer counts stays joined, and is listed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from typing import Any

from core.decide.blocks import DEFAULT, Blocks
from core.decide.keys import PROVING, TIERS, Key, keys_of, reach_of
from core.decide.match import Ambiguous, Candidate, Join, match
from core.decide.matching import WORDS
from core.flow.changes import Changes
from core.flow.desk import Work, load_works
from core.flow.hub import HUB, Hub, Stream
from core.flow.identity.merging import merge
from core.flow.refold import refold
from core.model.values import Values
from core.store import Tx, bindings, keys, records, runs
from core.store.apart import told_apart
from core.store.bindings import State
from core.store.codec import dumps, loads
from core.store.database import serialise
from core.store.records import Record
from core.store.reviews import Question

PAGE = 1_000
KEYED, KEYING = "keyed by", "keying"
"""Facts: by which block lists the keys are filed, and how far filing them anew has come."""

_OPEN = Blocks(allowed=re.compile(""))
_SHUT = Blocks(emails=re.compile(""))
"""Nothing is blocked, and every address is: between them every key that a record could ever be filed under."""
_SHOWN = 100
"""So many are listed by number; all are counted."""


@dataclass(slots=True)
class Rematched:
    """What came of it."""

    joined: int = 0
    asked: int = 0
    stay: int = 0
    """Records that were joined by a key that no longer counts, and by no other."""
    pairs: list[list[int]] = field(default_factory=list)
    """(record, the one it went into) of the first joined."""
    staying: list[int] = field(default_factory=list)


def match_again(hub: Hub, *, run_id: int | None = None) -> Rematched | None:
    """File and compare what is known by the block lists in force; None where that has been done."""
    with hub.store.reading() as tx:
        before, kept = runs.fact(tx, KEYED), runs.fact(tx, KEYING)
    was: dict[str, Any] = loads(before) if before else {"mark": "", "cap": hub.blocks.cap, "tiers": {}}
    if was["mark"] == hub.blocks.mark:
        return None
    began = loads(kept) if kept else {}
    if began.get("mark") != hub.blocks.mark:
        began = {"mark": hub.blocks.mark, "last": 0, "run": run_id, "found": asdict(Rematched())}
    found, last = Rematched(**began["found"]), began["last"]
    again = _Again(hub, was, began["run"], found)
    while True:
        with hub.store.writing() as tx:
            serialise(tx, records.CHANGING)
            page = records.recognised_after(tx, last, PROVING, PAGE)
            if not page:
                break
            last = page[-1].id
            again.page(tx, page)
            runs.put_fact(tx, KEYING, dumps({**began, "last": last, "found": asdict(found)}))
    _file_left_out(hub)
    with hub.store.writing() as tx:
        tiers = {f"{kind} {tier}": hub.blocks.says(kind, tier) for kind in PROVING for tier in TIERS}
        said = {"mark": hub.blocks.mark, "cap": hub.blocks.cap, "tiers": tiers}
        runs.put_fact(tx, KEYED, dumps(said))
        runs.drop_fact(tx, KEYING)
    return found


class _Again:
    """One walk through what is known."""

    def __init__(self, hub: Hub, was: Mapping[str, Any], run_id: int | None, found: Rematched) -> None:
        self.hub, self.was, self.run_id, self.found = hub, was, run_id, found

    def page(self, tx: Tx, page: Sequence[Record]) -> None:
        """File a page's keys anew, then compare; the number of statements does not depend on the records."""
        gained, lost = self._file(tx, page)
        if lost:
            self._list(tx, {one.id: one for one in page}, lost)
        leads = {one.id: self._leads(one, gained.get(one.id, set())) for one in page}
        held = _held(tx, {key.digest for some in leads.values() for key in some})
        near = {id_: self._near(id_, some, held) for id_, some in leads.items()}
        near = {id_: others for id_, others in near.items() if others}
        if near:
            self._compare(tx, near, leads)

    def _file(self, tx: Tx, page: Sequence[Record]) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
        """Put the keys right; record id → digests that were added, and those that were taken away."""
        possible = {one.id: _possible(one) for one in page}
        filed: dict[int, set[int]] = {}
        for digest, record_id in keys.find(tx, {digest for some in possible.values() for digest in some}):
            filed.setdefault(record_id, set()).add(digest)
        gained, lost = {}, {}
        for one in page:
            now = {key.digest for key in keys_of(one.kind, one.values, self.hub.blocks)}
            now |= {*reach_of(one.kind, one.values, self.hub.blocks)}
            was = filed.get(one.id, set()) & possible[one.id]
            if now - was:
                gained[one.id] = now - was
            if was - now:
                lost[one.id] = was - now
        keys.drop(tx, [(digest, id_) for id_, some in lost.items() for digest in some])
        keys.add(tx, [(digest, id_) for id_, some in gained.items() for digest in some])
        changes = Changes(self.hub.clock(), self.run_id)
        changes.stirred.update(digest for some in (*gained.values(), *lost.values()) for digest in some)
        refold(self.hub, tx, changes, [], cause="backfill")
        changes.write(tx)
        return gained, lost

    def _leads(self, record: Record, gained: Collection[int]) -> tuple[Key, ...]:
        """The keys by which somebody may be found now who was not found before."""
        if record.state != records.State.LIVE:
            return ()
        looser, more = self._looser(record.kind), self.hub.blocks.cap > self.was["cap"]
        found = keys_of(record.kind, record.values, self.hub.blocks)
        return tuple(key for key in found if more or key.tier in looser or key.digest in gained)

    def _looser(self, kind: str) -> set[str]:
        """The tiers that may do more than before."""
        was = {tier: self.was["tiers"].get(f"{kind} {tier}", "join") for tier in TIERS}
        return {tier for tier in TIERS if WORDS.index(self.hub.blocks.says(kind, tier)) > WORDS.index(was[tier])}

    def _near(self, record_id: int, leads: Iterable[Key], held: Mapping[int, Sequence[int]]) -> set[int]:
        """Who shares a lead; of two the later one is compared with the earlier."""
        some = [held.get(key.digest, ()) for key in leads]
        return {id_ for ids in some if len(ids) <= self.hub.blocks.cap for id_ in ids if id_ < record_id}

    def _compare(self, tx: Tx, near: Mapping[int, set[int]], leads: Mapping[int, Sequence[Key]]) -> None:
        changes = Changes(self.hub.clock(), self.run_id)
        works = load_works(self.hub, tx, {*near, *(id_ for others in near.values() for id_ in others)})
        apart = told_apart(tx, near)
        pairs: list[tuple[int, int]] = []
        for id_, others in near.items():
            known = [works[one] for one in sorted(others) if one in works and (id_, one) not in apart]
            self._one(changes, pairs, works[id_], leads[id_], [one for one in known if _stands(one)])
        merge(self.hub, tx, changes, pairs, works)
        went = [pair for pair in pairs if works[pair[0]].state == records.State.MERGED]
        self.found.joined += len(went)
        self.found.asked += len(changes.questions)
        self.found.pairs += [list(pair) for pair in went][: _SHOWN - len(self.found.pairs)]
        changed = [one for one in works.values() if one.heard or one.state != one.record.state]
        refold(self.hub, tx, changes, changed, cause="backfill")
        changes.write(tx)

    def _one(
        self,
        changes: Changes,
        pairs: list[tuple[int, int]],
        work: Work,
        leads: Sequence[Key],
        others: Sequence[Work],
    ) -> None:
        record = work.record
        candidates = [Candidate(one.record.id, one.record.values, taken=bool(self._both(one, work))) for one in others]
        found = match(record.kind, record.values, leads, candidates, blocks=self.hub.blocks)
        if isinstance(found, Join):
            # Whether they may become one is `merge`'s to say; the cap holds there, too.
            pairs.append((record.id, found.record_id))
        elif isinstance(found, Ambiguous):
            subject = {"candidates": list(found.record_ids), "evidence": list(found.evidence)}
            changes.questions.append(Question("ambiguous", subject, record_id=record.id))
        elif found.duplicate_of is not None:
            other = next(one for one in others if one.record.id == found.duplicate_of)
            subject = {"of": found.duplicate_of, "connection": min(self._both(other, work))}
            changes.questions.append(Question("duplicate", subject, record_id=record.id))

    def _both(self, one: Work, other: Work) -> set[str]:
        """The connections that hold both."""
        mine, theirs = ({voice.source for voice in work.voices.values() if not voice.retired} for work in (one, other))
        return (mine & theirs) - self.hub.own_sources

    def _list(self, tx: Tx, page: Mapping[int, Record], lost: Mapping[int, set[int]]) -> None:
        """Who was joined by what counts no longer, and would not be joined today."""
        said: dict[int, list[Values]] = {}
        for row in bindings.of_records(tx, lost):
            if row.state == State.BOUND and self.hub.sources.get(row.stream_id) != HUB:
                said.setdefault(row.record_id, []).append(row.claims.values)
        for id_, voices in said.items():
            if any(self._only_by(page[id_].kind, lost[id_], *pair) for pair in combinations(voices, 2)):
                self.found.stay += 1
                self.found.staying += [id_] if len(self.found.staying) < _SHOWN else []

    def _only_by(self, kind: str, lost: set[int], one: Values, other: Values) -> bool:
        """Whether two words about a record have a lost key in common, and would not join by what counts now."""
        if not lost & _possible_of(kind, one) & _possible_of(kind, other):
            return False
        leads = keys_of(kind, one, self.hub.blocks)
        return not isinstance(match(kind, one, leads, [Candidate(0, other)], blocks=self.hub.blocks), Join)


def _stands(work: Work) -> bool:
    return work.state == records.State.LIVE


def _possible(record: Record) -> set[int]:
    reach = {digest for blocks in (_OPEN, _SHUT) for digest in reach_of(record.kind, record.values, blocks)}
    return _possible_of(record.kind, record.values) | reach


def _possible_of(kind: str, values: Values) -> set[int]:
    return {key.digest for blocks in (DEFAULT, _OPEN, _SHUT) for key in keys_of(kind, values, blocks)}


def _held(tx: Tx, digests: Collection[int]) -> dict[int, list[int]]:
    held: dict[int, list[int]] = {}
    for digest, record_id in keys.find(tx, digests) if digests else ():
        if record_id > 0:
            held.setdefault(digest, []).append(record_id)
    return held


def _file_left_out(hub: Hub) -> None:
    """What a filter keeps out is filed below zero, by what its tool shows."""
    for stream in (one for connection in hub.connections.values() for one in connection.streams):
        last = 0
        while stream.kind in PROVING:
            with hub.store.writing() as tx:
                page = bindings.after(tx, stream.id, last, PAGE, state=State.FILTERED)
                if not page:
                    break
                last = page[-1].id
                _file_page(hub, tx, stream, [row for row in page if not row.record_id])


def _file_page(hub: Hub, tx: Tx, stream: Stream, rows: Sequence[bindings.Bound]) -> None:
    dropped, added = [], []
    for row, reading in zip(rows, stream.translator.read([row.expected for row in rows]), strict=True):
        now = {key.digest for key in keys_of(stream.kind, reading.values, hub.blocks)}
        dropped += [(digest, -row.id) for digest in _possible_of(stream.kind, reading.values) - now]
        added += [(digest, -row.id) for digest in now]
    keys.drop(tx, dropped)
    keys.add(tx, added)
