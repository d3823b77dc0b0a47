"""Plans: a changed mapping or setting is checked, planned, looked at, and put in force if it would still do just that.

    POST /plans ▶ GET /plans/5 (its ETag is the plan's mark) ▶ POST /plans/5/activate, If-Match ▶ in force
                                                                      └▶ 412, with the plan as it is now

The road is the console's (`api.activating`), and so is how long an answer waits: what takes longer is asked for again.
Plans are kept by this process until newer ones push them out; whoever asks for one that is gone posts the text anew.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from api import activating
from api.activating import Activated, Planned
from api.drafting import drafted
from api.errands import Errands, Progress
from api.v1.keys import Caller, Scope
from api.v1.problems import Declined, Part, Problem, missing, of_error, parts_of
from api.v1.reading import Number, Told
from core.errors import ConfigError
from core.model.instant import iso

if TYPE_CHECKING:
    from api.activating import Family
    from api.errands import Errand
    from api.v1.door import Door

LONGEST = 1_000_000
"""Letters of a text at most."""
_HIGHEST = 2**52
"""Numbers of plans stay below, so that every language reads them as they are."""
Row = dict[str, JsonValue]


class Asked(BaseModel):
    """A changed text, of a mapping or of another setting."""

    model_config = ConfigDict(extra="forbid")

    mapping: str | None = Field(default=None, max_length=200, description="The connection whose mapping it is.")
    setting: str | None = Field(
        default=None, max_length=100, description="Or the setting: a name of `GET /v1/settings`."
    )
    text: str = Field(max_length=LONGEST, description="The whole text, as YAML.")

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.mapping is None) == (self.setting is None):
            raise ValueError("name a mapping or a setting, one of both")
        return self


class ChangeOut(Told):
    """A line of the text that differs, or one beside it."""

    sign: Literal["+", "-", " ", "@"] = Field(description="`@` where lines are left out.")
    line: str


class PlanOut(Told):
    """What a change would do, or has done."""

    id: int
    mapping: str | None
    setting: str | None
    state: Literal["planning", "ready", "activating", "in_force", "failed"]
    etag: str | None = Field(description="What `If-Match` repeats to activate it; null while it cannot be.")
    asked_at: str = Field(description="When this was begun: planning, or activating.")
    progress: str = Field(description="What is done just now; blank when nothing is.")
    anew: str = Field(description="Why it is another plan than the one that was agreed to; else blank.")
    doubts: list[Part] = Field(description="What is doubtful in the text and stands in nobody's way.")
    changes: list[ChangeOut] = Field(description="How the text differs from the one in force.")
    plan: Row | None = Field(description="What it would do in every tool, with figures and samples; null until then.")
    run: int | None = Field(description="The run by which it can be undone, once it is in force.")
    done: Row | None = Field(description="What was carried out of it, once it is in force.")
    problem: Problem | None = Field(description="Why it has failed.")


class Draft(NamedTuple):
    """What a plan is about."""

    mapping: str | None
    setting: str | None
    text: str
    doubts: list[Part]

    @property
    def name(self) -> str:
        """Of the connection, or of the setting."""
        return self.mapping or self.setting or ""


def routes(door: Door) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["setup"])
    desk = _Desk(door)

    @router.post("/plans", status_code=201, responses=_SLOW)
    def ask(asked: Asked, request: Request, response: Response, caller: Caller = door[Scope.SETUP_WRITE]) -> PlanOut:
        """Have a changed text checked and planned; no tool is called, and nothing is changed."""
        draft = desk.draft(asked)

        def act() -> dict[str, int]:
            return {"plan": desk.begin(caller, draft)}

        told, _ = door.once(request, caller, asked.model_dump(), act)
        response.headers["Location"] = f"/v1/plans/{told['plan']}"
        return desk.answer(response, told["plan"])

    @router.get("/plans/{id}")
    def one_plan(id: Number, response: Response, caller: Caller = door[Scope.SETUP_WRITE]) -> PlanOut:  # noqa: ARG001
        """A plan, or how far it has come; with the `ETag` by which it is activated."""
        found = desk.answer(response, id)
        response.status_code = 200
        return found

    @router.post("/plans/{id}/activate", responses={**_SLOW, 428: _UNSEEN})
    def activate(id: Number, request: Request, response: Response, caller: Caller = door[Scope.SETUP_WRITE]) -> PlanOut:
        """Put a plan in force and carry it out, if it would still do what its `ETag` (as `If-Match`) stands for."""
        mark = _agreed(request)

        def act() -> dict[str, int]:
            desk.activate(caller, id, mark)
            return {"plan": id}

        door.once(request, caller, mark, act)
        found = desk.answer(response, id)
        if found.anew:
            raise _other(found.anew, found.etag)
        return found

    return router


_SLOW: dict[int | str, dict[str, Any]] = {
    202: {"model": PlanOut, "description": "It takes longer: ask for it by `GET /v1/plans/{id}`."}
}
_UNSEEN: dict[str, Any] = {"model": Problem, "description": "`If-Match` is missing.",
                           "content": {"application/problem+json": {}}}  # fmt: skip


class _Desk:
    """The plans of this process."""

    def __init__(self, door: Door) -> None:
        self._door, self._at = door, door.installation
        self._errands = Errands(self._at.clock)
        self._families = {
            "mapping": activating.mappings(self._at), "setting": activating.settings(self._at)
        }  # fmt: skip

    def draft(self, asked: Asked) -> Draft:
        """What is asked for, checked."""
        doubts: list[Part] = []
        draft = Draft(asked.mapping, asked.setting, asked.text, doubts)
        try:
            self._family(draft).in_force(draft.name)
        except ConfigError as error:
            raise Declined(
                404, "api.unknown", error.message, "See `GET /v1/connections` and `GET /v1/settings`."
            ) from None
        activating.check(self._at, self._family(draft), draft.name, draft.text)
        if asked.mapping is not None:
            doubts += parts_of(drafted(self._at, asked.mapping, asked.text).problems)
        return draft

    def begin(self, caller: Caller, draft: Draft) -> int:
        """Have it planned; gives the number of the plan."""
        id_, progress = 1 + secrets.randbelow(_HIGHEST), Progress()
        family = self._family(draft)

        def work() -> Planned:
            return activating.plan(self._at, family, draft.name, draft.text, progress.tell)

        self._door.keys.note(caller, "plan a change", {"about": draft.name})
        self._go(id_, "plan", work, draft, progress)
        return id_

    def activate(self, caller: Caller, id_: int, mark: str) -> None:
        """Put it in force, if it is the one of this mark."""
        errand = self._find(id_)
        found, draft = errand.result, errand.subject
        if not isinstance(found, Planned):
            raise Declined(409, "plan.state", f"Plan {id_} is not ready: it is {_state(errand).replace('_', ' ')}.",
                           "Look at it by `GET /v1/plans/{id}`; post the text again if it has failed.")  # fmt: skip
        if mark not in ("*", found.mark):
            raise _other("This plan has another mark than the one that was agreed to.", f'"{found.mark}"')
        progress, family = Progress(), self._family(draft)

        def work() -> Planned | Activated:
            done = activating.put_in_force(self._at, family, draft.name, draft.text, found.mark, progress.tell)
            if isinstance(done, Activated):
                about: dict[str, object] = {"about": draft.name, "run": done.applied.run_id}
                self._door.keys.note(caller, "activate a change", about)
                self._at.bell.ring()
            return done

        self._go(id_, "activate", work, draft, progress)

    def answer(self, response: Response, id_: int) -> PlanOut:
        """A plan as it stands; 202 while it is under way, and its ETag once it can be activated."""
        errand = self._find(id_)
        told = _told(id_, errand)
        if errand.under_way:
            response.status_code = 202
        if told.etag is not None:
            response.headers["ETag"] = told.etag
        return told

    def _go(self, id_: int, what: str, work: Callable[[], Any], draft: Draft, progress: Progress) -> None:
        errand = self._errands.begin_mine(_key(id_), what, work, subject=draft, progress=progress)
        errand.waited()

    def _find(self, id_: int) -> Errand:
        errand = self._errands.of(_key(id_))
        if errand is None:
            raise missing(f"plan {id_}", "Plans are kept for a while only: post the changed text again.")
        return errand

    def _family(self, draft: Draft) -> Family:
        return self._families["mapping" if draft.mapping is not None else "setting"]


def _key(id_: int) -> str:
    return f"plan {id_}"


def _state(errand: Errand) -> Literal["planning", "ready", "activating", "in_force", "failed"]:
    if errand.under_way:
        return "planning" if errand.what == "plan" else "activating"
    if errand.error is not None:
        return "failed"
    return "ready" if isinstance(errand.result, Planned) else "in_force"


def _told(id_: int, errand: Errand) -> PlanOut:
    draft, found = errand.subject, errand.result
    planned = found if isinstance(found, Planned) else None
    applied = found.applied if isinstance(found, Activated) else None
    changes = planned.changes if planned is not None else []
    return PlanOut(
        id=id_, mapping=draft.mapping, setting=draft.setting, state=_state(errand),
        etag=f'"{planned.mark}"' if planned is not None else None, asked_at=iso(errand.began_at),
        progress=errand.progress.words if errand.under_way else "", anew=planned.anew if planned is not None else "",
        doubts=draft.doubts, changes=[ChangeOut(sign=sign, line=line) for sign, line in changes],  # type: ignore[arg-type]
        plan=planned.plan.to_json() if planned is not None else None,
        run=applied.run_id if applied is not None else None, done=applied.to_json() if applied is not None else None,
        problem=of_error(errand.error) if errand.error is not None else None,
    )  # fmt: skip


def _agreed(request: Request) -> str:
    """The mark of the plan that the caller has seen."""
    said = request.headers.get("if-match", "").strip()
    if not said:
        raise Declined(
            428, "plan.unseen", "A plan is put in force by whoever has seen it.",
            "Send its ETag, which `GET /v1/plans/{id}` answers with, as `If-Match`.",
        )  # fmt: skip
    return said.removeprefix("W/").strip('"')


def _other(words: str, tag: str | None) -> Declined:
    return Declined(
        412, "plan.changed", words, "Read the plan again, and activate it with the new ETag if that is what you want.",
        headers={"ETag": tag} if tag is not None else None,
    )  # fmt: skip
