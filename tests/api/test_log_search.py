"""The log's search: every way of asking gives what looking at all of it would, page by page, and few statements."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from api.entries import Below
from api.listing import Asked, below_of, log_of, place_of
from core.errors import ConfigError
from core.flow.saying import say
from core.model.instant import HOUR, SECOND
from tests.support import Lab, people

ALL = 100_000


@pytest.fixture(params=["embedded", "postgres"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """Three tools of which one is busy and one was read once; edits in tools and in the hub, over some days."""
    url: str | None = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Lab(tmp_path / "data", database_url=url) as made:
        chance = random.Random(5)
        for name in ("busy", "quiet", "other"):
            made.tool(name)
        ids = [made.tools["busy"].create("contacts", person) for person in people(4)]
        made.tools["quiet"].create("contacts", people(1, start=50)[0])
        made.settle()
        for number in range(10):
            made.wait(7200)
            made.tools["busy"].edit("contacts", chance.choice(ids), {"last_name": f"Name{number}"})
            made.settle("busy", "other")
            if number % 4 == 2:
                say(made.hub, made.records()[0].id, {"first_name": f"Said{number}"})
        yield made


def asked(lab: Lab, **words: Any) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in one.items() if name != "older"}
        for one in log_of(lab.installation, Asked(**{"limit": ALL, **words}))
    ]


def test_a_connection_gives_what_is_its_own(lab: Lab) -> None:
    whole = asked(lab)
    assert len(whole) > 30
    for name in ("busy", "quiet", "other"):
        expected = [one for one in whole if one["connection"] == name]
        assert expected
        assert asked(lab, connection=name) == expected


def test_a_moment_gives_what_is_not_older(lab: Lab) -> None:
    whole = asked(lab)
    for hours in (0, 1, 5, 24, 1000):
        since = lab.clock() - hours * HOUR
        found = asked(lab, since=since)
        kept = {one["at"] for one in found}
        assert found == [one for one in whole if one["at"] in kept]
        assert len(found) == sum(one["at"] >= _iso(since) for one in whole)


def _iso(moment: int) -> str:
    from core.model.instant import iso

    return iso(moment)


@pytest.mark.parametrize("words", [{}, {"connection": "busy"}, {"connection": "quiet"}, {"record": 1}])
def test_pages_join_up(lab: Lab, words: dict[str, Any]) -> None:
    whole = asked(lab, **words)
    below, found = Below(), []
    for _ in range(len(whole) // 7 + 2):
        page = log_of(lab.installation, Asked(**words, limit=7, below=below))
        if not page:
            break
        found += [{name: value for name, value in one.items() if name != "older"} for one in page]
        below = below_of(page[-1]["older"])
    assert found == whole


def test_pages_stand_still_while_new_things_come(lab: Lab) -> None:
    first = log_of(lab.installation, Asked(limit=10))
    rest = asked(lab)[10:]
    say(lab.hub, lab.records()[0].id, {"first_name": "New"})
    lab.settle()
    again = asked(lab, below=below_of(first[-1]["older"]))
    assert [(one["at"], one["sentence"]) for one in again] == [(one["at"], one["sentence"]) for one in rest]


def test_a_place_is_one_word() -> None:
    for below in (Below(), Below(7), Below(7, 8, 9), Below(None, None, 3)):
        assert below_of(place_of(below)) == below
    with pytest.raises(ConfigError):
        below_of("the end")


def test_a_question_asks_few_statements_however_much_is_held(lab: Lab) -> None:
    told: list[str] = []
    event.listen(lab.installation.store.engine, "before_cursor_execute", lambda *words: told.append(words[2]))
    for words in ({}, {"connection": "quiet"}, {"code": "refused"}, {"since": lab.clock() - 60 * SECOND}):
        told.clear()
        log_of(lab.installation, Asked(**words))
        assert len(told) <= 24, (words, len(told))


def test_rare_answers_have_an_index(lab: Lab) -> None:
    if not lab.installation.store.embedded:
        pytest.skip("a few rows are read whole there, with or without an index")
    with lab.installation.store.reading() as tx:
        for where, index in (
            ("delivery WHERE code = 'x' ORDER BY id DESC", "delivery_by_code"),
            ("delivery WHERE connection_id = 1 ORDER BY id DESC", "delivery_by_connection"),
            ("run WHERE code IS NOT NULL ORDER BY id DESC", "run_failed"),
            ("run WHERE subject IS NOT NULL ORDER BY id DESC", "run_acts"),
        ):
            plan = " ".join(str(row) for row in tx.execute(text(f"EXPLAIN QUERY PLAN SELECT * FROM {where} LIMIT 50")))
            assert index in plan, plan
            assert "B-TREE" not in plan, plan
