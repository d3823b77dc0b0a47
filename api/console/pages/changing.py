"""What can be done about a record: read it again, change a value, mend, un-merge, export, erase."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request, Response

from api.console.desk import PLACE, as_file, inside
from api.console.pages.record import ONE, Showing, called, named, place_of
from api.console.people import Visitor, zone_of
from api.erased import erase_here
from api.listing import until_of
from api.record import whole
from api.typed import typed
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError
from core.flow.erasure import erasing
from core.flow.erasure.certificate import WORDS
from core.flow.erasure.gathering import gather
from core.flow.holding_fields import hold, let_go
from core.flow.movement.mending import mend
from core.flow.resyncing import everywhere
from core.flow.saying import say
from core.flow.undo.undoing import plan_undo, undo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from api.console.desk import Desk
    from core.store.records import Record


def routes(desk: Desk) -> APIRouter:
    """The forms of a record's page."""
    router, showing = APIRouter(), Showing(desk)
    _everyday(router, desk, showing)
    _grave(router, desk, showing)
    return router


def _everyday(router: APIRouter, desk: Desk, showing: Showing) -> None:
    """What is done at once, and taken back by its run."""
    acting = partial(_acting, showing)

    @router.post(f"{ONE}/sync")
    def sync(
        request: Request, number: str, visitor: Visitor = desk.for_operators, _: Posted = desk.from_form
    ) -> Response:
        """Has every tool that holds it read again."""
        return acting(request, visitor, number, "sync a record", partial(_sync, desk))

    @router.post(f"{ONE}/value")
    def value(
        request: Request, number: str, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form
    ) -> Response:
        """A person's word for a field."""
        record, name, given = showing.record(request, visitor, number), said.get("field", ""), said.get("value", "")
        try:
            run = _say(desk, record, name, given)
        except ConcordError as error:
            return showing.page(request, visitor, record, error=error, failed={"field": name, "given": given})
        _note(desk, visitor, "change a value", {**named(record), "field": name, "run": run})
        return desk.done(
            place_of(record), f"Your word for {called(name)} is taken (run {run}); the tools are told next."
        )

    @router.post(f"{ONE}/hold")
    def hold_still(
        request: Request, number: str, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form
    ) -> Response:
        """Holds a field at what stands, or lets it go."""
        name = said.get("field", "")
        if said.get("act") == "end":
            return acting(request, visitor, number, "let a field go", partial(_let_go, desk, name), field=name)
        why = said.get("why", "").strip()[:200]
        act = partial(_hold, desk, visitor, name, said.get("until", ""), said.get("why", ""))
        return acting(request, visitor, number, "hold a field", act, field=name, why=why)

    @router.post(f"{ONE}/mend")
    def set_right(
        request: Request, number: str, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form
    ) -> Response:
        """Mends what does not fit together, by another stage or a task."""
        what, by_task = said.get("what", ""), said.get("how") == "task"
        return acting(request, visitor, number, "mend a record", partial(_mend, desk, what, by_task), finding=what)


def _grave(router: APIRouter, desk: Desk, showing: Showing) -> None:
    """What gives data away, or is shown before it is done."""
    acting = partial(_acting, showing)

    @router.post(f"{ONE}/unmerge")
    def unmerge(
        request: Request, number: str, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form
    ) -> Response:
        """Shows what taking a merge back would do; does it once somebody agrees."""
        record, run = showing.record(request, visitor, number), said.get("run", "")
        if said.get("agreed") == "yes":
            return acting(request, visitor, number, "un-merge a record", partial(_unmerge, desk, run), run=run)
        try:
            planned = plan_undo(desk.installation.hub(), _merge_of(desk, record, run))
        except ConcordError as error:
            return showing.page(request, visitor, record, error=error)
        return desk.page(request, visitor, "record_unmerge.html", record=record, to=place_of(record), planned=planned)

    @router.post(f"{ONE}/export")
    def export(
        request: Request, number: str, visitor: Visitor = desk.for_operators, _: Posted = desk.from_form
    ) -> Response:
        """Everything that is held, as one JSON document: the answer to an access request."""
        record = showing.record(request, visitor, number)
        try:
            told = gather(desk.installation.hub(), record.id)
        except ConcordError as error:
            return showing.page(request, visitor, record, error=error)
        _note(desk, visitor, "export a record", named(record))
        return as_file(orjson.dumps(told, option=orjson.OPT_INDENT_2, default=str), f"{record.kind}-{record.id}.json")

    @router.post(f"{ONE}/erase")
    def erase(
        request: Request, number: str, visitor: Visitor = desk.for_admins, said: Posted = desk.from_form
    ) -> Response:
        """Shows what an erasure would do; does it once its address or number is typed in."""
        record, hub = showing.record(request, visitor, number), desk.installation.hub()
        proof, error = _proof_of(desk, record), None
        if "typed" in said:
            if said["typed"].strip().casefold() == proof.casefold():
                erased = partial(_erase, desk, said.get("reference"))
                return acting(request, visitor, number, "erase a record", erased, back=inside(said.get("back", "")))
            error = ConfigError(
                "What you typed is not what stands above; nobody was erased.", remedy="Type it as it is shown."
            )
        try:
            planned = erasing.plan(hub, record.id)
        except ConcordError as refused:
            return showing.page(request, visitor, record, error=refused)
        return desk.page(
            request, visitor, "record_erase.html", status=200 if error is None else 400, record=record,
            title=hub.shapes[record.kind].name_of(record.values), to=place_of(record), planned=planned, proof=proof,
            words=WORDS, given=said, error=error and error.to_json(),
        )  # fmt: skip


def _acting(
    showing: Showing,
    request: Request,
    visitor: Visitor,
    number: str,
    what: str,
    act: Callable[[Record], str],
    back: str = f"{PLACE}/",
    **about: Any,
) -> Response:
    """Do something about a record, put it on the trail, and go back to it, or to another page, with a sentence."""
    record = showing.record(request, visitor, number)
    try:
        done = act(record)
    except ConcordError as error:
        return showing.page(request, visitor, record, error=error)
    _note(showing.desk, visitor, what, {**named(record), **about})
    return showing.desk.done(place_of(record) if back == f"{PLACE}/" else back, done)


def _sync(desk: Desk, record: Record) -> str:
    held = everywhere(desk.installation.hub(), record.id)
    desk.installation.bell.ring()
    if not held:
        return "No tool that may be read holds it; its values were folded anew."
    return f"It is read again in {', '.join(sorted(held))} now."


def _say(desk: Desk, record: Record, name: str, given: str) -> int:
    hub = desk.installation.hub()
    run = say(hub, record.id, {name: typed(given, hub.shapes[record.kind].fields.get(name))})
    desk.installation.bell.ring()
    return run


def _hold(desk: Desk, visitor: Visitor, name: str, until: str, why: str, record: Record) -> str:
    now, zone = desk.installation.clock(), zone_of(visitor.person.zone)
    at = until_of(until, now, zone) if until.strip() else None
    run = hold(desk.installation.hub(), record.id, name, by=visitor.person.name, why=why, until=at)
    desk.installation.bell.ring()
    return f"{called(name)} is held (run {run}): what tools say of it is kept, and does not count meanwhile."


def _let_go(desk: Desk, name: str, record: Record) -> str:
    run = let_go(desk.installation.hub(), record.id, name)
    desk.installation.bell.ring()
    return f"{called(name)} is let go (run {run})."


def _mend(desk: Desk, what: str, by_task: bool, record: Record) -> str:
    run = mend(desk.installation.hub(), record.id, what, by_task=by_task)
    desk.installation.bell.ring()
    return "The task is there already." if run is None else f"Done (run {run}); the tools are told next."


def _merge_of(desk: Desk, record: Record, run: str) -> int:
    """The run of a merge that a person asked for, by which it is taken back."""
    made = whole(desk.installation, record, veil=lambda _kind, _name, value: value)
    number = next((one.run_id for one in made.merged if one.by_person and str(one.run_id) == run), None)
    if number is None:
        raise ConfigError("No merge of this record can be taken back by that run.", remedy="Load the page again.")
    return number


def _unmerge(desk: Desk, run: str, record: Record) -> str:
    number = undo(desk.installation.hub(), _merge_of(desk, record, run))
    desk.installation.bell.ring()
    return f"The records are apart again (run {number}); the tools are told next."


def _erase(desk: Desk, reference: str | None, record: Record) -> str:
    id_, left = erase_here(desk.installation, record.id, reference=(reference or "").strip() or None)
    desk.installation.bell.ring()
    said = f"Erased (erasure {id_}). The tools delete it at their next turn."
    return f"{said} The database's files were not compacted: {left}" if left else said


def _proof_of(desk: Desk, record: Record) -> str:
    """What is typed in to agree to an erasure: the address, or whatever else the record is called."""
    name = desk.installation.hub().shapes[record.kind].name_of(record.values)
    return str(record.values.get("email") or name or record.id)


def _note(desk: Desk, visitor: Visitor, what: str, about: Mapping[str, Any]) -> None:
    with desk.installation.store.writing() as tx:
        desk.people.note(tx, visitor, what, about)
