"""How open records stand: the scorecard of the four elements, the records behind it, and what forms brought."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field, JsonValue

from api.console.people import Role
from api.masking import hushed
from api.scorecard import listed, owner_named, ready, scorecard
from api.v1.hushing import hushed_for
from api.v1.keys import Caller, Scope
from api.v1.problems import Declined
from api.v1.reading import Cursor, Limit, Page, Told, after_number
from core.decide.movement.audit import ELEMENTS
from core.errors import ConfigError
from core.store import leads
from core.store.scores import Asked

if TYPE_CHECKING:
    from api.v1.door import Door

Row = dict[str, JsonValue]
Name = Annotated[str, Field(max_length=200)]


class Behind(BaseModel):
    """Which open records are asked for; what is left out asks for all."""

    missing: Literal["owner", "action", "timing", "recovery"] | None = Field(
        default=None, description="Only those without this element."
    )
    only: Literal["stale", "overdue", "waiting", "unworked", "unreal"] | None = Field(
        default=None, description="Only those that stand so."
    )
    kind: Name = ""
    stage: Name = ""
    source: Name = ""
    owner: Name = Field(default="", description="Name, address or number of who owns them.")
    tool: Name = Field(default="", description="A connection that holds them.")
    week: Name = Field(default="", description="The ISO week in which they came in: `2026-W48`.")


class FormOut(Told):
    """A form, and what it brought."""

    name: str
    title: str
    leads: int
    trapped: int = Field(description="Posts that machines made, which are kept nowhere.")
    unknown: dict[str, int] = Field(description="Sources that no vocabulary knows, and how often each came.")


def routes(door: Door) -> APIRouter:
    """The operations."""
    router = APIRouter(tags=["movement"])
    at = door.installation

    @router.get("/scorecard")
    def card(
        by: Annotated[Literal["stage", "source", "owner", "tool", "week", "kind"], Query()] = "stage",
        caller: Caller = door[Scope.WORK_READ],
    ) -> Row:
        """The four elements over all open records, and by groups."""
        told = scorecard(at, by, fresh=False)
        if by == "owner" and not caller.role.may(Role.OPERATOR):
            told["groups"] = [{**one, "name": hushed(f"'{one['name']}'")} for one in told["groups"]]
        return told

    @router.get("/scorecard/records")
    def records(
        asked: Annotated[Behind, Query()],
        after: Cursor = "",
        limit: Limit = 50,
        caller: Caller = door[Scope.WORK_READ],
    ) -> Page[Row]:
        """The records behind its numbers: what each lacks, why, who acts and the fix; in the order of their numbers."""
        last = after_number(after)
        search = Asked(
            missing=ELEMENTS.index(asked.missing) if asked.missing else None, only=asked.only or "", kind=asked.kind,
            stage=asked.stage, source=asked.source, week=asked.week, tool=asked.tool, owner_id=owner(asked.owner),
        )  # fmt: skip
        found = list(listed(at, search, limit=limit, fresh=False, after=last))
        following = str(found[-1]["record"]) if len(found) == limit else None
        return Page(items=[_shown(caller, one) for one in found], next=following)

    def owner(named: str) -> int | None:
        if not named:
            return None
        try:
            return owner_named(ready(at, fresh=False), named)
        except ConfigError as error:
            raise Declined(404, "api.unknown", error.message, error.remedy) from None

    @router.get("/forms")
    def forms(caller: Caller = door[Scope.WORK_READ]) -> list[FormOut]:  # noqa: ARG001
        """The forms by which people outside ask for something, and what each brought."""
        declared = [one.form for one in at.hub().forms.values()]
        with at.store.reading() as tx:
            counts = [leads.counts(tx, one.name) for one in declared]
        return [
            FormOut(
                name=one.name, title=one.title, leads=told.get("leads", 0), trapped=told.get("trapped", 0),
                unknown=told.get("unknown", {}),
            )
            for one, told in zip(declared, counts, strict=True)
        ]  # fmt: skip

    return router


def _shown(caller: Caller, one: dict[str, Any]) -> Row:
    """A record's standing as this caller may see it: a viewer's key is told what it lacks, and no sentence about it."""
    if caller.role.may(Role.OPERATOR):
        return one
    plain = {name: told for name, told in one.items() if name not in {"unreal", "mails", "steps"}}
    return {**hushed_for(caller, plain), "missing": dict.fromkeys(one["missing"])}
