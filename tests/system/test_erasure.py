"""Somebody asks to be erased: every tool is asked in its own way, and what each answered stands in the certificate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from api.building import ConnectionSpec
from connectors._kit.dav.servers import radicale
from connectors.hubspot.sandbox import Sandbox as HubSpot
from connectors.mailchimp.sandbox import Sandbox as Mailchimp
from connectors.salesforce.sandbox import Sandbox as Salesforce
from core.flow.erasure.certificate import certify, holds
from core.flow.erasure.erasing import erase
from tests.remains import remains
from tests.support import Lab

ROOT = Path(__file__).parents[2]
ANN = {"email": "ann@shore.example", "firstname": "Annabella", "lastname": "Shoreham", "lifecyclestage": "customer"}
BOB = {"email": "bob@hill.example", "firstname": "Bob", "lastname": "Hillman", "lifecyclestage": "customer"}
TRACES = ("ann@shore", "annabella", "shoreham")


class Tools:
    """Two CRMs, an audience and an address book, with Ann and Bob in all of them."""

    def __init__(self, lab: Lab, folder: Path, stack: ExitStack) -> None:
        self.lab = lab
        self.hubspot = stack.enter_context(HubSpot(clock=lab.clock))
        self.salesforce = stack.enter_context(Salesforce(clock=lab.clock))
        self.mailchimp = stack.enter_context(Mailchimp(clock=lab.clock))
        self.book = stack.enter_context(radicale(folder / "radicale"))
        self.client = stack.enter_context(self.book.client())
        for sobject in ("Account", "Contact", "Lead", "Opportunity", "Task", "Event"):
            self.salesforce.add_field(sobject, "Concord_Key__c", "string", length=255, external_id=True, unique=True)
        app = {"client_id": self.salesforce.client_id, "client_secret": self.salesforce.client_secret}
        account = {"url": self.book.url, "username": self.book.username, "password": self.book.password}
        self.connect("hubspot", {"url": self.hubspot.url, "token": "pat-na1-sandbox"})
        lab.hub.open("hubspot").prepare("key_property")
        self.connect("salesforce", {"login_url": self.salesforce.url, **app})
        audience = {"audience": self.mailchimp.audience.id, "grant": "subscribed"}
        self.connect("mailchimp", {"url": self.mailchimp.url, "api_key": self.mailchimp.api_key, **audience})
        self.connect("carddav", account)
        for one in (ANN, BOB):
            self.hubspot.create("contacts", one)
        self.sync()

    def connect(self, connector: str, settings: dict[str, Any]) -> None:
        mapping = (ROOT / "mappings" / f"{connector}.yaml").read_text(encoding="utf-8")
        spec = ConnectionSpec(connector, connector, settings, mapping, f"{connector}.yaml", {"*": {}})
        self.lab.installation.put_connection(spec)
        self.lab.refreshed()

    def sync(self) -> None:
        names = ("hubspot", "salesforce", "mailchimp", "carddav")
        for _ in range(4):
            for name in names:
                done = self.lab.turn(name)
                assert done.error is None, (name, done.error)
            self.lab.wait(600)

    def held(self) -> dict[str, str]:
        """Everything that each tool shows from its inside."""
        people = [self.hubspot.show("contacts", id_) for id_ in self.hubspot.ids("contacts")]
        contacts = [self.salesforce.show("Contact", id_) for id_ in self.salesforce.ids("Contact")]
        files = (file for file in sorted(self.book.folder.rglob("*.vcf")) if ".Radicale.cache" not in file.parts)
        cards = [file.read_text("utf-8") for file in files]
        members = [str(one) for one in self.mailchimp.audience.members.values()]
        return {"hubspot": str(people), "salesforce": str(contacts), "mailchimp": str(members), "carddav": str(cards)}


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Tools]:
    with ExitStack() as stack:
        lab = stack.enter_context(Lab(tmp_path / "data"))
        yield Tools(lab, tmp_path, stack)


def test_everybody_is_asked_in_their_own_way(tools: Tools) -> None:
    before = tools.held()
    assert all(ANN["email"] in shown for shown in before.values()), before
    id_ = erase(tools.lab.hub, tools.lab.record(email=ANN["email"]).id, reference="2026-17")
    tools.sync()
    after = tools.held()
    for name, shown in after.items():
        assert not any(word in shown.casefold() for word in TRACES), name
        assert BOB["email"] in shown, name
    told = certify(tools.lab.hub, id_)
    assert holds(told)
    assert {one["connection"]: one["answer"] for one in told["tools"]} == {
        "hubspot": "erased", "salesforce": "deleted", "mailchimp": "erased", "carddav": "deleted",
    }  # fmt: skip
    assert told["done_at"]
    assert remains(tools.lab.hub.store, TRACES) == []
    assert not tools.lab.dead_letters()
