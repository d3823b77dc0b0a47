"""Joining: a person says that two records of the hub are one.

What would happen is shown first. It is found out by doing it in a transaction that is then given up, so that the plan
cannot say anything else than what is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from core.decide.fold import fold
from core.errors import ConfigError
from core.flow.changes import Changes
from core.flow.desk import Work, load_works
from core.flow.hub import Hub
from core.flow.identity.merging import merge
from core.flow.outward.compare import Step, differences
from core.flow.refold import refold
from core.flow.running import Run
from core.flow.saying import say_on
from core.mapping import paths
from core.model.values import Json
from core.store import Tx, bindings, records
from core.store.bindings import State as BindingState
from core.store.records import State


class Going(NamedTuple):
    """One write that the join leads to."""

    connection: str
    stream: str
    remote_id: str | None
    """None for a record that is made."""
    step: str
    fields: Mapping[str, tuple[Json, Json]]
    """The tool's field → what it holds, and what it will hold."""


@dataclass(slots=True)
class Joining:
    """What becomes of two records that are made one."""

    winner: int
    loser: int
    kind: str
    values: dict[str, Json] = field(default_factory=dict)
    """What will stand."""
    differs: dict[str, tuple[Json, Json]] = field(default_factory=dict)
    """Field → (the winner's value, the loser's), where the two are not the same."""
    chosen: tuple[str, ...] = ()
    """Fields that no rule decides: there the winner's value is taken for the person's word."""
    writes: list[Going] = field(default_factory=list)
    doubles: dict[str, list[str]] = field(default_factory=dict)
    """Connection → the ids under which it holds the one record then, where these are several."""


def pick(hub: Hub, one: int, other: int, into: int | None = None) -> tuple[int, int]:
    """The winner and the loser of two records: the one a person chose, else the older one.

    Raises `ConfigError` for what cannot be joined.
    """
    with hub.store.reading() as tx:
        found = records.load(tx, {one, other})
    for id_ in (one, other):
        if id_ not in found or found[id_].state in (State.MERGED, State.DELETED, State.ERASED):
            raise _not_there(id_)
    if one == other:
        raise ConfigError(f"Both words name record {one}.", remedy="Name two records by their numbers.")
    kinds = {record.kind for record in found.values()}
    if len(kinds) > 1:
        raise ConfigError(f"A {' and a '.join(sorted(kinds))} are never one.", remedy="Name two records of one kind.")
    if into not in (None, one, other):
        raise ConfigError(f"--into names record {into}, which is none of the two.", remedy=f"Say {one} or {other}.")
    winner = into or min(found.values(), key=lambda record: (record.created_at, record.id)).id
    return winner, other if winner == one else one


def _not_there(record_id: int) -> ConfigError:
    return ConfigError(f"Record {record_id} is not there to be merged.", remedy="Look it up by `concord why KIND KEY`.")


def plan_join(hub: Hub, winner: int, loser: int) -> Joining:
    """What joining would do; nothing is changed."""
    changes = Changes(hub.clock())
    with _given_up(hub) as tx:
        joining = _joined(hub, tx, changes, winner, loser)
        joining.writes = list(_writes(hub, tx, winner))
        joining.doubles = _doubles(hub, tx, winner)
    return joining


def join(hub: Hub, winner: int, loser: int) -> int:
    """Make the loser part of the winner, and give the number of the run, by which that is undone."""
    with Run(hub, hub.own_id, "merge", subject={"winner": winner, "loser": loser}) as run:
        changes = Changes(hub.clock(), run.id)
        with hub.store.writing(durable=True) as tx:
            _joined(hub, tx, changes, winner, loser)
        run.counts = {"merged": 1}
    return run.id


def _joined(hub: Hub, tx: Tx, changes: Changes, winner: int, loser: int) -> Joining:
    works = load_works(hub, tx, [winner, loser])
    for id_ in (winner, loser):
        # Erased meanwhile, say.
        if id_ not in works:
            raise _not_there(id_)
    kept, lost = works[winner], works[loser]
    joining = Joining(winner, loser, kept.record.kind)
    mine, theirs = kept.record.values, lost.record.values
    names = sorted(mine.keys() | theirs.keys())
    joining.differs = {name: (mine.get(name), theirs.get(name)) for name in names if mine.get(name) != theirs.get(name)}
    merge(hub, tx, changes, [(loser, winner)], works, asked=True)
    if kept.state == State.MERGED or lost.state != State.MERGED:
        raise ConfigError("One of the two was merged meanwhile.", remedy="Look both up again.")
    chosen = _undecided(hub, kept, mine)
    if chosen:
        say_on(hub, tx, changes, kept, chosen)
    joining.chosen = tuple(sorted(chosen))
    refold(hub, tx, changes, list(works.values()), cause="live")
    changes.write(tx)
    joining.values = records.load(tx, [winner])[winner].values
    return joining


def _undecided(hub: Hub, work: Work, values: Mapping[str, Json]) -> dict[str, Json]:
    """What no rule decides between the two, as the winner has it: who names a winner has answered these questions."""
    asks = fold(hub.shapes[work.record.kind], hub.rules, tuple(work.voices.values())).asks
    return {ask.field: values[ask.field] for ask in asks if ask.field in values}


class _GivenUp(Exception):
    """Ends a transaction that is not to be kept."""


@contextmanager
def _given_up(hub: Hub) -> Iterator[Tx]:
    """A transaction that sees its own changes, of which nothing is left."""
    try:
        with hub.store.writing() as tx:
            yield tx
            raise _GivenUp
    except _GivenUp:
        return


def _writes(hub: Hub, tx: Tx, record_id: int) -> Iterator[Going]:
    found = records.load(tx, [record_id])
    for connection in hub.connections.values():
        for one in differences(hub, tx, connection, found):
            if one.step in (Step.CREATE, Step.UPDATE, Step.DELETE):
                held = one.bound.expected if one.bound else {}
                fields = {path: (paths.get(held, path), value) for path, value in (one.fields or {}).items()}
                remote_id = one.bound.remote_id if one.bound else None
                yield Going(connection.name, one.stream.name, remote_id, str(one.step), fields)


def _doubles(hub: Hub, tx: Tx, record_id: int) -> dict[str, list[str]]:
    held: dict[str, list[str]] = {}
    for row in bindings.of_records(tx, [record_id]):
        if row.state == BindingState.BOUND and hub.stream(row.stream_id) is not None:
            held.setdefault(hub.sources[row.stream_id], []).append(row.remote_id)
    return {source: ids for source, ids in held.items() if len(ids) > 1}
