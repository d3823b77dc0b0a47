"""Saying: what a person says in the hub is a claim like any tool's.

The hub is a connection of its own (`core.flow.hub.HUB`), so a person's words stand in the same history, are folded
by the same rules, and can be explained and taken back like all others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from core.decide.why import text
from core.errors import ConfigError, register
from core.flow.changes import Changes
from core.flow.desk import Heard, Work, load_works
from core.flow.hub import HUB, Hub
from core.flow.refold import refold
from core.flow.running import Run
from core.model.claim import Claim, Claims, Evidence, Stamp
from core.model.hold import holds
from core.model.values import Json
from core.store import Tx, bindings, records
from core.store.bindings import Bound, State
from core.store.codec import UNKNOWN_DIGEST, pack
from core.store.database import allocate

CHANGED = register(
    "record.changed",
    "The record has been changed since it was looked at.",
    "Look at it again, and say it again if it is still to be so.",
)


def say(
    hub: Hub, record_id: int, values: Mapping[str, Json], *, version: int | None = None, key: int | None = None
) -> int:
    """A person's word for some fields of a record, None clears; gives the number of the run, by which it is undone.

    With a `version` only where the record is still that. `key` is that of the program that says it.
    `ConfigError` for what is no value of its field; nothing is in the log of that.
    """
    with hub.store.reading() as tx:
        kind = records.kinds(tx, [record_id]).get(record_id)
    if kind is not None:
        normal(hub, kind, values)
    with Run(hub, hub.own_id, "edit", subject=subject_of(record_id, values, key)) as run:
        say_in(hub, run, record_id, values, version=version)
    return run.id


def subject_of(record_id: int, values: Mapping[str, Json], key: int | None) -> dict[str, Json]:
    """What an edit is about, and by which key of the API, where it was a program."""
    return {"record": record_id, "fields": sorted(values), **({"key": key} if key is not None else {})}


def say_in(hub: Hub, run: Run, record_id: int, values: Mapping[str, Json], *, version: int | None = None) -> None:
    """The same as part of another act."""
    changes = Changes(hub.clock(), run.id)
    with hub.store.writing(durable=True) as tx:
        works = load_works(hub, tx, [record_id])
        if record_id not in works:
            raise ConfigError(f"There is no record {record_id}.", remedy="Look it up with `concord why KIND KEY`.")
        if version is not None and works[record_id].record.version != version:
            raise ConfigError(f"Record {record_id} has been changed meanwhile.", code=CHANGED)
        for name in sorted(values.keys() & holds(works[record_id].voices.values()).keys()):
            raise ConfigError(f"{name} is held.", remedy="Let it go first, or hold the new value.")
        say_on(hub, tx, changes, works[record_id], values)
        refold(hub, tx, changes, list(works.values()), cause="live")
        changes.write(tx)


def say_on(
    hub: Hub,
    tx: Tx,
    changes: Changes,
    work: Work,
    values: Mapping[str, Json],
    *,
    explicit: bool = False,
    proof: Mapping[str, Json] | None = None,
) -> None:
    """The same about a record on the desk of a trip, which folds and writes it.

    `explicit`: the person concerned says it, first hand; `proof` goes into the consent ledger.
    """
    say_each(hub, tx, changes, [(work, values)], explicit=explicit, proof=proof)


def say_each(
    hub: Hub,
    tx: Tx,
    changes: Changes,
    said: Sequence[tuple[Work, Mapping[str, Json]]],
    *,
    explicit: bool = False,
    proof: Mapping[str, Json] | None = None,
) -> None:
    """The same about several records, each once: one statement a kind, and one for what is new."""
    stamp = Stamp(changes.now, changes.now, Evidence.FIELD_HISTORY, explicit)
    claimed = [
        (work, {name: Claim(value, stamp) for name, value in normal(hub, work.record.kind, values).items()})
        for work, values in said
    ]
    claim_each(hub, tx, changes, claimed, proof=proof)


def claim_each(
    hub: Hub,
    tx: Tx,
    changes: Changes,
    said: Sequence[tuple[Work, Mapping[str, Claim]]],
    *,
    proof: Mapping[str, Json] | None = None,
) -> None:
    """The same of claims as they are to be kept."""
    streams = {kind: id_ for id_, kind in hub.own_streams.items()}
    own: dict[int, Bound] = {}
    for kind in sorted({work.record.kind for work, _ in said}):
        ids = [str(work.record.id) for work, _ in said if work.record.kind == kind]
        own |= {int(id_): row for id_, row in bindings.of_remotes(tx, streams[kind], ids).items()}
    fresh = iter(allocate(tx, "binding", len(said) - len(own)) if len(own) < len(said) else ())
    for work, claims in said:
        present = own.get(work.record.id)
        renewed = (present.claims if present else Claims()).renewed(claims)
        packed = bindings.packed(renewed)
        if present:
            row = present._replace(packed_claims=packed, read_at=changes.now)
            changes.bindings[row.id] = row
        else:
            row = Bound(
                next(fresh), streams[work.record.kind], str(work.record.id), work.record.id, State.BOUND,
                UNKNOWN_DIGEST, None, None, changes.now, None, packed, pack({}), None, None, None,
            )  # fmt: skip
            changes.new_bindings.append(row)
        work.say(row, HUB, renewed)
        work.heard.append(Heard("heard", Claims.of(claims), row.id, {"proof": dict(proof)} if proof else {}))


def normal(hub: Hub, kind: str, values: Mapping[str, Json]) -> dict[str, Json]:
    """Values in their normal form; `ConfigError` for what is no field, or no value of its field."""
    fields = hub.shapes[kind].fields
    found: dict[str, Json] = {}
    for name, value in values.items():
        if name not in fields:
            raise ConfigError(f"A {kind} has no field '{name}'.", remedy=f"It has {', '.join(fields)}.")
        try:
            found[name] = fields[name].normaliser(hub.locale)(value)
        except ValueError as error:
            wanted = f"Write it as {text(fields[name].example)}, or nothing to clear it."
            raise ConfigError(f"{name}: {error}.", remedy=wanted) from error
    return found
