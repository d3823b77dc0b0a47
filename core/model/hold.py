"""A held field: what a person says stands, whatever tools bring, until a time or until it is let go.

A hold is kept among the claims of the person in the hub, under a name that no field has. So it goes where their words
go: into history and out of it by an undo, with a record that is merged and parted again, and away with an erasure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import orjson

from core.model.claim import Stamp, Voice
from core.model.instant import Instant
from core.model.values import Json

_MARK = "hold:"


class Hold(NamedTuple):
    """One field that is held."""

    value: Json
    """What stands; None for nothing."""
    by: str
    why: str
    until: Instant | None
    """None until somebody lets it go."""
    stamp: Stamp

    def word(self) -> str:
        """As it is kept among the claims: text, since an object there is a reference that waits."""
        return orjson.dumps([self.value, self.by, self.why, self.until]).decode()


def name_of(field: str) -> str:
    """Under which name a field's hold is kept."""
    return f"{_MARK}{field}"


def field_of(name: str) -> str | None:
    """The field whose hold is kept under a name; None for what is none."""
    return name.removeprefix(_MARK) if name.startswith(_MARK) else None


def holds(voices: Iterable[Voice]) -> dict[str, Hold]:
    """Field → its hold, the newest where several people hold it; one that was let go since holds no more."""
    found: dict[str, Hold | None] = {}
    stamps: dict[str, tuple[Stamp, str]] = {}
    for voice in voices:
        for name in voice.claims.values:
            field = field_of(name)
            claim = voice.claims.get(name) if field is not None else None
            if field is None or claim is None:
                continue
            # Of two that were said in one moment, the same one stands in whatever order they are met.
            newness = (claim.stamp, str(claim.value))
            if field not in stamps or newness > stamps[field]:
                stamps[field], found[field] = newness, _read(claim.value, claim.stamp)
    return {field: hold for field, hold in found.items() if hold is not None}


def _read(word: Json, stamp: Stamp) -> Hold | None:
    if not isinstance(word, str) or not word:
        return None
    value, by, why, until = orjson.loads(word)
    return Hold(value, by, why, until, stamp)
