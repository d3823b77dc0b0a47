"""The calls about single records: list, get, create, change, archive, merge, erase."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Call, Response
from connectors.hubspot.sandbox_base import PORTAL, Base, body_of, crm, flag, listed, number, text_of
from connectors.hubspot.sandbox_links import Label
from connectors.hubspot.sandbox_problems import invalid, not_found
from connectors.hubspot.sandbox_store import Record, State
from connectors.hubspot.sandbox_values import spelt
from connectors.hubspot.sandbox_words import UNASKED, Kind
from connectors.hubspot.sandbox_world import Link

_STAMPS = ("createdate", "hs_createdate", "lastmodifieddate", "hs_lastmodifieddate", "hs_object_id")


class Objects(Base):
    """`/crm/objects/…`, one record at a time."""

    @crm("GET", "objects", "/{type}")
    def list_objects(self, call: Call, type: str) -> Response:
        """A page of records in the order of their ids; there is no end to how far one may go."""
        kind = self.readable(type)
        limit = number(call.query.get("limit", "10"), "limit", 1, 100)
        after = number(call.query.get("after") or "0", "after", 0, 1 << 62)
        if self.mischief.fires(Switch.EMPTY):
            return Response(200, {"results": []})
        archived = flag(call, "archived")
        walk = self.world.tables[kind.plural].walk(after, archived, self.as_of(index=False))
        found = list(islice(walk, limit + 1))
        page = self.mischief.disturbed(found[:limit])
        names, ends = self.asked(kind, listed(call, "properties")), listed(call, "associations")
        body: dict[str, Any] = {"results": [self.shown(kind, *pair, names, ends) for pair in page]}
        if len(found) > limit:
            last = str(found[limit - 1][0].id)
            body["paging"] = {"next": {"after": last, "link": f"{self.url}{call.path}?limit={limit}&after={last}"}}
        return Response(200, body)

    @crm("GET", "objects", "/{type}/{id}")
    def get_object(self, call: Call, type: str, id: str) -> Response:
        """One record. Of a merged one the survivor comes, under its own id."""
        kind = self.readable(type)
        record = self.wanted(kind, id, call.query.get("idProperty"), archived=flag(call, "archived"))
        names = self.asked(kind, listed(call, "properties"))
        return Response(200, self.shown(kind, record, record.state, names, listed(call, "associations")))

    @crm("POST", "objects", "/{type}")
    def create_object(self, call: Call, type: str) -> Response:
        """A new record, with what it belongs to."""
        kind, data = self.writable(type), body_of(call)
        record = self.world.create(
            kind.plural, properties_of(data), self.links_of(kind, data.get("associations")), by_app=True
        )
        return Response(201, self.written(kind, record, properties_of(data)))

    @crm("PATCH", "objects", "/{type}/{id}")
    def change_object(self, call: Call, type: str, id: str) -> Response:
        """Changed properties; the answer shows what is held now."""
        kind, properties = self.writable(type), properties_of(body_of(call))
        record = self.wanted(kind, id, call.query.get("idProperty"))
        self.world.edit(kind.plural, record, properties, by_app=True)
        return Response(200, self.written(kind, record, properties))

    @crm("DELETE", "objects", "/{type}/{id}")
    def archive_object(self, call: Call, type: str, id: str) -> Response:  # noqa: ARG002 -- has no body
        """Archived; once more is no error."""
        kind = self.writable(type)
        record = self.wanted(kind, id, None, either=True)
        if record.state.live:
            self.world.archive(kind.plural, record, by_app=True)
        return Response(204)

    @crm("POST", "objects", "/{type}/merge")
    def merge_objects(self, call: Call, type: str) -> Response:
        """Two become one."""
        kind, data = self.writable(type), body_of(call)
        winner = self.wanted(kind, text_of(data, "primaryObjectId"), None)
        loser = self.wanted(kind, text_of(data, "objectIdToMerge"), None)
        made = self.world.merge(kind.plural, winner, loser, by_app=True)
        return Response(200, self.shown(kind, made, made.state, self.asked(kind, [])))

    @crm("POST", "objects", "/{type}/gdpr-delete")
    def erase_object(self, call: Call, type: str) -> Response:
        """Gone for good; an address nobody has is kept from ever coming."""
        kind, data = self.writable(type), body_of(call)
        if kind.plural != "contacts":
            raise not_found()
        value, name = text_of(data, "objectId"), data.get("idProperty")
        record = self.world.by_value("contacts", name or "hs_object_id", value)
        if record is None and name != "email":
            raise not_found()
        self.world.erase("contacts", record, value, by_app=True)
        return Response(204)

    # --- words for the other modules

    def wanted(
        self, kind: Kind, id_: str, name: str | None = None, *, archived: bool = False, either: bool = False
    ) -> Record:
        """The record that an id, or a unique value, names; a `Problem` if there is none."""
        if name:
            found = self.world.by_value(kind.plural, name, id_)
        else:
            found = self.world.tables[kind.plural].find(int(id_)) if id_.isdigit() else None
        if found is None or found.state.gone:
            raise not_found()
        if not either and (found.state.archived_at is not None) != archived:
            raise not_found()
        return found

    def links_of(self, kind: Kind, data: Any) -> list[Link]:
        """The associations that a create brings along."""
        return [
            Link(label, other)
            for one in data or ()
            for label, other in self._named(kind, text_of(one, "to", "id"), one.get("types") or ())
        ]

    def _named(self, kind: Kind, other: str, types: Iterable[Mapping[str, Any]]) -> Iterable[tuple[Label, int]]:
        for spec in types:
            type_id = text_of(spec, "associationTypeId")
            ends = (labels for (start, _), labels in self.world.links.labels.items() if start == kind.plural)
            found = (labels[int(type_id)] for labels in ends if type_id.isdigit() and int(type_id) in labels)
            label = next(found, None)
            if label is None:
                raise invalid(f"{type_id} is not an association type from {kind.loud}.")
            record = self.world.tables[label.end].find(int(other)) if other.isdigit() else None
            if record is None or not record.state.live:
                raise invalid(f"Associated object {other} does not exist.", id=[other])
            yield label, record.id

    def asked(self, kind: Kind, properties: Sequence[str]) -> tuple[str, ...]:
        """The properties to show: those that were asked for and exist, and what is always shown."""
        known = [name for name in properties if self.world.schema.find(kind.plural, name)]
        chosen = known if properties else UNASKED.get(kind.plural, ())
        return tuple(sorted({*chosen, *kind.shown}))

    def shown(
        self, kind: Kind, record: Record, state: State, names: Sequence[str], ends: Sequence[str] = ()
    ) -> dict[str, Any]:
        """A record as the API shows it; what is unset is null."""
        values = self.values(kind, record, state, names)
        modified = spelt(state.modified_at)
        body: dict[str, Any] = {
            "id": str(record.id), "properties": values, "createdAt": spelt(record.created_at), "updatedAt": modified,
            "archived": state.archived_at is not None,
            "url": f"https://app.hubspot.com/contacts/{PORTAL}/record/{kind.type_id}/{record.id}",
        }  # fmt: skip
        if state.archived_at is not None:
            body["archivedAt"] = spelt(state.archived_at)
        found = {self.kind(end).plural: self._results(kind, record.id, self.kind(end)) for end in ends}
        if any(found.values()):
            body["associations"] = {end: {"results": results} for end, results in found.items() if results}
        return body

    def values(self, kind: Kind, record: Record, state: State, names: Iterable[str]) -> dict[str, str | None]:
        """Property → value, the stamps and the id among them."""
        held = state.properties
        return {
            name: _stamp(record, state, name)
            if name in _STAMPS
            else (None if self._hidden(kind, name) else held.get(name))
            for name in names
        }

    def written(self, kind: Kind, record: Record, properties: Collection[str]) -> dict[str, Any]:
        """The answer to a write: what was named and what is always shown; cleared ones as ""."""
        body = self.shown(kind, record, record.state, sorted({*properties, *kind.shown}))
        shown = body["properties"]
        body["properties"] = {name: value if value is not None else "" for name, value in shown.items()}
        return body

    def _hidden(self, kind: Kind, name: str) -> bool:
        if kind.plural != "emails":
            return False
        one = self.world.schema.find(kind.plural, name)
        return one is not None and one.scope != "" and one.scope not in self.scopes

    def _results(self, kind: Kind, id_: int, end: Kind) -> list[dict[str, str]]:
        word = f"{kind.singular}_to_{end.singular}"
        found = self.world.neighbours(kind.plural, id_, end.plural)
        several = any(one.name for one in self.world.links.labels[kind.plural, end.plural].values())
        return [
            {"id": str(other), "type": f"{word}_unlabeled" if several and label.name is None else word}
            for other, labels in found.items()
            for label in labels
        ]


def properties_of(data: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of an input; a `Problem` where there are none."""
    properties = data.get("properties")
    if not isinstance(properties, dict):
        raise invalid("Invalid input JSON: `properties` is not an object")
    return properties


def _stamp(record: Record, state: State, name: str) -> str:
    if name == "hs_object_id":
        return str(record.id)
    return spelt(record.created_at if name.endswith("createdate") else state.modified_at)
