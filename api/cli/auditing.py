"""`concord audit`: the four elements of every open record, as a scorecard or record by record."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError

_ELEMENTS = ("owner", "action", "timing", "recovery")


class By(StrEnum):
    """What records are counted by."""

    STAGE = "stage"
    SOURCE = "source"
    OWNER = "owner"
    TOOL = "tool"
    WEEK = "week"
    KIND = "kind"


class Missing(StrEnum):
    """An element that is not there."""

    OWNER = "owner"
    ACTION = "action"
    TIMING = "timing"
    RECOVERY = "recovery"


class Only(StrEnum):
    """Records of one sort, each as the scorecard counts them."""

    PROTECTED = "protected"
    STALE = "stale"
    OVERDUE = "overdue"
    WAITING = "waiting"
    UNWORKED = "unworked"
    ANSWERED = "answered"
    IN_WINDOW = "in_window"
    MISSED = "missed"
    SHOWN = "shown"
    UNSHOWN = "unshown"
    UNREAL = "unreal"
    CLIMBED = "climbed"
    RECOVERED = "recovered"
    STALLED = "stalled"


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(audit)


def audit(  # noqa: PLR0913, PLR0917 - each is an option of the command
    by: Annotated[By, typer.Option(help="Count by this.")] = By.STAGE,
    records: Annotated[bool, typer.Option("--records", help="List the records behind the numbers.")] = False,
    missing: Annotated[Missing | None, typer.Option(help="List records that lack this element.")] = None,
    only: Annotated[Only | None, typer.Option(help="List records of this sort.")] = None,
    kind: Annotated[str, typer.Option(help="Only records of this kind.")] = "",
    stage: Annotated[str, typer.Option(help="Only records in this stage.")] = "",
    source: Annotated[str, typer.Option(help="Only records from this source.")] = "",
    owner: Annotated[str, typer.Option(help="Only what this person owns, by name or address.")] = "",
    tool: Annotated[str, typer.Option(help="Only what this connection holds.")] = "",
    week: Annotated[str, typer.Option(help="Only what came in this week, such as 2026-W48.")] = "",
    limit: Annotated[int | None, typer.Option(help="List so many at most.", min=1)] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, one line a group or record.")] = False,
    as_json: Json = False,
) -> None:
    """Say of every open record: who owns it, what is next, by when, and what happens if that fails."""
    from api.cli.opening import opened
    from api.scorecard import listed, owner_named, ready, scorecard
    from core.store.scores import Asked

    if as_csv and as_json:
        raise ConfigError("--csv and --json exclude each other.", remedy="Give one of them.")
    narrowed = any((kind, stage, source, owner, tool, week, only is not None, missing is not None, limit is not None))
    with opened(made=True) as installation:
        if not (records or narrowed):
            found = scorecard(installation, str(by))
            output.as_json(found) if as_json else _print_groups(found) if as_csv else _print_scorecard(found)
            return
        asked = Asked(
            missing=_ELEMENTS.index(missing) if missing is not None else None, only=str(only or ""),
            kind=kind, stage=stage, source=source, tool=tool, week=week,
            owner_id=owner_named(ready(installation), owner) if owner else None,
        )  # fmt: skip
        every = listed(installation, asked, limit=limit)
        if as_json:
            output.as_json(list(every))
        elif as_csv:
            _print_csv(every)
        else:
            _print_records(every)


def _print_scorecard(found: dict[str, Any]) -> None:
    heads = (found["by"], "open", *_ELEMENTS, "protected", "stale", "overdue", "waiting", "unworked", "first answer",
             "in window", "shown", "unreal")  # fmt: skip
    rows = [_row(one) for one in found["groups"]]
    if len(rows) > 1:
        rows.append(_row({**found["whole"], "group": "all"}))
    screen = output.console()
    screen.print(output.table("The four elements of open records", heads, rows, right=heads[1:]))
    screen.print("First answers are working time, half of them within the first figure and nine of ten in the second.")
    screen.print("Shown is the share of stages that ask for evidence and have it; ages are those of the oldest.")
    if found["recovery"]["taken"]:
        screen.print(_recovery(found["recovery"]))
    if any(found["trend"]["against"].values()):
        screen.print(_trend(found["trend"]))
    screen.print("`concord audit --missing owner` lists the records behind a number.", markup=False)


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    share = [f"{one[name]:,} ({_percent(one[name], one['open'])})" for name in (*_ELEMENTS, "protected")]
    times = one["first_answer_minutes"]
    answer = f"{times['p50']:g} / {times['p90']:g} min" if times["p50"] is not None else ""
    judged = one["in_window"] + one["missed"]
    return (
        str(one["group"]),
        f"{one['open']:,}",
        *share,
        f"{one['stale']:,}",
        _aged(one, "overdue"),
        f"{one['waiting']:,}",
        _aged(one, "unworked"),
        answer,
        _percent(one["in_window"], judged) if judged else "",
        _percent(one["shown"], one["claimed"]) if one["claimed"] else "",
        f"{one['unreal']:,}",
    )


def _aged(one: dict[str, Any], name: str) -> str:
    oldest = output.hours(one[f"{name}_hours"]["oldest"])
    return f"{one[name]:,} ({oldest})" if oldest else f"{one[name]:,}"


def _recovery(told: dict[str, Any]) -> Any:
    heads = ("step", "taken", "records", "move again", "stand still", "closed since")
    each = [*((one["step"], one) for one in told["steps"]), ("all", told)]
    rows = [(name, *(one[key] for key in ("taken", "records", "recovered", "stalled", "closed"))) for name, one in each]
    return output.table(f"What recovery did in {told['days']} days", heads, rows, right=heads[1:])


def _trend(told: dict[str, Any]) -> Any:
    heads = ("figure", "now", *(f"{back} days ago" for back in told["against"]))
    rows = [
        (one["title"], *(_figure(value, one["unit"]) for value in (one["now"], *one["before"].values())))
        for one in told["lines"]
    ]
    return output.table(f"Trend since {told['since']}", heads, rows, right=heads[1:])


def _figure(value: float | None, unit: str) -> str:
    return f"{value:,g} {unit}".rstrip() if value is not None else ""


def _print_groups(found: dict[str, Any]) -> None:
    """One line a group, and one for all, with plain numbers."""
    lines, plain = csv.writer(sys.stdout), [key for key, value in found["whole"].items() if isinstance(value, int)]
    nested = [
        (key, part) for key, value in found["whole"].items() if isinstance(value, dict) for part in value
    ]  # fmt: skip
    lines.writerow((found["by"], *plain, *(f"{key}_{part}" for key, part in nested)))
    for one in [*found["groups"], {**found["whole"], "group": "all"}]:
        lines.writerow([_safe(one["group"]), *(one[key] for key in plain), *(one[key][part] for key, part in nested)])


def _percent(part: int, whole: int) -> str:
    return f"{100 * part // whole} %" if whole else "0 %"


def _print_records(found: Iterable[dict[str, Any]]) -> None:
    screen, found_any = output.console(), False
    for one in found:
        found_any = True
        score = f"{one['score']} of 4" if one["open"] else "closed"
        owner = one["owner"] or "nobody"
        head = f" {one['record']}  {one['kind']}  {one['title']}  ·  {one['stage']}  ·  {owner}  ·  {score}"
        screen.print(head, style="bold", markup=False)
        for name, said in one["missing"].items():
            screen.print(f"      {name}: {said['because']}. {said['who']}: {said['fix']}", markup=False)
        for each in one["unreal"]:
            mend = f"Say {', '.join(f'{k}={v}' for k, v in each['move'].items())}" if each["move"] else each["task"]
            screen.print(f"      {each['because']} {mend}.", markup=False)
        for each in one["mails"]:
            why = f": {each['why']}" if each["why"] else ""
            screen.print(f"      acknowledgement {each['what']} {each['state']}{why}", markup=False)
        for each in one["steps"]:
            screen.print(f"      {each['mode']}: {each['step']} {each['say']}", markup=False)
    if not found_any:
        screen.print("No record is like that.")


def _print_csv(found: Iterable[dict[str, Any]]) -> None:
    lines = csv.writer(sys.stdout)
    lines.writerow(("record", "kind", "title", "stage", "owner", "score", "stale", *_ELEMENTS, "fix", "unreal"))
    for one in found:
        because = [one["missing"].get(name, {}).get("because", "ok" if one["open"] else "") for name in _ELEMENTS]
        fixes = "; ".join(said["fix"] for said in one["missing"].values())
        unreal = "; ".join(each["because"] for each in one["unreal"])
        values = (
            one["record"],
            one["kind"],
            one["title"],
            one["stage"],
            one["owner"] or "",
            one["score"],
            one["stale"],
        )
        lines.writerow([_safe(value) for value in (*values, *because, fixes, unreal)])


def _safe(value: Any) -> Any:
    """No spreadsheet takes it for a formula."""
    text = str(value) if value is not None else ""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
