"""The sync log: what came in, was decided, went out and was answered; a question is the address of its page."""

from __future__ import annotations

import csv
import io
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

import orjson
from fastapi import APIRouter, Request, Response

from api.console.desk import PLACE, as_file
from api.console.looking import Looking
from api.console.pages.records import KINDS, NAMED
from api.console.people import Visitor
from api.console.veil import sees_people, sentence_for, veil_for
from api.entries import Below
from api.links import Links, links_of
from api.listing import Asked, below_of, log_of, moment_of
from api.record import explained
from core.decide.leads import Posted
from core.errors import REGISTRY, ConcordError, ConfigError
from core.flow.asking import search
from core.store import runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from api.console.desk import Desk
    from core.store.runs import Run

SHOWN = 50
"""Entries on a page."""
EXPORTED = 5_000
"""Entries of an export."""
_SEVERAL = 20
"""Records whose entries are shown together."""
_LARGEST = 2**62
FILTERS = ("who", "record", "connection", "run", "code", "since")
_COLUMNS = (
    "at", "direction", "what", "connection", "kind", "record", "title", "remote_id", "run", "code", "sentence",
)  # fmt: skip


class Question(NamedTuple):
    """What a page of the log asks."""

    asked: Asked
    found: int | None
    """Records that are known by what was searched for; None where nothing was."""


def routes(desk: Desk) -> APIRouter:
    """The page and its export."""
    router, looking = APIRouter(), Looking(desk)

    @router.get("/log")
    def page(request: Request, visitor: Visitor = desk.for_viewers) -> Response:
        """What happened."""
        said = {name: request.query_params.get(name, "").strip() for name in FILTERS}
        older = request.query_params.get("older", "")
        try:
            question = _question(desk, said, older=older, limit=SHOWN)
            log = log_of(desk.installation, question.asked, veil=veil_for(desk, visitor))
        except ConcordError as error:
            return shown(request, visitor, said, error=error)
        if question.asked.records:
            looking.note(visitor, "search the log", {"records": sorted(question.asked.records)})
        return shown(request, visitor, said, log=log, question=question, older=older)

    def shown(
        request: Request,
        visitor: Visitor,
        said: Mapping[str, str],
        *,
        log: list[dict[str, Any]] | None = None,
        question: Question | None = None,
        error: ConcordError | None = None,
        older: str = "",
    ) -> Response:
        entries = explained(desk.installation, log or [])
        links = _links(desk, entries, sees=sees_people(visitor))
        run = _run(desk, question.asked.run) if question is not None and question.asked.run is not None else None
        here = {name: value for name, value in said.items() if value}
        more = f"{PLACE}/log?{urlencode({**here, 'older': entries[-1]['older']})}" if len(entries) == SHOWN else ""
        return desk.page(
            request, visitor, "log.html", status=200 if error is None else 400, said=said, log=entries, run=run,
            question=question, error=error and error.to_json(), more=more, links=links, older=older, several=_SEVERAL,
            first=f"{PLACE}/log?{urlencode(here)}", connections=sorted(_connections(desk)), codes=sorted(REGISTRY),
            safe=partial(sentence_for, visitor), exported=EXPORTED,
        )  # fmt: skip

    @router.post("/log/export")
    def export(request: Request, visitor: Visitor = desk.for_operators, said: Posted = desk.from_form) -> Response:
        """The same question's entries as a file."""
        asked = {name: said.get(name, "").strip() for name in FILTERS}
        try:
            question = _question(desk, asked, older="", limit=EXPORTED)
            log = log_of(desk.installation, question.asked)
        except ConcordError as error:
            return shown(request, visitor, asked, error=error)
        form = "json" if said.get("form") == "json" else "csv"
        told = {name: asked[name] for name in ("connection", "run", "code", "since", "record") if asked[name]}
        with desk.installation.store.writing() as tx:
            desk.people.note(tx, visitor, "export the log", {**told, "entries": len(log), "form": form})
        body = (
            orjson.dumps({"entries": log}, option=orjson.OPT_INDENT_2, default=str)
            if form == "json"
            else _csv(log).encode()
        )
        sort = "application/json" if form == "json" else "text/csv; charset=utf-8"
        return as_file(body, f"concord-log.{form}", sort)

    return router


def _question(desk: Desk, said: Mapping[str, str], *, older: str, limit: int) -> Question:
    """What the words of a form ask; `ConfigError` where they cannot be understood."""
    connection = said["connection"] or None
    if connection is not None and connection not in _connections(desk):
        there = ", ".join(sorted(_connections(desk))) or "none yet"
        raise ConfigError(f"There is no connection '{connection[:60]}'.", remedy=f"Choose one of these: {there}.")
    known = None
    if said["who"]:
        known = [one.id for one in search(desk.installation.hub(), KINDS, said["who"][:200], named=NAMED)]
    return Question(
        Asked(
            connection=connection, run=_number(said["run"], "a run"),
            record=None if said["who"] else _number(said["record"], "a record"),
            code=said["code"] or None, limit=limit, below=below_of(older) if older else Below(),
            since=moment_of(said["since"], desk.installation.clock()) if said["since"] else None,
            records=known[:_SEVERAL] if known is not None else None,
        ),
        len(known) if known is not None else None,
    )  # fmt: skip


def _number(said: str, of: str) -> int | None:
    if not said:
        return None
    digits = said.removeprefix("#")
    if not digits.isdecimal() or int(digits[:19]) > _LARGEST:
        raise ConfigError(f"'{said[:40]}' is no number of {of}.", remedy="Give the number that its page shows.")
    return int(digits)


def _connections(desk: Desk) -> set[str]:
    return {one.name for one in desk.installation.hub().connections.values()}


def _links(desk: Desk, entries: list[dict[str, Any]], *, sees: bool) -> Links:
    """Where the records of these entries are looked at in the tools."""
    with desk.installation.store.reading() as tx:
        return links_of(
            desk.installation.hub(), tx, {one["record"]["id"] for one in entries if one["record"]}, sees=sees
        )


def _run(desk: Desk, number: int) -> Run | None:
    with desk.installation.store.reading() as tx:
        return runs.one(tx, number)


def _csv(log: list[dict[str, Any]]) -> str:
    """A table that spreadsheets open; what they would take for a formula is text."""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(_COLUMNS)
    for one in log:
        record = one["record"] or {}
        flat = {**one, "record": record.get("id"), "kind": record.get("kind"), "title": record.get("title")}
        writer.writerow(["" if flat.get(name) is None else _plain(flat[name]) for name in _COLUMNS])
    return file.getvalue()


def _plain(value: Any) -> str:
    text = str(value)
    return f"'{text}" if text[:1] in "=+-@\t\r" and text else text
