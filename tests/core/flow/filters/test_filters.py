"""Filters per connection and direction: which records a tool gets and gives, and what becomes of one that leaves."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.building import ConnectionSpec
from connectors._kit.mischief import Mischief
from core.flow.filters.refilter import filter_again
from core.flow.hub import Connection, Hub
from core.flow.outward.agreement import Agreement
from core.flow.outward.compare import Step, differences
from core.flow.outward.reconcile import reconcile
from core.flow.saying import say
from core.flow.sync import turn
from core.flow.undo.replay import folded_again
from core.store import tables
from core.store.bindings import State
from core.store.records import State as RecordState
from tests.core.store.test_statements import counted
from tests.support import EVERYTHING, PEOPLE, Lab, people

ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore"}
BOB = {"email": "bob@quay.example", "first_name": "Bob", "last_name": "Quay"}
NEWS = {"tags": {"has": "newsletter"}}
BAKERS = {"job_title": "Baker"}
SUBSCRIBED = {"tags": ["newsletter"]}


def refiltered(lab: Lab, name: str, mapping: str = PEOPLE, **policy: Any) -> None:
    """Put other filters of a connection in force, as `concord apply` does."""
    world = {"world": lab.tools[name].name}
    lab.installation.put_connection(ConnectionSpec(name, "memory", world, mapping, f"{name}.yaml", {"*": policy}))
    lab.installation.reconsider()
    lab.refreshed()


def agreement(lab: Lab, name: str, kind: str = "contact") -> Agreement:
    return reconcile(lab.hub, lab.connection(name), mend=False).by_kind.get(kind, Agreement())


def at_rest(lab: Lab) -> None:
    """Everything is done: another look marks and writes nothing, and history gives what stands."""
    for name in lab.tools:
        assert reconcile(lab.hub, lab.connection(name)).marked == 0
    before = lab.writes()
    lab.wait(3_600)
    assert all(one.quiet for one in lab.settle())
    assert lab.writes() == before
    assert lab.pending() == 0
    with lab.hub.store.reading() as tx:
        found = {record.id: record.values for record in lab.records()}
        assert folded_again(lab.hub, tx, list(found)) == found


def edit(lab: Lab, name: str, id_: str, **fields: Any) -> None:
    """A person edits, a minute later, and everything settles."""
    lab.wait(60)
    lab.tools[name].edit("contacts", id_, **fields)
    lab.settle()


# --- which of the hub's records a tool gets


def test_only_what_fits_is_created(lab: Lab):
    a, b = lab.tool("a"), lab.tool("b", policy={"only_out": NEWS})
    a.create("contacts", {**ANN, **SUBSCRIBED})
    a.create("contacts", BOB)
    lab.turn("a")
    assert lab.pending() == 1, "what does not fit is nobody's work"
    lab.settle()
    assert [one["first_name"] for one in b.all("contacts").values()] == ["Ann"]
    found = agreement(lab, "b")
    assert (found.records, found.missing, found.left_out, found.share) == (1, 0, 1, 1.0)
    at_rest(lab)


def test_a_change_of_the_asked_field_is_heard_even_if_the_tool_does_not_hold_it(lab: Lab):
    bob = lab.tool("a").create("contacts", BOB)
    lab.tool("b", mapping=PEOPLE.replace("    tags: {field: tags}\n", ""), policy={"only_out": NEWS})
    lab.settle()
    assert lab.all("b") == []
    edit(lab, "a", bob, tags=["newsletter"])
    assert len(lab.all("b", first_name="Bob")) == 1
    at_rest(lab)


@pytest.fixture
def left(lab: Lab, request: pytest.FixtureRequest) -> tuple[str, str]:
    """Ann fitted `b` and was created there; then she lost her tag in `a`. Gives her ids in both."""
    a = lab.tool("a")
    lab.tool("b", policy={"only_out": NEWS, "leaves": request.param})
    ours = a.create("contacts", {**ANN, **SUBSCRIBED})
    lab.settle()
    theirs = lab.find("b", first_name="Ann")
    edit(lab, "a", ours, tags=None)
    return ours, theirs


@pytest.mark.parametrize("left", ["keep"], indirect=True)
def test_kept_it_stays_as_it_is_is_read_and_not_written(lab: Lab, left: tuple[str, str]):
    ours, theirs = left
    assert lab.held("b", theirs)["tags"] == ["newsletter"]
    edit(lab, "a", ours, job_title="Chair")
    assert "job_title" not in lab.held("b", theirs)
    edit(lab, "b", theirs, phone="+447700900123")
    assert lab.held("a", ours)["phone"] == "+447700900123"
    found = agreement(lab, "b")
    assert (found.records, found.fields, found.left_out) == (0, 0, 1)
    at_rest(lab)
    edit(lab, "a", ours, tags=["newsletter"])
    assert lab.held("b", theirs)["job_title"] == "Chair"
    assert len(lab.all("b")) == 1
    at_rest(lab)


@pytest.mark.parametrize("left", ["unlink"], indirect=True)
def test_unlinked_it_stays_there_and_nothing_passes_until_it_fits_again(lab: Lab, left: tuple[str, str]):
    ours, theirs = left
    (bound,) = lab.bound(lab.record(first_name="Ann"), "b")
    assert bound.state == State.FILTERED
    edit(lab, "a", ours, job_title="Chair")
    edit(lab, "b", theirs, phone="+447700900123", asked="A new roof")
    assert "job_title" not in lab.held("b", theirs)
    assert "phone" not in lab.held("a", ours)
    edit(lab, "a", ours, phone="+447700900999")
    at_rest(lab)
    calls = lab.tools["b"].calls["fetch"]
    edit(lab, "a", ours, tags=["newsletter"])
    # Bound again by its binding: what was edited there meanwhile is heard with its own time, and nothing is doubled.
    assert lab.all("b") == [theirs]
    for name, id_ in (("a", ours), ("b", theirs)):
        held = lab.held(name, id_)
        assert (held["job_title"], held["phone"], held["asked"]) == ("Chair", "+447700900999", "A new roof")
    assert lab.tools["b"].calls["fetch"] == calls
    assert agreement(lab, "b").share == 1.0
    at_rest(lab)


@pytest.mark.parametrize("left", ["archive"], indirect=True)
def test_archived_it_is_deleted_there_and_created_anew_when_it_fits_again(lab: Lab, left: tuple[str, str]):
    ours, theirs = left
    assert lab.all("b") == []
    assert lab.record(first_name="Ann").state == RecordState.LIVE
    assert lab.held("a", ours)["first_name"] == "Ann"
    assert (agreement(lab, "b").missing, agreement(lab, "b").left_out) == (0, 1)
    at_rest(lab)
    edit(lab, "a", ours, tags=["newsletter"])
    assert lab.find("b", first_name="Ann") != theirs
    at_rest(lab)


@pytest.mark.parametrize("leaves", ["keep", "unlink", "archive"])
def test_the_edit_by_which_it_leaves_is_not_lost(lab: Lab, leaves: str):
    ours = lab.tool("a").create("contacts", {**ANN, **SUBSCRIBED})
    lab.tool("b", policy={"only_out": NEWS, "leaves": leaves})
    lab.settle()
    edit(lab, "b", lab.find("b", first_name="Ann"), tags=None, job_title="Chair")
    assert lab.held("a", ours)["job_title"] == "Chair"
    assert not lab.held("a", ours).get("tags")
    assert lab.record(first_name="Ann").values["job_title"] == "Chair"
    assert bool(lab.all("b")) == (leaves != "archive")
    at_rest(lab)


@pytest.mark.parametrize("leaves", ["unlink", "archive"])
@pytest.mark.parametrize("versions", [True, False])
def test_an_edit_that_was_made_before_it_left_and_is_read_later_is_not_lost(lab: Lab, leaves: str, versions: bool):
    if not versions:
        # So the hub looks again before it deletes.
        declaring(lab, versions="none")
    ours = lab.tool("a").create("contacts", {**ANN, **SUBSCRIBED})
    lab.tool("b", policy={"only_out": NEWS, "leaves": leaves}, versions=versions)
    lab.settle()
    theirs = lab.find("b", first_name="Ann")
    lab.wait(60)
    lab.tools["b"].edit("contacts", theirs, job_title="Chair")
    lab.wait(60)
    lab.tools["a"].edit("contacts", ours, tags=None)
    lab.turn("a")
    turn(lab.hub, lab.connection("b"), pulls=False)
    lab.settle()
    assert lab.record(first_name="Ann").values["job_title"] == "Chair"
    assert lab.held("a", ours)["job_title"] == "Chair"
    assert bool(lab.all("b")) == (leaves == "unlink")
    at_rest(lab)


def declaring(lab: Lab, **manifest: Any) -> None:
    """Have every tool declare something else."""

    def dressed(hub: Hub) -> Hub:
        def changed(connection: Connection) -> Connection:
            streams = (replace(one, manifest=one.manifest.model_copy(update=manifest)) for one in connection.streams)
            return replace(connection, streams=tuple(streams))

        return replace(hub, connections={id_: changed(one) for id_, one in hub.connections.items()})

    lab.dressed = dressed


def test_where_the_tool_cannot_delete_a_person_is_asked_once(lab: Lab):
    declaring(lab, deletes=False)
    ours = lab.tool("a").create("contacts", {**ANN, **SUBSCRIBED})
    b = lab.tool("b", policy={"only_out": NEWS, "leaves": "archive"})
    lab.settle()
    theirs = lab.find("b", first_name="Ann")
    edit(lab, "a", ours, tags=None)
    (review,) = lab.reviews("left")
    assert (review.subject["connection"], review.subject["id"]) == ("b", theirs)
    edit(lab, "a", ours, job_title="Chair")
    assert [one.id for one in lab.reviews("left")] == [review.id]
    lab.wait(60)
    b.delete("contacts", theirs)
    lab.settle()
    assert lab.reviews("left") == []
    assert lab.record(first_name="Ann").state == RecordState.LIVE
    at_rest(lab)
    edit(lab, "a", ours, tags=["newsletter"])
    assert len(lab.all("b", first_name="Ann")) == 1
    at_rest(lab)


@pytest.mark.parametrize("leaves", ["keep", "unlink", "archive"])
def test_what_the_tool_held_by_itself_and_never_fitted_has_not_left(lab: Lab, leaves: str):
    a, b = lab.tool("a"), lab.tool("b", policy={"only_out": NEWS, "leaves": leaves})
    theirs = b.create("contacts", {**BOB, "job_title": "Baker"})
    a.create("contacts", {**BOB, "phone": "+447700900123"})
    lab.settle()
    assert lab.held("b", theirs) == {**BOB, "job_title": "Baker"}
    edit(lab, "b", theirs, job_title="Chair")
    assert lab.held("a", lab.find("a", first_name="Bob"))["job_title"] == "Chair"
    found = agreement(lab, "b")
    assert (found.records, found.left_out) == (0, 1)
    at_rest(lab)
    # Once it has fitted, it leaves like any other.
    edit(lab, "b", theirs, tags=["newsletter"])
    assert lab.held("b", theirs)["phone"] == "+447700900123"
    edit(lab, "b", theirs, tags=None)
    assert bool(lab.all("b")) == (leaves != "archive")
    at_rest(lab)


@pytest.mark.parametrize("left", ["keep", "unlink"], indirect=True)
@pytest.mark.parametrize("deletes", ["propagate", "archive", "ask"])
def test_who_deletes_it_there_after_it_left_tidies_up(lab: Lab, left: tuple[str, str], deletes: str):
    ours, theirs = left
    refiltered(lab, "b", only_out=NEWS, leaves=lab.stream("b").policy.leaves, deletes_in=deletes)
    lab.wait(60)
    lab.tools["b"].delete("contacts", theirs)
    lab.settle()
    assert lab.record(first_name="Ann").state == RecordState.LIVE
    assert lab.reviews() == []
    assert lab.all("b") == []
    at_rest(lab)
    edit(lab, "a", ours, tags=["newsletter"])
    assert len(lab.all("b", first_name="Ann")) == 1


@pytest.mark.parametrize(("leaves", "held"), [("keep", True), ("unlink", True), ("archive", False)])
def test_what_is_deleted_everywhere_is_left_alone_where_it_had_left(lab: Lab, leaves: str, held: bool):
    spread = {"deletes_in": "propagate", "deletes_out": "propagate"}
    ours = lab.tool("a", policy=spread).create("contacts", {**ANN, **SUBSCRIBED})
    lab.tool("b", policy={"only_out": NEWS, "leaves": leaves, **spread})
    lab.tool("c", policy=spread)
    lab.settle()
    edit(lab, "a", ours, tags=None)
    lab.wait(60)
    lab.tools["a"].delete("contacts", ours)
    lab.settle()
    assert lab.all("c") == []
    assert bool(lab.all("b")) == held
    at_rest(lab)


def test_while_it_is_asked_what_a_field_should_be_nothing_leaves_because_of_it(lab: Lab):
    lab.rules("contact: {job_title: ask}\n")
    ours = lab.tool("a").create("contacts", {**ANN, "job_title": "Baker"})
    lab.tool("b", policy={"only_out": BAKERS, "leaves": "archive"})
    lab.tool("c")
    lab.settle()
    record = lab.record(first_name="Ann")
    edit(lab, "c", lab.find("c", first_name="Ann"), job_title="Cook")
    assert [one.field for one in lab.reviews("ask")] == ["job_title"]
    # Another word is shown meanwhile, but nobody has decided yet.
    edit(lab, "a", ours, job_title="Clerk")
    assert lab.record(first_name="Ann").values["job_title"] != "Baker"
    assert len(lab.all("b")) == 1
    lab.rules("contact: {job_title: latest}\n")
    lab.installation.reconsider()
    lab.refreshed()
    lab.wait(60)
    say(lab.hub, record.id, {"job_title": "Cook"})
    lab.settle()
    assert lab.reviews("ask") == []
    assert lab.all("b") == []


# --- refusals of consent


@pytest.mark.parametrize("leaves", ["keep", "unlink"])
def test_a_refusal_reaches_what_has_left(lab: Lab, leaves: str):
    a = lab.tool("a", mapping=EVERYTHING)
    lab.tool("b", mapping=EVERYTHING, streams={"contacts": {"only_out": NEWS, "leaves": leaves}})
    ours = a.create("contacts", {**ANN, **SUBSCRIBED, "email_consent": "granted"})
    lab.settle()
    theirs = lab.find("b", first_name="Ann")
    edit(lab, "a", ours, tags=None)
    edit(lab, "a", ours, email_consent="denied", job_title="Chair")
    assert lab.held("b", theirs)["email_consent"] == "denied"
    assert "job_title" not in lab.held("b", theirs)
    at_rest(lab)


def test_leaving_because_of_a_refusal_still_tells_it(lab: Lab):
    a = lab.tool("a", mapping=EVERYTHING)
    asked = {"only_out": {"consent.email": {"not": "denied"}}, "leaves": "unlink"}
    lab.tool("b", mapping=EVERYTHING, streams={"contacts": asked})
    ours = a.create("contacts", {**ANN, "email_consent": "granted"})
    lab.settle()
    edit(lab, "a", ours, email_consent="denied")
    (bound,) = lab.bound(lab.record(first_name="Ann"), "b")
    assert bound.state == State.FILTERED
    assert lab.held("b", bound.remote_id)["email_consent"] == "denied"
    at_rest(lab)


def test_a_refusal_is_heard_from_what_was_cut_off(lab: Lab):
    a = lab.tool("a", mapping=EVERYTHING)
    lab.tool("b", mapping=EVERYTHING, streams={"contacts": {"only_out": NEWS, "leaves": "unlink"}})
    ours = a.create("contacts", {**ANN, **SUBSCRIBED, "email_consent": "granted"})
    lab.settle()
    edit(lab, "a", ours, tags=None)
    edit(lab, "b", lab.find("b", first_name="Ann"), email_consent="denied", job_title="Chair")
    held = lab.held("a", ours)
    assert held["email_consent"] == "denied"
    assert "job_title" not in held
    at_rest(lab)


# --- which of a tool's records come in


def kept_out(lab: Lab) -> list[Any]:
    with lab.hub.store.reading() as tx:
        query = tables.binding.select().where(tables.binding.c.record_id == 0)
        return list(tx.execute(query))


@pytest.mark.parametrize("mode", ["token", "stamp", "listing"])
def test_what_does_not_fit_makes_no_record_and_is_known_at_the_next_poll(lab: Lab, mode: str):
    a = lab.tool("a", policy={"only_in": BAKERS}, mode=mode)
    lab.tool("b")
    a.create("contacts", {**ANN, "job_title": "Baker"})
    bob = a.create("contacts", BOB)
    lab.settle()
    assert [one.values["first_name"] for one in lab.records()] == ["Ann"]
    assert len(lab.all("b")) == 1
    assert len(kept_out(lab)) == 1
    calls = a.calls["fetch"]
    lab.wait(3_600)
    intake = lab.turn("a").intake
    assert (intake.left_out, intake.gone) == (0, 0)
    assert a.calls["fetch"] == calls, "a walk does not miss it"
    edit(lab, "a", bob, phone="+447700900123")
    assert len(lab.records()) == 1
    edit(lab, "a", bob, job_title="Baker")
    assert lab.held("b", lab.find("b", first_name="Bob"))["phone"] == "+447700900123"
    assert kept_out(lab) == []
    at_rest(lab)


def test_what_was_kept_out_joins_a_record_when_it_fits_and_not_before(lab: Lab):
    a, b = lab.tool("a", policy={"only_in": BAKERS}), lab.tool("b")
    ann = a.create("contacts", ANN)
    b.create("contacts", {**ANN, "phone": "+447700900123"})
    lab.settle()
    record = lab.record(first_name="Ann")
    # The tool holds her already: a second one is not created beside her.
    assert lab.all("a") == [ann]
    assert lab.bound(record, "a") == []
    assert (agreement(lab, "a").missing, agreement(lab, "a").left_out) == (0, 1)
    at_rest(lab)
    edit(lab, "a", ann, job_title="Baker")
    assert [one.id for one in lab.records()] == [record.id]
    assert lab.held("a", ann)["phone"] == "+447700900123"
    assert lab.held("b", lab.find("b", first_name="Ann"))["job_title"] == "Baker"
    at_rest(lab)


def test_what_was_kept_out_and_is_deleted_there_is_forgotten(lab: Lab):
    a, b = lab.tool("a", policy={"only_in": BAKERS}, mode="listing"), lab.tool("b")
    ann = a.create("contacts", ANN)
    b.create("contacts", {**ANN, "job_title": "Cook"})
    lab.settle()
    lab.wait(60)
    a.delete("contacts", ann)
    lab.settle()
    assert kept_out(lab) == []
    assert reconcile(lab.hub, lab.connection("a")).marked == 1
    lab.settle()
    assert len(lab.all("a", first_name="Ann")) == 1
    at_rest(lab)


def test_a_create_of_ours_is_bound_whatever_it_looks_like(lab: Lab):
    lab.tool("a", policy={"only_in": BAKERS}, mischief=Mischief(random.Random(1)))
    lab.tool("b").create("contacts", ANN)
    lab.settle("b")
    lab.tools["a"].mischief.once("lost_answer")
    lab.settle()
    lab.wait(3_600)
    lab.settle()
    assert len(lab.all("a")) == 1
    (bound,) = lab.bound(lab.record(first_name="Ann"), "a")
    assert bound.state == State.BOUND
    at_rest(lab)


def test_a_filter_at_the_door_lets_go_on_what_came_in(lab: Lab):
    ann = lab.tool("a", policy={"only_in": BAKERS}).create("contacts", {**ANN, "job_title": "Baker"})
    lab.tool("b")
    lab.settle()
    theirs = lab.find("b", first_name="Ann")
    edit(lab, "a", ann, job_title="Cook")
    edit(lab, "a", ann, phone="+447700900123")
    assert lab.held("b", theirs)["phone"] == "+447700900123"
    edit(lab, "b", theirs, last_name="Quay")
    assert lab.held("a", ann)["last_name"] == "Quay"
    at_rest(lab)


def test_what_leaves_by_an_edit_there_is_let_go_with_its_last_word(lab: Lab):
    policy = {"only_in": BAKERS, "leaves_in": "unlink", "deletes_in": "propagate"}
    ann = lab.tool("a", policy=policy).create("contacts", {**ANN, "job_title": "Baker"})
    lab.tool("b")
    lab.settle()
    theirs = lab.find("b", first_name="Ann")
    edit(lab, "a", ann, job_title="Cook", asked="A new roof")
    held = lab.held("b", theirs)
    assert (held["job_title"], held["asked"]) == ("Cook", "A new roof")
    (bound,) = lab.bound(lab.record(first_name="Ann"), "a")
    assert bound.state == State.FILTERED
    edit(lab, "a", ann, phone="+447700900123")
    edit(lab, "b", theirs, last_name="Quay")
    assert "phone" not in lab.held("b", theirs)
    assert lab.held("a", ann)["last_name"] == "Shore"
    at_rest(lab)
    edit(lab, "a", ann, job_title="Baker")
    for name, id_ in (("a", ann), ("b", theirs)):
        held = lab.held(name, id_)
        assert (held["job_title"], held["phone"], held["last_name"]) == ("Baker", "+447700900123", "Quay")
    at_rest(lab)
    # Deleted there while it is cut off, it is neither deleted elsewhere nor put back.
    edit(lab, "a", ann, job_title="Cook")
    lab.wait(60)
    lab.tools["a"].delete("contacts", ann)
    lab.settle()
    assert lab.record(first_name="Ann").state == RecordState.LIVE
    assert lab.all("a") == []
    at_rest(lab)


def test_what_is_cut_off_is_not_made_a_second_time_by_a_newcomer_of_the_same_name(lab: Lab):
    policy = {"only_in": BAKERS, "leaves_in": "unlink"}
    a = lab.tool("a", policy=policy)
    ann = a.create("contacts", {**ANN, "job_title": "Baker"})
    lab.tool("b")
    lab.settle()
    edit(lab, "a", ann, job_title="Cook")
    a.create("contacts", {**ANN, "job_title": "Baker"})
    lab.settle()
    assert [one.subject["connection"] for one in lab.reviews("duplicate")] == ["a"]


def test_what_a_tool_merges_into_one_that_is_kept_out_stays_where_it_is(lab: Lab):
    a = lab.tool("a", policy={"only_in": BAKERS})
    lab.tool("b")
    ann = a.create("contacts", {**ANN, "job_title": "Baker"})
    bob = a.create("contacts", BOB)
    lab.settle()
    lab.wait(60)
    a.merge("contacts", bob, ann)
    lab.settle()
    assert len(lab.records()) == 1
    assert len(lab.all("b")) == 1
    at_rest(lab)
    edit(lab, "a", bob, job_title="Baker", asked="A new roof")
    (record,) = lab.records()
    assert record.values["asked"] == "A new roof"
    assert {one.state for one in lab.bound(record, "a")} == {State.MOVED, State.BOUND}


# --- references


def test_a_reference_to_what_the_tool_does_not_get_is_not_told_there(lab: Lab):
    a = lab.tool("a", mapping=EVERYTHING)
    lab.tool("b", mapping=EVERYTHING, streams={"contacts": {"only_out": NEWS}})
    bob, ann = a.create("contacts", BOB), a.create("contacts", {**ANN, **SUBSCRIBED})
    a.create("deals", {"name": "Roof", "contact_ids": [bob, ann]})
    lab.settle()
    (deal,) = lab.tools["b"].all("deals").values()
    assert deal["contact_ids"] == [lab.find("b", first_name="Ann")]
    assert lab.pending() == 0
    at_rest(lab)
    assert lab.held("a", lab.find("a", "deals", name="Roof"), "deals")["contact_ids"] == [bob, ann]
    edit(lab, "a", bob, tags=["newsletter"])
    (deal,) = lab.tools["b"].all("deals").values()
    assert sorted(deal["contact_ids"]) == sorted(lab.tools["b"].all("contacts"))
    at_rest(lab)


@pytest.mark.parametrize("leaves", ["keep", "unlink"])
def test_a_reference_to_what_has_left_stays_told(lab: Lab, leaves: str):
    a = lab.tool("a", mapping=EVERYTHING)
    lab.tool("b", mapping=EVERYTHING, streams={"contacts": {"only_out": NEWS, "leaves": leaves}})
    ann = a.create("contacts", {**ANN, **SUBSCRIBED})
    a.create("deals", {"name": "Roof", "contact_ids": [ann]})
    lab.settle()
    edit(lab, "a", ann, tags=None)
    lab.wait(60)
    a.edit("deals", lab.find("a", "deals", name="Roof"), stage="won")
    lab.settle()
    (deal,) = lab.tools["b"].all("deals").values()
    assert (deal["stage"], deal["contact_ids"]) == ("won", [lab.find("b", first_name="Ann")])
    at_rest(lab)


def test_a_reference_to_what_is_kept_out_waits_and_is_not_cleared_there(lab: Lab):
    a = lab.tool("a", mapping=EVERYTHING, streams={"contacts": {"only_in": BAKERS}})
    lab.tool("b", mapping=EVERYTHING)
    bob = a.create("contacts", BOB)
    deal = a.create("deals", {"name": "Roof", "contact_ids": [bob]})
    lab.settle()
    assert "contacts" not in lab.record(name="Roof").values
    lab.wait(60)
    lab.tools["b"].edit("deals", lab.find("b", "deals", name="Roof"), stage="won")
    lab.settle()
    held = lab.held("a", deal, "deals")
    assert (held["stage"], held["contact_ids"]) == ("won", [bob])
    edit(lab, "a", bob, job_title="Baker")
    assert lab.record(name="Roof").values["contacts"] == [lab.record(first_name="Bob").id]
    (there,) = lab.tools["b"].all("deals").values()
    assert there["contact_ids"] == [lab.find("b", first_name="Bob")]
    at_rest(lab)


def test_a_reference_that_nobody_can_read_is_not_cleared(lab: Lab):
    a = lab.tool("a", mapping=EVERYTHING)
    b = lab.tool("b", mapping=EVERYTHING)
    deal = a.create("deals", {"name": "Roof", "company_id": "late", "contact_ids": ["later"]})
    lab.settle()
    lab.wait(60)
    bob = b.create("contacts", BOB)
    b.edit("deals", lab.find("b", "deals", name="Roof"), stage="won", contact_ids=[bob])
    lab.settle()
    held = lab.held("a", deal, "deals")
    assert (held["stage"], held["company_id"]) == ("won", "late")
    assert sorted(held["contact_ids"]) == sorted(["later", lab.find("a", first_name="Bob")])
    at_rest(lab)


# --- two streams of a kind

SALES = """
Lead:
  as: contact
  when: {lifecycle_stage: [subscriber, lead]}
  fields: {email: Email, first_name: FirstName, last_name: LastName, tags: Tags}
Contact:
  as: contact
  fields: {email: Email, first_name: FirstName, last_name: LastName, tags: Tags}
"""


def test_when_says_where_and_the_filter_says_whether(lab: Lab, free_streams: None):
    lab.tool("a", mapping=SALES, streams={"Lead": {"only_out": NEWS, "leaves": "archive"}})
    b = lab.tool("b", mapping=EVERYTHING)
    ann = b.create("contacts", {**ANN, "stage": "lead"})
    b.create("contacts", {**BOB, "stage": "customer"})
    lab.settle()
    # A lead that the stream of leads does not get goes to no other stream.
    assert [len(lab.all("a", stream)) for stream in ("Lead", "Contact")] == [0, 1]
    edit(lab, "b", ann, tags=["newsletter"])
    assert [len(lab.all("a", stream)) for stream in ("Lead", "Contact")] == [1, 1]
    edit(lab, "b", ann, tags=None)
    assert [len(lab.all("a", stream)) for stream in ("Lead", "Contact")] == [0, 1]
    edit(lab, "b", ann, stage="customer")
    assert [len(lab.all("a", stream)) for stream in ("Lead", "Contact")] == [0, 2]
    at_rest(lab)


def test_each_stream_has_its_own_filter_of_what_comes_in(lab: Lab, free_streams: None):
    asked: dict[str, dict[str, Any]] = {
        "Lead": {"only_in": NEWS},
        "Contact": {"only_in": {"last_name": {"known": True}}},
    }
    a = lab.tool("a", mapping=SALES, streams=asked)
    lab.tool("b", mapping=EVERYTHING)
    a.create("Lead", {"Email": "ann@shore.example", "FirstName": "Ann", "LastName": "Shore"})
    a.create("Contact", {"Email": "bob@quay.example", "FirstName": "Bob", "LastName": "Quay"})
    a.create("Contact", {"Email": "eve@dune.example", "FirstName": "Eve"})
    lab.settle()
    assert [one["first_name"] for one in lab.tools["b"].all("contacts").values()] == ["Bob"]
    at_rest(lab)


# --- another filter


def test_a_filter_that_is_narrowed_and_lifted_again(lab: Lab):
    a, b = lab.tool("a"), lab.tool("b")
    for place, person in enumerate(people(20)):
        a.create("contacts", {**person, "job_title": "Baker" if place % 2 else "Cook"})
    lab.settle()
    assert len(b.all("contacts")) == 20
    calls = lab.tools["a"].api_calls + b.api_calls
    refiltered(lab, "b", only_out=BAKERS, leaves="archive")
    assert lab.tools["a"].api_calls + b.api_calls == calls
    lab.settle()
    assert {one["job_title"] for one in b.all("contacts").values()} == {"Baker"}
    assert len(lab.all("a")) == 20
    at_rest(lab)
    refiltered(lab, "b")
    lab.settle()
    assert len(b.all("contacts")) == 20
    assert agreement(lab, "b").share == 1.0
    at_rest(lab)


def test_a_policy_that_is_changed_is_carried_out_on_what_had_left(lab: Lab):
    ann = lab.tool("a").create("contacts", {**ANN, "job_title": "Baker"})
    b = lab.tool("b", policy={"only_out": BAKERS, "leaves": "unlink"})
    lab.settle()
    edit(lab, "a", ann, job_title="Cook")
    theirs = lab.find("b", first_name="Ann")
    edit(lab, "b", theirs, asked="A new roof")
    assert "asked" not in lab.held("a", ann)
    refiltered(lab, "b", only_out=BAKERS, leaves="keep")
    lab.settle()
    # Kept, it is read again: what was edited meanwhile, too.
    assert lab.held("a", ann)["asked"] == "A new roof"
    assert lab.held("b", theirs)["job_title"] == "Baker"
    at_rest(lab)
    refiltered(lab, "b", only_out=BAKERS, leaves="archive")
    lab.settle()
    assert b.all("contacts") == {}
    at_rest(lab)


def test_a_filter_that_is_widened_lets_in_what_was_kept_without_a_call(lab: Lab):
    a = lab.tool("a", policy={"only_in": BAKERS})
    lab.tool("b")
    for place, person in enumerate(people(20)):
        a.create("contacts", {**person, "job_title": "Baker" if place % 4 == 0 else "Cook"})
    lab.settle()
    assert (len(lab.records()), len(kept_out(lab))) == (5, 15)
    calls = a.api_calls
    refiltered(lab, "a", only_in={"job_title": ["Baker", "Cook"]})
    assert a.api_calls == calls
    assert (len(lab.records()), kept_out(lab)) == (20, [])
    lab.settle()
    assert len(lab.all("b")) == 20
    at_rest(lab)
    refiltered(lab, "a", only_in=BAKERS, leaves_in="unlink")
    lab.settle()
    assert len(lab.records()) == 20
    states = [bound.state for one in lab.records() for bound in lab.bound(one, "a")]
    assert (states.count(State.FILTERED), states.count(State.BOUND)) == (15, 5)
    at_rest(lab)
    refiltered(lab, "a")
    assert {bound.state for one in lab.records() for bound in lab.bound(one, "a")} == {State.BOUND}
    at_rest(lab)


def test_a_mapping_that_reads_the_asked_field_in_another_way_is_asked_again(lab: Lab):
    a = lab.tool("a", mapping=PEOPLE, policy={"only_in": BAKERS})
    a.create("contacts", {**ANN, "role": "Baker"})
    lab.settle()
    assert lab.records() == []
    refiltered(lab, "a", PEOPLE.replace("job_title: {field: job_title}", "job_title: {field: role}"), only_in=BAKERS)
    assert [one.values["first_name"] for one in lab.records()] == ["Ann"]


def test_filtering_again_changes_nothing_where_nothing_changed(lab: Lab):
    a = lab.tool("a", policy={"only_in": BAKERS, "leaves_in": "unlink"})
    lab.tool("b", policy={"only_out": NEWS, "leaves": "unlink"})
    ann = a.create("contacts", {**ANN, "job_title": "Baker", **SUBSCRIBED})
    a.create("contacts", BOB)
    lab.settle()
    edit(lab, "a", ann, tags=None)
    edit(lab, "a", ann, job_title="Cook")

    def all_bindings() -> list[Any]:
        with lab.hub.store.reading() as tx:
            return [tuple(row) for row in tx.execute(tables.binding.select().order_by(tables.binding.c.id))]

    before = all_bindings()
    for name in "ab":
        filter_again(lab.hub, lab.connection(name))
    assert all_bindings() == before
    assert lab.pending() == 0


# --- everything together


@pytest.mark.parametrize("seed", range(8))
def test_in_the_end_each_tool_holds_what_fits_and_what_was_kept(lab: Lab, seed: int):
    chance = random.Random(seed)
    leaves = {name: chance.choice(["keep", "unlink", "archive"]) for name in "bc"}
    tools = {
        "a": lab.tool("a"),
        "b": lab.tool("b", policy={"only_out": NEWS, "leaves": leaves["b"]}, mode=chance.choice(["token", "listing"])),
        "c": lab.tool("c", policy={"only_out": {"job_title": ["Baker", "Cook"]}, "leaves": leaves["c"]}),
    }
    fits: dict[str, Callable[[Mapping[str, Any]], bool]] = {
        "b": lambda one: "newsletter" in (one.get("tags") or ()),
        "c": lambda one: one.get("job_title") in ("Baker", "Cook"),
    }
    for person in people(6):
        tools["a"].create("contacts", person)
    ever: dict[str, set[str]] = {"b": set(), "c": set()}

    def note() -> None:
        for one in lab.records():
            for where, test in fits.items():
                if test(one.values):
                    ever[where].add(one.values["email"])

    for _ in range(40):
        name = chance.choice("aaabc")
        held = list(tools[name].all("contacts"))
        lab.wait(chance.choice([5, 60, 3_600]))
        if held:
            changes: list[dict[str, Any]] = [
                {"tags": chance.choice([["newsletter"], ["vip"], None])},
                {"job_title": chance.choice(["Baker", "Cook", "Clerk", None])},
                {"phone": f"+4477009{chance.randrange(10**5):05d}"},
            ]
            change = chance.choice(changes)
            tools[name].edit("contacts", chance.choice(held), **change)
        if chance.random() < 0.6:
            lab.turn(chance.choice("abc"))
        note()
    for _ in range(8):
        for name in "abc":
            lab.turn(name)
            note()
    records = {one.values["email"]: one for one in lab.records()}
    assert len(records) == 6
    assert {one["email"] for one in tools["a"].all("contacts").values()} == records.keys()
    for name, test in fits.items():
        there = [one["email"] for one in tools[name].all("contacts").values()]
        fitting = {email for email, one in records.items() if test(one.values)}
        assert len(there) == len(set(there)), "nothing is doubled"
        assert fitting <= set(there) <= (fitting if leaves[name] == "archive" else ever[name])
        with lab.hub.store.reading() as tx:
            found = differences(lab.hub, tx, lab.connection(name), {one.id: one for one in records.values()})
        assert {one.step for one in found} <= {Step.NOTHING}
        by_email = {one["email"]: one for one in tools[name].all("contacts").values()}
        for email in fitting:
            for field, value in records[email].values.items():
                assert by_email[email].get(field) == value, f"{field} of {email} in {name}"
    at_rest(lab)


def test_the_same_on_postgresql(tmp_path: Path, postgres_url: str):
    with Lab(tmp_path, database_url=postgres_url) as lab:
        a = lab.tool("a", policy={"only_in": {"last_name": {"known": True}}, "leaves_in": "unlink"})
        lab.tool("b", policy={"only_out": NEWS, "leaves": "unlink"})
        ann = a.create("contacts", {**ANN, **SUBSCRIBED})
        eve = a.create("contacts", {"email": "eve@dune.example", "first_name": "Eve", **SUBSCRIBED})
        lab.settle()
        assert len(lab.all("b")) == 1
        edit(lab, "a", ann, tags=None)
        edit(lab, "a", ann, job_title="Chair")
        edit(lab, "a", eve, last_name="Dune")
        assert len(lab.all("b")) == 2
        edit(lab, "a", eve, last_name=None)
        edit(lab, "a", ann, tags=["newsletter"])
        assert lab.held("b", lab.find("b", first_name="Ann"))["job_title"] == "Chair"
        at_rest(lab)
        refiltered(lab, "a")
        assert {row.state for one in lab.records() for row in lab.bound(one, "a")} == {State.BOUND}
        at_rest(lab)


def test_a_filter_costs_no_more_statements_for_more_records(lab: Lab):
    a = lab.tool("a", policy={"only_in": BAKERS})
    lab.turn("a")
    counts = []
    for number, start in ((10, 0), (300, 10)):
        for place, person in enumerate(people(number, start=start)):
            a.create("contacts", {**person, "job_title": "Baker" if place % 2 else "Cook"})
        with counted(lab.hub.store) as seen:
            lab.turn("a")
        counts.append(len(seen))
    assert counts[0] == counts[1]
