"""Commands of an installation that is worked by several processes: `serve`, `worker` and `beat`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.cli import output
from api.cli.output import Json
from api.cli.running import Host

Alive = Annotated[
    Path | None, typer.Option(help="A file to touch every few seconds, for whoever watches.", dir_okay=False)
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (serve, worker, beat):
        app.command()(command)


def serve(
    port: Annotated[int | None, typer.Option(help="The port to listen on.", min=0, max=65535)] = None,
    host: Host = "127.0.0.1",
    as_json: Json = False,
) -> None:
    """Answer at the doors (status page, API, forms, webhooks) and leave the work to `concord worker`."""
    from api import serving
    from api.attending import attended
    from api.cli.opening import opened
    from api.waking import DistantBell
    from api.worker import waking

    with opened() as installation:
        installation.bell = DistantBell(waking(installation))
        with attended(installation):
            serving.answer(
                installation,
                host=host,
                port=port,
                announce=output.announcer("The doors are open; `concord worker` does the work.", in_json=as_json),
            )


def worker(
    queues: Annotated[
        str, typer.Option(help="Lanes to work, by comma: consent, live, upkeep, backfill; all of them by default.")
    ] = "",
    concurrency: Annotated[int, typer.Option(help="Processes, each with one turn at a time.", min=1)] = 2,
    alive: Alive = None,
) -> None:
    """Work what beat and the doors wake, in processes of its own; as many workers as you like may run."""
    from api import worker as workers
    from api.cli.opening import opened

    lanes = _lanes(queues)
    with opened() as installation:
        workers.configure(installation)
        chosen = installation.settings
    workers.work(chosen, lanes, concurrency=concurrency, alive=alive)


def beat(alive: Alive = None) -> None:
    """Wake the workers for what is due, once a second; one is enough, and two do no harm."""
    from api import worker as workers
    from api.cli.opening import opened

    with opened() as installation:
        workers.beat(installation, alive=alive)


def _lanes(said: str) -> list[str]:
    """The lanes that are named, the most urgent one first; `ConfigError` for one there is not."""
    from api.lanes import Lane
    from core.errors import ConfigError

    named = [one.strip() for one in said.split(",") if one.strip()]
    for one in named:
        if one not in set(Lane):
            raise ConfigError(f"There is no lane '{one}'.", remedy=f"Choose from {', '.join(Lane)}.")
    return [str(lane) for lane in Lane if not named or lane in named]
