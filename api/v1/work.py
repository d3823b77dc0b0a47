"""What the hub does: connections and agreement, runs, the log, dead letters, reviews; and acting on it.

What is listed here is what `--json` of the commands prints; a viewer's key is told it with personal data masked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from api import letters, runs
from api import reviews as asking
from api.console.people import Role
from api.listing import Asked, below_of, connection_of, log_of, moment_of
from api.masking import HUSHED
from api.reviews import OPEN
from api.snapshot import snapshot
from api.v1.hushing import hushed_for
from api.v1.keys import Caller, Scope
from api.v1.problems import missing
from api.v1.reading import MOST, Cursor, Limit, Number, Page, Told, after_number, wrong
from core.flow.resyncing import from_the_beginning
from core.flow.reviews.answering import answer
from core.flow.undo.replay import replay

if TYPE_CHECKING:
    from api.v1.door import Door

Words = Annotated[str, Query(max_length=200)]
Row = dict[str, JsonValue]


class Done(Told):
    """What came of an act."""

    run: int | None = Field(description="The run by which it can be undone, where it is one.")
    count: int = Field(description="How many things it was done to.")
    again: bool = Field(description="Whether this very request was answered before.")


class Which(BaseModel):
    """A stream of a connection, or all of it."""

    model_config = ConfigDict(extra="forbid")

    stream: str | None = Field(default=None, max_length=200)
    note: str = Field(default="", max_length=500)


class LogAsked(BaseModel):
    """What the log is asked for; what is left out asks for all."""

    connection: str = Field(default="", max_length=200)
    record: Number | None = None
    run: Number | None = None
    code: str = Field(default="", max_length=200)
    email: str = Field(default="", max_length=320)
    since: str = Field(default="", max_length=40, description="A moment, or how long ago: `2h`.")
    limit: int = Field(default=50, ge=1, le=MOST)


class Letters(BaseModel):
    """Dead letters of one connection."""

    model_config = ConfigDict(extra="forbid")

    connection: str = Field(max_length=200)
    code: str | None = Field(default=None, max_length=200, description="Only those of this error.")
    records: list[Number] | None = Field(default=None, max_length=10_000, description="Only of these records.")


class Word(BaseModel):
    """An answer to a review."""

    model_config = ConfigDict(extra="forbid")

    word: str = Field(max_length=200, description="One of the words in `answers` of the review.")
    value: JsonValue = Field(default=None, description="The value, where the word is `value`.")


def routes(door: Door) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["work"])
    _overview(router, door)
    _log(router, door)
    _questions(router, door)
    _connections(router, door)
    return router


def _overview(router: APIRouter, door: Door) -> None:
    at = door.installation

    @router.get("/status")
    def status(caller: Caller = door[Scope.WORK_READ]) -> Row:  # noqa: ARG001
        """Everything worth knowing at a glance: agreement, connections with their streams, what waits, troubles."""
        return snapshot(at)

    @router.get("/connections")
    def connections(caller: Caller = door[Scope.WORK_READ]) -> list[Row]:  # noqa: ARG001
        """Every connection, with its streams, lag, agreement and what waits for it."""
        found: list[Row] = snapshot(at)["connections"]
        return found

    @router.get("/connections/{name}")
    def connection(name: str, caller: Caller = door[Scope.WORK_READ]) -> Row:  # noqa: ARG001
        """One connection."""
        for one in snapshot(at)["connections"]:
            if one["name"] == name:
                return dict(one)
        raise missing(f"connection '{name[:60]}'", "See `GET /v1/connections`.")


def _log(router: APIRouter, door: Door) -> None:
    at = door.installation

    @router.get("/runs")
    def list_runs(
        connection: Words = "",
        what: Words = "",
        failed: bool = False,
        after: Cursor = "",
        limit: Limit = 50,
        caller: Caller = door[Scope.WORK_READ],
    ) -> Page[Row]:
        """Runs, newest first."""
        asked = runs.Asked(connection or None, what or None, None, failed)
        page = runs.listed(at, asked, below=after_number(after) or None, limit=limit)
        told = [hushed_for(caller, one) for one in page.told]
        return Page(items=told, next=str(page.older) if page.older is not None else None)

    @router.get("/runs/{id}")
    def one_run(id: Number, caller: Caller = door[Scope.WORK_READ]) -> Row:
        """One run."""
        found = runs.one(at, id)
        if found is None:
            raise missing(f"run {id}", "See `GET /v1/runs`.")
        return hushed_for(caller, found)

    @router.get("/log")
    def log(
        asked: Annotated[LogAsked, Query()], after: Cursor = "", caller: Caller = door[Scope.WORK_READ]
    ) -> Page[Row]:
        """What came in and went out, and what failed, newest first."""
        moment = moment_of(asked.since, at.clock()) if asked.since else None
        search = Asked(
            asked.connection or None, asked.record, asked.run, asked.code or None, asked.email or None, moment,
            asked.limit,
        )  # fmt: skip
        search = search._replace(below=below_of(after)) if after else search
        told = log_of(at, search, veil=lambda kind, name, value: door.shown(caller, kind, {name: value})[name])
        items = [hushed_for(caller, one) for one in told]
        return Page(items=items, next=told[-1]["older"] if len(told) == asked.limit else None)

    @router.get("/letters")
    def list_letters(
        connection: Words = "",
        code: Words = "",
        after: Cursor = "",
        limit: Limit = 50,
        caller: Caller = door[Scope.WORK_READ],
    ) -> Page[Row]:
        """Dead letters by what the tool said, the largest class first."""
        page = letters.classes(at, connection=connection or None, code=code or None, after=after or None, limit=limit)
        return Page(items=[hushed_for(caller, one) for one in page.told], next=page.older)

    @router.post("/letters/retry")
    def retry(said: Letters, request: Request, caller: Caller = door[Scope.WORK_ACT]) -> Done:
        """Try dead letters again."""
        hub = at.hub()
        connection = connection_of(hub, said.connection)

        def act() -> dict[str, int]:
            return {"count": replay(hub, connection, code=said.code, record_ids=said.records)}

        told, again = door.once(request, caller, said.model_dump(), act)
        _note(door, caller, "try letters again", {"connection": said.connection, **told}, again=again)
        return Done(run=None, count=told["count"], again=again)


def _questions(router: APIRouter, door: Door) -> None:
    at = door.installation

    @router.get("/reviews")
    def list_reviews(
        what: Words = "",
        connection: Words = "",
        owner: Words = "",
        field: Words = "",
        late: bool = False,
        after: Cursor = "",
        limit: Limit = 50,
        caller: Caller = door[Scope.WORK_READ],
    ) -> Page[Row]:
        """Open questions for a person, the late ones first."""
        asked = asking.Asked(what or None, connection or None, owner or None, field or None, late)
        veil = OPEN if caller.role.may(Role.OPERATOR) else HUSHED
        page = asking.page(at, asked, limit=limit, after=after or None, veil=veil)
        return Page(items=[_question(caller, one) for one in page.told], next=page.older)

    @router.get("/reviews/{id}")
    def one_review(id: Number, caller: Caller = door[Scope.WORK_READ]) -> Row:
        """One question, whole: both sides, and what each answer would do."""
        return _question(caller, asking.whole(at, id, veil=OPEN if caller.role.may(Role.OPERATOR) else HUSHED))

    @router.post("/reviews/{id}/answer")
    def answer_review(
        id: Number,
        said: Word,
        request: Request,
        caller: Caller = door[Scope.WORK_ACT],
    ) -> Done:
        """Answer a question, as a person does."""
        (review,) = asking.find(at, asking.Asked(ids=[id]))

        def act() -> dict[str, int]:
            return {"run": answer(at.hub(), review, said.word, said.value), "count": 1}

        told, again = door.once(request, caller, said.model_dump(), act)
        _note(door, caller, "answer reviews", {"reviews": [id], "word": said.word, "run": told["run"]}, again=again)
        return Done(run=told["run"], count=1, again=again)


def _connections(router: APIRouter, door: Door) -> None:
    at = door.installation

    @router.post("/connections/{name}/pause")
    def pause(name: str, said: Which, caller: Caller = door[Scope.WORK_ACT]) -> Row:
        """Stop a connection, or one stream of it, until somebody takes it up again."""
        at.pause(name, said.stream, note=said.note or f"{caller.name} paused it")
        return after_act(caller, name, said, "pause")

    @router.post("/connections/{name}/resume")
    def resume(name: str, said: Which, caller: Caller = door[Scope.WORK_ACT]) -> Row:
        """Take it up again."""
        at.resume(name, said.stream)
        return after_act(caller, name, said, "resume")

    @router.post("/connections/{name}/resync")
    def resync(name: str, said: Which, caller: Caller = door[Scope.WORK_ACT]) -> Row:
        """Have it read whole again by its next turn."""
        found = connection_of(at.hub(), name)
        streams = [one for one in found.streams if said.stream in (None, one.name)]
        if not streams:
            raise wrong("/stream", f"{name} has no stream '{said.stream}'.")
        from_the_beginning(at.hub(), streams)
        return after_act(caller, name, said, "resync")

    def after_act(caller: Caller, name: str, said: Which, what: str) -> Row:
        _note(door, caller, what, {"connection": name, "stream": said.stream}, again=False)
        return next(dict(one) for one in snapshot(at)["connections"] if one["name"] == name)


_ASKED = ("id", "what", "about", "record", "connection", "field", "question", "answers", "opened_at")


def _question(caller: Caller, told: Row) -> Row:
    """A review as this caller may see it: a viewer's key is told what is asked, and no side's words."""
    return told if caller.role.may(Role.OPERATOR) else {name: told[name] for name in _ASKED}


def _note(door: Door, caller: Caller, what: str, about: Row, *, again: bool) -> None:
    if not again:
        door.keys.note(caller, what, dict(about))
        door.installation.bell.ring()
