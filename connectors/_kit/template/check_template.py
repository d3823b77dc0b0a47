"""Template keeps the contract."""

# ruff: noqa: ARG002, S101 -- a test file once it is copied
from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from connectors._kit.contract import ContractSuite, Harness
from connectors._kit.hostile.people import People
from connectors._kit.payload import Payload
from connectors._kit.template.connector import _remote
from connectors._kit.template.sandbox import API_KEY, TemplateSandbox
from core.ports import Fields


class TemplateHarness(Harness):
    """The stand-in, and a person who edits its records."""

    connector = "template"
    people = People(
        "contacts",
        {"email": "email", "first_name": "name.first", "last_name": "name.last", "phone": "phone"},
    )

    def start(self) -> None:
        """Start the stand-in."""
        self.sandbox = TemplateSandbox(clock=self.time)
        self.mischief = self.sandbox.mischief
        self.sandbox.start()
        self.url = self.sandbox.url

    def close(self) -> None:
        """Stop it."""
        self.sandbox.stop()

    def take_down(self) -> None:
        """Nobody listens any more."""
        self.sandbox.stop()

    def settings(self) -> dict[str, Any]:
        """Pages are small, so that a few records make several."""
        return {"url": self.url, "api_key": API_KEY, "page_size": 3}

    def sample(self, stream: str, number: int) -> Fields:
        """A contact."""
        return {"email": f"s{number}@example.com", "name.first": f"Sam {number}", "phone": "+441134960000"}

    def change(self, stream: str, number: int) -> Fields:
        """Another first name."""
        return {"name.first": f"Changed {number}"}

    def clearable(self, stream: str) -> str | None:
        """Phones may be empty."""
        return "phone"

    def refused(self, stream: str) -> Fields | None:
        """No email address."""
        return {"email": "refused"}

    def create(self, stream: str, fields: Fields) -> str:
        """A person adds a contact."""
        return self.sandbox.keep(None, fields)

    def edit(self, stream: str, id_: str, fields: Fields) -> None:
        """A person changes one."""
        self.sandbox.keep(id_, fields)

    def delete(self, stream: str, id_: str) -> None:
        """A person deletes one."""
        self.sandbox.drop(id_)

    def show(self, stream: str, id_: str) -> Fields | None:
        """What the tool holds."""
        return self.sandbox.records.get(id_)

    def count(self, stream: str) -> int:
        """How many contacts there are."""
        return len(self.sandbox.records)


class TestTemplate(ContractSuite):
    """Everything the hub relies on."""

    harness = TemplateHarness


def test_a_recorded_contact_is_read() -> None:
    """A payload as the tool sends it."""
    recorded = Path(__file__).parent / "payloads" / "contact.synthetic.json"
    remote = _remote(Payload(orjson.loads(recorded.read_bytes())))
    assert remote.id == "000001"
    assert remote.fields["name"] == {"first": "Ada", "last": "Byron"}
