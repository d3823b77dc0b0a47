"""The stand-in keeps Stripe's habits: what it shows and takes is held against the published contract in every test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from connectors._kit.mischief import Switch
from connectors.stripe import sandbox_shapes as shapes
from connectors.stripe.published import OBJECTS, PARAMETERS, schema, shape, violations
from connectors.stripe.test_stripe import CUSTOMERS, HOOK, Trial
from connectors.stripe.words import STREAMS, VERSION


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


@pytest.fixture
def client(trial: Trial) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {trial.box.api_key}", "Stripe-Version": VERSION}
    with httpx.Client(base_url=trial.box.url, headers=headers) as made:
        yield made


def ids(answer: httpx.Response) -> list[str]:
    return [row["id"] for row in answer.json()["data"]]


# --- the contract itself


def test_the_contract_has_every_event_that_is_listened_to() -> None:
    known = schema()["$defs"]["Event"]["properties"]["type"]["enum"]
    assert not [type_ for words in STREAMS.values() for type_ in words.types if type_ not in known]


def test_the_contract_has_every_object_and_call() -> None:
    known = schema()["$defs"]
    assert not [name for name in OBJECTS.values() if name not in known]
    assert not [name for name in PARAMETERS.values() if f"params.{name}" not in known]


def test_a_shape_that_is_wrong_is_found() -> None:
    good = shapes.customer("cus_1", 1)
    assert list(shape(good)) == []
    for name, value in (("created", "1"), ("metadata", {"a": 1}), ("email", 7), ("preferred_locales", "en")):
        assert list(shape({**good, name: value})), name
    assert list(shape({name: value for name, value in good.items() if name != "livemode"}))


def test_a_call_that_is_wrong_is_found(trial: Trial, client: httpx.Client) -> None:
    client.post("/v1/customers", data={"email": "a@example.com", "nickname": "Ann"})
    client.get("/v1/customers", params={"limit": "many"})
    client.get("/v1/events", headers={"Stripe-Version": ""})
    wrong = violations(trial.box.journal)
    assert len(wrong) == 3
    assert all(any(word in line for line in wrong) for word in ("nickname", "limit", "version"))
    trial.box.journal.clear()


def test_everything_it_shows_is_as_published(trial: Trial, client: httpx.Client) -> None:
    box = trial.box
    person = trial.person(address__city="Leeds", metadata__stage="lead")
    invoice = box.bill(100, tax=20, subscription=box.subscribe(person, 500), customer=person)
    box.issue(invoice)
    intent = box.settle(invoice)
    box.give_back(intent, 20)
    box.dispute(intent)
    box.decline(box.begin(300))
    for path in ("customers", f"customers/{person}", "payment_intents", "invoices", f"invoices/{invoice}/lines",
                 "subscriptions", "subscription_items", "events", "webhook_endpoints"):  # fmt: skip
        assert client.get(f"/v1/{path}", params={"limit": "100"} if "/" not in path else {}).status_code == 200
    for path, name in ((f"payment_intents/{intent}", "latest_charge"), (f"invoices/{invoice}", "payments")):
        told = client.get(f"/v1/{path}", params={"expand[0]": name}).json()
        assert isinstance(told[name], dict)
    assert violations(trial.box.journal) == []


# --- habits


def test_lists_run_newest_first_from_an_id(trial: Trial, client: httpx.Client) -> None:
    made = [trial.person(number) for number in range(12)]
    first = client.get("/v1/customers")
    assert (ids(first), first.json()["has_more"]) == (made[:1:-1], True)
    rest = client.get("/v1/customers", params={"starting_after": ids(first)[-1], "limit": "100"})
    assert (ids(rest), rest.json()["has_more"]) == (made[1::-1], False)
    assert client.get("/v1/customers", params={"limit": "101"}).status_code == 400
    assert (
        client.get("/v1/customers", params={"starting_after": "cus_none"}).json()["error"]["param"] == "starting_after"
    )


def test_an_idempotency_key_gives_its_first_answer_for_a_day(trial: Trial, client: httpx.Client) -> None:
    def post(email: str, key: str = "k") -> httpx.Response:
        return client.post("/v1/customers", data={"email": email}, headers={"Idempotency-Key": key})

    first, again = post("a@example.com"), post("a@example.com")
    assert first.json() == again.json()
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert post("b@example.com").json()["error"]["type"] == "idempotency_error"
    trial.time.sleep(86_400.0)
    assert post("a@example.com").json()["id"] != first.json()["id"]
    assert (post("wrong", "v").status_code, post("right@example.com", "v").status_code) == (400, 200)


def test_a_deleted_customer_stays_known_by_id_alone(trial: Trial, client: httpx.Client) -> None:
    id_ = trial.person()
    assert client.delete(f"/v1/customers/{id_}").json()["deleted"] is True
    assert client.get(f"/v1/customers/{id_}").json() == {"id": id_, "object": "customer", "deleted": True}
    assert ids(client.get("/v1/customers")) == []
    assert client.post(f"/v1/customers/{id_}", data={"name": "x"}).status_code == 404
    assert client.delete(f"/v1/customers/{id_}").status_code == 404


def test_search_is_late_and_lists_are_not(trial: Trial, client: httpx.Client) -> None:
    id_ = trial.person(metadata__k="it's")
    query = {"query": r"metadata['k']:'it\'s' OR metadata['k']:'other'"}
    assert ids(client.get("/v1/customers/search", params=query)) == [id_]
    trial.mischief.once(Switch.LAGGING)
    assert ids(client.get("/v1/customers/search", params=query)) == []
    assert ids(client.get("/v1/customers")) == [id_]
    assert client.get("/v1/customers/search", params={"query": "name~'x'"}).status_code == 400


def test_the_log_tells_what_was_before_in_the_shapes_of_its_own_version(trial: Trial, client: httpx.Client) -> None:
    id_ = trial.person(metadata__stage="lead")
    trial.box.edit(CUSTOMERS, id_, {"name": "New", "metadata.stage": ""})
    trial.box.edit(CUSTOMERS, id_, {"name": "New"})
    trial.box.subscribe(id_)
    events = client.get("/v1/events").json()["data"]
    assert [event["type"] for event in events] == [
        "customer.subscription.created", "customer.updated", "customer.created",
    ]  # fmt: skip
    assert events[1]["data"]["previous_attributes"] == {"name": "Pat", "metadata": {"stage": "lead"}}
    assert "current_period_end" in events[0]["data"]["object"]
    types = {f"types[{place}]": "customer.created" for place in range(21)}
    assert client.get("/v1/events", params=types).status_code == 400


def test_an_endpoint_hears_in_its_own_version(trial: Trial) -> None:
    trial.box.listen(HOOK, ["customer.subscription.created"], version=VERSION)
    trial.box.listen(f"{HOOK}/old", version=None)
    trial.box.subscribe("cus_1")
    shown = {one.url: json.loads(one.body) for one in trial.box.take_events()}
    assert "current_period_end" not in shown[HOOK]["data"]["object"]
    assert "current_period_end" in shown[f"{HOOK}/old"]["data"]["object"]


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"email": "nobody"}, "email"), ({"nickname": "x"}, "nickname"), ({"name": "x" * 257}, "name"),
        ({"tax_exempt": "perhaps"}, "tax_exempt"), ({"address[planet]": "Mars"}, "address[planet]"),
        ({f"metadata[{'k' * 41}]": "x"}, f"metadata[{'k' * 41}]"),
    ],
)  # fmt: skip
def test_what_stripe_refuses_is_refused(client: httpx.Client, trial: Trial, form: dict[str, Any], param: str) -> None:
    answer = client.post("/v1/customers", data=form)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert trial.box.customers == {}
    trial.box.journal.clear()


def test_who_is_not_signed_in_is_told_so(trial: Trial) -> None:
    for headers in ({}, {"Authorization": "Bearer sk_test_wrong"}):
        answer = httpx.get(f"{trial.box.url}/v1/customers", headers={**headers, "Stripe-Version": VERSION})
        assert answer.status_code == 401
        assert answer.headers["request-id"].startswith("req_")
    basic = httpx.get(
        f"{trial.box.url}/v1/customers", auth=(trial.box.api_key, ""), headers={"Stripe-Version": VERSION}
    )
    assert basic.status_code == 200
