"""The calls about what belongs together: v4 associations, one by one and in batches, and their labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors._kit.sandbox import Call, Response
from connectors.hubspot.sandbox_base import body_of, crm, listed_in, number, text_of
from connectors.hubspot.sandbox_batches import Batches, inputs_of
from connectors.hubspot.sandbox_links import Label
from connectors.hubspot.sandbox_problems import Problem, invalid
from connectors.hubspot.sandbox_words import Kind

_MOST_READ, _MOST_WRITTEN, _PAGE = 1_000, 2_000, 500
_FIRST_OWN_LABEL = 36


class Associations(Batches):
    """`/crm/v4/associations/…` and `/crm/v4/objects/…/associations/…`.

    `from.id` is text and `toObjectId` a number, in one and the same answer; so it was seen live (2026-08).
    """

    @crm("GET", "links", "/{type}/{id}/associations/{to}")
    def list_links(self, call: Call, type: str, id: str, to: str) -> Response:
        """A page of what belongs to one record."""
        start, end = self.readable(type), self.kind(to)
        record = self.wanted(start, id)
        limit = number(call.query.get("limit", str(_PAGE)), "limit", 1, _PAGE)
        return Response(200, self._page(start, record.id, end, call.query.get("after"), limit, "results"))

    @crm("PUT", "links", "/{type}/{id}/associations/default/{to}/{other}")
    def link_plainly(self, call: Call, type: str, id: str, to: str, other: str) -> Response:  # noqa: ARG002 -- no body
        """The unlabelled association of two records."""
        start, end = self.writable(type), self.kind(to)
        return self.batch(200, self._default(start, end, id, other))

    @crm("PUT", "links", "/{type}/{id}/associations/{to}/{other}")
    def link(self, call: Call, type: str, id: str, to: str, other: str) -> Response:
        """The association of two records with labels."""
        specs = call.json()
        if not isinstance(specs, list):
            raise invalid("Invalid input JSON: the body is not a list")
        return Response(201, self._link(self.writable(type), self.kind(to), id, other, specs))

    @crm("DELETE", "links", "/{type}/{id}/associations/{to}/{other}")
    def unlink(self, call: Call, type: str, id: str, to: str, other: str) -> Response:  # noqa: ARG002 -- has no body
        """All that ties two records."""
        self._unlink(self.writable(type), self.kind(to), id, other)
        return Response(204)

    @crm("POST", "associations", "/{start}/{end}/batch/read", reading=True)
    def read_links(self, call: Call, start: str, end: str) -> Response:
        """What belongs to many records; who has nothing is an error entry, and the answer is 207."""
        first, second = self.readable(start), self.kind(end)
        results, errors = [], []
        for one in inputs_of(body_of(call), _MOST_READ):
            id_ = text_of(one, "id")
            found = self.world.tables[first.plural].find(int(id_)) if id_.isdigit() else None
            page = self._page(first, found.id, second, one.get("after"), _PAGE, "to") if found else {"to": []}
            if page["to"]:
                results.append({"from": {"id": id_}, **page})
            else:
                errors.append(_nothing(first, id_, second))
        return self.batch(200, results, errors)

    @crm("POST", "associations", "/{start}/{end}/batch/create")
    def create_links(self, call: Call, start: str, end: str) -> Response:
        """Many associations with labels."""
        first, second = self.writable(start), self.kind(end)
        results, errors = [], []
        for one in inputs_of(body_of(call), _MOST_WRITTEN):
            ids = text_of(one, "from", "id"), text_of(one, "to", "id")
            try:
                results.append(self._link(first, second, *ids, listed_in(one, "types")))
            except Problem as problem:
                errors.append(problem.item({"fromObjectId": [ids[0]], "toObjectId": [ids[1]]}))
        return self.batch(201, results, errors)

    @crm("POST", "associations", "/{start}/{end}/batch/associate/default")
    def create_plain_links(self, call: Call, start: str, end: str) -> Response:
        """Many associations without labels; both directions are told."""
        first, second = self.writable(start), self.kind(end)
        inputs = inputs_of(body_of(call), _MOST_WRITTEN)
        pairs = [(text_of(one, "from", "id"), text_of(one, "to", "id")) for one in inputs]
        return self.batch(200, [told for pair in pairs for told in self._default(first, second, *pair)])

    @crm("POST", "associations", "/{start}/{end}/batch/archive")
    def archive_links(self, call: Call, start: str, end: str) -> Response:
        """All that ties these records."""
        first, second = self.writable(start), self.kind(end)
        for one in inputs_of(body_of(call), _MOST_WRITTEN):
            for other in listed_in(one, "to"):
                self._unlink(first, second, text_of(one, "from", "id"), text_of(other, "id"))
        return Response(204)

    @crm("POST", "associations", "/{start}/{end}/batch/labels/archive")
    def archive_labels(self, call: Call, start: str, end: str) -> Response:
        """Only these labels; the records stay tied."""
        first, second = self.writable(start), self.kind(end)
        for one in inputs_of(body_of(call), _MOST_WRITTEN):
            for spec in listed_in(one, "types"):
                label = self._label_of(first, second, spec)
                self._unlink(first, second, text_of(one, "from", "id"), text_of(one, "to", "id"), label.type_id)
        return Response(204)

    @crm("GET", "associations", "/{start}/{end}/labels")
    def list_labels(self, call: Call, start: str, end: str) -> Response:  # noqa: ARG002 -- has no body
        """The association types of two types of records, the unlabelled one among them."""
        first, second = self.readable(start), self.kind(end)
        known = self.world.links.labels[first.plural, second.plural]
        return Response(200, {"results": [_shown(label) for label in known.values()]})

    @crm("POST", "associations", "/{start}/{end}/labels")
    def create_label(self, call: Call, start: str, end: str) -> Response:
        """A label of the account's own, in both directions."""
        first, second, data = self.writable(start), self.kind(end), body_of(call)
        links = self.world.links
        used = [type_id for known in links.labels.values() for type_id, one in known.items() if _is_own(one)]
        type_id = max([_FIRST_OWN_LABEL - 1, *used]) + 1
        there, back = str(data.get("label", "")), str(data.get("inverseLabel") or data.get("label", ""))
        same = first == second and there == back
        made = Label(first.plural, second.plural, type_id, type_id if same else type_id + 1, there, "USER_DEFINED")
        links.define(made, back)
        other = links.labels[second.plural, first.plural][made.back]
        return Response(200, {"results": [_shown(made), *([] if same else [_shown(other)])]})

    # --- parts of the above

    def _page(self, start: Kind, id_: int, end: Kind, after: str | None, limit: int, name: str) -> dict[str, Any]:
        found = self.world.neighbours(start.plural, id_, end.plural)
        rest = [other for other in found if other > number(after or "0", "after", 0, 1 << 62)]
        rows = [
            {"toObjectId": other, "associationTypes": [_shown(label) for label in found[other]]}
            for other in rest[:limit]
        ]
        page: dict[str, Any] = {name: self.mischief.disturbed(rows)}
        if len(rest) > limit:
            page["paging"] = {"next": {"after": str(rest[limit - 1])}}
        return page

    def _link(self, start: Kind, end: Kind, id_: str, other: str, specs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        first, second = self.wanted(start, id_), self.wanted(end, other)
        labels = [self._label_of(start, end, spec) for spec in specs]
        for label in labels:
            self.world.tie(start.plural, first.id, label, second.id, by_app=True)
        return {
            "fromObjectTypeId": start.type_id, "fromObjectId": first.id, "toObjectTypeId": end.type_id,
            "toObjectId": second.id, "labels": [label.name for label in labels if label.name],
        }  # fmt: skip

    def _default(self, start: Kind, end: Kind, id_: str, other: str) -> list[dict[str, Any]]:
        first, second = self.wanted(start, id_), self.wanted(end, other)
        label = self.world.links.plain(start.plural, end.plural)
        if label is None:
            raise invalid(f"{start.loud} and {end.loud} cannot be associated")
        self.world.tie(start.plural, first.id, label, second.id, by_app=True)
        ends = ((first.id, second.id, label.type_id), (second.id, first.id, label.back))
        return [
            {
                "from": {"id": str(one)}, "to": {"id": str(two)},
                "associationSpec": {"associationCategory": label.category, "associationTypeId": type_id},
            }
            for one, two, type_id in ends
        ]  # fmt: skip

    def _unlink(self, start: Kind, end: Kind, id_: str, other: str, type_id: int | None = None) -> None:
        if id_.isdigit() and other.isdigit():
            self.world.untie(start.plural, int(id_), end.plural, int(other), type_id, by_app=True)

    def _label_of(self, start: Kind, end: Kind, spec: Mapping[str, Any]) -> Label:
        type_id = text_of(spec, "associationTypeId")
        known = self.world.links.labels[start.plural, end.plural]
        label = known.get(int(type_id)) if type_id.isdigit() else None
        if label is None or label.category != spec.get("associationCategory"):
            raise invalid(f"{type_id} is not an association type from {start.loud} to {end.loud}.")
        return label


def _shown(label: Label) -> dict[str, Any]:
    return {"category": label.category, "typeId": label.type_id, "label": label.name}


def _is_own(label: Label) -> bool:
    return label.category == "USER_DEFINED"


def _nothing(start: Kind, id_: str, end: Kind) -> dict[str, Any]:
    message = f"No {end.singular} is associated with {start.singular} {id_}."
    problem = Problem(404, "OBJECT_NOT_FOUND", message, sub="crm.associations.NO_ASSOCIATIONS_FOUND")
    return problem.item({"fromObjectId": [id_], "fromObjectType": [start.singular], "toObjectType": [end.singular]})
