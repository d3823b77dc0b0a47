"""The sandbox's base: routes, trouble on the line, the journal, and nothing left behind."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from connectors._kit.clock import VirtualTime
from connectors._kit.mischief import Switch
from connectors._kit.sandbox import Call, Response, Sandbox, route
from core.model.instant import SECOND
from core.ports import Request


class Shop(Sandbox):
    """Things by id, and a search."""

    title = "Shop"

    def __init__(self, **kit: Any) -> None:
        super().__init__(**kit)
        self.things: dict[str, Any] = {}

    def authorise(self, call: Call) -> Response | None:
        return None if call.headers.get("x-key") == "k" else Response(401, {"message": "who?"})

    @route("PUT", "/things/{id}")
    def put(self, call: Call, id: str) -> Response:
        self.things[id] = call.json()
        return Response(201, {"id": id})

    @route("GET", "/things/{id}")
    def get(self, call: Call, id: str) -> Response:
        return Response(200, self.things.get(id))

    @route("POST", "/things/search", reading=True)
    def search(self, call: Call) -> Response:
        return Response(200, list(self.things))

    @route("GET", "/things/mine")
    def mine(self, call: Call) -> Response:
        return Response(200, "mine")

    @route("GET", "/files/{path...}")
    def file(self, call: Call, path: str) -> Response:
        return Response(200, path.encode(), {"Content-Type": "text/plain"})

    @route("POST", "/token", spared=True)
    def token(self, call: Call) -> Response:
        return Response(200, call.form())

    @route("GET", "/broken")
    def broken(self, call: Call) -> Response:
        raise RuntimeError("a fault of the stand-in")


@pytest.fixture
def shop():
    with Shop(clock=VirtualTime()) as shop:
        yield shop


@pytest.fixture
def http(shop: Shop):
    with httpx.Client(base_url=shop.url, headers={"X-Key": "k"}) as http:
        yield http


def test_routes_take_their_parts(http: httpx.Client) -> None:
    assert http.put("/things/a%2Fb", json={"n": 1}).json() == {"id": "a/b"}
    assert http.get("/things/a%2Fb").json() == {"n": 1}
    assert http.get("/things/mine").json() == "mine"
    assert http.post("/things/search").json() == ["a/b"]
    assert http.get("/files/a/b%20c.txt").text == "a/b c.txt"
    assert http.get("/nowhere").status_code == 404
    assert http.put("/things/x", content=b"{").status_code == 400


def test_who_is_not_signed_in_sees_nothing(http: httpx.Client) -> None:
    wrong = {"X-Key": "x"}
    assert http.get("/things/a", headers=wrong).status_code == 401
    assert http.get("/nowhere", headers=wrong).status_code == 401
    assert http.post("/token", data={"a": "1"}, headers=wrong).json() == {"a": "1"}


def test_the_journal_has_every_exchange(shop: Shop, http: httpx.Client) -> None:
    http.put("/things/1", json={"n": 1}, params={"a": "b"})
    (exchange,) = shop.calls("PUT", "/things/{id}")
    assert exchange.status == 201
    assert exchange.call.query == {"a": "b"}
    assert exchange.call.json() == {"n": 1}
    assert exchange.body == b'{"id":"1"}'


def test_the_date_is_the_tools_own(shop: Shop, http: httpx.Client) -> None:
    shop.skew = 3600 * SECOND
    assert http.get("/things/1").headers["date"] == "Sat, 21 Nov 2026 10:00:00 GMT"


def test_trouble_happens_as_it_is_switched_on(shop: Shop, http: httpx.Client) -> None:
    shop.mischief.once(Switch.THROTTLED)
    assert (http.get("/things/1").status_code, http.get("/things/1").status_code) == (429, 200)
    shop.mischief.once(Switch.UNAVAILABLE)
    assert http.put("/things/1", json=1).status_code == 503
    assert not shop.things
    shop.mischief.once(Switch.GARBLED)
    assert "<title>" in http.get("/things/1").text
    shop.mischief.once(Switch.LOST_ANSWER)
    with pytest.raises(httpx.RemoteProtocolError):
        http.put("/things/1", json=1)
    assert shop.things == {"1": 1}
    assert shop.journal[-1].status in (0, 201)
    shop.mischief.chances = {Switch.LOST_ANSWER: 1.0}
    assert http.post("/things/search").status_code == 200


def test_spared_routes_meet_no_trouble(shop: Shop, http: httpx.Client) -> None:
    shop.mischief.chances = dict.fromkeys(Switch, 1.0)
    assert http.post("/token", data={"a": "1"}).status_code == 200


def test_webhooks_wait_to_be_taken(shop: Shop) -> None:
    events = [Request("POST", "/", {}, str(number).encode(), 0) for number in range(3)]
    shop.events += events
    shop.mischief.once(Switch.DOUBLED)
    taken = shop.take_events()
    assert set(map(id, taken)) == set(map(id, events))
    assert len(taken) > 3
    assert shop.take_events() == []


def test_a_fault_of_the_stand_in_is_not_hidden() -> None:
    shop = Shop(clock=VirtualTime())
    shop.start()
    assert httpx.get(f"{shop.url}/broken", headers={"X-Key": "k"}).status_code == 500
    with pytest.raises(RuntimeError, match="a fault of the stand-in"):
        shop.stop()


def test_it_stops_although_connections_are_open() -> None:
    before = threading.active_count()
    with Shop(clock=VirtualTime()) as shop:
        http = httpx.Client(base_url=shop.url, headers={"X-Key": "k"})
        http.get("/things/1")
        url = shop.url
    http.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    with pytest.raises(RuntimeError):
        _ = shop.url
    for thread in threading.enumerate():
        if thread.name == "Shop":
            thread.join(5)
    assert threading.active_count() <= before + 1
