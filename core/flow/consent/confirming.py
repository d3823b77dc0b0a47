"""Confirming: whoever signed up is asked by mail whether it was them, before anything else is sent (double opt-in).

    ledger from the last place on ▶ sign-ups that still wait ▶ one mail each ▶ the place moves on

A sign-up is a word `pending` about an address. Each entry is asked about once: the message's key is the entry's place,
so that a repeat is the same message. Where nobody knows whether one went out, it is sent again: a second question is a
nuisance, and without the first nobody is ever asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from core.decide.outcome import outcome
from core.errors import ToolError, Unknown
from core.flow.consent.checking import check_all
from core.flow.hub import Hub
from core.model.consent import PREFIX
from core.ports import Message, Sends
from core.store import Tx, ledger, records, runs
from core.store.ledger import Row
from core.store.records import Record, State

PAGE = 200
_PLACE = "confirmed up to"
_DOUBT = "confirmation in doubt"


class Letter(NamedTuple):
    """What is written; `{link}` stands where the person is led."""

    subject: str
    text: str


@dataclass(slots=True)
class Confirmed:
    """What became of the sign-ups that were looked at."""

    asked: int = 0
    refused: int = 0
    """The mail server takes no mail for that address."""

    def counts(self) -> dict[str, int]:
        """The numbers that are not zero."""
        return {name: count for name, count in (("asked", self.asked), ("refused", self.refused)) if count}


class _SignUp(NamedTuple):
    place: int
    record: Record
    topic: str | None
    point: str

    @property
    def field(self) -> str:
        return f"{PREFIX}email" + (f".{self.topic}" if self.topic else "")


def confirm(
    hub: Hub, sender: Sends, letter: Letter, link: Callable[[int, str], str], *, sources: Collection[str]
) -> Confirmed:
    """Ask everybody who signed up with one of these sources since the last time; `link` gives the page to confirm.

    Other sources ask themselves. The first time nobody is asked: who signed up before was asked, or never will be.
    Raises what concerns more than one mail; what was not asked then is asked the next time.
    """
    done = Confirmed()
    if not _has_begun(hub):
        return done
    while True:
        with hub.store.reading() as tx:
            start = int(runs.fact(tx, _PLACE) or 0)
            rows = ledger.after(tx, start, PAGE)
            signs = _signed_up(tx, [row for row in rows if row.told.get("source") in sources])
            doubt = runs.fact(tx, _DOUBT) is not None
        if not rows:
            return done
        for one in _still_waiting(hub, signs):
            _ask(hub, sender, _message(hub, one, letter, link), one.place, done, doubt=doubt)
        with hub.store.writing() as tx:
            runs.put_fact(tx, _PLACE, str(rows[-1].place + 1))
            runs.drop_fact(tx, _DOUBT)


def _still_waiting(hub: Hub, signs: Sequence[_SignUp]) -> Iterator[_SignUp]:
    """Those of whom nothing but the confirmation is awaited: whoever is not to be contacted is not asked, either."""
    for topic in {one.topic for one in signs}:
        mine = [one for one in signs if one.topic == topic]
        for one, verdict in zip(mine, check_all(hub, [one.point for one in mine], "email", topic), strict=True):
            if verdict.state == "pending":
                yield one


def _has_begun(hub: Hub) -> bool:
    with hub.store.reading() as tx:
        known = runs.fact(tx, _PLACE) is not None
    if not known:
        with hub.store.writing() as tx:
            runs.put_fact(tx, _PLACE, str(ledger.size(tx)))
    return known


def _ask(hub: Hub, sender: Sends, message: Message, place: int, done: Confirmed, *, doubt: bool) -> None:
    if doubt and sender.sent(message.key):
        done.asked += 1
        return
    with hub.store.writing(durable=True) as tx:
        # What is before this one has been asked; this one may go out.
        runs.put_fact(tx, _PLACE, str(place))
    (receipt,) = _sent(hub, sender, [message])
    if receipt is None:
        done.asked += 1
    elif outcome(receipt).dead_letter:
        done.refused += 1
    else:
        raise receipt


def _sent(hub: Hub, sender: Sends, messages: Sequence[Message]) -> list[ToolError | None]:
    try:
        return [receipt.error for receipt in sender.send(messages)]
    except Unknown:
        with hub.store.writing(durable=True) as tx:
            runs.put_fact(tx, _DOUBT, "1")
        raise


def _signed_up(tx: Tx, rows: Sequence[Row]) -> list[_SignUp]:
    """The sign-ups by email among these entries that still wait, of people who still have that address."""
    waiting = [(row.place, row.record_id, told) for row in rows if _is_sign_up(told := row.told)]
    forward = records.merged_into(tx, [record_id for _, record_id, _ in waiting])
    found = records.load(tx, {forward.get(record_id, record_id) for _, record_id, _ in waiting})
    signs: dict[tuple[int, str], _SignUp] = {}
    for place, record_id, told in waiting:
        record = found.get(forward.get(record_id, record_id))
        if record is None or record.state != State.LIVE:
            continue
        one, values = _SignUp(place, record, told["topic"], str(told["point"])), record.values
        if values.get(one.field) == "pending" and values.get("email") == one.point:
            # Several sources may say the same sign-up: the person is asked once.
            signs.setdefault((record.id, one.field), one)
    return list(signs.values())


def _is_sign_up(told: dict[str, Any]) -> bool:
    return told.get("status") == "pending" and told.get("channel") == "email" and bool(told.get("point"))


def _message(hub: Hub, one: _SignUp, letter: Letter, link: Callable[[int, str], str]) -> Message:
    page = link(one.record.id, one.field)
    return Message(
        f"confirm-{hub.installation}-{one.place}", one.point, letter.subject, letter.text.replace("{link}", page)
    )
