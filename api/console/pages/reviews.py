"""Reviews: the queue, one question with all that helps to decide, answers to one and to many, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api import reviews as asking
from api.agreed import mark_of
from api.console.desk import PLACE
from api.console.people import Role, Visitor
from api.console.veil import sees_people, veil_of
from api.elements import ADMIN
from api.links import links_of
from api.reviews import Asked
from api.ruling import Ruling, put, ruling
from api.typed import typed
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError
from core.flow.reviews.answering import Planned, answers, carry_out, plan
from core.flow.reviews.reviewing import assign as give
from core.model.many import many, verb
from core.store import people as stored
from core.store import reviews as kept

if TYPE_CHECKING:
    from api.console.desk import Desk
    from core.store.reviews import Review

SHOWN = 50
"""Questions on a page."""
TOGETHER = 1_000
"""So many are answered with one word at once."""
SAMPLES = 50
"""So many of them are listed before they are answered."""


def routes(desk: Desk) -> APIRouter:
    """The queue, each question, and what is done about them."""
    router = APIRouter()
    _looking(desk, router)
    _answering_many(desk, router)
    _answering_one(desk, router)
    return router


def _looking(desk: Desk, router: APIRouter) -> None:
    @router.get("/reviews")
    def queue(request: Request, visitor: Visitor = desk.for_viewers, after: str = "") -> Response:
        """What waits for a person, the late ones first."""
        asked = _asked(request)
        try:
            page = asking.page(desk.installation, asked, limit=SHOWN, after=after or None, veil=veil_of(visitor))
            total = asking.count(desk.installation, asked)
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        words = sorted({word for one in page.told for word in one["answers"]})
        return desk.page(
            request, visitor, "reviews.html", page=page, asked_for=asked, words=words, total=total, together=TOGETHER,
            can=visitor.may(Role.OPERATOR), **_choices(desk),
        )  # fmt: skip

    # Before the page of one, whose number could be any word.
    @router.get("/reviews/plan")
    def look(request: Request, visitor: Visitor = desk.for_operators, word: str = "", value: str = "") -> Response:
        """What one word to many would do; nothing is changed."""
        given = request.query_params
        ticked = [int(one) for one in given.getlist("review") if one.isdigit()]
        try:
            if given.get("which") != "all" and not ticked:
                raise ConfigError("No review is ticked.", remedy="Go back, tick some, and look again.")
            asked = _asked(request) if given.get("which") == "all" else Asked(ids=ticked)
            found = asking.find(desk.installation, asked, limit=TOGETHER)
            return _show_plan(desk, request, visitor, found, word, value)
        except ConcordError as error:
            return desk.refused(request, visitor, error)

    @router.get("/reviews/{id_}")
    def one(request: Request, id_: int, visitor: Visitor = desk.for_viewers, run: int | None = None) -> Response:
        """One question, whole."""
        return _show(desk, request, visitor, id_, run=run)


def _asked(request: Request) -> Asked:
    """What the filters choose."""
    what, connection, owner, field = (request.query_params.get(one) or None for one in Asked._fields[:4])
    return Asked(what, connection, owner, field, bool(request.query_params.get("late")))


def _answering_many(desk: Desk, router: APIRouter) -> None:
    @router.post("/reviews/answer")
    def answer_many(request: Request, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form) -> Response:
        """One word to many, as it was shown."""
        word, value = said.get("word", ""), said.get("value", "")
        try:
            found = _still_open(desk, _numbers(said))
            planned = plan(desk.installation.hub(), found, word, typed(value or ""))
            if not planned.fits or mark_of(_told(planned)) != said.get("mark"):
                return _show_plan(desk, request, visitor, found, word, value, stale=True)
            run_id = carry_out(desk.installation.hub(), planned)
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        ids = [one.id for one in planned.fits]
        _note(desk, visitor, "answer reviews", {"reviews": ids, "word": planned.answer.said, "run": run_id})
        done = f"{many(len(ids), 'review')} {verb(len(ids), 'is', 'are')} answered: {planned.answer.said}."
        return desk.done(f"{PLACE}/runs/{run_id}", f"{done} The background writes what follows from it.")

    @router.post("/reviews/rule")
    def rule(request: Request, visitor: Visitor = desk.for_admins, said: Posted = desk.from_form) -> Response:
        """The answer as a line of the rules, for these and all like them."""
        word = said.get("word", "")
        try:
            found = _still_open(desk, _numbers(said))
            made = ruling(desk.installation, found, word)
            if mark_of(made.text) != said.get("rule_mark"):
                return _show_plan(desk, request, visitor, found, word, "", stale=True)
            run_id, left = put(desk.installation, made)
        except ConcordError as error:
            return desk.refused(request, visitor, error)
        _note(desk, visitor, "answer as a rule", {"word": word, "rule": made.yaml, "run": run_id})
        settled = len(made.found) - left
        return desk.done(f"{PLACE}/runs/{run_id}", _ruled(made, settled, left))


def _answering_one(desk: Desk, router: APIRouter) -> None:
    @router.post("/reviews/{id_}/answer")
    def answer(
        request: Request, id_: int, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form
    ) -> Response:
        """Answers it."""
        hub, word = desk.installation.hub(), said.get("word", "")
        try:
            (review,) = asking.find(desk.installation, Asked(ids=[id_]))
            if word in answers(review) and _mark(desk, review, word) != said.get("mark"):
                raise ConfigError(
                    "What this answer would do has changed since you looked; nothing was answered.",
                    remedy="Look at the answers below, then choose again.",
                )
            planned = plan(hub, [review], word, _value(said))
            if planned.left:
                raise ConfigError(planned.left[review.id], remedy="Choose one of the answers below.")
            run_id = carry_out(hub, planned)
        except ConcordError as error:
            return _show(desk, request, visitor, id_, error)
        _note(desk, visitor, "answer a review", {"review": id_, "word": planned.answer.said, "run": run_id})
        done = f"Answered: {planned.answer.said}. The background carries it out."
        return desk.done(f"{PLACE}/reviews/{id_}?run={run_id}", done)

    @router.post("/reviews/{id_}/assign")
    def assign(
        request: Request, id_: int, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form
    ) -> Response:
        """Gives it to somebody, or back to whom the configuration names."""
        owner = said.get("owner", "").strip()[:200] or None
        try:
            (review,) = asking.find(desk.installation, Asked(ids=[id_]))
            give(desk.installation.hub(), review, owner)
        except ConcordError as error:
            return _show(desk, request, visitor, id_, error)
        _note(desk, visitor, "assign a review", {"review": id_, "owner": owner})
        whose = owner or desk.installation.duties().owner_of(review.what) or ADMIN
        return desk.done(f"{PLACE}/reviews/{id_}", f"It is for {whose} now.")


def _mark(desk: Desk, review: Review, word: str) -> str:
    """The mark of what an answer would do now."""
    return mark_of(asking.effect(desk.installation, review, word))


def _show(
    desk: Desk,
    request: Request,
    visitor: Visitor,
    number: int,
    error: ConcordError | None = None,
    run: int | None = None,
) -> Response:
    """One question as it stands; one that is closed is told as such."""
    with desk.installation.store.reading() as tx:
        found = kept.by_ids(tx, [number])
        everybody = stored.everybody(tx) if visitor.may(Role.OPERATOR) else []
    if not found:
        missing = ConfigError(f"There is no review {number}.", remedy="Open the queue; it lists all that are open.")
        return desk.refused(request, visitor, missing, status=404)
    review = found[0]
    told = None
    if review.closed_at is None:
        told = asking.whole(desk.installation, number, veil=veil_of(visitor))
        for one in told["effects"]:
            one["mark"] = mark_of(one)
        # What needs no more than a button comes first.
        told["effects"].sort(key=lambda one: one["word"] in ("value", "same", "merge"))
    if error is None:
        _note(desk, visitor, "look at a review", {"review": number, "record": review.record_id or None})
    with desk.installation.store.reading() as tx:
        links = links_of(desk.installation.hub(), tx, [review.record_id], sees=sees_people(visitor))
    return desk.page(
        request, visitor, "review.html", status=200 if error is None else 409 if told is None else 400, review=review,
        told=told, run=run, error=error.to_json() if error is not None else None, links=links,
        owners=[one.email for one in everybody if one.shut_at is None], can=visitor.may(Role.OPERATOR),
        veil=veil_of(visitor),
    )  # fmt: skip


def _show_plan(
    desk: Desk,
    request: Request,
    visitor: Visitor,
    found: Sequence[Review],
    word: str,
    value: str,
    *,
    stale: bool = False,
) -> Response:
    """What one word to these would do."""
    if not found:
        raise ConfigError("None of these is open any more.", remedy="Open the queue to see what is.")
    planned = plan(desk.installation.hub(), found, word, typed(value or ""))
    made = _as_rule(desk, found, word)
    return desk.page(
        request, visitor, "review_plan.html", status=409 if stale else 200, planned=planned, word=word, value=value,
        stale=stale, mark=mark_of(_told(planned)), samples=SAMPLES, most=TOGETHER, is_most=len(found) == TOGETHER,
        left=_counted(planned), ids=",".join(str(one.id) for one in found), made=made,
        rule_mark=mark_of(made.text) if made is not None else "", rules=visitor.may(Role.ADMIN),
    )  # fmt: skip


def _told(planned: Planned) -> list[Any]:
    """What somebody agrees to."""
    fits = [one.id for one in planned.fits]
    return [planned.answer.said, planned.answer.value, sorted(fits), planned.becomes]


def _counted(planned: Planned) -> dict[str, int]:
    """Why some stay open → how many."""
    found: dict[str, int] = {}
    for why in planned.left.values():
        found[why] = found.get(why, 0) + 1
    return found


def _as_rule(desk: Desk, found: Sequence[Review], word: str) -> Ruling | None:
    """The answer as lines of the rules; None where no rule says the same."""
    try:
        return ruling(desk.installation, found, word)
    except ConfigError:
        return None


def _ruled(made: Ruling, settled: int, left: int) -> str:
    done = f"The rule is in force. {many(settled, 'question')} {verb(settled, 'is', 'are')} settled by it."
    if left:
        done += f" {left:,} {verb(left, 'stays', 'stay')} open: the rule has nothing to go by there."
    if made.file and made.file != "rules":
        done += f" Add the lines to {made.file}, too, or the next apply puts the old rules back."
    return done


def _still_open(desk: Desk, numbers: Sequence[int]) -> list[Review]:
    """Those that nobody has answered meanwhile."""
    with desk.installation.store.reading() as tx:
        return [one for one in kept.by_ids(tx, numbers) if one.closed_at is None]


def _numbers(said: Posted) -> list[int]:
    words = said.get("reviews", "").replace(" ", "").split(",")
    return [int(one) for one in words if one.isdigit()][:TOGETHER]


def _value(said: Posted) -> Any:
    """What the answer takes beside its word; an id of a tool is words, whatever it looks like."""
    given = said.get("value", "").strip()
    if not given:
        return None
    return given if said.get("word") == "merge" else typed(given)


def _choices(desk: Desk) -> dict[str, Any]:
    """What the filters offer."""
    duties = desk.installation.duties()
    with desk.installation.store.reading() as tx:
        waiting = kept.burdens(tx, now=desk.installation.clock())
    return {
        "kinds": sorted({one.what for one in waiting}),
        "owners": sorted({one.owner or duties.owner_of(one.what) or ADMIN for one in waiting}),
        "connections": sorted(one.name for one in desk.installation.hub().connections.values()),
        "late": sum(one.late for one in waiting),
    }


def _note(desk: Desk, visitor: Visitor, what: str, about: dict[str, Any]) -> None:
    with desk.installation.store.writing() as tx:
        desk.people.note(tx, visitor, what, about)
