"""Alerts: what is wrong, who was told and when again; one is put off for a while, and a trial sent by every way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.alerting import put_off, trial, ways_of
from api.console.desk import PLACE, masker
from api.console.people import Visitor, zone_of
from api.console.veil import sentence_for
from api.listing import until_of
from core.decide.alerting import KINDS, next_told
from core.decide.leads import Posted
from core.errors import ConcordError
from core.model.instant import DAY, iso
from core.store import alerts as stored

if TYPE_CHECKING:
    from api.console.desk import Desk

HERE = f"{PLACE}/alerts"
LATELY = 7 * DAY
"""So long it is shown that something is over."""
_TRIAL = "a trial of the alerts"


def routes(desk: Desk) -> APIRouter:
    """The page and its forms."""
    router = APIRouter()
    at = desk.installation

    @router.get("/alerts")
    def page(request: Request, visitor: Visitor = desk.for_viewers) -> Response:
        """What stands, what was told, and how."""
        return show(request, visitor)

    def show(request: Request, visitor: Visitor, error: ConcordError | None = None) -> Response:
        now, alerting = at.clock(), at.alerting()
        with at.store.reading() as tx:
            every, told = stored.standing(tx), stored.told(tx)
        last: dict[tuple[str, str], stored.Telling] = {}
        for one in told:
            last.setdefault((one.kind, one.where), one)
        hide = masker(visitor)
        return desk.page(
            request, visitor, "alerts.html", status=200 if error is None else 400,
            stands=[one for one in every if one.gone_at is None], last=last, kinds=KINDS,
            next={one.key: next_told(alerting, one) for one in every},
            over=[one for one in told if one.what == "over" and one.at > now - LATELY],
            ways=ways_of(at), trial=desk.errands.of(_TRIAL) if "trial" in request.query_params else None,
            safe=lambda text: sentence_for(visitor, text), hide=hide, error=error and error.to_json(),
        )  # fmt: skip

    @router.post("/alerts/quiet")
    def quiet(request: Request, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form) -> Response:
        """Puts one off until a time, or tells it as usual again."""
        kind, where = said.get("kind", ""), said.get("where", "")
        about: dict[str, Any] = {"alert": kind, **({"connection": where} if where else {})}
        try:
            if said.get("act") == "end":
                put_off(at, (kind, where), None, "", "")
                desk.note(visitor, "tell an alert again", about)
                return desk.done(HERE, "It is told as usual.")
            until = until_of(said.get("until", ""), at.clock(), zone_of(visitor.person.zone))
            put_off(at, (kind, where), until, visitor.person.name, said.get("why", ""))
        except ConcordError as error:
            return show(request, visitor, error)
        desk.note(visitor, "put an alert off", {**about, "until": iso(until), "why": said.get("why", "").strip()[:200]})
        return desk.done(HERE, "It is put off.")

    @router.post("/alerts/trial")
    def send(request: Request, visitor: Visitor = desk.for_admins, _: Posted = desk.from_form) -> Response:
        """Sends a message by every way, and says what each answered."""
        desk.note(visitor, "send a trial alert", {"ways": [one.name for one in ways_of(at)]})
        errand = desk.errands.begin(_TRIAL, _TRIAL, lambda: trial(at))
        errand.waited()
        if errand.error is not None:
            return show(request, visitor, errand.error)
        return desk.done(f"{HERE}?trial=sent")

    return router
