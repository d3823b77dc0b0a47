"""`concord remote`: another hub, looked at and worked on by its API, with the words of the commands that do so here.

Which hub is said by `CONCORD_REMOTE` or `--hub`, the key by `CONCORD_REMOTE_KEY` alone. What a command shows of the
other hub is printed as it would be there, of a viewer's key with personal data masked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.asking import print_log, print_status
from api.cli.output import Json
from core.errors import ConfigError
from core.model.many import many

if TYPE_CHECKING:
    from api.client import Client

Limit = Annotated[int, typer.Option(help="How many at most.", min=1, max=100_000)]
Named = Annotated[str | None, typer.Option(help="Only this connection.")]
_LOOK_EVERY = 1.0
"""Seconds between two looks at a plan that is being made."""

group = typer.Typer(
    no_args_is_help=True,
    help="Another hub, asked by its API: CONCORD_REMOTE says where it is, CONCORD_REMOTE_KEY has the key.",
)


def register(app: typer.Typer) -> None:
    """Add this group."""
    app.add_typer(group, name="remote")


@group.callback()
def remote(
    context: typer.Context,
    hub: Annotated[str | None, typer.Option(envvar="CONCORD_REMOTE", help="Where it is.", metavar="URL")] = None,
) -> None:
    """Remember which hub is meant."""
    context.obj = hub


@contextmanager
def reached(context: typer.Context) -> Iterator[Client]:
    """The hub that is meant."""
    from api.remote import KEY, asked

    with asked(context.obj, os.environ.get(KEY)) as hub:
        yield hub


# --- looking


@group.command("status")
def status(context: typer.Context, as_json: Json = False) -> None:
    """How it stands: connections, agreement, what waits, what is wrong and what to do about it."""
    with reached(context) as hub:
        told = hub.status()
    if as_json:
        output.as_json(told)
    else:
        print_status(told)


@group.command("find")
def find(
    context: typer.Context,
    words: Annotated[str, typer.Argument(help="An email, phone, domain, name, number, or id in a tool.")],
    kind: Annotated[str | None, typer.Option(help="Only contacts, companies, and so on.")] = None,
    as_json: Json = False,
) -> None:
    """The records that are known by a word, best first. 1 when there is none."""
    with reached(context) as hub:
        found = hub.find(words, kind=kind)
    if as_json:
        output.as_json({"records": found})
    else:
        _print_records(words, found)
    if not found:
        raise typer.Exit(1)


@group.command("why")
def why(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="contact, company, deal and so on.")],
    key: Annotated[str, typer.Argument(help="The record's number, email, domain, name, or its id in a tool.")],
    field: Annotated[str | None, typer.Argument(help="One field; all of them when none is named.")] = None,
    as_json: Json = False,
) -> None:
    """Why a record's values stand: who said what, and which rule decided. 1 when it is not one record."""
    from core.decide.why import text

    with reached(context) as hub:
        found = hub.find(key, kind=kind)
        fields = hub.why(found[0]["id"], field=field) if len(found) == 1 else []
    if as_json:
        output.as_json({"records": found, "fields": fields})
    elif len(found) == 1:
        screen = output.console()
        screen.print(f"{found[0]['kind']} {found[0]['id']}: {found[0]['name']}", style="bold", markup=False)
        for one in fields:
            said = one["sentence"] or f"{one['field']} is {text(one['value'])}, by the rule {one['rule']}."
            screen.print(f"• {said}", markup=False)
    else:
        _print_records(key, found)
    if len(found) != 1:
        raise typer.Exit(1)


@group.command("log")
def log(  # noqa: PLR0913, PLR0917 - each is one option
    context: typer.Context,
    connection: Named = None,
    record: Annotated[int | None, typer.Option(help="Only the record with this number.")] = None,
    run: Annotated[int | None, typer.Option(help="Only this run.")] = None,
    code: Annotated[str | None, typer.Option(help="Only answers with this error code.")] = None,
    email: Annotated[str | None, typer.Option(help="Only whoever has this address or name.")] = None,
    since: Annotated[str | None, typer.Option(help="Only since then: 30min, 2h, 3d, or a date and time.")] = None,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """What came in, what was decided and why, what went out, and what the tool answered; newest first."""
    asked = {"connection": connection, "record": record, "run": run, "code": code, "email": email, "since": since}
    with reached(context) as hub:
        found = list(islice(hub.log(**asked, limit=min(limit, 200)), limit))
    if as_json:
        output.as_json({"entries": found})
    else:
        print_log(found)


@group.command("runs")
def runs(
    context: typer.Context,
    connection: Named = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that failed.")] = False,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """What was done, newest first."""
    with reached(context) as hub:
        asked = {"connection": connection, "failed": failed or None, "limit": min(limit, 200)}
        found = list(islice(hub.runs(**asked), limit))
    if as_json:
        output.as_json({"runs": found})
        return
    rows = [
        (f"#{one['id']}", one["began_at"][:16].replace("T", " "), one["connection"] or "",
         " ".join(filter(None, (one["what"], one["stream"]))), one["message"] or output.counted(one["counts"]))
        for one in found
    ]  # fmt: skip
    heads = ("run", "began (UTC)", "connection", "what", "did")
    output.console().print(output.table("", heads, rows) if rows else "There was no run like that.")


# --- what waits for a person


@group.command("reviews")
def reviews(
    context: typer.Context,
    connection: Named = None,
    late: Annotated[bool, typer.Option("--late", help="Only what is late.")] = False,
    limit: Limit = 50,
    as_json: Json = False,
) -> None:
    """Questions that wait for a person: whose they are, by when, and how to answer; the late ones first."""
    from api.assembly import now
    from api.cli.deciding import print_review

    with reached(context) as hub:
        asked = {"connection": connection, "late": late or None, "limit": min(limit, 200)}
        found = list(islice(hub.reviews(**asked), limit))
    if as_json:
        output.as_json(found)
        return
    for one in found:
        print_review(output.console(), one, now(), command="concord remote answer")
    if not found:
        output.say("No question waits for you.")


@group.command("answer")
def answer(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="Its number, from `concord remote reviews`.")],
    word: Annotated[str, typer.Argument(help="One of the words that are named there.")],
    value: Annotated[str | None, typer.Argument(help="The value, where the word needs one.")] = None,
    as_json: Json = False,
) -> None:
    """Answer a review; the next sync carries it out."""
    from api.typed import typed

    with reached(context) as hub:
        told = hub.answer(number, word, typed(value) if value is not None else None)
    if as_json:
        output.as_json({"answered": number, "word": word, "run": told["run"]})
    else:
        output.say(f"Review {number} is answered: {word} (run {told['run']}).")


@group.command("letters")
def letters(context: typer.Context, connection: Named = None, as_json: Json = False) -> None:
    """Dead letters: what tools refused, by what they said, the largest class first."""
    with reached(context) as hub:
        found = list(hub.letters(connection=connection, limit=200))
    if as_json:
        output.as_json({"letters": found})
        return
    rows = [
        (one["connection"], one["code"], one["letters"], one["message"], f"{one['acts']}: {one['remedy']}")
        for one in found
    ]
    heads = ("connection", "code", "letters", "the tool's words", "who acts, what to do")
    table = output.table("", heads, rows, right=("letters",)) if rows else "There is no dead letter."
    output.console().print(table)


@group.command("retry")
def retry(
    context: typer.Context,
    connection: Annotated[str, typer.Argument(help="Whose dead letters.")],
    code: Annotated[str | None, typer.Option(help="Only those of this error.")] = None,
    as_json: Json = False,
) -> None:
    """Try dead letters again."""
    with reached(context) as hub:
        told = hub.retry(connection, code=code)
    if as_json:
        output.as_json({"again": told["count"]})
    else:
        output.say(f"{many(told['count'], 'dead letter')} will be tried again.")


@group.command("consent")
def consent(
    context: typer.Context,
    address: Annotated[str, typer.Argument(help="An email address or a phone number.")],
    channel: Annotated[str, typer.Option(help="email, sms, phone, post, push or chat.")] = "email",
    topic: Annotated[str | None, typer.Option(help="What about.")] = None,
    as_json: Json = False,
) -> None:
    """Whether somebody may be contacted, and why. 1 when they may not be."""
    with reached(context) as hub:
        told = hub.may_contact(address, channel=channel, topic=topic)
    if as_json:
        output.as_json(told)
    else:
        output.say(f"{'✓' if told['allowed'] else '✗'} {told['address']}: {told['why'] or told['reason']}")
    if not told["allowed"]:
        raise typer.Exit(1)


# --- changing a mapping

File = Annotated[Path, typer.Argument(help="The changed text, as YAML.", exists=False)]
Name = Annotated[str, typer.Argument(help="The connection whose mapping it is; or rules, movement, topics and so on.")]


@group.command("plan")
def plan(context: typer.Context, name: Name, file: File, as_json: Json = False) -> None:
    """Say exactly what a changed mapping, or another setting, would do there. Nothing is changed."""
    with reached(context) as hub:
        made = _planned(hub, name, _read(file), tell=not as_json)
    if as_json:
        output.as_json(made)
    else:
        _print_plan(made)


@group.command("apply")
def apply(
    context: typer.Context,
    name: Name,
    file: File,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Put a changed mapping, or another setting, in force there, and have what its plan lists carried out."""
    from api.cli.planning import agree

    with reached(context) as hub:
        made = _planned(hub, name, _read(file), tell=not as_json)
        if not as_json:
            _print_plan(made)
        if made["plan"]["writes"] and not yes:
            agree(made["plan"]["writes"], as_json=as_json, look="`concord remote plan NAME FILE`")
        done = _awaited(hub, hub.activate(made["id"], made["etag"]), tell=not as_json)
    if done["anew"]:
        raise ConfigError(f"{done['anew']} Nothing was changed.", code="plan.changed")
    if as_json:
        output.as_json(done)
    else:
        output.say(f"In force (run {done['run']}); {done['done']['done']:,} of {done['done']['planned']:,} planned "
                   "writes are done.")  # fmt: skip


def _planned(hub: Client, name: str, text: str, *, tell: bool) -> dict[str, Any]:
    kind = "setting" if name in hub.settings() else "mapping"
    return _awaited(hub, hub.plan(text, **{kind: name}), tell=tell)


def _awaited(hub: Client, made: dict[str, Any], *, tell: bool) -> dict[str, Any]:
    """A plan once nothing is done about it any more; `ConfigError` where that has failed."""
    said = ""
    while made["state"] in ("planning", "activating"):
        if tell and made["progress"] != said:
            said = made["progress"]
            output.say(said)
        time.sleep(_LOOK_EVERY)
        made = hub.planned(made["id"])
    if made["problem"] is not None:
        raise ConfigError(made["problem"]["detail"], code=made["problem"]["code"], remedy=made["problem"]["remedy"])
    return made


def _print_plan(made: dict[str, Any]) -> None:
    from api.cli.planning import print_plan

    for one in made["doubts"]:
        output.say(f"line {one['line']}, column {one['column']}: {one['detail']}")
    for one in made["changes"]:
        output.say("" if one["sign"] == "@" else f"{one['sign']} {one['line']}")
    print_plan(made["plan"])


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(f"{file} cannot be read: {why}.", remedy="Name a YAML file in UTF-8.") from error


def _print_records(words: str, found: list[dict[str, Any]]) -> None:
    rows = [(one["kind"], one["id"], one["name"], one["state"]) for one in found]
    told = output.table("", ("kind", "number", "name", "state"), rows) if rows else f"Nothing is known by '{words}'."
    output.console().print(told, markup=False)
