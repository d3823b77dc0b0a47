"""`concord alerts`: what is wrong and since when, whether somebody was told, one put off, and a test of every way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output
from api.cli.output import Json

if TYPE_CHECKING:
    from api.assembly import Installation


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(alerts)


def alerts(
    test: Annotated[bool, typer.Option("--test", help="Send a test to everybody who would hear.")] = False,
    quiet: Annotated[str, typer.Option(help="Put this one off: its kind, with its connection, as `lag/crm`.")] = "",
    until: Annotated[str, typer.Option(help="Until when it is put off: `4h`, `2026-12-01 09:00`, or `now`.")] = "4h",
    why: Annotated[str, typer.Option(help="Why it is put off.")] = "",
    as_json: Json = False,
) -> None:
    """What is wrong, since when, and whether somebody was told."""
    from api.cli.opening import opened
    from api.elements import when
    from core.model.instant import iso
    from core.store import alerts as stored

    with opened(made=True) as installation:
        if test:
            _test(installation, as_json=as_json)
            return
        if quiet:
            _put_off(installation, quiet, until, why)
        now = installation.clock()
        with installation.store.reading() as tx:
            found = [one for one in stored.standing(tx) if one.gone_at is None]
    if as_json:
        rows = [
            {
                "kind": one.kind, "connection": one.where or None, "says": one.says, "remedy": one.remedy,
                "since": iso(one.since), "told_at": iso(one.told_at) if one.told_at is not None else None,
                "quiet_until": iso(one.quiet_until) if one.quiet_until is not None else None, "why": one.quiet_why,
            }
            for one in found
        ]  # fmt: skip
        output.as_json(rows)
        return
    if not found:
        output.say("Nothing is wrong.")
    for one in found:
        told = f"told {when(one.told_at, now)}" if one.told_at is not None else "not told yet"
        if one.quiet_until is not None and one.quiet_until > now:
            told += f"; put off until {iso(one.quiet_until)} by {one.quiet_by}: {one.quiet_why}"
        output.say(f"{one.says}, since {when(one.since, now)} ({told}). {one.remedy}".rstrip())


def _test(installation: Installation, *, as_json: bool) -> None:
    from api.alerting import trial

    tried = trial(installation)
    went = [one for one in tried if one.error is None]
    if as_json and len(went) == len(tried):
        output.as_json({"told": [one.way for one in went]})
    for one in went if not as_json else ():
        output.say(f"Sent by {one.way}: {one.said}.")
    for one in tried:
        if one.error is not None:
            raise one.error


def _put_off(installation: Installation, what: str, until: str, why: str) -> None:
    from api.alerting import put_off
    from api.console.people import People
    from api.listing import until_of
    from core.model.instant import iso

    kind, _, where = what.partition("/")
    at = None if until == "now" else until_of(until, installation.clock())
    put_off(installation, (kind, where), at, "the command line", why)
    about = {"alert": kind, "connection": where, "until": iso(at) if at is not None else None, "why": why}
    with installation.store.writing() as tx:
        People(installation).note(tx, None, "put an alert off" if at is not None else "tell an alert again", about)
