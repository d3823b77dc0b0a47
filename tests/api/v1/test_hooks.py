"""Webhooks out: subscribed, signed, delivered at least once, retried, paused, replayed, and never to a neighbour."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi.testclient import TestClient

from api import alerting, delivering, duties, outgoing
from api.app import create_app
from api.background import Background
from api.console.people import Role
from api.outgoing import Unreached
from api.v1.keys import Keys
from api.waking import look, wakes
from core.decide.alerting import KINDS
from core.errors import ConfigError
from core.flow.erasure.erasing import erase
from core.flow.saying import say
from core.model.instant import DAY, HOUR, MINUTE, SECOND
from core.store import trail
from tests.api.v1.conftest import ANN, Program
from tests.api.v1.receiver import Receiver
from tests.remains import remains
from tests.support import Lab, people

Made = Callable[..., Program]
EMAIL = ANN["email"]
NOWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound to it


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Two tools that hold Ann, and a hub that may send to this machine."""
    with Lab(tmp_path, more={"hooks_private": True}) as made:
        made.tool("crm")
        made.tool("shop")
        made.tools["crm"].create("contacts", ANN)
        made.settle()
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def subscribed(one: Program, receiver: Receiver, *events: str, **more: Any) -> dict[str, Any]:
    answer = one.post("/hooks", {"url": receiver.url, "events": list(events), **more})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def deliver(lab: Lab) -> None:
    """Do what is due of webhooks, as a worker does."""
    for _ in range(20):
        due = [one for one in wakes(lab.hub, look(lab.hub)) if one.task == "deliver"]
        if not due:
            return
        for one in due:
            duties.deliver(lab.installation, one.about)
    raise AssertionError("webhooks never come to an end")


def edit(lab: Lab, **fields: Any) -> None:
    lab.tools["crm"].edit("contacts", lab.find("crm", email=EMAIL), **fields)
    lab.settle()


# --- subscribing


def test_a_subscription_shows_its_secret_once_and_its_address_never(
    lab: Lab, program: Made, receiver: Receiver
) -> None:
    one = program()
    made = subscribed(one, receiver, "contact.updated")
    assert made["secret"].startswith("whsec_")
    shown = one.get(f"/hooks/{made['id']}")
    assert (shown.json()["host"], shown.json()["state"]) == (receiver.host, "on")
    for told in (shown.text, one.get("/hooks").text):
        assert "a-secret-path" not in told
        assert made["secret"] not in told
    assert remains(lab.hub.store, ["a-secret-path", made["secret"]]) == []


@pytest.mark.parametrize("name", ["url", "target_url"])
def test_zapier_and_make_name_the_address_each_in_their_own_word(program: Made, receiver: Receiver, name: str) -> None:
    answer = program().post("/hooks", {name: receiver.url, "kind": "contact", "events": ["updated"]})
    assert (answer.status_code, answer.json()["events"]) == (201, ["contact.updated"])


def test_the_same_request_subscribes_once_and_ending_it_twice_is_no_mistake(program: Made, receiver: Receiver) -> None:
    one, said = program(), {"url": receiver.url, "events": ["contact.*"]}
    first, again = (one.post("/hooks", said, headers={"Idempotency-Key": "zap-1"}).json() for _ in range(2))
    assert (first["id"], first["secret"], again["again"]) == (again["id"], again["secret"], True)
    other = program()
    assert other.get(f"/hooks/{first['id']}").status_code == 404
    assert other.delete(f"/hooks/{first['id']}").status_code == 204
    assert one.get(f"/hooks/{first['id']}").status_code == 200
    assert [one.delete(f"/hooks/{first['id']}").status_code for _ in range(2)] == [204, 204]
    assert one.get(f"/hooks/{first['id']}").status_code == 404


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"events": ["contact.flown"]}, 422), ({"events": []}, 422), ({"events": ["*"], "kind": "planet"}, 422),
        ({"events": ["contact.updated"], "filter": {"planet": "Earth"}}, 400),
        ({"events": ["*"], "filter": {"job_title": "Baker"}}, 422),
        ({"events": ["*"], "url": "ftp://shop.example/"}, 400),
        ({"events": ["*"], "url": "https://me:you@a.example"}, 400),
        ({"events": ["*"], "url": "https:///nowhere"}, 400), ({"events": ["*"], "url": "https://a.example:port/"}, 400),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused(program: Made, receiver: Receiver, said: dict[str, Any], status: int) -> None:
    one = program()
    answer = one.post("/hooks", {"url": receiver.url, **said})
    assert (answer.status_code, bool(answer.json()["remedy"])) == (status, True)
    assert one.get("/hooks").json()["items"] == []


# --- delivering


def test_an_event_is_signed_and_holds_the_record_as_the_api_shows_it(
    lab: Lab, program: Made, receiver: Receiver
) -> None:
    one = program()
    made = subscribed(one, receiver, "contact.updated", "contact.created")
    deliver(lab)
    assert receiver.take() == []
    edit(lab, job_title="Baker")
    deliver(lab)
    (post,) = receiver.take()
    assert post.signed_by(made["secret"])
    assert not post.signed_by("whsec_" + "A" * 44)
    assert abs(int(post.stamp) - lab.clock() // SECOND) < 60
    assert (post.host, post.path) == (receiver.host, "/hooks/standard/a-secret-path")
    told = post.body
    assert (told["type"], told["id"], told["data"]["changed"]) == ("contact.updated", post.id, ["job_title"])
    record = one.get(f"/records/{told['data']['record']['id']}").json()
    assert told["data"]["record"] == record
    assert told["data"]["version"] == record["version"]
    (kept,) = one.get(f"/hooks/{made['id']}/deliveries").json()["items"]
    assert (kept["event_id"], kept["status"], kept["ok"], kept["record"]) == (post.id, 200, True, record["id"])
    deliver(lab)
    assert receiver.take() == []


def test_what_is_made_changed_merged_and_erased_is_told_by_its_name(
    lab: Lab, program: Made, receiver: Receiver
) -> None:
    subscribed(program(), receiver, "*")
    lab.tools["crm"].create("contacts", people(1)[0])
    lab.settle()
    id_ = lab.record(email=EMAIL).id
    say(lab.hub, id_, {"consent.email": "denied"})
    erase(lab.hub, id_)
    deliver(lab)
    posts = receiver.take()
    named = [(post.body["type"], post.body["data"]["record"]["id"] == id_) for post in posts]
    # What an erased person did before is told no more.
    assert named == [("contact.created", False), ("contact.erased", True)]
    assert posts[-1].body["data"]["record"]["values"] == {}
    assert all(EMAIL not in post.raw.decode() for post in posts)


def test_consent_and_stages_have_events_of_their_own(lab: Lab, program: Made, receiver: Receiver) -> None:
    subscribed(program(), receiver, "consent.changed", "contact.stage_changed")
    id_ = lab.record(email=EMAIL).id
    say(lab.hub, id_, {"consent.email": "denied"})
    say(lab.hub, id_, {"lifecycle_stage": "customer"})
    say(lab.hub, id_, {"job_title": "Baker"})
    deliver(lab)
    told = [(post.body["type"], post.body["data"]["changed"]) for post in receiver.take()]
    assert [name for name, _ in told] == ["consent.changed", "contact.stage_changed"]
    assert "consent.email" in told[0][1]
    assert "lifecycle_stage" in told[1][1]


def test_a_program_is_not_told_what_it_did_itself(lab: Lab, program: Made, receiver: Receiver) -> None:
    one, other = program(), program()
    mine = subscribed(one, receiver, "contact.updated")
    theirs = subscribed(other, receiver, "contact.updated")
    always = subscribed(one, receiver, "contact.updated", own=True)
    known = {"mine": mine, "theirs": theirs, "always": always}

    def signers() -> list[list[str]]:
        posts = receiver.take()
        return sorted([name for name, hook in known.items() if post.signed_by(hook["secret"])] for post in posts)

    one.patch(f"/records/{lab.record(email=EMAIL).id}", {"values": {"job_title": "Baker"}})
    deliver(lab)
    assert signers() == [["always"], ["theirs"]]
    other.patch(f"/records/{lab.record(email=EMAIL).id}", {"values": {"job_title": "Head"}})
    deliver(lab)
    assert signers() == [["always"], ["mine"]]
    say(lab.hub, lab.record(email=EMAIL).id, {"job_title": "Cook"})
    deliver(lab)
    assert signers() == [["always"], ["mine"], ["theirs"]]


def test_a_filter_lets_through_what_fits(lab: Lab, program: Made, receiver: Receiver) -> None:
    subscribed(program(), receiver, "contact.updated", filter={"job_title": "Head"})
    for title in ("Baker", "Head"):
        edit(lab, job_title=title)
        deliver(lab)
    (post,) = receiver.take()
    assert post.body["data"]["record"]["values"]["job_title"] == "Head"


def test_a_viewer_s_key_is_sent_nobody_s_name(lab: Lab, program: Made, receiver: Receiver) -> None:
    subscribed(program(Role.VIEWER), receiver, "contact.updated")
    edit(lab, job_title="Baker")
    deliver(lab)
    (post,) = receiver.take()
    assert EMAIL not in post.raw.decode()
    assert "Shore" not in post.raw.decode()


def test_a_key_that_is_shut_is_told_nothing_more(lab: Lab, program: Made, receiver: Receiver) -> None:
    subscribed(program(), receiver, "*")
    keys = Keys(lab.installation)
    keys.shut(keys.every()[0].id, by=None)
    edit(lab, job_title="Baker")
    deliver(lab)
    assert receiver.take() == []


# --- what is refused


def test_a_refused_event_is_tried_again_by_its_times_then_it_is_paused_and_told(
    lab: Lab, program: Made, receiver: Receiver
) -> None:
    one = program()
    made = subscribed(one, receiver, "contact.updated")
    receiver.answers(500, b"nobody@shore.example is wrong")
    edit(lab, job_title="Baker")
    deliver(lab)
    ids = [post.id for post in receiver.take()]
    for wait in (5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR):
        lab.wait(0.5 * wait / SECOND)
        deliver(lab)
        assert receiver.take() == []
        lab.wait(0.5 * wait / SECOND)
        deliver(lab)
        ids += [post.id for post in receiver.take()]
    assert (len(ids), len(set(ids))) == (8, 1)
    shown = one.get(f"/hooks/{made['id']}").json()
    assert (shown["state"], shown["behind"], "500" in shown["why"]) == ("paused", True, True)
    tries = one.get(f"/hooks/{made['id']}/deliveries")
    assert [each["status"] for each in tries.json()["items"]] == [500] * 8
    assert "nobody@shore.example" not in tries.text
    (trouble,) = alerting._of_hooks(lab.installation)
    assert trouble.kind in KINDS
    assert receiver.host in trouble.says
    assert "a-secret-path" not in str(trouble)
    with lab.hub.store.reading() as tx:
        assert trail.steps(tx, limit=1)[0].what == "webhooks are paused"
    receiver.answers(200)
    lab.wait(DAY / SECOND)
    deliver(lab)
    assert receiver.take() == []
    one.post(f"/hooks/{made['id']}/replay", {})
    deliver(lab)
    assert [post.id for post in receiver.take()] == ids[:1]
    assert list(alerting._of_hooks(lab.installation)) == []


def test_what_waits_behind_a_refused_event_goes_out_in_its_order(lab: Lab, program: Made, receiver: Receiver) -> None:
    subscribed(program(), receiver, "contact.updated", "consent.changed")
    receiver.answers(503)
    id_ = lab.record(email=EMAIL).id
    say(lab.hub, id_, {"consent.email": "denied"})
    say(lab.hub, id_, {"job_title": "Baker"})
    deliver(lab)
    assert len(receiver.take()) == 1
    receiver.answer = lambda post: (200 if post.body["type"] == "contact.updated" else 503, b"", {})
    lab.wait(6)
    deliver(lab)
    # The first event of the step was accepted; only the second one is sent again.
    assert [post.body["type"] for post in receiver.take()] == ["contact.updated", "consent.changed"]
    receiver.answers(204)
    lab.wait(6)
    deliver(lab)
    assert [post.body["type"] for post in receiver.take()] == ["consent.changed", "contact.updated"]


def test_a_process_that_is_killed_sends_again(
    lab: Lab, program: Made, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed(program(), receiver, "contact.updated")
    edit(lab, job_title="Baker")

    class Killed(BaseException):
        """Nobody catches it."""

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(delivering, "note", killed)
        with pytest.raises(Killed):
            deliver(lab)
    (first,) = receiver.take()
    lab.wait(10 * 60)
    deliver(lab)
    (again,) = receiver.take()
    assert first.id == again.id


def test_gone_ends_a_subscription(lab: Lab, program: Made, receiver: Receiver) -> None:
    one = program()
    made = subscribed(one, receiver, "contact.updated")
    receiver.answers(410)
    edit(lab, job_title="Baker")
    deliver(lab)
    assert len(receiver.take()) == 1
    assert one.get(f"/hooks/{made['id']}").json()["state"] == "ended"
    assert len(list(alerting._of_hooks(lab.installation))) == 1
    lab.wait(2 * DAY / SECOND)
    deliver(lab)
    assert receiver.take() == []
    assert list(alerting._of_hooks(lab.installation)) == []


@pytest.mark.parametrize(
    ("answer", "wait"), [((400, b"Queue is full"), 300), ((429, b"Too many requests"), 300), ((429, b"", "7"), 7)]
)
def test_whoever_is_busy_is_waited_for_and_never_given_up(
    lab: Lab, program: Made, receiver: Receiver, answer: tuple[Any, ...], wait: int
) -> None:
    one = program()
    made = subscribed(one, receiver, "contact.updated")
    receiver.answers(answer[0], answer[1], **({"retry_after": answer[2]} if len(answer) > 2 else {}))
    edit(lab, job_title="Baker")
    deliver(lab)
    for _ in range(10):
        lab.wait(0.8 * wait)
        deliver(lab)
        lab.wait(0.2 * wait)
        deliver(lab)
    assert len(receiver.take()) == 11
    assert one.get(f"/hooks/{made['id']}").json()["state"] == "on"


def test_one_that_does_not_answer_holds_up_no_other_host(lab: Lab, program: Made, receiver: Receiver) -> None:
    other, one = Receiver(), program()
    subscribed(one, other, "contact.updated")
    other.close()
    subscribed(one, receiver, "contact.updated")
    edit(lab, job_title="Baker")
    assert len({each.about for each in wakes(lab.hub, look(lab.hub)) if each.task == "deliver"}) == 2
    deliver(lab)
    assert len(receiver.take()) == 1


@pytest.mark.parametrize("store", ["embedded", "postgres"])
def test_the_background_sends_what_is_due_on_either_store(
    request: pytest.FixtureRequest, tmp_path: Path, receiver: Receiver, store: str
) -> None:
    url = request.getfixturevalue("postgres_url") if store == "postgres" else None
    with Lab(tmp_path / "other", database_url=url, more={"hooks_private": True}) as lab:
        lab.tool("crm").create("contacts", ANN)
        lab.settle()
        token, _ = Keys(lab.installation).make("zapier", Role.OPERATOR, by=None)
        with TestClient(create_app(lab.installation), base_url="http://127.0.0.1") as client:
            one = Program(client, token)
            made = subscribed(one, receiver, "contact.updated")
            say(lab.hub, lab.record(email=EMAIL).id, {"job_title": "Baker"})
            with ThreadPoolExecutor(4) as pool:
                Background(lab.installation).look(pool)
            (post,) = receiver.take()
            assert post.signed_by(made["secret"])
            (kept,) = one.get(f"/hooks/{made['id']}/deliveries").json()["items"]
            assert (kept["event_id"], kept["ok"]) == (post.id, True)
            receiver.answers(410)
            one.post(f"/hooks/{made['id']}/replay", {"since": "1h"})
            deliver(lab)
            assert [each["state"] for each in one.get("/hooks").json()["items"]] == ["ended"]
            assert len(list(alerting._of_hooks(lab.installation))) == 1


# --- secrets, trials, replays


def test_a_new_secret_and_the_one_before_sign_for_a_day(lab: Lab, program: Made, receiver: Receiver) -> None:
    one = program()
    made = subscribed(one, receiver, "contact.updated")
    fresh = one.post(f"/hooks/{made['id']}/secret").json()["secret"]
    assert fresh != made["secret"]
    edit(lab, job_title="Baker")
    deliver(lab)
    (post,) = receiver.take()
    assert (len(post.signatures), post.signed_by(fresh), post.signed_by(made["secret"])) == (2, True, True)
    lab.wait(DAY / SECOND + 1)
    edit(lab, job_title="Head")
    deliver(lab)
    (post,) = receiver.take()
    assert (len(post.signatures), post.signed_by(fresh), post.signed_by(made["secret"])) == (1, True, False)


def test_a_trial_says_what_was_answered_and_moves_nothing(lab: Lab, program: Made, receiver: Receiver) -> None:
    one = program()
    made = subscribed(one, receiver, "deal.created")
    assert one.post(f"/hooks/{made['id']}/test").json()["ok"] is True
    (post,) = receiver.take()
    assert (post.signed_by(made["secret"]), post.body["type"]) == (True, "deal.created")
    receiver.answers(302, location=receiver.url)
    told = one.post(f"/hooks/{made['id']}/test").json()
    assert (told["ok"], told["status"], "redirect" in told["error"]) == (False, 302, True)
    assert len(receiver.take()) == 1
    assert one.get(f"/hooks/{made['id']}").json()["tries"] == 0


def test_what_has_happened_is_told_again_with_the_same_ids(lab: Lab, program: Made, receiver: Receiver) -> None:
    one = program()
    made = subscribed(one, receiver, "contact.updated")
    edit(lab, job_title="Baker")
    lab.wait(3600)
    edit(lab, job_title="Head")
    deliver(lab)
    before = [post.id for post in receiver.take()]
    assert len(before) == 2
    assert one.post(f"/hooks/{made['id']}/replay", {"since": "30min"}).status_code == 200
    deliver(lab)
    assert [post.id for post in receiver.take()] == before[1:]
    one.post(f"/hooks/{made['id']}/replay", {"since": "1d"})
    deliver(lab)
    assert [post.id for post in receiver.take()] == before
    assert one.post(f"/hooks/{made['id']}/replay", {"since": "soon"}).status_code == 400


# --- samples and fields


def test_a_sample_is_what_is_posted(lab: Lab, program: Made, receiver: Receiver) -> None:
    one = program()
    subscribed(one, receiver, "contact.updated")
    edit(lab, job_title="Baker")
    edit(lab, job_title="Head")
    deliver(lab)
    posted = [post.body for post in receiver.take()]
    found = one.get("/events/samples", params={"event": "contact.updated"}).json()
    assert [each["id"] for each in found[:2]] == [each["id"] for each in reversed(posted)]
    assert found[0] == posted[-1]
    names = one.get("/events").json()
    assert {"contact.merged", "deal.stage_changed", "consent.changed"} <= set(names)
    for name in names:
        (first, *_) = one.get("/events/samples", params={"event": name}).json()
        assert (first["type"], set(first), set(first["data"])) == (name, set(found[0]), set(found[0]["data"]))
    assert one.get("/events/samples", params={"event": "contact.flown"}).status_code == 422


def test_fields_are_told_in_the_words_of_both_editors(program: Made) -> None:
    one = program()
    zapier = {each["key"]: each for each in one.get("/fields", params={"kind": "contact"}).json()}
    make = {each["name"]: each for each in one.get("/fields", params={"kind": "contact", "form": "make"}).json()}
    assert list(zapier) == list(make)
    assert (zapier["email"]["type"], zapier["email"]["list"], zapier["tags"]["list"]) == ("string", False, True)
    assert (make["email"]["type"], make["tags"]["type"], make["email_frequency"]["type"]) == (
        "email",
        "array",
        "select",
    )
    assert [each["value"] for each in make["email_frequency"]["options"]] == zapier["email_frequency"]["choices"]


def test_a_field_is_cleared_by_its_name(lab: Lab, program: Made) -> None:
    one, id_ = program(), lab.record(email=EMAIL).id
    told = one.patch(f"/records/{id_}", {"values": {"job_title": "Baker"}, "clear_fields": ["phone"]}).json()
    assert told["record"]["values"]["job_title"] == "Baker"
    assert "phone" not in told["record"]["values"]
    assert "job_title" not in one.patch(f"/records/{id_}", {"clear_fields": ["job_title"]}).json()["record"]["values"]
    assert one.patch(f"/records/{id_}", {"clear_fields": ["planet"]}).status_code == 400


# --- where it may lead


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.8", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200", "224.0.0.1",
        NOWHERE, "::1", "fe80::1", "fd00:ec2::254", "::ffff:10.0.0.8", "64:ff9b::a00:8", "2002:a00:8::1", "ff02::1",
        "240.0.0.1",
    ],
)  # fmt: skip
def test_no_name_leads_to_a_neighbour(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    good = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [good])
    assert str(outgoing.address_of("https://shop.example/x", private=False)) == "93.184.215.14"
    bad = (family, socket.SOCK_STREAM, 6, "", (address, 443))
    # One of several is enough.
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [good, bad])
    with pytest.raises(ConfigError) as refused:
        outgoing.address_of("https://shop.example/x", private=False)
    assert refused.value.error_code == "hooks.address"


@pytest.mark.parametrize("address", ["169.254.169.254", "224.0.0.1", "fd00:ec2::254", NOWHERE, "100.100.100.200"])
def test_some_addresses_are_never_sent_to(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    found = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [found])
    with pytest.raises(ConfigError):
        outgoing.address_of("https://shop.example/x", private=True)


def test_a_name_that_changes_its_mind_reaches_nobody(
    lab: Lab, program: Made, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked up once, and the connection made to what was found."""
    asked: list[str] = []
    whole = socket.getaddrinfo

    def changing(host: Any, port: Any, *args: Any, **more: Any) -> Any:
        asked.append(str(host))
        return whole("127.0.0.1" if host == "shop.example" else host, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    url = receiver.url.replace("127.0.0.1", "shop.example")
    outgoing.post(url, b"{}", {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}, private=True)
    (post,) = receiver.take()
    assert post.host.startswith("shop.example:")
    assert asked.count("shop.example") == 1


def test_a_certificate_is_looked_at_for_the_name(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the connection is made to the address."""
    file = certificate(tmp_path, "shop.example")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    receiver.server.socket = serving.wrap_socket(receiver.server.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=str(file))
    monkeypatch.setattr(outgoing, "authorities", lambda **_: trusting)
    whole = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, port, *args, **more: whole("127.0.0.1", port, *args, **more))
    headers = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
    port = receiver.server.server_port
    assert outgoing.post(f"https://shop.example:{port}/x", b"{}", headers, private=True).status == 200
    with pytest.raises(Unreached):
        outgoing.post(f"https://other.example:{port}/x", b"{}", headers, private=True)
    assert [post.host for post in receiver.take()] == [f"shop.example:{port}"]


def certificate(folder: Path, name: str) -> Path:
    """A key and a certificate for a name, in one file."""
    key, called = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(called).issuer_name(called).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "receiver.pem"
    file.write_bytes(key.private_bytes(*plain) + made.public_bytes(serialization.Encoding.PEM))
    return file


def test_without_the_setting_a_neighbour_is_not_reached(lab: Lab, program: Made, receiver: Receiver) -> None:
    lab.installation.settings = lab.settings.model_copy(update={"hooks_private": False})
    one = program()
    assert one.post("/hooks", {"url": receiver.url, "events": ["*"]}).status_code == 400
    made = one.post("/hooks", {"url": receiver.url.replace("http:", "https:"), "events": ["contact.updated"]}).json()
    told = one.post(f"/hooks/{made['id']}/test").json()
    assert (told["ok"], told["status"]) == (False, None)
    assert "network of its own" in told["error"]
    assert receiver.take() == []
