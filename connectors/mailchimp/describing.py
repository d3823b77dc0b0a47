"""What the members of an audience have: their own attributes, and the audience's merge fields by tag."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from connectors._kit.payload import Payload
from connectors.mailchimp.client import Client
from connectors.mailchimp.words import (
    ADDRESS_NEEDS,
    ADDRESS_PARTS,
    ATTRIBUTES,
    LONGEST_TEXT,
    STREAM,
    TYPES,
    USUAL,
)
from core.model.instant import MINUTE, Instant
from core.ports import Description, FieldInfo

_FRESH = 10 * MINUTE
"""So long a list of merge fields is good."""


class Merge(NamedTuple):
    """One merge field of the audience."""

    tag: str
    type: str
    label: str
    required: bool
    choices: tuple[str, ...]
    phone_format: str
    size: int | None

    @property
    def fields(self) -> Iterator[FieldInfo]:
        """The field, or the parts of an address."""
        if self.type == "address":
            for part in ADDRESS_PARTS:
                needed = self.required and part in ADDRESS_NEEDS
                yield FieldInfo(f"{self.tag}.{part}", label=f"{self.label}: {part}", required=needed)
            return
        longest = (self.size or LONGEST_TEXT) if self.type in ("text", "zip") else None
        yield FieldInfo(
            self.tag, TYPES.get(self.type, "text"), self.label, required=self.required, choices=self.choices,
            custom=self.tag not in USUAL, max_length=longest,
        )  # fmt: skip


class Shapes:
    """The merge fields of the audience, remembered for a while."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._asked_at: Instant | None = None
        self._merges: Mapping[str, Merge] = {}

    def merges(self) -> Mapping[str, Merge]:
        """Tag → merge field, not older than some minutes."""
        if self._asked_at is None or self._client.clock() - self._asked_at > _FRESH:
            return self.asked()
        return self._merges

    def asked(self) -> Mapping[str, Merge]:
        """Tag → merge field, as they are now."""
        at, found = self._client.clock(), dict[str, Merge]()
        while True:
            told = self._client.ask("GET", "merge-fields", params={"count": 1000, "offset": len(found)}).payload()
            before = len(found)
            found |= {merge.tag: merge for merge in map(_merge, told.each("merge_fields"))}
            if len(found) == before or len(found) >= told.whole("total_items", 0):
                break
        self._merges, self._asked_at = found, at
        return found

    def forget(self) -> None:
        """Ask anew at the next question."""
        self._asked_at = None

    def described(self) -> Description:
        """All fields of a member."""
        merges = self.asked().values()
        return Description(STREAM, (*ATTRIBUTES, *(field for merge in merges for field in merge.fields)))


def _merge(told: Payload) -> Merge:
    return Merge(
        told.text("tag"),
        told.text("type"),
        told.text("name", ""),
        told.flag("required", False),
        tuple(one.text("") for one in told.each("options.choices", [])),
        told.text("options.phone_format", ""),
        told.whole("options.size", None) or None,
    )
