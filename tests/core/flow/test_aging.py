"""What gets old goes by and by, in slices, and nothing that anybody may still need goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event

from core.decide.keeping import Keeping, Span
from core.errors import ConfigError
from core.flow import aging
from core.flow.aging import age
from core.flow.consent.verifying import verify
from core.flow.outward.reconcile import reconcile
from core.flow.running import Run
from core.flow.undo.replay import folded_again
from core.flow.undo.undoing import undo
from core.model.instant import DAY, HOUR
from core.store import history, runs
from tests.support import Lab, count, people

YEAR = 400 * 86_400


@pytest.fixture(params=["embedded", "postgres"])
def aged(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    """Two tools with a history of two years: each year ten edits in a row of each of three people."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Lab(tmp_path, database_url=url) as lab:
        lab.tool("a")
        lab.tool("b")
        for person in people(3):
            lab.tools["a"].create("contacts", person)
        lab.settle()
        for year in range(2):
            for number in range(10):
                for id_ in list(lab.tools["a"].all("contacts")):
                    lab.tools["a"].edit("contacts", id_, job_title=f"Title {year} {number}")
                lab.settle()
                lab.wait(3600)
            lab.wait(YEAR)
        yield lab


def table(lab: Lab, name: str) -> int:
    with lab.hub.store.reading() as tx:
        return count(tx, name)


def everything(lab: Lab) -> dict[int, object]:
    with lab.hub.store.reading() as tx:
        return dict(folded_again(lab.hub, tx, [one.id for one in lab.records()]))


def aged_out(lab: Lab) -> int:
    rounds = 0
    while age(lab.hub):
        rounds += 1
    return rounds


def test_the_present_is_folded_from_what_is_kept(aged: Lab):
    before, entries = everything(aged), table(aged, "history")
    assert aged_out(aged)
    assert everything(aged) == before == {one.id: one.values for one in aged.records()}
    # A row of ten edits is one; the first sights, in both tools, stand.
    assert table(aged, "history") == entries - 3 * (20 - 1)
    assert verify(aged.hub).holds
    aged.settle()
    for name in ("a", "b"):
        assert reconcile(aged.hub, aged.connection(name)).whole.share == 1.0


def test_it_is_done_in_slices_that_end(aged: Lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aging, "SLICE", 7)
    before, entries = everything(aged), table(aged, "history")
    assert aged_out(aged) > 5
    assert everything(aged) == before
    assert table(aged, "history") < entries / 2
    # Slices may cut a row: what is left of it is some entries more.
    assert table(aged, "history") >= entries - 3 * 19


def test_a_quiet_day_costs_one_statement(aged: Lab):
    aged_out(aged)
    statements: list[str] = []
    event.listen(aged.hub.store.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    tables = {name: table(aged, name) for name in ("history", "run", "delivery", "meta")}
    statements.clear()
    for _ in range(5):
        assert age(aged.hub) == {}
    assert len([one for one in statements if one.startswith("SELECT")]) == 5
    assert len([one for one in statements if one.startswith(("UPDATE", "DELETE", "INSERT"))]) == 0
    aged.wait(2 * HOUR / 1_000_000)
    statements.clear()
    age(aged.hub)
    assert len([one for one in statements if one.startswith("SELECT")]) <= 6
    assert tables == {name: table(aged, name) for name in tables}


def test_trips_and_deliveries_go_and_what_people_did_stays(aged: Lab):
    with Run(aged.hub, aged.hub.own_id, "edit", subject={"field": "x"}) as act:
        act.counts = {"edited": 1}
    aged.wait(YEAR)
    with aged.hub.store.reading() as tx:
        trips = [one.id for one in runs.recent(tx, limit=1000) if one.raw_subject is None]
    assert trips
    aged_out(aged)
    with aged.hub.store.reading() as tx:
        left = runs.recent(tx, limit=1000)
    assert [one.id for one in left] == [act.id]
    assert table(aged, "delivery") == 0


def test_what_is_promised_to_be_undone_can_be_undone_and_what_is_older_is_refused(aged: Lab):
    with aged.hub.store.reading() as tx:
        old = next(one.id for one in reversed(runs.recent(tx, limit=1000)) if one.what == "pull")
    aged.tools["a"].edit("contacts", next(iter(aged.tools["a"].all("contacts"))), job_title="Slip")
    aged.settle()
    with aged.hub.store.reading() as tx:
        young = next(one.id for one in runs.recent(tx, limit=1000) if one.what == "pull")
    aged_out(aged)
    undo(aged.hub, young)
    aged.settle()
    assert "Slip" not in {one.values["job_title"] for one in aged.records()}
    with pytest.raises(ConfigError):
        undo(aged.hub, old)
    # An undo is told for good: nothing of that record is condensed any more, and it still comes to the same.
    aged.wait(YEAR)
    aged_out(aged)
    assert everything(aged) == {one.id: one.values for one in aged.records()}


def test_for_ever_is_for_ever(aged: Lab):
    forever = Keeping(*(Span(0, "days") for _ in Keeping._fields))
    aged.dressed = lambda hub: replace(hub, keeping=forever)
    aged.refreshed()
    entries = table(aged, "history")
    assert age(aged.hub) == {}
    assert table(aged, "history") == entries


def test_a_crash_between_two_slices_goes_on_where_it_was(aged: Lab, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aging, "SLICE", 5)
    age(aged.hub)
    before = everything(aged)
    aged.restart()
    aged_out(aged)
    assert everything(aged) == before
    with aged.hub.store.reading() as tx:
        entries = history.of_records(tx, [one.id for one in aged.records()])
    assert all(one.at > aged.clock() - 500 * DAY or one.what in ("seen", "heard") for one in entries)
