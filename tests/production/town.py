"""Three tools over real sockets, the people who use them, and a wire that can be cut.

The tools are the sandboxes of `tests.bench.threetools`; what they tell by webhook is sent until the door takes it.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from random import Random
from typing import Any

import httpx

from api.assembly import Installation, now
from api.building import ConnectionSpec
from connectors._kit.sandbox import Call, Response
from core.ports import Request
from tests.bench.livehub import MAPPINGS
from tests.bench.threetools import SECRET, SIGNING, Tools, Word, _HubSpot, _Mailchimp, _Salesforce

POLL = {"hubspot": 3.0, "salesforce": 8.0, "mailchimp": 3.0}
"""Seconds between two polls of each tool, so that nothing depends on webhooks alone. The second has none, and is polled
less often than it is written: what was made there must be looked for, since no poll comes first.
"""
LATE, LONGEST_LATE = 1.0, 4.0
"""Seconds that the answer to what was written takes at most; the same while a kill waits for such a moment."""


class _Late:
    """A sandbox that is late to tell what it has written: who is killed meanwhile never hears of it.

    Mixed in before the sandbox itself.
    """

    busy = False
    creating: tuple[str, ...] = ()
    """How the paths of calls end that make something."""
    changing: tuple[str, ...] = ()
    """The same of those that change it."""

    def __init__(self, *words: Any, rng: Random, **said: Any) -> None:
        super().__init__(*words, **said)
        self._rng, self.untold = rng, 0
        """How many calls have made something, and nobody knows yet."""
        self.is_awaited, self.told = False, threading.Event()

    def answer(self, call: Call) -> Response | None:
        """Answer, and be late to say so where something was written."""
        answered: Response | None = super().answer(call)  # type: ignore[misc]  # of the sandbox it is mixed into
        creates = call.method == "POST" and call.path.endswith(self.creating)
        if self.busy and (creates or call.path.endswith(self.changing)):
            self.untold += creates
            # Longer where somebody lies in wait for it.
            self.told.wait(LONGEST_LATE if creates and self.is_awaited else self._rng.uniform(0.0, LATE))
            self.untold -= creates
        return answered


class _Crm(_Late, _HubSpot):
    creating, changing = ("/batch/create",), ("/batch/update",)


class _Sales(_Late, _Salesforce):
    creating, changing = ("/composite/sobjects",), ("/composite/sobjects",)


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
        """By their last names: some have no address."""
        self._mail: list[Request] = []
        self._post = httpx.Client(timeout=10)

    def __enter__(self) -> Town:
        """Begin."""
        enter = self._stack.enter_context
        self.crm = enter(_Crm(clock=now, rng=Random(self._rng.random())))
        self.sales = enter(_Sales(clock=now, daily=5_000_000, rng=Random(self._rng.random())))
        self.tools = Tools(self.crm, self.sales, enter(_Mailchimp(clock=now)))
        self.tools.fill(self._total)
        # An org that has no unique field to spare: nothing there but our own look keeps a create from a second one.
        self.sales.add_field("Contact", "Concord_Key__c", "string", length=255)
        self._there = [f"Last{at}" for at in range(self._total)]
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
            policy: dict[str, dict[str, Any]] = {"*": {"poll_every": POLL[name]}}
            if name == "mailchimp":
                policy["*"]["only_out"] = {"email": {"known": True}}
            installation.put_connection(ConnectionSpec(name, name, said, MAPPINGS[name], f"{name}.yaml", policy))

    def listen_at(self, hub: str) -> None:
        """Tell a door whatever happens from now on."""
        self.tools.news.subscribe(f"{hub}hooks/mailchimp?secret={SECRET}", signing_secret=SIGNING)
        self.tools.crm.target = f"{hub}hooks/hubspot"
        for name in ("firstname", "hs_email_optout"):
            self.tools.crm.subscribe("contact.propertyChange", property=name)
        self.crm.subscribe("contact.creation")
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
        """Somebody new is written down in one of the two that the others learn of newcomers from.

        Every third has no address, so that nothing but the key tells our own create from a stranger.
        """
        number = len(self.newcomers)
        last, email = f"Comer{number}", "" if number % 3 == 0 else f"newcomer{number}@harbour.example"
        if number % 4:
            said = {"firstname": "New", "lastname": last} | ({"email": email} if email else {})
            self.crm.create("contacts", said)
        else:
            self.sales.fill("Contact", [{"Email": email or None, "FirstName": "New", "LastName": last}])
        self.newcomers.append(last)

    @contextmanager
    def creating(self, seconds: float) -> Iterator[None]:
        """Wait for a moment at which a tool has made something and has not told so; it does when the block ends.

        Where none comes in so many seconds, the block begins without.
        """
        boxes, ends = (self.crm, self.sales), time.monotonic() + seconds
        for one in boxes:
            one.is_awaited = True
        while not self.untold().total() and time.monotonic() < ends:
            time.sleep(0.01)
        try:
            yield
        finally:
            for one in boxes:
                one.is_awaited = False
                one.told.set()
                one.told = threading.Event()

    def untold(self) -> Counter[str]:
        """Connection → how many calls have made something there, and nobody has been told yet."""
        return Counter({"hubspot": self.crm.untold, "salesforce": self.sales.untold})

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
            words += [f"{last} in {name}" for last in self.newcomers if last not in held[name]]
        return words

    def wrong(self) -> list[str]:
        """Whoever a tool holds twice, or has lost; by their last names, which nobody else has."""
        found = []
        for name, held in self._held():
            counts = Counter(held)
            found += [f"{last} is in {name} {count} times" for last, count in counts.items() if count > 1]
            found += [f"{last} is not in {name}" for last in self._there if last not in counts]
        return found

    def _held(self) -> Iterator[tuple[str, list[str]]]:
        shown = [self.crm.show("contacts", id_) or {} for id_ in self.crm.ids("contacts")]
        yield "hubspot", [str(one.get("lastname")) for one in shown]
        rows = [self.sales.show("Contact", id_) or {} for id_ in self.sales.ids("Contact")]
        yield "salesforce", [str(one.get("LastName")) for one in rows]
        news = [self.tools.news.show(id_) or {} for id_ in list(self.tools.news.audience.members)]
        yield "mailchimp", [str(one["LNAME"]) for one in news if one]
