"""Who gets a record that has nobody: stories of a small sales team, and the laws of taking turns."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decide.movement.assigning import Assigned, assign
from core.decide.movement.person import Person
from core.decide.movement.policy import Policy
from core.decide.movement.reading import load_policy
from core.model.instant import DAY, HOUR, Instant, from_iso
from core.model.locale import Locale
from core.model.shapes import SHAPES

ANNA = Person(1, "anna@shop.example", "Anna", "Inbound", ("LS", "GB"), ("en", "de"))
BOB = Person(2, "bob@shop.example", "Bob", "Inbound", ("YO", "Greater London"), ("en",))
CARA = Person(3, "cara@shop.example", "Cara", "Outbound", ("75", "FR"), ("fr",))
DESK = Person(4, "desk@shop.example", "Front desk", "Inbound", ("LS",), ("en",), queue=True)
GONE = Person(5, "gone@shop.example", "Gone", "Inbound", ("LS",), ("en",), active=False)
EVERYBODY = [ANNA, BOB, CARA, DESK, GONE]

FRIDAY_NOON = from_iso("2026-11-27T12:00:00Z")
FRIDAY_NIGHT = from_iso("2026-11-27T22:00:00Z")


def policy(rules: str, besides: str = "") -> Policy:
    text = f"time_zone: Europe/London\nhours: {{monday to friday: 09:00-17:30}}\n{besides}\nownership:\n{rules}"
    return load_policy(text, file="movement.yaml", shapes=SHAPES, locale=Locale())


def given_to(
    rules: str, values: dict[str, Any] | None = None, *, kind: str = "contact", besides: str = "", **around: Any
) -> Assigned | None:
    options: dict[str, Any] = {"people": EVERYBODY, "at": FRIDAY_NOON, "arrived_at": FRIDAY_NOON, **around}
    return assign(policy(rules, besides), kind, values or {}, **options)


def sure(found: Assigned | None) -> Assigned:
    assert found is not None
    return found


ANYBODY = "  In turn: {of: [contact, deal, ticket]}\n"


# Stories.


def test_anna_has_fewer_open_so_she_gets_it_and_the_reason_says_so():
    found = given_to(ANYBODY, load={1: 2, 2: 5, 3: 4})
    assert found == Assigned(ANNA, "In turn", "fewest open (2) of 3 who may get it")


def test_of_those_with_as_many_open_it_goes_to_whom_one_was_given_longest_ago():
    found = given_to(ANYBODY, load={1: 2, 2: 2, 3: 2}, last_given={1: 30, 2: 10, 3: 20})
    assert found == Assigned(BOB, "In turn", "fewest open (2) of 3 who may get it, given one longest ago")


def test_who_was_never_given_one_comes_before_who_was():
    assert given_to(ANYBODY, last_given={1: 30, 2: 10}) == given_to(
        ANYBODY, people=[CARA, BOB, ANNA], last_given={1: 30, 2: 10}
    )
    assert sure(given_to(ANYBODY, last_given={1: 30, 2: 10})).person == CARA


def test_where_all_is_equal_the_address_decides_and_not_the_order_of_the_list():
    for people in (EVERYBODY, EVERYBODY[::-1]):
        assert sure(given_to(ANYBODY, people=people)).person == ANNA


def test_the_front_desk_and_who_left_never_get_one():
    assert given_to(ANYBODY, people=[DESK, GONE]) is None
    assert given_to("  Named: {of: contact, to: [desk@shop.example, gone@shop.example]}\n") is None


def test_who_is_away_gets_nothing_until_they_are_back():
    away = "absences: {anna@shop.example: 2026-11-23 to 2026-11-27}"
    assert sure(given_to(ANYBODY, besides=away, load={2: 9, 3: 9})).person == BOB
    assert sure(given_to(ANYBODY, besides=away, at=from_iso("2026-11-28T00:00:00Z"), load={2: 9, 3: 9})).person == ANNA


def test_a_deal_goes_to_whoever_owns_the_company():
    rules = "  Account: {of: deal, same_as: company}\n" + ANYBODY
    assert given_to(rules, kind="deal", company_owner=3) == Assigned(CARA, "Account", "owns the company")


def test_where_the_companys_owner_has_left_the_next_rule_decides():
    rules = "  Account: {of: deal, same_as: company}\n" + ANYBODY
    for owner in (5, 4, None, 99):
        assert sure(given_to(rules, kind="deal", company_owner=owner)).rule == "In turn"


def test_a_ticket_goes_to_whoever_owns_the_contact():
    rules = "  Known: {of: ticket, same_as: contact}\n" + ANYBODY
    assert sure(given_to(rules, kind="ticket", contact_owner=2)).person == BOB


def test_a_web_lead_and_a_phone_lead_go_to_different_teams():
    phone = "  Phone: {of: contact, when: {source: phone}, team: inbound}\n"
    rules = phone + "  Web: {of: contact, when: {source: web}, team: Outbound}\n"
    assert sure(given_to(rules, {"source": "phone"})).person == ANNA
    assert given_to(rules, {"source": "web"}) == Assigned(CARA, "Web", "nobody else may get it now")
    assert given_to(rules, {"source": "chat"}) is None


def test_what_comes_at_night_goes_to_who_is_on_call_and_is_told_by_when_it_came():
    night = "  Night: {of: contact, arrives: outside hours, to: cara@shop.example}\n"
    rules = night + "  Day: {of: contact, to: bob@shop.example}\n"
    assert sure(given_to(rules, arrived_at=FRIDAY_NIGHT, at=FRIDAY_NIGHT)).rule == "Night"
    assert sure(given_to(rules, arrived_at=FRIDAY_NIGHT, at=FRIDAY_NOON + 3 * DAY)).rule == "Night"
    assert sure(given_to(rules, arrived_at=FRIDAY_NOON, at=FRIDAY_NIGHT)).rule == "Day"


@pytest.mark.parametrize(
    ("values", "around", "rule"),
    [
        ({}, {"arrived_at": FRIDAY_NOON - 15 * DAY}, "Stale"),
        ({}, {"arrived_at": FRIDAY_NOON - 14 * DAY}, "Stale"),
        ({}, {"arrived_at": FRIDAY_NOON - 14 * DAY + 1}, "In turn"),
        ({"last_contacted_at": "2026-11-26T09:00:00Z"}, {"arrived_at": FRIDAY_NOON - 90 * DAY}, "In turn"),
        ({"last_replied_at": "2026-11-01T09:00:00Z"}, {"arrived_at": FRIDAY_NOON - 90 * DAY}, "Stale"),
        ({}, {"arrived_at": FRIDAY_NOON - 90 * DAY, "touched_at": FRIDAY_NOON - HOUR}, "In turn"),
    ],
)
def test_a_stale_lead_goes_another_way(values: dict[str, Any], around: dict[str, Any], rule: str):
    rules = "  Stale: {of: contact, quiet: 14d, team: Outbound}\n" + ANYBODY
    assert sure(given_to(rules, values, **around)).rule == rule


@pytest.mark.parametrize(
    ("address", "who"),
    [
        ({"postal_code": "LS1 4AP"}, "Anna"),
        ({"postal_code": "ls14ap"}, "Anna"),
        ({"country": "GB"}, "Anna"),
        ({"postal_code": "YO1 7HH", "country": "IE"}, "Bob"),
        ({"region": "greater london"}, "Bob"),
        ({"postal_code": "75011"}, "Cara"),
    ],
)
def test_a_territory_is_a_country_a_region_or_the_beginning_of_a_post_code(address: dict[str, str], who: str):
    found = given_to("  Near: {of: contact, by: territory}\n", {"address": address})
    assert found is not None
    assert (found.person.name, found.reason) == (who, "serves its place and nobody else may get it now")


@pytest.mark.parametrize("address", [None, {}, {"postal_code": "L1 1AA"}, {"postal_code": "LSX"}, {"country": "DE"}])
def test_where_nobody_serves_the_place_the_next_rule_decides(address: dict[str, str] | None):
    rules = "  Near: {of: contact, by: territory}\n" + ANYBODY
    assert sure(given_to(rules, {"address": address})).rule == "In turn"


def test_who_writes_german_from_leeds_gets_somebody_who_speaks_it_there():
    rules = "  Both: {of: contact, by: [language, territory]}\n  Words: {of: contact, by: language}\n" + ANYBODY
    leeds, york = {"postal_code": "LS1 4AP"}, {"postal_code": "YO1 7HH"}
    assert sure(given_to(rules, {"language": "de-AT", "address": leeds})).rule == "Both"
    assert sure(given_to(rules, {"language": "de", "address": york})).rule == "Words"
    assert sure(given_to(rules, {"language": "it", "address": leeds})).rule == "In turn"
    assert sure(given_to(rules, {"address": leeds})).rule == "In turn"


def test_who_has_a_share_of_two_may_have_twice_as_many():
    rules = "  Shares: {of: contact, to: {anna@shop.example: 2, bob@shop.example: 1}}\n"
    found = given_to(rules, load={1: 5, 2: 3})
    assert found == Assigned(ANNA, "Shares", "fewest open (5 for a share of 2) of 2 who may get it")
    assert sure(given_to(rules, load={1: 5, 2: 2})).person == BOB


def test_who_let_it_stall_does_not_get_it_again():
    assert sure(given_to(ANYBODY, load={2: 1, 3: 2}, not_to=[1])).person == BOB
    assert given_to(ANYBODY, people=[ANNA], not_to=[1]) is None


def test_people_without_an_address_are_told_apart_by_their_team():
    agents = [Person(7, "", "Moses", "West"), Person(8, "", "Donn", "East")]
    found = given_to("  West: {of: deal, team: West}\n", kind="deal", people=agents)
    assert found is not None
    assert found.person.called == "Moses"


def test_without_a_rule_nobody_gets_anything():
    assert given_to("  Tickets: {of: ticket}\n") is None


# Laws.


@st.composite
def teams(draw: st.DrawFn) -> list[Person]:
    count = draw(st.integers(1, 6))
    return [
        Person(number, f"p{number}@shop.example", active=draw(st.booleans()), queue=draw(st.booleans()))
        for number in range(count)
    ]


@given(teams(), st.dictionaries(st.integers(0, 5), st.integers(0, 50)), st.sets(st.integers(0, 5)), st.integers(0, 10))
def test_nobody_inactive_away_or_a_queue_ever_gets_one(
    people: list[Person], load: dict[int, int], away: set[int], days: int
):
    absences = "absences: {" + ", ".join(f"p{one}@shop.example: 2026-11-20 to 2026-11-29" for one in away) + "}"
    at = from_iso("2026-11-25T12:00:00Z") + days * DAY
    is_away = at < from_iso("2026-11-30T00:00:00Z")
    found = assign(policy(ANYBODY, absences), "contact", {}, people, at=at, arrived_at=at, load=load)
    may = [one for one in people if one.active and not one.queue and not (is_away and one.record_id in away)]
    assert (found is None) is (not may)
    if found is not None:
        assert found.person in may
        assert load.get(found.person.record_id, 0) == min(load.get(one.record_id, 0) for one in may)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.integers(1, 120))
def test_in_the_long_run_everybody_has_their_share(shares: list[int], turns: int):
    who = {f"p{number}@shop.example": share for number, share in enumerate(shares)}
    rules = "  Shares: {of: contact, to: {" + ", ".join(f"{one}: {share}" for one, share in who.items()) + "}}\n"
    people, held, last = [Person(number, one) for number, one in enumerate(who)], Counter[int](), dict[int, Instant]()
    chosen = policy(rules)
    for turn in range(turns):
        found = assign(
            chosen, "contact", {}, people, at=FRIDAY_NOON + turn, arrived_at=FRIDAY_NOON, load=held, last_given=last
        )
        assert found is not None
        held[found.person.record_id] += 1
        last[found.person.record_id] = FRIDAY_NOON + turn
    for number, share in enumerate(shares):
        assert abs(held[number] - turns * share / sum(shares)) <= max(1, share) * len(shares)
        # Nobody has more than one above what the others have for their share.
        assert all((held[number] - 1) / share <= held[other] / shares[other] for other in range(len(shares)))


@given(st.integers(2, 5), st.integers(1, 60))
def test_where_all_is_settled_at_once_everybody_gets_a_turn(count: int, turns: int):
    """Nobody's load ever grows, so only who was given one longest ago tells."""
    people, given_, last = (
        [Person(number, f"p{number}@shop.example") for number in range(count)],
        Counter[int](),
        dict[int, Instant](),
    )
    chosen = policy(ANYBODY)
    for turn in range(turns):
        found = assign(chosen, "contact", {}, people, at=FRIDAY_NOON, arrived_at=FRIDAY_NOON, last_given=last)
        assert found is not None
        given_[found.person.record_id] += 1
        last[found.person.record_id] = FRIDAY_NOON + turn
    assert max(given_.values()) - min(given_[number] for number in range(count)) <= 1


@given(teams(), st.randoms(), st.dictionaries(st.integers(0, 5), st.integers(0, 3)))
def test_the_order_in_which_people_are_listed_decides_nothing(people: list[Person], rng: Any, load: dict[int, int]):
    mixed = list(people)
    rng.shuffle(mixed)
    chosen = policy(ANYBODY)
    one, other = (
        assign(chosen, "contact", {}, some, at=FRIDAY_NOON, arrived_at=FRIDAY_NOON, load=load)
        for some in (people, mixed)
    )
    assert one == other
