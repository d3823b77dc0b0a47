"""`concord remote` on another hub, over a socket: what it shows and does, and what it says where that cannot be."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx
import pytest

from api.console.people import Role
from api.remote import asked
from api.v1.keys import Keys
from core.errors import ConcordError, ConfigError, StoreError
from core.store import reviews
from core.store.reviews import Question
from tests.api.conftest import Concord
from tests.api.hooked import served
from tests.api.v1.receiver import Receiver
from tests.api.v1.test_hooks import certificate
from tests.support import PEOPLE, Lab

ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore"}


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Another hub, with two tools."""
    with Lab(tmp_path / "there") as made:
        made.tool("crm")
        made.tool("shop")
        made.tools["crm"].create("contacts", ANN)
        made.settle()
        yield made


@pytest.fixture
def remote(lab: Lab, concord: Concord, monkeypatch: pytest.MonkeyPatch) -> Iterator[Concord]:
    """`concord remote …` with an admin's key of that hub."""
    token, _ = Keys(lab.installation).make("a laptop", Role.ADMIN, by=None)
    with served(lab.installation) as url:
        monkeypatch.setenv("CONCORD_REMOTE", url)
        monkeypatch.setenv("CONCORD_REMOTE_KEY", token)
        yield lambda *words: concord("remote", *words)


def test_it_shows_what_the_other_hub_holds(remote: Concord) -> None:
    assert remote("status", "--json").json["records"]["contact"] == 1
    assert "crm" in remote("status").out
    assert "Ann Shore" in remote("find", ANN["email"]).out
    assert remote("find", "nobody@shore.example").code == 1
    why = remote("why", "contact", ANN["email"], "first_name")
    assert (why.code, "Ann" in why.out, "crm" in why.out) == (0, True, True)
    assert "Ann Shore" in remote("log", "--email", ANN["email"]).out
    (newest,) = remote("runs", "--limit", "1", "--json").json["runs"]
    assert f"#{newest['id']}" in remote("runs").out
    refused = remote("consent", ANN["email"])
    assert (refused.code, refused.out[0]) == (1, "✗")


def test_dead_letters_are_seen_and_tried_again(lab: Lab, remote: Concord) -> None:
    habits = lab.tools["shop"].habits
    habits.validator = lambda _stream, fields: "Too odd." if fields.get("first_name") == "Odd" else None
    lab.tools["crm"].edit("contacts", lab.find("crm", email=ANN["email"]), first_name="Odd")
    lab.settle()
    assert "Too odd." in remote("letters").out
    habits.validator = None
    assert remote("retry", "shop").out == "1 dead letter will be tried again.\n"
    lab.settle()
    assert remote("letters").out == "There is no dead letter.\n"


def test_a_review_is_seen_and_answered(lab: Lab, remote: Concord) -> None:
    with lab.hub.store.writing() as tx:
        sides = {"contenders": [["crm", "Baker", 1], ["shop", "Cook", 2]]}
        reviews.ask(tx, [Question("ask", sides, 0, lab.record(email=ANN["email"]).id, "job_title")], now=lab.clock())
    (review,) = lab.reviews()
    assert f"concord remote answer {review.id}" in remote("reviews").out
    assert remote("answer", str(review.id), "value", "Chair").code == 0
    assert lab.record(email=ANN["email"]).values["job_title"] == "Chair"
    assert remote("reviews").out == "No question waits for you.\n"


def test_a_mapping_is_planned_agreed_to_and_put_in_force(lab: Lab, remote: Concord, tmp_path: Path) -> None:
    file = tmp_path / "shop.yaml"
    file.write_text(PEOPLE.replace("first_name: {field: first_name}", "first_name: {field: given}"), encoding="utf-8")
    planned = remote("plan", "shop", str(file))
    assert planned.code == 0
    assert "+     first_name: {field: given}" in planned.out
    assert "shop updates: given 1" in planned.out
    unasked = remote("apply", "shop", str(file))
    assert (unasked.code, "nobody has agreed" in unasked.err) == (2, True)
    assert "concord remote plan" in unasked.err
    done = remote("apply", "shop", str(file), "--yes")
    assert (done.code, "1 of 1 planned writes are done." in done.out) == (0, True)
    assert lab.held("shop", lab.find("shop", email=ANN["email"]))["given"] == "Ann"
    file.write_text("contacts: {as: contact, fields: {email: {feld: email}}}\n", encoding="utf-8")
    wrong = remote("plan", "shop", str(file))
    assert (wrong.code, "line 1, column" in wrong.err) == (2, True)


def test_a_wrong_key_and_a_missing_scope_are_told_apart(
    lab: Lab, remote: Concord, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak, _ = Keys(lab.installation).make("weak", Role.VIEWER, ["records:read"], by=None)
    monkeypatch.setenv("CONCORD_REMOTE_KEY", weak)
    scope = remote("status")
    assert (scope.code, "has not the scope work:read" in scope.err) == (2, True)
    monkeypatch.setenv("CONCORD_REMOTE_KEY", "concord_wrong")
    wrong = remote("status", "--json")
    assert (wrong.code, wrong.json["error"]["code"]) == (2, "remote.key")
    monkeypatch.delenv("CONCORD_REMOTE_KEY")
    assert "CONCORD_REMOTE_KEY" in remote("status").err


@pytest.mark.parametrize(
    "address",
    ["", "hub.shop.example", "ftp://hub.shop.example", "https://", "https://me:secret@hub.shop.example", "http://[::1"],
    ids=["none", "no scheme", "another scheme", "no host", "a password in it", "no bracket"],
)
def test_what_is_no_address_is_not_asked(address: str) -> None:
    with pytest.raises(ConfigError) as refused, asked(address, "a key"):
        pytest.fail("it was asked")
    assert refused.value.error_code == "remote.address"
    assert "secret" not in str(refused.value)


def test_a_key_does_not_go_out_in_clear() -> None:
    with pytest.raises(ConfigError, match="in clear"), asked("http://hub.shop.example", "a key"):
        pytest.fail("it was asked")


def failing(answers: Callable[[httpx.Request], httpx.Response]) -> ConcordError:
    """How a look at the status fails where something else answers."""
    with (
        httpx.Client(transport=httpx.MockTransport(answers)) as http,
        pytest.raises(ConcordError) as failed,
        asked("https://hub.shop.example", "a key", http=http) as hub,
    ):
        hub.status()
    return failed.value


def given(answer: httpx.Response, _: httpx.Request) -> httpx.Response:
    return answer


def test_an_older_hub_and_what_is_no_hub_are_told_apart() -> None:
    problem = {"content-type": "application/problem+json"}
    older = failing(lambda _: httpx.Response(404, json={"code": "api.operation"}, headers=problem))
    assert older.error_code == "remote.older"
    for answer in (
        httpx.Response(200, html="<p>Sign in</p>"), httpx.Response(404, html="<p>Not found</p>"),
        httpx.Response(302, headers={"location": "https://elsewhere.example"}),
        httpx.Response(200, content=b"{", headers={"content-type": "application/json"}),
        httpx.Response(200, json=["a list"]),
    ):  # fmt: skip
        assert failing(partial(given, answer)).error_code == "remote.other"


def test_a_hub_says_which_operations_it_does_not_know(remote: Concord, lab: Lab) -> None:
    """By that this program knows that a hub is older than itself."""
    answer = httpx.get(f"{os.environ['CONCORD_REMOTE']}/v1/nothing")
    assert (answer.status_code, answer.json()["code"]) == (404, "api.operation")


def test_a_certificate_of_nobody_known_is_told_as_such(tmp_path: Path) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate(tmp_path, "localhost"))
    with closing(Receiver()) as there:
        there.server.socket = serving.wrap_socket(there.server.socket, server_side=True)
        with pytest.raises(ConfigError) as refused, asked(f"https://{there.host}", "a key") as hub:
            hub.status()
    assert refused.value.error_code == "remote.certificate"
    assert "SSL_CERT_FILE" in refused.value.remedy


def test_a_hub_that_is_away_is_told_as_such() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(StoreError) as away, asked(f"http://127.0.0.1:{port}", "a key") as hub:
        hub.status()
    assert away.value.error_code == "remote.away"

    def slow(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("too long")

    assert failing(slow).error_code == "remote.away"
