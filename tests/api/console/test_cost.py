"""What a page costs: a number of statements that does not grow with what is held, and is 25 at most."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import event

from api.app import create_app
from api.console.people import People, Role
from tests.api.console.conftest import PASSWORD, Browser, routes
from tests.console.shop import NO_PAGES, PAGES, filled
from tests.support import Lab

GROWING = (PAGES["/console/consent/entries/{place}"],)
"""A proof is as long as the tree is high."""
MOST = 25
"""Statements of a page, with those that look up who asks."""


def costs(folder: Path, people: int) -> dict[str, int]:
    """Page → its statements, in a hub with so many people."""
    with Lab(folder, tick=0) as lab:
        filled(lab, people)
        known = People(lab.installation)
        token = known.invite("admin@shore.example", Role.ADMIN, by=None)
        known.accept(token, email="", name="Ann", password=PASSWORD)
        admin = Browser(lab, create_app(lab.installation), "admin@shore.example")
        admin.sign_in()
        asked: list[str] = []
        event.listen(lab.installation.store.engine, "before_cursor_execute", lambda *words: asked.append(words[2]))

        def cost(path: str) -> int:
            # What is kept for a minute is asked for again.
            lab.clock.sleep(61)
            asked.clear()
            assert admin.open(path).status_code == 200, path
            return sum(not one.startswith(("BEGIN", "SAVEPOINT")) for one in asked)

        return {path: cost(path) for path in PAGES.values()}


def test_no_page_costs_more_where_more_is_held(tmp_path: Path):
    few, many = costs(tmp_path / "few", 4), costs(tmp_path / "many", 400)
    for path in GROWING:
        assert many.pop(path) <= few.pop(path) + 2
    assert {path: cost for path, cost in many.items() if cost > few[path]} == {}
    assert {path: cost for path, cost in many.items() if cost > MOST} == {}


def test_every_page_is_looked_at(lab: Lab):
    there = {path for method, path in routes(lab) if method == "GET"}
    assert there - NO_PAGES == PAGES.keys()
