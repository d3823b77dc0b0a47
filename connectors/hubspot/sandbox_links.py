"""Which records belong together, with which labels, seen from both ends."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from connectors.hubspot.sandbox_words import PRIMARY, TIES


class Label(NamedTuple):
    """One association type in one direction."""

    start: str
    end: str
    type_id: int
    back: int
    """The same seen from the other end."""
    name: str | None = None
    category: str = "HUBSPOT_DEFINED"


class Links:
    """All associations. A pair always has its unlabelled type besides any labels."""

    def __init__(self) -> None:
        self.labels: dict[tuple[str, str], dict[int, Label]] = defaultdict(dict)
        for tie in TIES:
            self.define(Label(tie.start, tie.end, tie.there, tie.back, tie.label), tie.back_label)
        self._pairs: dict[tuple[str, int, str], dict[int, set[int]]] = defaultdict(dict)
        """(type, id, other type) → other id → the association type ids."""

    def define(self, label: Label, back_name: str | None) -> None:
        """Make an association type known in both directions."""
        self.labels[label.start, label.end][label.type_id] = label
        back = Label(label.end, label.start, label.back, label.type_id, back_name, label.category)
        self.labels[label.end, label.start].setdefault(label.back, back)

    def plain(self, start: str, end: str) -> Label | None:
        """The unlabelled type between two types of records."""
        return next((label for label in self.labels[start, end].values() if label.name is None), None)

    def of(self, start: str, id_: int, end: str) -> dict[int, list[Label]]:
        """Other id → labels, in the order of the ids."""
        pairs = self._pairs.get((start, id_, end), {})
        known = self.labels[start, end]
        return {other: [known[type_id] for type_id in sorted(pairs[other], reverse=True)] for other in sorted(pairs)}

    def primary(self, start: str, id_: int, end: str = "companies") -> int | None:
        """The one company a contact or deal belongs to above all."""
        wanted = PRIMARY.get((start, end))
        pairs = self._pairs.get((start, id_, end), {})
        return next((other for other, types in pairs.items() if wanted in types), None)

    def add(self, start: str, id_: int, end: str, other: int, type_id: int) -> bool:
        """Tie two records; says whether that is new. A second primary takes the first one's place."""
        label = self.labels[start, end][type_id]
        types = self._pairs[start, id_, end].setdefault(other, set())
        if type_id in types:
            return False
        self._only_one(label, id_, other)
        plain = self.plain(start, end)
        for one in (label, *([plain] if plain else [])):
            types.add(one.type_id)
            self._pairs[end, other, start].setdefault(id_, set()).add(one.back)
        return True

    def remove(self, start: str, id_: int, end: str, other: int, type_id: int | None = None) -> bool:
        """Untie two records, or take one label away; says whether there was anything."""
        types = self._pairs.get((start, id_, end), {}).get(other)
        if types is None or (type_id is not None and type_id not in types):
            return False
        if type_id is not None and types != {type_id}:
            types.discard(type_id)
            self._pairs[end, other, start][id_].discard(self.labels[start, end][type_id].back)
            return True
        del self._pairs[start, id_, end][other]
        self._pairs[end, other, start].pop(id_, None)
        return True

    def around(self, start: str, id_: int) -> list[tuple[Label, int]]:
        """Every (label, other id) of a record."""
        return [
            (label, other)
            for end in {end for first, end in self.labels if first == start}
            for other, labels in self.of(start, id_, end).items()
            for label in labels
        ]

    def move(self, start: str, old: int, new: int) -> None:
        """Give a record's associations to another; a primary that is there already stays."""
        for label, other in self.around(start, old):
            self.remove(start, old, label.end, other, label.type_id)
            is_second = label.type_id == PRIMARY.get((start, label.end)) and self.primary(start, new) is not None
            plain = self.plain(start, label.end)
            type_id = plain.type_id if is_second and plain else label.type_id
            if label.end != start or other != new:
                self.add(start, new, label.end, other, type_id)
            self.remove(start, old, label.end, other)

    def _only_one(self, label: Label, id_: int, other: int) -> None:
        start, end, from_id = label.start, label.end, id_
        if label.type_id not in PRIMARY.values():
            start, end, from_id = label.end, label.start, other
        wanted = PRIMARY.get((start, end))
        held = self.primary(start, from_id) if wanted in (label.type_id, label.back) else None
        if held is not None and wanted is not None:
            self.remove(start, from_id, end, held, wanted)
