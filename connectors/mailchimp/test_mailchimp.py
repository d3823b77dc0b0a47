"""The connector keeps the contract on a stand-in for Mailchimp, by key and by token."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from connectors._kit.catalogue import entry
from connectors._kit.clock import VirtualTime
from connectors._kit.contract import ContractSuite, Harness
from connectors._kit.hostile.people import People
from connectors._kit.mischief import Mischief
from connectors.mailchimp.connector import Mailchimp, build
from connectors.mailchimp.published import violations
from connectors.mailchimp.sandbox import Sandbox
from core import mapping
from core.model.shapes import SHAPES
from core.ports import Context, Cursor, Edit, Fields, Receipt, Remote, Request, Verb

SECRET = "a-secret-of-our-own"
SIGNING = "signing-secret-shown-once"
HOOK = f"https://hub.example.com/hooks/news?secret={SECRET}"
STREAM = "members"


class MailchimpHarness(Harness):
    connector = "mailchimp"
    largest_batch = 60
    people = People(STREAM, {"email": "email_address", "first_name": "FNAME", "last_name": "LNAME"})

    def start(self) -> None:
        self.mischief = Mischief()
        self.box: Sandbox = Sandbox(clock=self.time, mischief=self.mischief).__enter__()
        self.hook = self.box.subscribe(HOOK, signing_secret=SIGNING)
        self.box.audience.add_merge("STAGE", "Stage", "text")
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
        return {
            "api_key": self.box.api_key, "url": self.box.url, "audience": self.box.audience.id, "page_size": 3,
            "grant": "subscribed", "webhook_secret": SECRET, "signing_secret": SIGNING, "batch_above": 100,
        }  # fmt: skip

    def sample(self, stream: str, number: int) -> Fields:
        return {
            "email_address": f"s{number}@example.com", "FNAME": f"Sam {number}", "LNAME": "Sample",
            "status": "subscribed",
        }  # fmt: skip

    def change(self, stream: str, number: int) -> Fields:
        return {"FNAME": f"Changed {number}"}

    def clearable(self, stream: str) -> str | None:
        return "LNAME"

    def refused(self, stream: str) -> Fields | None:
        return {"email_address": "nobody@nowhere.invalid", "FNAME": "Fake"}

    def create(self, stream: str, fields: Fields) -> str:
        return self.box.create(fields)

    def edit(self, stream: str, id_: str, fields: Fields) -> None:
        self.box.edit(id_, fields)

    def delete(self, stream: str, id_: str) -> None:
        self.box.archive(id_)

    def show(self, stream: str, id_: str) -> Fields | None:
        return self.box.show(id_)

    def count(self, stream: str) -> int:
        return self.box.count()

    def webhook(self, stream: str, id_: str) -> Request:
        return self.box.take_events()[-1]

    def unknown_webhook(self) -> Request:
        return self.box.request(self.hook, "sms_subscribe", {"list_id": self.box.audience.id})

    def called(self) -> list[str]:
        return [one.url.partition("?")[0] for one in self.box.audience.hooks.values()]

    def sent(self) -> list[Request]:
        return self.box.take_events()


class TestMailchimp(ContractSuite):
    harness = MailchimpHarness


class TokenHarness(MailchimpHarness):
    """Signed in with OAuth, with tags at each create, and everything single by batch."""

    def settings(self) -> dict[str, Any]:
        rest = {name: value for name, value in super().settings().items() if name not in ("api_key", "url")}
        return {**rest, "access_token": self.box.token, "login_url": self.box.url, "batch_above": 1}

    def sample(self, stream: str, number: int) -> Fields:
        return {**super().sample(stream, number), "tags": ["garden", f"number {number}"]}


class TestMailchimpWithOAuthByBatch(ContractSuite):
    harness = TokenHarness


class HashHarness(MailchimpHarness):
    """Where only hashes are honoured in paths."""

    def start(self) -> None:
        super().start()
        self.box.paths_by_hash = True

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "paths": "hash"}


class TestMailchimpByHash(ContractSuite):
    harness = HashHarness


class Trial:
    """A stand-in, a connection to it, and short words for both."""

    def __init__(self, **more: Any) -> None:
        self.time = VirtualTime(tick=1000)
        self.mischief = Mischief()
        self.box = Sandbox(clock=self.time, mischief=self.mischief).__enter__()
        self.settings = {
            "api_key": self.box.api_key, "url": self.box.url, "audience": self.box.audience.id,
            "webhook_secret": SECRET, **more,
        }  # fmt: skip
        self.connectors: list[Mailchimp] = []
        self.connector = self.connect()

    def connect(self, **more: Any) -> Mailchimp:
        """Another process with the same connection."""
        context = Context("trial", {**self.settings, **more}, clock=self.time, sleep=self.time.sleep)
        self.connectors.append(build(context))
        return self.connectors[-1]

    def close(self) -> None:
        for connector in self.connectors:
            connector.close()
        self.box.stop()
        assert violations(self.box.journal) == []

    def walk(self, cursor: Cursor | None = None) -> tuple[list[Remote], Cursor, bool]:
        """All pages from a cursor on, where the next poll begins, and whether the walk says that it was whole."""
        records: list[Remote] = []
        for _ in range(1000):
            page = self.connector.read(STREAM, cursor)
            records, cursor = [*records, *page.records], json.loads(json.dumps(dict(page.next)))
            if not page.more:
                return records, cursor or {}, page.complete
        raise AssertionError("the walk does not end")

    def calls_of(self, act: Callable[[], object]) -> list[str]:
        """The calls that something makes, as `METHOD route`."""
        before = len(self.box.journal)
        act()
        return [f"{one.call.method} {one.route}" for one in self.box.journal[before:]]

    def write(self, *edits: Edit) -> list[Receipt]:
        return list(self.connector.write(STREAM, edits))

    def fetch(self, *ids: str) -> list[Remote]:
        return list(self.connector.fetch(STREAM, ids))

    def update(self, id_: str, **fields: Any) -> Edit:
        """A change of a member as it stands now."""
        held = self.fetch(id_)[0]
        named = {name.replace("__", "."): value for name, value in fields.items()}
        return Edit(Verb.UPDATE, STREAM, f"u-{id_}", id_, named, held.version, held.fields)

    def person(self, number: int = 1, **fields: Any) -> str:
        """Somebody who is in the audience already; gives the contact id."""
        id_: str = self.box.create({"email_address": f"p{number}@example.com", "FNAME": "Pat", **fields})
        return id_


def new(number: int = 1, **fields: Any) -> Edit:
    """A create; `ADDRESS__city` stands for `ADDRESS.city`."""
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return Edit(Verb.CREATE, STREAM, f"new-{number}", fields={"email_address": f"n{number}@example.com", **named})


def test_the_mapping_reads_and_writes_what_the_connector_shows() -> None:
    words = mapping.load(entry("mailchimp").mapping_path.read_text(encoding="utf-8"), file="mailchimp.yaml")
    members = mapping.translator(words.streams[STREAM], shapes=SHAPES)
    rows = [
        {"status": status, "sms_subscription_status": sms}
        for status, sms in (
            ("subscribed", "unsubscribed"), ("unsubscribed", "nonsubscribed"), ("cleaned", "subscribed"),
            ("pending", "pending"), ("transactional", None),
        )
    ]  # fmt: skip
    read = [(one.values.get("consent.email"), one.values.get("consent.sms")) for one in members.read(rows)]
    assert read == [
        ("granted", "denied"), ("denied", None), ("suppressed", "granted"), ("pending", "pending"), (None, None),
    ]  # fmt: skip
    assert members.write({"consent.email": "denied"}).fields["status"] == "unsubscribed"
    assert "status" not in members.write({"first_name": "Ann"}).fields
    assert "sms_subscription_status" not in members.write({"consent.sms": "denied"}).fields
