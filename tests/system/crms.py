"""Two CRMs and a folder of spreadsheets around one hub, on a virtual clock, and what their people do.

The CRMs are the sandboxes, spoken to over real sockets; what they hold is looked at from their inside, never through
the connectors.
"""

from __future__ import annotations

import csv
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from api.building import ConnectionSpec
from connectors._kit.sandbox import Exchange
from connectors.hubspot.sandbox import Sandbox as HubSpot
from connectors.salesforce.sandbox import Sandbox as Salesforce
from core.flow.sync import Turn
from tests.support import Lab

ROOT = Path(__file__).parents[2]
SHARED = Path(os.environ.get("CONCORD_SHARED") or ROOT.parent / "shared") / "data" / "crm-sales"
SHEETS_MAPPING = (ROOT / "mappings" / "examples" / "crm-sales.yaml").read_text(encoding="utf-8")

DEALS = "sales_pipeline.csv"
"""The file of deals; each has one line."""
HUBSPOT, SALESFORCE, SHEETS = "hub-spot", "sales-force", "sheets"
PROPAGATE = {"*": {"deletes_in": "propagate", "deletes_out": "propagate"}}
KEYED = ("Account", "Contact", "Lead", "Opportunity", "Task", "Event")
DAY = 86_400.0

# As an admin fits the default mappings to this business: its four stages, one pipeline, dollars.
_HUBSPOT_WORDS = {
    "      qualifiedtobuy: Qualified to buy\n": "      qualifiedtobuy: Prospecting\n",
    "      presentationscheduled: Presentation scheduled\n": "      presentationscheduled: Engaging\n",
    "{field: {amount: amount, currency: deal_currency_code}}": "{field: amount, steps: [text_number, {money: USD}]}",
    "steps: [text_number, money]}": "steps: [text_number, {money: USD}]}",
}
_SALESFORCE_WORDS = {
    "      Prospecting: New\n": "      Prospecting: Prospecting\n",
    "      Qualification: Qualified\n": "      Qualification: Engaging\n",
    "0125g0000000001AAA: New business": "0125g0000000001AAA: Sales",
    "steps: [money]}": "steps: [{money: USD}]}",
}


def fitted(tool: str, words: dict[str, str]) -> str:
    """A default mapping with some of its words changed; each must be there."""
    text = (ROOT / "mappings" / f"{tool}.yaml").read_text(encoding="utf-8")
    for old, new in words.items():
        assert old in text, f"mappings/{tool}.yaml no longer says {old!r}"
        text = text.replace(old, new)
    return text


Deal = tuple[str, str, str]
"""Name, stage, amount."""


class Crms:
    """The laboratory with both CRMs; a context manager."""

    def __init__(self, folder: Path, *, database_url: str | None = None) -> None:
        self.lab = Lab(folder / "data", database_url=database_url)
        self.sheets = folder / "sheets"
        self.sheets.mkdir()
        self._stack = ExitStack()
        self.hubspot: HubSpot = self._stack.enter_context(HubSpot(clock=self.lab.clock))
        self.salesforce: Salesforce = self._stack.enter_context(Salesforce(clock=self.lab.clock))
        self._looked: dict[str, int] = {}

    def __enter__(self) -> Crms:
        return self

    def __exit__(self, *_: object) -> None:
        self.lab.close()
        self._stack.close()

    # --- setting up

    def connect(self) -> None:
        """Make the key fields, as `concord check --fix` does in HubSpot and an admin by hand here, and connect both."""
        for sobject in KEYED:
            self.salesforce.add_field(sobject, "Concord_Key__c", "string", length=255, external_id=True, unique=True)
        self._connect(
            HUBSPOT, "hubspot", {"url": self.hubspot.url, "token": "pat-na1-sandbox"}, fitted("hubspot", _HUBSPOT_WORDS)
        )
        app = {"client_id": self.salesforce.client_id, "client_secret": self.salesforce.client_secret}
        self._connect(
            SALESFORCE,
            "salesforce",
            {"login_url": self.salesforce.url, **app},
            fitted("salesforce", _SALESFORCE_WORDS),
        )
        self.lab.hub.open(HUBSPOT).prepare("key_property")
        self.seen()

    def _connect(self, name: str, connector: str, settings: dict[str, Any], mapping: str) -> None:
        spec = ConnectionSpec(name, connector, settings, mapping, f"{connector}.yaml", PROPAGATE)
        self.lab.installation.put_connection(spec)
        self.lab.refreshed()

    def pipeline(self, deals: int) -> None:
        """The spreadsheets of a real pipeline with its first deals, read only; its people are users of both CRMs."""
        for source in SHARED.glob("*.csv"):
            shutil.copyfile(source, self.sheets / source.name)
        with (SHARED / DEALS).open(encoding="utf-8", newline="") as text:
            (self.sheets / DEALS).write_text("".join(islice(text, 1 + deals)), encoding="utf-8", newline="")
        for row in rows("sales_teams.csv"):
            first, _, last = row["sales_agent"].partition(" ")
            address = f"{first}.{last}@sales.example".lower()
            self.hubspot.add_owner(address, first, last)
            self.salesforce.add_user(f"{first} {last}", address)
        policy = {"*": {"writes": False}}
        spec = ConnectionSpec(SHEETS, "csv", {"folder": str(self.sheets)}, SHEETS_MAPPING, "crm-sales.yaml", policy)
        self.lab.installation.put_connection(spec)
        self.lab.refreshed()

    # --- running

    def settle(self) -> Counter[str]:
        """Sync until quiet, then let a day pass, and again until nothing moves; what all turns did."""
        done = total(self.lab.sync(until_quiet=True))
        for _ in range(4):
            self.lab.wait(DAY)
            again = total(self.lab.sync(until_quiet=True))
            done += again
            if not writes(again):
                return done
        raise AssertionError(f"after four days something is still written: {again}")

    # --- looking

    def seen(self) -> dict[str, list[Exchange]]:
        """The calls each CRM had since last asked."""
        found = {}
        for name, box in ((HUBSPOT, self.hubspot), (SALESFORCE, self.salesforce)):
            found[name] = box.journal[self._looked.get(name, 0) :]
            self._looked[name] = len(box.journal)
        return found

    def deals(self) -> tuple[Counter[Deal], Counter[Deal]]:
        """(name, stage, amount) of every deal in HubSpot, and in Salesforce."""
        theirs = {"qualifiedtobuy": "Prospecting", "presentationscheduled": "Engaging"}
        theirs |= {"closedwon": "Won", "closedlost": "Lost"}
        ours = {"Prospecting": "Prospecting", "Qualification": "Engaging", "Closed Won": "Won", "Closed Lost": "Lost"}
        there = Counter(
            (one["dealname"], theirs[one["dealstage"]], plain(one.get("amount")))
            for one in shown(self.hubspot, "deals")
        )
        here = Counter(
            (one["Name"], ours[one["StageName"]], plain(one.get("Amount")))
            for one in shown(self.salesforce, "Opportunity")
        )
        return there, here


def shown(box: Any, kind: str) -> list[dict[str, Any]]:
    """Every live record of a kind, as a person sees it."""
    return [one for id_ in box.ids(kind) if (one := box.show(kind, id_)) is not None]


def plain(amount: object) -> str:
    """An amount without the way it is written."""
    return "" if amount in (None, "") else f"{float(str(amount)):.2f}"


def rows(file: str) -> list[dict[str, str]]:
    """A file of the pipeline as Python's own csv module reads it."""
    with (SHARED / file).open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def total(turns: Sequence[Turn]) -> Counter[str]:
    """What all turns did, added up; fails if one of them met an error."""
    done: Counter[str] = Counter()
    for turn in turns:
        assert turn.error is None, f"{turn.connection}: {turn.error}"
        done.update(turn.counts())
    return done


def writes(done: Counter[str]) -> int:
    """How many records were written."""
    return done["created"] + done["updated"] + done["deleted"]


WRITING = {"POST", "PATCH", "PUT", "DELETE"}


def write_calls(calls: Sequence[Exchange]) -> Counter[str]:
    """Calls that changed something, by route; searches and batch reads change nothing."""
    found: Counter[str] = Counter()
    for one in calls:
        reading = one.route.endswith(("/batch/read", "/unsubscribe-all/read", "/search", "/composite", "/oauth2/token"))
        if one.call.method in WRITING and not reading:
            found[f"{one.call.method} {one.route}"] += 1
    return found
