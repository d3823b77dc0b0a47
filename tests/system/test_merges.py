"""Two records become one in a tool, by the hand of a person there: one record here, and nobody's words are lost.

For each tool the same story. Where the tool has a merge of its own, that is used; elsewhere people take over what the
one says into the other and delete it, which is read as what it is.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from api.building import ConnectionSpec
from connectors._kit.dav.servers import radicale, seed
from connectors.hubspot.sandbox import Sandbox as HubSpot
from connectors.salesforce.sandbox import Sandbox as Salesforce
from core.flow.asking import ask
from core.flow.sync import Turn
from core.flow.undo.replay import folded_again
from core.store.records import State
from tests.support import Lab

ROOT = Path(__file__).parents[2]
BOTH_WAYS = {"*": {"deletes_in": "propagate", "deletes_out": "propagate"}}
KEPT, OTHER = "ann@shore.example", "a.shore@quay.example"
PHONE = "+447700900123"


class Tool(Protocol):
    """A tool with Ann in it twice: under `KEPT` without a number, under `OTHER` with `PHONE`; made in this order."""

    def __init__(self, lab: Lab, folder: Path, stack: ExitStack, order: tuple[str, str]) -> None: ...

    def merge(self) -> None:
        """As a person does it; what is under `KEPT` stays, and gets the number."""

    def held(self) -> list[tuple[str, str]]:
        """(address, number) of everybody there."""


def connected(lab: Lab, connector: str, settings: dict[str, Any]) -> None:
    """Connect it as `tool`, with the mapping that comes with Concord."""
    mapping = (ROOT / "mappings" / f"{connector}.yaml").read_text(encoding="utf-8")
    lab.installation.put_connection(ConnectionSpec("tool", connector, settings, mapping, "tool.yaml", BOTH_WAYS))
    lab.refreshed()


def number(email: str, field: str) -> dict[str, str]:
    """The field of the number, for whom has one."""
    return {field: PHONE} if email == OTHER else {}


class InMemory:
    def __init__(self, lab: Lab, folder: Path, stack: ExitStack, order: tuple[str, str]) -> None:
        self.tool = lab.tool("tool", policy=BOTH_WAYS["*"])
        names = {"first_name": "Ann", "last_name": "Shore"}
        self.ids = {one: self.tool.create("contacts", {**names, "email": one, **number(one, "phone")}) for one in order}

    def merge(self) -> None:
        self.tool.edit("contacts", self.ids[KEPT], {"phone": PHONE})
        self.tool.merge("contacts", self.ids[KEPT], self.ids[OTHER])

    def held(self) -> list[tuple[str, str]]:
        return [(one["email"], one.get("phone") or "") for one in self.tool.all("contacts").values()]


class InHubSpot:
    def __init__(self, lab: Lab, folder: Path, stack: ExitStack, order: tuple[str, str]) -> None:
        self.box = stack.enter_context(HubSpot(clock=lab.clock))
        connected(lab, "hubspot", {"url": self.box.url, "token": "pat-na1-sandbox"})
        lab.hub.open("tool").prepare("key_property")
        names = {"firstname": "Ann", "lastname": "Shore", "lifecyclestage": "customer"}
        self.ids = {one: self.box.create("contacts", {**names, "email": one, **number(one, "phone")}) for one in order}

    def merge(self) -> None:
        self.box.merge("contacts", self.ids[KEPT], self.ids[OTHER])

    def held(self) -> list[tuple[str, str]]:
        every = [self.box.show("contacts", id_) or {} for id_ in self.box.ids("contacts")]
        return [(one["email"], one.get("phone") or "") for one in every]


class InSalesforce:
    def __init__(self, lab: Lab, folder: Path, stack: ExitStack, order: tuple[str, str]) -> None:
        self.box = stack.enter_context(Salesforce(clock=lab.clock))
        for sobject in ("Account", "Contact", "Lead", "Opportunity", "Task", "Event"):
            self.box.add_field(sobject, "Concord_Key__c", "string", length=255, external_id=True, unique=True)
        app = {"client_id": self.box.client_id, "client_secret": self.box.client_secret}
        connected(lab, "salesforce", {"login_url": self.box.url, **app})
        names = {"FirstName": "Ann", "LastName": "Shore"}
        self.ids = {one: self.box.create("Contact", {**names, "Email": one, **number(one, "Phone")}) for one in order}

    def merge(self) -> None:
        self.box.edit("Contact", self.ids[KEPT], {"Phone": PHONE})
        self.box.merge("Contact", self.ids[KEPT], self.ids[OTHER])

    def held(self) -> list[tuple[str, str]]:
        every = [self.box.show("Contact", id_) or {} for id_ in self.box.ids("Contact")]
        return [(one["Email"], one.get("Phone") or "") for one in every]


class InAddressBook:
    def __init__(self, lab: Lab, folder: Path, stack: ExitStack, order: tuple[str, str]) -> None:
        self.server = stack.enter_context(radicale(folder / "radicale"))
        self.files = {KEPT: "1.vcf", OTHER: "2.vcf"}
        seed(self.server, {self.files[one]: self.card(one, *number(one, "TEL").values()) for one in order})
        self.client = stack.enter_context(self.server.client())
        account = {"url": self.server.url, "username": self.server.username, "password": self.server.password}
        connected(lab, "carddav", account)

    def card(self, email: str, *numbers: str, more: str = "") -> str:
        lines = ["BEGIN:VCARD", "VERSION:3.0", f"UID:uid-{email}", "FN:Ann Shore", "N:Shore;Ann;;;"]
        lines += [f"EMAIL;TYPE=INTERNET,pref:{email}", *(f"TEL;TYPE=CELL:{one}" for one in numbers)]
        lines += [f"EMAIL;TYPE=INTERNET:{more}"] if more else []
        return "\r\n".join([*lines, "END:VCARD", ""])

    def merge(self) -> None:
        text = self.card(KEPT, PHONE, more=OTHER)
        self.asked("PUT", self.files[KEPT], content=text.encode(), headers={"Content-Type": "text/vcard"})
        self.asked("DELETE", self.files[OTHER])

    def asked(self, method: str, name: str, **more: Any) -> httpx.Response:
        return self.client.request(method, f"{self.server.book}{name}", **more).raise_for_status()

    def held(self) -> list[tuple[str, str]]:
        cards = self.asked("GET", "").text.split("END:VCARD")[:-1]
        lines = [[line.partition(":") for line in card.splitlines()] for card in cards]
        first = [{head.split(";")[0]: value for head, _, value in reversed(card)} for card in lines]
        return [(one["EMAIL"], one.get("TEL", "")) for one in first]


class InSpreadsheet:
    HEADS = ("First Name", "Last Name", "Email", "Other Emails", "Phone")

    def __init__(self, lab: Lab, folder: Path, stack: ExitStack, order: tuple[str, str]) -> None:
        self.file = folder / "files" / "contacts.csv"
        self.file.parent.mkdir()
        self.save(*(("Ann", "Shore", one, "", *(number(one, "").values() or [""])) for one in order))
        for name, head in (("companies", "Name"), ("owners", "Email"), ("deals", "Deal ID")):
            (self.file.parent / f"{name}.csv").write_text(f"{head}\n", encoding="utf-8")
        connected(lab, "csv", {"folder": str(self.file.parent), "write": "in_place"})

    def save(self, *rows: tuple[str, ...]) -> None:
        with self.file.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([self.HEADS, *rows])

    def merge(self) -> None:
        self.save(("Ann", "Shore", KEPT, OTHER, PHONE))

    def held(self) -> list[tuple[str, str]]:
        with self.file.open(encoding="utf-8", newline="") as file:
            return [(one["Email"], one["Phone"].lstrip("'")) for one in csv.DictReader(file)]


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path / "data") as made:
        yield made


@pytest.fixture(params=[InMemory, InHubSpot, InSalesforce, InAddressBook, InSpreadsheet])
def made(request: pytest.FixtureRequest) -> type[Tool]:
    kind: type[Tool] = request.param
    return kind


@pytest.mark.parametrize("order", [(KEPT, OTHER), (OTHER, KEPT)], ids=["the elder stays", "the younger stays"])
def test_a_merge_by_a_person_is_one_record_here_and_is_told_to_the_others(
    lab: Lab, tmp_path: Path, made: type[Tool], order: tuple[str, str]
) -> None:
    with ExitStack() as stack:
        tool = made(lab, tmp_path, stack, order)
        other = lab.tool("other", policy=BOTH_WAYS["*"])
        quiet(lab)
        assert len(lab.all("other")) == 2
        lab.wait(3_600)
        tool.merge()
        quiet(lab)
        assert tool.held() == [(KEPT, PHONE)]

    (record,) = [one for one in lab.records() if one.state == State.LIVE]
    assert [one.state for one in lab.records() if one.id != record.id] == [State.MERGED]
    assert (record.values["email"], record.values["phone"]) == (KEPT, PHONE)
    (email,) = ask(lab.hub, record, "email").why
    assert [(one.source, one.value) for one in email.losers] == [("tool", OTHER)], "nobody's word is lost"
    assert record.values["other_emails"] == [OTHER]
    # The other tool keeps both, each under its own address, and has the number at each; a person is told.
    there = other.all("contacts").values()
    assert sorted((one["email"], one["phone"]) for one in there) == sorted((one, PHONE) for one in (KEPT, OTHER))
    assert [one.what for one in lab.reviews()] == ["duplicate"]
    assert (lab.pending(), lab.dead_letters()) == (0, [])
    with lab.hub.store.reading() as tx:
        assert folded_again(lab.hub, tx, [record.id]) == {record.id: record.values}


def quiet(lab: Lab) -> None:
    """Sync until nothing moves, and see that an hour later nothing does."""
    for turns in (lab.sync(until_quiet=True), later(lab)):
        assert [one.error for one in turns if one.error is not None] == []
    writes = lab.writes()
    later(lab)
    assert lab.writes() == writes


def later(lab: Lab) -> list[Turn]:
    lab.wait(3_600)
    return lab.sync(until_quiet=True)


def test_a_row_that_is_only_taken_out_of_a_spreadsheet_is_a_delete(lab: Lab, tmp_path: Path) -> None:
    """A file has no word for a merge: who does not take the address over has deleted somebody."""
    with ExitStack() as stack:
        tool = InSpreadsheet(lab, tmp_path, stack, (KEPT, OTHER))
        lab.tool("other", policy=BOTH_WAYS["*"])
        quiet(lab)
        lab.wait(3_600)
        tool.save(("Ann", "Shore", KEPT, "", PHONE))
        quiet(lab)
    assert sorted(one.state for one in lab.records()) == [State.LIVE, State.DELETED]
    assert lab.all("other") == lab.all("other", email=KEPT)
    assert len(lab.all("other")) == 1
