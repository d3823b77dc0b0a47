"""Hostile histories: a wrong connector is caught with its shortest history, a right one passes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import connectors
from api.assembly import rehearsal
from api.cli import app
from connectors._kit.catalogue import refresh
from connectors._kit.hostile.history import Abilities, History, Step, draw
from connectors._kit.hostile.run import Trial, harness_of, hostile
from connectors._kit.hostile.stage import NAMES, Installs, Wanted
from connectors._kit.scaffold import scaffold
from core.errors import ConfigError
from core.flow.hub import Hub
from core.ports import Edit, Page, Receipt, Remote, Verb


class Wrong:
    """A connector with one fault; everything else is as it should be."""

    def __init__(self, connector: Any) -> None:
        self.connector = connector

    def __getattr__(self, verb: str) -> Any:
        return getattr(self.connector, verb)


class IgnoresVersions(Wrong):
    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        written: Sequence[Receipt] = self.connector.write(stream, [replace(one, version=None) for one in edits])
        return written


class CreatesTwice(Wrong):
    """Sends again what was not answered, as if it had never been sent."""

    keys = count()

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        receipts: list[Receipt] = list(self.connector.write(stream, edits))
        for at, (edit, receipt) in enumerate(zip(edits, receipts, strict=True)):
            if receipt.error is not None:
                again = replace(edit, key=f"again {next(self.keys)}")
                receipts[at] = self.connector.write(stream, [again])[0]
        return receipts


class SaysDeletedIsThere(Wrong):
    def read(self, stream: str, cursor: Any) -> Page:
        page: Page = self.connector.read(stream, cursor)
        return page._replace(records=[one for one in page.records if not one.deleted])

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        found = self.connector.fetch(stream, ids)
        return [replace(one, deleted=False, fields={"email": "old"}) if one.deleted else one for one in found]


class SaysMore(Wrong):
    """Says that it wrote, and does not."""

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        kept = [one for one in edits if one.verb != Verb.UPDATE]
        done = iter(self.connector.write(stream, kept))
        return [next(done) if one in kept else Receipt(one.remote_id, fields=one.fields) for one in edits]


class Installed:
    """An installation whose connector under test is wrong."""

    def __init__(self, right: Installs, wrong: type[Wrong]) -> None:
        self.right, self.wrong = right, wrong

    def __getattr__(self, name: str) -> Any:
        return getattr(self.right, name)

    def hub(self) -> Hub:
        hub = self.right.hub()
        return replace(hub, open=lambda name: self.wrong(hub.open(name)) if name == NAMES[0] else hub.open(name))


def trial(wrong: type[Wrong], tool: str = "memory") -> Trial:
    def opens(folder: Path, clock: Callable[[], int], sleep: Callable[[float], None], wanted: Sequence[Wanted]) -> Any:
        return Installed(rehearsal(folder, clock, sleep, wanted), wrong)

    return Trial(harness_of(tool), harness_of("memory"), opens)


RACED = (Step("create", 0, 1), Step("rest"), Step("edit", 1, 1, "job_title", "Word 1"),
         Step("race", 0, 1, "job_title", "Word 2"))  # fmt: skip
LOST = (Step("create", 1, 1), Step("trouble", 0, name="lost_answer"), Step("sync"), Step("sync"))
DELETED = (Step("create", 0, 1), Step("rest"), Step("delete", 0, 1), Step("rest"))
EDITED = (Step("create", 0, 1), Step("rest"), Step("edit", 1, 1, "job_title", "Word 1"))
WRONGS = [(IgnoresVersions, RACED, "lost"), (CreatesTwice, LOST, "doubled"), (SaysDeletedIsThere, DELETED, "agreement"),
          (SaysMore, EDITED, "agreement")]  # fmt: skip


def test_what_seeds_find_is_cut_down_to_the_shortest_history() -> None:
    tried = trial(SaysMore)
    found = next(filter(None, (tried.violation(seed, seconds=8.0) for seed in range(10))))
    assert len(found.history.steps) <= 6, str(found)
    assert tried.play(found.history)
    assert f"seed {found.seed} breaks a law:" in str(found)
    assert "somebody adds person" in str(found)
    kept = trial(Wrong).play(found.history)
    assert kept == []


def test_a_seed_always_gives_the_same_history() -> None:
    can = Abilities(("first_name", "job_title"), frozenset({"merge"}))
    histories = [draw(seed, can, ("one", "other")) for seed in range(40)]
    assert histories == [draw(seed, can, ("one", "other")) for seed in range(40)]
    drawn = {step.what for one in histories for step in one.steps}
    assert drawn >= {"create", "edit", "sync", "trouble", "kill", "delete", "race", "lie", "deny", "rest"}
    assert "merge" not in drawn


def test_a_connector_without_people_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness_of("csv"), "people", None)
    with pytest.raises(ConfigError, match="does not say how people work in it"):
        hostile("csv", rehearsal, seeds=1)


@pytest.mark.parametrize("name", ["memory", "csv", "carddav", "hubspot", "mailchimp", "salesforce", "stripe"])
def test_hostile_histories_break_no_law(name: str) -> None:
    report = hostile(name, rehearsal, seeds=3)
    assert not report.violations, str(report)
    assert report.seeds == 3


def test_a_new_connector_can_be_tried_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = tmp_path / "connectors"
    house.mkdir()
    monkeypatch.setattr(connectors, "__path__", [*connectors.__path__, str(house)])
    scaffold("acme_crm", house=house)
    try:
        report = hostile("acme_crm", rehearsal, seeds=3)
    finally:
        monkeypatch.undo()
        refresh()
        for name in [one for one in sys.modules if one.startswith("connectors.acme_crm")]:
            del sys.modules[name]
    assert not report.violations, str(report)
    assert report.exempt["merge"]


def test_the_command_says_what_it_found() -> None:
    ran = CliRunner().invoke(
        app, ["connector", "test", "memory", "--hostile", "--seeds", "1", "--first", "5", "--json"]
    )
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.output)
    assert (told["passed"], told["seeds"], told["violations"]) == (True, 1, [])


@pytest.mark.parametrize(("wrong", "steps", "law"), WRONGS)
def test_a_wrong_connector_breaks_a_law_where_a_right_one_breaks_none(
    wrong: type[Wrong], steps: tuple[Step, ...], law: str
) -> None:
    history = History(1, steps)
    # Two with one address cannot be in the memory tool; an address book takes them.
    tool = "carddav" if wrong is CreatesTwice else "memory"
    assert trial(Wrong, tool).play(history) == []
    told = trial(wrong, tool).play(history)
    assert [one.partition(":")[0] for one in told][:1] == [law], told
