"""Other block lists, other tiers: what is known is filed and compared anew, and what was joined stays joined."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.assembly import Text
from core.flow.identity import rematching
from core.store import keys, reviews, runs
from core.store.records import State
from tests.core.store.test_statements import counted
from tests.support import Lab


@pytest.fixture(params=["sqlite", "postgres"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Lab(tmp_path, database_url=url) as lab:
        yield peopled(lab)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path) as lab:
        yield peopled(lab)


def peopled(lab: Lab) -> Lab:
    """Two tools that cannot create, so that nothing is joined but by its keys."""
    for name in ("amber", "birch"):
        lab.tool(name, policy={"creates": False})
    lab.installation.reconsider()
    return lab


def person(lab: Lab, tool: str, email: str, name: str = "Ann Shore") -> None:
    first, last = name.split()
    lab.tools[tool].create("contacts", {"email": email, "first_name": first, "last_name": last})


def say(lab: Lab, text: str) -> dict[str, Any]:
    lab.installation.change(match=Text(text, "match.yaml"))
    lab.installation.reconsider()
    lab.refreshed()
    return lab.installation.rematched()


def standing(lab: Lab) -> int:
    return sum(one.state == State.LIVE for one in lab.records())


def asked(lab: Lab) -> list[str]:
    with lab.hub.store.reading() as tx:
        return [one.what for one in reviews.open_reviews(tx, limit=100)]


def test_an_address_that_counts_again_joins_what_has_it(shop: Lab) -> None:
    say(shop, "emails: ['lab-1@shore.example']")
    person(shop, "amber", "lab-1@shore.example", "Ann Shore")
    person(shop, "birch", "lab-1@shore.example", "Anne Shore")
    shop.settle()
    assert standing(shop) == 2
    found = say(shop, "{}")
    assert (found["joined"], found["asked"], found["stay"]) == (1, 0, 0)
    assert standing(shop) == 1
    assert found["pairs"] == [[max(one.id for one in shop.records()), min(one.id for one in shop.records())]]


def test_an_address_that_is_blocked_joins_nobody_more_and_parts_nobody(shop: Lab) -> None:
    person(shop, "amber", "lab-1@shore.example")
    person(shop, "birch", "lab-1@shore.example", "Anne Shore")
    shop.settle()
    assert standing(shop) == 1
    found = say(shop, "emails: ['lab-*@shore.example']")
    assert (found["joined"], found["stay"], found["staying"]) == (0, 1, [shop.records()[0].id])
    assert standing(shop) == 1
    person(shop, "birch", "lab-1@shore.example", "Bert Dale")
    shop.settle()
    assert standing(shop) == 2
    assert not {"ambiguous", "duplicate"} & set(asked(shop))


def test_what_may_be_another_is_asked_when_its_address_counts_again(shop: Lab) -> None:
    say(shop, "emails: ['lab-1@shore.example']")
    person(shop, "amber", "lab-1@shore.example", "Ann Shore")
    person(shop, "birch", "lab-1@shore.example", "Bert Shore")
    shop.settle()
    found = say(shop, "")
    assert (found["joined"], found["asked"]) == (0, 1)
    assert asked(shop) == ["ambiguous"]


def test_what_one_tool_holds_twice_is_shown_as_double(shop: Lab) -> None:
    say(shop, "emails: ['lab-1@shore.example']")
    person(shop, "amber", "lab-1@shore.example", "Ann Shore")
    person(shop, "amber", "lab-1@shore.example", "Anne Shore")
    shop.settle()
    assert asked(shop) == []
    assert say(shop, "")["asked"] == 1
    assert asked(shop) == ["duplicate"]


def test_a_tier_that_only_asks_joins_nobody_until_it_may(small: Lab) -> None:
    say(small, "tiers: {contact: {verified: ask}}")
    person(small, "amber", "ann@shore.example")
    person(small, "birch", "ann@shore.example")
    small.settle()
    assert standing(small) == 2
    assert asked(small) == ["ambiguous"]
    assert say(small, "tiers: {contact: {verified: join}}")["joined"] == 1
    assert standing(small) == 1
    assert asked(small) == []


def test_a_tier_that_is_ignored_finds_nobody(small: Lab) -> None:
    say(small, "tiers: {contact: {verified: ignore}}")
    person(small, "amber", "ann@shore.example")
    person(small, "birch", "ann@shore.example")
    small.settle()
    assert (standing(small), asked(small)) == (2, [])


def test_an_inbox_that_is_allowed_is_somebodys_own(small: Lab) -> None:
    person(small, "amber", "info@shore.example", "Ann Shore")
    person(small, "birch", "info@shore.example", "Anne Shore")
    small.settle()
    assert standing(small) == 2
    assert say(small, "allow: [info@shore.example]")["joined"] == 1


def test_nothing_is_done_twice(small: Lab) -> None:
    person(small, "amber", "ann@shore.example")
    small.settle()
    say(small, "cap: 7")
    assert rematching.match_again(small.hub) is None
    assert say(small, "{cap: 7}")["joined"] == 0


def test_who_was_told_apart_is_not_joined(small: Lab) -> None:
    from core.store.apart import keep_apart

    say(small, "emails: ['lab-1@shore.example']")
    person(small, "amber", "lab-1@shore.example", "Ann Shore")
    person(small, "birch", "lab-1@shore.example", "Anne Shore")
    small.settle()
    first, second = (one.id for one in small.records())
    with small.hub.store.writing() as tx:
        keep_apart(tx, [(first, second)], now=small.clock())
    assert say(small, "")["joined"] == 0
    assert standing(small) == 2


def test_a_crash_in_between_goes_on_from_there(small: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    say(small, "emails: ['lab-*@shore.example']")
    for place in range(6):
        person(small, "amber", f"lab-{place}@shore.example", "Ann Shore")
        person(small, "birch", f"lab-{place}@shore.example", "Anne Shore")
    small.settle()
    assert standing(small) == 12
    monkeypatch.setattr(rematching, "PAGE", 4)
    small.installation.change(match=Text("", "match.yaml"))
    once, page = rematching._Again.page, 0

    def dies(*args: Any) -> None:
        nonlocal page
        page += 1
        once(*args)
        if page == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(rematching._Again, "page", dies)
        with pytest.raises(KeyboardInterrupt):
            small.installation.reconsider()
    small.restart()
    with small.hub.store.reading() as tx:
        assert runs.fact(tx, rematching.KEYING) is not None
    small.installation.reconsider()
    assert small.installation.rematched()["joined"] == 6
    assert standing(small) == 6
    with small.hub.store.reading() as tx:
        assert runs.fact(tx, rematching.KEYING) is None


def test_the_keys_in_the_store_are_those_that_count(small: Lab) -> None:
    person(small, "amber", "lab-1@shore.example")
    small.settle()
    (one,) = small.records()
    digests = rematching._possible(one)

    def filed() -> set[int]:
        with small.hub.store.reading() as tx:
            return {digest for digest, _ in keys.find(tx, digests)}

    before = filed()
    say(small, "emails: ['lab-1@shore.example']")
    assert filed() != before
    say(small, "")
    assert filed() == before


def test_a_page_costs_the_same_statements_whatever_its_size(tmp_path: Path) -> None:
    cost = {}
    for size in (3, 30):
        with Lab(tmp_path / str(size)) as lab:
            peopled(lab)
            say(lab, "emails: ['lab-*@shore.example']")
            for place in range(size):
                person(lab, "amber", f"lab-{place}@shore.example", "Ann Shore")
                person(lab, "birch", f"lab-{place}@shore.example", "Anne Shore")
            lab.settle()
            lab.installation.change(match=Text("", "match.yaml"))
            hub = lab.installation.hub()
            with counted(hub.store) as statements:
                found = rematching.match_again(hub)
            assert found is not None
            assert found.joined == size
            cost[size] = len(statements)
    assert cost[3] == cost[30]
