"""`concord merge` and `concord duplicates`: shown first, agreed to, carried out by the next sync, found in the log."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import typer

from connectors._kit.clock import VirtualTime
from connectors.memory.tool import Tool
from connectors.memory.worlds import use
from tests.api.conftest import Concord

ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore", "phone": "+447700900123"}
BEA = {"email": "bea@hill.example", "first_name": "Bea", "last_name": "Hill", "job_title": "Baker"}


@pytest.fixture
def tools(concord: Concord) -> dict[str, Tool]:
    """Two connected tools; `crm` knows two people."""
    made = {name: use(Tool(name, clock=VirtualTime())) for name in ("crm", "books")}
    for person in (ANN, BEA):
        made["crm"].create("contacts", person)
    for name in made:
        ran = concord("connect", "memory", name, "--set", f"world={name}", "--yes")
        assert ran.code == 0, ran.err
    assert concord("sync", "--until-quiet").code == 0
    return made


def emails(tool: Tool) -> list[str]:
    return sorted(one["email"] for one in tool.all("contacts").values())


def numbers(concord: Concord) -> list[int]:
    return [concord("why", "contact", key, "--json").json["records"][0]["id"] for key in (ANN["email"], BEA["email"])]


# In the hub


def test_a_merge_is_shown_before_it_is_done(concord: Concord, tools: dict[str, Tool]):
    ran = concord("merge", "contact", ANN["email"], BEA["email"], "--dry-run")
    assert ran.code == 0, ran.err
    for word in ("will stand", "Ann", "Bea", "update crm contacts", "concord duplicates crm"):
        assert word in ran.out, word
    assert len(concord("why", "contact", BEA["email"], "--json").json["records"]) == 1
    told = concord("merge", "contact", ANN["email"], BEA["email"], "--dry-run", "--json").json
    assert (told["merged"], told["run"]) == (False, None)
    assert told["differs"]["job_title"] == {"winner": None, "loser": "Baker", "stands": "Baker"}
    assert {one["connection"] for one in told["writes"]} == {"crm", "books"}
    assert set(told["doubles"]) == {"crm", "books"}


def test_nobody_merges_without_having_agreed(concord: Concord, tools: dict[str, Tool]):
    for words in ((), ("--json",)):
        ran = concord("merge", "contact", ANN["email"], BEA["email"], *words)
        assert ran.code == 2
        assert "Nobody has agreed" in ran.out + ran.err
    assert len(set(numbers(concord))) == 2


@pytest.mark.parametrize("agreed", [True, False])
def test_it_asks_where_somebody_sits(
    concord: Concord, tools: dict[str, Tool], monkeypatch: pytest.MonkeyPatch, agreed: bool
):
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: agreed)
    ran = concord("merge", "contact", ANN["email"], BEA["email"])
    assert ran.code == (0 if agreed else 2)
    assert len(set(numbers(concord))) == (1 if agreed else 2)


def test_two_records_become_one_and_the_tools_follow(concord: Concord, tools: dict[str, Tool]):
    ann, bea = numbers(concord)
    told = concord("merge", "contact", str(ann), BEA["email"], "--into", str(bea), "--yes", "--json").json
    assert (told["winner"], told["loser"], told["merged"]) == (bea, ann, True)
    assert concord("sync", "--until-quiet").code == 0
    assert {one["job_title"] for one in tools["crm"].all("contacts").values()} == {"Baker"}
    assert [one["title"] for one in concord("why", "contact", BEA["email"], "--json").json["records"]] == ["Bea Hill"]
    entries = concord("log", "--run", str(told["run"]), "--json").json["entries"]
    assert entries, "the merge is found by its run"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("contact", "ann@shore.example"), "takes a kind and two records"),
        (("kontact", "1", "2"), "There is no kind 'kontact'"),
        (("contact", "ann@shore.example", "nobody@x.example"), "No contact is found by 'nobody@x.example'"),
        (("contact", "ann@shore.example", "Ann"), "Both words name record"),
        (("contact", "1", "2", "--into", "7"), "none of the two"),
        (("--in", "crm", "con-1"), "takes two ids"),
        (("--in", "nothing", "con-1", "con-2"), "There is no connection 'nothing'"),
        (("--in", "crm", "con-1", "con-9"), "is not known to hold both"),
    ],
)
def test_what_cannot_be_understood_says_so(concord: Concord, tools: dict[str, Tool], words: Any, said: str):
    ran = concord("merge", *words, "--yes")
    assert ran.code == 2
    assert said in ran.err


# In a tool


def double(concord: Concord, tools: dict[str, Tool]) -> tuple[str, str]:
    """`crm` gets a second Ann."""
    first = next(id_ for id_, one in tools["crm"].all("contacts").items() if one["email"] == ANN["email"])
    second = tools["crm"].create("contacts", {**ANN, "job_title": "Cook"})
    assert concord("sync", "--until-quiet").code == 0
    return first, second


def test_no_doubles_are_none(concord: Concord, tools: dict[str, Tool]):
    assert "No tool is known to hold anything twice." in concord("duplicates").out
    assert concord("duplicates", "--json").json == {"duplicates": []}


def test_what_is_held_twice_is_listed_and_merged_by_the_command_it_names(concord: Concord, tools: dict[str, Tool]):
    first, second = double(concord, tools)
    (found,) = concord("duplicates", "crm", "--json").json["duplicates"]
    assert (found["survivor"], found["because"]) == (second, ["it is filled more"])
    assert found["for"] == ["same email", "same phone and last name", "same first and last name"]
    assert concord("duplicates", "books", "--json").json == {"duplicates": []}
    shown = concord("duplicates").out
    command = f"concord merge --in crm --stream contacts {second} {first}"
    assert found["how"] == [command]
    for word in ("same email", "Cook", f"{second} should stay", command):
        assert word in shown, word

    looked = concord(*command.split()[1:], "--dry-run")
    assert looked.code == 0
    assert "(stays)" in looked.out
    assert concord(*command.split()[1:]).code == 2, "nobody has agreed"
    told = concord(*command.split()[1:], "--yes", "--json").json
    assert (told["asked"], told["survivor"], told["loser"]) == (True, second, first)
    assert len(tools["crm"].all("contacts")) == 3, "the tool is asked by the next sync"
    assert concord("sync", "--until-quiet").code == 0
    assert second in tools["crm"].all("contacts")
    assert emails(tools["crm"]) == emails(tools["books"]) == [ANN["email"], BEA["email"]]
    assert concord("duplicates", "--json").json == {"duplicates": []}
    assert concord("reviews", "--json").json in ([], {"reviews": []})


def test_a_review_shows_both_side_by_side_and_takes_merge(concord: Concord, tools: dict[str, Tool]):
    first, _ = double(concord, tools)
    (found,) = concord("duplicates", "--json").json["duplicates"]
    shown = concord("reviews", str(found["review"]))
    assert shown.code == 0, shown.err
    for word in ("Side by side", "same email", "only here", "Cook", f"concord answer {found['review']} merge"):
        assert word in shown.out, word
    assert concord("answer", str(found["review"]), "merge", first).code == 0
    assert concord("sync", "--until-quiet").code == 0
    assert first in tools["crm"].all("contacts")
    assert emails(tools["crm"]) == [ANN["email"], BEA["email"]]
