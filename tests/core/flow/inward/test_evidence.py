"""What a tool says of its own changes: the fields it names are better dated than the rest of the reading."""

from __future__ import annotations

import pytest

from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import inbound
from core.model.claim import Claims, Evidence
from core.ports import Fields, Page, Remote
from tests.support import Lab

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: name.first}
    last_name: {field: name.last}
    job_title: {field: job_title}
    phone: {field: phone}
    other_phones: {field: other_phones}
    address: {field: {city: address.city, country: address.country}}
"""


def claims_of(lab: Lab) -> Claims:
    (record,) = lab.records()
    (bound,) = lab.bound(record, "a")
    return bound.claims


def evidence(lab: Lab) -> dict[str, Evidence]:
    """Field → how it is known when it was set."""
    return {name: Evidence(claim.stamp.evidence) for name, claim in claims_of(lab).items()}


def shown(lab: Lab, fields: Fields, *changed: str, partial: bool = False, stamped: bool = True) -> None:
    """The tool shows Ann so a moment after she was changed, and names what changed."""
    lab.wait(60)
    at = lab.clock() if stamped else None
    lab.wait(1)
    remote = Remote("ann", fields, modified_at=at, changed=frozenset(changed) if changed else None, partial=partial)
    inbound(Trip(lab.hub, lab.stream("a"), lab.clock(), lab.clock()), Page([remote], {}))


def test_a_field_that_is_named_is_known_from_an_event_and_the_others_from_the_stamp(lab: Lab):
    source = lab.tool("a", mapping=MAPPING)
    source.habits.names_changes = True
    id_ = source.create("contacts", {"email": "ann@shore.example", "job_title": "Clerk"}, id="ann")
    lab.settle()
    assert set(evidence(lab).values()) == {Evidence.MODIFIED}
    lab.wait(60)
    source.edit("contacts", id_, {"name.first": "Ann"})
    source.edit("contacts", id_, job_title="Chair")
    lab.settle()
    assert evidence(lab) == {
        "email": Evidence.MODIFIED,
        "first_name": Evidence.MODIFIED,
        "job_title": Evidence.EVENT,
    }
    claims = claims_of(lab)
    dated, other = claims.get("job_title"), claims.get("first_name")
    assert dated is not None
    assert other is not None
    assert (dated.value, other.value) == ("Chair", "Ann")
    assert dated.stamp == other.stamp._replace(evidence=Evidence.EVENT), "it is one moment, and better known"


def test_a_tool_that_names_nothing_is_believed_as_before(lab: Lab):
    lab.tool("a", mapping=MAPPING)
    shown(lab, {"job_title": "Clerk"})
    shown(lab, {"job_title": "Chair"})
    assert evidence(lab) == {"job_title": Evidence.MODIFIED}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ("name.first", {"first_name"}),
        ("name", {"first_name", "last_name"}),
        ("address.city", {"address"}),
        ("address", {"address"}),
        ("address.city.district", {"address"}),
        ("addres", set()),
        ("phone", {"phone", "other_phones"}),
        ("nothing we read", set()),
    ],
)
def test_fields_are_named_as_the_tool_calls_them_whole_or_in_part(lab: Lab, changed: str, named: set[str]):
    lab.tool("a", mapping=MAPPING)
    shown(lab, {"email": "ann@shore.example"})
    fields = {
        "email": "ann@shore.example",
        "name": {"first": "Ann", "last": "Shore"},
        "address": {"city": "Leeds"},
        "phone": "+447700900123",
        "other_phones": ["+447700900124"],
    }
    shown(lab, fields, changed)
    assert {name for name, how in evidence(lab).items() if how == Evidence.EVENT} == named
    assert evidence(lab).keys() == {"email", "first_name", "last_name", "address", "phone", "other_phones"}


def test_what_is_named_but_as_it_was_keeps_its_age(lab: Lab):
    lab.tool("a", mapping=MAPPING)
    shown(lab, {"email": "ann@shore.example", "job_title": "Clerk"})
    before = claims_of(lab).get("job_title")
    shown(lab, {"email": "ann@quay.example", "job_title": "Clerk"}, "job_title", "email")
    assert claims_of(lab).get("job_title") == before
    assert evidence(lab)["email"] == Evidence.EVENT


def test_an_event_that_holds_only_some_fields_dates_those(lab: Lab):
    lab.tool("a", mapping=MAPPING)
    shown(lab, {"email": "ann@shore.example", "job_title": "Clerk"})
    shown(lab, {"job_title": "Chair"}, "job_title", partial=True)
    assert evidence(lab) == {"email": Evidence.MODIFIED, "job_title": Evidence.EVENT}


def test_without_a_stamp_nothing_is_dated_by_what_is_named(lab: Lab):
    lab.tool("a", mapping=MAPPING)
    shown(lab, {"job_title": "Clerk"})
    shown(lab, {"job_title": "Chair"}, "job_title", stamped=False)
    assert evidence(lab) == {"job_title": Evidence.FIRST_SEEN}


def test_the_better_known_word_goes_where_every_word_goes(lab: Lab):
    source = lab.tool("a")
    source.habits.names_changes = True
    id_ = source.create("contacts", {"email": "ann@shore.example"})
    lab.tool("b")
    lab.settle()
    lab.wait(60)
    source.edit("contacts", id_, job_title="Chair")
    lab.settle()
    assert lab.held("b", lab.find("b"))["job_title"] == "Chair"
    writes = lab.writes()
    lab.settle()
    assert lab.writes() == writes
