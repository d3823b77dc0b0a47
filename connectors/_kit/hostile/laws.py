"""The laws that hold for any connector, held against a stage at rest.

Each gives the breaches it finds, in words for the connector's author. They look at what the tools truly hold, by the
harness, and at what people truly typed; the hub is asked only for its own side of the story.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

from connectors._kit.hostile.stage import Place, address, number, text
from core.flow.hub import Stream
from core.flow.undo.replay import folded_again
from core.model.values import is_blank
from core.store import bindings, deliveries, reviews
from core.store.bindings import State as BindingState
from core.store.records import Record

if TYPE_CHECKING:
    from connectors._kit.hostile.stage import Stage


class Look:
    """Everything as it stands, loaded once."""

    def __init__(self, stage: Stage) -> None:
        self.stage, hub = stage, stage.hub
        self.records = {one.id: one for one in stage.records()}
        with hub.store.reading() as tx:
            self.bound = bindings.of_records(tx, list(self.records))
            self.folded = folded_again(hub, tx, list(self.records))
            asked = list(reviews.open_reviews(tx, limit=1000))
            letters = deliveries.dead_letters(tx)
        self.waiting = {one.record_id for one in asked} | {one.record_id for one in letters}
        self.connections = {place.name: hub.connection(place.name) for place in stage.places}

    @cached_property
    def held(self) -> dict[str, dict[str, Any]]:
        """Connection → id → what a person sees there."""
        return {place.name: place.all() for place in self.stage.places}

    def stream(self, place: Place) -> Stream:
        """The stream that is tried."""
        return next(one for one in self.connections[place.name].streams if one.name == place.stream)

    def ids(self, record: Record, place: Place) -> list[str]:
        """A record's ids in a tool."""
        stream = self.stream(place).id
        return [
            one.remote_id
            for one in self.bound
            if (one.record_id, one.stream_id, one.state) == (record.id, stream, BindingState.BOUND)
        ]

    def people(self) -> dict[int, list[Record]]:
        """Person → records."""
        found: dict[int, list[Record]] = {}
        for one in self.records.values():
            found.setdefault(number(one.values.get("email")), []).append(one)
        return found

    @property
    def plain(self) -> set[int]:
        """People whom nobody deleted or merged: what happened to them is the hub's doing alone."""
        return self.stage.known - self.stage.deleted - self.stage.merged


def nobody_gone(look: Look) -> Iterator[str]:
    """Whom nobody deleted is in the hub and in both tools, whatever a tool's answers left out."""
    for who in sorted(look.plain):
        found = look.people().get(who, [])
        if not found:
            yield f"gone: person {who} is not in the hub any more, and nobody deleted them"
        for place in look.stage.places if found and found[0].id not in look.waiting else ():
            if not any(
                text(held, place.people.fields["email"]) == address(who) for held in look.held[place.name].values()
            ):
                yield f"gone: person {who} is not in {_called(look, place)}, and nobody deleted them"


def agreement(look: Look) -> Iterator[str]:
    """What the hub holds of a person is what both tools hold."""
    for record in look.records.values():
        for place in look.stage.places if record.id not in look.waiting else ():
            for id_ in look.ids(record, place):
                yield from _agrees(look, record, place, id_)


def _agrees(look: Look, record: Record, place: Place, id_: str) -> Iterator[str]:
    held = look.held[place.name].get(id_)
    if held is None:
        yield f"agreement: the hub takes {id_} for there in {_called(look, place)}, and it is not"
        return
    (reading,) = look.stream(place).translator.read([held])
    for name in place.people.editable:
        there, ours = reading.values.get(name), record.values.get(name)
        if there != ours and not (is_blank(there) and is_blank(ours)):
            yield f"agreement: {name} of person {number(record.values.get('email'))} is {there!r} in " \
                f"{_called(look, place)}, and {ours!r} in the hub"  # fmt: skip


def nothing_lost(look: Look) -> Iterator[str]:
    """What people typed last stands, or the hub was shown it and decided otherwise."""
    for (who, name), said in look.stage.words.items():
        found = look.people().get(who, [])
        if who not in look.plain or name == "consent.email" or len(found) != 1 or found[0].id in look.waiting:
            continue
        value = found[0].values.get(name)
        if value not in {word.value for word in said.values()}:
            typed = " or ".join(repr(word.value) for word in said.values())
            yield f"lost: {name} of person {who} is {value!r}, and people last typed {typed}"
        for at, word in said.items():
            place = look.stage.places[at]
            shown = place.witness.saw(place.stream, word.id, place.people.fields[name], word.value)
            if value != word.value and not shown:
                yield f"lost: {word.value!r} was typed as {name} of person {who} in {_called(look, place)} and was " \
                    f"written over before the hub had ever read it"  # fmt: skip


def nothing_changed_unasked(look: Look) -> Iterator[str]:
    """A field that nobody typed in keeps its value."""
    for (who, name), before in look.stage.agreed.items():
        for record in look.people().get(who, []) if who in look.plain else ():
            typed = (who, name) in look.stage.words or (name == "consent.email" and who in look.stage.denied)
            if not typed and str(record.values.get(name) or "") != before:
                yield f"lost: {name} of person {who} was {before!r}, nobody changed it, and it is " \
                    f"{record.values.get(name)!r} now"  # fmt: skip


def nothing_doubled(look: Look) -> Iterator[str]:
    """One person is one record, in the hub and in each tool."""
    for who, found in look.people().items():
        if len(found) > 1 and who not in look.stage.merged:
            yield f"doubled: person {who} is {len(found)} records in the hub"
    for place in look.stage.places:
        path = place.people.fields["email"]
        count = Counter(number(text(held, path)) for held in look.held[place.name].values() if text(held, path))
        for who, times in count.items():
            if times > 1 and who not in look.stage.merged:
                yield f"doubled: person {who} is there {times} times in {_called(look, place)}"
        unseen = place.harness.count(place.stream) - len(look.held[place.name])
        if unseen > 0:
            yield f"doubled: {_called(look, place)} holds {unseen} records that the connector never showed"


def explained(look: Look) -> Iterator[str]:
    """Folding the history gives the present."""
    for id_, record in look.records.items():
        if dict(look.folded[id_]) != record.values:
            yield f"explained: record {id_} holds {record.values}, its history gives {dict(look.folded[id_])}"


def consent_kept(look: Look) -> Iterator[str]:
    """Consent that a person withdrew is not given by a machine."""
    for who in sorted(look.stage.denied & look.plain):
        for record in look.people().get(who, []):
            if record.values.get("consent.email") == "granted":
                yield f"consent: person {who} withdrew consent to email, and it is granted"


LAWS: tuple[Callable[[Look], Iterator[str]], ...] = (
    nobody_gone, nothing_doubled, nothing_lost, nothing_changed_unasked, agreement, explained, consent_kept,
)  # fmt: skip


def breaches(stage: Stage) -> list[str]:
    """Every breach of every law."""
    if stage.restless:
        return [f"restless: reading and writing did not end within a day without trouble: {stage.told}"]
    late = [f"restless: {stage.late_writes} writes when all was quiet"] if stage.late_writes else []
    look = Look(stage)
    return late + [found for law in LAWS for found in law(look)]


def _called(look: Look, place: Place) -> str:
    return look.stage.history.tools[look.stage.places.index(place)]
