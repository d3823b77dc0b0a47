"""What a tool was known to look like: its description as it was last, and what changed since and is not settled.

A change that concerns the mapping stays one until it is undone, mended or waved through; so every look at the tool
finds it again, and a look that was missed does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.decide.drift import Change
from core.ports import Description, FieldInfo


@dataclass(frozen=True, slots=True)
class Known:
    """What is kept of a stream's description."""

    now: Description
    """As the tool described it last."""
    before: Mapping[str, FieldInfo | None] = field(default_factory=dict)
    """How fields were before what happened to them; None for one that was not there."""
    told: frozenset[str] = frozenset()
    """What a person has been told of already, in the words of the changes."""

    @property
    def agreed(self) -> Description:
        """What the mapping is held against: fields as they are now, and as they were where that is not settled."""
        fields: dict[str, FieldInfo | None] = {info.name: info for info in self.now.fields}
        fields |= self.before
        return Description(self.now.stream, tuple(info for info in fields.values() if info), self.now.open)

    def missing(self, paths: Iterable[str]) -> Known:
        """The same where fields that the mapping names count as removed, though nobody has ever seen them."""
        names = {info.name for info in self.agreed.fields}
        unseen = [path for path in paths if path not in names and path.partition(".")[0] not in names]
        return Known(self.now, {**self.before, **{path: FieldInfo(path) for path in unseen}}, self.told)

    def after(self, description: Description, unsettled: Iterable[Change]) -> Known:
        """What is known after another look, at which these changes were not settled."""
        changes = list(unsettled)
        earlier = {info.name: info for info in self.agreed.fields}
        names = [name for change in changes for name in (change.field, change.renamed_to) if name]
        return Known(description, {name: earlier.get(name) for name in names}, frozenset(one.what for one in changes))

    def to_json(self) -> dict[str, Any]:
        """The stored form; what is as usual is left out."""
        return {
            "stream": self.now.stream,
            "open": self.now.open,
            "fields": [_told(info) for info in self.now.fields],
            "before": {name: info and _told(info) for name, info in self.before.items()},
            "told": sorted(self.told),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Known:
        """From the stored form."""
        now = Description(stored["stream"], tuple(_info(one) for one in stored["fields"]), stored["open"])
        before = {name: one and _info(one) for name, one in stored["before"].items()}
        return cls(now, before, frozenset(stored["told"]))


def _told(info: FieldInfo) -> dict[str, Any]:
    usual = FieldInfo._field_defaults
    return {name: value for name, value in info._asdict().items() if name not in usual or value != usual[name]}


def _info(told: Mapping[str, Any]) -> FieldInfo:
    return FieldInfo(**{**told, "choices": tuple(told.get("choices", ()))})
