"""Commands by which a person has a say: `reviews`, `answer`, `assign` and `edit`.

What they say is a claim like any tool's.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError
from core.model.many import many, verb

if TYPE_CHECKING:
    from rich.console import Console

    from api.assembly import Installation
    from api.reviews import Asked
    from api.ruling import Ruling
    from core.flow.reviews.answering import Planned
    from core.store.records import Record

Value = Annotated[str | None, typer.Argument(help="The value, where the word needs one; JSON or plain words.")]
What = Annotated[str | None, typer.Option(help="Only this kind: ask, frozen, ambiguous, duplicate, brake and so on.")]
Named = Annotated[str | None, typer.Option(help="Only what this connection has a part in.")]
OfField = Annotated[str | None, typer.Option("--field", help="Only questions about this field.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")]
_SAMPLES = 5
_FIELDS = 6
"""Values of each side that are shown in the list; the review alone has all."""


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (reviews, answer, assign, edit):
        app.command()(command)


def reviews(
    number: Annotated[
        int | None, typer.Argument(help="One review, with everything that helps to decide.", metavar="REVIEW")
    ] = None,
    what: What = None,
    connection: Named = None,
    owner: Annotated[str | None, typer.Option(help="Only what this person has to answer.")] = None,
    late: Annotated[bool, typer.Option("--late", help="Only what is late.")] = False,
    limit: Annotated[int, typer.Option(help="How many at most.", min=1, max=100_000)] = 200,
    as_json: Json = False,
) -> None:
    """Questions that wait for a person: whose they are, by when, and how to answer; the late ones first."""
    from api.cli.opening import opened
    from api.reviews import Asked, find, queue, whole

    with opened(made=True) as installation:
        now = installation.clock()
        if number is not None:
            told = whole(installation, number)
            _print_whole(told, now, as_json=as_json)
            return
        asked = Asked(what=what, connection=connection, owner=owner, late=late)
        found = queue(installation, asked, limit=limit)
        left = len(find(installation, asked)) - len(found) if len(found) == limit else 0
    if as_json:
        output.as_json(found)
        return
    screen = output.console()
    for one in found:
        print_review(screen, one, now)
    if left:
        screen.print(f"{left:,} more; see them with --limit.")
    screen.print("Times are UTC. `concord reviews REVIEW` shows one whole." if found else "No question waits for you.")


def print_review(screen: Console, one: dict[str, Any], now: int, *, command: str = "concord answer") -> None:
    """Print a review as `--json` shows it, as far as it is told; `command` is that by which it is answered."""
    from api.elements import whose

    owned = f"  ·  {whose(one, now)}" if "owner" in one else ""
    screen.print(f" {one['id']}  {one['what']}  {one['about']}{owned}", style="bold", markup=False)
    screen.print(f"    {one['question']}", markup=False)
    for side in one.get("sides", ()):
        screen.print(f"    · {_side(side, now)}", markup=False)
    if one.get("sides") and one["alike"]:
        screen.print(f"    Alike in {', '.join(one['alike'])}.", markup=False)
    screen.print(f"    → {command} {one['id']} {' | '.join(one['answers'])}", markup=False)


def _side(side: dict[str, Any], now: int) -> str:
    """One of those that may be the same: who holds it, since when, and what tells it apart."""
    from api.elements import when
    from core.decide.why import text
    from core.model.instant import from_iso

    values = list(side["values"].items())
    said = [f"{name} {text(value)}" for name, value in values[:_FIELDS]]
    more = [f"and {len(values) - _FIELDS} more"] if len(values) > _FIELDS else []
    held = f" ({', '.join(side['held_by'])})" if side["held_by"] else ""
    apart = ", ".join([*said, *more]) or "nothing of its own"
    return f"{side['called']}{held}, since {when(from_iso(side['at']), now)}: {apart}"


def _print_whole(told: dict[str, Any], now: int, *, as_json: bool) -> None:
    from api.elements import when
    from core.decide.why import text
    from core.model.instant import from_iso

    if as_json:
        output.as_json(told)
        return
    screen = output.console()
    # The table below has all that the sides of the list have.
    print_review(screen, {**told, "sides": []} if told.get("side_by_side") else told, now)
    screen.print(f"    Asked {when(from_iso(told['opened_at']), now)}. Times are UTC.")
    if says := told.get("says") or told["contenders"]:
        said = [(one["source"], text(one["value"]), when(from_iso(one["at"]), now)) for one in says]
        screen.print(output.table("Who says what", ("connection", "value", "since"), said))
    if compared := told.get("side_by_side"):
        screen.print(output.table("Side by side", compared["heads"], compared["rows"]))
    for one in _samples(told["subject"]):
        screen.print(f"    {one}", markup=False)
    rows = [
        (when(from_iso(one["at"]), now), one["source"] or "", one["what"],
         f"{text(one['before'])} → {text(one['after'])}" if one["changed"] else text(one["said"]))
        for one in told.get("history", ())
    ]  # fmt: skip
    if rows:
        screen.print(output.table("What happened to the field", ("when", "connection", "what", "value"), rows))
    effects = [(one["command"], _effect(one)) for one in told["effects"]]
    screen.print(output.table("Answers", ("command", "what it does"), effects))


def _effect(one: dict[str, Any]) -> str:
    from core.decide.why import text

    if "value" not in one:
        return str(one["does"])
    goes_to = f"is written to {', '.join(one['goes_to'])}" if one["goes_to"] else "is what every tool holds already"
    return f"{text(one['value'])} stands and {goes_to}."


def _samples(subject: dict[str, Any]) -> list[str]:
    """What a review about many records gives as examples."""
    from core.decide.why import text

    found = subject.get("samples", ())
    return [
        "; ".join(f"{key} {text(value)}" for key, value in one.items()) if isinstance(one, dict) else str(one)
        for one in found
    ]


def answer(
    words: Annotated[
        list[str],
        typer.Argument(
            help="Numbers from `concord reviews` (none with --all), the word, and a value where the word needs one.",
            metavar="[REVIEW]... WORD [VALUE]",
        ),
    ],
    everything: Annotated[bool, typer.Option("--all", help="Answer all that --what and the others choose.")] = False,
    what: What = None,
    connection: Named = None,
    field: OfField = None,
    rule: Annotated[
        bool, typer.Option("--as-rule", help="Make the answer a line of the rules, so that nobody is asked again.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Answer one review or many; the next sync carries it out. What is answered to many is shown first."""
    from api.cli.opening import opened
    from api.reviews import Asked, find
    from api.typed import typed
    from core.flow.reviews.answering import carry_out, plan

    numbers, word, value = _read(words, everything=everything)
    asked = Asked(what=what, connection=connection, field=field, ids=numbers)
    with opened(made=True) as installation:
        hub, found = installation.hub(), find(installation, asked)
        if not found:
            raise ConfigError("No open review is chosen by that.", remedy="See `concord reviews`.")
        if rule:
            _answer_as_rule(installation, asked, word, yes=yes, as_json=as_json)
            return
        planned = plan(hub, found, word, typed(value or ""))
        single = len(numbers) == 1
        if not planned.fits:
            raise ConfigError(planned.left[found[0].id], id=found[0].id if single else None)
        if not single:
            if not as_json:
                _print_plan(planned)
            _agree(yes=yes, as_json=as_json)
        run_id = carry_out(hub, planned)
    told: dict[str, Any] = {"answered": numbers[0] if single else [one.id for one in planned.fits], "word": word}
    told |= {"run": run_id} if single else {"left": planned.left, "run": run_id}
    named = (
        f"Review {numbers[0]} is"
        if single
        else f"{many(len(planned.fits), 'review')} {verb(len(planned.fits), 'is', 'are')}"
    )
    _done(f"{named} answered: {word} (run {run_id}).", told, as_json=as_json)


def _read(words: list[str], *, everything: bool) -> tuple[list[int], str, str | None]:
    """Numbers, word and value from what was typed."""
    numbers: list[int] = []
    rest = list(words)
    while not everything and rest and rest[0].isdigit():
        numbers.append(int(rest.pop(0)))
    if not rest or len(rest) > 2 or not (numbers or everything):
        raise ConfigError(
            "An answer is one or more numbers of reviews (or --all), a word, and perhaps a value.",
            remedy='Write for instance `concord answer 12 from:NAME`, or `concord answer 12 value "Head Baker"`.',
        )
    return list(dict.fromkeys(numbers)), rest[0], rest[1] if len(rest) == 2 else None


def _print_plan(planned: Planned) -> None:
    from core.decide.why import text

    print(f"{many(len(planned.fits), 'review')} would be answered {planned.answer.said}:")
    for one in planned.fits[:_SAMPLES]:
        becomes = f" becomes {text(planned.becomes[one.id])}" if one.id in planned.becomes else ""
        print(f"  {one.id}  {one.what}  record {one.record_id} {one.field}{becomes}")
    if len(planned.fits) > _SAMPLES:
        print(f"  … and {len(planned.fits) - _SAMPLES:,} more")
    if planned.left:
        print(f"{len(planned.left):,} {verb(len(planned.left), 'stays', 'stay')} open:")
        for why in dict.fromkeys(planned.left.values()):
            print(f"  {sum(one == why for one in planned.left.values()):,}: {why}")


def _agree(*, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if as_json or not sys.stdin.isatty():
        raise ConfigError("Nothing was answered: nobody has agreed to it.", remedy="Add --yes to agree beforehand.")
    if not typer.confirm("Answer them so?", default=False):
        raise ConfigError("Nothing was answered.", remedy="Choose fewer, or another word.")


def _answer_as_rule(installation: Installation, asked: Asked, word: str, *, yes: bool, as_json: bool) -> None:
    from api.reviews import find
    from api.ruling import put, ruling

    made = ruling(installation, find(installation, asked), word)
    if not as_json:
        asked_ = many(len(made.found), "question")
        print(f"This goes into the rules and settles {asked_} and all like it:\n\n{made.yaml}")
    _agree(yes=yes, as_json=as_json)
    run_id, left = put(installation, made)
    answered = [one.id for one in made.found]
    if as_json:
        output.as_json(
            {"answered": answered, "left": left, "rule": made.yaml, "file": made.file or None, "run": run_id}
        )
        return
    _print_ruled(made, left, run_id)


def _print_ruled(made: Ruling, left: int, run_id: int) -> None:
    settled = len(made.found) - left
    said = f"{many(settled, 'question')} {verb(settled, 'is', 'are')} settled by it."
    print(f"In force (run {run_id}). {said} `concord sync` writes {verb(settled, 'it', 'them')}.")
    if left:
        print(
            f"{left:,} {verb(left, 'stays', 'stay')} open: the rule has nothing to go by there. See `concord reviews`."
        )
    if made.file and made.file != "rules":
        print(f"The rules in force came from {made.file}. Add the lines there too, or the next `concord apply` "
              "puts the old rules back.")  # fmt: skip


def assign(
    number: Annotated[int, typer.Argument(help="The review's number, from `concord reviews`.", metavar="REVIEW")],
    owner: Annotated[
        str | None, typer.Argument(help="Who has to answer it; left out, it goes back to whom the configuration names.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Give a review to somebody."""
    from api.cli.opening import opened
    from api.elements import ADMIN
    from api.reviews import Asked, find
    from core.flow.reviews.reviewing import assign as give

    with opened(made=True) as installation:
        (review,) = find(installation, Asked(ids=[number]))
        run_id = give(installation.hub(), review, owner)
        whose = owner or installation.duties().owner_of(review.what)
    if as_json:
        output.as_json({"assigned": number, "owner": whose, "run": run_id})
    else:
        output.say(f"Review {number} is for {whose or ADMIN} now.")


def edit(
    kind: Annotated[str, typer.Argument(help="contact, company, deal …")],
    key: Annotated[str, typer.Argument(help="Email, domain, name, remote id or number.")],
    field: Annotated[str, typer.Argument(help="The canonical field.")],
    value: Value = None,
    as_json: Json = False,
) -> None:
    """Set a value by your own word (leave the value out to clear it); the next sync carries it out."""
    from api.cli.opening import opened
    from api.typed import typed
    from core.flow import asking
    from core.flow.saying import say

    with opened(made=True) as installation:
        hub = installation.hub()
        record = _only(asking.find(hub, kind, key), kind, key)
        say(hub, record.id, {field: typed(value or "")})
    words = f"{field} of {kind} {key} is {value!r} by your word." if value else f"{field} of {kind} {key} is cleared."
    _done(words, {"record": record.id, "field": field, "value": typed(value or "")}, as_json=as_json)


def _only(found: list[Record], kind: str, key: str) -> Record:
    if not found:
        raise ConfigError(f"No {kind} is found by {key!r}.", remedy="Try its email, domain, name or remote id.")
    if len(found) > 1:
        numbers = ", ".join(str(one.id) for one in found)
        raise ConfigError(f"{key!r} names several: {numbers}.", remedy="Give the number of the one you mean.")
    return found[0]


def _done(words: str, document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.as_json(document)
    else:
        output.say(f"{words} The next `concord sync` carries it out.")
