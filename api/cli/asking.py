"""Commands that only look: `status`, `problems`, `log` and `why`. They work while the hub runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.model.many import many

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.asking import Answer
    from core.store.records import Record

Limit = Annotated[int, typer.Option(help="How many at most.", min=1, max=100_000)]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (status, problems, log, why):
        app.command()(command)


def status(as_json: Json = False) -> None:
    """How the hub stands: connections, agreement, what waits, what is wrong and what to do about it."""
    from api.cli.opening import opened
    from api.presence import presence_of
    from api.snapshot import snapshot

    with opened(made=True) as installation:
        installation.presence = presence_of(installation.settings, lambda: installation.hub().installation)
        state = snapshot(installation)
    if as_json:
        output.as_json(state)
    else:
        print_status(state)


def _state(one: dict[str, Any]) -> str:
    if one["hold"] is None:
        return str(one["state"])
    return f"{one['state']}, {one['hold']['what']} held until {one['hold']['until'][:16].replace('T', ' ')} UTC"


def print_status(state: dict[str, Any]) -> None:
    """Print a status as `--json` shows it."""
    screen = output.console()
    if not state["connections"]:
        screen.print("There is no connection yet. Begin with `concord connect`.")
        return
    rows = [
        (
            one["name"],
            one["connector"],
            _state(one),
            f"{one['records']:,}",
            output.share(one["agreement"]),
            one["outbox"] or "",
            output.ago(one["read_seconds_ago"]),
        )
        for one in state["connections"]
    ]
    heads = ("connection", "connector", "state", "records", "agreement", "outbox", "read")
    screen.print(output.table("Connections", heads, rows, right=("records", "agreement", "outbox")))
    kinds = [
        (one["name"], kind["kind"], f"{kind['records']:,}", output.share(kind["agreement"]), kind["out_of_step"] or "",
         kind["in_conflict"] or "", kind["missing"] or "", kind.get("left_out") or "")
        for one in state["connections"]
        for kind in one["kinds"]
    ]  # fmt: skip
    if kinds:
        named = ("connection", "kind", "records", "agreement", "fields out of step", "in conflict", "records missing",
                 "left out by a filter")  # fmt: skip
        shown = 8 if any(row[-1] for row in kinds) else 7
        screen.print(output.table("Agreement", named[:shown], [row[:shown] for row in kinds], right=named[2:shown]))
    calls = [(one["name"], *_calls(one["calls"])) for one in state["connections"] if one["calls"]]
    if calls:
        heads = ("connection", "used", "left", "whole again", "a second", "refused", "last refused")
        screen.print(output.table("Calls to the tools", heads, calls, right=heads[1:3]))
    runs = [
        (f"#{one['id']}", one["connection"], " ".join(filter(None, (one["what"], one["stream"]))),
         "running" if one["running"] else f"{one['seconds']:.1f} s", one["message"] or output.counted(one["counts"]))
        for one in state["runs"][:6]
    ]  # fmt: skip
    if runs:
        screen.print(output.table("Last runs", ("run", "connection", "what", "took", "did"), runs))
    counts = ", ".join(f"{kind} {count:,}" for kind, count in state["records"].items()) or "no records yet"
    screen.print(f"In the hub: {counts}. Agreement: {output.share(state['agreement'])}.")
    screen.print(
        f"Reviews: {state['reviews']['open']}. Dead letters: {state['dead_letters']}. "
        f"Problems: {state['problems']:,}. Unread: {state['unread']:,}."
    )
    if outside := sum(stream["kept_out"] for one in state["connections"] for stream in one["streams"]):
        screen.print(f"Kept out of the hub by filters: {outside:,}.")
    if echoes := {one["name"]: one["near_misses"] for one in state["connections"] if one["near_misses"]}:
        told = ", ".join(f"{name} {count:,}" for name, count in echoes.items())
        screen.print(f"Spelt otherwise in the last day, and known to be no edit: {told}.", markup=False)
    output.troubles(screen, state["troubles"])


def _calls(told: dict[str, Any]) -> tuple[Any, ...]:
    """A connection's calls as a row; blanks where the tool has no such limit."""
    used = f"{told['used']:,} of {told['allowed']:,}" if told["allowed"] else ""
    left = f"{told['left']:,}" if told["allowed"] else ""
    again = told["resets_at"] or ("one by one" if told["allowed"] else "")
    return used, left, again, told["per_second"] or "", told["refusals"] or "", told["refused_at"] or ""


def problems(
    name: Annotated[str | None, typer.Argument(help="The connection; all of them when none is named.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """What could not be read, translated or written, with counts and a listing."""
    from api.cli.opening import names_of, opened
    from api.elements import whose
    from api.listing import problems_of

    with opened(made=True) as installation:
        now = installation.clock()
        names_of(installation, [name] if name else None)
        found = problems_of(installation, name, limit=limit)
    if as_json:
        output.as_json(found)
        return
    screen = output.console()
    counts = found["counts"]
    if not any(counts.values()):
        screen.print("Nothing is wrong that the hub knows of.")
        return
    screen.print(f"{many(counts['records'], 'record')} with problems, {many(counts['unread'], 'place')} unread, "
                 f"{many(counts['dead_letters'], 'dead letter')}, {many(counts['reviews'], 'review')}.")  # fmt: skip
    if found["kinds"]:
        rows = [(one["count"], one["connection"], one["stream"], one["what"]) for one in found["kinds"]]
        heads = ("records", "connection", "stream", "what")
        screen.print(output.table("Most common", heads, rows, right=("records",)))
    listed: list[tuple[Any, ...]] = [
        (one["connection"], one["stream"], one["id"], _shown(one), "; ".join(one["problems"]))
        for one in found["records"]
    ]
    if listed:
        screen.print(output.table("Records", ("connection", "stream", "id", "record", "problem"), listed))
    for one in found["unread"]:
        screen.print(f"{one['connection']}: {one['place']}", markup=False)
    letters: list[tuple[Any, ...]] = [
        (one["connection"], _shown(one), one["verb"], one["message"], f"{one['acts']}: {one['remedy']}",
         whose(one, now))
        for one in found["dead_letters"]
    ]  # fmt: skip
    if letters:
        named = ("connection", "record", "edit", "the tool's words", "who acts, what to do", "whose, by when")
        screen.print(output.table("Dead letters", named, letters))
    asked: list[tuple[Any, ...]] = [
        (f"#{one['id']}", one["what"], one["record"] and _shown(one), one["field"], one["note"])
        for one in found["reviews"]
    ]
    if asked:
        screen.print(output.table("Reviews", ("review", "what", "record", "field", "about"), asked))


def _shown(one: dict[str, Any]) -> str:
    record = one.get("record")
    return f"{record['kind']} {record['id']} {record['title']}".strip() if record else ""


def log(  # noqa: PLR0913, PLR0917 - each is one option
    connection: Annotated[str | None, typer.Option(help="Only this connection.")] = None,
    record: Annotated[int | None, typer.Option(help="Only the record with this number.")] = None,
    run: Annotated[int | None, typer.Option(help="Only this run.")] = None,
    code: Annotated[str | None, typer.Option(help="Only answers with this error code.")] = None,
    email: Annotated[
        str | None, typer.Option(help="Only whoever has this address or name, or is known by this in a tool.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="Only since then: 30min, 2h, 3d, or a date and time.")] = None,
    older: Annotated[
        str | None, typer.Option(help="Go on below the last page, at the word that it ended with.", metavar="PLACE")
    ] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """What came in, what was decided and why, what went out, and what the tool answered; newest first."""
    from api.cli.opening import names_of, opened
    from api.entries import Below
    from api.listing import Asked, below_of, log_of, moment_of

    with opened(made=True) as installation:
        names_of(installation, [connection] if connection else None)
        when = moment_of(since, installation.clock()) if since else None
        below = below_of(older) if older else Below()
        found = log_of(installation, Asked(connection, record, run, code, email, when, limit, below))
    if as_json:
        output.as_json({"entries": found})
        return
    print_log(found)
    if len(found) == limit:
        output.say(f"Older ones: the same with --older {found[-1]['older']}")


def print_log(found: Sequence[dict[str, Any]]) -> None:
    """Print entries of the log as `--json` shows them."""
    screen = output.console()
    for one in found:
        head = f"{one['at']}  {one['direction']:<3}  {one['connection'] or '–'}"
        screen.print(f"{head}  {_shown(one)}", markup=False, style="bold")
        screen.print(f"    {one['sentence']}", markup=False)
    if not found:
        screen.print("The log holds nothing like that.")


def why(
    kind: Annotated[str, typer.Argument(help="contact, company, deal and so on.")],
    key: Annotated[str, typer.Argument(help="The record's number, email, domain, name, or its id in a tool.")],
    field: Annotated[str | None, typer.Argument(help="One field; all of them when none is named.")] = None,
    as_json: Json = False,
) -> None:
    """Why a record's values stand: who said what, when, and which rule decided."""
    from api.cli.opening import opened
    from core.flow.asking import ask, find
    from core.flow.filters.left_out import kept_out

    with opened(made=True) as installation:
        _check_words(installation, kind, field)
        hub = installation.hub()
        found = find(hub, kind, key)
        outside = [] if found else kept_out(hub, kind, key)
        answers = [ask(hub, record, field) for record in found[:1]] if len(found) == 1 else []
        if as_json:
            told = [_told(installation, ask(hub, record, field)) for record in found[:20]]
            output.as_json({"records": told, "kept_out": [one._asdict() for one in outside]})
        elif answers:
            _print_answer(installation, answers[0])
        else:
            _print_choice(installation, kind, key, found)
            for one in outside:
                print(f"– {one.sentence} ({one.remote_id}).")
    if not found:
        raise typer.Exit(1)


def _check_words(installation: Installation, kind: str, field: str | None) -> None:
    from core.errors import ConfigError
    from core.mapping.problem import did_you_mean

    shapes = installation.shapes()
    if kind not in shapes:
        raise ConfigError(f"There is no kind '{kind}'.", remedy=did_you_mean(kind, shapes) or "See docs/model.md.")
    if field is not None and field not in shapes[kind].fields:
        remedy = did_you_mean(field, shapes[kind].fields) or "See docs/model.md."
        raise ConfigError(f"A {kind} has no field '{field}'.", remedy=remedy)


def _print_choice(installation: Installation, kind: str, key: str, found: list[Record]) -> None:
    from api.listing import title

    if not found:
        print(f"No {kind} is known by '{key}'.")
        return
    print(f"Several records are known by '{key}'; ask for one by its number:")
    for record in found[:20]:
        print(f"  concord why {kind} {record.id}    {title(installation.shapes(), record)}")


def _told(installation: Installation, answer: Answer) -> dict[str, Any]:
    from api.listing import title

    sources = installation.hub().sources
    return {
        "id": answer.record.id,
        "kind": answer.record.kind,
        "title": title(installation.shapes(), answer.record),
        "values": answer.record.values,
        "held_by": [
            {"connection": sources.get(one.stream_id, "?"), "id": one.remote_id, "state": one.state}
            for one in answer.bound
        ],
        "fields": [
            {
                "field": one.field,
                "value": one.value,
                "rule": str(one.rule),
                "source": one.winner.source if one.winner else None,
                "at": one.winner.stamp.said_at if one.winner else None,
                "asked": one.asked,
                "others": [
                    {"source": lost.source, "value": lost.value, "at": lost.stamp.said_at, "reason": lost.reason}
                    for lost in one.losers
                ],
                "sentence": one.sentence,
            }
            for one in answer.why
        ],
        "dead_letters": [
            {"code": one.code, "message": one.message, "remedy": one.remedy} for one in answer.dead_letters
        ],
        "left_out": [one._asdict() for one in answer.left_out],
    }


def _print_answer(installation: Installation, answer: Answer) -> None:
    told = _told(installation, answer)
    screen = output.console()
    held = ", ".join(f"{one['connection']} ({one['id']})" for one in told["held_by"]) or "no tool"
    screen.print(f"{told['kind']} {told['id']}: {told['title']}", style="bold", markup=False)
    screen.print(f"Held by {held}.", markup=False)
    for one in told["fields"]:
        screen.print(f"• {one['sentence']}", markup=False)
    for one in told["left_out"]:
        screen.print(f"– {one['sentence']}.", markup=False)
    for one in told["dead_letters"]:
        screen.print(f"! {one['message']} → {one['remedy']}", markup=False)
