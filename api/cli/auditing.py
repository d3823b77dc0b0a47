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
    KIND = "kind"


class Missing(StrEnum):
    """An element that is not there."""

    OWNER = "owner"
    ACTION = "action"
    TIMING = "timing"
    RECOVERY = "recovery"


def register(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(audit)


def audit(  # noqa: PLR0913, PLR0917 - each is an option of the command
    by: Annotated[By, typer.Option(help="Count by this.")] = By.STAGE,
    records: Annotated[bool, typer.Option("--records", help="List the records behind the numbers.")] = False,
    missing: Annotated[Missing | None, typer.Option(help="List records that lack this element.")] = None,
    stale: Annotated[bool, typer.Option("--stale", help="List records that are too long in their stage.")] = False,
    unreal: Annotated[bool, typer.Option("--unreal", help="List records whose stage and evidence do not fit.")] = False,
    kind: Annotated[str, typer.Option(help="Only records of this kind.")] = "",
    stage: Annotated[str, typer.Option(help="Only records in this stage.")] = "",
    source: Annotated[str, typer.Option(help="Only records from this source.")] = "",
    owner: Annotated[str, typer.Option(help="Only what this person owns, by name or address.")] = "",
    limit: Annotated[int | None, typer.Option(help="List so many at most.", min=1)] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one line a record as CSV.")] = False,
    as_json: Json = False,
) -> None:
    """Say of every open record: who owns it, what is next, by when, and what happens if that fails."""
    from api.cli.opening import opened
    from api.scorecard import listed, owner_named, ready, scorecard
    from core.store.scores import Asked

    if as_csv and as_json:
        raise ConfigError("--csv and --json exclude each other.", remedy="Give one of them.")
    narrowed = any((kind, stage, source, owner, stale, unreal, missing is not None, limit is not None))
    wants_records = records or as_csv or narrowed
    with opened(made=True) as installation:
        if not wants_records:
            found = scorecard(installation, str(by))
            output.as_json(found) if as_json else _print_scorecard(found)
            return
        asked = Asked(
            missing=_ELEMENTS.index(missing) if missing is not None else None,
            kind=kind, stage=stage, source=source, stale=stale, unreal=unreal,
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
    heads = (found["by"], "open", *_ELEMENTS, "protected", "stale", "waiting", "first answer", "in window", "unreal")
    rows = [_row(one) for one in found["groups"]]
    if len(rows) > 1:
        rows.append(_row({**found["whole"], "group": "all"}))
    screen = output.console()
    screen.print(output.table("The four elements of open records", heads, rows, right=heads[1:]))
    screen.print("First answers are working time, half of them within the first figure and nine of ten in the second.")
    screen.print("`concord audit --missing owner` lists the records behind a number.", markup=False)


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    share = [f"{one[name]:,} ({_percent(one[name], one['open'])})" for name in (*_ELEMENTS, "protected")]
    times = one["first_answer_minutes"]
    answer = f"{times['p50']:g} / {times['p90']:g} min" if times["p50"] is not None else ""
    judged = one["in_window"] + one["missed"]
    in_window = _percent(one["in_window"], judged) if judged else ""
    counts = (f"{one['stale']:,}", f"{one['waiting']:,}", answer, in_window, f"{one['unreal']:,}")
    return (str(one["group"]), f"{one['open']:,}", *share, *counts)


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
