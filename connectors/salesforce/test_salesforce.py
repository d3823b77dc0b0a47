"""The connector keeps its contract on all objects. What is odd about Salesforce stands in the other tests here."""

from __future__ import annotations

from typing import Any

import pytest

from connectors._kit.contract import ContractSuite, Harness
from connectors._kit.hostile.people import People
from connectors.salesforce.by_hand import OBJECTS, with_keys
from connectors.salesforce.sandbox import Sandbox
from connectors.salesforce.sandbox_forms import published, strays
from connectors.salesforce.words import KEY_FIELD
from core.ports import Fields

SAMPLES: dict[str, Fields] = {
    "Account": {"Name": "Shore {n}", "Phone": "+44 113 496 {n:04}", "Website": "https://shore{n}.example"},
    "Contact": {"LastName": "Shore {n}", "FirstName": "Ann", "Email": "ann{n}@shore.example", "Title": "Buyer"},
    "Lead": {"LastName": "Shore {n}", "Company": "Shore & Daughters", "Email": "ann{n}@shore.example"},
    "Opportunity": {"Name": "Patio {n}", "StageName": "Prospecting", "CloseDate": "2026-12-15", "NextStep": "Call"},
    "Task": {"Subject": "Call {n}", "Description": "About the patio", "ActivityDate": "2026-11-30"},
    "Event": {
        "Subject": "Visit {n}", "Location": "Leeds", "StartDateTime": "2026-11-30T10:00:00.000+0000",
        "EndDateTime": "2026-11-30T11:00:00.000+0000",
    },
}  # fmt: skip
CHANGES = {
    "Account": "Phone", "Contact": "FirstName", "Lead": "LastName", "Opportunity": "Name", "Task": "Subject",
    "Event": "Subject",
}  # fmt: skip
CLEARABLE = {
    "Account": "Website", "Contact": "Email", "Lead": "Email", "Opportunity": "NextStep", "Task": "Description",
    "Event": "Location",
}  # fmt: skip
REFUSED: dict[str, Fields] = {
    "Account": {"Phone": "1"}, "Contact": {"FirstName": "Ann"}, "Lead": {"LastName": "Shore"},
    "Opportunity": {"Name": "Patio"}, "Task": {"Subject": "x" * 256}, "Event": {"Subject": "Visit"},
}  # fmt: skip


class SalesforceHarness(Harness):
    """One org, and a person who works in it. Users come with an org: `test_walks.py` reads them."""

    connector = "salesforce"
    streams = OBJECTS
    people = People(
        "Contact",
        {"email": "Email", "first_name": "FirstName", "last_name": "LastName", "job_title": "Title"},
    )

    def start(self) -> None:
        self.box = Sandbox(clock=self.time)
        with_keys(self.box, *OBJECTS)
        self.mischief = self.box.mischief
        self.box.start()
        self.url = self.box.url

    def close(self) -> None:
        self.box.stop()
        forms = published()
        assert forms is None or not list(strays(self.box.journal, forms)), "a call that nobody publishes"

    def take_down(self) -> None:
        self.box.stop()

    def settings(self) -> dict[str, Any]:
        return {
            "login_url": self.url, "client_id": self.box.client_id, "client_secret": self.box.client_secret,
            "page_size": 3,
        }  # fmt: skip

    def unprepared(self) -> dict[str, Any] | None:
        for sobject in ("Account", "Contact", "Lead", "Opportunity"):
            self.box.remove_field(sobject, KEY_FIELD)
        return self.settings()

    def sample(self, stream: str, number: int) -> Fields:
        return {name: str(value).format(n=number) for name, value in SAMPLES[stream].items()}

    def change(self, stream: str, number: int) -> Fields:
        return {CHANGES[stream]: f"Changed {number}"}

    def clearable(self, stream: str) -> str | None:
        return CLEARABLE[stream]

    def refused(self, stream: str) -> Fields | None:
        return REFUSED[stream]

    def create(self, stream: str, fields: Fields) -> str:
        return self.box.create(stream, fields)

    def edit(self, stream: str, id_: str, fields: Fields) -> None:
        self.box.edit(stream, id_, fields)

    def delete(self, stream: str, id_: str) -> None:
        self.box.delete(stream, id_)

    def merge(self, stream: str, winner: str, loser: str) -> str:
        if not self.manifest.streams[stream].native_merge:
            pytest.skip(f"Salesforce merges no {stream}")
        return self.box.merge(stream, winner, loser)

    def show(self, stream: str, id_: str) -> Fields | None:
        return self.box.show(stream, id_)

    def count(self, stream: str) -> int:
        return self.box.count(stream)


class TestSalesforce(ContractSuite):
    """Everything the hub relies on."""

    harness = SalesforceHarness
