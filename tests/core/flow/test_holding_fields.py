"""A field that a person holds: tools are put back, their words are kept, and it ends by itself, by hand or undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.flow.asking import ask
from core.flow.erasure.erasing import erase
from core.flow.holding_fields import hold, let_go, let_go_due
from core.flow.hub import Hub
from core.flow.identity.joining import join
from core.flow.saying import say
from core.flow.undo.replay import folded_again
from core.flow.undo.undoing import undo
from core.model.instant import DAY
from core.store import due, holds, runs
from core.store.codec import dumps
from core.store.records import State
from tests.core.flow.erasure.test_erasing import ANN, BOB, MAPPING
from tests.remains import remains
from tests.support import Lab, hasty

WHY = "the tool's import spoils it"


@pytest.fixture(params=["embedded", "postgres"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    url = hasty(request.getfixturevalue("postgres_url")) if request.param == "postgres" else None
    with Lab(tmp_path, database_url=url) as made:
        for name in ("crm", "shop"):
            made.tool(name, mapping=MAPPING)
        made.tools["crm"].create("contacts", {**ANN, "job_title": "Baker"})
        made.tools["crm"].create("contacts", {**BOB, "job_title": "Cook"})
        made.settle()
        made.wait(60)
        yield made


def ann(lab: Lab) -> int:
    return lab.record(email=ANN["email"]).id


def title(lab: Lab) -> object:
    """What stands, proven by history."""
    record = lab.record(email=ANN["email"])
    with lab.hub.store.writing() as tx:
        assert folded_again(lab.hub, tx, [record.id])[record.id] == record.values
    return record.values.get("job_title")


def titles(lab: Lab) -> set[object]:
    return {one.values.get("job_title") for one in lab.records("contact") if one.state == State.LIVE}


def held(lab: Lab, name: str) -> object:
    return lab.held(name, lab.find(name, email=ANN["email"])).get("job_title")


def edited(lab: Lab, name: str, value: str) -> None:
    lab.wait(60)
    lab.tools[name].edit("contacts", lab.find(name, email=ANN["email"]), {"job_title": value})
    lab.settle()


def is_due(hub: Hub) -> bool:
    with hub.store.reading() as tx:
        return "hold" in due.look(tx, hub.clock(), reads=[]).hub


def test_what_stands_stands_and_tools_are_put_back(lab: Lab):
    hold(lab.hub, ann(lab), "job_title", by="Bob", why=WHY)
    edited(lab, "shop", "Butcher")
    assert title(lab) == "Baker"
    assert held(lab, "shop") == held(lab, "crm") == "Baker"
    answer = ask(lab.hub, lab.record(email=ANN["email"]), "job_title")
    (why,) = answer.why
    assert "held by Bob since" in why.sentence
    assert WHY in why.sentence
    assert [(one.source, one.value) for one in why.losers] == [("shop", "Butcher")]
    with pytest.raises(ConfigError, match="job_title is held"):
        say(lab.hub, ann(lab), {"job_title": "Miller"})


def test_let_go_it_is_what_it_would_be_and_an_undo_takes_either_back(lab: Lab):
    run = hold(lab.hub, ann(lab), "job_title", by="Bob", why=WHY)
    edited(lab, "shop", "Butcher")
    gone = let_go(lab.hub, ann(lab), "job_title")
    assert title(lab) == "Butcher"
    lab.settle()
    assert held(lab, "crm") == held(lab, "shop") == "Butcher"
    undo(lab.hub, gone)
    assert title(lab) == "Baker"
    undo(lab.hub, run)
    lab.settle()
    assert title(lab) == held(lab, "crm") == held(lab, "shop") == "Butcher"
    with pytest.raises(ConfigError, match="Nobody holds"):
        let_go(lab.hub, ann(lab), "job_title")


def test_it_ends_by_itself_and_only_what_is_due_is_looked_at(lab: Lab):
    hold(lab.hub, ann(lab), "job_title", by="Bob", why=WHY, until=lab.clock() + DAY)
    edited(lab, "shop", "Butcher")
    assert not is_due(lab.hub)
    assert let_go_due(lab.hub) == 0
    lab.wait(86_400)
    assert is_due(lab.hub)
    assert let_go_due(lab.hub) == 1
    assert not is_due(lab.hub)
    assert title(lab) == "Butcher"
    with lab.hub.store.reading() as tx:
        run = next(one for one in runs.recent(tx, limit=5) if one.what == "let_go")
    assert run.counts == {"released": 1}
    with pytest.raises(ConfigError, match="held for long enough"):
        undo(lab.hub, run.id)
    lab.settle()
    assert held(lab, "crm") == "Butcher"


def test_one_that_is_held_longer_anew_does_not_end_sooner(lab: Lab):
    hold(lab.hub, ann(lab), "job_title", by="Bob", why=WHY, until=lab.clock() + DAY)
    hold(lab.hub, ann(lab), "job_title", by="Eve", why=WHY, until=lab.clock() + 3 * DAY)
    edited(lab, "shop", "Butcher")
    lab.wait(86_400)
    assert let_go_due(lab.hub) == 0
    assert title(lab) == "Baker"
    lab.wait(2 * 86_400)
    assert let_go_due(lab.hub) == 1


def test_it_goes_with_a_record_that_is_merged_and_parted_again(lab: Lab):
    bob = lab.record(email=BOB["email"]).id
    hold(lab.hub, bob, "job_title", by="Bob", why=WHY, until=lab.clock() + DAY)
    lab.wait(60)
    run = join(lab.hub, ann(lab), bob)
    lab.settle()
    assert titles(lab) == {"Cook"}
    undo(lab.hub, run)
    lab.settle()
    assert titles(lab) == {"Cook", "Baker"}
    lab.wait(86_400)
    assert let_go_due(lab.hub) == 1


def test_an_erased_person_leaves_no_hold(lab: Lab):
    hold(lab.hub, ann(lab), "job_title", by="Bob", why="Annabella asked for it", until=lab.clock() + DAY)
    erase(lab.hub, ann(lab))
    assert remains(lab.hub.store, ["annabella"]) == []
    with lab.hub.store.reading() as tx:
        assert holds.due(tx, lab.clock() + 9 * DAY, 9) == []


@pytest.mark.parametrize(
    ("field", "why", "said"),
    [("consent.email", WHY, "Consent is not held"), ("shoe", WHY, "no field"), ("job_title", " ", "not said why")],
)
def test_what_cannot_be_held(lab: Lab, field: str, why: str, said: str):
    before = dumps(dict(lab.record(email=ANN["email"]).values))
    with pytest.raises(ConfigError, match=said):
        hold(lab.hub, ann(lab), field, by="Bob", why=why)
    with pytest.raises(ConfigError, match="over"):
        hold(lab.hub, ann(lab), "job_title", by="Bob", why=WHY, until=lab.clock() - 1)
    assert dumps(dict(lab.record(email=ANN["email"]).values)) == before
