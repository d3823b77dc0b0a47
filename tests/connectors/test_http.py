"""HTTP over real loopback sockets.

Patience where it is harmless, the right error everywhere, and discretion.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import respx
from structlog.testing import capture_logs

from connectors._kit.accounts import Local, Meter
from connectors._kit.allowance import terms
from connectors._kit.auth import Basic, Bearer, Key
from connectors._kit.clock import VirtualTime
from connectors._kit.errors import Reply, error_of, retry_after, to_http_date, words_of
from connectors._kit.http import Http, Skew, path_of, sees_skew
from connectors._kit.limits import Learnt
from connectors._kit.sandbox import Call, Response, Sandbox, route
from core.errors import (
    ConfigError,
    Exists,
    Forbidden,
    Garbled,
    Gone,
    Refused,
    Resting,
    SignedOut,
    Stale,
    Throttled,
    ToolError,
    Unavailable,
    Unknown,
)
from core.model.instant import SECOND, iso

SECRET = "pat-9f8e7d6c5b4a"


def metered(time: VirtualTime, requests: float, per: float, *, max_wait: float = 30.0) -> Meter:
    return Meter(Local(time), terms(requests, per), clock=time, sleep=time.sleep, max_wait=max_wait)


class Echo(Sandbox):
    """Answers what it is told to answer, in order; then what it was asked."""

    def __init__(self, **kit: Any) -> None:
        super().__init__(**kit)
        self.next: list[Response | None] = []

    def say(self, *responses: Response | None) -> None:
        self.next += responses

    def answer(self, call: Call) -> Response | None:
        if self.next and call.path != "/plain":
            response = self.next.pop(0)
            self.journal.append(_noted(call, response))
            return response
        return super().answer(call)

    @route("GET", "/plain")
    @route("GET", "/things/{id}")
    @route("POST", "/things")
    @route("POST", "/search", reading=True)
    @route("PROPFIND", "/dav/{path...}")
    @route("DELETE", "/things/{id}")
    def echo(self, call: Call, **parts: str) -> Response:
        headers = {k: v for k, v in call.headers.items() if k.startswith(("authorization", "x-", "depth"))}
        return Response(
            200, {"query": dict(call.query), "headers": headers, "parts": parts, "said": call.body.decode()}
        )


def _noted(call: Call, response: Response | None) -> Any:
    from connectors._kit.sandbox import Exchange

    return Exchange(call, response.status if response else 0, {}, b"", "")


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


@pytest.fixture
def tool(time: VirtualTime) -> Iterator[Echo]:
    with Echo(clock=time) as tool:
        yield tool


@pytest.fixture
def http(tool: Echo, time: VirtualTime) -> Iterator[Http]:
    with Http(tool.url, clock=time, auth=Bearer(SECRET), sleep=time.sleep, timeout=5) as http:
        yield http


def test_a_call_carries_its_parts(http: Http) -> None:
    said = http.post("things", params={"limit": 5, "none": None}, json={"a": 1}, headers={"X-Own": "1"}).json()
    assert said["query"] == {"limit": "5"}
    assert said["headers"] == {"authorization": f"Bearer {SECRET}", "x-own": "1"}
    assert said["said"] == '{"a":1}'


def test_one_connection_serves_many_calls(tool: Echo, http: Http) -> None:
    for _ in range(5):
        http.get("plain")
    assert tool.connections == 1
    assert http.calls == {200: 5}


def test_methods_and_parts_are_free(http: Http) -> None:
    said = http.request("PROPFIND", "dav/books/ada%20b/", headers={"Depth": "1"}, content="<x/>", expect="any").json()
    assert said["parts"] == {"path": "books/ada b/"}
    assert said["headers"]["depth"] == "1"


def test_a_whole_address_keeps_its_query(tool: Echo, time: VirtualTime) -> None:
    with Http(tool.url, clock=time, auth=Key(SECRET, param="key"), sleep=time.sleep) as http:
        said = http.get(f"{tool.url}/plain?after=7").json()
    assert said["query"] == {"after": "7", "key": SECRET}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused), (401, SignedOut), (402, Forbidden), (403, Forbidden), (404, Gone), (410, Gone),
        (412, Stale), (413, Refused), (422, Refused), (418, Refused),
    ],
)  # fmt: skip
def test_a_status_is_an_error_and_is_not_tried_again(
    tool: Echo, http: Http, status: int, error: type[ToolError]
) -> None:
    tool.say(Response(status, {"message": "No, because"}))
    with pytest.raises(error, match="No, because") as caught:
        http.get("things/1")
    assert caught.value.facts["status"] == status
    assert len(tool.journal) == 1


def test_409_depends_on_what_was_asked(tool: Echo, http: Http) -> None:
    tool.say(Response(409), Response(409))
    with pytest.raises(Exists):
        http.post("things", json={})
    with pytest.raises(Stale):
        http.delete("things/1")


def test_a_hook_knows_the_tool_better(tool: Echo, time: VirtualTime) -> None:
    def explain(reply: Reply, words: str) -> ToolError | None:
        return Exists(words, remote_id="7") if reply.status == 409 else None

    tool.say(Response(409, {"message": "Existing ID: 7"}), Response(404))
    with Http(tool.url, clock=time, explain=explain, sleep=time.sleep) as http:
        with pytest.raises(Exists) as caught:
            http.post("things", json={})
        with pytest.raises(Gone):
            http.get("things/1")
    assert caught.value.remote_id == "7"


@pytest.mark.parametrize("trouble", [Response(503), Response(500), Response(502), None])
def test_reading_is_tried_again(tool: Echo, http: Http, trouble: Response | None) -> None:
    tool.say(trouble, trouble)
    assert http.get("things/1").status == 200
    assert len(tool.journal) == 3


def test_patience_ends(tool: Echo, http: Http, time: VirtualTime) -> None:
    tool.say(*[Response(503)] * 9)
    with pytest.raises(Unavailable):
        http.get("things/1")
    assert len(tool.journal) == 4
    assert time.slept > 0


@pytest.mark.parametrize("trouble", [Response(500), Response(502), Response(504), None])
def test_a_write_without_an_answer_is_not_sent_again(tool: Echo, http: Http, trouble: Response | None) -> None:
    tool.say(trouble)
    with pytest.raises(Unknown):
        http.post("things", json={})
    assert len(tool.journal) == 1


def test_a_write_that_was_turned_away_is_sent_again(tool: Echo, http: Http) -> None:
    tool.say(Response(503), Response(429, None, {"Retry-After": "1"}))
    assert http.post("things", json={}).status == 200
    assert len(tool.journal) == 3


def test_a_search_by_post_is_reading(tool: Echo, http: Http) -> None:
    tool.say(None, Response(500))
    assert http.post("search", json={}, reading=True).status == 200


def test_a_silent_tool_is_unavailable_or_unknown(time: VirtualTime) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with Http(url, clock=time, sleep=time.sleep, timeout=0.05, retries=1) as http:
            with pytest.raises(Unavailable):
                http.get("x")
            with pytest.raises(Unknown):
                http.post("x", json={})


def test_nobody_there_is_unavailable_even_for_a_write(time: VirtualTime) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with Http(f"http://127.0.0.1:{port}", clock=time, sleep=time.sleep) as http:
        with pytest.raises(Unavailable):
            http.post("x", json={})
        assert http.calls == {"failed": 4}


def test_the_tools_wish_for_silence_is_heard(tool: Echo, http: Http, time: VirtualTime) -> None:
    tool.say(Response(429, None, {"Retry-After": "7"}))
    http.get("things/1")
    assert time.slept == 7


def test_a_long_silence_is_the_engines_business(tool: Echo, http: Http, time: VirtualTime) -> None:
    tool.say(Response(429, None, {"Retry-After": to_http_date(time() + 3600 * SECOND)}))
    with pytest.raises(Throttled) as caught:
        http.get("things/1")
    assert caught.value.wait == 3600
    assert time.slept == 0


def test_limits_are_taken_and_learnt(tool: Echo, time: VirtualTime) -> None:
    bucket = metered(time, 10, 1)
    tool.say(Response(200, {}, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "4"}))
    with Http(tool.url, clock=time, limits=bucket, sleep=time.sleep) as http:
        http.get("things/1")
        http.get("things/1")
    assert time.slept == 4


def test_a_tool_that_fails_and_fails_is_left_alone_for_a_while(tool: Echo, time: VirtualTime) -> None:
    tool.say(*[Response(503)] * 5)
    with Http(tool.url, clock=time, limits=metered(time, 100, 1), sleep=time.sleep) as http:
        for _ in range(2):
            with pytest.raises(Unavailable, match="failed on its side"):
                http.get("things/1")
        assert len(tool.journal) == 5
        with pytest.raises(Resting) as caught:
            http.get("things/1")
        with pytest.raises(Resting):
            http.post("things", json={})
        assert len(tool.journal) == 5, "nothing is sent meanwhile"
        assert 0 < caught.value.wait <= 2
        assert caught.value.acts == "nobody"
        assert "again at 20" in str(caught.value)
        time.sleep(caught.value.wait or 0)
        http.get("things/1")
        http.get("things/1")


def test_a_tool_that_refuses_for_want_of_quota_is_not_asked_in_a_loop(tool: Echo, time: VirtualTime) -> None:
    limits = metered(time, 100, 1)
    tool.say(*[Response(429)] * 40)
    with Http(tool.url, clock=time, limits=limits, sleep=time.sleep) as http:
        for _ in range(20):
            with pytest.raises(Throttled):
                http.get("things/1")
    assert len(tool.journal) < 10, "each refusal is followed by a longer silence, and whoever waits longer is told"


def test_what_waits_says_why_and_until_when(tool: Echo, time: VirtualTime) -> None:
    limits = metered(time, 100, 1)
    limits.learn(Learnt(0, 3600.0, allowed=100))
    http = Http(tool.url, clock=time, limits=limits, sleep=time.sleep, connection="shop")
    with http, pytest.raises(Throttled) as caught:
        http.get("things/1")
    assert caught.value.error_code == "throttled.day"
    assert caught.value.wait == 3600
    assert iso(time() + 3600 * SECOND) in str(caught.value)
    assert "reserve" in caught.value.remedy
    assert tool.journal == []


def test_a_call_falls_under_a_further_limit_at_each_try(tool: Echo, time: VirtualTime) -> None:
    apart = metered(time, 1, 100, max_wait=150)
    with Http(tool.url, clock=time, sleep=time.sleep) as http:
        for _ in range(3):
            http.get("things/1")
        assert time.slept == 0
        tool.say(Response(503))
        http.post("search", reading=True, also=apart)
    assert len(tool.journal) == 3 + 2
    assert time.slept >= 100


def test_a_call_that_the_further_limit_forbids_is_not_sent(tool: Echo, time: VirtualTime) -> None:
    apart = metered(time, 1, 100, max_wait=10)
    with Http(tool.url, clock=time, sleep=time.sleep) as http:
        http.post("search", reading=True, also=apart)
        with pytest.raises(Throttled) as caught:
            http.post("search", reading=True, also=apart)
        http.get("things/1")
    assert caught.value.wait == pytest.approx(100, rel=0.05)
    assert len(tool.calls("POST", "/search")) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!DOCTYPE html><title>Please\n log in</title>", "text/html"),
        (b"<html><head><title>Please log in</title>", "application/json"),
        (b'{"cut', "application/json"),
    ],
)
def test_what_is_not_json_is_garbled(tool: Echo, http: Http, body: bytes, kind: str) -> None:
    tool.say(Response(200, body, {"Content-Type": kind}))
    with pytest.raises(Garbled) as caught:
        http.get("things/1")
    assert ("'Please log in'" in str(caught.value)) == (b"title" in body)


def test_a_garbled_answer_to_a_write_is_unknown(tool: Echo, http: Http) -> None:
    tool.say(Response(200, b"<html></html>", {"Content-Type": "text/html"}))
    with pytest.raises(Unknown):
        http.post("things", json={})


def test_too_large_an_answer_is_garbled(tool: Echo, time: VirtualTime) -> None:
    tool.say(Response(200, b'"' + b"x" * 5000 + b'"'))
    with Http(tool.url, clock=time, max_bytes=1000, sleep=time.sleep) as http, pytest.raises(Garbled):
        http.get("things/1")


def test_credentials_stay_with_the_tools_host(tool: Echo, http: Http, time: VirtualTime) -> None:
    with Echo(clock=time) as stranger:
        elsewhere = stranger.url.replace("127.0.0.1", "localhost")
        tool.say(Response(302, None, {"Location": f"{elsewhere}/plain"}))
        assert http.get("things/1").json()["headers"] == {}
        assert http.get(f"{elsewhere}/plain").json()["headers"] == {}
        same = Response(307, None, {"Location": "/plain"})
        tool.say(same)
        assert http.get("things/1").json()["headers"] == {"authorization": f"Bearer {SECRET}"}


def test_another_port_of_the_host_is_another_tool(tool: Echo, http: Http, time: VirtualTime) -> None:
    with Echo(clock=time) as neighbour:
        assert http.get(f"{neighbour.url}/plain").json()["headers"] == {}


@respx.mock
@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("https://tool.example/a", True),
        ("https://eu.tool.example/a", True),
        ("https://cdn.example/a", True),
        ("http://tool.example/a", False),
        ("https://eviltool.example/a", False),
        ("https://example/a", False),
    ],
)
def test_who_may_see_the_credentials(time: VirtualTime, target: str, told: bool) -> None:
    seen = respx.get(target).mock(return_value=httpx.Response(200, json={}))
    respx.get("https://tool.example/start").mock(return_value=httpx.Response(302, headers={"Location": target}))
    with Http("https://tool.example", clock=time, auth=Bearer(SECRET), trusted=["cdn.example"]) as http:
        http.get("start")
    assert ("authorization" in seen.calls.last.request.headers) == told


def test_a_redirected_write_is_refused(tool: Echo, http: Http) -> None:
    tool.say(Response(301, None, {"Location": "/elsewhere"}))
    with pytest.raises(Refused):
        http.post("things", json={})


def test_redirects_in_a_circle_end(tool: Echo, http: Http) -> None:
    tool.say(*[Response(302, None, {"Location": "/things/1"})] * 9)
    with pytest.raises(Garbled):
        http.get("things/1")


def test_the_tools_clock_is_seen(tool: Echo, time: VirtualTime) -> None:
    seen: list[Skew] = []
    tool.skew = 90 * SECOND
    with Http(tool.url, clock=time, on_skew=seen.append, sleep=time.sleep) as http:
        http.get("plain")
    assert abs(sees_skew(seen[0]) - 90 * SECOND) <= SECOND // 2


def test_no_secret_in_errors_logs_or_repr(tool: Echo, time: VirtualTime) -> None:
    auth = Basic("ada", SECRET)
    with Http(tool.url, clock=time, auth=auth, redact=["hook-secret-1"], sleep=time.sleep) as http:
        tool.say(Response(503), Response(422, {"message": f"bad password {SECRET}, hook-secret-1, {auth.secrets[1]}"}))
        with capture_logs() as logs, pytest.raises(Refused) as caught:
            http.get("things/1", params={"token": SECRET})
        shown = f"{caught.value} {caught.value.facts} {logs} {http!r} {auth!r}"
    for secret in (SECRET, "hook-secret-1", *auth.secrets):
        assert secret not in shown
    assert "bad password •••" in shown
    assert {"http.call", "http.retry"} <= {line["event"] for line in logs}


def test_a_persons_address_is_not_in_the_messages(tool: Echo, http: Http) -> None:
    tool.say(Response(404))
    with pytest.raises(Gone) as caught:
        http.get(path_of("things", "ada@example.com"))
    assert "ada" not in str(caught.value)


def test_a_bad_address_says_so(time: VirtualTime) -> None:
    for url in ("crm.example.com", "ftp://crm.example.com", "https://", ""):
        with pytest.raises(ConfigError):
            Http(url, clock=time)


def test_an_address_with_credentials_is_refused_without_showing_them(time: VirtualTime) -> None:
    with pytest.raises(ConfigError) as caught:
        Http(f"https://ada:{SECRET}@crm.example.com", clock=time)
    assert SECRET not in f"{caught.value} {caught.value.remedy}"


def test_many_threads_share_one_client(tool: Echo, http: Http) -> None:
    threads = [threading.Thread(target=lambda: [http.get("plain") for _ in range(5)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert http.calls == {200: 20}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"message": "No"}', "No"),
        (b'[{"message": "No", "errorCode": "X"}]', "No"),
        (b'{"error": "invalid_grant", "error_description": "gone"}', "gone"),
        (b'{"message": "Bad", "errors": [{"message": "phone is long"}]}', "Bad phone is long"),
        (b'{"error": {"message": "No"}}', "No"),
        (b"<error><s:message>No &amp; never</s:message></error>", "No & never"),
        (b"plain words", "plain words"),
        (b'{"data": [1, 2]}', ""),
        (b'{"cut', ""),
        (b"", ""),
        (b"x" * 1000, "x" * 299 + "…"),
    ],
)
def test_a_tools_own_words(body: bytes, words: str) -> None:
    assert words_of(body) == words


def test_retry_after_reads_numbers_and_dates(time: VirtualTime) -> None:
    assert retry_after({"retry-after": "2.5"}, time()) == 2.5
    assert retry_after({"retry-after": to_http_date(time() + 10 * SECOND)}, time()) == 10
    assert retry_after({"retry-after": to_http_date(time() - 10 * SECOND)}, time()) == 0
    assert retry_after({"retry-after": "-3"}, time()) == 0
    assert retry_after({"retry-after": "soon"}, time()) is None
    assert retry_after({}, time()) is None


def test_the_table_serves_other_libraries() -> None:
    assert error_of(Reply("GET", 204, {}, b"")) is None
    error = error_of(Reply("POST", 429, {"retry-after": "5"}, b"", reading=False), at="query")
    assert isinstance(error, Throttled)
    assert error.wait == 5
    assert error.facts == {"status": 429, "at": "query"}
