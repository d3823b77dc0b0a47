"""Trying the movement policy: what a draft, or the policy in force, would have done lately; an errand, and its page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response

from api.assembly import Text
from api.console.desk import PLACE
from api.console.pages.activating import draft_key, text_of
from api.console.people import Visitor
from api.drafting import texts
from api.errands import Progress
from api.listing import title
from api.trying import BY, OUTCOMES, SIDES, Seen, Trial, length_of, try_policy
from core.decide.leads import Posted
from core.decide.movement.policy import Step
from core.decide.movement.reading import load_policy
from core.errors import ConcordError
from core.store import records, runs

if TYPE_CHECKING:
    from api.console.desk import Desk

HERE = f"{PLACE}/settings/movement/tried"
SHOWN = 200
"""Steps listed on a page."""
LENGTHS = {"7d": "the last week", "30d": "the last month", "90d": "the last three months"}
_CALLED = {
    "draft": "The draft", "in_force": "The policy in force", "only_draft": "Only the draft",
    "only_in_force": "Only the policy in force", "another_time": "The draft, at another time",
}  # fmt: skip


class Asked(NamedTuple):
    """Which steps are listed, in the words of an address."""

    side: str = ""
    step: str = ""
    outcome: str = ""
    by: str = ""
    group: str = ""


def routes(desk: Desk) -> APIRouter:
    """The page and its form; for admins."""
    router = APIRouter()
    at = desk.installation

    @router.get("/settings/movement/tried")
    def tried(request: Request, visitor: Visitor = desk.for_admins) -> Response:
        """What came of it, and the steps behind a number."""
        errand = desk.errands.of(_named(visitor))
        trial = errand.result if errand is not None and isinstance(errand.result, Trial) else None
        asked = _asked(request.query_params)
        chosen = _chosen(trial, asked) if trial is not None else []
        with at.store.reading() as tx:
            found = records.load(tx, {one.did.record_id for one in chosen[:SHOWN]}) if chosen else {}
            draft = runs.fact(tx, draft_key(visitor, "settings/movement"))
        shapes = at.hub().shapes
        return desk.page(
            request, visitor, "movement_tried.html", errand=errand, trial=trial, asked_for=asked, listed=chosen[:SHOWN],
            number_listed=len(chosen), titles={id_: title(shapes, one) for id_, one in found.items()}, by=BY,
            outcomes=OUTCOMES, called=_CALLED, steps=[str(one) for one in Step], link=_link, lengths=LENGTHS,
            drafted=draft is not None,
        )  # fmt: skip

    @router.post("/settings/movement/try")
    def try_it(request: Request, visitor: Visitor = desk.for_admins, said: Posted = desk.from_form) -> Response:
        """Tries the draft that is kept, or the policy in force where there is none."""
        try:
            return begin_trial(desk, visitor, said)
        except ConcordError as error:
            return desk.refused(request, visitor, error)

    return router


def begin_trial(desk: Desk, visitor: Visitor, said: Posted) -> Response:
    """Have the text of a form tried, and go on to what comes of it; raises what is wrong in it."""
    at, length = desk.installation, said.get("since", "30d")
    since, before = length_of(length), texts(at)["movement"]
    draft, progress = _draft(desk, visitor, said, before), Progress()
    work = partial(try_policy, at, draft, since=since, switched_on=said.get("on") == "yes", tell=progress.tell)
    errand = desk.errands.begin_mine(_named(visitor), "try", work, progress=progress)
    desk.note(visitor, "try a policy", {"since": length, "draft": draft is not None})
    errand.waited()
    return desk.done(HERE)


def _draft(desk: Desk, visitor: Visitor, said: Posted, before: Text) -> Text | None:
    """The text that is tried beside the policy in force, kept for its writer; None where it is no other one."""
    at, key = desk.installation, draft_key(visitor, "settings/movement")
    with at.store.reading() as tx:
        kept = runs.fact(tx, key)
    text = text_of(said) if "text" in said else kept
    if text is None or text.strip() == before.text.strip():
        return None
    draft = Text(text, before.file)
    load_policy(text, file=draft.file, shapes=at.shapes(), locale=at.locale())
    if text != kept:
        with at.store.writing() as tx:
            runs.put_fact(tx, key, text)
    return draft


def _named(visitor: Visitor) -> str:
    return f"trial of {visitor.person.id}"


def _asked(said: Mapping[str, str]) -> Asked:
    """What is asked for; words that are none are left out."""
    given = {name: said.get(name, "") for name in Asked._fields}
    return Asked(**given) if given["side"] in SIDES else Asked()


def _chosen(trial: Trial, asked: Asked) -> list[Seen]:
    """The steps behind a number, newest first."""
    those = trial.sides.get(asked.side, [])
    return [one for one in reversed(those) if _fits(trial, one, asked)]


def _fits(trial: Trial, one: Seen, asked: Asked) -> bool:
    if asked.step and one.did.step != asked.step:
        return False
    if asked.outcome and one.outcome != asked.outcome:
        return False
    return asked.by not in BY or (not one.did.held and trial.group_of(one, asked.by) == asked.group)


def _link(**words: str) -> str:
    return f"{HERE}?{urlencode(words)}#steps"
