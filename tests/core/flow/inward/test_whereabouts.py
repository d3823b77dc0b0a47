"""What looks like a delete and is none: a record under another id, and two that somebody merged by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.flow.hub import Hub
from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.flow.reviews.answering import answer
from core.flow.undo.replay import folded_again
from core.ports import Page, Remote
from core.store.bindings import State as BindingState
from core.store.records import Record, State
from tests.support import Lab, people

DELETING = {"deletes_in": "propagate", "deletes_out": "propagate"}
ANN = {"first_name": "Ann", "last_name": "Shore", "uid": "uid-ann"}
"""Nothing but the UID tells who this is."""


def live(lab: Lab) -> list[Record]:
    return [record for record in lab.records() if record.state == State.LIVE]


def with_identity(hub: Hub) -> Hub:
    """The hub, where the records of `a` keep a UID when their ids change."""

    def marked(stream: Any) -> Any:
        return replace(stream, manifest=stream.manifest.model_copy(update={"identity": "uid"}))

    connections = {
        id_: replace(one, streams=tuple(marked(stream) for stream in one.streams)) if one.name == "a" else one
        for id_, one in hub.connections.items()
    }
    return replace(hub, connections=connections)


@pytest.fixture
def shelf(lab: Lab) -> Lab:
    """Ann is in `a` as `old`, and in `b`."""
    lab.dressed = with_identity
    lab.tool("a", policy=DELETING).create("contacts", ANN, id="old")
    lab.tool("b", policy=DELETING)
    lab.settle()
    lab.wait(60)
    return lab


def told(lab: Lab, *remotes: Remote) -> None:
    """`a` tells this page."""
    lab.wait(1)
    began_at = lab.clock()
    inbound(Trip(lab.hub, lab.stream("a"), began_at, lab.clock()), Page(remotes, {}))


def held(lab: Lab) -> dict[str, int]:
    (record,) = live(lab)
    return {one.remote_id: one.state for one in lab.bound(record, "a")}


def explained(lab: Lab) -> None:
    with lab.hub.store.reading() as tx:
        every = {one.id: one.values for one in lab.records()}
        assert folded_again(lab.hub, tx, list(every)) == every


GONE, CAME = Remote("old", {}, deleted=True), Remote("new", ANN)


@pytest.mark.parametrize("page", [[GONE, CAME], [CAME, GONE]])
def test_a_record_that_comes_back_under_another_id_has_moved(shelf: Lab, page: list[Remote]) -> None:
    (before,) = live(shelf)
    told(shelf, *page)
    assert [one.id for one in live(shelf)] == [before.id]
    assert held(shelf) == {"old": BindingState.MOVED, "new": BindingState.BOUND}
    shelf.settle("b")
    assert len(shelf.all("b")) == 1
    assert shelf.tools["b"].writes == 1, "nothing was deleted or made anew there"
    assert shelf.reviews() == []
    explained(shelf)


def test_it_is_known_before_the_old_id_is_gone(shelf: Lab) -> None:
    told(shelf, CAME)
    assert held(shelf) == {"old": BindingState.BOUND, "new": BindingState.BOUND}
    told(shelf, GONE)
    assert held(shelf)["new"] == BindingState.BOUND
    shelf.settle("b")
    assert (len(live(shelf)), len(shelf.all("b")), shelf.tools["b"].writes) == (1, 1, 1)
    assert shelf.reviews() == []
    explained(shelf)


def test_it_is_known_again_after_it_was_gone(shelf: Lab) -> None:
    told(shelf, GONE)
    shelf.settle("b")
    assert (live(shelf), shelf.all("b")) == ([], [])
    told(shelf, CAME)
    shelf.settle("b")
    assert (len(shelf.records()), len(live(shelf)), len(shelf.all("b"))) == (1, 1, 1)
    explained(shelf)


def test_what_we_made_there_ourselves_is_known_by_its_mark_too(lab: Lab) -> None:
    lab.dressed = with_identity
    a = lab.tool("a", mapping=UID_OUT, policy=DELETING)
    lab.tool("b", policy=DELETING).create("contacts", {**ANN, "asked": "uid-of-ours"})
    lab.settle()
    (id_,) = a.all("contacts")
    fields = lab.held("a", id_)
    told(lab, Remote(id_, {}, deleted=True), Remote("elsewhere", fields))
    assert len(lab.records()) == 1
    told(lab, Remote("yet-elsewhere", fields))
    assert len(lab.records()) == 1


UID_OUT = """
contacts:
  as: contact
  fields: {first_name: first_name, last_name: last_name, asked: uid}
"""


def test_a_copy_that_was_made_into_somebody_else_is_somebody_else(shelf: Lab) -> None:
    told(shelf, Remote("new", {**ANN, "first_name": "Carl"}))
    assert len(live(shelf)) == 2


def test_where_ids_do_not_change_nothing_is_looked_for(lab: Lab) -> None:
    a = lab.tool("a", policy=DELETING)
    a.create("contacts", ANN, id="old")
    lab.settle()
    told(lab, GONE, CAME)
    assert len(lab.records()) == 2


# Merged by hand


def two(lab: Lab, **second: Any) -> tuple[str, str]:
    """Two cards in `a`, both known in `b`; the first one then gets the other's address, as a person does it."""
    a = lab.tool("a", policy=DELETING)
    lab.tool("b", policy=DELETING)
    first, other = people(2)
    names = {"first_name": first["first_name"], "last_name": first["last_name"]}
    ids = a.create("contacts", first), a.create("contacts", {**other, **names, "job_title": "Baker", **second})
    lab.settle()
    lab.wait(60)
    a.edit("contacts", ids[0], {"other_emails": [other["email"]], "job_title": "Baker"})
    return ids


def one_left(lab: Lab) -> None:
    (record,) = live(lab)
    assert record.values["other_emails"] == [people(2)[1]["email"]]
    assert len(lab.all("b")) == 2, "a merge there is no delete here"
    assert [one.what for one in lab.reviews()] == ["duplicate"]
    explained(lab)
    writes = lab.writes()
    lab.wait(3_600)
    lab.settle()
    assert lab.writes() == writes


def test_who_takes_an_address_over_and_deletes_the_other_has_merged_them(lab: Lab) -> None:
    keep, lose = two(lab)
    lab.tools["a"].delete("contacts", lose)
    lab.settle()
    assert lab.all("a") == [keep]
    one_left(lab)


def test_the_two_steps_may_be_polled_one_after_the_other(lab: Lab) -> None:
    _, lose = two(lab)
    lab.settle()
    lab.wait(60)
    lab.tools["a"].delete("contacts", lose)
    lab.settle()
    one_left(lab)


def test_a_couple_with_one_address_is_two_people_when_one_goes(lab: Lab) -> None:
    keep, lose = two(lab, first_name="Zoe")
    lab.tools["a"].delete("contacts", lose)
    lab.settle()
    assert [one.values["first_name"] for one in live(lab)] == ["First0"]
    assert len(lab.all("b")) == 1, "she was deleted, and nobody else"
    assert lab.all("a") == [keep]


def test_who_was_told_apart_is_not_made_one_by_a_delete(lab: Lab) -> None:
    a, b = lab.tool("a", policy=DELETING), lab.tool("b", policy=DELETING)
    person = people(1)[0]
    first = a.create("contacts", person)
    lab.settle("a")
    b.create("contacts", {**person, "first_name": "Zoe"})
    lab.settle("b")
    (asked,) = lab.reviews("ambiguous")
    answer(lab.hub, asked, "different")
    lab.settle()
    lab.wait(60)
    a.edit("contacts", lab.find("a", first_name="Zoe"), {"first_name": person["first_name"]})
    lab.settle()
    lab.wait(60)
    a.delete("contacts", first)
    lab.settle()
    assert sorted(one.state for one in lab.records()) == [State.LIVE, State.DELETED]


def test_a_deleted_record_whose_address_nobody_took_over_is_deleted(lab: Lab) -> None:
    a = lab.tool("a", policy=DELETING)
    lab.tool("b", policy=DELETING)
    ids = [a.create("contacts", person) for person in people(2)]
    lab.settle()
    a.delete("contacts", ids[1])
    lab.settle()
    assert (len(live(lab)), len(lab.all("b"))) == (1, 1)
