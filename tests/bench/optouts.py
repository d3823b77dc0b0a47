"""`optouts`: how long a refusal waits until the last tool has accepted it, while that tool is read from its beginning.

First in virtual time, where each call takes as long as such calls do over the Internet, and nothing else takes any.
Refusals and ordinary edits come by webhook in the middle of the walk; what is measured is from the webhook to the
accepted write. Beside that, in real time, a running hub with three sandboxes over sockets (`livehub`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from unittest.mock import patch

from core.flow.hub import Hub
from core.flow.inward import ahead
from core.flow.sync import turn
from core.model.instant import SECOND, Instant
from core.ports import Edit
from core.store import connections
from tests.bench import livehub
from tests.bench.figures import Figure, at_most
from tests.bench.livehub import part
from tests.bench.stage import Stage
from tests.simulation.door import SECRET, told_by_webhook
from tests.simulation.mortal import SameThread
from tests.support import Lab, people

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    last_name: {field: last_name}
    job_title: {field: job_title}
    consent.email: {field: email_consent}
"""
SECONDS = {"read": 0.4, "fetch": 0.3, "write": 0.6, "find": 0.3, "describe": 0.3}
"""What a call takes."""
PAGE = 100
SHARE = 0.1
"""Of the calls in which somebody says something meanwhile."""
PATIENCE = 60.0
"""Seconds within which a refusal must have arrived; a turn that delivers only at its end takes minutes."""


@dataclass
class Wire:
    """What goes over it takes time; who was told is noted."""

    lab: Lab
    said: dict[tuple[str, str], Instant] = field(default_factory=dict)
    """(field, id in the tool that is read) → when it came by webhook."""
    waits: dict[str, list[float]] = field(default_factory=dict)
    """Field → seconds that each word waited."""
    meanwhile: Callable[[], None] | None = None
    """What people do while the tool that is read answers."""

    def dressed(self, hub: Hub) -> Hub:
        """The hub with slow tools."""
        return replace(hub, open=lambda name: _Slow(self, name, hub.open(name)))

    def told(self, edits: Sequence[Edit]) -> None:
        """The tool has accepted these."""
        now = self.lab.clock()
        for edit in edits:
            for path in edit.fields:
                at = self.said.pop((path, edit.remote_id or ""), None)
                if at is not None:
                    self.waits.setdefault(path, []).append((now - at) / SECOND)


class _Slow:
    def __init__(self, wire: Wire, name: str, connector: Any) -> None:
        self._wire, self._name, self._connector = wire, name, connector

    def __getattr__(self, verb: str) -> Any:
        act = getattr(self._connector, verb)
        if verb not in SECONDS:
            return act

        def call(*args: Any) -> Any:
            self._wire.lab.clock.sleep(SECONDS[verb])
            answer = act(*args)
            if verb == "read" and self._name == "crm" and self._wire.meanwhile is not None:
                self._wire.meanwhile()
            if verb == "write" and self._name == "crm":
                self._wire.told(args[1])
            return answer

        return call


def measure(stage: Stage) -> Iterator[Figure]:
    """In virtual time, and in real time."""
    yield from _simulated(stage)
    yield from livehub.measure(stage)


def _simulated(stage: Stage) -> Iterator[Figure]:
    """p50 and p99 of refusals, beside those of ordinary edits, during one full walk."""
    size = stage.size(100_000, 10_000)
    with Lab(stage.fresh(), tick=0) as lab:
        wire = Wire(lab)
        shop = lab.tool("shop", mapping=MAPPING, webhook_secret=SECRET, page_size=1_000)
        crm = lab.tool("crm", mapping=MAPPING, page_size=PAGE)
        stage.tell(f"optouts: two tools come to hold {size:,} people")
        for one in people(size):
            shop.create("contacts", one)
        lab.settle()
        lab.dressed = wire.dressed
        lab.refreshed()
        with lab.installation.store.writing() as tx:
            # As after a place that the tool has forgotten: everything is read again from the beginning.
            stream = lab.stream("crm").id
            connections.change_stream(tx, stream, cursor=None, phase="backfill", began_at=None, walked=0)
        emails = {held["email"]: id_ for id_, held in crm.all("contacts").items()}
        wire.meanwhile = _people(wire, shop, emails)
        stage.tell("optouts: one of them is read from the beginning, and people say things meanwhile")
        # Reading ahead in a thread would make of virtual time what it likes.
        with patch.object(ahead, "readers", SameThread):
            began = lab.clock()
            turn(lab.hub, lab.connection("crm"))
            lasted = (lab.clock() - began) / SECOND
        wire.meanwhile = None
        turn(lab.hub, lab.connection("crm"))
    refusals, edits = sorted(wire.waits.get("email_consent", [])), sorted(wire.waits.get("job_title", []))
    beside = ("an ordinary edit", part(edits, 0.99))
    note = f"{len(refusals)} refusals and {len(edits)} edits in a walk of {lasted:,.0f} s"
    yield Figure("optouts", "refusal, p50", part(refusals, 0.5), "s", *("an ordinary edit", part(edits, 0.5)))
    yield at_most("optouts", "refusal, p99", part(refusals, 0.99), "s", limit=PATIENCE, peer=beside, note=note)
    yield at_most("optouts", "words that did not arrive", len(wire.said), "", limit=0)


def _people(wire: Wire, shop: Any, emails: dict[str, str]) -> Callable[[], None]:
    """In the middle of the walk somebody refuses, or gets another job title; both by webhook, at the other tool."""
    random, left = Random(7), sorted(shop.all("contacts").items())
    random.shuffle(left)

    def speak() -> None:
        if random.random() >= SHARE:
            return
        path, value = random.choice((("email_consent", "denied"), ("job_title", "Chair")))
        id_, held = left.pop()
        shop.edit("contacts", id_, {path: value})
        wire.said[path, emails[held["email"]]] = wire.lab.clock()
        hub = wire.lab.hub
        told_by_webhook(hub, hub.connection("shop"), [shop.webhook("contacts", id_, secret=SECRET)])

    return speak
