"""Reuniting: after the database was set back, what we once wrote and what we wrote it from are found to be one again.

Companies and people find each other by their keys. A deal or a task has none: its source comes anew, and its copies
come with our own key of a record that is lost. Where the two say the same and nobody else does, they are one; where
that is not certain a person is asked, and neither is created anywhere meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from core.decide.keys import keys_of
from core.flow.changes import Changes
from core.flow.desk import Work, load_works
from core.flow.hub import Hub
from core.flow.identity.merging import merge
from core.flow.refold import refold
from core.flow.running import Run
from core.model.values import is_blank
from core.store import Tx, records, restores
from core.store.apart import told_apart
from core.store.database import serialise
from core.store.records import Record
from core.store.restores import Restored
from core.store.reviews import Question

_LISTED = 5
"""So many that it may be are named in a question."""
_COMPARED = 50
"""So many of one name are compared with each other."""


def reunite(hub: Hub) -> int:
    """Make one what is certainly one, ask about the rest; gives how many. One statement where nothing was set back.

    It is done again until every stream was read, since what is one may stand on a tool that is away.
    """
    with hub.store.reading() as tx:
        restored = restores.latest(tx)
        if restored is None or not restored.stream_ids:
            return 0
        unread = restores.unread(tx, restored)
    with Run(hub, hub.own_id, "reunite") as run:
        changes = Changes(hub.clock(), run.id)
        with hub.store.writing() as tx:
            serialise(tx, records.CHANGING)
            pairs = _settled(hub, tx, changes, restored)
            if not unread:
                restores.settled(tx, restored)
        run.counts = {name: count for name, count in (("joined", pairs), ("asked", len(changes.questions))) if count}
    return pairs


def _settled(hub: Hub, tx: Tx, changes: Changes, restored: Restored) -> int:
    orphans, newcomers = restores.orphans(tx, restored), restores.newcomers(tx, restored)
    groups = _by_name(hub, [*orphans, *newcomers])
    ids = [one.id for group in groups for one in group]
    works, apart = load_works(hub, tx, ids), told_apart(tx, ids)
    # Whom the page did not lay on the desk was erased meanwhile.
    groups = [[one for one in group if one.id in works] for group in groups]
    may_be = [pair for group in groups for pair in _pairs(hub, group, works) if pair not in apart]
    certain = [pair for pair in may_be if _says_the_same(works, pair) and restored.lost(pair[1])]
    often = Counter(id_ for pair in certain for id_ in pair)
    pairs = [pair for pair in certain if often[pair[0]] == often[pair[1]] == 1]
    merge(hub, tx, changes, pairs, works)
    settled = {id_ for pair in pairs for id_ in pair}
    _ask(changes, [pair for pair in may_be if not settled & {*pair}])
    changed = [one for one in works.values() if one.heard or one.state != one.record.state]
    refold(hub, tx, changes, changed, cause="live")
    changes.write(tx)
    return len(pairs)


def _by_name(hub: Hub, found: Sequence[Record]) -> list[list[Record]]:
    """What nothing but its name tells apart, where there are several of one name; what has keys finds itself."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for one in found:
        name = hub.shapes[one.kind].name_of(one.values)
        if name and not keys_of(one.kind, one.values, hub.blocks):
            groups.setdefault((one.kind, name), []).append(one)
    return [group for group in groups.values() if len(group) > 1]


def _pairs(hub: Hub, group: Sequence[Record], works: Mapping[int, Work]) -> Iterator[tuple[int, int]]:
    """(the later, the earlier) of those that may be one: no tool holds both. A lost number is always the earlier."""
    held = {one.id: _connections(hub, works[one.id]) for one in group}
    for place, one in enumerate(sorted(group, key=lambda one: one.id)[:_COMPARED]):
        for other in sorted(group, key=lambda one: one.id)[:place]:
            if not held[one.id] & held[other.id]:
                yield one.id, other.id


def _says_the_same(works: Mapping[int, Work], pair: tuple[int, int]) -> bool:
    """Whether nothing that both say differs."""
    one, other = (works[id_].record.values for id_ in pair)
    both = [name for name in one.keys() & other.keys() if not is_blank(one[name]) and not is_blank(other[name])]
    return all(one[name] == other[name] for name in both)


def _connections(hub: Hub, work: Work) -> set[str]:
    return {hub.sources.get(stream_id, "?") for stream_id in work.streams.values()}


def _ask(changes: Changes, doubtful: Sequence[tuple[int, int]]) -> None:
    """Both sides are asked about: neither is created anywhere while nobody knows whether it is there."""
    candidates: dict[int, list[int]] = {}
    for one, other in doubtful:
        candidates.setdefault(one, []).append(other)
        candidates.setdefault(other, []).append(one)
    for id_, others in sorted(candidates.items()):
        evidence = ["the same name", "the database was set back, and both were there when it was read again"]
        changes.questions.append(
            Question("ambiguous", {"candidates": others[:_LISTED], "evidence": evidence}, record_id=id_)
        )
