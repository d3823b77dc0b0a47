"""Records whole: all their properties, their associations, and where merged ones went.

A search or an event only names ids; what a record is comes from here, by a batch read, which no index delays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connectors._kit.paging import batches
from connectors._kit.payload import Payload
from connectors.hubspot.associations import Associations
from connectors.hubspot.client import Client
from connectors.hubspot.describing import Shapes
from connectors.hubspot.subscriptions import FIELD, STREAM, Subscriptions
from connectors.hubspot.trouble import item_error
from connectors.hubspot.words import HOW_TO_MAKE_THE_KEY
from core.errors import Gone, Refused, SchemaChanged
from core.model.values import Json
from core.ports import Fields, Remote

BATCH = 100
MERGED_FROM = ("hs_merged_object_ids", "hs_calculated_merged_vids")
"""Ids with `;` between them, in the second with a time behind each. Either may miss what the other has (2026-11-21)."""


class Records:
    """Reads records of any stream but owners."""

    def __init__(
        self,
        client: Client,
        shapes: Shapes,
        links: Associations,
        subscriptions: Subscriptions,
        key_property: str,
        reads: Mapping[str, frozenset[str]],
    ) -> None:
        """`reads` names the properties of each stream that are shown when they are blank, too."""
        self._client = client
        self._shapes = shapes
        self._links = links
        self._subscriptions = subscriptions
        self._key = key_property
        self._reads = reads

    def whole(self, stream: str, told: Sequence[Payload]) -> list[Remote]:
        """Records as HubSpot gave them, with their associations added, and what their addresses want if asked for."""
        by_id = {one.id("id"): one for one in told}
        linked = self._links.of(stream, list(by_id))
        kept = self._reads.get(stream, frozenset())
        wants: Mapping[str, dict[str, Json]] = {}
        if stream == STREAM and FIELD in kept:
            wants = self._subscriptions.of({id_: one.object("properties") for id_, one in by_id.items()})
        more: Mapping[str, Fields] = {id_: {FIELD: wants[id_]} if id_ in wants else {} for id_ in by_id}
        return [self._remote(id_, one, {"associations": linked[id_], **more[id_]}, kept) for id_, one in by_id.items()]

    def by_id(self, stream: str, ids: Sequence[str]) -> list[Remote]:
        """These records as they are now, each under the id that was asked for; a missing one as a tombstone."""
        wanted = list(dict.fromkeys(ids))
        there: dict[str, Payload] = {}
        for chunk in batches([id_ for id_ in wanted if id_.isdigit()], BATCH):
            there |= {one.id("id"): one for one in self._read(stream, chunk)}
        moved = {old: new for new, one in there.items() for old in merged_ids(one.object("properties", {}))}
        found = {one.id: one for one in self.whole(stream, [there[id_] for id_ in wanted if id_ in there])}
        return [found[id_] if id_ in found else self._missing(stream, id_, moved.get(id_)) for id_ in wanted]

    def by_key(self, stream: str, key: str) -> Remote | None:
        """The record whose key property has this value. Needs no index, so it is true at once."""
        try:
            told = self._one(stream, key, id_property=self._key)
        except Refused as error:
            what = f"HubSpot finds no record by the property {self._key}. {error.message}"
            raise SchemaChanged(what, remedy=HOW_TO_MAKE_THE_KEY, field=self._key) from error
        return self.whole(stream, [told])[0] if told else None

    def ids_by(self, stream: str, name: str, values: Sequence[str]) -> dict[str, str]:
        """Value of a unique property → id of the record that has it, for those that there are."""
        found: dict[str, str] = {}
        for chunk in batches(list(dict.fromkeys(values)), BATCH):
            body = {"idProperty": name, "inputs": [{"id": value} for value in chunk], "properties": [name]}
            told = self._client.ask("batch", "read", stream, {**body, "propertiesWithHistory": []}).payload()
            for one in told.each("results"):
                value = one.at("properties").text(name, None)
                if value:
                    found[value.lower()] = one.id("id")
        return found

    # --- the calls

    def _read(self, stream: str, ids: Sequence[str]) -> Iterator[Payload]:
        body = {
            "inputs": [{"id": id_} for id_ in ids],
            "properties": self._shapes.of(stream).names,
            "propertiesWithHistory": [],
        }
        told = self._client.ask("batch", "read", stream, body).payload()
        for error in told.each("errors", []):
            trouble = item_error(error.object(""), creating=False)
            if not isinstance(trouble, Gone):
                raise trouble
        return told.each("results")

    def _one(self, stream: str, id_: str, **more: Any) -> Payload | None:
        names = ",".join(["hs_object_id", *MERGED_FROM] if not more else self._shapes.of(stream).names)
        try:
            return self._client.ask("basic", "get_by_id", stream, id_, properties=[names], **more).payload()
        except Gone:
            return None

    def _missing(self, stream: str, id_: str, moved_to: str | None) -> Remote:
        """A tombstone. A merged record leads on from its old id, which only a direct read shows for certain."""
        if moved_to is None and id_.isdigit():
            told = self._one(stream, id_)
            moved_to = told.id("id") if told else None
        return Remote(id_, {}, deleted=True, moved_to=moved_to if moved_to != id_ else None)

    def _remote(self, id_: str, told: Payload, more: Fields, kept: frozenset[str]) -> Remote:
        # HubSpot has hundreds of properties, nearly all of them blank; a removed one is not named at all.
        fields = {name: value or None for name, value in told.object("properties").items() if value or name in kept}
        key = fields.get(self._key)
        return Remote(
            id_,
            {**fields, **more},
            version=told.text("updatedAt"),
            modified_at=told.instant("updatedAt"),
            deleted=told.flag("archived", False),
            key=str(key) if key else None,
        )


def tombstones(records: Iterable[Remote]) -> list[Remote]:
    """One for each record that was merged into one of these."""
    return [
        Remote(old, {}, modified_at=one.modified_at, deleted=True, moved_to=one.id)
        for one in records
        if not one.deleted
        for old in merged_ids(one.fields)
        if old != one.id
    ]


def merged_ids(properties: Mapping[str, Json]) -> list[str]:
    """The ids that a record had before it was merged, as far as it tells."""
    parts = (part for name in MERGED_FROM for part in str(properties.get(name) or "").split(";"))
    ids = (part.partition(":")[0].strip() for part in parts)
    return list(dict.fromkeys(id_ for id_ in ids if id_.isdigit()))
