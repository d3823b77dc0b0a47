"""Walks: a backfill in the order of ids, then polls in the order of stamps, each page from a small cursor.

    (none) ▶ {walk: query, after, high} ▶ … ▶ {high, deleted} ▶ {high, deleted, from, after} ▶ … ▶ {high, deleted}

`high` is the moment by Salesforce's clock before a walk began; the next poll begins `look_back` before it, because
records are committed under stamps that are minutes old (airbyte #27146). No server-side cursor is used but the one of
a Bulk job: each page asks for what lies behind the last id, or behind the last (stamp, id), so nothing can expire and
any number of records may share a stamp.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from connectors._kit.payload import Payload
from connectors.salesforce.bulk import Jobs, Lost
from connectors.salesforce.client import Client, Rows
from connectors.salesforce.consents import Consents
from connectors.salesforce.deletes import Deletions
from connectors.salesforce.describing import Shape, Shapes, too_long
from connectors.salesforce.rows import remotes
from connectors.salesforce.soql import (
    CONSENTS_SIDE,
    ROLES_SIDE,
    Side,
    by_ids,
    instant_of,
    quoted,
    select,
    since,
    within,
)
from connectors.salesforce.words import CONSENTS, CONTACTS, PARTY, ROLE, ROLES, STAMP, is_id
from core.errors import Forbidden, Gone, Refused, SchemaChanged
from core.model.values import Json
from core.ports import Cursor, Page, Remote

T = TypeVar("T")


class Pace(NamedTuple):
    """How a connection walks: rows a page, µs to look back, and from how many rows on Bulk is used (0: never)."""

    page_size: int
    look_back: int
    bulk_above: int


class Walker:
    """Reads one connection's streams."""

    def __init__(
        self, client: Client, shapes: Shapes, jobs: Jobs, deletions: Deletions, consents: Consents, pace: Pace
    ) -> None:
        self._client = client
        self._shapes = shapes
        self._jobs = jobs
        self._deletions = deletions
        self._consents = consents
        self._pace = pace

    def page(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page. `CursorExpired` when deletions of that time cannot be asked for any more."""
        place = dict(cursor or {})
        if not place:
            self._shapes.anew(stream)
            place = self._begun(stream)
        walk = self._backfill if "walk" in place else self._poll
        return self._knowing(stream, lambda shape: walk(shape, place))

    def fetch(self, stream: str, ids: Sequence[str]) -> list[Remote]:
        """These records as they are now, the recycle bin's included; what is not even there as a tombstone."""
        asked = list(dict.fromkeys(ids))
        found = self._knowing(stream, lambda shape: self._found(shape, [id_ for id_ in asked if is_id(id_)]))
        return [found.get(id_, Remote(id_, {}, deleted=True)) for id_ in asked]

    def find(self, stream: str, key: str) -> Remote | None:
        """What a create with this key made; a tombstone if that is in the recycle bin since."""
        return self._knowing(stream, lambda shape: self._by_key(shape, key))

    # --- backfill

    def _begun(self, stream: str) -> dict[str, Json]:
        """The cursor of a new walk: the moment it begins, and the way it goes."""
        place: dict[str, Json] = {"walk": "query", "high": self._client.now(), "after": ""}
        count = self._count(stream)
        if count is not None:
            place["total"] = count
        return self._job_or_queries(self._shapes.of(stream), place)

    def _job_or_queries(self, shape: Shape, place: dict[str, Json]) -> dict[str, Json]:
        many = self._pace.bulk_above and (place.get("total") or 0) > self._pace.bulk_above
        if not many or CONTACTS in shape.select:
            return {**place, "walk": "query"}
        try:
            return {**place, "walk": "bulk", "job": self._jobs.begin(shape, place["after"])}
        except Lost:
            return {**place, "walk": "query"}

    def _count(self, stream: str) -> int | None:
        """About how many records there are; None where the user may not ask."""
        try:
            answer = Payload(self._client.call("limits/recordCount", params={"sObjects": stream}), "recordCount")
            return next((one.whole("count") for one in answer.each("sObjects") if one.text("name") == stream), None)
        except (Forbidden, Gone, Refused):
            return None

    def _backfill(self, shape: Shape, place: dict[str, Json]) -> Page:
        if place["walk"] == "bulk":
            return self._bulk(shape, place)
        after, size = place["after"], self._pace.page_size
        where = f"Id > {quoted(after)}" if after else ""
        asked = self._client.query(select(shape.select, shape.name, where=where, order=["Id"], limit=size), size=size)
        return self._walked(place, self._told(shape, asked.rows), more=not asked.done or len(asked.rows) >= size)

    def _bulk(self, shape: Shape, place: dict[str, Json]) -> Page:
        try:
            if "locator" not in place:
                self._jobs.wait(place["job"])
            found = self._jobs.results(place["job"], place.get("locator"), shape, self._pace.page_size)
        except Lost:
            return self._bulk_lost(shape, place)
        page = self._walked(place, self._told(shape, found.rows), more=found.locator is not None)
        return page._replace(next={**page.next, "locator": found.locator}) if page.more else page

    def _bulk_lost(self, shape: Shape, place: dict[str, Json]) -> Page:
        """A job that had begun to give results is made once more behind the last id; else plain queries go on."""
        had_results = place.pop("locator", None) is not None
        place.pop("job", None)
        if had_results:
            return Page([], self._job_or_queries(shape, place), more=True)
        return Page([], {**place, "walk": "query"}, more=True)

    def _walked(self, place: Mapping[str, Json], found: Mapping[str, Remote], *, more: bool) -> Page:
        total = place.get("total")
        if more and (found or "job" in place):
            after = max(found, default=place["after"])
            return Page(list(found.values()), {**place, "after": after}, more=True, total=total)
        end = {"high": place["high"], "deleted": place["high"]}
        return Page(list(found.values()), end, complete=True, total=total)

    # --- polls

    def _poll(self, shape: Shape, place: dict[str, Json]) -> Page:
        if "leg" in place:
            walk = place
        else:
            begin = place["high"] - self._pace.look_back
            walk = {"leg": "rows", "from": begin, "after": "", "start": begin, "now": self._client.now(), **place}
        side = _side(shape)
        if walk["leg"] == "rows":
            return self._rows_page(shape, walk, side)
        return self._side_page(shape, walk, side) if side is not None else self._ended(shape, walk, {})

    def _rows_page(self, shape: Shape, walk: dict[str, Json], side: Side | None) -> Page:
        size = self._pace.page_size
        where = since(walk["from"], walk["after"])
        rows_query = select(shape.select, shape.name, where=where, order=[STAMP, "Id"], limit=size)
        rows, others = self._asked(side, rows_query, walk)
        found = self._told(shape, rows.rows)
        if found and (not rows.done or len(rows.rows) >= size):
            last = max(found.values(), key=lambda remote: (remote.modified_at or 0, remote.id))
            return Page(list(found.values()), {**walk, "from": last.modified_at, "after": last.id}, more=True)
        if side is None:
            return self._ended(shape, walk, found)
        if others is None:
            return Page(list(found.values()), _to_side(walk), more=True)
        return self._with_side(shape, walk, found, side, others)

    def _asked(self, side: Side | None, query: str, walk: Mapping[str, Json]) -> tuple[Rows, Rows | None]:
        """The rows; and, with the first page of what has rows aside, in the same call those that changed."""
        size = self._pace.page_size
        if side is None or walk["after"]:
            return self._client.query(query, deleted=True, size=size), None
        rows, others = self._client.queries([query, side.changed(walk["start"], "", size)])
        return rows, others

    def _side_page(self, shape: Shape, walk: dict[str, Json], side: Side) -> Page:
        query = side.changed(walk["from"], walk["after"], self._pace.page_size)
        others = self._client.query(query, deleted=True, size=self._pace.page_size)
        return self._with_side(shape, walk, {}, side, others)

    def _with_side(
        self, shape: Shape, walk: dict[str, Json], found: dict[str, Remote], side: Side, others: Rows
    ) -> Page:
        """Records whose rows aside changed are news too, though their own stamp did not move."""
        owners = list(dict.fromkeys(str(row[side.owner]) for row in others.rows if row.get(side.owner)))
        lacking = [id_ for id_ in owners if id_ not in found]
        found = {**self._found(shape, lacking, side.by), **found}
        if others.rows and (not others.done or len(others.rows) >= self._pace.page_size):
            stamp, last = max((instant_of(row[STAMP]), row["Id"]) for row in others.rows)
            return Page(list(found.values()), {**_to_side(walk), "from": stamp, "after": last}, more=True)
        return self._ended(shape, walk, found)

    def _ended(self, shape: Shape, walk: Mapping[str, Json], found: dict[str, Remote]) -> Page:
        """The last page of a poll, with what the log of deletions adds when it is time to read it."""
        deleted, now = walk["deleted"], walk["now"]
        if shape.logged and self._deletions.due(deleted, now):
            gone, deleted = self._deletions.read(
                shape.name, deleted, now, lambda ids: list(self._whole(shape, ids).values())
            )
            found = {**{remote.id: remote for remote in gone}, **found}
        return Page(list(found.values()), {"high": now, "deleted": deleted})

    # --- rows

    def _found(self, shape: Shape, ids: Sequence[str], by: str = "Id") -> dict[str, Remote]:
        """Those of these records that there are, by their ids or by those in another field."""
        queries = by_ids(shape.select, shape.name, ids, field=by)
        rows = [row for query in queries for row in self._client.query_all(query, deleted=True)]
        return self._told(shape, rows)

    def _whole(self, shape: Shape, ids: Sequence[str]) -> dict[str, Remote]:
        found = self._found(shape, ids)
        return {id_: found.get(id_, Remote(id_, {}, deleted=True)) for id_ in ids}

    def _by_key(self, shape: Shape, key: str) -> Remote | None:
        if not shape.key.visible:
            return None
        if shape.key.finds:
            row = self._client.by_key(shape.name, shape.key.name, key)
            if row is not None:
                id_ = Payload(row, shape.name).text("Id")
                return self._whole(shape, [id_])[id_] if CONTACTS in shape.select else self._told(shape, [row])[id_]
        where = f"{shape.key.name} = {quoted(key)}"
        found = self._told(shape, self._client.query_all(select(shape.select, shape.name, where=where), deleted=True))
        return min(found.values(), key=lambda remote: (remote.deleted, remote.id), default=None)

    def _told(self, shape: Shape, rows: Sequence[dict[str, Any]]) -> dict[str, Remote]:
        if CONTACTS in shape.select:
            self._complete(rows)
        found = remotes(rows, shape)
        if shape.consents:
            parties = {str(one.fields[PARTY]) for one in found.values() if one.fields.get(PARTY)}
            held = self._consents.of(parties)
            for one in found.values():
                if not one.deleted:
                    said = held.get(str(one.fields.get(PARTY)), {})
                    one.fields[CONSENTS] = {name: said.get(name) for name in shape.consents}
        return found

    def _complete(self, rows: Sequence[dict[str, Any]]) -> None:
        """Opportunities with so many roles that their rows did not hold them all."""
        for row in rows:
            if isinstance(row.get(ROLES), dict) and not row[ROLES].get("done", True):
                query = select(("ContactId", "IsDeleted"), ROLE, where=within("OpportunityId", [row["Id"]]))
                row[ROLES] = {"records": self._client.query_all(query)}

    def _knowing(self, stream: str, ask: Callable[[Shape], T]) -> T:
        """Ask by the shape as it is known; when Salesforce does not know a field any more, look and ask again."""
        shape = self._shapes.of(stream)
        refused = too_long(shape)
        if refused is not None:
            raise refused
        try:
            return ask(shape)
        except SchemaChanged:
            if not self._shapes.changed(stream):
                raise
            return ask(self._shapes.of(stream))


def _side(shape: Shape) -> Side | None:
    """What is shown of another object with these records."""
    if CONTACTS in shape.select:
        return ROLES_SIDE
    return CONSENTS_SIDE if shape.consents else None


def _to_side(walk: Mapping[str, Json]) -> dict[str, Json]:
    return {**walk, "leg": "side", "from": walk["start"], "after": ""}
