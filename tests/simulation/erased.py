"""Law 7: whoever was erased stays erased, in the hub and in every tool, but for what people type in again.

Here is kept who was erased and when; the law is held against what the tools and the store truly hold at rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.errors import ConfigError
from core.flow.erasure.erasing import erase
from core.flow.hub import HUB, Hub
from core.store import bindings, records
from core.store.bindings import Bound
from core.store.bindings import State as BindingState
from core.store.records import Record, State
from tests.remains import remains
from tests.simulation.people import Ledger, Place
from tests.simulation.plot import TOOLS

if TYPE_CHECKING:
    from tests.simulation.look import Look
    from tests.simulation.play import Stage


@dataclass
class Erased:
    """Who was erased, as whoever asked for it would tell."""

    people: set[str] = field(default_factory=set)
    places: set[Place] = field(default_factory=set)
    """Where they were held then, or had been, and what there was to do about them."""

    def ask(self, stage: Stage, record: Record) -> None:
        """Somebody asks to be erased, and keeps asking until it is done; a hub may be killed over it."""
        people, places = self._known(stage, record)
        # Noted first: what else is due in that moment may already have them deleted.
        self.people |= people
        self.places |= places
        if stage.busy:
            erase(stage.beside(), record.id)
        elif stage.lived(lambda hub: erase(hub, record.id)) is None:
            with suppress(ConfigError):
                erase(stage.lab.hub, record.id)

    def _known(self, stage: Stage, record: Record) -> tuple[set[str], set[Place]]:
        hub: Hub = stage.lab.hub
        with stage.lab.installation.store.reading() as tx:
            ids = {record.id}
            while more := records.parts(tx, ids) - ids:
                ids |= more
            bound = bindings.of_records(tx, ids)
            values = [one.values for one in records.load(tx, ids).values()]
        places = {(hub.sources[one.stream_id], one.remote_id) for one in bound}
        made = {stage.ledger.made[place] for place in places if place in stage.ledger.made}
        asked = {str(one["asked"]) for one in [*values, *map(_shown, bound)] if one.get("asked")}
        tasks = {
            (name, id_)
            for name, tool in stage.lab.tools.items()
            for id_, one in tool.all("activities").items()
            if any((name, whom) in places for whom in one.get("contact_ids") or ())
        }
        return made | asked, places | tasks | {(HUB, str(id_)) for id_ in ids}


def _shown(bound: Bound) -> dict[str, object]:
    return {**bound.expected, **bound.claims.values}


def of_the_others(look: Look) -> Ledger:
    """The ledger without what was said of those who were erased, and of whoever is taken for them."""
    erased, ledger = look.stage.erased, look.ledger
    if not erased.people:
        return ledger
    kept_out = {place for name in TOOLS for place in _kept_out(look, name)}
    theirs = {place for place, who in ledger.made.items() if who in erased.people}
    out = erased.places | kept_out | theirs
    return replace(
        ledger,
        words={key: word for key, word in ledger.words.items() if key[:2] not in out},
        untagged={key: at for key, at in ledger.untagged.items() if key[:2] not in out},
        made={place: who for place, who in ledger.made.items() if place not in out},
        known={place: id_ for place, id_ in ledger.known.items() if place not in out},
        edited={place: id_ for place, id_ in ledger.edited.items() if place not in out},
        taken_back=[one for one in ledger.taken_back if one.place[:2] not in out],
    )


def _kept_out(look: Look, name: str) -> Iterator[Place]:
    """What a tool holds and the hub keeps out, because it takes it for somebody who was erased."""
    for id_ in look.held[name]:
        bound = look.binding(name, id_)
        if bound is not None and bound.state == BindingState.ERASED:
            yield name, id_


def erased_stays_erased(look: Look) -> Iterator[str]:
    """Nothing of them is left that was there, nobody else is kept out for them, and the hub holds nothing of them."""
    stage, erased = look.stage, look.stage.erased
    if not erased.people:
        return
    merged, nameless = stage.ledger.merged, stage.ledger.nameless
    gone = erased.people - merged - _unrecognised(look)
    for name in TOOLS:
        kept_out = set(_kept_out(look, name))
        for id_, held in look.held[name].items():
            who, place = str(held.get("asked")), (name, id_)
            if who in gone and not _typed_since(look, place):
                yield f"erased: {name} still holds {id_} of {who}"
            if place in kept_out and who not in erased.people | merged | nameless:
                yield f"erased: {who} ({name} {id_}) is kept out, who never asked to be"
    for record in look.records.values():
        if record.state == State.LIVE and look.person(record) in gone:
            yield f"erased: record {record.id} is {look.person(record)}"
    for found in remains(look.lab.hub.store, [f'"{who}"' for who in sorted(gone)]):
        yield f"erased: the store holds {found}"


def _typed_since(look: Look, place: Place) -> bool:
    return place in look.stage.ledger.made and place not in look.stage.erased.places


def _unrecognised(look: Look) -> set[str]:
    """Who was typed in again, and had another address before: nobody can know that it is them."""
    ledger = look.stage.ledger
    again = {who for place, who in ledger.made.items() if _typed_since(look, place)}
    return again & (ledger.readdressed | ledger.nameless)
