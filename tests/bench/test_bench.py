"""The benches measure what they say: the pages are as promised, and a figure is judged by its goal.

What they measure is never asserted; `make bench` prints it.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from rich.console import Console

import connectors
from connectors._kit.catalogue import entry
from core.mapping import load, translator
from core.model.shapes import SHAPES
from tests.bench import stage
from tests.bench.addressbooks import card
from tests.bench.agreement import hours
from tests.bench.contacts import FIELDS, contact, page
from tests.bench.figures import Figure, Skipped, at_most, less, more
from tests.bench.report import as_json, show
from tests.bench.roster import LIKES, declare
from tests.bench.rosters import BEGAN, Roster
from tests.bench.stage import HERE, ROOT, pages

TOTAL = 1_000


def everybody(revision: int = 0) -> list[dict[str, str]]:
    return [json.loads(contact(number, revision)) for number in range(TOTAL)]


def test_a_contact_has_an_id_and_25_fields():
    assert len(FIELDS) == 25
    assert all(tuple(one) == ("id", *FIELDS) for one in everybody())


def test_nobody_shares_an_address_or_a_number():
    for field in ("id", "email", "phone"):
        assert len({one[field] for one in everybody()}) == TOTAL


def test_from_one_revision_to_the_next_one_percent_change_in_one_field_and_their_stamp():
    for revision in (1, 2):
        before, after = everybody(revision - 1), everybody(revision)
        changes = [{name for name in one if one[name] != other[name]} for one, other in zip(before, after, strict=True)]
        assert [found for found in changes if found] == [{"job_title", "modified_at"}] * (TOTAL // 100)
        moved = [(one, other) for one, other in zip(before, after, strict=True) if one != other]
        assert all(one["modified_at"] < other["modified_at"] for one, other in moved)


def test_pages_join_up_and_the_last_one_says_so():
    shown, after = [], 0
    while after is not None:
        found = json.loads(page(after, 100, 250))
        shown += [one["id"] for one in found["results"]]
        after = found["next"]
    assert shown == [str(number) for number in range(250)]


def test_the_mapping_takes_every_field_without_a_problem():
    mapping = load((HERE / "pages.yaml").read_text(encoding="utf-8"), file="pages.yaml")
    translate = translator(mapping.streams["contacts"], shapes=SHAPES)
    assert translate.remote_fields == set(FIELDS) - {"modified_at"}
    for reading in translate.read(everybody(2)):
        assert not reading.problems
        assert reading.values.keys() == translate.in_fields


def test_the_server_answers_and_ends_with_its_block():
    with pages(250) as url:
        assert fetched(f"{url}/contacts?after=200&limit=100") == json.loads(page(200, 100, 250))
        fetched(f"{url}/revision/1")
        assert fetched(f"{url}/contacts?after=0&limit=2") == json.loads(page(0, 2, 250, revision=1))
    with pytest.raises(httpx.ConnectError):
        fetched(f"{url}/contacts")


def fetched(url: str) -> object:
    return httpx.get(url, timeout=10).json()


def test_a_card_is_one_that_a_server_takes():
    lines = card(7).split("\r\n")
    assert lines[0] == "BEGIN:VCARD"
    assert lines[-2:] == ["END:VCARD", ""]


def test_a_figure_is_held_to_the_best_of_its_peers():
    rate = more("load", "first", 9_000, "records/s", peers={"slow": 1_000, "quick": 3_000}, goal=3)
    assert (rate.peer, rate.ratio, rate.reached) == ("quick", 3.0, True)
    span = less("books", "first", 4.0, "s", peers={"slow": 9.0, "quick": 6.0}, goal=2)
    assert (span.peer, span.ratio, span.reached) == ("quick", 1.5, False)


def test_a_figure_without_a_peer_is_not_judged():
    assert more("load", "first", 9_000, "records/s", peers={}, goal=3).reached is None


def test_a_limit_is_reached_up_to_itself():
    assert at_most("scale", "peak", 200, "MB", 200).reached
    assert not at_most("scale", "peak", 200.1, "MB", 200).reached


def test_a_peer_that_is_not_installed_is_skipped_with_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(stage, "PEERS", tmp_path)
    with pytest.raises(Skipped, match="vdirsyncer is not in"):
        stage.peer("vdirsyncer")
    with pytest.raises(Skipped, match="`make bench` installs it"):
        stage.version("dlt")


def test_a_program_that_fails_is_told_with_its_last_words():
    with pytest.raises(RuntimeError, match="no such thing"):
        stage.reports([sys.executable, "-c", "raise SystemExit('no such thing')"])


def test_the_report_names_what_was_skipped_and_counts_the_goals():
    figures = [
        at_most("scale", "peak", 100, "MB", 200),
        at_most("scale", "size", 9, "KB", 3),
        Figure("core", "fold", 9, "µs"),
    ]
    shown = io.StringIO()
    show(Console(file=shown, width=200), figures, ["dlt is not in .venv-bench."], quick=False)
    assert "1 of 2 goals reached." in shown.getvalue()
    assert "Skipped: dlt is not in .venv-bench." in shown.getvalue()
    told = json.loads(as_json(figures, ["dlt is not there."], quick=True))
    assert [figure["reached"] for figure in told["figures"]] == [True, False, None]


def test_an_unknown_bench_is_named_and_nothing_runs():
    command = [sys.executable, "-m", "tests.bench", "laod"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "no bench 'laod'" in done.stderr


def test_a_roster_is_asked_as_the_tool_itself_would_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connectors, "__path__", list(connectors.__path__))
    declare(tmp_path)
    for like in LIKES:
        stream, real = entry(like.name).manifest.streams["people"], like.declared
        assert (stream.page_size, stream.batch_size, stream.returns) == (
            real.page_size,
            real.batch_size,
            real.returns,
        )


def test_a_roster_shows_everybody_once_and_then_what_was_written():
    roster = Roster(5, every=2)
    first = roster.listed(0, 2)
    assert [one["id"] for one in first["results"]] == [1, 2]
    assert [one["id"] for one in roster.listed(first["next"], 2)["results"]] == [3]
    for _ in range(2):
        (made,) = roster.write(BEGAN, [{"id": 0, "key": "k", "fields": {"email": "ann@shore.example"}}])["results"]
        assert made["id"] == 4
    assert [one["id"] for one in roster.changed(BEGAN - 1, 0, 10)["results"]] == [4]
    assert roster.changed(BEGAN + 1, 0, 10)["results"] == []


def test_the_hours_of_an_agreement_keep_the_reserve_of_the_day():
    like = next(one for one in LIKES if one.tool == "salesforce")
    allowed = int((like.limits.daily or 0) * 0.9)
    assert hours(like, allowed) < 15
    # What is beyond it waits for the next day, which begins fifteen hours after the hub does.
    assert hours(like, allowed + 1) == pytest.approx(15, abs=0.01)
