"""The connector keeps the contract on a stand-in for Stripe."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from connectors._kit.clock import VirtualTime
from connectors._kit.contract import ContractSuite, Harness
from connectors._kit.hostile.people import People
from connectors._kit.mischief import Mischief
from connectors.stripe.connector import Stripe, build
from connectors.stripe.published import violations
from connectors.stripe.sandbox import Sandbox
from core.ports import Context, Cursor, Edit, Fields, Receipt, Remote, Request, Verb

HOOK = "https://hub.example.com/hooks/shop"
CUSTOMERS = "customers"


class StripeHarness(Harness):
    connector = "stripe"
    # Names are one field here, and two in the tool beside.
    people = People(CUSTOMERS, {"email": "email", "job_title": "metadata.job_title"}, lines=("job_title",))

    def start(self) -> None:
        self.mischief = Mischief()
        self.box: Sandbox = Sandbox(clock=self.time, mischief=self.mischief).__enter__()
        self.hook = self.box.listen(HOOK)
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
            "api_key": self.box.api_key, "url": self.box.url, "page_size": 3, "webhook_secret": self.hook["secret"],
        }  # fmt: skip

    def sample(self, stream: str, number: int) -> Fields:
        if stream == CUSTOMERS:
            return {
                "email": f"s{number}@example.com", "name": f"Sam Sample {number}", "phone": f"+44161496{number:04d}",
                "address.city": "Leeds", "metadata.stage": "lead",
            }  # fmt: skip
        words: Fields = {"description": f"Order {number}", "currency": "gbp"}
        amount = {"payment_intents": "amount", "invoices": "total"}.get(stream)
        return {**words, amount: 1000 + number} if amount else words

    def change(self, stream: str, number: int) -> Fields:
        if stream == "payment_intents":
            return {"latest_charge.amount_refunded": 100 + number}
        return {"description": f"Changed {number}"}

    def clearable(self, stream: str) -> str | None:
        return "phone"

    def refused(self, stream: str) -> Fields | None:
        return {"email": "nobody", "name": "Fake"}

    def create(self, stream: str, fields: Fields) -> str:
        return self.box.create(stream, fields)

    def edit(self, stream: str, id_: str, fields: Fields) -> None:
        self.box.edit(stream, id_, fields)

    def delete(self, stream: str, id_: str) -> None:
        self.box.delete(stream, id_)

    def show(self, stream: str, id_: str) -> Fields | None:
        return self.box.show(stream, id_)

    def count(self, stream: str) -> int:
        return len(self.box.held(stream))

    def webhook(self, stream: str, id_: str) -> Request:
        return self.box.take_events()[-1]

    def unknown_webhook(self) -> Request:
        shown = {"id": "cbtxn_1", "object": "customer_cash_balance_transaction"}
        event = self.box.emit("customer_cash_balance_transaction.created", shown)
        return self.box.request(self.hook, event)

    def called(self) -> list[str]:
        return [one["url"] for one in self.box.endpoints.values() if one["status"] == "enabled"]

    def sent(self) -> list[Request]:
        return self.box.take_events()

    def switch_off(self) -> bool:
        for one in self.box.endpoints.values():
            one["status"] = "disabled"
        return True


class TestStripe(ContractSuite):
    harness = StripeHarness


class Trial:
    """A stand-in, a connection to it, and short words for both."""

    def __init__(self, **more: Any) -> None:
        self.time = VirtualTime(tick=1000)
        self.mischief = Mischief()
        self.box: Sandbox = Sandbox(clock=self.time, mischief=self.mischief).__enter__()
        self.settings = {"api_key": self.box.api_key, "url": self.box.url, **more}
        self.connectors: list[Stripe] = []
        self.connector = self.connect()

    def connect(self, **more: Any) -> Stripe:
        """Another process with the same connection."""
        context = Context("trial", {**self.settings, **more}, clock=self.time, sleep=self.time.sleep)
        self.connectors.append(build(context))
        return self.connectors[-1]

    def close(self) -> None:
        for connector in self.connectors:
            connector.close()
        self.box.stop()
        assert violations(self.box.journal) == []

    def walk(self, stream: str = CUSTOMERS, cursor: Cursor | None = None) -> tuple[list[Remote], Cursor]:
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
        return [f"{one.call.method} {one.route}" for one in self.box.journal[before:]]

    def fetch(self, stream: str, id_: str) -> Remote:
        (found,) = self.connector.fetch(stream, [id_])
        return found

    def write(self, *edits: Edit) -> list[Receipt]:
        return list(self.connector.write(CUSTOMERS, edits))

    def update(self, id_: str, **fields: Any) -> Edit:
        """A change of a customer as they stand now; `metadata__stage` stands for `metadata.stage`."""
        held = self.fetch(CUSTOMERS, id_)
        return Edit(Verb.UPDATE, CUSTOMERS, "concord-1-1-1.0", id_, dotted(fields), held=held.fields)

    def delete(self, id_: str, *, for_good: bool = False) -> Edit:
        return Edit(Verb.DELETE, CUSTOMERS, f"d-{id_}", id_, for_good=for_good)

    def person(self, number: int = 1, **fields: Any) -> str:
        """Somebody who is there already; gives the id."""
        return self.box.create(CUSTOMERS, {"email": f"p{number}@example.com", "name": "Pat", **dotted(fields)})


def dotted(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("__", "."): value for name, value in fields.items()}


def new(number: int = 1, **fields: Any) -> Edit:
    """A create."""
    named = {"email": f"n{number}@example.com", **dotted(fields)}
    return Edit(Verb.CREATE, CUSTOMERS, f"concord-9-{number}-1.0", fields=named)
