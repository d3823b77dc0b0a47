"""Commands by which a person has a say: `reviews`, `answer` and `edit`. What they say is a claim like any tool's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.cli import output
from api.cli.output import Json
from core.errors import ConfigError

if TYPE_CHECKING:
    from core.store.records import Record
    from core.store.reviews import Review

Value = Annotated[str | None, typer.Argument(help="The value, where the word needs one; JSON or plain words.")]


def register(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (reviews, answer, edit):
        app.command()(command)


def reviews(as_json: Json = False) -> None:
    """Questions that wait for a person, oldest first, with the words each can be answered with."""
    from api.cli.opening import opened
    from core.store import reviews as stored

    with opened(made=True) as installation:
        hub = installation.hub()
        with hub.store.reading() as tx:
            found = [_told(review) for review in stored.open_reviews(tx)]
    if as_json:
        output.as_json(found)
        return
    rows = [(one["id"], one["what"], one["about"], one["question"], ", ".join(one["answers"])) for one in found]
    heads = ("review", "what", "about", "question", "answers")
    output.console().print(output.table("", heads, rows) if rows else "No question waits for you.")


def answer(
    number: Annotated[int, typer.Argument(help="The review's number, from `concord reviews`.", metavar="REVIEW")],
    word: Annotated[str, typer.Argument(help="One of the words it can be answered with.")],
    value: Value = None,
    as_json: Json = False,
) -> None:
    """Answer a review; the next sync carries it out."""
    from api.cli.opening import opened
    from core.flow.answering import answer as decide
    from core.store import reviews as stored

    with opened(made=True) as installation:
        hub = installation.hub()
        with hub.store.reading() as tx:
            review = next((one for one in stored.open_reviews(tx) if one.id == number), None)
        if review is None:
            raise ConfigError(f"No open review has the number {number}.", remedy="See `concord reviews`.")
        decide(hub, review, word, _value(value))
    _done(f"Review {number} is answered: {word}.", {"answered": number, "word": word}, as_json=as_json)


def edit(
    kind: Annotated[str, typer.Argument(help="contact, company, deal …")],
    key: Annotated[str, typer.Argument(help="Email, domain, name, remote id or number.")],
    field: Annotated[str, typer.Argument(help="The canonical field.")],
    value: Value = None,
    as_json: Json = False,
) -> None:
    """Set a value by your own word (leave the value out to clear it); the next sync carries it out."""
    from api.cli.opening import opened
    from core.flow import asking
    from core.flow.saying import say

    with opened(made=True) as installation:
        hub = installation.hub()
        record = _only(asking.find(hub, kind, key), kind, key)
        say(hub, record.id, {field: _value(value)})
    words = f"{field} of {kind} {key} is {value!r} by your word." if value else f"{field} of {kind} {key} is cleared."
    _done(words, {"record": record.id, "field": field, "value": _value(value)}, as_json=as_json)


def _only(found: list[Record], kind: str, key: str) -> Record:
    if not found:
        raise ConfigError(f"No {kind} is found by {key!r}.", remedy="Try its email, domain, name or remote id.")
    if len(found) > 1:
        numbers = ", ".join(str(one.id) for one in found)
        raise ConfigError(f"{key!r} names several: {numbers}.", remedy="Give the number of the one you mean.")
    return found[0]


def _value(given: str | None) -> Any:
    """What was typed, as JSON where it is that, else as words."""
    import orjson

    if given is None:
        return None
    try:
        return orjson.loads(given)
    except orjson.JSONDecodeError:
        return given


def _told(review: Review) -> dict[str, Any]:
    from core.flow.answering import answers
    from core.model.instant import iso

    subject = review.subject
    about = f"record {review.record_id}" if review.record_id else str(subject.get("connection", ""))
    question = (
        subject.get("note")
        or subject.get("message")
        or {
            "ask": "which value stands?",
            "frozen": "it keeps going back and forth; which value stands?",
            "ambiguous": "is it one of these, or somebody else?",
            "duplicate": "the tool holds it twice; merge the two there",
        }.get(review.what, "")
    )
    return {
        "id": review.id,
        "what": review.what,
        "about": f"{about} {review.field}".strip(),
        "question": question,
        "subject": subject,
        "answers": list(answers(review)),
        "opened_at": iso(review.opened_at),
        "due_at": iso(review.due_at),
    }


def _done(words: str, document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.as_json(document)
    else:
        output.say(f"{words} The next `concord sync` carries it out.")
