"""A tool turns a record of one stream into one of another: it stays one record, in whatever order that is told."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from core.flow.asking import ask
from core.flow.inward.pull import pull
from core.flow.outward.outbound import deliver
from core.flow.undo.replay import folded_again
from core.model.instant import MINUTE
from core.ports import Remote
from core.store.bindings import State as BindingState
from tests.core.flow.inward.moves import (
    ANN,
    BOTH,
    DELETING,
    NAMELESS,
    held,
    lead,
    live,
    moved_once,
    read,
    the_one,
    told,
)
from tests.core.store.test_statements import FEW, MANY, counted
from tests.support import Lab, emptied, people

CHAIR = {"job_title": "Chair"}

pytestmark = pytest.mark.usefixtures("free_streams")


@pytest.mark.parametrize("in_one_turn", [True, False])
@pytest.mark.parametrize("order", ["leads, then contacts", "contacts, then leads"])
@pytest.mark.parametrize("fields", [ANN, NAMELESS], ids=["known by its email", "known by nothing"])
def test_in_every_order_it_stays_one_record(lab: Lab, fields: dict[str, Any], order: str, in_one_turn: bool):
    before = lead(lab, fields)
    after = lab.tools["a"].convert("leads", before, "contacts")
    read(lab, order, in_one_turn=in_one_turn)
    lab.settle()
    moved_once(lab, before, after)
    # Written to others before anybody could know: only a person can tidy that up, and is told.
    too_early = fields is NAMELESS and order.startswith("contacts") and not in_one_turn
    assert len(lab.all("b")) == (2 if too_early else 1)
    assert len(lab.reviews()) == (1 if too_early else 0)


def test_what_was_asked_about_the_two_is_answered_by_the_tool(lab: Lab):
    before = lead(lab, ANN)
    after = lab.tools["a"].convert("leads", before, "contacts")
    pull(lab.hub, lab.stream("a", "contacts"))
    assert [one.what for one in lab.reviews()] == ["duplicate"]
    pull(lab.hub, lab.stream("a", "leads"))
    assert lab.reviews() == []
    moved_once(lab, before, after)


def orders() -> Iterator[tuple[str, ...]]:
    """What may be told of a move in every order, an edit elsewhere in between, and then all of it again."""
    for order in permutations(("went", "came", "came, edited")):
        yield (order[0], "edited elsewhere", *order[1:], *order)


def test_what_is_told_in_any_order_and_again_is_the_same_record(tmp_path: Path):
    for number, order in enumerate(orders()):
        with Lab(tmp_path / str(number)) as lab:
            before = lead(lab, ANN)
            at = lab.clock()
            lab.wait(300)
            shore, quay, chair = ({**ANN, **more} for more in ({"last_name": "Shore"}, {"last_name": "Quay"}, CHAIR))
            news = {
                "went": ("a", "leads", Remote(before, {}, deleted=True, moved_to="it", moved_stream="contacts")),
                "came": ("a", "contacts", Remote("it", shore, modified_at=at + MINUTE)),
                "came, edited": ("a", "contacts", Remote("it", quay, modified_at=at + 2 * MINUTE)),
                "edited elsewhere": ("b", "contacts", Remote(lab.find("b"), chair, modified_at=at)),
            }
            for name, stream, remote in (news[one] for one in order):
                told(lab, stream, remote, name=name)
            record = the_one(lab)
            assert record.values == {**quay, **CHAIR}, order
            states = {place: one.state for place, one in held(lab, record).items()}
            assert states == {f"leads {before}": BindingState.MOVED, "contacts it": BindingState.BOUND}, order
            assert lab.reviews() == [], order
            with lab.hub.store.reading() as tx:
                assert folded_again(lab.hub, tx, [record.id]) == {record.id: record.values}, order


@pytest.mark.parametrize("mode", ["stamp", "listing"])
def test_in_every_way_of_reading(lab: Lab, mode: str):
    before = lead(lab, NAMELESS, mode=mode)
    after = lab.tools["a"].convert("leads", before, "contacts")
    lab.settle()
    moved_once(lab, before, after)
    assert len(lab.all("b")) == 1


def test_what_is_said_elsewhere_goes_to_what_it_is_now(lab: Lab):
    before = lead(lab, ANN)
    after = lab.tools["a"].convert("leads", before, "contacts")
    pull(lab.hub, lab.stream("a", "leads"))
    lab.tools["b"].edit("contacts", lab.find("b"), job_title="Chair")
    lab.turn("b")
    assert deliver(lab.hub, lab.connection("a")).writes == 0, "it waits until what it is now was read"
    lab.settle()
    assert lab.held("a", after)["job_title"] == "Chair"
    lab.wait(60)
    lab.tools["a"].edit("contacts", after, job_title="Treasurer")
    lab.settle()
    assert lab.held("b", lab.find("b"))["job_title"] == "Treasurer"
    moved_once(lab, before, after)


def test_its_last_words_as_what_it_was_still_count(lab: Lab):
    before = lead(lab, {**ANN, "asked": "twelve loaves"})
    after = lab.tools["a"].convert("leads", before, "contacts")
    lab.tools["a"].edit("contacts", after, job_title="Chair")
    lab.settle()
    assert the_one(lab).values["asked"] == "twelve loaves"
    answer = ask(lab.hub, the_one(lab))
    ids = {one.id: place for place, one in held(lab, the_one(lab)).items()}
    told = [(entry.what, ids[entry.binding_id]) for entry in answer.history if entry.binding_id in ids]
    assert told == [("seen", f"leads {before}"), ("gone", f"leads {before}"), ("seen", f"contacts {after}")]


def test_turned_into_one_that_is_known_already_the_two_merge(lab: Lab):
    before = lead(lab, ANN)
    after = lab.tools["a"].create("contacts", {"email": "a.shore@quay.example", "job_title": "Chair"})
    lab.settle()
    assert len(live(lab)) == len(lab.all("b")) == 2
    assert lab.tools["a"].convert("leads", before, "contacts", into=after) == after
    lab.settle()
    moved_once(lab, before, after)
    assert the_one(lab).values["job_title"] == "Chair"
    assert [(one.what, one.subject["connection"]) for one in lab.reviews()] == [("duplicate", "b")]


def test_two_leads_turned_into_one_contact_are_one(lab: Lab):
    first = lead(lab, ANN)
    a = lab.tools["a"]
    second = a.create("leads", {"email": "bob@quay.example"})
    lab.settle()
    after = a.convert("leads", first, "contacts")
    a.convert("leads", second, "contacts", into=after)
    lab.settle()
    states = {place: one.state for place, one in held(lab, the_one(lab)).items()}
    assert states == {
        f"leads {first}": BindingState.MOVED,
        f"leads {second}": BindingState.MOVED,
        f"contacts {after}": BindingState.BOUND,
    }


@pytest.mark.parametrize("order", ["leads, then contacts", "contacts, then leads"])
def test_two_leads_of_one_person_turned_into_two_contacts_stay_one_record_and_are_shown(lab: Lab, order: str):
    first = lead(lab, ANN)
    a, b = lab.tools["a"], lab.tools["b"]
    second = a.create("leads", {"email": "bob@quay.example", "last_name": "Quay"})
    lab.settle()
    b.merge("contacts", lab.find("b", first_name="Ann"), lab.find("b", last_name="Quay"))
    lab.settle()
    assert set(held(lab, the_one(lab))) == {f"leads {first}", f"leads {second}"}
    lab.wait(60)
    after = [a.convert("leads", id_, "contacts") for id_ in (first, second)]
    read(lab, order, in_one_turn=True)
    lab.settle()
    places = {f"contacts {id_}" for id_ in after}
    states = {place: one.state for place, one in held(lab, the_one(lab)).items()}
    assert {place for place, state in states.items() if state == BindingState.BOUND} == places
    assert {stream for review in lab.reviews("duplicate") if (stream := review.subject.get("stream"))} >= {"contacts"}
    assert (sorted(lab.all("a")), lab.all("a", "leads"), len(lab.all("b"))) == (sorted(after), [], 1)


@pytest.mark.parametrize("on_one_page", [True, False])
def test_an_id_that_another_stream_spells_the_same_is_another_record(lab: Lab, on_one_page: bool):
    lab.tool("a", mapping=BOTH, policy=DELETING)
    known = [Remote("1", {"email": "one@shore.example"}), Remote("2", {"email": "two@shore.example"})]
    told(lab, "leads", *known)
    told(lab, "contacts", Remote("1", {"email": "three@shore.example"}))
    went = [
        Remote("1", {}, deleted=True, moved_to="9", moved_stream="contacts"),
        Remote("2", {}, deleted=True, moved_to="1", moved_stream="contacts"),
    ]
    came = [Remote("9", {"asked": "a stranger"})]
    for page in [[*went, *came]] if on_one_page else [went, came]:
        told(lab, "leads", *page)
    told(lab, "contacts", Remote("9", {"job_title": "Chair"}))
    places = {frozenset(held(lab, record)) for record in live(lab)}
    assert places == {
        frozenset({"leads 1", "contacts 9"}),
        frozenset({"leads 2", "contacts 1"}),
        frozenset({"leads 9"}),
    }


def test_a_merge_within_a_stream_is_not_taken_for_one_across(lab: Lab):
    a = lab.tool("a", mapping=BOTH, policy=DELETING)
    for id_ in ("1", "2"):
        a.create("leads", {"email": f"lead{id_}@shore.example"}, id=id_)
        a.create("contacts", {"email": f"contact{id_}@shore.example"}, id=id_)
    lab.settle()
    a.merge("leads", "1", "2")
    lab.settle()
    assert len(live(lab)) == 3
    assert set(held(lab, lab.record(email="lead1@shore.example"))) == {"leads 1", "leads 2"}
    assert set(held(lab, lab.record(email="contact1@shore.example"))) == {"contacts 1"}


def test_one_that_goes_on_from_there_is_followed(lab: Lab):
    before = lead(lab, NAMELESS)
    a = lab.tools["a"]
    after = a.convert("leads", before, "contacts")
    lab.settle()
    keep = a.create("contacts", {"email": "keep@shore.example"})
    lab.settle()
    a.merge("contacts", keep, after)
    lab.settle()
    found = held(lab, the_one(lab))
    assert {place: one.state for place, one in found.items()} == {
        f"leads {before}": BindingState.MOVED,
        f"contacts {after}": BindingState.MOVED,
        f"contacts {keep}": BindingState.BOUND,
    }
    assert lab.all("a", "leads") == []


# --- what it costs


def moving(lab: Lab, number: int) -> dict[str, list[str]]:
    """Pages of every order, and the statements of each."""
    everybody = range(2 * number)
    contacts = [Remote(f"contact-{one}", {"job_title": "Chair"}) for one in everybody]
    gone = [
        Remote(f"lead-{one}", {}, deleted=True, moved_to=f"contact-{one}", moved_stream="contacts") for one in everybody
    ]
    told(lab, "leads", *(Remote(f"lead-{one}", fields) for one, fields in enumerate(people(2 * number))))
    pages = {
        "went": ("leads", gone[:number]),
        "came": ("contacts", contacts[:number]),
        "came first": ("contacts", contacts[number:]),
        "went afterwards": ("leads", gone[number:]),
    }
    found = {}
    for name, (stream, page) in pages.items():
        with counted(lab.hub.store) as found[name]:
            told(lab, stream, *page)
    return found


@pytest.mark.parametrize("kind", ["embedded", "postgres"])
def test_a_page_of_moves_costs_the_same_statements_whatever_its_size(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
):
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else None
    found = {}
    for number in (FEW, MANY):
        with Lab(tmp_path / str(number), database_url=url) as lab:
            lab.tool("a", mapping=BOTH)
            lab.tool("b")
            found[number] = moving(lab, number)
            assert len(live(lab)) == 2 * number
        if url:
            emptied(url)
    for name in found[FEW]:
        assert found[FEW][name] == found[MANY][name], name
