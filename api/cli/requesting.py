"""Commands about what people ask of their own data: listed, done, and closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json

if TYPE_CHECKING:
    from core.store.requests import Request

group = typer.Typer(no_args_is_help=True, help="What people ask about their own data, and by when it is due.")
Number = Annotated[int, typer.Argument(help="The number of the request.")]
By = Annotated[str, typer.Option(help="Who does it; stands with the request.")]
_ME = "the command line"


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="requests")


@group.command("list")
def list_requests(
    closed: Annotated[bool, typer.Option("--closed", help="Those that were closed last, too.")] = False,
    who: Annotated[str, typer.Option(help="Only those of this email address, erased people's too.")] = "",
    as_json: Json = False,
) -> None:
    """Open requests, those that are due first before the others."""
    from api.cli.opening import opened
    from core.flow.requests import digest_of
    from core.model.instant import iso
    from core.store import requests

    with opened(made=True) as installation:
        hub, now = installation.hub(), installation.clock()
        digest = digest_of(hub, who) if who else None
        with hub.store.reading() as tx:
            found = requests.of(tx, [], digest) if who else requests.waiting(tx)
            found += requests.closed(tx) if closed and not who else []
    if as_json:
        output.as_json({"requests": [_told(one, now) for one in found]})
        return
    rows = [
        (one.id, one.who or "erased or forgotten", one.right, iso(one.came_at)[:10], iso(one.due_at)[:10],
         one.answer or ("overdue" if one.due_at <= now else "open"), one.taken_by or "")
        for one in found
    ]  # fmt: skip
    heads = ("request", "who", "asks for", "came", "due", "state", "taken by")
    output.console().print(output.table("", heads, rows) if rows else "Nobody waits for an answer.")


@group.command("add")
def add(
    right: Annotated[str, typer.Argument(help="access, erasure, correction or objection.")],
    who: Annotated[str, typer.Argument(help="Name and address, as they gave them.")],
    way: Annotated[str, typer.Option(help="email, phone, post, form, page, in person or other.")] = "email",
    came: Annotated[str, typer.Option(help="When it came: `3d` ago, or `2026-11-21`; else now.")] = "",
    note: Annotated[str, typer.Option(help="What they say.")] = "",
    as_json: Json = False,
) -> None:
    """Write a request down."""
    from api.cli.opening import opened
    from api.listing import moment_of
    from core.flow.requests import ask, found
    from core.model.instant import iso

    with opened(made=True) as installation:
        hub = installation.hub()
        came_at = moment_of(came, hub.clock()) if came else None
        one = found(hub, ask(hub, right, who, way, came_at=came_at, note=note))
        told = _told(one, hub.clock())
    output.as_json(told) if as_json else output.say(f"Request {one.id}, due {iso(one.due_at)[:10]}.")


@group.command("take")
def take(number: Number, by: By = _ME) -> None:
    """See to a request."""
    from api.cli.opening import opened
    from core.flow import requests

    with opened(made=True) as installation:
        requests.take(installation.hub(), number, by)
    output.say(f"Request {number} is taken by {by}.")


@group.command("person")
def person(number: Number, key: Annotated[str, typer.Argument(help="Email, number, name, or id in a tool.")]) -> None:
    """Say whose request it is."""
    from api.cli.identity import the_one
    from api.cli.opening import opened
    from core.flow import requests

    with opened(made=True) as installation:
        hub = installation.hub()
        record = the_one(installation, hub, "contact", key)
        requests.name(hub, number, record.id)
    output.say(f"Request {number} is that of record {record.id}.")


@group.command("extend")
def extend(number: Number, why: Annotated[str, typer.Argument(help="The reason that the person is told.")]) -> None:
    """Take the further time that the law gives, before the first end; tell the person and the reason."""
    from api.cli.opening import opened
    from core.flow import requests
    from core.model.instant import iso

    with opened(made=True) as installation:
        until = requests.extend(installation.hub(), number, why)
    output.say(f"Request {number} is due {iso(until)[:10]} now. Tell the person, with the reason.")


@group.command("export")
def export(number: Number) -> None:
    """Everything that is held of the person, as one JSON document; that it was given out is kept with the request."""
    from api.cli.opening import opened
    from core.flow import requests

    with opened(made=True) as installation:
        print(requests.export(installation.hub(), number).decode())


@group.command("object")
def object_(number: Number) -> None:
    """Take the person's no to everything that may be said yes or no to."""
    from api.cli.opening import opened
    from core.flow import requests

    with opened(made=True) as installation:
        run = requests.object_for(installation.hub(), number)
    output.say("Everything was a no already." if run is None else f"Their no is taken (run {run}).")


@group.command("answer")
def answer(
    number: Number,
    why: Annotated[str, typer.Option(help="How it was answered, where it was not done from here.")] = "",
    by: By = _ME,
) -> None:
    """Close a request that was answered."""
    from api.cli.opening import opened
    from core.flow import requests

    with opened(made=True) as installation:
        requests.answered(installation.hub(), number, by, why)
    output.say(f"Request {number} is answered.")


@group.command("refuse")
def refuse(
    number: Number,
    ground: Annotated[str, typer.Argument(help="nothing, identity, duty, others, excessive or other.")],
    why: Annotated[str, typer.Option(help="The reason in words.")] = "",
    by: By = _ME,
) -> None:
    """Close a request that is refused."""
    from api.cli.opening import opened
    from core.flow import requests

    with opened(made=True) as installation:
        requests.refused(installation.hub(), number, by, ground, why)
    output.say(f"Request {number} is refused.")


@group.command("forget")
def forget(number: Number) -> None:
    """Forget who asked something that is closed; that it was asked, and what was done, stays."""
    from api.cli.opening import opened
    from core.flow import requests

    with opened(made=True) as installation:
        requests.forget(installation.hub(), number)
    output.say(f"Who asked request {number} is forgotten.")


def _told(one: Request, now: int) -> dict[str, Any]:
    from core.model.instant import iso

    moments = {"came_at", "due_at", "extended_at", "exported_at", "closed_at"}
    told = {
        name: iso(value) if name in moments and value is not None else value
        for name, value in one._asdict().items()
        if name != "digest"
    }
    return {**told, "late": one.closed_at is None and one.due_at <= now}
