"""`concord try`: a tool is tried with its own sandbox, before anybody gives it credentials."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.model.many import many

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.trial.asked import Asked

_SHOWN = 12
"""Fields that no line touches, named of each stream."""


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command("try")(try_)


def try_(
    tool: Annotated[str, typer.Argument(help="The tool, or a connection: then with the mapping in force there.")],
    mapping: Annotated[Path | None, typer.Option(help="Try this mapping's file instead.")] = None,
    as_json: Json = False,
) -> None:
    """Try a tool with its own sandbox: what is read, written and asked. No real tool is called, and nothing is kept."""
    from api.cli.opening import opened, settings
    from api.trial.running import Trial

    here = settings()
    if here.database_url is None and not (here.data / "concord.db").exists():
        asked = _asked(None, tool, mapping)
    else:
        with opened(chosen=here) as installation:
            asked = _asked(installation, tool, mapping)
    watched = not as_json and sys.stderr.isatty()
    report = Trial(asked).run(lambda words: print(words, file=sys.stderr) if watched else None)
    if as_json:
        output.as_json(report)
    else:
        _print(report)


def _asked(installation: Installation | None, tool: str, mapping: Path | None) -> Asked:
    """What is tried; a connection goes before a tool of the same name."""
    from api.connecting import known, read_mapping
    from api.trial.asked import of_connection, of_tool
    from core.flow.hub import HUB

    text = read_mapping(mapping) if mapping is not None else None
    row = known(installation, tool) if installation is not None else None
    if installation is not None and row is not None and row.state != "removed" and row.name != HUB:
        return of_connection(tool, installation, text, file=str(mapping) if mapping is not None else None)
    return of_tool(tool, installation, (text, str(mapping)) if text is not None else None)


def _print(report: dict[str, Any]) -> None:
    screen = output.console()
    if report["cut_short"]:
        screen.print(f"{report['cut_short']} What follows is how far it came.", markup=False)
    rows = [(one["stream"], one["kind"], f"{one['records']:,}") for one in report["read"]]
    if rows:
        title = f"{report['title']}, tried with its sandbox in {report['seconds']} s: what was read"
        screen.print(output.table(title, ("stream", "kind", "records"), rows, right=("records",)))
        _print_samples(report)
        _print_written(report)
    _print_problems(report)
    for one in report["needs"]:
        screen.print(f"Your account will need: {one}", markup=False)
    for stream, fields in report["untouched"].items():
        named = ", ".join(f"{one['name']}*" if one["filled"] else one["name"] for one in fields[:_SHOWN])
        more = f" and {len(fields) - _SHOWN:,} more" if len(fields) > _SHOWN else ""
        screen.print(f"No line touches, in {stream}: {named}{more}", markup=False)
    screen.print("Nothing is left of the trial. * holds something in the samples; `--json` tells all.", markup=False)


def _print_samples(report: dict[str, Any]) -> None:
    for one in report["samples"]:
        rows = [
            (line["theirs"], line["there"], line["ours"], "; ".join(filter(None, (line["becomes"], line["wrong"]))))
            for line in one["lines"]
        ]
        heads = (f"in {report['title']}", "value there", "here", "becomes")
        output.console().print(output.table(f"{one['stream']} {one['id']}", heads, rows))


def _print_written(report: dict[str, Any]) -> None:
    screen, written, agreement = output.console(), report["written"], report["agreement"]
    what = output.counted({f"{verb}s": count for verb, count in written["verbs"].items()})
    screen.print(f"Would be written: {what}, in {many(written['calls'], 'call')}.", markup=False)
    if written["call"] is not None:
        call = written["call"]
        screen.print(f"The first call: {call['method']} {call['path']}\n{call['body']}", markup=False)
    screen.print(
        f"Agreement: {output.share(agreement['share'])} of {many(agreement['fields'], 'field')} in "
        f"{many(agreement['records'], 'record')}; {agreement['in_conflict']:,} wait for a person's answer.",
        markup=False,
    )


def _print_problems(report: dict[str, Any]) -> None:
    from core.mapping import Problem

    screen = output.console()
    for one in report["mapping"]:
        screen.print(str(Problem(**one)), markup=False)
    told = [{"connection": "", "what": one["what"], "remedy": one["remedy"]} for one in report["problems"]]
    output.troubles(screen, told)
    if not told and not report["mapping"]:
        screen.print("No problems, and no questions for a person.", markup=False)
