"""`concord hooks`: whether the tools call us, at which addresses, what came there, and hearing it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.model.many import many, verb

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.called import Called

_LATEST = 5
"""Unknown events that are shown."""

group = typer.Typer(invoke_without_command=True)


def register(app: typer.Typer) -> None:
    """Add this group."""
    app.add_typer(group, name="hooks")


@group.callback()
def hooks(context: typer.Context, as_json: Json = False) -> None:
    """Whether each tool calls us: since when, until when, what came in the last seven days, what is wrong."""
    from api.cli.opening import opened

    if context.invoked_subcommand is not None:
        return
    with opened(made=True) as installation:
        told = _told(installation)
    if as_json:
        output.as_json(told)
        return
    screen = output.console()
    if not told["connections"]:
        screen.print("No connection's tool sends webhooks; all are polled.")
        return
    rows = [
        (one["name"], one["state"], _day(one["since"]), _day(one["until"]), output.ago(one["heard_seconds_ago"]),
         one["events"], one["waiting"] or "", one["unknown"] or "", one["address"])
        for one in told["connections"]
    ]  # fmt: skip
    heads = ("connection", "state", "since", "until", "last came", "events", "waiting", "unknown", "address")
    screen.print(output.table("Webhooks", heads, rows, right=heads[5:8]))
    for one in told["connections"]:
        said = one["trouble"] or (one["state"] if one["remedy"] else "")
        if said:
            screen.print(f"• {one['name']}: {said}", markup=False)
        if one["remedy"]:
            screen.print(f"  → {one['remedy']}", markup=False)
    for one in told["unknown"]:
        screen.print(f"{one['connection']} told something unknown: {one['what']}", markup=False)


@group.command("replay")
def replay(
    since: Annotated[str, typer.Argument(help="What came since then: 30min, 2h, 3d, or a date and time.")],
    names: Annotated[list[str] | None, typer.Argument(help="Connections; all of them when none is named.")] = None,
    as_json: Json = False,
) -> None:
    """Hear again what came by webhook since then, as far as it is kept: what it names is read as it is now."""
    from api.cli.opening import names_of, opened
    from api.listing import moment_of
    from core.flow.inward.hearing import rehear

    with opened(made=True) as installation:
        hub, chosen = installation.hub(), names_of(installation, names)
        when = moment_of(since, installation.clock())
        again = {
            one.name: rehear(hub, one, when)
            for one in hub.connections.values()
            if chosen is None or one.name in chosen
        }  # fmt: skip
    if as_json:
        output.as_json({"again": again})
        return
    for name, number in again.items():
        if number:
            print(f"{name}: {many(number, 'notice')} {verb(number, 'is', 'are')} heard again.")
    if not any(again.values()):
        print("Nothing that is kept came since then.")
    else:
        print("A hub that is up hears them at once, another one with `concord sync`.")


def _told(installation: Installation) -> dict[str, Any]:
    from api.called import called
    from core.model.instant import iso
    from core.store import notices

    now, found = installation.clock(), called(installation)
    names = _names(installation, found)
    with installation.store.reading() as tx:
        unknown = notices.unknown(tx, limit=_LATEST)
    latest = [
        {"connection": names[id_], "at": iso(at), "what": what} for id_, at, what in unknown if id_ in names
    ]  # fmt: skip
    return {"connections": [one.to_json(now) for one in found], "unknown": latest}


def _names(installation: Installation, found: list[Called]) -> dict[int, str]:
    known = {one.name for one in found}
    return {id_: one.name for id_, one in installation.hub().connections.items() if one.name in known}


def _day(at: str | None) -> str:
    return at[:16].replace("T", " ") if at else ""
