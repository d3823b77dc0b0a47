"""The command that takes a run back: `undo`. It says first what would change, what stays, and why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError
from core.model.many import many

if TYPE_CHECKING:
    from core.flow.hub import Hub
    from core.flow.undo.undoing import Undoing
    from core.store.records import Record

SHOWN = 50
"""Lines of each listing on a screen; `--json` has all of them."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(undo)


def undo(
    number: Annotated[
        int, typer.Argument(help="The run's number, from `concord status` or `concord log`.", metavar="RUN")
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Take a run back: an import, an edit, an answer, a merge, an applied change. What was changed since stays."""
    from api.cli.opening import opened
    from api.cli.planning import undo_change
    from core.flow.undo import undoing
    from core.store import runs

    with opened(made=True) as installation:
        hub = installation.hub()
        with hub.store.reading() as tx:
            run = runs.one(tx, number)
        if run is not None and run.what == "apply":
            undo_change(installation, run, dry_run=dry_run, yes=yes, as_json=as_json)
            return
        planned = undoing.plan_undo(hub, number)
        if not as_json:
            _print(hub, planned)
        done = None
        if not dry_run:
            if not yes:
                _agree(planned, as_json=as_json)
            done = undoing.undo(hub, number)
    if as_json:
        output.as_json({**planned.to_json(), "undone_by": done})
    elif done is None:
        output.say("Nothing was changed.")
    else:
        output.say(f"Run {number} is undone, by run {done}; `concord undo {done}` takes that back. "
                   "The next `concord sync` carries it out.")  # fmt: skip


def _agree(planned: Undoing, *, as_json: bool) -> None:
    if as_json or not sys.stdin.isatty():
        raise ConfigError(
            f"This changes {many(planned.records, 'record')}, and nobody has agreed to that.",
            remedy=f"Look with `concord undo {planned.run.id} --dry-run`, then add --yes.",
        )
    if not typer.confirm(f"Undo run {planned.run.id}?", default=False):
        raise ConfigError("Nothing was changed.", remedy="Run the command again when you agree with it.")


def _print(hub: Hub, planned: Undoing) -> None:
    from core.model.instant import iso

    screen, run = output.console(), planned.run
    whose = next((one.name for one in hub.connections.values() if one.id == run.connection_id), "")
    doing = " ".join(filter(None, (run.what, run.stream, f"of {whose}" if whose else "")))
    screen.print(f"Run {run.id}: {doing}, {iso(run.began_at)}. {many(planned.records, 'record')} "
                 "would change.", markup=False)  # fmt: skip
    rows = [(name, one.creates or "", one.updates or "", one.deletes or "") for name, one in planned.tools.items()]
    if rows:
        heads = ("connection", "creates", "updates", "deletes")
        screen.print(output.table("What the tools will be sent", heads, rows, right=heads[1:]))
    else:
        screen.print("Nothing will be sent to any tool.")
    for name, one in planned.tools.items():
        if one.fields:
            fields = ", ".join(f"{field} {count:,}" for field, count in one.fields.most_common(12))
            screen.print(f"{name} updates: {fields}", markup=False)
    _print_rest(planned)


def _print_rest(planned: Undoing) -> None:
    """What stays as it is, and what is asked again."""
    screen = output.console()
    kept: list[tuple[Any, ...]] = [
        (_named(one.record), one.field or "all of it", _value(one.value), _since(one.source, one.at), one.why)
        for one in planned.kept[:SHOWN]
    ]
    if kept:
        named = ("record", "field", "stays", "since", "why")
        screen.print(output.table(f"What stays ({len(planned.kept):,})", named, kept))
    left: list[tuple[Any, ...]] = [(one.connection, _named(one.record), one.why) for one in planned.left[:SHOWN]]
    if left:
        title = f"What stays in the tools ({len(planned.left):,})"
        screen.print(output.table(title, ("connection", "record", "why"), left))
    if planned.opened:
        numbers = ", ".join(str(one) for one in sorted(planned.opened)[:SHOWN])
        screen.print(f"Asked again: review {numbers}.", markup=False)


def _named(record: Record) -> str:
    values = record.values
    name = values.get("email") or values.get("name") or values.get("subject") or ""
    return f"{record.kind} {record.id} {name}".strip()


def _value(value: Any) -> str:
    from core.decide.why import text

    told = text(value) if value is not None else ""
    return told if len(told) <= 60 else f"{told[:57]}…"


def _since(source: str | None, at: int | None) -> str:
    from core.model.instant import iso

    return " ".join(filter(None, (source, "" if at is None else iso(at))))
