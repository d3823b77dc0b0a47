"""Leads: what people asked for by forms, one by one; `POST /v1/leads` itself is open to anybody and elsewhere.

A page reads: the runs that captured something, newest first ▶ what each saw first ▶ person and note, as they are now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api.v1.keys import Caller, Scope
from api.v1.reading import Cursor, Limit, Page, Told, after_number, wrong
from api.v1.records import RecordOut, Showing
from core.flow.capture import reference
from core.model.instant import iso
from core.store import leads, records, runs
from core.store.runs import Wanted

if TYPE_CHECKING:
    from api.v1.door import Door
    from core.store.records import Record


class LeadOut(Told):
    """A lead."""

    id: str = Field(description="Another one for every lead; grows.")
    reference: str = Field(description="What whoever asked was told, to name it by.")
    form: str
    at: str
    person: RecordOut = Field(description="Whoever asked, as they are now; perhaps known long before.")
    note: RecordOut | None = Field(description="The activity that keeps what was asked, in its words.")


def routes(door: Door) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["movement"])
    at, showing = door.installation, Showing(door)

    @router.get("/leads")
    def list_leads(
        form: Annotated[str, Query(max_length=200, description="Only those of this form.")] = "",
        after: Cursor = "",
        limit: Limit = 50,
        caller: Caller = door[Scope.RECORDS_READ],
    ) -> Page[LeadOut]:
        """What forms brought, newest first, as far back as runs are kept.

        A page may be short, or empty, and there be more all the same: go on by `next`.
        """
        hub = at.hub()
        if form and form not in hub.forms:
            raise wrong("form", f"There is no form '{form[:60]}'; see `GET /v1/forms`.")
        wanted = Wanted(hub.own_id, "capture", hub.forms[form].form.speaks_as if form else None)
        with at.store.reading() as tx:
            found, following = runs.listed(tx, wanted, below=after_number(after) or None, limit=limit)
            brought = leads.shown(tx, [one.id for one in found])
            known = records.load(tx, {one.record_id for one in brought})
        forms = {one.people.id: name for name, one in hub.forms.items()}
        people = {one.run_id: one for one in brought if one.stream_id in forms and one.record_id in known}
        notes = {one.run_id: known.get(one.record_id) for one in brought if one.stream_id not in forms}
        items = [
            LeadOut(
                id=str(run.id), reference=reference(people[run.id].remote_id), form=forms[people[run.id].stream_id],
                at=iso(run.began_at), person=seen(caller, known[people[run.id].record_id]),
                note=seen(caller, note) if (note := notes.get(run.id)) is not None else None,
            )
            for run in found if run.id in people
        ]  # fmt: skip
        return Page(items=items, next=str(following) if following is not None else None)

    def seen(caller: Caller, record: Record) -> RecordOut:
        return showing.record(caller, record, "")

    return router
