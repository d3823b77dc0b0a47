"""Commands that move data: `sync`, `replay`, `resume`, `up` and `demo`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output
from api.cli.output import Json

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.engine import Round
    from core.errors import ToolError

Names = Annotated[list[str] | None, typer.Argument(help="Connections; all of them when none is named.", metavar="NAME")]
Host = Annotated[str, typer.Option(help="The address to listen on.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (up, demo, sync, replay, resume):
        app.command()(command)


def up(
    port: Annotated[int | None, typer.Option(help="The port of the status page.", min=0, max=65535)] = None,
    host: Host = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Run the hub: background sync and a status page, in one process."""
    from api import background
    from api.cli.opening import opened
    from api.lock import engine_lock

    with opened(made=True) as installation, engine_lock(installation, "concord up"):
        ended = background.serve(
            installation, host=host, port=port, announce=lambda url: _announce(url, as_json=as_json)
        )
    if not ended:
        background.leave_now()


def _announce(url: str, *, as_json: bool) -> None:
    if as_json:
        output.as_json({"page": url})
    else:
        print(f"The hub is running. Status page: {url}  (Ctrl-C ends it)", flush=True)


def demo(
    once: Annotated[bool, typer.Option("--once", help="Reach agreement, print the figures, and stop.")] = False,
    port: Annotated[int | None, typer.Option(help="The port of the status page.", min=0, max=65535)] = None,
    host: Host = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Show a small business come into agreement: HubSpot, Salesforce, an address book and spreadsheets."""
    from api.demo import run

    run(once=once, as_json=as_json, host=host, port=port)


def sync(
    names: Names = None,
    until_quiet: Annotated[
        bool, typer.Option("--until-quiet", help="Go on until nothing moves any more on any side.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read what is new, decide, and write what is out of step: once, or until all is quiet."""
    from api.cli.opening import names_of, opened
    from api.cli.progress import watched
    from api.lock import engine_lock

    with opened(made=True) as installation, engine_lock(installation, "concord sync"):
        chosen = names_of(installation, names)
        done = watched(installation, chosen, until_quiet=until_quiet, shown=not as_json)
        _tell_round(installation, done, as_json=as_json)
    if done.failed or any(turn.stopped for turn in done.turns):
        raise typer.Exit(1)


def _tell_round(installation: Installation, done: Round, *, as_json: bool) -> None:
    from api.snapshot import snapshot

    state = snapshot(installation)
    by_name = {one["name"]: one for one in state["connections"]}
    told = {name: done.counts(name) for name in dict.fromkeys(turn.connection for turn in done.turns)}
    shares = {name: done.agreement[name].share if name in done.agreement else None for name in told}
    failures = {turn.connection: turn.error for turn in done.failed if turn.error is not None}
    stopped: dict[str, dict[str, ToolError]] = {name: {} for name in told}
    for turn in done.turns:
        stopped[turn.connection] |= turn.stopped
    if as_json:
        connections = {
            name: {
                **counts,
                "agreement": shares[name],
                "outbox": by_name[name]["outbox"],
                "error": failures[name].to_json() if name in failures else None,
                "paused": {stream: error.to_json() for stream, error in stopped[name].items()},
            }
            for name, counts in told.items()
        }
        figures = {"agreement": done.share, "writes": done.writes, "quiet": done.quiet}
        output.as_json({**figures, "connections": connections, "troubles": state["troubles"]})
        return
    rows = [
        (name, output.counted(counts["in"]), output.counted(counts["out"]), output.share(shares[name]))
        for name, counts in told.items()
    ]
    heads = ("connection", "came in", "went out", "agreement")
    screen = output.console()
    if rows:
        screen.print(output.table("", heads, rows, right=("agreement",)))
    else:
        screen.print("Nothing to sync: no connection takes part. See `concord status`.")
    for error in failures.values():
        output.tell_error(error, as_json=False)
    output.troubles(screen, state["troubles"])


def replay(
    name: Annotated[str | None, typer.Argument(help="The connection; all of them when none is named.")] = None,
    code: Annotated[str | None, typer.Option(help="Only dead letters with this error code.")] = None,
    as_json: Json = False,
) -> None:
    """Try dead letters again: the next sync sends them."""
    from api.cli.opening import names_of, opened
    from core.flow.undo.replay import replay as send_again

    with opened(made=True) as installation:
        names_of(installation, [name] if name else None)
        hub = installation.hub()
        counts = {
            one.name: send_again(hub, one, code=code) for one in hub.connections.values() if name in (None, one.name)
        }
    if as_json:
        output.as_json({"replayed": counts})
        return
    total = sum(counts.values())
    print(f"{total} will be tried again by the next `concord sync`." if total else "There is nothing to try again.")


def resume(
    name: Annotated[str, typer.Argument(help="The connection that is paused, or has paused streams.")],
    as_json: Json = False,
) -> None:
    """Take a paused connection and its paused streams up again, after what stopped them is mended."""
    from api.cli.opening import opened

    with opened(made=True) as installation:
        installation.resume(name)
    if as_json:
        output.as_json({"resumed": name})
    else:
        print(f"{name} takes part again; `concord sync {name}` does it at once.")
