"""Associations: read for a page of records at once, and changed only where they differ.

A search does not show them, so each kind is read with one call for up to a thousand records.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors._kit.paging import batches
from connectors._kit.payload import Payload
from connectors.hubspot.client import Client
from connectors.hubspot.trouble import item_error, said
from connectors.hubspot.words import LINKS, Link
from core.errors import Forbidden, SignedOut, Throttled, ToolError, Unavailable, Unknown
from core.model.values import Json

_READ_SIZE = 1000
_WRITE_SIZE = 100
"""HubSpot is said to take 2,000; a call that fails here fails for fewer."""
_DEFINED = "HUBSPOT_DEFINED"
_NONE_FOUND = "NO_ASSOCIATIONS_FOUND"
_FOR_ALL = (SignedOut, Forbidden, Throttled, Unavailable, Unknown)

Ties = dict[str, frozenset[int]]
"""The other record's id → the types of association with it."""


class Associations:
    """Reads and changes the associations that our streams show."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def of(self, stream: str, ids: Sequence[str]) -> dict[str, dict[str, Json]]:
        """Record id → its `associations` field. Makes no call when there are no records."""
        shown: dict[str, dict[str, Json]] = {id_: {} for id_ in ids}
        for link in LINKS[stream] if ids else ():
            for id_, ties in self._ties(stream, link, ids).items():
                value = shown_as(link, ties)
                if value:
                    shown[id_][link.field] = value
        return shown

    def change(
        self, stream: str, wanted: Mapping[str, Mapping[str, Json]]
    ) -> tuple[dict[str, dict[str, Json]], dict[str, ToolError]]:
        """Make the named associations of records so; what they are afterwards, and what went wrong with which."""
        shown: dict[str, dict[str, Json]] = {id_: {} for id_ in wanted}
        errors: dict[str, ToolError] = {}
        for link in LINKS[stream]:
            ids = [id_ for id_, fields in wanted.items() if link.field in fields and id_ not in errors]
            if not ids:
                continue
            before = self._ties(stream, link, ids)
            changes = {id_: _difference(link, before[id_], wanted[id_][link.field]) for id_ in ids}
            errors |= self._archive(stream, link, {id_: gone for id_, (_, gone) in changes.items() if gone})
            errors |= self._create(stream, link, {id_: new for id_, (new, _) in changes.items() if new})
            for id_, (new, gone) in changes.items():
                after = {other: types for other, types in before[id_].items() if other not in gone}
                after |= {other: frozenset({link.type_id}) for other in new}
                shown[id_][link.field] = shown_as(link, _without_primary(link, after, new))
        return shown, errors

    # --- the calls

    def _ties(self, stream: str, link: Link, ids: Sequence[str]) -> dict[str, Ties]:
        found: dict[str, Ties] = {id_: {} for id_ in ids}
        for chunk in batches(list(dict.fromkeys(ids)), _READ_SIZE):
            inputs: list[dict[str, str]] = [{"id": id_} for id_ in chunk]
            while inputs:
                told = self._client.ask("links", "get_page", stream, link.to, {"inputs": inputs}).payload()
                _raise_trouble(told)
                inputs = []
                for row in told.each("results"):
                    id_ = row.id("from.id")
                    found.setdefault(id_, {}).update(_ties_in(row, link))
                    if after := row.id("paging.next.after", None):
                        inputs.append({"id": id_, "after": after})
        return found

    def _create(self, stream: str, link: Link, new: Mapping[str, Sequence[str]]) -> dict[str, ToolError]:
        return self._sent("create", stream, link, _rows(link, new))

    def _archive(self, stream: str, link: Link, gone: Mapping[str, Sequence[str]]) -> dict[str, ToolError]:
        """A label is taken away by itself; what has no meaning of its own goes altogether."""
        if link.label:
            return self._sent("archive_labels", stream, link, _rows(link, gone))
        rows = [{"from": {"id": id_}, "to": [{"id": other} for other in others]} for id_, others in gone.items()]
        return self._sent("archive", stream, link, rows)

    def _sent(self, operation: str, stream: str, link: Link, rows: list[dict[str, Any]]) -> dict[str, ToolError]:
        """Send rows; when HubSpot refuses a call as a whole, each half again, until the bad one stands alone."""
        errors: dict[str, ToolError] = {}
        for chunk in batches(rows, _WRITE_SIZE):
            about = list(dict.fromkeys(str(row["from"]["id"]) for row in chunk))
            try:
                answer = self._client.ask("links", operation, stream, link.to, {"inputs": list(chunk)})
            except ToolError as error:
                if len(chunk) == 1 or isinstance(error, _FOR_ALL):
                    errors |= dict.fromkeys(about, error)
                    continue
                middle = len(chunk) // 2
                errors |= self._sent(operation, stream, link, list(chunk[:middle]))
                errors |= self._sent(operation, stream, link, list(chunk[middle:]))
                continue
            if answer.status == 423:
                wait = Throttled("HubSpot has locked one of these records for a moment.", wait=2.0)
                errors |= dict.fromkeys(about, wait)
            elif answer.content:
                errors |= _errors_in(answer.payload(), about)
        return errors


def _rows(link: Link, pairs: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    types = [{"associationCategory": _DEFINED, "associationTypeId": link.type_id}]
    return [
        {"from": {"id": id_}, "to": {"id": other}, "types": types} for id_, others in pairs.items() for other in others
    ]


def shown_as(link: Link, ties: Ties) -> Json:
    """How a field shows these associations: all ids in order, or the primary one, else the one with the lowest id."""
    others = sorted(ties, key=_by_number)
    if link.many:
        return list(others)
    primary = [other for other in others if link.type_id in ties[other]]
    return next(iter(primary or others), None)


def _difference(link: Link, before: Ties, value: Json) -> tuple[list[str], list[str]]:
    """(to be made, to be taken away) so that the field shows the value."""
    if link.many:
        wanted = {str(one) for one in (value or ())}
        return sorted(wanted - before.keys(), key=_by_number), sorted(before.keys() - wanted, key=_by_number)
    now, then = shown_as(link, before), str(value) if value else None
    if now == then:
        return [], []
    # A contact may belong to several companies. Another primary one leaves the others; what has no primary, or is a
    # label of its own, gives up what was shown.
    replaces = now is not None and (then is None or link.label or not has_primary(link))
    return [then] if then else [], [str(now)] if replaces else []


def has_primary(link: Link) -> bool:
    """Whether HubSpot marks one of several as the primary one."""
    return not link.many and not link.label and link.type_id in (1, 5)


def _without_primary(link: Link, after: Ties, new: Sequence[str]) -> Ties:
    """The mark of the primary one moves to what was made last."""
    if not new or link.many:
        return after
    return {other: types if other in new else types - {link.type_id} for other, types in after.items()}


def _ties_in(row: Payload, link: Link) -> Ties:
    ties: Ties = {}
    for other in row.each("to"):
        types = frozenset(one.whole("typeId") for one in other.each("associationTypes", []))
        if not link.label or link.type_id in types:
            ties[other.id("toObjectId")] = types
    return ties


def _raise_trouble(told: Payload) -> None:
    """A record without associations is reported as an error, and is none."""
    for error in told.each("errors", []):
        about = f"{error.text('subCategory', '')} {error.text('category', '')}"
        if _NONE_FOUND not in about and "OBJECT_NOT_FOUND" not in about:
            raise item_error(error.object(""), creating=False)


def _errors_in(told: Payload, about: Iterable[str]) -> dict[str, ToolError]:
    """Record id → what HubSpot says against it; what names no record concerns all."""
    found: dict[str, ToolError] = {}
    for body in told.each("errors", []):
        error, named = item_error(body.object(""), creating=False), said(body.data).ids
        ids = [id_ for id_ in about if id_ in named] or list(about)
        found |= dict.fromkeys(ids, error)
    return found


def _by_number(id_: str) -> tuple[int, str]:
    return (int(id_), id_) if id_.isdigit() else (0, id_)
