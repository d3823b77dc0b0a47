"""WebDAV answers as real servers gave them (captured 2026-11-21), and as broken ones might."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors._kit.clock import VirtualTime
from connectors._kit.dav.members import Members
from connectors._kit.dav.protocol import BrokenXml, Dav, Multistatus, preconditions, strong
from connectors._kit.http import Http
from connectors.carddav.cards import CARDDAV, Cards
from core.errors import Garbled

PAYLOADS = Path(__file__).parent / "payloads"
BOOKS = {"radicale": "/alice/contacts/", "xandikos": "/alice/contacts/addressbook/"}
HOST = "http://books.example"

Handler = Callable[[httpx.Request], httpx.Response]


@pytest.fixture
def speak() -> Iterator[Callable[[Handler], Dav]]:
    """A `Dav` whose server is a function."""
    made: list[Http] = []

    def one(handler: Handler) -> Dav:
        time = VirtualTime()
        made.append(Http(HOST, clock=time, sleep=time.sleep, transport=httpx.MockTransport(handler)))
        return Dav(made[-1], CARDDAV)

    yield one
    for http in made:
        http.close()


def payload(name: str, status: int = 207) -> Handler:
    content = (PAYLOADS / name).read_bytes()
    return lambda _: httpx.Response(status, content=content, headers={"Content-Type": "application/xml"})


def xml(text: str) -> Handler:
    return lambda _: httpx.Response(207, content=text.encode(), headers={"Content-Type": "application/xml"})


@pytest.mark.parametrize("server", BOOKS)
def test_a_delta_names_what_changed_and_what_is_gone(speak: Any, server: str) -> None:
    answer = speak(payload(f"sync-delta.{server}.xml")).sync(f"{HOST}{BOOKS[server]}", "token")
    assert isinstance(answer, Multistatus)
    assert answer.token
    assert {one.path.removeprefix(BOOKS[server]): one.status for one in answer.resources} == {
        "1.vcf": 200,
        "2.vcf": 404,
    }
    changed = next(one for one in answer.resources if one.status == 200)
    assert changed.etag is not None
    assert changed.text("D:getcontenttype").startswith("text/vcard")


@pytest.mark.parametrize("server", BOOKS)
def test_cards_come_with_their_version_and_their_last_line_end(speak: Any, server: str) -> None:
    book = BOOKS[server]
    found = Members(speak(payload(f"multiget.{server}.xml")), Cards()).at(
        f"{HOST}{book}", [f"{book}1.vcf", f"{book}2.vcf"]
    )
    assert found[f"{book}2.vcf"].deleted
    read = found[f"{book}1.vcf"]
    assert read.version is not None
    assert read.version.startswith('"')
    assert (read.fields["note"], read.fields["email"]) == ("changed", "p1@example.com")
    assert read.fields["card"].endswith("END:VCARD\n")


@pytest.mark.parametrize(
    ("name", "status"), [("sync-expired-403.radicale.xml", 403), ("sync-expired-412.xandikos.xml", 412)]
)
def test_a_refused_token_is_no_answer(speak: Any, name: str, status: int) -> None:
    assert speak(payload(name, status)).sync(f"{HOST}/", "old") is None


@pytest.mark.parametrize(
    ("name", "status", "names"),
    [
        ("uid-conflict-409.radicale.xml", 409, {"no-uid-conflict"}),
        ("invalid-card-412.xandikos.xml", 412, {"valid-address-data"}),
    ],
)
def test_an_error_names_its_condition(speak: Any, name: str, status: int, names: set[str]) -> None:
    answer = speak(payload(name, status)).put(f"{HOST}/1.vcf", "card", version=None)
    assert answer.status == status
    assert preconditions(answer) == names


def test_a_condition_goes_with_every_write_and_lines_end_as_the_standard_says(speak: Any) -> None:
    seen: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(204, headers={"ETag": 'W/"2"'})

    dav = speak(handler)
    dav.put(f"{HOST}/1.vcf", "a\nb\r\nc\r", version=None)
    dav.put(f"{HOST}/1.vcf", "a", version='"1"')
    dav.delete(f"{HOST}/1.vcf", version='"1"')
    assert seen[0].content == b"a\r\nb\r\nc\r\n"
    assert seen[0].headers["if-none-match"] == "*"
    assert [request.headers["if-match"] for request in seen[1:]] == ['"1"', '"1"']
    assert strong('W/"2"') == '"2"'


def test_no_sync_asks_for_a_limit(speak: Any) -> None:
    seen: list[bytes] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.content)
        return payload("sync-delta.radicale.xml")(request)

    speak(handler).sync(f"{HOST}/", "a&b<c>")
    assert b"limit" not in seen[0]
    assert b"<D:sync-token>a&amp;b&lt;c&gt;</D:sync-token>" in seen[0]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa">]><D:multistatus xmlns:D="DAV:"><D:sync-token>&a;</D:sync-token></D:multistatus>'


@pytest.mark.parametrize("text", [BOMB, "<D:multistatus", "<a/>", "", "not xml"])
def test_what_is_no_multistatus_is_garbled(speak: Any, text: str) -> None:
    with pytest.raises(Garbled):
        speak(xml(text)).sync(f"{HOST}/", "")


def one_card(path: str, card: str) -> str:
    return (
        f"<D:response><D:href>{path}</D:href><D:propstat><D:prop><D:getetag>1</D:getetag>"
        f"<C:address-data>{card}</C:address-data></D:prop><D:status>HTTP/1.1 200 OK</D:status>"
        "</D:propstat></D:response>"
    )


def test_one_card_that_breaks_the_answer_does_not_hide_the_others(speak: Any) -> None:
    paths = [f"/b/{number}.vcf" for number in range(5)]

    def handler(request: httpx.Request) -> httpx.Response:
        asked = [path for path in paths if path.encode() in request.content]
        good = "BEGIN:VCARD\nVERSION:3.0\nFN:x\nNOTE:bell &#7;\x0b here\nEND:VCARD"
        cards = [one_card(path, "<broken" if path == "/b/3.vcf" else good) for path in asked]
        body = (
            f'<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav">{"".join(cards)}</D:multistatus>'
        )
        return xml(body)(request)

    dav = speak(handler)
    found = Members(dav, Cards()).at(f"{HOST}/b/", paths)
    assert {path: bool(remote.problem) for path, remote in found.items()} == {
        path: path == "/b/3.vcf" for path in paths
    }
    assert found["/b/0.vcf"].fields["note"] == "bell  here"
    with pytest.raises(BrokenXml):
        dav.multiget(f"{HOST}/b/", paths)
