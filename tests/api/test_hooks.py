"""The door for webhooks, on a real socket: what tools sign comes in, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from api.hooks import MOST
from connectors._kit.signatures import sign
from core.model.instant import SECOND
from core.ports import Request
from tests.api.conftest import Concord
from tests.api.hooked import CRM, NEWS, SECRET, SIGNING, Street, served

ANN = "ann@shore.example"


@pytest.fixture(params=["embedded", "postgres"])
def street(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Street]:
    """Ann is in both tools."""
    url: str | None = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Street(tmp_path, database_url=url) as made:
        made.ann = made.crm.create("contacts", {"email": ANN, "firstname": "Ann"})  # type: ignore[attr-defined]
        made.settle()
        yield made


def of_crm(street: Street, **properties: str) -> Request:
    """What the CRM sends when somebody edits Ann there."""
    street.crm.edit("contacts", street.ann, properties or {"jobtitle": "Baker"})  # type: ignore[attr-defined]
    (request,) = street.crm.take_events()
    return request


def of_news(street: Street) -> Request:
    """What the newsletter sends when Ann unsubscribes."""
    (id_,) = [one.contact_id for one in street.news.audience.members.values()]
    street.news.unsubscribe(id_)
    (request,) = street.news.take_events()
    return request


def test_what_a_tool_signed_is_stored_acknowledged_and_heard(street: Street) -> None:
    answer = street.send(of_crm(street))
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert street.lab.record(email=ANN).values.get("job_title") is None
    street.hear(CRM)
    assert street.lab.record(email=ANN).values["job_title"] == "Baker"


def test_who_unsubscribes_is_out_of_the_crm_after_one_turn_of_each(street: Street) -> None:
    assert street.send(of_news(street)).status_code == 200
    street.hear(NEWS)
    assert street.lab.record(email=ANN).values["consent.email"] == "denied"
    street.lab.turn(CRM)
    assert street.crm.has_left(ANN)


def test_an_address_is_tried_by_get_and_nothing_is_stored(street: Street) -> None:
    url = f"{street.url}/hooks/{NEWS}"
    with httpx.Client() as client:
        assert client.get(url, params={"secret": SECRET}).status_code == 200
        assert client.head(url, params={"secret": SECRET}).status_code == 200
        assert client.get(url, params={"secret": "a guess"}).status_code == 401
    assert street.rows("webhook") == 0


def test_a_changed_byte_is_refused_and_leaves_nothing_but_a_line(street: Street) -> None:
    request = of_crm(street)
    with capture_logs() as lines:
        answer = street.send(request, content=request.body.replace(b"Baker", b"Maker"))
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "signature"
    assert (street.rows("webhook"), street.rows("notice")) == (0, 0)
    assert [one["connection"] for one in lines if one["log_level"] == "warning"] == [CRM]
    assert "Maker" not in str(lines) + answer.text


def test_bytes_count_and_not_what_they_mean(street: Street) -> None:
    request = of_crm(street)
    assert street.send(request, content=request.body.replace(b",", b", ", 1)).status_code == 401


def test_an_unsigned_form_is_refused_although_it_knows_the_address(street: Street) -> None:
    request = of_news(street)
    headers = {name: value for name, value in request.headers.items() if "signature" not in name}
    assert street.send(request, headers=headers).status_code == 401


@pytest.mark.parametrize("seconds", [301, -301])
def test_what_is_too_old_or_from_the_future_is_refused(street: Street, seconds: int) -> None:
    body, now = of_news(street).body, street.lab.clock()
    stamp = str(now // SECOND - seconds)
    signed = f"t={stamp},v1={sign(SIGNING.encode(), stamp.encode() + b'.' + body)}"
    url = f"{street.url}/hooks/{NEWS}?secret={SECRET}"
    assert street.send(Request("POST", url, {"x-mailchimp-signature": signed}, body, now)).status_code == 401
    assert street.rows("webhook") == 0


def test_a_repeat_is_acknowledged_and_does_nothing(street: Street) -> None:
    request = of_crm(street)
    for _ in range(2):
        assert street.send(request).status_code == 200
    assert (street.rows("webhook"), street.rows("notice")) == (1, 1)
    street.hear(CRM)
    calls = len(street.crm.journal)
    assert street.send(request).status_code == 200
    assert street.hear(CRM) == {}
    assert len(street.crm.journal) == calls


def test_more_than_is_read_is_turned_away(street: Street) -> None:
    answer = street.send(of_crm(street), content=b"x" * (MOST + 1))
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "hooks.too_large")
    assert street.rows("webhook") == 0


def test_other_methods_are_not_taken(street: Street) -> None:
    assert street.send(of_crm(street), method="PUT").status_code == 405


def test_a_foreign_host_is_turned_away(street: Street) -> None:
    request = of_crm(street)
    assert street.send(request, headers={**request.headers, "host": "evil.example"}).status_code == 400


def test_a_signed_body_that_is_no_json_is_refused_without_being_repeated(street: Street) -> None:
    stamp = str(street.lab.clock() // 1000)
    body = b"ann@shore.example is not JSON"
    message = b"POST" + street.crm.target.encode() + body + stamp.encode()
    headers = {
        "x-hubspot-request-timestamp": stamp,
        "x-hubspot-signature-v3": sign(street.crm.client_secret.encode(), message, encoding="base64"),
    }
    with capture_logs() as lines:
        answer = street.send(Request("POST", street.crm.target, headers, body, street.lab.clock()))
    assert (answer.status_code, street.rows("webhook")) == (400, 0)
    assert ANN not in str(lines) + answer.text


@pytest.mark.parametrize("name", ["nobody", "hub", "sheets"])
def test_there_is_no_door_where_nothing_can_be_heard(street: Street, name: str) -> None:
    """An address that was made up, the hub's own, and one whose tool sends no webhooks."""
    from api.building import ConnectionSpec

    mapping = "contacts:\n  as: contact\n  options: {file: contacts.csv}\n  fields: {email: {field: Email}}\n"
    street.lab.installation.put_connection(ConnectionSpec("sheets", "csv", {"folder": "."}, mapping, "sheets.yaml"))
    assert street.send(of_crm(street), url=f"{street.url}/hooks/{name}").status_code == 404


def test_a_removed_connection_tells_the_tool_to_stop(street: Street) -> None:
    street.lab.installation.change(removed=[CRM])
    assert street.send(of_crm(street)).status_code == 410


def test_a_paused_connection_stores_what_comes_and_hears_it_when_it_goes_on(street: Street) -> None:
    from core.store import connections

    with street.lab.hub.store.writing() as tx:
        connections.change_connection(tx, street.lab.connection(CRM).id, state="paused", pause_code="signed_out")
    street.lab.refreshed()
    assert street.send(of_crm(street)).status_code == 200
    street.lab.sync()
    assert street.lab.record(email=ANN).values.get("job_title") is None
    street.lab.installation.resume(CRM)
    street.lab.refreshed()
    street.lab.sync()
    assert street.lab.record(email=ANN).values["job_title"] == "Baker"


def test_a_tool_signs_the_address_that_it_knows_and_not_the_proxys(street: Street) -> None:
    """Behind a proxy the hub is called by another name, and over another scheme."""
    street.crm.target = f"https://hub.shop.example/hooks/{CRM}?from=crm%3A1"
    request = of_crm(street)
    settings = street.lab.settings.model_copy(update={"public_url": "https://hub.shop.example/"})
    street.lab.installation.settings = settings
    with served(street.lab.installation) as inside:
        assert street.send(request, url=f"{inside}/hooks/{CRM}?from=crm%3A1").status_code == 200
        other = street.send(request, url=f"{inside}/hooks/{CRM}?from=crm%3A2")
        named = {**request.headers, "host": "hub.shop.example"}
        assert street.send(request, url=f"{inside}/hooks/{CRM}?from=crm%3A1", headers=named).status_code == 200
        page = street.send(Request("GET", f"{inside}/", {"host": "hub.shop.example"}, b"", 0))
    assert (other.status_code, page.status_code) == (401, 404)


def test_unknown_events_are_counted_and_shown(street: Street) -> None:
    event = {"eventId": 1, "subscriptionId": 2, "portalId": 3, "occurredAt": 4, "subscriptionType": "quote.signed"}
    with capture_logs() as lines:
        assert street.send(street.crm.request([event | {"objectId": 5}])).status_code == 200
    assert [one for one in lines if one["event"] == "a webhook told something unknown"]
    from api.cli.hooks import _told

    told = _told(street.lab.installation)
    assert [(one["name"], one["unknown"]) for one in told["connections"]] == [(CRM, 1), (NEWS, 0)]
    assert "quote.signed" in told["unknown"][0]["what"]


def test_what_was_acknowledged_before_a_crash_is_heard_after_it(street: Street) -> None:
    street.crm.subscribe("contact.propertyChange", property="lastname")
    assert street.send(of_crm(street, lastname="Shore")).status_code == 200
    street.lab.restart()
    street.hear(CRM)
    assert street.lab.record(email=ANN).values["last_name"] == "Shore"


def test_the_command_shows_the_address_to_give_to_the_tool(concord: Concord, monkeypatch: pytest.MonkeyPatch) -> None:
    made = concord("connect", "memory", "shop", "--set", "webhook_secret=whsec_c2VjcmV0", "--yes")
    assert made.code == 0, made.err
    assert "concord hooks" in made.out
    assert "CONCORD_PUBLIC_URL" in concord("hooks").out
    monkeypatch.setenv("CONCORD_PUBLIC_URL", "https://hub.shop.example/")
    (shop,) = concord("hooks", "--json").json["connections"]
    assert (shop["address"], shop["events"]) == ("https://hub.shop.example/hooks/shop", 0)
