"""The brake: past the limit nothing is written without a person's word, and what is as usual is never held up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from api.snapshot import snapshot
from core.errors import ConfigError
from core.flow.brake.weighing import COMPARED, Found, weigh
from core.flow.hub import Connection, Hub
from core.flow.reviews.answering import answer
from core.flow.saying import say
from core.model.instant import DAY, SECOND
from core.ports import Remote
from core.store import outbox
from core.store.records import State
from core.store.reviews import Review
from tests.core.store.test_statements import counted
from tests.support import CONSENTING, Lab, emptied, people

DELETING = {"deletes_in": "propagate", "deletes_out": "propagate"}
DAYS = DAY / SECOND
MANY = 50


def agreed(lab: Lab, number: int = MANY, *, others: str = "b", mode: str = "token", **brake: Any) -> list[str]:
    """Tools that have held the same people for some days; gives the ids in `a`."""
    a = lab.tool("a", mapping=CONSENTING, policy=DELETING, mode=mode)
    for name in others:
        lab.tool(name, mapping=CONSENTING, policy=DELETING, brake=brake or None)
    ids = [a.create("contacts", {**one, "email_consent": "granted"}) for one in people(number)]
    lab.settle()
    assert {len(lab.all(name)) for name in f"a{others}"} == {number}
    assert lab.reviews() == []
    lab.wait(3 * DAYS)
    return ids


def elsewhere(lab: Lab) -> dict[str, int]:
    """Writes that tools other than `a` took."""
    return {name: tool.writes for name, tool in lab.tools.items() if name != "a"}


def asked(lab: Lab, name: str = "b") -> Review:
    (review,) = [one for one in lab.reviews("brake") if one.subject["connection"] == name]
    return review


def rounds(lab: Lab, number: int = 2) -> None:
    for _ in range(number):
        lab.wait(60)
        lab.settle()


def blanked(lab: Lab, ids: list[str]) -> None:
    for id_ in ids:
        lab.tools["a"].edit("contacts", id_, email=None)


def changed(lab: Lab, ids: list[str]) -> None:
    for place, id_ in enumerate(ids):
        lab.tools["a"].edit("contacts", id_, phone=f"+4420794600{place:02d}")


def deleted(lab: Lab, ids: list[str]) -> None:
    for id_ in ids:
        lab.tools["a"].delete("contacts", id_)


def consenting(lab: Lab, ids: list[str]) -> None:
    for id_ in ids:
        lab.tools["a"].edit("contacts", id_, sms_consent="granted")


def added(lab: Lab, ids: list[str]) -> None:
    for one in people(len(ids), start=1_000):
        lab.tools["a"].create("contacts", one)


Flood = Callable[[Lab, list[str]], None]


# --- it holds


@pytest.mark.parametrize(
    ("flood", "share", "says"),
    [
        (blanked, 1, "The email of 50 of 50 contacts in b would be emptied; usually it is none"),
        (changed, 1, "50 of 50 contacts in b would be changed; usually it is none"),
        (deleted, 2, "25 of 50 contacts in b would be deleted; usually it is none"),
        (deleted, 1, "50 of 50 contacts in b would be deleted; usually it is none"),
        (consenting, 2, "25 of 50 contacts in b would be given a wider consent than they have; usually it is none"),
        (added, 1, "50 contacts would be added to the 50 in b; usually it is none"),
    ],
    ids=["every email blank", "every phone changed", "tombstones for half", "all deleted", "consent", "junk"],
)
def test_a_flood_reaches_no_other_tool_and_the_review_says_why(lab: Lab, flood: Flood, share: int, says: str):
    ids = agreed(lab, others="bc")
    before = elsewhere(lab)
    flood(lab, ids[: len(ids) // share])
    rounds(lab)
    assert elsewhere(lab) == before
    assert sorted(one.subject["connection"] for one in lab.reviews()) == ["b", "c"]
    review = asked(lab)
    assert review.subject["note"].startswith(says)
    limit = review.subject["limits"][0]
    assert limit["told"][1:] == says[1:]
    assert limit["number"] > limit["limit"] >= 20
    assert len(review.subject["samples"]) == 10
    assert all(one["title"] for one in review.subject["samples"])
    (cause,) = review.subject["runs"]
    assert (cause["connection"], cause["what"], cause["stream"]) == ("a", "pull", "contacts")
    assert cause["records"] == len(ids) // share


def test_samples_show_what_would_change(lab: Lab):
    blanked(lab, agreed(lab))
    lab.settle()
    sample = asked(lab).subject["samples"][0]
    assert (sample["title"], sample["step"]) == ("First0 Last0", "update")
    assert sample["fields"]["email"] == ["person0@shore0.example", None]


@pytest.mark.parametrize("gone", [MANY, MANY // 2])
def test_a_source_that_shows_nothing_or_half_is_doubted_and_nothing_is_written(lab: Lab, gone: int):
    ids = agreed(lab, mode="listing")
    before = elsewhere(lab)
    deleted(lab, ids[:gone])
    rounds(lab)
    assert elsewhere(lab) == before
    assert {one.state for one in lab.records()} == {State.LIVE}
    review = asked(lab, "a")
    told = f"{gone} of 50 contacts in a are missing at once"
    assert review.subject["missing"] == {"contacts": {"known": 50, "missing": gone, "told": told}}
    assert review.subject["note"].startswith(told)
    assert len(review.subject["samples"]) == 10


def test_nothing_is_written_to_a_source_that_is_doubted(lab: Lab):
    ids = agreed(lab, others="bc", mode="listing")
    a = lab.tools["a"]
    held = {id_: a.get("contacts", id_) for id_ in ids}
    deleted(lab, ids)
    lab.settle()
    writes = a.writes
    lab.tools["b"].edit("contacts", lab.find("b", first_name="First3"), job_title="Chair")
    rounds(lab)
    assert (a.writes, lab.held("c", lab.find("c", first_name="First3"))["job_title"]) == (writes, "Chair")
    assert held[ids[3]] is not None


def test_status_names_it_with_its_remedy(lab: Lab):
    changed(lab, agreed(lab))
    lab.settle()
    state = snapshot(lab.installation)
    (trouble,) = state["troubles"]
    assert trouble["connection"] == "b"
    assert trouble["what"].startswith("the brake holds: 50 of 50 contacts in b would be changed")
    assert f"`concord answer {asked(lab).id} release`" in trouble["remedy"]
    (held,) = [one["brakes"] for one in state["connections"] if one["name"] == "b"]
    assert [one["review"] for one in held] == [asked(lab).id]


def test_while_it_holds_reading_goes_on(lab: Lab):
    ids = agreed(lab)
    changed(lab, ids)
    lab.settle()
    lab.tools["b"].edit("contacts", lab.find("b", first_name="First3"), job_title="Chair")
    lab.settle()
    assert lab.record(first_name="First3").values["job_title"] == "Chair"
    assert lab.held("a", ids[3])["job_title"] == "Chair", "only b is held"


def test_what_comes_slowly_is_seen_too(lab: Lab):
    ids = agreed(lab)
    before = len(lab.all("b"))
    for start in range(0, MANY, 10):
        deleted(lab, ids[start : start + 10])
        lab.wait(600)
        lab.settle()
    assert before - len(lab.all("b")) == 20, "as few as are never too much"
    assert "after 20 in the last day" in asked(lab).subject["note"]


def test_yesterdays_writes_do_not_count(lab: Lab):
    ids = agreed(lab)
    for start in range(0, 45, 15):
        deleted(lab, ids[start : start + 15])
        lab.settle()
        lab.wait(2 * DAYS)
    assert (len(lab.all("b")), lab.reviews()) == (MANY - 45, [])


def test_what_arrives_while_it_is_weighed_waits_to_be_weighed(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    ids = agreed(lab)
    before = elsewhere(lab)
    lab.tools["a"].edit("contacts", ids[0], job_title="Chair")
    lab.turn("a")

    def meanwhile(hub: Hub, connection: Connection, now: int, between: Callable[[], object]) -> Found:
        found = weigh(hub, connection, now, between)
        monkeypatch.undo()
        changed(lab, ids)
        lab.turn("a")
        return found

    monkeypatch.setattr("core.flow.brake.braking.weigh", meanwhile)
    lab.turn("b")
    rounds(lab)
    assert elsewhere(lab)["b"] - before["b"] <= 1
    assert asked(lab).subject["limits"][0]["number"] >= MANY - 1


# --- a person's word


def test_release_lets_it_out_exactly_once(lab: Lab):
    ids = agreed(lab, others="bc")
    changed(lab, ids)
    lab.settle()
    before = elsewhere(lab)
    answer(lab.hub, asked(lab), "release")
    lab.settle()
    assert elsewhere(lab) == {"b": before["b"] + MANY, "c": before["c"]}
    assert [one.subject["connection"] for one in lab.reviews()] == ["c"]
    for place, id_ in enumerate(ids):
        lab.tools["a"].edit("contacts", id_, phone=f"+4420794601{place:02d}")
    rounds(lab)
    assert elsewhere(lab)["b"] == before["b"] + MANY, "the limit counts again"
    assert asked(lab)


def test_a_release_lets_out_all_of_it_even_if_the_tool_takes_it_in_parts(lab: Lab):
    ids = agreed(lab)
    changed(lab, ids)
    lab.settle()
    answer(lab.hub, asked(lab), "release")
    lab.tools["b"].mischief.once("throttled")
    lab.turn("b")
    lab.wait(3_600)
    lab.settle()
    assert lab.held("b", lab.find("b", first_name="First49"))["phone"] == "+442079460049"
    assert lab.reviews() == []


def test_what_comes_after_a_release_is_weighed(lab: Lab):
    ids = agreed(lab)
    changed(lab, ids[:40])
    lab.settle()
    answer(lab.hub, asked(lab), "release")
    blanked(lab, ids[20:])
    rounds(lab)
    assert all(one.get("email") for one in lab.tools["b"].all("contacts").values())
    assert "would be emptied" in asked(lab).subject["note"]
    assert lab.held("b", lab.find("b", first_name="First5"))["phone"] == "+442079460005"


def test_a_release_of_what_is_missing_takes_it_away_everywhere_and_asks_no_second_time(lab: Lab):
    ids = agreed(lab, others="bc", mode="listing")
    deleted(lab, ids[:40])
    lab.settle()
    answer(lab.hub, asked(lab, "a"), "release")
    rounds(lab)
    assert ({name: len(lab.all(name)) for name in "abc"}, lab.reviews()) == ({"a": 10, "b": 10, "c": 10}, [])
    deleted(lab, ids[40:])
    rounds(lab, 1)
    assert (len(lab.all("b")), len(lab.reviews())) == (0, 0), "ten are never too much"


def test_what_is_missing_is_put_back_where_a_person_rejects_it(lab: Lab):
    ids = agreed(lab, mode="listing")
    before = elsewhere(lab)
    deleted(lab, ids[:40])
    lab.settle()
    answer(lab.hub, asked(lab, "a"), "reject")
    rounds(lab)
    assert elsewhere(lab) == before
    assert (len(lab.all("a")), len(lab.records()), lab.reviews()) == (MANY, MANY, [])


def test_a_rejected_load_is_undone(lab: Lab):
    ids = agreed(lab)
    before = elsewhere(lab)
    changed(lab, ids)
    lab.settle()
    answer(lab.hub, asked(lab), "reject")
    rounds(lab)
    assert (elsewhere(lab), lab.reviews()) == (before, [])
    assert lab.held("a", ids[7])["phone"] == "+447700900007"


def test_a_load_that_no_run_caused_is_not_rejected_in_silence(lab: Lab):
    agreed(lab)
    lab.tools["a"].edit("contacts", lab.find("a", first_name="First0"), job_title="Chair")
    lab.settle()
    review = Review(1, "brake", 1, 0, "", '{"limits": [1], "runs": []}', 0, 0, None, None)
    with pytest.raises(ConfigError, match="No run caused this"):
        answer(lab.hub, review, "reject")


def test_what_people_do_in_the_hub_is_their_word(lab: Lab):
    agreed(lab)
    before = elsewhere(lab)
    for record in lab.records():
        say(lab.hub, record.id, {"job_title": "Partner"})
    rounds(lab)
    assert (elsewhere(lab), lab.reviews()) == ({name: count + MANY for name, count in before.items()}, [])


def test_a_tools_own_word_among_people_s_is_weighed(lab: Lab):
    ids = agreed(lab)
    before = elsewhere(lab)
    changed(lab, ids)
    lab.turn("a")
    for record in lab.records():
        say(lab.hub, record.id, {"job_title": "Partner"})
    rounds(lab)
    assert elsewhere(lab) == before
    assert asked(lab)


# --- by itself


def test_what_comes_back_to_normal_lets_the_rest_out(lab: Lab):
    ids = agreed(lab)
    before = elsewhere(lab)
    blanked(lab, ids)
    lab.tools["a"].edit("contacts", ids[0], job_title="Chair")
    lab.settle()
    assert asked(lab)
    for one, id_ in zip(people(MANY), ids, strict=True):
        lab.tools["a"].edit("contacts", id_, email=one["email"])
    rounds(lab)
    assert (elsewhere(lab), lab.reviews()) == ({name: count + 1 for name, count in before.items()}, [])
    assert lab.held("b", lab.find("b", first_name="First0"))["job_title"] == "Chair"


def test_a_source_that_shows_its_records_again_is_believed(lab: Lab):
    agreed(lab, mode="listing")
    lab.tools["a"].create("contacts", {"email": "new@shore.example", "first_name": "New"})
    shown = lab.tools["a"].all("contacts")
    connector = lab.installation.connector("a")
    read, fetch = connector.read, connector.fetch
    connector.read = lambda stream, cursor: read(stream, cursor)._replace(records=[])
    connector.fetch = lambda stream, ids: [Remote(id_, {}, deleted=True) for id_ in ids]
    lab.turn("a")
    assert asked(lab, "a")
    connector.read, connector.fetch = read, fetch
    rounds(lab)
    assert (lab.reviews(), len(lab.all("b"))) == ([], len(shown))


def test_opt_outs_go_out_while_it_holds_and_nothing_else_of_the_same_people(lab: Lab):
    ids = agreed(lab)
    changed(lab, ids)
    lab.settle()
    review = asked(lab)
    before = elsewhere(lab)
    lab.tools["a"].edit("contacts", ids[3], email_consent="denied", job_title="Chair")
    rounds(lab)
    told = lab.held("b", lab.find("b", first_name="First3"))
    assert (told["email_consent"], told["phone"], told.get("job_title")) == ("denied", "+447700900003", None)
    assert elsewhere(lab) == {name: count + 1 for name, count in before.items()}
    assert asked(lab).id == review.id
    answer(lab.hub, asked(lab), "release")
    lab.settle()
    told = lab.held("b", lab.find("b", first_name="First3"))
    assert (told["phone"], told["job_title"]) == ("+442079460003", "Chair")


# --- it does not hold


def test_a_first_sync_passes(lab: Lab):
    a, b = lab.tool("a"), lab.tool("b")
    for one in people(200):
        a.create("contacts", one)
    for one in people(100, start=150):
        b.create("contacts", {"email": one["email"], "first_name": one["first_name"]})
    lab.settle()
    assert (len(lab.all("a")), len(lab.all("b")), lab.reviews()) == (250, 250, [])
    assert all(one.get("phone") for one in b.all("contacts").values() if one["first_name"] < "First150")


@pytest.mark.parametrize(("field", "stops"), [("job_title", False), (None, True)])
def test_a_first_sync_that_would_write_over_most_of_what_is_there_is_asked_about(
    lab: Lab, field: str | None, stops: bool
):
    a, b = lab.tool("a"), lab.tool("b")
    for one in people(MANY):
        b.create("contacts", {**one, "job_title": "Partner", "asked": "A quote"})
    lab.wait(DAYS)
    for one in people(MANY):
        wrong = {"first_name": f"{one['first_name']}x", "last_name": f"{one['last_name']}x", "phone": "+442079460000"}
        a.create("contacts", {**one, "job_title": "Owner", **({} if field else wrong)})
    lab.settle()
    assert bool(lab.reviews("brake")) == stops
    if stops:
        assert b.writes == 0
        review = asked(lab)
        told = "200 of 300 values of contacts in b would be overwritten in a first sync."
        assert review.subject["note"].startswith(told)
        assert [(one["connection"], one["records"]) for one in review.subject["runs"]] == [("a", MANY)]


def test_a_dozen_records_are_never_too_much(lab: Lab):
    ids = agreed(lab, 12)
    blanked(lab, ids[:6])
    deleted(lab, ids[6:])
    lab.settle()
    assert (len(lab.all("b")), lab.reviews()) == (6, [])


def test_a_tool_that_is_connected_later_fills_the_others(lab: Lab):
    agreed(lab)
    d = lab.tool("d", mapping=CONSENTING)
    for one in people(200):
        d.create("contacts", {**one, "job_title": "Partner"})
    rounds(lab, 1)
    assert (len(lab.all("b")), lab.reviews()) == (200, [])
    assert all(one["job_title"] == "Partner" for one in lab.tools["b"].all("contacts").values())


def test_a_busy_connection_is_not_stopped_for_its_usual_load(lab: Lab):
    ids = agreed(lab)
    for day in range(3):
        for place, id_ in enumerate(ids):
            lab.tools["a"].edit("contacts", id_, phone=f"+44207946{day}0{place:02d}")
        lab.settle()
        for review in lab.reviews("brake"):
            assert day < 2, "twice is a habit"
            answer(lab.hub, review, "release")
        lab.settle()
        assert lab.held("b", lab.find("b", first_name="First1"))["phone"] == f"+44207946{day}001"
        lab.wait(DAYS + 7_200)
    assert lab.reviews() == []


def test_limits_come_from_the_configuration(lab: Lab):
    ids = agreed(lab, deletes="off", few=5, changes=0.05)
    deleted(lab, ids[:40])
    lab.settle()
    assert (len(lab.all("b")), lab.reviews()) == (10, [])
    changed(lab, ids[40:46])
    lab.settle()
    assert asked(lab).subject["limits"][0]["limit"] == 5


def test_other_limits_let_it_go_without_an_answer(lab: Lab):
    ids = agreed(lab)
    changed(lab, ids)
    lab.settle()
    assert asked(lab)
    hub = lab.hub
    lab.dressed = lambda hub: replace(
        hub,
        connections={
            id_: replace(one, limits=replace(one.limits, changes=None)) for id_, one in hub.connections.items()
        },
    )
    lab.refreshed()
    assert lab.hub is not hub
    lab.settle()
    assert lab.reviews() == []
    assert lab.held("b", lab.find("b", first_name="First1"))["phone"] == "+442079460001"


def test_it_holds_and_lets_go_on_postgresql_too(postgres_url: str, tmp_path: Path):
    with Lab(tmp_path, database_url=postgres_url) as lab:
        ids = agreed(lab)
        before = elsewhere(lab)
        changed(lab, ids[:28])
        deleted(lab, ids[28:])
        lab.tools["a"].edit("contacts", ids[3], email_consent="denied")
        rounds(lab)
        assert elsewhere(lab) == {"b": before["b"] + 1}
        assert lab.held("b", lab.find("b", first_name="First3"))["email_consent"] == "denied"
        review = asked(lab)
        assert {one["case"] for one in review.subject["limits"]} == {"deletes", "changes"}
        assert {one["step"] for one in review.subject["samples"]} >= {"delete"}
        answer(lab.hub, review, "release")
        rounds(lab, 1)
        assert (len(lab.all("b")), lab.reviews()) == (28, [])


# --- what it costs


def weighing(lab: Lab, number: int) -> list[str]:
    ids = agreed(lab, number)
    for id_ in ids:
        lab.tools["a"].edit("contacts", id_, job_title="Chair", phone=None)
    lab.turn("a")
    with lab.hub.store.writing() as tx:
        outbox.look(tx, lab.connection("b").id)
    with counted(lab.hub.store) as seen:
        found = weigh(lab.hub, lab.connection("b"), lab.clock())
    assert {one.case for one in found.excess} == {"blanks", "changes"}
    return seen


@pytest.mark.parametrize("kind", ["embedded", "postgres"])
def test_a_page_is_weighed_with_the_same_statements_whatever_its_size(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
):
    url = request.getfixturevalue("postgres_url") if kind == "postgres" else None
    found: list[list[str]] = []
    for number in (50, COMPARED):
        if url and found:
            emptied(url)
        with Lab(tmp_path / str(number), database_url=url) as lab:
            found.append(weighing(lab, number))
    assert found[0] == found[1]


def test_of_very_much_a_part_stands_for_the_whole(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    ids = agreed(lab, 300)
    blanked(lab, ids)
    monkeypatch.setattr("core.flow.brake.weighing.SAMPLE", 100)
    monkeypatch.setattr("core.flow.brake.weighing.COMPARED", 40)
    lab.turn("a")
    lab.turn("b")
    (limit,) = [one for one in asked(lab).subject["limits"] if one["case"] == "blanks"]
    assert 200 < limit["number"] < 400
    assert limit["of"] == 300


def test_what_is_held_is_not_compared_again_at_each_look(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    changed(lab, agreed(lab))
    lab.settle()
    calls = []

    def noted(hub: Hub, connection: Connection, now: int, between: Callable[[], object]) -> Found:
        calls.append(now)
        return weigh(hub, connection, now, between)

    monkeypatch.setattr("core.flow.brake.braking.weigh", noted)
    for _ in range(5):
        lab.turn("b")
    assert calls == []
    lab.wait(3_600)
    lab.turn("b")
    assert len(calls) == 1
