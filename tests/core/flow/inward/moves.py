"""What the tests of moves share: a tool with leads and contacts, and what must be so when one became the other."""

from __future__ import annotations

from typing import Any

from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.flow.inward.pull import pull
from core.flow.outward.outbound import deliver
from core.flow.outward.reconcile import reconcile
from core.flow.undo.replay import folded_again
from core.ports import Page, Remote
from core.store.bindings import Bound
from core.store.bindings import State as BindingState
from core.store.records import Record, State
from tests.support import Lab

ONE = "fields: {email: email, first_name: first_name, last_name: last_name, job_title: job_title, asked: asked}"
LEADS = f"""
leads:
  as: contact
  {ONE}
"""
BOTH = f"""
{LEADS}
contacts:
  as: contact
  {ONE}
"""
DELETING = {"deletes_in": "propagate", "deletes_out": "propagate"}
ANN = {"email": "ann@shore.example", "first_name": "Ann"}
NAMELESS = {"asked": "twelve loaves"}
"""Nobody could tell whose record this is by what it says."""


def lead(lab: Lab, fields: dict[str, Any], **settings: Any) -> str:
    """A lead in `a`, known in `b`; gives its id."""
    id_ = lab.tool("a", mapping=BOTH, policy=DELETING, **settings).create("leads", fields)
    lab.tool("b", policy=DELETING)
    lab.settle()
    lab.wait(60)
    return id_


def live(lab: Lab) -> list[Record]:
    return [record for record in lab.records() if record.state == State.LIVE]


def the_one(lab: Lab) -> Record:
    (record,) = live(lab)
    return record


def held(lab: Lab, record: Record, name: str = "a") -> dict[str, Bound]:
    """Stream and id → the bindings of a record in a tool."""
    names = {stream.id: stream.name for stream in lab.connection(name).streams}
    return {f"{names[one.stream_id]} {one.remote_id}": one for one in lab.bound(record, name)}


def moved_once(lab: Lab, before: str, after: str) -> None:
    """One record, held as what it is now and nowhere else, explained by its history; and nothing more is written."""
    record = the_one(lab)
    found = held(lab, record)
    assert {place: one.state for place, one in found.items()} == {
        f"leads {before}": BindingState.MOVED,
        f"contacts {after}": BindingState.BOUND,
    }
    gone = found[f"leads {before}"]
    assert (gone.moved_to, gone.moved_stream_id) == (after, lab.stream("a", "contacts").id)
    assert (lab.all("a", "leads"), lab.all("a")) == ([], [after])
    with lab.hub.store.reading() as tx:
        every = {one.id: one.values for one in lab.records()}
        assert folded_again(lab.hub, tx, list(every)) == every
    writes = lab.writes()
    lab.wait(3_600)
    lab.settle()
    assert lab.writes() == writes
    assert reconcile(lab.hub, lab.connection("a")).marked == 0


def read(lab: Lab, order: str, *, in_one_turn: bool) -> None:
    """Read the two streams of `a` in this order, and write everywhere at the end or after each."""
    for stream in order.split(", then "):
        pull(lab.hub, lab.stream("a", stream))
        if not in_one_turn:
            deliver_all(lab)
    deliver_all(lab)


def deliver_all(lab: Lab) -> None:
    for name in lab.tools:
        deliver(lab.hub, lab.connection(name))


def told(lab: Lab, stream: str, *remotes: Remote, name: str = "a") -> None:
    """A tool tells this page."""
    lab.wait(1)
    began_at = lab.clock()
    inbound(Trip(lab.hub, lab.stream(name, stream), began_at, lab.clock()), Page(remotes, {}))
