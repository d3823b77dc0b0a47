"""`concord hold`: a field of one record stays as it is, whatever tools bring, until a time or until it is let go."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli import output


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(hold)


def hold(
    kind: Annotated[str, typer.Argument(help="The kind of record, e.g. contact.")],
    key: Annotated[str, typer.Argument(help="Its email, number in the hub, name, or id in a tool.")],
    field: Annotated[str, typer.Argument(help="The field.")],
    why: Annotated[str, typer.Option(help="Why it is held.")] = "",
    until: Annotated[str, typer.Option(help="Until when: `4h`, `3d`, `2026-12-01 09:00`; else until let go.")] = "",
    by: Annotated[str, typer.Option(help="Who holds it.")] = "the command line",
    let_go: Annotated[bool, typer.Option("--let-go", help="Let it go.")] = False,
) -> None:
    """Hold a field of one record as it is: what tools say of it is kept, and does not count meanwhile."""
    from api.cli.identity import the_one
    from api.cli.opening import opened
    from api.listing import until_of
    from core.flow import holding_fields

    with opened(made=True) as installation:
        hub = installation.hub()
        record = the_one(installation, hub, kind, key)
        if let_go:
            run = holding_fields.let_go(hub, record.id, field)
        else:
            at = until_of(until, hub.clock()) if until else None
            run = holding_fields.hold(hub, record.id, field, by=by, why=why, until=at)
    output.say(f"{field} is {'let go' if let_go else 'held'} (run {run}).")
