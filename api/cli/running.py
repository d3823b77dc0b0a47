"""Commands that move data: `sync`, `replay`, `resume`, `up` and `demo`."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output
from api.cli.output import Json
from core.model.many import many, verb

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.engine import Round
    from core.errors import ToolError

Names = Annotated[list[str] | None, typer.Argument(help="Connections; all of them when none is named.", metavar="NAME")]
Where = Annotated[str, typer.Argument(help="A connection, or CONNECTION/STREAM.", metavar="CONNECTION[/STREAM]")]
Host = Annotated[str, typer.Option(help="The address to listen on.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (up, demo, sync, replay, pause, resume, resync):
        app.command()(command)


def up(
    port: Annotated[int | None, typer.Option(help="The port of the status page.", min=0, max=65535)] = None,
    host: Host = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Run the hub: background sync and a status page, in one process."""
    from api import serving
    from api.cli.opening import opened
    from api.ending import leave_now
    from api.lock import engine_lock

    with opened(made=True) as installation, engine_lock(installation, "concord up"):
        ended = serving.serve(
            installation, host=host, port=port, announce=output.announcer("The hub is running.", in_json=as_json)
        )
    if not ended:
        leave_now()


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
    from api.watching import watched as listened

    with opened(made=True) as installation, engine_lock(installation, "concord sync"), listened(installation):
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


def pause(
    name: Where,
    note: Annotated[str, typer.Option(help="Why, for whoever looks.")] = "",
    as_json: Json = False,
) -> None:
    """Stop a connection, or one stream of it, until `concord resume`: nothing is read there, and nothing written."""
    from api.cli.opening import opened

    connection, stream = _parts(name)
    with opened(made=True) as installation:
        installation.pause(connection, stream, note=note)
    if as_json:
        output.as_json({"paused": name})
    else:
        print(f"{name} is paused; what changes waits. `concord resume {name}` takes it up again.")


def resume(name: Where, as_json: Json = False) -> None:
    """Take a paused connection and its paused streams up again, or one stream, after what stopped them is mended."""
    from api.cli.opening import opened

    connection, stream = _parts(name)
    with opened(made=True) as installation:
        installation.resume(connection, stream)
    if as_json:
        output.as_json({"resumed": name})
    else:
        print(f"{name} takes part again; `concord sync {connection}` does it at once.")


def resync(
    name: Annotated[
        str | None, typer.Argument(help="A connection, or CONNECTION/STREAM.", metavar="[CONNECTION[/STREAM]]")
    ] = None,
    record: Annotated[
        str | None, typer.Option(help="One record instead: its number, or its email, domain or name.")
    ] = None,
    kind: Annotated[str, typer.Option(help="The kind of the record.")] = "contact",
    as_json: Json = False,
) -> None:
    """Read a connection's streams from the beginning, or one record in every tool that holds it, and fold it anew."""
    from api.cli.opening import names_of, opened
    from core.errors import ConfigError

    if (name is None) == (record is None):
        raise ConfigError("What is to be read again?", remedy="Name a connection, CONNECTION/STREAM, or --record KEY.")
    with opened(made=True) as installation:
        if record is not None:
            _resync_record(installation, kind, record, as_json=as_json)
            return
        connection, stream = _parts(str(name))
        names_of(installation, [connection])
        streams = [
            one for one in installation.hub().connection(connection).streams if stream is None or one.name == stream
        ]
        if not streams:
            there = ", ".join(one.name for one in installation.hub().connection(connection).streams)
            raise ConfigError(f"{connection} has no stream '{stream}'; it has {there}.", remedy="Choose one of these.")
        count = resyncing().from_the_beginning(installation.hub(), streams)
    if as_json:
        output.as_json({"resync": name, "streams": count})
    else:
        said = f"{many(count, 'stream')} {verb(count, 'is', 'are')} read from the beginning by the next turn"
        print(f"{said}; `concord sync {connection}` does it now.")


def resyncing() -> ModuleType:
    """The trip, imported when it is needed."""
    from core.flow import resyncing as found

    return found


def _resync_record(installation: Installation, kind: str, key: str, *, as_json: bool) -> None:
    """Write the wish down, and carry it out where no other process does."""
    from api.cli.identity import the_one
    from api.engine import beside
    from api.lock import engine_lock
    from core.errors import StoreError
    from core.flow.beside import turn_beside

    hub = installation.hub()
    found = the_one(installation, hub, kind, key)
    held = resyncing().everywhere(hub, found.id)
    elsewhere = False
    try:
        with engine_lock(installation, "concord resync"):
            for name in held:
                elsewhere |= turn_beside(hub, hub.connection(name), holder=beside(installation)) is None
    except StoreError as error:
        if error.error_code != "store.busy":
            raise
        elsewhere = True
    if as_json:
        output.as_json({"record": found.id, "read": held, "elsewhere": elsewhere})
        return
    places = ", ".join(f"{name} {id_}" for name, ids in held.items() for id_ in ids) or "no tool holds it"
    done = "is read again by the running hub" if elsewhere else "was read again"
    print(f"Record {found.id} {done}: {places}. `concord why {found.kind} {found.id}` tells what stands.")


def _parts(name: str) -> tuple[str, str | None]:
    """CONNECTION or CONNECTION/STREAM."""
    connection, _, stream = name.partition("/")
    return connection, stream or None
