"""What the tests of undoing share: people known in several tools, their edits, and what must be so afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from core.flow.reviews.answering import answer
from core.flow.undo.replay import folded_again, tales_of, tell, undone_in
from core.flow.undo.undoing import Undoing
from core.store import runs
from core.store.records import State
from tests.support import Lab, people

ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore", "job_title": "Baker"}
DELETING = {"deletes_in": "propagate", "deletes_out": "propagate"}


@pytest.fixture(autouse=True)
def explained(lab: Lab) -> Iterator[None]:
    """Whatever was undone, history tells the present, claim by claim."""
    yield
    with lab.hub.store.reading() as tx:
        found = {record.id: record.values for record in lab.records()}
        assert folded_again(lab.hub, tx, list(found)) == found
        tales = tales_of(tx, list(found))
    told = tell(tales, without=undone_in(tales), strict=frozenset({"consent.email", "consent.phone", "consent.sms"}))
    for record in lab.records():
        assert told.state(record.id) == record.state
        for name in lab.tools:
            for row in lab.bound(record, name):
                spoken = told.spoken.get(row.id)
                assert dict(row.claims.items()) == (spoken.claims if spoken else {})
                assert spoken is None or spoken.record_id == record.id


def latest(lab: Lab, what: str, name: str | None = None) -> int:
    """The number of the latest run of a kind, in a connection where given."""
    with lab.hub.store.reading() as tx:
        id_ = lab.connection(name).id if name else None
        return next(one.id for one in runs.recent(tx, connection_id=id_, limit=200) if one.what == what)


def agreed(lab: Lab, *names: str, fields: dict[str, Any] = ANN, **settings: Any) -> str:
    """One contact, made in the first of these tools and known in all; gives its id there."""
    for name in names:
        lab.tool(name, **settings)
    id_ = lab.tools[names[0]].create("contacts", fields)
    lab.settle()
    lab.wait(60)
    return id_


def edited(lab: Lab, name: str, **fields: Any) -> int:
    """Ann is edited in a tool and that is taken in everywhere; gives the number of the pull that heard it."""
    lab.tools[name].edit("contacts", lab.find(name, email=ANN["email"]), fields)
    lab.turn(name)
    run = latest(lab, "pull", name)
    lab.settle()
    lab.wait(60)
    return run


def everywhere(lab: Lab, field: str) -> set[Any]:
    return {one.get(field) for tool in lab.tools.values() for one in tool.all("contacts").values()}


def settled(lab: Lab) -> None:
    """All sides come to rest, and then nothing more is written, however often the tools are read."""
    lab.settle()
    writes = lab.writes()
    lab.wait(3_600)
    lab.settle()
    assert lab.writes() == writes


@contextmanager
def as_planned(lab: Lab, planned: Undoing) -> Iterator[None]:
    """What the plan says of each tool is what is written then."""
    yield
    lab.wait(10)
    done = {name: lab.turn(name).delivered for name in lab.tools}
    found = planned.tools
    for name, delivered in done.items():
        told = (found[name].creates, found[name].updates, found[name].deletes) if name in found else (0, 0, 0)
        assert (delivered.created, delivered.updated, delivered.deleted) == told, name


def merged(lab: Lab) -> int:
    """Two people known in `a` and `b`, merged in `a`; gives the number of the pull that heard of it."""
    for name in ("a", "b"):
        lab.tool(name, policy=DELETING)
    ids = [lab.tools["a"].create("contacts", person) for person in people(2)]
    lab.settle()
    lab.wait(60)
    lab.tools["b"].edit("contacts", lab.find("b", first_name="First1"), job_title="Cook")
    lab.settle()
    lab.wait(60)
    lab.tools["a"].merge("contacts", *ids)
    lab.turn("a")
    run = latest(lab, "pull", "a")
    lab.settle()
    lab.wait(60)
    assert sorted(one.state for one in lab.records()) == [State.LIVE, State.MERGED]
    return run


def recent(lab: Lab, name: str) -> list[runs.Run]:
    with lab.hub.store.reading() as tx:
        return runs.recent(tx, connection_id=lab.connection(name).id)


def let_through(lab: Lab) -> None:
    """A person lets out what the brake holds."""
    for review in lab.reviews("brake"):
        answer(lab.hub, review, "release")
    lab.settle()
