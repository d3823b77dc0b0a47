"""`concord movement try`: what a movement policy would have done, held against what was really done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli import output
from api.cli.output import Json

if TYPE_CHECKING:
    from api.trying import Seen, Trial

group = typer.Typer(no_args_is_help=True, help="The movement policy: what it would have done in the past.")
SHOWN = 10
"""Steps listed of each side."""


def register(app: typer.Typer) -> None:
    """Add this group."""
    app.add_typer(group, name="movement")


@group.callback()
def _group() -> None:
    """The movement policy: what it would have done in the past."""


@group.command("try")
def try_(
    file: Annotated[
        Path | None, typer.Argument(help="The changed policy; without it, the one in force is tried alone.")
    ] = None,
    since: Annotated[str, typer.Option(help="How far back: 12h, 30d.")] = "30d",
    newest: Annotated[int, typer.Option(help="Look at so many of the newest records.", min=1)] = 5_000,
    switched_on: Annotated[
        bool, typer.Option("--switched-on", help="Take steps that are off or only listed for switched on.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what a policy would have done lately, and how it differs from the one in force. Nothing is written."""
    from api.cli.opening import opened
    from api.movement import read_text
    from api.trying import length_of, try_policy

    length = length_of(since)
    draft = read_text(file) if file is not None else None
    with opened(made=True) as installation:
        trial = try_policy(installation, draft, since=length, newest=newest, switched_on=switched_on)
    if as_json:
        output.as_json(trial.to_json())
    else:
        _print(trial)


def _print(trial: Trial) -> None:
    from api.trying import OUTCOMES
    from core.model.instant import iso

    output.say(f"Since {iso(trial.begin)[:16].replace('T', ' ')} UTC. {trial.looked_at}")
    for side, title in (("draft", "The draft"), ("in_force", "The policy in force")):
        if side not in trial.sides:
            continue
        counts = trial.counts(side)
        rows = [
            (step, f"{count:,}", OUTCOMES[outcome]) for step, some in counts.items() for outcome, count in some.items()
        ]
        heads = ("Step", "Times", "What would have come of it")
        if rows:
            output.console().print(output.table(title, heads, rows, right=("Times",)))
        else:
            output.say(f"{title} would have done nothing.")
    if trial.really:
        told = ", ".join(f"{count:,} {step}" for step, count in sorted(trial.really.items()))
        output.say(f"\nReally done by the hub: {told}.")
    if trial.differs:
        output.say(f"\n{trial.differs}")
        _list("Only the draft", trial.sides["only_draft"])
        _list("Only the policy in force", trial.sides["only_in_force"])
        _list("The draft, at another time", trial.sides["another_time"])
    else:
        _list("The newest", trial.sides[trial.main])
    output.say("")
    for one in trial.notes:
        output.say(f"- {one}")


def _list(title: str, those: list[Seen]) -> None:
    from core.model.instant import iso

    if not those:
        return
    output.say(f"\n{title}:")
    for one in those[-SHOWN:]:
        did, act = one.did, one.act
        then = f"{act.who} {act.what} at {iso(act.at)[:16]}" if act is not None else "nobody did anything after it"
        to = f" to {did.to}" if did.to else ""
        output.say(f"  {iso(did.at)[:16]}  {did.step} {did.kind} {did.record_id}{to} ({did.on or did.stage}); {then}")
    if len(those) > SHOWN:
        output.say(f"  and {len(those) - SHOWN:,} earlier ones; --json has all")
