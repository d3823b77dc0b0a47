"""`concord alerts`: what is wrong and since when, whether somebody was told, and a test of every way to tell."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli import output
from api.cli.output import Json


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(alerts)


def alerts(
    test: Annotated[bool, typer.Option("--test", help="Send a test to everybody who would hear.")] = False,
    as_json: Json = False,
) -> None:
    """What is wrong, since when, and whether somebody was told."""
    from api.alerting import test as send_test
    from api.cli.opening import opened
    from api.elements import when
    from core.model.instant import iso
    from core.store import alerts as stored

    with opened(made=True) as installation:
        if test:
            names = send_test(installation)
            output.as_json({"told": names}) if as_json else output.say(f"Sent by {', '.join(names)}.")
            return
        now = installation.clock()
        with installation.store.reading() as tx:
            found = [one for one in stored.standing(tx) if one.gone_at is None]
    if as_json:
        rows = [
            {
                "kind": one.kind, "connection": one.where or None, "says": one.says, "remedy": one.remedy,
                "since": iso(one.since), "told_at": iso(one.told_at) if one.told_at is not None else None,
            }
            for one in found
        ]  # fmt: skip
        output.as_json(rows)
        return
    if not found:
        output.say("Nothing is wrong.")
    for one in found:
        told = f"told {when(one.told_at, now)}" if one.told_at is not None else "not told yet"
        output.say(f"{one.says}, since {when(one.since, now)} ({told}). {one.remedy}".rstrip())
