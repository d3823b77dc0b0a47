"""Commands that change the configuration with open eyes: `plan` says exactly what would happen, `apply` does that."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError
from core.model.many import many

if TYPE_CHECKING:
    from api.applying import Applied
    from api.assembly import Installation
    from api.changes import Changes
    from core.mapping.problem import Problem
    from core.store.runs import Run

File = Annotated[Path, typer.Argument(help="The configuration, e.g. concord.yaml.")]
Read = Annotated[
    bool, typer.Option("--read", help="Read the tools first, to know what they hold by now; nothing is written.")
]


_NAMED = 12
"""Records named by number, and fields by name."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (plan, apply):
        app.command()(command)


def plan(
    file: Annotated[
        Path | None, typer.Argument(help="The changed configuration; without it, what the next sync would write.")
    ] = None,
    read: Read = False,
    as_json: Json = False,
) -> None:
    """Say exactly what a changed configuration would do in every tool. Nothing is changed, and no tool is called."""
    from api.changes import Changes, changes, verify
    from api.cli.opening import opened
    from api.config import read_config
    from api.planning import make_plan

    config = read_config(file, os.environ) if file is not None else None
    with opened(made=config is None) as installation:
        change = changes(installation, config) if config is not None else Changes()
        doubts = verify(installation, config) if config is not None else []
        made = make_plan(installation, config, change, read=read)
    if as_json:
        output.as_json(made.to_json())
        return
    if config is not None:
        _print_change(change, doubts)
    print_plan(made.to_json(), read=read)


def apply(
    file: File,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    canary: Annotated[
        int,
        typer.Option(help="Write so many records of each tool first, read them back, compare, and go on or stop."),
    ] = 0,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Put a configuration file in force, all of it or nothing, and carry out what its plan lists."""
    from api.applying import apply_plan
    from api.changes import changes, verify
    from api.cli.opening import opened
    from api.config import read_config
    from api.planning import make_plan

    config = read_config(file, os.environ)
    with opened() as installation:
        change = changes(installation, config)
        doubts = verify(installation, config)
        made = make_plan(installation, config, change) if change.any else None
        if not as_json:
            _print_change(change, doubts)
        applied = None
        if made is not None:
            if not as_json:
                print_plan(made.to_json())
            if not dry_run:
                if made.writes and not yes:
                    agree(made.writes, as_json=as_json)
                applied = apply_plan(installation, config, made, few=canary)
    if as_json:
        told: dict[str, Any] = {**change.to_json(), "applied": applied is not None}
        told["plan"] = made.to_json() if made else None
        told["done"] = applied.to_json() if applied else None
        output.as_json(told)
    else:
        _print_end(change, applied)
    if applied is not None and (applied.halted or any(turn.error for turn in applied.turns)):
        raise typer.Exit(1)


def undo_change(installation: Installation, run: Run, *, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Put in force again what an `apply` replaced: planned, agreed to, carried out, and a change like any other."""
    from api.undoing import apply_change, plan_change

    found = plan_change(installation, run)
    change, made = found.change, found.plan
    if not as_json:
        _print_change(change)
        print_plan(made.to_json())
    applied = None
    if not dry_run:
        if made.writes and not yes:
            agree(made.writes, as_json=as_json)
        applied = apply_change(installation, run.id, found)
    if as_json:
        told = {"run": run.id, "undone": run.id if applied else None, "plan": made.to_json()}
        output.as_json({**told, "done": applied.to_json() if applied else None})
    else:
        _print_end(change, applied)
    if applied is not None and (applied.halted or any(turn.error for turn in applied.turns)):
        raise typer.Exit(1)


def agree(writes: int, *, as_json: bool, look: str = "`concord plan FILE`, or --dry-run") -> None:
    """Ask whether so much is to be written; `ConfigError` where nobody can be asked, or says no."""
    if as_json or not sys.stdin.isatty():
        raise ConfigError(
            f"This change writes {many(writes, 'record')} in the tools, and nobody has agreed to that.",
            remedy=f"Look first ({look}), then add --yes.",
        )
    if not typer.confirm(f"Write {many(writes, 'record')}?", default=False):
        raise ConfigError("Nothing was changed.", remedy="Run the command again when you agree with the plan.")


def _print_change(change: Changes, doubts: Sequence[Problem] = ()) -> None:
    for one in doubts:
        output.say(str(one))
    for sign, names in (("+", change.added), ("-", change.removed), ("=", change.unchanged)):
        for name in names:
            output.say(f"{sign} {name}")
    for name, about in change.changed.items():
        output.say(f"~ {name}: {', '.join(about)}")
    for what in change.texts:
        output.say(f"~ {what}")
    if not change.any:
        output.say("Nothing to change: all of it is in force already.")


def print_plan(made: dict[str, Any], *, read: bool = False) -> None:
    """Print what would be done, tool by tool; `made` is a plan as `--json` shows it."""
    screen = output.console()
    shares = made["connections"]
    rows: list[tuple[Any, ...]] = [
        (name, one["creates"] or "", one["updates"] or "", one["deletes"] or "", sum(one["calls"].values()) or "",
         _quota(one), _duration(one))
        for name, one in shares.items()
    ]  # fmt: skip
    if rows:
        heads = ("connection", "creates", "updates", "deletes", "calls", "of a day's calls", "takes about")
        screen.print(output.table("What would be written", heads, rows, right=heads[1:]))
    if waiting := sum(one["waiting"] for one in shares.values()):
        screen.print(f"{waiting:,} of these were waiting to be written anyway.")
    for name, one in shares.items():
        _print_share(name, one)
    values: list[tuple[Any, ...]] = [
        (kind, name, counts["flipped"] or "", counts["given"] or "", counts["cleared"] or "")
        for kind, fields in made["values"].items()
        for name, counts in fields.items()
    ]
    if values:
        named = ("kind", "field", "another value stands", "given", "cleared")
        screen.print(output.table("What would stand in the hub", named, values, right=named[2:]))
    told = {f"new {kind} records": count for kind, count in made["new_records"].items()}
    told |= {f"permissions {what}": count for what, count in made["consent"].items()}
    told |= {f"reviews ({what})": count for what, count in made["reviews"].items()}
    if told:
        screen.print(output.counted(told) + ".")
    _print_rematched(made["matched"])
    unread = [name for name, one in shares.items() if one["taken_as_empty"]]
    if unread and not read:
        names = ", ".join(unread)
        screen.print(f"{names}: not read yet, so taken to be empty. `concord plan --read` reads first, to be exact.")
    if not made["writes"]:
        screen.print("Nothing would be written to any tool.")


def _print_rematched(found: dict[str, Any]) -> None:
    if not found:
        return
    screen = output.console()
    joined = ", ".join(f"{loser} → {winner}" for loser, winner in found["pairs"][:_NAMED])
    staying = ", ".join(str(one) for one in found["staying"][:_NAMED])
    screen.print(f"Matched again: {many(found['joined'], 'record')} joined{': ' if joined else ''}{joined}, "
                 f"{found['asked']:,} asked about.")  # fmt: skip
    if found["stay"]:
        screen.print(f"{found['stay']:,} stay joined, though nothing that still counts says so: records {staying}.")


def _print_share(name: str, one: dict[str, Any]) -> None:
    screen = output.console()
    for words in one["unusual"]:
        screen.print(f"! {name}: {words}", markup=False)
    if one["fields"]:
        fields = ", ".join(f"{field} {count:,}" for field, count in list(one["fields"].items())[:_NAMED])
        screen.print(f"{name} updates: {fields}", markup=False)
    for sample in one["samples"]:
        told = "; ".join(
            f"{path}: {_value(value['before'])} → {_value(value['after'])}" for path, value in sample["fields"].items()
        )
        which = " ".join(filter(None, (sample["verb"], sample["stream"], sample["id"], sample["title"])))
        screen.print(f"  {which}{': ' if told else ''}{told}", markup=False)


def _value(value: Any) -> str:
    from core.decide.why import text

    told = text(value)
    return told if len(told) <= 60 else told[:57] + "…"


def _quota(one: dict[str, Any]) -> str:
    return "" if one["quota"] is None else output.share(one["quota"])


def _duration(one: dict[str, Any]) -> str:
    if one["seconds"] is None:
        return "not known" if one["creates"] + one["updates"] + one["deletes"] else ""
    if one["seconds"] < 90:
        return f"{max(1, round(one['seconds']))} s"
    minutes = one["seconds"] / 60
    return f"{minutes:.0f} min" if minutes < 90 else f"{minutes / 60:.1f} h"


def _print_end(change: Changes, applied: Applied | None) -> None:
    if applied is None:
        if change.any:
            output.say("Nothing was changed.")
        return
    output.say(f"In force (run {applied.run_id}). `concord undo {applied.run_id}` takes it back.")
    if applied.left_to:
        output.say(f"{applied.left_to} It carries out the plan.")
        return
    if applied.planned:
        output.say(f"{applied.done:,} of {applied.planned:,} planned writes are done.")
    for name in applied.halted:
        output.say(f"{name}: stopped. `concord reviews` says why.")
    if applied.undone and not applied.halted:
        output.say(f"{len(applied.undone):,} were not done, or not so: `concord problems` and the next sync tell more.")
    if applied.unplanned:
        output.say(f"{len(applied.unplanned):,} more were waiting before, and went out too.")
    if change.added:
        output.say("`concord check` looks at the tools, `concord sync` begins.")
