"""Commands about who is who: `merge` makes two one, here or in a tool, and `duplicates` lists what tools hold twice."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError
from core.model.many import many

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.hub import Hub
    from core.flow.identity.doubles import Duplicate
    from core.flow.identity.joining import Joining
    from core.flow.identity.mending import Pair
    from core.store.records import Record

Words = Annotated[
    list[str],
    typer.Argument(help="KIND KEY KEY for two records of the hub; with --in the ids ID ID.", metavar="KIND KEY KEY"),
]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (merge, duplicates):
        app.command()(command)


def merge(
    words: Words,
    into: Annotated[int | None, typer.Option(help="The number of the record that is left; else the older one.")] = None,
    connection: Annotated[
        str | None,
        typer.Option("--in", help="Merge two of this tool's own records: the id that is left, then the other."),
    ] = None,
    stream: Annotated[str | None, typer.Option(help="With --in: the stream, where several hold these ids.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would happen.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Make two records one: in the hub, and so in what every tool is told, or with --in in one tool itself."""
    from api.cli.opening import names_of, opened

    with opened(made=True) as installation:
        if connection is None:
            _merge_here(installation, words, into, dry_run=dry_run, yes=yes, as_json=as_json)
            return
        names_of(installation, [connection])
        if len(words) != 2 or into is not None:
            raise ConfigError(
                "With --in, the command takes two ids and no --into.",
                remedy=f"Write `concord merge --in {connection} ID ID`; the first one is left.",
            )
        _merge_there(installation, connection, words, stream, dry_run=dry_run, yes=yes, as_json=as_json)


def _merge_here(
    installation: Installation, words: list[str], into: int | None, *, dry_run: bool, yes: bool, as_json: bool
) -> None:
    from core.flow.identity.joining import join, pick, plan_join

    if len(words) != 3:
        raise ConfigError(
            "The command takes a kind and two records.", remedy="Write `concord merge contact ann@shore.example 17`."
        )
    hub = installation.hub()
    one, other = (the_one(installation, hub, words[0], key).id for key in words[1:])
    winner, loser = pick(hub, one, other, into)
    planned = plan_join(hub, winner, loser)
    if not as_json:
        _print_joining(planned)
    run = None
    if not dry_run:
        _agree(f"Make record {loser} part of record {winner}?", yes=yes, as_json=as_json)
        run = join(hub, winner, loser)
    if as_json:
        output.as_json({**_joining_told(planned), "merged": run is not None, "run": run})
    elif run is not None:
        output.say(
            f"Record {loser} is part of record {winner} now (run {run}). The next `concord sync` carries it out."
        )


def the_one(installation: Installation, hub: Hub, kind: str, key: str) -> Record:
    """The one record that a person means; `ConfigError` where it is none or several."""
    from core.flow.asking import find
    from core.mapping.problem import did_you_mean
    from core.store import records

    shapes = installation.shapes()
    if kind not in shapes:
        raise ConfigError(f"There is no kind '{kind}'.", remedy=did_you_mean(kind, shapes) or "See docs/model.md.")
    found = [one for one in find(hub, kind, key) if one.state not in (records.State.MERGED, records.State.ERASED)]
    if not found:
        raise ConfigError(f"No {kind} is found by {key!r}.", remedy="Try its email, domain, name, number or remote id.")
    if len(found) > 1:
        numbers = ", ".join(str(one.id) for one in found)
        raise ConfigError(f"{key!r} names several: {numbers}.", remedy="Give the number of the one you mean.")
    return found[0]


def _agree(question: str, *, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise ConfigError("Nobody has agreed to this merge.", remedy="Look with --dry-run, then add --yes.")
    if not typer.confirm(question, default=False):
        raise ConfigError("Nothing was merged.", remedy="Run the command again when you agree with what it shows.")


def _joining_told(planned: Joining) -> dict[str, Any]:
    return {
        "winner": planned.winner,
        "loser": planned.loser,
        "kind": planned.kind,
        "values": planned.values,
        "differs": {
            name: {"winner": mine, "loser": theirs, "stands": planned.values.get(name)}
            for name, (mine, theirs) in planned.differs.items()
        },
        "chosen": list(planned.chosen),
        "writes": [
            {
                "connection": one.connection,
                "stream": one.stream,
                "id": one.remote_id,
                "step": one.step,
                "fields": {path: list(pair) for path, pair in one.fields.items()},
            }
            for one in planned.writes
        ],
        "doubles": planned.doubles,
    }


def _print_joining(planned: Joining) -> None:
    from core.decide.why import text

    screen = output.console()
    rows = [
        (name, text(mine), text(theirs), text(planned.values.get(name)), "yours" if name in planned.chosen else "")
        for name, (mine, theirs) in planned.differs.items()
    ]
    heads = ("field", f"{planned.winner} (stays)", f"{planned.loser} (goes)", "will stand", "by whose word")
    if rows:
        screen.print(output.table("", heads, rows))
    else:
        screen.print("The two say the same.")
    for one in planned.writes:
        place = f"{one.connection} {one.stream} {one.remote_id or '(new)'}"
        changed = ", ".join(f"{path}: {text(held)} → {text(wanted)}" for path, (held, wanted) in one.fields.items())
        screen.print(f"{one.step} {place}: {changed}" if changed else f"{one.step} {place}", markup=False)
    if not planned.writes:
        screen.print("Nothing is written to any tool.")
    for source, ids in planned.doubles.items():
        times = many(len(ids), "time")
        screen.print(
            f"{source} then holds it {times} ({', '.join(ids)}): see `concord duplicates {source}`.", markup=False
        )


def _merge_there(
    installation: Installation,
    name: str,
    ids: list[str],
    stream: str | None,
    *,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    from core.flow.identity.mending import can_merge, pair, request
    from core.flow.running import Run

    hub = installation.hub()
    connection = hub.connection(name)
    two = pair(hub, connection, ids, stream)
    told: dict[str, Any] = {"connection": name, "stream": two.stream.name, "survivor": ids[0], "loser": ids[1]}
    if not as_json:
        _print_pair(two)
    run = None
    if not dry_run:
        if can_merge(hub, two.stream):
            question = f"Merge {ids[1]} into {ids[0]} in {name}? It cannot be taken back there."
            _agree(question, yes=yes, as_json=as_json)
        with Run(hub, hub.own_id, "merge", subject=told) as run:
            request(hub, run, connection, two)
    if as_json:
        output.as_json({**told, "asked": run is not None, "run": run.id if run else None})
    elif run is not None:
        output.say(f"{name} is asked to merge {ids[1]} into {ids[0]} by the next `concord sync`.")


def _print_pair(two: Pair) -> None:
    from core.decide.why import text

    survivor, loser = two.stream.translator.read([two.survivor.expected, two.loser.expected])
    names = [name for name in two.stream.shape.fields if name in survivor.values or name in loser.values]
    rows = [(name, text(survivor.values.get(name)), text(loser.values.get(name))) for name in names]
    heads = ("field", f"{two.survivor.remote_id} (stays)", f"{two.loser.remote_id} (goes)")
    output.console().print(output.table("", heads, rows))


def duplicates(
    name: Annotated[
        str | None, typer.Argument(help="The connection; all of them when none is named.", metavar="[CONNECTION]")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many of a connection at most.", min=1, max=100_000)] = 200,
    as_json: Json = False,
) -> None:
    """What a tool holds twice: the evidence, which one should stay, what it would have, and how to merge them."""
    from api.cli.opening import names_of, opened
    from core.flow.identity.duplicates import duplicates as held_twice

    with opened(made=True) as installation:
        names_of(installation, [name] if name else None)
        found = held_twice(installation.hub(), name, limit=limit)
    if as_json:
        output.as_json({"duplicates": [one.to_json() for one in found]})
        return
    if not found:
        output.say("No tool is known to hold anything twice.")
    for one in found:
        _print_duplicate(one)


def _print_duplicate(one: Duplicate) -> None:
    from core.decide.why import text

    screen = output.console()
    title = one.stream.shape.name_of(one.values)
    review = f"  (review #{one.review_id})" if one.review_id else ""
    screen.print(f"{one.connection} {one.stream.name}: {title}{review}", style="bold", markup=False)
    if one.speaks_for:
        screen.print(f"  for: {', '.join(one.speaks_for)}", markup=False)
    if one.speaks_against:
        screen.print(f"  against: {', '.join(one.speaks_against)}", markup=False)
    names = [name for name in one.stream.shape.fields if any(name in copy.values for copy in one.copies)]
    heads = ("field", *(copy.bound.remote_id for copy in one.copies), "the one that stays")
    rows = [(name, *(text(copy.values.get(name)) for copy in one.copies), text(one.values.get(name))) for name in names]
    screen.print(output.table("", heads, rows))
    screen.print(f"  {one.copies[0].bound.remote_id} should stay: {', '.join(one.because)}.", markup=False)
    for how in one.how:
        screen.print(f"  → {how}", markup=False)
