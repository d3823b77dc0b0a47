"""The overview: how the hub stands, and what needs a person today."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import APIRouter, Request, Response

from api import queries
from api.console.people import Visitor
from api.scorecard import glance
from api.snapshot import snapshot
from api.trend import DAYS, HEIGHT, WIDTH, points
from core.decide.movement.audit import ELEMENTS
from core.errors import ConcordError
from core.model.instant import DAY, MINUTE, Instant, iso
from core.model.shapes import KIND_ORDER
from core.store import records, runs

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.console.desk import Desk

KEPT = MINUTE
"""So long a count is shown: counting costs as much as there is, and many may look each few seconds."""


def routes(desk: Desk) -> APIRouter:
    """The page."""
    router = APIRouter()
    counting = _Counting(desk.installation)

    @router.get("/")
    def show(request: Request, visitor: Visitor = desk.for_viewers) -> Response:
        """How everything stands."""
        try:
            state, counts, card = snapshot(desk.installation, counted=False), counting.now(), _card(desk)
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        return desk.page(
            request, visitor, "overview.html", state=state, counts=counts, card=card, elements=ELEMENTS,
            broken=desk.trouble, points=points, width=WIDTH, height=HEIGHT,
        )  # fmt: skip

    return router


def _card(desk: Desk) -> dict[str, Any] | None:
    """The four elements over all open records; None where no policy asks for them."""
    return glance(desk.installation) if desk.installation.hub().movement.stages else None


class Counts(NamedTuple):
    """How much is held."""

    at: Instant
    kinds: dict[str, int]
    """Kind → records of the hub."""
    held: dict[str, int]
    """Connection → records that it holds."""
    trend: dict[str, list[tuple[str, float]]]
    """Connection → its agreement (%) day by day."""


class _Counting:
    """Counts what is held, no oftener than need be."""

    def __init__(self, installation: Installation) -> None:
        self._at, self._lock = installation, threading.Lock()
        self._last: Counts | None = None

    def now(self) -> Counts:
        """The counts, at most a minute old."""
        now = self._at.clock()
        with self._lock:
            if self._last is None or not 0 <= now - self._last.at < KEPT:
                self._last = self._counted(now)
            return self._last

    def _counted(self, now: Instant) -> Counts:
        with self._at.store.reading() as tx:
            kinds, by_stream = records.counts(tx), queries.bound_by_stream(tx)
            days = runs.agreement_days(tx, iso(now - DAYS * DAY)[:10])
        every = self._at.hub().connections
        held = {one.name: sum(by_stream.get(id_, 0) for id_ in one.stream_ids) for one in every.values()}
        trend: dict[str, list[tuple[str, float]]] = {one.name: [] for one in every.values()}
        for id_, day, share in days:
            if id_ in every:
                trend[every[id_].name].append((day, 100 * share))
        return Counts(now, {kind: kinds[kind] for kind in KIND_ORDER if kind in kinds}, held, trend)
