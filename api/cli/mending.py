"""`concord mend`: what the audit found not to fit together about a record is set right."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError

if TYPE_CHECKING:
    from core.decide.movement.reality import Finding


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(mend)


def mend(
    record: Annotated[int, typer.Argument(help="Its number, as `concord audit --unreal` lists it.")],
    task: Annotated[bool, typer.Option("--task", help="Give its owner a task instead of moving its stage.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Mend what does not fit together about a record: move its stage, or give its owner a task."""
    from api.cli.opening import opened
    from core.flow.movement.mending import mend as carry_out
    from core.flow.movement.mending import unreal

    with opened(made=True) as installation:
        hub = installation.hub()
        found, runs = unreal(hub, record), list[int | None]()
        if not as_json:
            for one in found:
                output.say(_told(one, by_task=task))
        if found and not dry_run:
            _agree(yes=yes, as_json=as_json)
            runs = [carry_out(hub, record, one.what, by_task=task) for one in found]
    if as_json:
        told = [{"what": one.what, "because": one.because, "move": dict(one.move), "task": one.task} for one in found]
        output.as_json({"record": record, "found": told, "runs": runs})
    elif not found:
        output.say(f"Stage and evidence of record {record} fit together.")
    elif runs:
        made = [str(one) for one in runs if one is not None]
        output.say(f"Done (run {', '.join(made)})." if made else "Its owner has the task already.")


def _told(one: Finding, *, by_task: bool) -> str:
    if one.move and not by_task:
        return f"{one.because} To be said: {', '.join(f'{name} = {value}' for name, value in one.move.items())}."
    return f"{one.because} A task for its owner: {one.task}."


def _agree(*, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise ConfigError("Nobody has agreed to this.", remedy="Look with --dry-run, then add --yes.")
    if not typer.confirm("Is it to be done?", default=False):
        raise ConfigError("Nothing was changed.", remedy="Run the command again when you agree with what it shows.")
