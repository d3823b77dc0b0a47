"""Three tools over real sockets, the people who use them, and a wire that can be cut.

The tools are the sandboxes of `tests.bench.threetools`; what they tell by webhook is sent until the door takes it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from random import Random
from typing import Any

import httpx

from api.assembly import ConnectionSpec, Installation, now
from core.ports import Request
from tests.bench.livehub import MAPPINGS
from tests.bench.threetools import SECRET, SIGNING, Tools, Word, _HubSpot, _Mailchimp, _Salesforce

POLL = 3.0
"""Seconds between two polls of a tool, so that nothing depends on webhooks alone."""


class Wire:
    """A line to a tool that can be cut and mended: bytes go through as they are."""

    def __init__(self, port: int) -> None:
        """A line to that port of this machine."""
        self._to, self._cut, self._over = port, False, False
        self.delay = 0.0
        """Seconds that whatever is asked waits on its way."""
        self._open: set[socket.socket] = set()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        threading.Thread(target=self._listen, daemon=True).start()

    def cut(self) -> None:
        """Nothing goes through any more, and what was under way is lost."""
        self._cut = True
        self._close()

    def mend(self) -> None:
        """Go on."""
        self._cut = False

    def close(self) -> None:
        """End."""
        self._over = True
        self._door.close()
        self._close()

    def _close(self) -> None:
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _listen(self) -> None:
        while not self._over:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            if self._cut:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._to))
            self._open |= {near, far}
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(one, other, one is near), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket, asks: bool) -> None:
        with suppress(OSError):
            while data := one.recv(65_536):
                if asks and self.delay:
                    time.sleep(self.delay)
                other.sendall(data)
        for each in (one, other):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open -= {one, other}
        one.close()


class Town:
    """The tools, their people, and what was said and has not arrived everywhere yet."""

    def __init__(self, total: int, rng: Random) -> None:
        """So many people in all three tools; nothing runs yet."""
        self._total, self._rng, self._stack = total, rng, ExitStack()
        self.said: list[Word] = []
        self.newcomers: list[str] = []
        self._mail: list[Request] = []
        self._post = httpx.Client(timeout=10)

    def __enter__(self) -> Town:
        """Begin."""
        enter = self._stack.enter_context
        self.tools = Tools(
            enter(_HubSpot(clock=now)), enter(_Salesforce(clock=now, daily=5_000_000)), enter(_Mailchimp(clock=now))
        )
        self.tools.fill(self._total)
        self._silent = self._rng.sample(self.tools.people, len(self.tools.people))
        self.wire = Wire(httpx.URL(self.tools.crm.url).port or 80)
        self._stack.callback(self.wire.close)
        self._stack.callback(self._post.close)
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._stack.close()

    def connect(self, installation: Installation) -> None:
        """Have a hub keep them in agreement; the first one is reached over the wire that can be cut."""
        settings: dict[str, dict[str, Any]] = self.tools.settings()
        settings["hubspot"]["url"] = str(httpx.URL(settings["hubspot"]["url"]).copy_with(port=self.wire.port))
        for name, said in settings.items():
            policy = {"*": {"poll_every": POLL}}
            installation.put_connection(ConnectionSpec(name, name, said, MAPPINGS[name], f"{name}.yaml", policy))

    def listen_at(self, hub: str) -> None:
        """Tell a door whatever happens from now on."""
        self.tools.news.subscribe(f"{hub}hooks/mailchimp?secret={SECRET}", signing_secret=SIGNING)
        self.tools.crm.target = f"{hub}hooks/hubspot"
        for name in ("firstname", "hs_email_optout"):
            self.tools.crm.subscribe("contact.propertyChange", property=name)
        for box in (self.tools.crm, self.tools.sales, self.tools.news):
            box.take_events()
            # Calls take their time, so that who is killed is often in the midst of one.
            box.busy = True

    # --- what people do

    def speak(self) -> Word:
        """Somebody who has said nothing yet opts out, or is called otherwise."""
        person = self._silent.pop()
        self.said.append(self.tools.say(len(self.said), person))
        self.send()
        return self.said[-1]

    def come(self) -> None:
        """Somebody new is written down in one of the two that the others learn of newcomers from."""
        number = len(self.newcomers)
        email = f"newcomer{number}@harbour.example"
        if number % 2:
            self.tools.crm.fill("contacts", [{"email": email, "firstname": "New", "lastname": "Comer"}])
        else:
            self.tools.sales.fill("Contact", [{"Email": email, "FirstName": "New", "LastName": "Comer"}])
        self.newcomers.append(email)

    def send(self) -> None:
        """Bring what is to be told to the door; what it does not take is sent again."""
        self._mail += [*self.tools.crm.take_events(), *self.tools.news.take_events()]
        mail, self._mail = self._mail, []
        for place, one in enumerate(mail):
            try:
                answer = self._post.request(one.method, one.url, headers=dict(one.headers), content=one.body)
            except httpx.HTTPError:
                self._mail += mail[place:]
                return
            if answer.status_code >= 500:
                self._mail.append(one)

    # --- what is to be seen

    def missing(self) -> list[str]:
        """What was said and has not arrived everywhere, and who is not everywhere."""
        self.send()
        held = dict(self._held())
        words = [f"{one.what} of {one.person.email}" for one in self.said if not one.has_arrived()]
        for name in ("hubspot", "salesforce"):
            words += [f"{email} in {name}" for email in self.newcomers if email not in held[name]]
        return words

    def wrong(self) -> list[str]:
        """Whoever a tool holds twice, or has lost."""
        found = []
        for name, held in self._held():
            counts = Counter(held)
            found += [f"{email} is in {name} {count} times" for email, count in counts.items() if count > 1]
            found += [f"{one.email} is not in {name}" for one in self.tools.people if one.email not in counts]
        return found

    def _held(self) -> Iterator[tuple[str, list[str]]]:
        crm, sales = self.tools.crm, self.tools.sales
        shown = [crm.show("contacts", id_) or {} for id_ in crm.ids("contacts")]
        yield "hubspot", [str(one.get("email")) for one in shown]
        rows = [sales.show("Contact", id_) or {} for id_ in sales.ids("Contact")]
        yield "salesforce", [str(one.get("Email")) for one in rows]
        news = [self.tools.news.show(id_) or {} for id_ in list(self.tools.news.audience.members)]
        yield "mailchimp", [str(one["email_address"]) for one in news if one]
