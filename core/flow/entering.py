"""Entering: somebody or something that a person or a program tells the hub of, and that no tool holds yet.

    values ▶ normal form ▶ erased once? ▶ known already? ▶ made, and marked for every tool that takes it

It is the hub's word like any that is said there, heard by the tools, told in history, and undone by its run. Whoever is
known by an address is not entered twice: it is said who that is.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.decide.keys import keys_of
from core.errors import ConfigError, register
from core.flow.changes import Changes
from core.flow.hub import Hub
from core.flow.making import make_each
from core.flow.running import Run
from core.flow.saying import normal, subject_of
from core.model.values import Json, is_blank
from core.store import Tx, keys, records, suppression
from core.store.database import allocate, serialise

KNOWN = register(
    "record.known",
    "There is a record with this address already.",
    "Change that one, or ask for it to be changed where it is known.",
)
ERASED = register(
    "record.erased",
    "Whoever has this address was erased at their own request.",
    "Let them in again by answering the review of the erasure, if they have come back of their own will.",
)


def enter(hub: Hub, kind: str, values: Mapping[str, Json], *, key: int | None = None) -> tuple[int, int]:
    """Make a record; gives its number and that of the run. `key` is that of the program that tells of it.

    `ConfigError` for what is no value of its field, for nothing at all, and for whoever is known or was erased; nothing
    is in the log of that.
    """
    if kind not in hub.shapes:
        raise ConfigError(f"There is no kind '{kind}'.", remedy=f"Choose from {', '.join(hub.shapes)}.")
    said = {name: value for name, value in normal(hub, kind, values).items() if not is_blank(value)}
    if not said:
        raise ConfigError("Nothing is said of it.", remedy="Give it at least one value.")
    with hub.store.writing() as tx:
        _refuse_known(hub, tx, kind, said)
        (record_id,) = allocate(tx, "record", 1)
    with Run(hub, hub.own_id, "edit", subject=subject_of(record_id, said, key)) as run:
        changes = Changes(hub.clock(), run.id)
        with hub.store.writing(durable=True) as tx:
            serialise(tx, records.CHANGING)
            # Somebody else may have been quicker.
            _refuse_known(hub, tx, kind, said)
            make_each(hub, tx, changes, kind, [said], ids=[record_id])
            changes.write(tx)
        run.counts = {"created": 1}
    return record_id, run.id


def known_as(hub: Hub, tx: Tx, kind: str, values: Mapping[str, Json]) -> list[int]:
    """The live records that are known by an address among these values, which are in normal form."""
    digests = {one.digest for one in keys_of(kind, values, hub.blocks) if one.tier == "verified"}
    return sorted({id_ for _, id_ in keys.live_holders(tx, digests)}) if digests else []


def _refuse_known(hub: Hub, tx: Tx, kind: str, values: Mapping[str, Json]) -> None:
    digests = {one.digest for one in keys_of(kind, values, hub.blocks) if one.tier == "verified"}
    suppressor = hub.suppressor if digests and suppression.is_used(tx) else None
    if suppressor is not None and suppression.found(tx, {suppressor.of_key(one) for one in digests}):
        raise ConfigError("Whoever has this address was erased at their own request.", code=ERASED)
    if found := known_as(hub, tx, kind, values):
        which = ", ".join(str(id_) for id_ in found)
        raise ConfigError(f"There is a {kind} with this address already: {which}.", code=KNOWN, id=found[0])
