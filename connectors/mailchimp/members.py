"""Members whole: as the hub sees them, and by any name that Mailchimp knows them by.

A member is known by `contact_id`, which stays; the hash and `id` are made of the address and change with it. Webhooks
know addresses only, so a hash is answered, too: with where it leads, and with the member.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from connectors._kit.payload import Payload
from connectors.mailchimp.client import Client
from connectors.mailchimp.words import ARCHIVED, ATTRIBUTES, STATUS, SUBSCRIBED, TAGS
from core.errors import Gone, ToolError, Unsupported
from core.model.values import Json
from core.ports import Fields, Remote

SHOWN_TAGS = 50
"""Mailchimp shows no more tags with a member; `tags_count` tells how many there are."""
_HASH = re.compile(r"[0-9a-f]{32}")
_PATHS = ("contact_id", "hash")


def hash_of(address: str) -> str:
    """The name of a member in paths: MD5 of the address in small letters."""
    return hashlib.md5(address.lower().encode(), usedforsecurity=False).hexdigest()


def flat(told: Payload) -> Fields:
    """A member's fields: its attributes, and its merge fields by tag; all are named, blank ones as None."""
    held = told.object("")
    fields: Fields = {one.name: _blank(held.get(one.name)) for one in ATTRIBUTES}
    fields[TAGS] = sorted({one.text("name") for one in told.each(TAGS, [])})
    merges = told.object("merge_fields", {})
    return {**fields, **{tag: _merged(value) for tag, value in merges.items()}}


def remote(told: Payload, fields: Fields | None = None) -> Remote:
    """A member as a record; an archived one is a tombstone."""
    gone = told.text(STATUS, "") == ARCHIVED
    changed_at, opted_at = told.text("last_changed", ""), told.text("timestamp_opt", "")
    # Of the confirmation alone Mailchimp tells the moment; where nothing was changed after it, it is the stamp's.
    confirmed = told.text(STATUS, "") == SUBSCRIBED and opted_at == changed_at != ""
    return Remote(
        told.id("contact_id"),
        {} if gone else flat(told) if fields is None else fields,
        version=changed_at or None,
        modified_at=told.instant("last_changed") if changed_at else None,
        deleted=gone,
        changed=frozenset({STATUS}) if confirmed else None,
    )


def _blank(value: Json) -> Json:
    return None if value in ("", [], {}) else value


def _merged(value: Json) -> Json:
    """A merge field's value. An address without any part is blank."""
    if isinstance(value, dict):
        parts = {name: part or None for name, part in value.items()}
        return parts if any(part for name, part in parts.items() if name != "country") else None
    return _blank(value)


class Members:
    """Looks members up."""

    def __init__(self, client: Client, settings: Mapping[str, Any]) -> None:
        self._client = client
        self._by_hash = str(settings.get("paths") or _PATHS[0]) == "hash"
        self._hashes: dict[str, str] = {}
        self._proven = False
        self._lock = threading.Lock()

    def whole(self, found: Iterable[Payload]) -> list[Remote]:
        """Members as Mailchimp gave them, with the tags that it did not show."""
        told = list(found)
        for one in told:
            self._note(one)
        crowded = [one for one in told if one.whole("tags_count", 0) > len(one.many(TAGS, []))]
        tags = dict(zip(map(_id, crowded), self._client.side_by_side(crowded, self._tags), strict=True))
        return [self._with_tags(one, tags.get(_id(one))) for one in told]

    def by_id(self, ids: Sequence[str]) -> list[Remote]:
        """These members as they are now; a missing one as a tombstone, an address's hash with where it leads."""
        wanted = list(dict.fromkeys(ids))
        names = self._names(wanted)
        answers = self._client.side_by_side([names.get(id_) for id_ in wanted], self._looked_up)
        found: list[Remote] = []
        for id_, answer in zip(wanted, answers, strict=True):
            if isinstance(answer, ToolError):
                raise answer
            found.extend(self._answered(id_, answer))
        return list({one.id: one for one in found}.values())

    def one(self, id_: str) -> Payload:
        """A member by contact id or hash; raises `Gone`."""
        name = self._names([id_]).get(id_)
        told = self._looked_up(name)
        if told is None:
            raise Gone("Mailchimp has no such member.", id=id_)
        self._note(told)
        return told

    def at(self, address: str) -> Payload | None:
        """The member with this address, whatever their status."""
        return self._asked(hash_of(address))

    def places(self, ids: Sequence[str]) -> list[str | Gone]:
        """How members are named in paths, in order; `Gone` for those that are not there."""
        names = self._names(ids)
        return [names.get(id_) or Gone("Mailchimp has no such member.", id=id_ or None) for id_ in ids]

    def ids_since(self, since: str, hashes: Iterable[str]) -> dict[str, str]:
        """Hash → contact id, of members that changed since; those that no list shows yet are asked for one by one."""
        wanted = set(hashes)
        found: dict[str, str] = {}
        offset = 0
        while wanted - found.keys():
            params = {
                "count": 1000, "offset": offset, "since_last_changed": since, "sort_field": "last_changed",
                "sort_dir": "DESC", "fields": "members.id,members.contact_id,total_items",
            }  # fmt: skip
            told = self._client.ask("GET", "members", params=params).payload()
            rows = list(told.each("members"))
            found |= {one.id("id"): one.id("contact_id") for one in rows if one.id("id") in wanted}
            offset += len(rows)
            if len(rows) < 1000:
                break
        late = sorted(wanted - found.keys())
        for hash_, answer in zip(late, self._client.side_by_side(late, self._asked), strict=True):
            if isinstance(answer, ToolError):
                raise answer
            if answer is not None:
                found[hash_] = answer.id("contact_id")
        return found

    def tags_of(self, told: Payload) -> list[str]:
        """All tags of a member, also those that were not shown with it."""
        shown = [one.text("name") for one in told.each(TAGS, [])]
        return sorted(set(shown)) if told.whole("tags_count", 0) <= len(shown) else self._tags(told)

    # --- by which name

    def _names(self, ids: Sequence[str]) -> dict[str, str]:
        """Id → its name in a path. Where Mailchimp takes hashes only, those it was not told are found in the list."""
        if not self._by_hash:
            return {id_: id_ for id_ in ids}
        names = {id_: self._hashes.get(id_) for id_ in ids}
        if any(name is None for name in names.values()):
            self._learn_hashes()
            names = {id_: self._hashes.get(id_) for id_ in ids}
        known = set(self._hashes.values())
        return {id_: name or id_ for id_, name in names.items() if name or id_ in known or _HASH.fullmatch(id_)}

    def _learn_hashes(self) -> None:
        offset = 0
        while True:
            params = {"count": 1000, "offset": offset, "fields": "members.id,members.contact_id,total_items"}
            rows = list(self._client.ask("GET", "members", params=params).payload().each("members"))
            for one in rows:
                self._note(one)
            offset += len(rows)
            if len(rows) < 1000:
                return

    def _note(self, told: Payload) -> None:
        if self._by_hash:
            self._hashes[told.id("contact_id")] = told.id("id")

    # --- calls

    def _looked_up(self, name: str | None) -> Payload | None:
        return None if name is None else self._asked(name)

    def _asked(self, name: str) -> Payload | None:
        try:
            told = self._client.ask("GET", "members", name).payload()
        except Gone:
            self.prove()
            return None
        self._proven = self._proven or told.id("contact_id") == name
        return told

    def prove(self) -> None:
        """A missing member means something only where contact ids are honoured in paths at all: try one that is there.

        Else every look would come back empty, and everybody be taken for deleted.
        """
        with self._lock:
            if self._proven or self._by_hash:
                return
            missed, there = None, self._first()
            while there is not None and there != missed:
                try:
                    self._client.ask("GET", "members", there, params={"fields": "contact_id"})
                except Gone:
                    # It may have been deleted between the two calls, by ourselves beside this: is it still listed?
                    missed, there = there, self._first()
                else:
                    self._proven = True
                    return
            if there is not None:
                raise Unsupported(
                    "Mailchimp does not find members by their contact ids.", remedy="Set `paths` to `hash`."
                )

    def _first(self) -> str | None:
        """The contact id of a member that is there; None where nobody is."""
        params = {"count": 1, "fields": "members.contact_id"}
        listed = self._client.ask("GET", "members", params=params).payload().each("members")
        return next((one.id("contact_id") for one in listed), None)

    def _tags(self, told: Payload) -> list[str]:
        names: list[str] = []
        while True:
            params = {"count": 1000, "offset": len(names)}
            page = self._client.ask("GET", "members", told.id("id"), "tags", params=params).payload()
            rows = [one.text("name") for one in page.each(TAGS)]
            names += rows
            if not rows or len(names) >= page.whole("total_items", 0):
                return sorted(set(names))

    def _with_tags(self, told: Payload, tags: list[str] | ToolError | None) -> Remote:
        if isinstance(tags, Gone) or tags is None or told.text(STATUS, "") == ARCHIVED:
            return remote(told)
        if isinstance(tags, ToolError):
            raise tags
        return remote(told, {**flat(told), TAGS: tags})

    def _answered(self, id_: str, told: Payload | None) -> list[Remote]:
        if told is None:
            return [Remote(id_, {}, deleted=True)]
        (found,) = self.whole([told])
        if found.id == id_:
            return [found]
        return [Remote(id_, {}, modified_at=found.modified_at, deleted=True, moved_to=found.id), found]


def _id(told: Payload) -> str:
    return told.id("contact_id")
