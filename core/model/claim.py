"""Claims: one source's word for one field, with its time and the quality of that time.

A tool never "updates the record"; it claims values, and the record is a fold over the claims
(`core.decide.fold`). `Claims` holds the live claims of one binding in a compact form, because a first load makes
millions of them and nearly all of one binding share the same stamp.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from core.model.instant import Instant, iso
from core.model.values import Json


class Evidence(IntEnum):
    """How we know when a value was set, from the weakest to the strongest."""

    FIRST_SEEN = 0
    """Nobody says; it was there when we looked."""
    MODIFIED = 1
    """The record's own modified stamp; some field changed then."""
    EVENT = 2
    """An event that names the changed fields."""
    FIELD_HISTORY = 3
    """The tool's history of this very field, or a person's edit in the hub."""


class Stamp(NamedTuple):
    """When a value was set: at `at`, or at some time between `since` and `at`. Both µs UTC, skew corrected."""

    at: Instant
    since: Instant
    evidence: int = Evidence.FIRST_SEEN
    explicit: bool = False
    """Said by the person concerned, first hand. Only such a grant may widen consent."""

    @property
    def said_at(self) -> str | None:
        """When it was set, at the latest, as people read it; None for what is only taken for granted."""
        return iso(self.at) if self.at >= 0 else None


ASSUMED = Stamp(-1, -1)
"""The stamp of what is only taken for granted: any word whatever about the field is newer."""


class Claim(NamedTuple):
    """One live claim. `value` is canonical or None (cleared); `without` are set elements its source took out."""

    value: Json
    stamp: Stamp
    without: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True)
class Claims:
    """All live claims of one binding: values, and which of its few stamps each value carries.

    `stamp_of` names only fields whose stamp is not the first one. `without` names, for sets, the elements that
    this source removed, so that another source's older word does not bring them back.
    """

    values: Mapping[str, Json] = field(default_factory=dict)
    stamps: tuple[Stamp, ...] = ()
    stamp_of: Mapping[str, int] = field(default_factory=dict)
    without: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        """Whether the source claims this field at all."""
        return name in self.values

    def __iter__(self) -> Iterator[str]:
        """The names of the claimed fields."""
        return iter(self.values)

    def get(self, name: str) -> Claim | None:
        """The claim for a field, or None where the source has none."""
        if name not in self.values:
            return None
        return Claim(self.values[name], self.stamps[self.stamp_of.get(name, 0)], tuple(self.without.get(name, ())))

    def items(self) -> Iterator[tuple[str, Claim]]:
        """Every field with its claim."""
        for name, value in self.values.items():
            yield (
                name,
                Claim(value, self.stamps[self.stamp_of.get(name, 0)], tuple(self.without.get(name, ()))),
            )

    def renewed(self, claims: Mapping[str, Claim]) -> Claims:
        """These claims with some fields claimed anew; what the new ones do not name stays as it is."""
        return Claims.of({**dict(self.items()), **claims})

    def dropped(self, names: Iterable[str]) -> Claims:
        """These claims without the named fields."""
        gone = set(names)
        return Claims.of({name: claim for name, claim in self.items() if name not in gone})

    @classmethod
    def of(cls, claims: Mapping[str, Claim]) -> Claims:
        """Pack single claims, sharing equal stamps."""
        stamps: dict[Stamp, int] = {}
        stamp_of = {}
        for name, claim in claims.items():
            place = stamps.setdefault(claim.stamp, len(stamps))
            if place:
                stamp_of[name] = place
        return cls(
            {name: claim.value for name, claim in claims.items()},
            tuple(stamps),
            stamp_of,
            {name: claim.without for name, claim in claims.items() if claim.without},
        )

    def to_json(self) -> dict[str, Any]:
        """The stored form: `v` values, `s` stamps, `i` stamp per field where not the first, `x` removed elements."""
        packed: dict[str, Any] = {"s": [list(stamp) for stamp in self.stamps], "v": self.values}
        if self.stamp_of:
            packed["i"] = self.stamp_of
        if self.without:
            packed["x"] = self.without
        return packed

    @classmethod
    def from_json(cls, packed: Mapping[str, Any]) -> Claims:
        """Read the stored form back."""
        return cls(
            packed["v"],
            tuple(Stamp(*stamp) for stamp in packed["s"]),
            packed.get("i", {}),
            {name: tuple(removed) for name, removed in packed.get("x", {}).items()},
        )


@dataclass(frozen=True, slots=True)
class Voice:
    """One source speaking about one record: whose claims these are, and whether the source is still there."""

    source: str
    """The connection's name; `hub` for a person in the hub; `form:NAME` and the like for other sources."""
    claims: Claims
    retired: bool = False
    """The binding was deleted or the connection removed; its last words still count."""
