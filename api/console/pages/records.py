"""Records: whoever is looked for, by an email, a name, a phone number, a domain, an id in a tool or a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.console.desk import PLACE
from api.console.looking import Looking
from api.console.people import Visitor
from core.errors import ConfigError
from core.flow.asking import search
from core.flow.filters.left_out import kept_out
from core.model.shapes import KIND_ORDER
from core.store import bindings, records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.console.desk import Desk
    from core.flow.hub import Hub
    from core.store.records import Record

SHOWN = 20
"""Records of a kind that are shown."""
_LONGEST = 200
"""Letters of a question."""
NAMED = ("contact", "company", "deal")
"""What is looked for by name, unless kinds are chosen: notes and tickets are called alike too often."""
KINDS = (*NAMED, *(kind for kind in KIND_ORDER if kind not in NAMED))
"""In the order in which they are shown."""


def routes(desk: Desk) -> APIRouter:
    """The page."""
    router, looking = APIRouter(), Looking(desk)

    @router.get("/records")
    def page(request: Request, visitor: Visitor = desk.for_viewers, q: str = "") -> Response:
        """Who is known by this; one alone is shown at once."""
        hub, key = desk.installation.hub(), q.strip()[:_LONGEST]
        chosen = [kind for kind in request.query_params.getlist("kind") if kind in hub.shapes]
        found = search(hub, chosen or KINDS, key, named=chosen or NAMED) if key else []
        if len(found) == 1:
            return desk.done(f"{PLACE}/records/{found[0].kind}/{found[0].id}")
        outside = [one for kind in chosen or NAMED for one in kept_out(hub, kind, key)] if key and not found else []
        if found:
            looking.note(visitor, "search records", {"records": [one.id for one in found[:SHOWN]]})
        return desk.page(
            request, visitor, "records.html", q=key, kinds=KINDS, chosen=chosen, groups=_groups(hub, found),
            outside=outside, shown=SHOWN,
        )  # fmt: skip

    @router.get("/records/{number}")
    def by_number(request: Request, number: int, visitor: Visitor = desk.for_viewers) -> Response:
        """The record with a number, whatever its kind."""
        with desk.installation.store.reading() as tx:
            kinds = records.kinds(tx, [number])
        if number not in kinds:
            unknown = ConfigError(f"There is no record {number}.", remedy="Search for whom it is about.")
            return desk.refused(request, visitor, unknown, status=404)
        return desk.done(f"{PLACE}/records/{kinds[number]}/{number}")

    return router


def _groups(hub: Hub, found: Sequence[Record]) -> dict[str, list[dict[str, Any]]]:
    """Kind → its records as they are listed, with the connections that hold them; one statement."""
    listed = [one for kind in KINDS for one in [each for each in found if each.kind == kind][: SHOWN + 1]]
    held: dict[int, list[str]] = {}
    with hub.store.reading() as tx:
        for row in bindings.of_records(tx, [one.id for one in listed]) if listed else ():
            if row.state in bindings.THERE and not hub.is_own(row.stream_id):
                held.setdefault(row.record_id, []).append(hub.sources.get(row.stream_id, "?"))
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in listed:
        told = {
            "id": one.id, "kind": one.kind, "title": hub.shapes[one.kind].name_of(one.values),
            "email": one.values.get("email") or one.values.get("domain") or "",
            "held_by": sorted(set(held.get(one.id, ()))), "updated_at": one.updated_at, "state": one.state,
        }  # fmt: skip
        groups.setdefault(one.kind, []).append(told)
    return groups
