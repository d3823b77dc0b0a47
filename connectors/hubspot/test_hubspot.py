"""The connector keeps the contract on a stand-in for HubSpot, and answers the oddities of the real one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import pytest

from connectors._kit.catalogue import entry
from connectors._kit.clock import VirtualTime
from connectors._kit.contract import ContractSuite, Harness
from connectors._kit.hostile.people import People
from connectors._kit.mischief import Mischief
from connectors.hubspot.connector import HubSpot, build
from connectors.hubspot.published import violations
from connectors.hubspot.sandbox import Quotas, Sandbox
from connectors.hubspot.versions import as_it_is, dated
from connectors.hubspot.words import OBJECTS, SCOPES
from core import mapping
from core.errors import ConfigError
from core.model.instant import MILLISECOND
from core.model.shapes import SHAPES
from core.ports import Context, Cursor, Edit, Fields, Receipt, Remote, Request, Verb

KEY = "concord_key"
AT = "2026-11-20T10:30:00.000Z"

SAMPLES: dict[str, Fields] = {
    "companies": {"name": "Example {n}", "domain": "e{n}.example", "description": "About {n}"},
    "contacts": {"email": "s{n}@example.com", "firstname": "Sam {n}", "lastname": "Sample", "jobtitle": "Clerk"},
    "deals": {"dealname": "Deal {n}", "amount": "{n}0", "pipeline": "default", "dealstage": "contractsent"},
    "tasks": {"hs_task_subject": "Task {n}", "hs_task_body": "Do {n}", "hs_timestamp": AT},
    "calls": {"hs_call_title": "Call {n}", "hs_call_body": "Said {n}", "hs_timestamp": AT},
    "meetings": {"hs_meeting_title": "Meeting {n}", "hs_meeting_location": "Leeds", "hs_timestamp": AT},
    "notes": {"hs_note_body": "Note {n}", "hs_timestamp": AT},
    "emails": {"hs_email_subject": "Email {n}", "hs_email_text": "Dear {n}", "hs_timestamp": AT},
    "owners": {"email": "o{n}@example.com", "firstName": "Olga {n}", "lastName": "Owner"},
}
CHANGED = {
    "companies": "description", "contacts": "jobtitle", "deals": "dealname", "tasks": "hs_task_subject",
    "calls": "hs_call_title", "meetings": "hs_meeting_title", "notes": "hs_note_body", "emails": "hs_email_subject",
    "owners": "firstName",
}  # fmt: skip
CLEARED = {
    "companies": "domain", "contacts": "lastname", "deals": "associations.company",
    "tasks": "hs_task_body", "calls": "associations.contacts", "meetings": "hs_meeting_location",
    "notes": "associations.deal", "emails": "associations.company",
}  # fmt: skip


class HubSpotHarness(Harness):
    connector = "hubspot"
    streams: ClassVar[tuple[str, ...]] = (
        "contacts", "companies", "deals", "tasks", "calls", "meetings", "notes", "emails", "owners",
    )  # fmt: skip
    largest_batch = 40
    people = People(
        "contacts",
        {"email": "email", "first_name": "firstname", "last_name": "lastname", "job_title": "jobtitle"},
    )

    def start(self) -> None:
        self.mischief = Mischief()
        self.box: Sandbox = Sandbox(clock=self.time, mischief=self.mischief).__enter__()
        for stream in OBJECTS:
            self.box.add_property(stream, KEY, unique=True)
        self.box.subscribe("contact.creation")
        self.friends: dict[str, str] = {}
        self.connectors: list[Any] = []

    def connect(self, settings: Mapping[str, Any] | None = None) -> Any:
        self.connectors.append(super().connect(settings))
        return self.connectors[-1]

    def close(self) -> None:
        for connector in self.connectors:
            connector.close()
        self.box.stop()
        assert violations(self.box.journal) == []

    def take_down(self) -> None:
        self.box.stop()

    def settings(self) -> dict[str, Any]:
        secrets = {"token": self.box.token, "client_secret": self.box.client_secret}
        return {**secrets, "url": self.box.url, "page_size": 3, "archived_every": 60}

    def unprepared(self) -> dict[str, Any]:
        for stream in ("deals", "notes"):
            self.box.remove_property(stream, KEY)
        return self.settings()

    def sample(self, stream: str, number: int) -> Fields:
        fields = {name: value.format(n=number) for name, value in SAMPLES[stream].items()}
        friends = {
            "contacts": {"company": "companies"},
            "deals": {"company": "companies", "contacts": "contacts"},
            "owners": {},
            "companies": {},
        }.get(stream, {"contacts": "contacts", "company": "companies", "deal": "deals"})
        for name, of in friends.items():
            id_ = self.friend(of)
            fields[f"associations.{name}"] = [id_] if name == "contacts" else id_
        return fields

    def friend(self, stream: str) -> str:
        """A record that was there before, to belong to."""
        if stream not in self.friends:
            known = {name: value.format(n="friend") for name, value in SAMPLES[stream].items() if name != "amount"}
            self.friends[stream] = self.box.create(stream, known)
        return self.friends[stream]

    def change(self, stream: str, number: int) -> Fields:
        return {CHANGED[stream]: f"Changed {number}"}

    def clearable(self, stream: str) -> str | None:
        return CLEARED[stream]

    def refused(self, stream: str) -> Fields | None:
        wrong: dict[str, Fields] = {
            "contacts": {"email": "nobody"},
            "deals": {"dealname": "Deal", "dealstage": "nowhere"},
        }
        return wrong[stream] if stream in wrong else {**SAMPLES[stream], "hubspot_owner_id": "17"}

    def create(self, stream: str, fields: Fields) -> str:
        plain = {name: value for name, value in fields.items() if not name.startswith("associations.")}
        if stream == "owners":
            return self.box.add_owner(plain["email"], plain["firstName"], plain["lastName"])
        words = {"associations.company": "companies", "associations.contacts": "contacts", "associations.deal": "deals"}
        tied = {words[name]: value for name, value in fields.items() if name in words}
        ties = {to: one if isinstance(one, list) else [one] for to, one in tied.items()}
        return self.box.create(stream, plain, ties)

    def edit(self, stream: str, id_: str, fields: Fields) -> None:
        if stream == "owners":
            owner = self.box.owners[int(id_)]
            owner.first_name, owner.changed_at = fields["firstName"], self.time() // MILLISECOND * MILLISECOND
        else:
            self.box.edit(stream, id_, fields)

    def delete(self, stream: str, id_: str) -> None:
        if stream == "owners":
            del self.box.owners[int(id_)]
        else:
            self.box.archive(stream, id_)

    def merge(self, stream: str, winner: str, loser: str) -> str:
        return self.box.merge(stream, winner, loser)

    def show(self, stream: str, id_: str) -> Fields | None:
        if stream != "owners":
            return self.box.show(stream, id_)
        owner = self.box.owners.get(int(id_))
        return {"email": owner.email, "firstName": owner.first_name, "lastName": owner.last_name} if owner else None

    def count(self, stream: str) -> int:
        there = len(self.box.owners) if stream == "owners" else self.box.count(stream)
        return there - (stream in self.friends)

    def webhook(self, stream: str, id_: str) -> Request:
        return self.box.take_events()[-1]

    def unknown_webhook(self) -> Request:
        event = {"eventId": 1, "subscriptionId": 2, "portalId": 3, "occurredAt": 4, "subscriptionType": "quote.signed"}
        return self.box.request([event | {"objectId": 5, "attemptNumber": 0}])


class TestHubSpot(ContractSuite):
    harness = HubSpotHarness


class OlderHarness(HubSpotHarness):
    """Signed in with OAuth, and on the paths of v3."""

    streams: ClassVar[tuple[str, ...]] = ("contacts", "deals", "owners")

    def settings(self) -> dict[str, Any]:
        app = {"client_id": self.box.client_id, "client_secret": self.box.client_secret}
        rest = {name: value for name, value in super().settings().items() if name != "token"}
        return {**rest, **app, "refresh_token": self.box.refresh_token, "api_version": "v3"}


class TestHubSpotWithOAuthOnV3(ContractSuite):
    harness = OlderHarness


# --- the connector itself


def test_the_vendors_client_is_imported_at_the_first_call_only() -> None:
    """Run with `-s` to see how long the connector takes to import and what it weighs."""
    script = """
import sys, time
from pathlib import Path
began = time.perf_counter()
from connectors.hubspot.connector import build
from core.ports import Context
build(Context("none", {"token": "pat-none"}, clock=lambda: 0)).close()
took = time.perf_counter() - began
assert not [name for name in sys.modules if name == "hubspot" or name.startswith("hubspot.")], "imported too early"
memory = Path("/proc/self/statm")
held = f"{int(memory.read_text().split()[1]) * 4 // 1024} MB" if memory.exists() else "memory not known here"
print(f"{took:.2f} s, {held}")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    sys.stdout.write(f"\nimporting and building the HubSpot connector: {done.stdout}")


def test_the_manifest_names_the_scopes_that_check_looks_for() -> None:
    found = entry("hubspot").manifest
    assert dict(found.scopes) == dict(SCOPES)
    assert list(found.streams) == ["owners", *OBJECTS]


def test_settings_without_a_way_to_sign_in_say_what_is_missing() -> None:
    with pytest.raises(ConfigError, match="refresh_token") as caught:
        build(Context("none", {"client_id": "a", "client_secret": "b"}, clock=lambda: 0))
    assert "token" in caught.value.remedy


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/crm/v3/objects/contacts/batch/read", "/crm/objects/2026-03/contacts/batch/read"),
        ("/crm/v4/associations/deals/contacts/batch/read", "/crm/associations/2026-03/deals/contacts/batch/read"),
        ("/crm/v3/owners/", "/crm/owners/2026-03"),
        ("/crm/v3/properties/notes/concord_key", "/crm/properties/2026-03/notes/concord_key"),
        ("/account-info/v3/details", "/account-info/2026-03/details"),
        ("/oauth/v1/token", "/oauth/2026-03/token"),
        ("/oauth/v3/token/introspect", "/oauth/2026-03/token/introspect"),
        ("/oauth/v2/private-apps/get/access-token-info", "/oauth/v2/private-apps/get/access-token-info"),
    ],
)
def test_a_path_has_one_place_in_the_dated_version(path: str, there: str) -> None:
    assert dated(path) == there
    assert as_it_is(path) == path


def test_a_mapping_reads_and_writes_what_the_connector_shows() -> None:
    words = mapping.load(entry("hubspot").mapping_path.read_text(encoding="utf-8"), file="hubspot.yaml")
    contacts, tasks, owners = (mapping.translator(words.streams[name], shapes=SHAPES) for name in
                               ("contacts", "tasks", "owners"))  # fmt: skip
    (out, kept) = contacts.read([
        {"subscriptions": {"all": True}, "lifecyclestage": "marketingqualifiedlead",
         "hs_lead_status": "ATTEMPTED_TO_CONTACT", "associations": {"company": "7"}, "mobilephone": "+44 7700 900123"},
        {"subscriptions": {"all": False}, "hs_lead_status": "HOUSE_WORD"},
    ])  # fmt: skip
    assert out.values == {
        "consent.email": "denied", "lifecycle_stage": "marketing_qualified", "lead_status": "attempting",
        "company": "7", "other_phones": ["+447700900123"],
    }  # fmt: skip
    assert kept.values == {"lead_status": "HOUSE_WORD"}
    for status in ("denied", "suppressed"):
        assert contacts.write({"consent.email": status}).fields["subscriptions.all"] is True
    written = tasks.write({"subject": "Call", "status": "done", "priority": "high", "due_at": AT}, creating=True).fields
    assert written["hs_task_status"] == "COMPLETED"
    assert written["hs_task_priority"] == "HIGH"
    assert tasks.write({"priority": "urgent", "status": "planned"}).fields.get("hs_task_priority", "") == ""
    (gone,) = owners.read([{"firstName": "Ann", "archived": True, "type": "QUEUE", "teams": [{"name": "North"}]}])
    assert gone.values == {"name": "Ann", "active": False, "queue": True, "team": "North"}


class Trial:
    """A stand-in, a connection to it, and short words for both."""

    def __init__(
        self, box: type[Sandbox] = Sandbox, *, limits: Quotas | None = None, skew: int = 0, **more: Any
    ) -> None:
        self.time = VirtualTime(tick=1000)
        self.mischief = Mischief()
        self.box = box(clock=self.time, mischief=self.mischief, limits=limits, skew=skew).__enter__()
        for stream in OBJECTS:
            self.box.add_property(stream, KEY, unique=True)
        self.settings = {"token": self.box.token, "url": self.box.url, "client_secret": self.box.client_secret, **more}
        self.saved: list[tuple[str, str]] = []
        self.connectors: list[HubSpot] = []
        self.reads: dict[str, frozenset[str]] = {}
        """Stream → the properties that a mapping reads."""
        self.connector = self.connect()

    def connect(self, **more: Any) -> HubSpot:
        """Another process with the same connection."""
        context = Context(
            "trial", {**self.settings, **more}, clock=self.time, sleep=self.time.sleep, reads=self.reads,
            save_secret=lambda name, value: self.saved.append((name, value)),
        )  # fmt: skip
        self.connectors.append(build(context))
        return self.connectors[-1]

    def close(self) -> None:
        for connector in self.connectors:
            connector.close()
        self.box.stop()

    def walk(self, stream: str, cursor: Cursor | None = None) -> tuple[list[Remote], Cursor]:
        """All pages from a cursor on, and where the next poll begins."""
        records: list[Remote] = []
        for _ in range(1000):
            page = self.connector.read(stream, cursor)
            records, cursor = [*records, *page.records], json.loads(json.dumps(dict(page.next)))
            if not page.more:
                return records, cursor or {}
        raise AssertionError("the walk does not end")

    def calls_of(self, act: Callable[[], object]) -> list[str]:
        """The calls that something makes, as `METHOD route`."""
        before = len(self.box.journal)
        act()
        return [f"{one.call.method} {one.call.path}" for one in self.box.journal[before:]]

    def write(self, stream: str, *edits: Edit) -> list[Receipt]:
        return list(self.connector.write(stream, edits))

    def fetch(self, stream: str, *ids: str) -> list[Remote]:
        return list(self.connector.fetch(stream, ids))

    def update(self, stream: str, id_: str, **fields: Any) -> Edit:
        """A change of a record as it stands now."""
        held = self.fetch(stream, id_)[0]
        named = {name.replace("__", "."): value for name, value in fields.items()}
        return Edit(Verb.UPDATE, stream, f"u-{id_}", id_, named, held.version, held.fields)


def new(stream: str, key: str, **fields: Any) -> Edit:
    """A create; `associations__company` stands for `associations.company`."""
    return Edit(Verb.CREATE, stream, key, fields={name.replace("__", "."): value for name, value in fields.items()})
