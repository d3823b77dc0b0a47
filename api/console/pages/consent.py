"""Consent: whether somebody may be contacted and why, all that was ever said of it, its proof, and what was erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.console.desk import PLACE
from api.console.people import Role, Visitor
from api.told import entry, head, permission, said_in
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError
from core.flow.asking import find
from core.flow.consent import proving, verifying
from core.flow.consent.checking import check, topics_on
from core.model.instant import DAY
from core.model.many import many
from core.model.shapes.contact import CHANNELS
from core.store import erasures, ledger

if TYPE_CHECKING:
    from api.console.desk import Desk

Asked = Annotated[str, Query(max_length=320)]
_ERASED = 50
"""Erasures on a page."""


def routes(desk: Desk) -> APIRouter:
    """The question, the ledger, and the requests."""
    router = APIRouter()
    at = desk.installation

    @router.get("/consent")
    def page(
        request: Request, visitor: Visitor = desk.for_viewers, who: Asked = "", channel: Asked = "email",
        topic: Asked = "",
    ) -> Response:  # fmt: skip
        """Whether somebody may be contacted; the ledger's newest head; the newest erasures."""
        hub, error, verdict, said = at.hub(), None, None, list[dict[str, Any]]()
        if who.strip():
            try:
                verdict = permission(check(hub, who.strip(), channel, topic or None))
                said = _entries(desk, who.strip()) if visitor.may(Role.OPERATOR) else []
            except ConcordError as wrong:
                error = wrong
            desk.note(visitor, "ask for a consent", {"who": who.strip(), "channel": channel})
        with at.store.reading() as tx:
            newest = ledger.last_head(tx)
            erased = erasures.latest(tx, limit=_ERASED)
            places = erasures.places_of(tx, [one.id for one in erased])
        left = {one.id: sum(place.erasure_id == one.id and place.state in erasures.OPEN for place in places)
                for one in erased}  # fmt: skip
        return desk.page(
            request, visitor, "consent.html", status=200 if error is None else 400, who=who, channel=channel,
            topic=topic, channels=CHANNELS, topics=topics_on(hub, channel) if channel in CHANNELS else [],
            verdict=verdict, said=said, said_in=said_in, error=error and error.to_json(),
            newest=newest and head(newest), erased=erased, left=left, days=hub.profile.deadlines.erasure * DAY,
        )  # fmt: skip

    @router.post("/consent/verify")
    def verify(request: Request, visitor: Visitor = desk.for_operators, _: Posted = desk.from_form) -> Response:
        """Holds every entry against the signed heads."""
        try:
            found = verifying.verify(at.hub())
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        desk.note(visitor, "verify the ledger", {"holds": found.holds})
        counts = many(found.entries, "entry"), many(found.heads, "signed head"), many(found.claims, "claim")
        told = f"{', '.join(counts)}: "
        if found.holds:
            return desk.done(f"{PLACE}/consent", told + "all as they were entered.")
        wrong = ConfigError(told + "somebody has meddled with it. " + " ".join(found.wrong))
        return desk.refused(request, visitor, wrong, status=200)

    @router.get("/consent/entries/{place}")
    def proof(request: Request, place: int, visitor: Visitor = desk.for_operators) -> Response:
        """The proof that one entry stands in the signed ledger."""
        hub = at.hub()
        try:
            found = proving.prove(hub, place)
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)
        desk.note(visitor, "prove an entry", {"entry": place})
        return desk.page(
            request, visitor, "proof.html", entry=entry(found.row), said=said_in(entry(found.row)),
            leaf=found.row.leaf.hex(), path=[one.hex() for one in found.path], head=head(found.head),
            holds=proving.holds(hub.installation, found), hub=hub.installation,
        )  # fmt: skip

    return router


def _entries(desk: Desk, who: str) -> list[dict[str, Any]]:
    """Everything that was ever said about a person's consent, oldest first."""
    hub = desk.installation.hub()
    found = find(hub, "contact", who.removeprefix("#"))
    with hub.store.reading() as tx:
        return [entry(row) for row in ledger.of_records(tx, [one.id for one in found])]
