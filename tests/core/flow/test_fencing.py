"""A worker that stood still until another one took its connection over does no harm when it wakes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from connectors.memory.tool import Habits
from core.flow.leasing import LEASE
from core.flow.sync import turn
from core.model.instant import SECOND
from tests.support import Lab, people


class Sleeper:
    """A connector whose caller stands still after its first write, with the answer in its hands."""

    def __init__(self, lab: Lab, connector: Any) -> None:
        self._lab, self._connector, self.slept = lab, connector, False

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._connector, verb)

    def write(self, stream: str, edits: Any) -> Any:
        """Write, and sleep while somebody else works."""
        answer = self._connector.write(stream, edits)
        if not self.slept:
            self.slept = True
            self._lab.wait(2 * LEASE / SECOND)
            turn(self._lab.hub, self._lab.connection("b"), holder="there")
        return answer


def test_who_was_overtaken_writes_nothing_more(lab: Lab):
    lab.tool("a")
    lab.tool("b", idempotent=False)
    for person in people(3):
        lab.tools["a"].create("contacts", person)
    lab.turn("b")
    lab.turn("a")
    sleeper = Sleeper(lab, lab.hub.open("b"))
    hub = replace(lab.hub, open=lambda _name: sleeper)
    done = turn(hub, hub.connection("b"))
    assert done.error is None
    lab.settle()
    assert len(lab.tools["b"].all("contacts")) == 3
    assert all(len(lab.bound(record, "b")) == 1 for record in lab.records())


def test_who_was_overtaken_between_two_calls_of_a_batch_sends_nothing_more(lab: Lab):
    """A batch that is refused as a whole is halved: between the halves somebody else may have sent the rest."""
    lab.tool("a")
    picky = Habits(idempotent=False, whole_batches=True, validator=_no_bakers)
    lab.tool("b", habits=picky)
    for number, person in enumerate(people(4)):
        lab.tools["a"].create("contacts", {**person, "job_title": "Baker" if number == 1 else "Cook"})
    lab.turn("b")
    lab.turn("a")
    sleeper = Sleeper(lab, lab.hub.open("b"))
    hub = replace(lab.hub, open=lambda _name: sleeper)
    turn(hub, hub.connection("b"))
    lab.settle()
    assert sleeper.slept
    assert len(lab.tools["b"].all("contacts")) == 3
    assert len(lab.records()) == 4


def _no_bakers(_stream: str, fields: dict[str, Any]) -> str | None:
    return "No bakers here." if fields.get("job_title") == "Baker" else None
