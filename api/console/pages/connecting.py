"""Connecting a tool: the catalogue, and the form of a connection, new or in force; for admins."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response

from api.applying import apply_plan
from api.building import checked
from api.checkup import check_mapping, check_spec
from api.connecting import change_to, keep_proposal, known, mapping_for, proposed, proposes, read_mapping
from api.console.connection_form import DELETES, LEAVES, LEAVES_IN, Form, read_form, sealed, shown_of
from api.console.desk import PLACE
from api.console.people import Visitor
from api.console.tool_sign_in import offer, redirect_uri
from api.errands import Progress
from api.planning import make_plan, touched
from connectors._kit.catalogue import broken, catalogue, entry
from core.decide.leads import Posted
from core.errors import ConcordError, ConfigError
from core.flow.hub import HUB
from core.mapping import MappingError

if TYPE_CHECKING:
    from api.building import ConnectionSpec
    from api.changes import Changes
    from api.config import Config
    from api.console.desk import Desk
    from api.errands import Errand
    from api.planning import Plan
    from core.manifest import Manifest

WAITS = "It waits until its plan was looked at."
_WORDS = {"deletes": DELETES, "leaves_in": LEAVES_IN, "leaves": LEAVES}


def routes(desk: Desk) -> APIRouter:
    """The pages and their forms."""
    router = APIRouter()
    at = desk.installation

    @router.get("/connections/new")
    def tools(request: Request, visitor: Visitor = desk.for_viewers, q: str = "") -> Response:
        """The catalogue."""
        found = [one.manifest for one in catalogue().values() if _fits(one.manifest, q)]
        wrong = {name: error.to_json() for name, error in broken().items()}
        with_trial = {name for name, one in catalogue().items() if one.has_trial}
        return desk.page(request, visitor, "catalogue.html", tools=found, wrong=wrong, q=q, with_trial=with_trial)

    @router.get("/connections/new/{connector}")
    def empty(request: Request, connector: str, visitor: Visitor = desk.for_admins) -> Response:
        """An empty form."""
        try:
            return show(desk, request, visitor, fresh(desk, connector))
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)

    @router.post("/connections/new/{connector}")
    def connect(
        request: Request,
        connector: str,
        visitor: Visitor = desk.for_admins,
        said: Posted = desk.from_form,
    ) -> Response:
        """Connects a tool, leads to it to sign in, or says what is missing."""
        try:
            form = read_form(at, said, visitor, entry(connector), fresh(desk, connector), new=True)
            if said.get("act") == "propose":
                _propose(desk, form)
                return show(desk, request, visitor, form, found=not form.faults)
            if said.get("act") == "sign in":
                return _leave(desk, request, visitor, form, said, new=True)
            return begun(desk, request, visitor, form, said)
        except ConcordError as error:
            return desk.refused(request, visitor, error)

    @router.get("/connections/{name}/edit")
    def edit(request: Request, name: str, visitor: Visitor = desk.for_admins) -> Response:
        """The form as it is in force."""
        try:
            return show(desk, request, visitor, in_force(desk, name), new=False)
        except ConcordError as error:
            return desk.refused(request, visitor, error, status=404)

    @router.post("/connections/{name}/edit")
    def change(
        request: Request,
        name: str,
        visitor: Visitor = desk.for_admins,
        said: Posted = desk.from_form,
    ) -> Response:
        """Puts other settings in force; what would write in a tool is planned first."""
        try:
            before = in_force(desk, name)
            form = read_form(at, said, visitor, before.tool, before, new=False)
            if said.get("act") == "sign in":
                return _leave(desk, request, visitor, form, said, new=False)
            return changed(desk, request, visitor, form, said)
        except ConcordError as error:
            return desk.refused(request, visitor, error)

    return router


def show(desk: Desk, request: Request, visitor: Visitor, form: Form, *, new: bool = True, **given: Any) -> Response:
    """The form's page."""
    known_words = {
        "error": None, "checked": None, "found": False, "words": _WORDS, "guide": form.tool.guide,
        "proposes": proposes(form.tool), "sealed": sealed(desk.installation, visitor, form),
        "redirect_uri": redirect_uri(desk, request),
        "action": f"{PLACE}/connections/" + (f"new/{form.tool.name}" if new else f"{form.name}/edit"),
    }  # fmt: skip
    return desk.page(request, visitor, "connection_form.html", form=form, new=new, **{**known_words, **given})


def _leave(desk: Desk, request: Request, visitor: Visitor, form: Form, said: Posted, *, new: bool) -> Response:
    """The page that leads to the tool; what it gives need not be typed before."""
    sign_in = form.tool.manifest.sign_in
    for name in sign_in.keeps if sign_in is not None else ():
        form.faults.pop(name, None)
    if form.faults:
        return show(desk, request, visitor, form, status=400, new=new)
    try:
        return offer(
            desk, request, visitor, form.tool, form.settings, name="" if new else form.name,
            said={**said, "sealed": sealed(desk.installation, visitor, form)},
        )  # fmt: skip
    except ConfigError as error:
        return show(desk, request, visitor, form, status=400, new=new, error=error.to_json())


def begun(desk: Desk, request: Request, visitor: Visitor, form: Form, said: Posted, to: str = "") -> Response:
    """Put a new connection in force and go on to a page of it, or show what stands in the way."""
    turned_down = _tried(desk, form, anyway=said.get("act") == "anyway")
    if turned_down is not None:
        return show(desk, request, visitor, form, status=400, **turned_down)
    _connect(desk, visitor, form, waits=said.get("begin") != "at once")
    return desk.done(f"{PLACE}/connections/{form.name}{to}", f"{form.name} is connected.")


def changed(desk: Desk, request: Request, visitor: Visitor, form: Form, said: Posted, to: str = "") -> Response:
    """Put other settings in force, or plan them, and go on to a page; or show what stands in the way."""
    turned_down = _tried(desk, form, anyway=said.get("act") == "anyway")
    if turned_down is not None:
        return show(desk, request, visitor, form, status=400, new=False, **turned_down)
    page, words = _change(desk, visitor, form.spec())
    return desk.done(page if page.endswith("/plan") else f"{page}{to}", words)


def _fits(manifest: Manifest, q: str) -> bool:
    """Whether a tool is what somebody looks for: every word stands somewhere in what is said of it."""
    kinds = (one.kind for one in manifest.streams.values())
    said = " ".join((manifest.name, manifest.title, manifest.category, manifest.doc, *kinds)).lower()
    return all(word in said for word in q.lower().split())


def fresh(desk: Desk, connector: str) -> Form:
    """An empty form."""
    tool = entry(connector)
    text = read_mapping(tool.mapping_path)
    return shown_of(desk.installation, tool, "", text, str(tool.mapping_path))


def in_force(desk: Desk, name: str) -> Form:
    """The form of a connection that is there; `ConfigError` for any other name."""
    row = known(desk.installation, name)
    if row is None or row.name == HUB or row.state == "removed":
        raise ConfigError(f"There is no connection '{name}'.", remedy="Choose one from the list of connections.")
    tool = entry(row.connector)
    text, file = mapping_for(desk.installation, tool, name, {})
    return shown_of(desk.installation, tool, name, text, file)


def _propose(desk: Desk, form: Form) -> None:
    """Fill in the mapping that the connector proposes from what is there; other faults stay for later."""
    form.faults = {}
    try:
        form.mapping = proposed(desk.installation, form.tool, form.settings) or form.mapping
    except ConcordError as error:
        form.faults["folder"] = error.to_json()


def _tried(desk: Desk, form: Form, *, anyway: bool) -> dict[str, Any] | None:
    """What stands in the way of a form, as its page shows it; None where nothing does."""
    at = desk.installation
    try:
        form.problems = check_mapping(at, form.tool.name, form.mapping, form.mapping_file)
    except MappingError as error:
        form.problems = list(error.problems)
    if form.broken:
        return {}
    try:
        checked(form.spec(), at.shapes(), at.locale())
        found = check_spec(at, form.spec())
    except ConcordError as error:
        return {"error": error.to_json()}
    form.problems = found.problems
    return None if found.ok or (anyway and not form.broken) else {"checked": found.to_json()}


def _connect(desk: Desk, visitor: Visitor, form: Form, *, waits: bool) -> None:
    """Put a new connection in force."""
    from dataclasses import replace

    at, spec = desk.installation, replace(form.spec(), waits=WAITS if waits else "")
    if spec.mapping != read_mapping(form.tool.mapping_path):
        spec = keep_proposal(at, spec)
    at.put_connection(spec)
    about = {"connection": spec.name, "tool": spec.connector, "settings": ", ".join(sorted(spec.settings))}
    with at.store.writing() as tx:
        desk.people.note(tx, visitor, "connect a tool", about)
    at.bell.ring()


def _change(desk: Desk, visitor: Visitor, spec: ConnectionSpec) -> tuple[str, str]:
    """Put another form of a connection in force, or plan it; where to go on, and what to say there."""
    at, page = desk.installation, f"{PLACE}/connections/{spec.name}"
    config, change = change_to(at, spec)
    if not change.any:
        return page, "Nothing is different."
    about = {"connection": spec.name, "changed": ", ".join(change.changed.get(spec.name, ()))}
    if touched(change):
        _plan(desk, visitor, config, change, about).waited()
        return f"{page}/plan", ""
    at.put_connection(spec)
    with at.store.writing() as tx:
        desk.people.note(tx, visitor, "change a connection", about)
    at.bell.ring()
    return page, "It is in force."


def _plan(desk: Desk, visitor: Visitor, config: Config, change: Changes, about: dict[str, Any]) -> Errand:
    """Have it planned; `ConfigError` where something else is under way there."""
    at, name, subject = desk.installation, about["connection"], (config, about)
    progress = Progress()
    work = partial(make_plan, at, config, change, tell=progress.tell)
    errand = desk.errands.begin_mine(name, "change", work, subject=subject, progress=progress)
    with at.store.writing() as tx:
        desk.people.note(tx, visitor, "plan a change", about)
    return errand


def carry_out(desk: Desk, visitor: Visitor, errand: Errand) -> Errand:
    """Put in force what was planned and agreed to."""
    at, plan = desk.installation, errand.result
    config, about = errand.subject
    with at.store.writing() as tx:
        desk.people.note(tx, visitor, "change a connection", about)
    return desk.errands.begin(about["connection"], "applied", partial(_apply, desk, config, plan))


def _apply(desk: Desk, config: Config, plan: Plan) -> Any:
    done = apply_plan(desk.installation, config, plan)
    desk.installation.bell.ring()
    return done
