"""Double opt-in: from a sign-up in a tool to the person's own yes, by a mail through a real (sandboxed) mail server."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator, Sequence
from email.policy import default
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.assembly import Text
from api.building import ConnectionSpec
from api.confirming import FILE, ask_sign_ups, letter_of
from connectors._kit.mischief import Mischief
from connectors.smtp.sandbox import Sandbox
from core.errors import ConfigError, Unavailable, Unknown
from core.flow.consent.confirming import Letter, confirm
from core.flow.leasing import held, take
from core.flow.saying import say
from core.ports import Message, Receipt
from core.store.codec import dumps
from tests.support import Lab

MAPPING = """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    consent.email: {field: email_consent}
"""
BOUNCES = """
bounces:
  as: contact
  direction: in
  fields:
    email: {field: address}
"""
PUBLIC = "https://preferences.shop.example"
ANN, BOB, EVE = (
    {"email": f"{name}@shore.example", "first_name": name.title(), "email_consent": status}
    for name, status in (("ann", "pending"), ("bob", "granted"), ("eve", "pending"))
)


class Post:
    """A mail server that keeps what it takes, and may go wrong."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.trouble: list[Exception] = []
        self.lost = False

    def send(self, messages: Sequence[Message]) -> Sequence[Receipt]:
        if self.trouble:
            error = self.trouble.pop()
            if self.lost:
                self.taken += messages
            raise error
        self.taken += messages
        return [Receipt(one.key) for one in messages]

    def sent(self, key: str) -> bool | None:
        return any(one.key == key for one in self.taken)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A shop in which people sign up, beside a newsletter tool that confirms by itself."""
    with Lab(tmp_path) as made:
        made.tool("shop", mapping=MAPPING)
        made.tool("news", mapping=MAPPING)
        made.settle()
        yield made


def ask(lab: Lab, post: Post) -> int:
    letter = Letter("Please confirm", "Here: {link}")
    found = confirm(lab.hub, post, letter, lambda id_, field: f"{PUBLIC}/{id_}/{field}", sources=["shop"])
    return found.asked


def test_who_signed_up_since_is_asked_once_and_nobody_who_did_before(lab: Lab) -> None:
    post = Post()
    lab.tools["shop"].create("contacts", EVE)
    lab.settle()
    assert ask(lab, post) == 0
    for one in (ANN, BOB):
        lab.tools["shop"].create("contacts", one)
    lab.settle()
    assert ask(lab, post) == 1
    assert ask(lab, post) == 0
    (message,) = post.taken
    assert message.to == ANN["email"]
    assert message.text == f"Here: {PUBLIC}/{lab.record(email=ANN['email']).id}/consent.email"


def test_who_signed_up_with_a_tool_that_asks_itself_is_not_asked_by_us(lab: Lab) -> None:
    post = Post()
    ask(lab, post)
    lab.tools["news"].create("contacts", ANN)
    lab.settle()
    assert ask(lab, post) == 0


def test_who_has_refused_or_moved_since_is_not_asked(lab: Lab) -> None:
    post = Post()
    ask(lab, post)
    shop = lab.tools["shop"]
    ann, eve = shop.create("contacts", ANN), shop.create("contacts", EVE)
    lab.settle()
    lab.wait(60)
    shop.edit("contacts", ann, {"email_consent": "denied"})
    shop.edit("contacts", eve, {"email": "eve@hill.example"})
    lab.settle()
    ask(lab, post)
    # A box that stays ticked through a move is no sign-up with the new address.
    assert not post.taken


def test_whom_nobody_may_contact_is_not_asked_either(lab: Lab) -> None:
    post = Post()
    ask(lab, post)
    lab.tools["shop"].create("contacts", ANN)
    lab.settle()
    say(lab.hub, lab.record(email=ANN["email"]).id, {"consent.all": "denied"})
    assert ask(lab, post) == 0
    assert not post.taken


def test_a_server_that_is_down_loses_nobody(lab: Lab) -> None:
    post = Post()
    ask(lab, post)
    for one in (ANN, EVE):
        lab.tools["shop"].create("contacts", one)
    lab.settle()
    post.trouble = [Unavailable("nobody answers")]
    with pytest.raises(Unavailable):
        ask(lab, post)
    assert ask(lab, post) == 2
    assert sorted(one.to for one in post.taken) == [ANN["email"], EVE["email"]]


@pytest.mark.parametrize("lost", [True, False])
def test_a_lost_answer_is_looked_into(lab: Lab, lost: bool) -> None:
    post = Post()
    ask(lab, post)
    lab.tools["shop"].create("contacts", ANN)
    lab.settle()
    post.trouble, post.lost = [Unknown("no answer")], lost
    with pytest.raises(Unknown):
        ask(lab, post)
    assert ask(lab, post) == 1
    assert [one.to for one in post.taken] == [ANN["email"]]


def test_from_the_sign_up_to_the_yes(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    with Sandbox(clock=lab.clock, mischief=Mischief()) as box:
        policy = {"bounces": {"reads": False}}
        lab.installation.put_connection(ConnectionSpec("post", "smtp", box.settings(), BOUNCES, "post.yaml", policy))
        said = Text(dumps({"mail": "post", "confirm": ["shop"]}), "concord.yaml")
        lab.installation.change(texts={"consent": said})
        settings = lab.settings.model_copy(update={"public_url": PUBLIC})
        monkeypatch.setattr(lab.installation, "settings", settings)
        lab.refreshed()
        ask_sign_ups(lab.installation)
        lab.tools["shop"].create("contacts", ANN)
        lab.settle("shop", "news")
        lease = take(lab.hub, "confirm", "another worker")
        assert lease is not None
        with held(lab.hub, "confirm", lease):
            ask_sign_ups(lab.installation)
            assert box.sent == []
        ask_sign_ups(lab.installation)
        ask_sign_ups(lab.installation)
        (mail,) = box.sent
        told = email.message_from_bytes(mail.raw, policy=default)
        found = re.search(r"https://\S+", told.get_body(("plain",)).get_content())  # type: ignore[union-attr]
        assert told["to"] == ANN["email"]
        assert found is not None
        page = urlsplit(found[0])
        with TestClient(create_app(lab.installation), base_url=PUBLIC) as person:
            assert "May we write to you?" in person.get(page.path).text
            lab.settle("shop", "news")
            assert lab.held("shop", lab.find("shop"))["email_consent"] == "pending"
            assert person.post(page.path).status_code == 200
            assert person.post(page.path.replace("consent.email", "consent.fax")).status_code == 404
        lab.settle("shop", "news")
        assert lab.held("shop", lab.find("shop"))["email_consent"] == "granted"
        assert lab.held("news", lab.find("news"))["email_consent"] == "granted"


def test_a_letter_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    own = tmp_path / FILE
    assert "{link}" in letter_of(own).text
    own.write_text("Hello\nplease confirm.\n")
    with pytest.raises(ConfigError, match="no letter"):
        letter_of(own)
    own.write_text("Confirm\n\nHere: {link}\n")
    assert letter_of(own) == Letter("Confirm", "Here: {link}\n")
