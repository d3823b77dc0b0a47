"""A record became one of another stream, and a write, or a stream that is not read, is how we learn it."""

from __future__ import annotations

from typing import Any

import pytest

from api.building import ConnectionSpec
from connectors.memory.connector import MemoryConnector
from connectors.memory.tool import Tool
from core.errors import Unsupported
from core.flow.outward.outbound import deliver
from core.ports import Remote
from core.store.bindings import State as BindingState
from core.store.records import State
from tests.core.flow.inward.moves import (
    ANN,
    BOTH,
    DELETING,
    LEADS,
    NAMELESS,
    held,
    lead,
    live,
    moved_once,
    read,
    the_one,
    told,
)
from tests.support import EVERYTHING, PEOPLE, Lab

pytestmark = pytest.mark.usefixtures("free_streams")


@pytest.mark.parametrize("fields", [ANN, NAMELESS], ids=["known by its email", "known by nothing"])
def test_an_edit_meant_for_what_it_was_reaches_what_it_is(lab: Lab, fields: dict[str, Any]):
    before = lead(lab, fields)
    lab.tools["b"].edit("contacts", lab.find("b"), job_title="Chair")
    lab.turn("b")
    after = lab.tools["a"].convert("leads", before, "contacts")
    done = deliver(lab.hub, lab.connection("a"))
    assert (done.created, done.updated, done.dead) == (0, 1, 0)
    assert lab.held("a", after)["job_title"] == "Chair"
    lab.settle()
    moved_once(lab, before, after)
    assert (len(lab.all("b")), lab.reviews(), lab.pending()) == (1, [], 0)


def test_an_edit_is_told_so_even_where_what_it_is_now_is_not_read(lab: Lab):
    before = lab.tool("a", mapping=LEADS, policy=DELETING).create("leads", ANN)
    lab.tool("b", policy=DELETING)
    lab.settle()
    lab.tools["b"].edit("contacts", lab.find("b"), job_title="Chair")
    lab.turn("b")
    lab.tools["a"].convert("leads", before, "contacts")
    done = deliver(lab.hub, lab.connection("a"))
    assert (done.writes, done.dead, lab.pending()) == (0, 0, 0)
    assert held(lab, the_one(lab))[f"leads {before}"].state == BindingState.MOVED


def test_a_delete_of_what_it_was_leaves_what_it_is(lab: Lab):
    before = lead(lab, ANN)
    lab.tools["b"].delete("contacts", lab.find("b"))
    lab.turn("b")
    after = lab.tools["a"].convert("leads", before, "contacts")
    deliver(lab.hub, lab.connection("a"))
    lab.settle()
    moved_once(lab, before, after)
    assert len(lab.all("b")) == 1, "who was worked with elsewhere is put back"


def test_a_delete_of_what_is_gone_already_is_done(lab: Lab):
    before = lead(lab, ANN)
    lab.tools["b"].delete("contacts", lab.find("b"))
    lab.turn("b")
    lab.tools["a"].delete("leads", before)
    done = deliver(lab.hub, lab.connection("a"))
    assert (done.deleted, done.calls, done.dead) == (1, 1, 0)
    assert lab.pending() == 0
    assert [one.state for one in held(lab, lab.records()[0]).values()] == [BindingState.GONE]
    lab.settle()
    assert (lab.all("a", "leads"), lab.all("b")) == ([], [])


@pytest.mark.parametrize("finds", [True, False])
def test_a_create_whose_answer_was_lost_and_that_was_converted_since_is_not_made_again(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, finds: bool
):
    a = lab.tool("a", mapping=BOTH, policy={**DELETING, "deletes_in": "unlink"})
    lab.tool("b", policy=DELETING).create("contacts", NAMELESS)
    lab.settle("a")
    lab.turn("b")
    a.mischief.once("lost_answer")
    lab.turn("a")
    stream, made = ours(a)
    after = a.convert(stream, made, "contacts" if stream == "leads" else "leads")
    if not finds:
        monkeypatch.setattr(MemoryConnector, "find", unable)
    lab.wait(600)
    lab.settle()
    assert sorted([*lab.all("a", "leads"), *lab.all("a")]) == [after]
    assert (len(live(lab)), len(lab.all("b")), lab.pending()) == (1, 1, 0)
    assert lab.dead_letters() == []


def ours(a: Tool) -> tuple[str, str]:
    """Where the hub made the one record that `a` holds."""
    ((stream, id_),) = [(name, id_) for name in ("leads", "contacts") for id_ in a.all(name)]
    return stream, id_


def unable(_self: MemoryConnector, stream: str, _key: str) -> Remote:
    raise Unsupported("The tool cannot look for keys.", stream=stream)


# --- where the other stream is not read, or holds something else


def test_what_became_something_that_is_not_read_is_no_delete_and_is_found_once_it_is(lab: Lab):
    a = lab.tool("a", mapping=LEADS, policy=DELETING)
    before = a.create("leads", NAMELESS)
    lab.tool("b", policy=DELETING)
    lab.settle()
    after = a.convert("leads", before, "contacts")
    lab.settle()
    assert (the_one(lab).values, len(lab.all("b"))) == (NAMELESS, 1)
    assert (lab.all("a", "leads"), lab.reviews()) == ([], [])
    remapped(lab, BOTH)
    lab.settle()
    moved_once(lab, before, after)
    assert len(lab.all("b")) == 1


def remapped(lab: Lab, mapping: str) -> None:
    """Another mapping for the very tool that `a` is connected to."""
    world = lab.tools["a"].name
    spec = ConnectionSpec("a", "memory", {"world": world}, mapping, "a.yaml", {"*": DELETING})
    lab.installation.put_connection(spec)
    lab.refreshed()


@pytest.mark.parametrize("order", ["contacts, then companies", "companies, then contacts"])
def test_what_became_something_of_another_kind_is_not_joined_to_it(lab: Lab, order: str):
    a = lab.tool("a", mapping=EVERYTHING, policy=DELETING)
    before = a.create("contacts", ANN)
    lab.tool("b", policy=DELETING)
    lab.settle()
    after = a.convert("contacts", before, "companies")
    a.edit("companies", after, name="Shore Ltd")
    read(lab, order, in_one_turn=False)
    lab.settle()
    assert [one.state for one in lab.records()] == [State.LIVE]
    assert [one.values["name"] for one in lab.records("company")] == ["Shore Ltd"]
    assert (lab.all("a"), len(lab.all("b"))) == ([], 1)


def test_a_tombstone_that_says_more_than_an_earlier_one_is_heard(lab: Lab):
    a = lab.tool("a", mapping=BOTH, policy={**DELETING, "deletes_in": "ignore"})
    before = a.create("leads", NAMELESS)
    lab.tool("b", mapping=PEOPLE, policy=DELETING)
    lab.settle()
    lab.wait(60)
    told(lab, "leads", Remote(before, {}, deleted=True))
    after = a.convert("leads", before, "contacts")
    lab.settle()
    moved_once(lab, before, after)
