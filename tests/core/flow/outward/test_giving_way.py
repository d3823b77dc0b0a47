"""Giving way: a long delivery is broken off between two calls when others are to have their turn, and goes on after."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from api import duties
from core.flow.inward.hearing import keep
from core.flow.sync import Turn, turn
from tests.core.store.test_statements import in_batches_of
from tests.simulation.door import SECRET
from tests.support import Lab, people

MANY = 6
EMAILS = [one["email"] for one in people(MANY)]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """Two tools that take one change a call, and one that has told of changes of all."""
    monkeypatch.setattr("connectors.memory.connector.BATCH_SIZE", 1)
    with Lab(tmp_path) as made:
        made.dressed = in_batches_of(1)
        for name in ("a", "b", "c"):
            made.tool(name, webhook_secret=SECRET)
        for one in people(MANY):
            made.tools["a"].create("contacts", one)
        made.settle()
        made.wait(60)
        for email in EMAILS:
            made.tools["a"].edit("contacts", made.find("a", email=email), job_title="Baker")
        made.turn("a")
        yield made


def noop() -> None: ...


def written(lab: Lab, name: str) -> int:
    return [lab.held(name, id_).get("job_title") for id_ in lab.all(name)].count("Baker")


def delivered(lab: Lab, gives_way: Callable[[], bool] | None = None, attends: Callable[[], None] = noop) -> Turn:
    return turn(replace(lab.hub, gives_way=gives_way, attends=attends), lab.connection("b"), pulls=False)


def test_what_is_left_is_due_at_once_and_goes_out_once(lab: Lab) -> None:
    sent = []
    while (done := delivered(lab, gives_way=lambda: True)).gave_way:
        sent.append((done.delivered.writes, written(lab, "b")))
    assert sent == [(1, count) for count in range(1, MANY + 1)]
    assert done.delivered.writes == 0


def test_nobody_to_give_way_to_means_all_of_it(lab: Lab) -> None:
    done = delivered(lab, gives_way=lambda: False)
    assert (done.gave_way, written(lab, "b")) == (False, MANY)


def test_between_two_calls_others_are_attended_to(lab: Lab) -> None:
    """A worker whose processes are all in the midst of long deliveries still hears what another tool tells."""
    c = lab.tools["c"]
    id_ = lab.find("c", email=EMAILS[0])
    seen: list[tuple[int, str | None]] = []

    def attend() -> None:
        if not seen:
            c.edit("contacts", id_, first_name="Zoe")
            keep(lab.hub, lab.connection("c"), c.webhook("contacts", id_, secret=SECRET))
        duties.attend(lab.installation)
        seen.append((written(lab, "b"), lab.record(email=EMAILS[0]).values["first_name"]))

    delivered(lab, attends=attend)
    assert seen[0][0] < MANY
    assert {name for _, name in seen} == {"Zoe"}
