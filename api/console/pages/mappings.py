"""Mappings: what becomes what between a tool and the hub, changed with open eyes and taken back if need be.

A draft's text goes along with every form of the page, and is put in force by an agreed plan.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api import activating
from api.connecting import known
from api.console.desk import PLACE
from api.console.pages.activating import Road, text_of
from api.console.pages.trial import begin_of_connection
from api.console.people import Visitor
from api.drafting import Draft, drafted, versions
from api.mappings import load
from api.rewording import with_line, with_word, without_line
from connectors._kit.catalogue import entry
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError
from core.flow.hub import HUB
from core.mapping.steps import STEPS
from core.store import connections

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.console.desk import Desk

HERE = f"{PLACE}/mappings"


def routes(desk: Desk) -> APIRouter:
    """The list, the editor and the plan; all for admins."""
    router = APIRouter()
    at = desk.installation
    road = Road(
        desk, activating.mappings(at), router, place="mappings", called="the mapping of {}".format,
        tries=partial(_tries, at),
    )  # fmt: skip

    @router.get("/mappings")
    def every(request: Request, visitor: Visitor = desk.for_admins) -> Response:
        """The mappings in force."""
        with at.store.reading() as tx:
            rows = [one for one in connections.all_connections(tx) if one.name != HUB and one.state != "removed"]
            active = connections.mappings_in_force(tx)
        shown = [(row, active[row.id], load(active[row.id].text, file="")) for row in rows if row.id in active]
        return desk.page(request, visitor, "mappings.html", found=shown)

    @router.get("/mappings/{name}")
    def editor(request: Request, name: str, visitor: Visitor = desk.for_admins) -> Response:
        """The mapping in force, line by line."""
        try:
            return show(request, visitor, drafted(at, name, examples=_examples(request.query_params)))
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)

    def show(
        request: Request, visitor: Visitor, draft: Draft, error: ConcordError | None = None, editing: str = ""
    ) -> Response:
        return desk.page(
            request, visitor, "mapping.html", status=200 if error is None else 400, draft=draft, editing=editing,
            drafted=road.drafted(visitor, draft.name), error=error and error.to_json(), palette=STEPS,
            directions=("both", "in", "out"), has_trial=entry(draft.connector).has_trial,
        )  # fmt: skip

    @router.post("/mappings/{name}")
    def changed(
        request: Request, name: str, visitor: Visitor = desk.for_admins, said: Posted = desk.from_form
    ) -> Response:
        """The draft after whatever button was pressed."""
        text, examples = text_of(said), _examples(said)
        act, _, about = said.get("act", "check").partition(" ")
        try:
            if act == "plan":
                return road.plan(visitor, name, text)
            if act == "sandbox":
                return begin_of_connection(desk, visitor, name, text)
            text = _after(act, about, text, said)
            if act == "restore":
                text = _version(desk, name, about)
            editing = about if act == "edit" else ""
            return show(request, visitor, drafted(at, name, text, examples=examples), editing=editing)
        except ConcordError as error:
            return show(request, visitor, drafted(at, name, text, examples=examples), error)

    return router


def _tries(installation: Installation, name: str) -> bool:
    """Whether the tool of a connection has a sandbox."""
    row = known(installation, name)
    return row is not None and entry(row.connector).has_trial


def _examples(said: Mapping[str, str]) -> dict[str, str]:
    """Stream → the record that is tried."""
    marked = {name.removeprefix("example."): value.strip() for name, value in said.items() if name[:8] == "example."}
    return {stream: id_ for stream, id_ in marked.items() if id_}


def _after(act: str, about: str, text: str, said: Posted) -> str:
    """The text after a button of a line, of a new one, or of an unknown word."""
    stream, _, field = about.partition(".")
    match act:
        case "line":
            return with_line(text, stream, field, _words(about, said))
        case "drop":
            return without_line(text, stream, field)
        case "add":
            ours, theirs = said.get(f"ours.{stream}", "").strip(), said.get(f"theirs.{stream}", "").strip()
            return _added(text, stream, ours, theirs)
        case "pair":
            ours, _, theirs = field.partition("=")
            return _added(text, stream, ours, theirs)
        case "word":
            vocabulary, _, theirs = about.partition("=")
            return with_word(text, vocabulary, theirs, said.get(f"means.{about}", ""))
        case _:
            return text


def _added(text: str, stream: str, ours: str, theirs: str) -> str:
    if not ours or not theirs:
        raise ConfigError("A line names a field of ours and one of the tool's.", remedy="Choose both.")
    return with_line(text, stream, ours, {"field": theirs})


def _words(about: str, said: Posted) -> dict[str, Any]:
    """What the controls of a line say, in the words of the language."""
    words: dict[str, Any] = {
        "direction": said.get(f"direction.{about}", "both"),
        "when_blank": said.get(f"when_blank.{about}", "clear"),
        "required": said.get(f"required.{about}") == "yes",
        "on_create_only": said.get(f"on_create_only.{about}") == "yes",
    }
    if f"remote.{about}" in said:
        words["field"] = said[f"remote.{about}"].strip()
    if f"vocabulary.{about}" in said:
        words["vocabulary"] = said[f"vocabulary.{about}"] or None
    if f"steps.{about}" in said:
        words["steps"] = [one for one in said[f"steps.{about}"].replace(",", " ").split() if one] or None
    return words


def _version(desk: Desk, name: str, number: str) -> str:
    found = {str(one.id): one.text for one in versions(desk.installation, name)}
    if number not in found:
        raise ConfigError("There is no such version.", remedy="Open the list of versions again.")
    return found[number]
