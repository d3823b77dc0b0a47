"""SIGKILL while people and companies are created in HubSpot and Salesforce: nobody twice, nobody missing.

The CRMs are sandboxes in this process, so they stand as the kill left them. In a second run they also do one write in
five and then break the line, so that the hub never hears of it.
"""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.assembly import now
from connectors._kit.mischief import Mischief, Switch
from connectors.hubspot.sandbox import Sandbox as HubSpot
from connectors.salesforce.sandbox import Sandbox as Salesforce
from core.model.instant import SECOND, Instant
from tests.chaos.test_chaos import LEASES_END, ROOT

pytestmark = pytest.mark.slow

KEYED = ("Account", "Contact", "Lead", "Opportunity", "Task", "Event")
SHEETS = """
companies:
  as: company
  options: {file: companies.csv, id: Id}
  fields:
    name: {field: Name}
    domain: {field: Domain}

contacts:
  as: contact
  options: {file: contacts.csv, id: Id}
  fields:
    email: {field: Email}
    first_name: {field: First}
    last_name: {field: Last}
    lifecycle_stage: {field: Stage}
    company: {field: Company, ref: company}
"""


class Town:
    """Spreadsheets that grow, two CRMs, and the hub that is killed."""

    def __init__(self, folder: Path, seed: int, *, deaf: float = 0.0, database_url: str | None = None) -> None:
        self.random = random.Random(seed)
        self.offset = 0.0
        self.longest = 0.8
        self.people = self.companies = 0
        self.sheets = folder / "sheets"
        self.sheets.mkdir()
        self.mischief = [Mischief(random.Random(seed + one), {Switch.LOST_ANSWER: deaf}) for one in (1, 2)]
        self.hubspot = HubSpot(clock=self.clock, mischief=self.mischief[0])
        self.salesforce = Salesforce(clock=self.clock, mischief=self.mischief[1])
        self.hubspot.start()
        self.salesforce.start()
        for kind in ("companies", "contacts"):
            self.hubspot.add_property(kind, "concord_key", unique=True)
        for kind in KEYED:
            self.salesforce.add_field(kind, "Concord_Key__c", "string", length=255, external_id=True, unique=True)
        app = {"client_id": self.salesforce.client_id, "client_secret": self.salesforce.client_secret}
        self.plan = folder / "plan.json"
        told = {
            "data": str(folder / "hub"),
            "database": database_url,
            "mappings": {"sheets": SHEETS},
            "connections": {
                "sheets": ["csv", {"folder": str(self.sheets)}],
                "hub-spot": ["hubspot", {"url": self.hubspot.url, "token": "pat-na1-sandbox"}],
                "sales-force": ["salesforce", {"login_url": self.salesforce.url, **app}],
            },
        }
        self.plan.write_text(json.dumps(told), encoding="utf-8")
        self.arrive(60)

    def close(self) -> None:
        """Stop the CRMs."""
        self.hubspot.stop()
        self.salesforce.stop()

    def clock(self) -> Instant:
        """As the hub's next process has it."""
        return now() + int(self.offset * SECOND)

    def arrive(self, number: int) -> None:
        """New lines in the spreadsheets: people, and now and then a company of theirs."""
        self.people += number
        self.companies += number // 8
        self._write("companies.csv", ("Id", "Name", "Domain"), (self._company(one) for one in range(self.companies)))
        heads = ("Id", "Email", "First", "Last", "Stage", "Company")
        self._write("contacts.csv", heads, (self._person(one) for one in range(self.people)))

    def _company(self, number: int) -> tuple[str, ...]:
        return f"C{number}", f"Company number {number}", f"company{number}.example"

    def _person(self, number: int) -> tuple[str, ...]:
        stage = "lead" if number % 3 == 0 else "customer"
        return (
            f"P{number}",
            f"p{number}@people.example",
            "Pat",
            f"Number {number}",
            stage,
            f"C{number % self.companies}",
        )

    def _write(self, file: str, heads: tuple[str, ...], lines: Iterator[tuple[str, ...]]) -> None:
        with (self.sheets / f"{file}.new").open("w", encoding="utf-8", newline="") as text:
            csv.writer(text).writerows([heads, *lines])
        (self.sheets / f"{file}.new").replace(self.sheets / file)

    # --- the hub

    def process(self) -> subprocess.Popen[str]:
        """A new process of the hub."""
        self.offset += LEASES_END
        words = [sys.executable, "-m", "tests.chaos.crm_child", str(self.plan), str(self.offset)]
        return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def killed(self) -> bool:
        """Start the hub and kill it in the middle; whether it was still at work."""
        with self.process() as process:
            assert process.stdout is not None
            begun = process.stdout.readline()
            assert begun == "begun\n", process.communicate()[1][-3000:]
            time.sleep(self.random.uniform(0, self.longest))
            process.kill()
            said, _ = process.communicate()
        at_work = "quiet" not in said
        self.longest = min(2.0, self.longest * 1.2) if at_work else self.longest * 0.7
        return at_work

    def finished(self) -> None:
        """Let the hub come to rest, with nobody deaf any more."""
        for one in self.mischief:
            one.calm()
        for _ in range(3):
            with self.process() as process:
                said, trouble = process.communicate(timeout=240)
            assert said == "begun\nquiet\n", said + trouble[-3000:]


def everybody_once(town: Town) -> None:
    """In each CRM every person and every company stands once."""
    people = Counter({f"p{one}@people.example": 1 for one in range(town.people)})
    companies = Counter({f"Company number {one}": 1 for one in range(town.companies)})
    assert Counter(_all(town.hubspot, "contacts", "email")) == people
    assert Counter(_all(town.hubspot, "companies", "name")) == companies
    assert Counter([*_all(town.salesforce, "Contact", "Email"), *_all(town.salesforce, "Lead", "Email")]) == people
    assert Counter(_all(town.salesforce, "Account", "Name")) == companies


def _all(box: Any, kind: str, field: str) -> list[str]:
    return [box.show(kind, id_)[field] for id_ in box.ids(kind)]


def survives(town: Town, kills: int) -> None:
    at_work = 0
    for _ in range(kills):
        at_work += town.killed()
        town.arrive(town.random.randint(10, 40))
    assert at_work > kills // 3, f"only {at_work} of {kills} kills met the hub at work"
    town.finished()
    everybody_once(town)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where everything lives."""
    return tmp_path


@pytest.mark.parametrize("deaf", [0.0, 0.2], ids=["answering", "one answer in five lost"])
def test_creates_survive_a_few_kills(folder: Path, seed: int, deaf: float):
    town = Town(folder, seed, deaf=deaf)
    try:
        survives(town, 6)
    finally:
        town.close()


@pytest.mark.chaos
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("deaf", [0.0, 0.2], ids=["answering", "one answer in five lost"])
def test_creates_survive_a_hundred_kills(folder: Path, seed: int, deaf: float):
    town = Town(folder, seed, deaf=deaf)
    try:
        survives(town, 100)
        if deaf:
            assert all(one.happened[Switch.LOST_ANSWER] > 0 for one in town.mischief)
    finally:
        town.close()
