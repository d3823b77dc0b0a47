"""The pages of dead letters and of problems: classes, letters, trying again and what came of it, what was not read."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest

from core.store import trail
from tests.api.console.conftest import Browser, words
from tests.core.store.test_statements import counted
from tests.support import Lab, people

Someone = Callable[..., Browser]


def picky(banned: set[str]) -> Callable[[str, Any], str | None]:
    """A tool that will not take some first names, and says which kind of name it is."""

    def judge(_stream: str, fields: Any) -> str | None:
        name = str(fields.get("first_name"))
        if name not in banned:
            return None
        return "The field 'first_name' is too odd." if name.endswith("1") else "No such people, please."

    return judge


BANNED = {"First1", "First2", "First3"}


@pytest.fixture
def shop(lab: Lab) -> Lab:
    """Two tools, of which crm refuses three people: one with some words, two with others."""
    books = lab.tool("books")
    lab.tool("crm").habits.validator = picky(BANNED)
    for person in people(5):
        books.create("contacts", person)
    lab.settle()
    assert len(lab.dead_letters()) == 3
    return lab


@pytest.fixture
def operator(shop: Lab, someone: Someone) -> Browser:
    return someone("operator")


def classes(page: str) -> dict[str, str]:
    """The size of each class that is listed → its number."""
    found = re.findall(r'href="/console/letters/(\d+)"><b>(\d+ letters?)</b>', page)
    return {size: number for number, size in found}


def state(page: str) -> list[str]:
    return re.findall(r'<td class="\w*">([a-z ]+)</td>', page)


def steps(lab: Lab) -> list[str]:
    with lab.installation.store.reading() as tx:
        return [one.what for one in trail.steps(tx)]


def test_letters_are_told_in_classes_the_largest_first(operator: Browser) -> None:
    page = operator.open("letters").text
    assert list(classes(page)) == ["2 letters", "1 letter"]
    said = words(page)
    assert "No such people, please." in said
    assert "The oldest is from 2026-11-21" in said
    assert "acts:" in said


def test_filters_and_pages_choose_classes(operator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(classes(operator.open("letters", connection="crm", code="refused").text)) == 2
    assert "No dead letters" in operator.read("letters", connection="books")
    assert operator.open("letters", connection="nowhere").status_code == 400
    assert operator.open("letters", after="x").status_code == 400
    monkeypatch.setattr("api.console.pages.letters.SHOWN", 1)
    first = operator.open("letters").text
    more = re.search(r'rel="next" href="/console/(letters[^"]+)"', first)
    assert more
    second = operator.open(unescape(more[1])).text
    assert (list(classes(first)), list(classes(second))) == (["2 letters"], ["1 letter"])


def test_a_class_opens_to_its_letters(shop: Lab, operator: Browser) -> None:
    number = classes(operator.open("letters").text)["2 letters"]
    page = operator.read(f"letters/{number}")
    assert "2 letters that crm refused" in page
    for said in ("No such people, please.", "First2 Last2", "create", "first_name First2", "Try all 2 again"):
        assert said in page, said
    assert "First1" not in page
    assert "look at dead letters" in steps(shop)


def test_a_long_class_goes_on_below(operator: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    number = classes(operator.open("letters").text)["2 letters"]
    monkeypatch.setattr("api.console.pages.letters.SHOWN", 1)
    first = operator.open(f"letters/{number}").text
    older = re.search(r'rel="next" href="/console/(letters[^"]+)"', first)
    assert older
    second = operator.read(older[1])
    assert "First3" in words(first)
    assert "First2" in second
    assert "First3" not in second


def test_a_whole_class_is_tried_again_and_told_what_became_of_it(shop: Lab, operator: Browser) -> None:
    number = classes(operator.open("letters").text)["2 letters"]
    shop.tools["crm"].habits.validator = picky(BANNED - {"First2"})
    done = operator.post(f"letters/{number}/again", which="all")
    place = done.headers["location"].removeprefix("/console/")
    page = operator.open(place).text
    assert "2 letters are queued; the background writes them" in words(page)
    assert state(page) == ["waits", "waits"]
    assert list(classes(operator.open("letters").text)) == ["1 letter"]
    shop.settle()
    page = operator.open(place).text
    assert sorted(state(page)) == ["refused again", "written"]
    assert "No such people, please." in words(page)
    assert steps(shop).count("try again") == 1


def test_one_and_those_that_are_ticked_are_tried_again(shop: Lab, operator: Browser) -> None:
    number = classes(operator.open("letters").text)["2 letters"]
    one, other = (shop.record(first_name=name).id for name in ("First2", "First3"))
    done = operator.post(f"letters/{number}/again", one=str(one))
    assert "1 letter is queued; the background writes it" in operator.read(
        done.headers["location"].removeprefix("/console/")
    )
    left = classes(operator.open("letters").text)
    assert sorted(left) == ["1 letter"], "two classes of one"
    assert {letter.record_id for letter in shop.dead_letters()} == {shop.record(first_name="First1").id, other}
    shop.settle()
    again = classes(operator.open("letters").text)["2 letters"]
    assert operator.post(f"letters/{again}/again", record=f"{one}, {other}").status_code == 303
    assert len(shop.dead_letters()) == 1
    alone = classes(operator.open("letters").text)["1 letter"]
    assert "No letter is ticked" in words(operator.post(f"letters/{alone}/again").text)


def test_trying_twice_is_safe_and_clear(shop: Lab, operator: Browser) -> None:
    number = classes(operator.open("letters").text)["2 letters"]
    operator.post(f"letters/{number}/again", which="all")
    twice = operator.post(f"letters/{number}/again", which="all")
    assert twice.status_code == 404
    assert "got through, or are being tried again already" in words(twice.text)
    assert shop.pending() == 2
    assert steps(shop).count("try again") == 1


def test_a_viewer_reads_masked_and_tries_nothing(shop: Lab, someone: Someone) -> None:
    viewer = someone("viewer")
    number = classes(viewer.open("letters").text)["2 letters"]
    page = viewer.read(f"letters/{number}")
    assert "First2" not in page
    assert "person2@" not in page
    assert "F••• L•••" in page
    assert "first_name F•••" in page
    assert "The field 'f•••'" in viewer.read("letters")
    assert viewer.post(f"letters/{number}/again", which="all").status_code == 403
    assert len(shop.dead_letters()) == 3


def test_without_its_key_nothing_is_tried(shop: Lab, operator: Browser) -> None:
    number = classes(operator.open("letters").text)["2 letters"]
    answer = operator.client.post(f"/console/letters/{number}/again", data={"which": "all"})
    assert answer.status_code == 400
    assert len(shop.dead_letters()) == 3


def test_the_pages_cost_the_same_however_many_there_are(shop: Lab, operator: Browser) -> None:
    shop.tools["crm"].habits.validator = lambda _stream, _fields: "No such people, please."
    costs = []
    for start in (10, 200):
        number = classes(operator.open("letters").text).popitem()[1]
        ids = "&".join(f"record={one.record_id}" for one in shop.dead_letters())
        cost = []
        for path in ("letters", f"letters/{number}", f"letters/tried?connection=crm&{ids}", "problems"):
            operator.open(path)
            with counted(shop.installation.store) as seen:
                assert operator.open(path).status_code == 200
            cost.append(len([one for one in seen if not one.startswith(("BEGIN", "COMMIT"))]))
        costs.append(cost)
        for person in people(60, start=start):
            shop.tools["books"].create("contacts", person)
        shop.settle()
        assert len(shop.dead_letters()) > 60
    assert costs[0] == costs[1]
    assert max(costs[0]) <= 25, costs


def test_a_class_of_thousands_is_tried_again_whole(shop: Lab, operator: Browser, monkeypatch: Any) -> None:
    monkeypatch.setattr("core.flow.undo.replay.PAGE", 1)
    number = classes(operator.open("letters").text)["2 letters"]
    operator.post(f"letters/{number}/again", which="all")
    assert len(shop.dead_letters()) == 1
    assert shop.pending() == 2


# --- problems


def test_problems_are_listed_with_their_records(shop: Lab, someone: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    for at in (8, 9):
        shop.tools["books"].create("contacts", {"email": f"no address {at}", "first_name": f"Odd{at}"})
    shop.settle()
    operator, viewer = someone("operator"), someone("viewer")
    page = operator.read("problems")
    assert "2 records with something that could not be taken as it is" in page
    assert "Odd8" in page
    masked = viewer.read("problems")
    assert "Odd8" not in masked
    assert "Nothing was left unread" in operator.read("problems", connection="crm")
    monkeypatch.setattr("api.console.pages.problems.SHOWN", 1)
    first = operator.open("problems").text
    more = re.search(r'rel="next" href="/console/(problems[^"]+)"', first)
    assert more
    second = operator.read(unescape(more[1]))
    assert "Odd9" not in words(first)
    assert "Odd9" in second
    assert operator.open("problems", after="x").status_code == 400
    assert operator.open("problems", connection="nowhere").status_code == 400
