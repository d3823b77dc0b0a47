"""People named by their addresses: who is meant, who is waited for, and who is never guessed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from api.assembly import Text
from api.building import ConnectionSpec
from core.decide.keys import email_digest
from core.errors import ConfigError
from core.flow import addresses
from core.flow.asking import ask
from core.flow.erasure.erasing import erase
from core.flow.identity.joining import join
from core.flow.plan.reconsider import translate_again
from core.flow.saying import say
from core.flow.undo.replay import folded_again
from core.flow.undo.undoing import undo
from core.model.values import Json
from core.store import bindings, keys, runs
from core.store.records import State
from tests.remains import remains
from tests.support import PEOPLE, Lab

EVENTS = """
activities:
  as: activity
  fields:
    subject: title
    contacts: {field: attendees, ref: contact, by: email}
    owner: {field: organizer.email, ref: owner, by: email}
"""
TEAM = """
owners:
  as: owner
  fields:
    name: name
    email: email
    manager: {field: boss, ref: owner, by: email}
"""
ANN, BOB = "ann@shore.example", "bob@hill.example"


@pytest.fixture(params=["sqlite", "postgres"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """A CRM with people and a calendar with events; at the end history tells the present."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Lab(tmp_path, database_url=url) as made:
        made.tool("crm", mapping=PEOPLE)
        made.tool("calendar", mapping=EVENTS)
        yield made
        found = {one.id: one.values for kind in made.hub.shapes for one in made.records(kind)}
        with made.hub.store.reading() as tx:
            assert folded_again(made.hub, tx, list(found)) == found


def person(lab: Lab, email: str, tool: str = "crm", **fields: Any) -> int:
    """The number of somebody who is entered in a tool."""
    lab.tools[tool].create("contacts", {"email": email, **fields})
    lab.turn(tool)
    return lab.record(email=email).id


def event(lab: Lab, *attendees: str, title: str = "Plan the patio", organizer: str | None = None) -> str:
    """The id of a meeting in the calendar, taken in."""
    held = {"title": title, "attendees": list(attendees), "organizer": {"email": organizer}}
    id_ = lab.tools["calendar"].create("activities", held)
    lab.turn("calendar")
    return id_


def whom(lab: Lab, title: str = "Plan the patio", field: str = "contacts") -> Json:
    """With whom a meeting is, as the hub has it."""
    return lab.record(subject=title).values.get(field)


def claimed(lab: Lab, title: str = "Plan the patio") -> Json:
    """What the calendar is taken to say."""
    (row,) = lab.bound(lab.record(subject=title), "calendar")
    return row.claims.values.get("contacts")


def awaited(lab: Lab) -> dict[int, list[int]]:
    """Key → bindings that wait for it, of the addresses of these tests."""
    with lab.hub.store.reading() as tx:
        digests = [email_digest("contact", one) for one in (ANN, BOB, "info@shore.example")]
        return bindings.waiting_for_keys(tx, digests)


def test_an_attendee_who_is_known_is_meant_at_once(lab: Lab):
    ann, bob = person(lab, ANN), person(lab, BOB)
    event(lab, "MAILTO:Bob@Hill.example", ANN)
    assert whom(lab) == [ann, bob]
    assert awaited(lab) == {}


def test_an_attendee_who_comes_later_is_waited_for(lab: Lab):
    event(lab, ANN, BOB)
    assert whom(lab) is None
    assert claimed(lab) == [{"by": "email", "of": "contact", "id": one} for one in (ANN, BOB)]
    bob = person(lab, BOB)
    assert whom(lab) == [bob]
    assert len(awaited(lab)) == 1
    assert claimed(lab) == [{"by": "email", "of": "contact", "id": ANN}, bob]
    ann = person(lab, ANN)
    assert whom(lab) == [bob, ann]
    assert awaited(lab) == {}


def test_whoever_gains_the_address_by_an_edit_is_found(lab: Lab):
    ann = person(lab, "annabel@shore.example")
    event(lab, ANN)
    lab.tools["crm"].edit("contacts", lab.find("crm"), other_emails=[ANN])
    lab.turn("crm")
    assert whom(lab) == [ann]


def test_whoever_gains_the_address_in_the_hub_is_found(lab: Lab):
    ann = person(lab, "annabel@shore.example")
    event(lab, ANN)
    say(lab.hub, ann, {"email": ANN})
    assert whom(lab) == [ann]


def test_an_address_of_two_people_is_not_guessed(lab: Lab):
    both = [person(lab, f"{one}@shore.example", other_emails=[]) for one in ("ann.shore", "ann.hill")]
    event(lab, ANN)
    for id_ in both:
        say(lab.hub, id_, {"other_emails": [ANN]})
    assert whom(lab) == [both[0]], "it was hers alone when it was asked"
    event(lab, ANN, title="Afterwards")
    assert whom(lab, "Afterwards") is None
    say(lab.hub, both[1], {"other_emails": None})
    assert whom(lab, "Afterwards") == [both[0]], "and is again"


def test_a_shared_inbox_is_nobody(lab: Lab):
    person(lab, "info@shore.example", first_name="Ann", last_name="Shore")
    event(lab, "info@shore.example")
    assert whom(lab) is None
    lab.installation.change(match=Text("allow: [info@shore.example]\n", "match.yaml"))
    lab.installation.reconsider()
    lab.refreshed()
    assert whom(lab) == [lab.record(email="info@shore.example").id], "until the admin says whose it is"


def test_whoever_changes_address_stays_the_one_who_was_meant(lab: Lab):
    ann = person(lab, ANN)
    id_ = event(lab, ANN)
    lab.tools["crm"].edit("contacts", lab.find("crm"), email="new@shore.example")
    lab.turn("crm")
    assert whom(lab) == [ann]
    bob = person(lab, BOB)
    lab.tools["calendar"].edit("activities", id_, attendees=[ANN, BOB])
    lab.turn("calendar")
    assert whom(lab) == [ann, bob]
    lab.tools["calendar"].edit("activities", id_, attendees=[BOB])
    lab.turn("calendar")
    assert whom(lab) == [bob]


def test_the_same_mapping_read_again_says_the_same(lab: Lab):
    ann = person(lab, ANN)
    event(lab, ANN, BOB)
    lab.tools["crm"].edit("contacts", lab.find("crm"), email="new@shore.example")
    lab.turn("crm")
    before = claimed(lab)
    stream = lab.stream("calendar", "activities")
    assert translate_again(lab.hub, stream, stream.translator) == 0
    assert claimed(lab) == before
    assert whom(lab) == [ann]


def test_a_line_that_is_added_finds_and_awaits_people(lab: Lab):
    lab.tool("other", mapping="activities: {as: activity, fields: {subject: title}}")
    lab.tools["other"].create("activities", {"title": "Lunch", "attendees": [ANN, BOB]})
    lab.turn("other")
    ann = person(lab, ANN)
    earlier = lab.stream("other", "activities").translator
    world = {"world": lab.tools["other"].name}
    lab.installation.put_connection(ConnectionSpec("other", "memory", world, EVENTS, "other.yaml", {"*": {}}))
    lab.refreshed()
    assert translate_again(lab.hub, lab.stream("other", "activities"), earlier) == 1
    assert whom(lab, "Lunch") == [ann]
    bob = person(lab, BOB)
    assert whom(lab, "Lunch") == [ann, bob]


def test_a_list_that_is_partly_known_is_written_as_far_as_it_goes(lab: Lab):
    ann = person(lab, ANN)
    event(lab, ANN, "stranger@sea.example")
    assert whom(lab) == [ann]
    assert claimed(lab) == [ann, {"by": "email", "of": "contact", "id": "stranger@sea.example"}]


def test_an_attendee_who_is_taken_out_is_taken_out(lab: Lab):
    person(lab, ANN)
    bob = person(lab, BOB)
    id_ = event(lab, ANN, BOB, "later@sea.example")
    lab.tools["calendar"].edit("activities", id_, attendees=[BOB])
    lab.turn("calendar")
    assert whom(lab) == [bob]
    person(lab, "later@sea.example")
    assert whom(lab) == [bob], "nobody waits for who is no longer invited"
    lab.tools["calendar"].edit("activities", id_, attendees=[])
    lab.turn("calendar")
    assert whom(lab) is None


def test_two_addresses_of_one_person_are_one(lab: Lab):
    ann = person(lab, ANN, other_emails=["a.shore@work.example"])
    event(lab, ANN, "a.shore@work.example")
    assert whom(lab) == claimed(lab) == [ann]


def test_an_owner_and_a_manager_are_found_by_address(lab: Lab):
    event(lab, organizer="sam@us.example")
    assert whom(lab, field="owner") is None
    team = lab.tool("team", mapping=TEAM)
    team.create("owners", {"name": "Sam Sea", "email": "sam@us.example", "boss": "eve@us.example"})
    team.create("owners", {"name": "Eve East", "email": "eve@us.example", "boss": "top@us.example"})
    lab.turn("team")
    sam, eve = lab.record(email="sam@us.example"), lab.record(email="eve@us.example")
    assert whom(lab, field="owner") == sam.id
    assert sam.values["manager"] == eve.id
    team.create("owners", {"name": "Tom Top", "email": "top@us.example"})
    lab.turn("team")
    assert lab.record(email="eve@us.example").values["manager"] == lab.record(email="top@us.example").id


def test_whoever_is_merged_away_is_meant_as_the_one_they_became(lab: Lab):
    ann, double = person(lab, ANN), person(lab, "a.shore@work.example")
    event(lab, "a.shore@work.example")
    assert whom(lab) == [double]
    joined = join(lab.hub, ann, double)
    event(lab, "a.shore@work.example", title="After the merge")
    assert whom(lab, "After the merge") == [ann]
    assert whom(lab) == [double], "a forward that leads to her"
    undo(lab.hub, joined)
    assert whom(lab) == [double]


def test_a_merge_settles_who_is_meant(lab: Lab):
    both = [person(lab, f"{one}@shore.example") for one in ("ann.shore", "ann.hill")]
    for id_ in both:
        say(lab.hub, id_, {"other_emails": [ANN]})
    event(lab, ANN)
    assert whom(lab) is None
    join(lab.hub, *both)
    assert whom(lab) == [both[0]]


def person_to_delete(lab: Lab, email: str) -> int:
    """Somebody in a tool whose deletes count everywhere."""
    lab.tool("shop", mapping=PEOPLE, policy={"deletes_in": "propagate", "creates": False})
    return person(lab, email, "shop")


def test_whoever_was_deleted_is_meant_again_when_they_come_back(lab: Lab):
    ann = person_to_delete(lab, ANN)
    lab.tools["shop"].delete("contacts", lab.find("shop"))
    lab.turn("shop")
    event(lab, ANN)
    assert whom(lab) is None
    assert person(lab, ANN) == ann
    assert whom(lab) == [ann]


def test_an_undone_arrival_is_awaited_again(lab: Lab):
    event(lab, ANN)
    person(lab, ANN)
    with lab.hub.store.reading() as tx:
        run = next(one.id for one in runs.recent(tx, connection_id=lab.connection("crm").id) if one.what == "pull")
    undo(lab.hub, run)
    assert whom(lab) is None
    assert len(awaited(lab)) == 1


def test_why_names_the_address_that_is_awaited(lab: Lab):
    ann = person(lab, ANN)
    event(lab, ANN, BOB)
    (why,) = ask(lab.hub, lab.record(subject="Plan the patio"), "contacts").why
    assert why.value == [ann]
    assert f"calendar says {ann}, {BOB} since" in why.sentence
    assert f"nobody alone is known by the address {BOB}" in why.sentence


def test_whoever_is_erased_is_never_meant_again(lab: Lab):
    ann = person(lab, ANN)
    event(lab, ANN)
    erase(lab.hub, ann)
    event(lab, ANN, BOB, title="Afterwards")
    assert claimed(lab, "Afterwards") == [{"by": "email", "of": "contact", "id": BOB}]
    assert len(awaited(lab)) == 1


def test_an_erasure_takes_out_the_words_that_wait_or_waited(lab: Lab):
    event(lab, ANN, BOB)
    ann = person_to_delete(lab, ANN)
    assert whom(lab) == [ann]
    lab.tools["shop"].delete("contacts", lab.find("shop"))
    lab.turn("shop")
    event(lab, ANN, BOB, title="Awaited")
    assert len(awaited(lab)) == 2
    erase(lab.hub, ann)
    # What the calendar itself shows of its events is the calendar's.
    assert {where for where in remains(lab.hub.store, [ANN]) if "binding.expected" not in where} == set()
    assert claimed(lab, "Awaited") == [{"by": "email", "of": "contact", "id": BOB}]
    assert len(awaited(lab)) == 1


def test_an_erasure_leaves_an_address_to_somebody_living_who_shares_it(lab: Lab):
    both = [person(lab, f"{one}@shore.example") for one in ("ann.shore", "ann.hill")]
    for id_ in both:
        say(lab.hub, id_, {"other_emails": [ANN]})
    event(lab, ANN)
    erase(lab.hub, both[0])
    assert whom(lab) == [both[1]]
    assert awaited(lab) == {}


class _Year:
    """A year at random: people come, change, are merged, parted, deleted and erased, and meetings are planned."""

    ADDRESSES = tuple(f"{name}@shore.example" for name in ("ann", "bob", "cat", "dan", "info"))

    def __init__(self, lab: Lab, seed: int) -> None:
        self.lab, self.random, self.joined = lab, Random(seed), list[int]()
        lab.tool("shop", mapping=PEOPLE, policy={"deletes_in": "propagate", "creates": False})
        self.acts = (self.enters, self.enters, self.moves, self.shares, self.leaves, self.is_merged, self.is_parted,
                     self.is_erased, self.plans, self.plans, self.invites, self.reads_again)  # fmt: skip

    def act(self) -> str:
        act = self.random.choice(self.acts)
        act()
        return act.__name__

    def some(self) -> list[str]:
        return self.random.sample(self.ADDRESSES, self.random.randint(1, 3))

    def living(self) -> list[int]:
        return [one.id for one in self.lab.records() if one.state == State.LIVE]

    def enters(self) -> None:
        self.lab.tools["shop"].create("contacts", {"email": self.some()[0], "first_name": f"N{self.random.random()}"})
        self.lab.turn("shop")

    def moves(self) -> None:
        if held := self.lab.all("shop"):
            self.lab.tools["shop"].edit("contacts", self.random.choice(held), email=self.some()[0])
            self.lab.turn("shop")

    def shares(self) -> None:
        if people := self.living():
            say(self.lab.hub, self.random.choice(people), {"other_emails": self.some()})

    def leaves(self) -> None:
        if held := self.lab.all("shop"):
            self.lab.tools["shop"].delete("contacts", self.random.choice(held))
            self.lab.turn("shop")

    def is_merged(self) -> None:
        people = self.living()
        if len(people) > 1:
            self.joined.append(join(self.lab.hub, *self.random.sample(people, 2)))

    def is_parted(self) -> None:
        if self.joined:
            with suppress(ConfigError):
                undo(self.lab.hub, self.joined.pop())

    def is_erased(self) -> None:
        if (people := self.living()) and self.random.random() < 0.3:
            erase(self.lab.hub, self.random.choice(people))

    def plans(self) -> None:
        self.lab.tools["calendar"].create("activities", {"title": f"{self.random.random()}", "attendees": self.some()})
        self.lab.turn("calendar")

    def invites(self) -> None:
        if held := self.lab.all("calendar", "activities"):
            self.lab.tools["calendar"].edit("activities", self.random.choice(held), attendees=self.some())
            self.lab.turn("calendar")

    def reads_again(self) -> None:
        stream = self.lab.stream("calendar", "activities")
        translate_again(self.lab.hub, stream, stream.translator)


@pytest.mark.parametrize("seed", range(8))
def test_nobody_is_awaited_who_is_there_alone(lab: Lab, seed: int):
    year = _Year(lab, seed)
    told = []
    for _ in range(25):
        told.append(year.act())
        rows = [row for one in lab.records("activity") for row in lab.bound(one, "calendar")]
        words = {digest: row.record_id for row in rows for _, digest in addresses.awaited(row.claims)}
        with lab.hub.store.reading() as tx:
            held = keys.live_holders(tx, [int(digest) for digest in words])
            waited = bindings.waiting_for_keys(tx, [int(digest) for digest in words])
        counts = Counter(str(digest) for digest, _ in held)
        assert [words[one] for one, count in counts.items() if count == 1] == [], f"after {', '.join(told)}"
        assert waited.keys() == {int(digest) for digest in words}, f"after {', '.join(told)}"
