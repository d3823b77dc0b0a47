"""The search call: filters, caps and the late index."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Call, Response
from connectors.hubspot.sandbox_base import body_of, crm, listed_in, number, text_of
from connectors.hubspot.sandbox_objects import Objects
from connectors.hubspot.sandbox_problems import invalid
from connectors.hubspot.sandbox_query import Query, behind, filter_of, run
from connectors.hubspot.sandbox_schema import Property
from connectors.hubspot.sandbox_words import Kind
from core.model.instant import Instant

_LONGEST_BODY = 3_000
_MOST_RESULTS = 10_000
_MOST_GROUPS, _MOST_FILTERS, _MOST_IN_ALL = 5, 6, 18
_KEPT_ANSWERS = 16
_SEARCHED = {
    "contacts": ("firstname", "lastname", "email", "phone", "company", "hs_additional_emails"),
    "companies": ("name", "domain", "phone", "website"),
    "deals": ("dealname", "pipeline", "dealstage", "description"),
    "tasks": ("hs_task_subject", "hs_task_body"),
    "calls": ("hs_call_title", "hs_call_body"),
    "meetings": ("hs_meeting_title", "hs_meeting_body"),
    "notes": ("hs_note_body",),
    "emails": ("hs_email_subject",),
}
"""What the free text is looked for in."""


class Search(Objects):
    """`POST /crm/objects/{type}/search`."""

    @crm("POST", "objects", "/{type}/search", reading=True)
    def search(self, call: Call, type: str) -> Response:
        """A page of what matches in the index, which may be late and never has archived records."""
        kind = self.readable(type)
        if len(call.body.decode("utf-8", "replace")) > _LONGEST_BODY:
            raise invalid(f"The request body must not be longer than {_LONGEST_BODY} characters")
        data = body_of(call)
        limit = number(data.get("limit", 10), "limit", 0, 200)
        after = number(data.get("after") or 0, "after", 0, 1 << 62)
        if after + limit > _MOST_RESULTS:
            raise invalid(
                f"Search results are limited to {_MOST_RESULTS} in all; paging goes no further", after=[str(after)]
            )
        if self.mischief.fires(Switch.EMPTY):
            return Response(200, {"total": 0, "results": []})
        until = self.as_of(index=True)
        ids = self._found(kind, self._query(kind, data), until)
        page = self.mischief.disturbed(ids[after : after + limit])
        names = self.asked(kind, data.get("properties") or [])
        table = self.world.tables[kind.plural]
        pairs = ((record := table.records[id_], record.at(until)) for id_ in page)
        results = [self.shown(kind, record, state, names) for record, state in pairs if state is not None]
        body: dict[str, Any] = {"total": len(ids), "results": results}
        if after + limit < len(ids) and limit:
            body["paging"] = {"next": {"after": str(after + limit)}}
        return Response(200, body)

    def _found(self, kind: Kind, query: Query, until: Instant | None) -> Sequence[int]:
        """The ids that match; kept until something changes, because a walk asks the same again and again."""
        bare, floor = query.without_floor()
        table = self.world.tables[kind.plural]
        key = (kind.plural, table.changes, table.settled(until), bare)
        if key not in self._answers:
            self._answers[key] = run(bare, table, until)
            while len(self._answers) > _KEPT_ANSWERS:
                self._answers.popitem(last=False)
        return behind(self._answers[key], floor)

    @property
    def _answers(self) -> OrderedDict[Any, list[int]]:
        kept: OrderedDict[Any, list[int]] = self.__dict__.setdefault("answers", OrderedDict())
        return kept

    def _query(self, kind: Kind, data: Mapping[str, Any]) -> Query:
        groups = [listed_in(group, "filters") for group in listed_in(data, "filterGroups")]
        if len(groups) > _MOST_GROUPS:
            raise invalid(f"There may be {_MOST_GROUPS} filterGroups at most, and there are {len(groups)}")
        sizes = [len(group) for group in groups]
        if any(size > _MOST_FILTERS for size in sizes) or sum(sizes) > _MOST_IN_ALL:
            raise invalid(f"There may be {_MOST_FILTERS} filters in a group and {_MOST_IN_ALL} in all")
        read = tuple(
            tuple(filter_of(one, self._known(kind, text_of(one, "propertyName"))) for one in group) for group in groups
        )
        name, descending = self._order(data)
        one = self._known(kind, name)
        return Query(read, name, one.kind, descending, str(data.get("query") or ""), _SEARCHED[kind.plural])

    def _order(self, data: Mapping[str, Any]) -> tuple[str, bool]:
        sorts = listed_in(data, "sorts")
        if len(sorts) > 1:
            raise invalid("Only one sort is supported")
        if not sorts:
            return "hs_object_id", False
        if isinstance(sorts[0], str):
            return sorts[0].removeprefix("-"), sorts[0].startswith("-")
        return text_of(sorts[0], "propertyName"), sorts[0].get("direction") == "DESCENDING"

    def _known(self, kind: Kind, name: Any) -> Property:
        found = self.world.schema.find(kind.plural, str(name))
        if found is None:
            raise invalid(f"There was a problem with the request: property {name} does not exist on {kind.loud}")
        return found
