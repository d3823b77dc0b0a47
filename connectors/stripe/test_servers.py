"""The same flows on localstripe, which somebody else wrote after the real Stripe (`make servers`).

It is of another time: it refuses parameters that Stripe has had for years, so a relay leaves those out on the way, and
what it does not have at all is skipped by name, each with its reason.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors._kit.clock import VirtualTime
from connectors._kit.contract.reading import ReadingTests
from connectors._kit.contract.writing import WritingTests
from connectors._kit.loopback import Call, Response
from connectors._kit.loopback import Server as Loopback
from connectors._kit.payload import nested
from connectors.stripe.connector import Stripe, build
from connectors.stripe.forms import flat
from connectors.stripe.receiving import received
from connectors.stripe.servers import KEY, Missing, Server, localstripe
from connectors.stripe.test_stripe import CUSTOMERS, StripeHarness
from core.errors import Refused, SignedOut
from core.model.instant import Instant
from core.ports import Context, Edit, Fields, Request, Verb

pytestmark = pytest.mark.servers

UNKNOWN: Mapping[str, tuple[str, ...]] = {"/v1/customers": ("created",), "/v1/events": ("types",)}
"""Path → parameters that localstripe refuses. Leaving them out gives more rows, which the connector passes over."""
LACKS = {
    "test_a_repeated_create_makes_no_second_record": "localstripe ignores idempotency keys and has no search",
    "test_a_refused_record_is_refused_alone": "localstripe takes any text for an address",
}


class Listening:
    """A socket of ours; subclasses say what is answered."""

    def __init__(self) -> None:
        self._server = Loopback(self, 0)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, call: Call) -> Response | None:
        raise NotImplementedError

    def fault(self, error: BaseException) -> None:
        raise error

    def now(self) -> Instant:
        return time.time_ns() // 1000

    def stop(self) -> None:
        self._server.stop()


class Relay(Listening):
    """Hands calls on, without the parameters that would be refused."""

    def __init__(self, server: Server) -> None:
        self._client = server.client()
        super().__init__()

    def answer(self, call: Call) -> Response:
        strange = UNKNOWN.get(call.path, ())
        query = {name: value for name, value in call.query.items() if name.partition("[")[0] not in strange}
        passed = ("authorization", "content-type", "stripe-version")
        headers = {name: value for name, value in call.headers.items() if name in passed}
        told = self._client.request(call.method, call.path, params=query, headers=headers, content=call.body)
        return Response(told.status_code, told.content, {"Content-Type": told.headers["content-type"]})

    def stop(self) -> None:
        super().stop()
        self._client.close()


class Ear(Listening):
    """Hears webhooks."""

    def __init__(self) -> None:
        self.heard: list[Request] = []
        self.came = threading.Event()
        super().__init__()

    def answer(self, call: Call) -> Response:
        self.heard.append(Request(call.method, f"{self.url}{call.path}", call.headers, call.body, self.now()))
        self.came.set()
        return Response(200)


class Running:
    """One server for all tests of this module."""

    server: ClassVar[Server]


@pytest.fixture(scope="module", autouse=True)
def _server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            Running.server = stack.enter_context(localstripe(tmp_path_factory.mktemp("localstripe")))
        except Missing as missing:
            pytest.skip(str(missing))
        yield


class LocalstripeHarness(StripeHarness):
    streams = (CUSTOMERS,)

    def start(self) -> None:
        Running.server.forget()
        self.client = Running.server.client()
        self.relay = Relay(Running.server)
        self.connectors = []

    def close(self) -> None:
        for connector in self.connectors:
            connector.close()
        self.relay.stop()
        self.client.close()

    def settings(self) -> dict[str, Any]:
        return {"api_key": KEY, "url": self.relay.url, "page_size": 3}

    def connect(self, settings: Mapping[str, Any] | None = None) -> Stripe:
        made = build(Context("localstripe", settings or self.settings(), clock=self.relay.now))
        self.connectors.append(made)
        return made

    def create(self, stream: str, fields: Fields) -> str:
        return str(self._asked("POST", "", fields)["id"])

    def edit(self, stream: str, id_: str, fields: Fields) -> None:
        self._asked("POST", f"/{id_}", fields)

    def delete(self, stream: str, id_: str) -> None:
        self._asked("DELETE", f"/{id_}")

    def show(self, stream: str, id_: str) -> Fields | None:
        answer = self.client.get(f"/v1/customers/{id_}")
        return None if answer.status_code == 404 else answer.json()

    def count(self, stream: str) -> int:
        return len(self._asked("GET", "?limit=100")["data"])

    def _asked(self, method: str, path: str, fields: Fields | None = None) -> Any:
        answer = self.client.request(method, f"/v1/customers{path}", data=flat(nested(fields)) if fields else None)
        answer.raise_for_status()
        return answer.json()


class TestLocalstripe(ReadingTests, WritingTests):
    """The contract on customers. Its other parts need mischief, or an account to look around in (`/v1/account`)."""

    harness = LocalstripeHarness

    @pytest.fixture(autouse=True)
    def _without_gaps(self, request: pytest.FixtureRequest) -> None:
        name = request.node.originalname
        if name in LACKS:
            pytest.skip(LACKS[name])


@pytest.fixture
def tool() -> Iterator[LocalstripeHarness]:
    made = LocalstripeHarness(Path(), VirtualTime())
    made.start()
    yield made
    made.close()


@pytest.fixture
def connector(tool: LocalstripeHarness) -> Iterator[Stripe]:
    made = tool.connect()
    yield made
    made.close()


def paid(tool: LocalstripeHarness, amount: int, number: str = "4242424242424242") -> dict[str, Any]:
    """Somebody pays, by a card of Stripe's for trying out; gives the payment intent."""

    def post(path: str, **form: Any) -> dict[str, Any]:
        answer = tool.client.post(f"/v1/{path}", data=flat(form))
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    customer = post("customers", email="payer@example.com")["id"]
    card = {"number": number, "exp_month": 12, "exp_year": 2040, "cvc": "123"}
    method = post("payment_methods", type="card", card=card)["id"]
    post(f"payment_methods/{method}/attach", customer=customer)
    return post("payment_intents", amount=amount, currency="eur", customer=customer, payment_method=method,
                confirm=True)  # fmt: skip


def test_a_payment_and_its_refund_show(tool: LocalstripeHarness, connector: Stripe) -> None:
    intent = paid(tool, 1000)
    (found,) = connector.fetch("payment_intents", [intent["id"]])
    assert (found.fields["status"], found.fields["latest_charge"]["paid"]) == ("succeeded", True)
    assert "client_secret" not in found.fields
    charge = found.fields["latest_charge"]["id"]
    tool.client.post("/v1/refunds", data={"charge": charge, "amount": "400"}).raise_for_status()
    (again,) = connector.fetch("payment_intents", [intent["id"]])
    assert (again.fields["latest_charge"]["amount_refunded"], again.fields["latest_charge"]["refunded"]) == (400, False)


def test_payments_are_listed_page_by_page(tool: LocalstripeHarness, connector: Stripe) -> None:
    made = [paid(tool, amount)["id"] for amount in (100, 200, 300, 400)]
    walk = tool.read_all(connector, "payment_intents")
    assert set(walk.live) == set(made)
    assert len(walk.pages) == 2


def test_a_customer_may_be_found_by_the_key_of_their_create(tool: LocalstripeHarness, connector: Stripe) -> None:
    edit = Edit(Verb.CREATE, CUSTOMERS, "concord-1", fields={"email": "a@example.com"})
    (receipt,) = connector.write(CUSTOMERS, [edit])
    found = connector.find(CUSTOMERS, edit.key)
    assert found is not None
    assert (found.id, found.key) == (receipt.remote_id, edit.key)


def test_a_key_that_is_none_is_signed_out(tool: LocalstripeHarness) -> None:
    stranger = tool.connect({**tool.settings(), "api_key": "wrong"})
    with pytest.raises(SignedOut):
        stranger.read(CUSTOMERS, None)
    stranger.close()


def test_its_webhooks_are_verified_and_read(tool: LocalstripeHarness) -> None:
    """The signature is localstripe's own; nobody here had a hand in it."""
    ear, secret = Ear(), "whsec_of_localstripe"
    hook = {"url": f"{ear.url}/hook", "secret": secret, "events": ["customer.created"]}
    tool.client.post("/_config/webhooks/concord", json=hook).raise_for_status()
    try:
        id_ = tool.create(CUSTOMERS, {"email": "a@example.com"})
        assert ear.came.wait(20), "no webhook came"
        (notice,) = received(ear.heard[0], secrets=secret)
        assert notice.remote is not None
        assert (notice.stream, notice.remote.id) == (CUSTOMERS, id_)
        with pytest.raises(Refused):
            received(replace(ear.heard[0], body=ear.heard[0].body + b" "), secrets=secret)
        with pytest.raises(Refused):
            received(ear.heard[0], secrets="whsec_other")
    finally:
        ear.stop()
