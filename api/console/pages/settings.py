"""Settings: the texts of the configuration beside the mappings (rules, policy, topics, alerts …), changed by a plan.

Each is the text that an admin could have written in a file; what is wrong in it is told with line, column and remedy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fastapi import APIRouter, Request, Response

from api import activating
from api.activating import no_such_setting
from api.console.desk import PLACE
from api.console.pages.activating import Road, text_of
from api.console.pages.trying import LENGTHS, begin_trial
from api.console.people import Visitor
from api.drafting import TEXTS, texts
from core.decide.leads import Posted
from core.errors import ConcordError
from core.mapping.problem import MappingError

if TYPE_CHECKING:
    from api.console.desk import Desk

HERE = f"{PLACE}/settings"


class About(NamedTuple):
    """What a text is for."""

    title: str
    doc: str
    page: str
    """The page of the documentation that has its words."""


ABOUT = {
    "rules": About("Rules", "Which tool's word stands where they differ, field by field.", "docs/commands.md"),
    "match": About("Matching", "By what two records are one, and what never joins any.", "docs/commands.md"),
    "custom_fields": About("Own fields", "Fields that this hub knows beside those of the model.", "docs/model.md"),
    "topics": About("Topics", "What people may say yes or no to.", "docs/consent.md"),
    "consent": About("Consent", "The law of the place, and how long a yes lasts.", "docs/consent.md"),
    "retention": About("Retention", "How long records are kept, and what then.", "docs/erasure.md"),
    "movement": About("Movement policy", "What every open record must have, and what is done by itself.",
                      "docs/movement.md"),
    "forms": About("Forms", "By which people outside ask for something.", "docs/capture.md"),
    "alerts": About("Alerts", "Who is told when something is wrong, and how.", "docs/metrics.md"),
    "maintenance": About("Maintenance", "When which tool is left alone.", "docs/scheduling.md"),
    "keep": About("Keeping", "How long what the hub has done is kept.", "docs/keeping.md"),
}  # fmt: skip


def routes(desk: Desk) -> APIRouter:
    """The list, a text, its plan; all for admins."""
    router = APIRouter()
    at = desk.installation
    road = Road(desk, activating.settings(at), router, place="settings", called=lambda what: ABOUT[what].title.lower())

    @router.get("/settings")
    def every(request: Request, visitor: Visitor = desk.for_admins) -> Response:
        """All texts, and whether anything is said in them."""
        return desk.page(request, visitor, "settings.html", found=texts(at), about=ABOUT)

    @router.get("/settings/{what}")
    def one(request: Request, what: str, visitor: Visitor = desk.for_admins) -> Response:
        """The text in force."""
        if what not in TEXTS:
            return desk.refused(request, visitor, no_such_setting(what), status=404)
        return show(request, visitor, what, texts(at)[what].text)

    def show(request: Request, visitor: Visitor, what: str, text: str, error: ConcordError | None = None) -> Response:
        problems = error.problems if isinstance(error, MappingError) else []
        return desk.page(
            request, visitor, "setting.html", status=200 if error is None else 400, what=what, about=ABOUT[what],
            text=text, lengths=LENGTHS, drafted=road.drafted(visitor, what), problems=problems,
            error=error.to_json() if error is not None and not problems else None,
        )  # fmt: skip

    @router.post("/settings/{what}")
    def plan(
        request: Request, what: str, visitor: Visitor = desk.for_admins, said: Posted = desk.from_form
    ) -> Response:
        """What a changed text would do, or what is wrong in it."""
        if what not in TEXTS:
            return desk.refused(request, visitor, no_such_setting(what), status=404)
        text = text_of(said)
        if said.get("act") == "back":
            return show(request, visitor, what, text)
        try:
            if said.get("act") == "try" and what == "movement":
                return begin_trial(desk, visitor, said)
            return road.plan(visitor, what, text)
        except ConcordError as error:
            return show(request, visitor, what, text, error)

    return router
