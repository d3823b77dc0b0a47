"""Three tools as sandboxes in a process of their own, and the people who use them: `python -m tests.bench.threetools`.

Its first line of output says how to reach the tools. A line of input says where the hub is, how many words are to be
said and at what pace (`Asked`); from then on calls take their time, each word goes to the hub as a signed webhook, and
the last line of output is JSON: what was said, how long each word took until the last of the other tools had accepted
it, and what is missing.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import httpx

from api.assembly import now
from connectors._kit.sandbox import Call, Response
from connectors.hubspot.sandbox import Sandbox as HubSpot
from connectors.mailchimp.sandbox import Sandbox as Mailchimp
from connectors.salesforce.sandbox import Sandbox as Salesforce

CALL = 0.2
"""Seconds that a call takes; a hundred people are half a dozen of them."""
PATIENCE = 90.0
"""Seconds that are waited for the last word to arrive."""
SECRET, SIGNING = "secret-of-the-address", "secret-that-signs"


class Asked(NamedTuple):
    """What is to be said, and how fast."""

    hub: str
    words: int
    call: float = CALL
    """Seconds that a call takes."""
    pause: float = 0.5
    """Seconds between two words."""
    rest: float = 0.0
    """Seconds before the first."""
    look: float = 0.02
    """Seconds between two looks whether a word has arrived."""
    news: bool = False
    """Whether everybody in the tool that is walked has changed, which only the walk finds."""


class _Slow:
    """A sandbox whose answers take as long as such answers do over the Internet, once it is busy."""

    busy, seconds = False, CALL

    def answer(self, call: Call) -> Response | None:
        """Wait, and answer."""
        if self.busy:
            time.sleep(self.seconds)
        answered: Response | None = super().answer(call)  # type: ignore[misc]  # of the sandbox it is mixed into
        return answered


class _HubSpot(_Slow, HubSpot): ...


class _Salesforce(_Slow, Salesforce): ...


class _Mailchimp(_Slow, Mailchimp): ...


class Person(NamedTuple):
    """Somebody whom all three tools hold: the address, and the ids there."""

    email: str
    crm: str
    sales: str
    news: str


class Word(NamedTuple):
    """Something that somebody said in one tool, and how it is seen in the others."""

    what: str
    said_at: float
    person: Person
    name: str | None
    """What they are called from now on; None where they opt out."""
    shown: tuple[Callable[[Person, str | None], bool], ...]

    def has_arrived(self) -> bool:
        """Whether all the others have accepted it."""
        return all(shown(self.person, self.name) for shown in self.shown)


@dataclass
class Tools:
    """The three, with the same people in each."""

    crm: _HubSpot
    sales: _Salesforce
    news: _Mailchimp
    people: list[Person] = field(default_factory=list)

    def fill(self, total: int) -> None:
        """So many people, in all three."""
        self.crm.add_property("contacts", "concord_key", unique=True)
        for sobject in ("Account", "Contact", "Lead"):
            self.sales.add_field(sobject, "Concord_Key__c", "string", length=255, external_id=True, unique=True)
        named = [(f"person{at}@shore{at % 50}.example", f"Last{at}") for at in range(total)]
        crm = self.crm.fill(
            "contacts",
            [{"email": email, "firstname": "First", "lastname": last} for email, last in named],
            spread=1_000,
        )
        self.sales.fill("Contact", [{"Email": email, "FirstName": "First", "LastName": last} for email, last in named])
        sales = self.sales.ids("Contact")
        news = [self.news.create({"email_address": email, "FNAME": "First", "LNAME": last}) for email, last in named]
        self.people = [Person(email, *ids) for (email, _), *ids in zip(named, crm, sales, news, strict=True)]

    def change_all(self) -> None:
        """Everybody gets another last name in the first one, and nobody is told."""
        for at, person in enumerate(self.people):
            self.crm.edit("contacts", person.crm, {"lastname": f"Changed{at}"})

    def settings(self) -> dict[str, dict[str, Any]]:
        """How the hub reaches each."""
        return {
            "hubspot": {"url": self.crm.url, "token": "pat-na1-sandbox", "client_secret": self.crm.client_secret},
            "salesforce": {
                "login_url": self.sales.url, "client_id": self.sales.client_id,
                "client_secret": self.sales.client_secret,
            },
            "mailchimp": {
                "api_key": self.news.api_key, "url": self.news.url, "audience": self.news.audience.id,
                "webhook_secret": SECRET, "signing_secret": SIGNING,
            },
        }  # fmt: skip

    def listen_at(self, hub: str) -> None:
        """Tell the hub from now on, and take the time that calls take."""
        self.news.subscribe(f"{hub}hooks/mailchimp?secret={SECRET}", signing_secret=SIGNING)
        self.crm.target = f"{hub}hooks/hubspot"
        for name in ("firstname", "hs_email_optout"):
            self.crm.subscribe("contact.propertyChange", property=name)
        for box in (self.crm, self.sales, self.news):
            box.take_events()
            box.busy = True

    def say(self, number: int, person: Person) -> Word:
        """Somebody opts out, or is called otherwise; said in one tool, to be seen in the two others."""
        in_crm, refuses = number % 2 == 0, number % 4 < 2
        name = None if refuses else f"Name{number}"
        (self._in_crm if in_crm else self._in_news)(person, name)
        other = self._news_shows if in_crm else self._crm_shows
        return Word("edit" if name else "opt-out", time.monotonic(), person, name, (self._sales_shows, other))

    def _in_crm(self, person: Person, name: str | None) -> None:
        if name is None:
            self.crm.opt_out(person.email)
        else:
            self.crm.edit("contacts", person.crm, {"firstname": name})

    def _in_news(self, person: Person, name: str | None) -> None:
        if name is None:
            self.news.unsubscribe(person.news)
        else:
            self.news.edit(person.news, {"FNAME": name})

    def _crm_shows(self, person: Person, name: str | None) -> bool:
        if name is None:
            return self.crm.has_left(person.email)
        return bool((self.crm.show("contacts", person.crm) or {})["firstname"] == name)

    def _sales_shows(self, person: Person, name: str | None) -> bool:
        row: dict[str, Any] = self.sales.show("Contact", person.sales) or {}
        return bool(row["HasOptedOutOfEmail"] if name is None else row["FirstName"] == name)

    def _news_shows(self, person: Person, name: str | None) -> bool:
        row: dict[str, Any] = self.news.show(person.news) or {}
        return bool(row["status"] == "unsubscribed" if name is None else row["FNAME"] == name)


def main() -> None:
    """Fill the tools, say where they are, and let their people speak."""
    total = int(sys.argv[1])
    with ExitStack() as stack:
        tools = Tools(
            stack.enter_context(_HubSpot(clock=now)), stack.enter_context(_Salesforce(clock=now, daily=1_000_000)),
            stack.enter_context(_Mailchimp(clock=now)),
        )  # fmt: skip
        tools.fill(total)
        _print(tools.settings())
        asked = Asked(**json.loads(sys.stdin.readline()))
        if asked.news:
            tools.change_all()
        for box in (tools.crm, tools.sales, tools.news):
            box.seconds = asked.call
        tools.listen_at(asked.hub)
        time.sleep(asked.rest)
        _print(_spoken(tools, asked))
        sys.stdin.read()


def _spoken(tools: Tools, asked: Asked) -> dict[str, Any]:
    """Say so many words, and wait until all of them have arrived."""
    waits: dict[str, list[float]] = {"opt-out": [], "edit": []}
    open_words: list[Word] = []
    refused = 0
    over = threading.Event()
    lock = threading.Lock()

    def look() -> None:
        while not over.wait(asked.look):
            with lock:
                arrived = [one for one in open_words if one.has_arrived()]
                open_words[:] = [one for one in open_words if one not in arrived]
            for one in arrived:
                waits[one.what].append(time.monotonic() - one.said_at)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    people = Random(7).sample(tools.people, asked.words)
    with httpx.Client(timeout=30) as wire:
        for at, person in enumerate(people):
            with lock:
                open_words.append(tools.say(at, person))
            refused += _sent(tools, wire)
            time.sleep(asked.pause)
        until = time.monotonic() + PATIENCE
        while open_words and time.monotonic() < until:
            refused += _sent(tools, wire)
            time.sleep(0.1)
    over.set()
    watcher.join()
    return {"waits": waits, "missing": len(open_words), "refused": refused}


def _sent(tools: Tools, wire: httpx.Client) -> int:
    """Send what the tools have to tell, also of the hub's own writes; gives how many were not taken."""
    told = [*tools.crm.take_events(), *tools.news.take_events()]
    answers = [wire.request(one.method, one.url, headers=dict(one.headers), content=one.body) for one in told]
    return sum(one.status_code != 200 for one in answers)


def _print(told: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
