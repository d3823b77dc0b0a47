"""Bad days: each ends with a clear message, nothing lost, and the hub going on by itself without a restart.

An address book (the stand-in server of `connectors.carddav`) and a folder of sheets stand opposite a memory tool;
the clock is virtual, and waiting only turns it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.building import ConnectionSpec
from api.listing import problems_of
from connectors._kit.mischief import Switch
from connectors.carddav.sandbox import Habits, Sandbox
from core.errors import REGISTRY, Garbled, SignedOut, Unavailable
from core.flow.outward.reconcile import reconcile
from core.flow.sync import Turn, sync
from core.store import runs
from tests.support import Lab

MAPPINGS = Path(__file__).parents[2] / "mappings"
CARDS = (MAPPINGS / "carddav.yaml").read_text(encoding="utf-8")
SHEETS = """
contacts:
  as: contact
  options: {file: contacts.csv, id: Email}
  fields:
    email: {field: Email, required: true}
    first_name: {field: First Name}
    last_name: {field: Last Name}
    phone: {field: Phone}
    job_title: {field: Job Title}
"""
MINUTE = 60.0
PEOPLE = 12


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    with Lab(tmp_path / "data") as lab:
        # The connectors' own pauses between two tries turn the clock, too.
        monkeypatch.setattr(time, "sleep", lab.clock.sleep)
        lab.tool("crm")
        yield lab


@pytest.fixture
def server() -> Iterator[Sandbox]:
    with Sandbox(Habits(rewrites=True, etag_on_put=False)) as server:
        for number in range(PEOPLE):
            server.put(f"{number}.vcf", card(number))
        yield server


def card(number: int, title: str = "Buyer") -> str:
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"UID:uid-{number}", f"FN:Ann Shore{number}", f"N:Shore{number};Ann;;;"]
    lines += [f"EMAIL:ann.{number}@shore.example", f"TEL;TYPE=CELL:+442079460{number:03d}", f"TITLE:{title}"]
    return "\r\n".join([*lines, "END:VCARD", ""])


def connect(lab: Lab, server: Sandbox, password: str | None = None) -> None:
    """Declare the address book, anew or again."""
    account = {"url": server.url, "username": server.username, "password": password or server.password}
    lab.installation.put_connection(ConnectionSpec("cards", "carddav", account, CARDS, "carddav.yaml"))
    lab.refreshed()


def title_in(server: Sandbox, number: int) -> str:
    """The job title on the one card of a person."""
    (body,) = [one.body for one in server.collections["contacts"].members.values() if f"ann.{number}@shore" in one.body]
    (line,) = [line for line in body.splitlines() if line.startswith("TITLE")]
    return line.partition(":")[2]


def error_of(turns: list[Turn], name: str = "cards") -> object:
    """What the last turn of a connection failed with."""
    return [turn.error for turn in turns if turn.connection == name][-1]


def edited_on_both_sides(lab: Lab, server: Sandbox) -> None:
    """What people do while the hub cannot see it: an edit in the tool, one in the book, and somebody new in each."""
    lab.tools["crm"].edit("contacts", lab.find("crm", email="ann.1@shore.example"), {"job_title": "Edited in the tool"})
    lab.tools["crm"].create(
        "contacts",
        {"email": "ann.50@shore.example", "first_name": "Ann", "last_name": "Shore50", "job_title": "New in the tool"},
    )
    server.put("2.vcf", card(2, "Edited in the book"))
    server.put("51.vcf", card(51, "New in the book"))


def all_arrived(lab: Lab, server: Sandbox) -> None:
    """Both sides hold everything that people did meanwhile, once, and nothing more is to be done."""
    expected = {1: "Edited in the tool", 2: "Edited in the book", 50: "New in the tool", 51: "New in the book"}
    for number, title in expected.items():
        assert title_in(server, number) == title
        lab.find("crm", email=f"ann.{number}@shore.example", job_title=title)
    assert len(server.collections["contacts"].members) == len(lab.all("crm")) == len(lab.records()) == PEOPLE + 2
    assert lab.dead_letters() == []
    assert lab.pending() == 0
    for name in ("cards", "crm"):
        assert reconcile(lab.hub, lab.connection(name)).whole.share == 1.0
    assert not any(turn.counts() for turn in lab.sync(until_quiet=True))


def calm(lab: Lab) -> None:
    """A sync that goes well, and some time after it."""
    assert [turn.error for turn in lab.sync(until_quiet=True) if turn.error] == []
    lab.wait(5 * MINUTE)


# --- a server


def test_a_server_that_rewrites_its_cards_is_written_once(lab: Lab, server: Sandbox) -> None:
    connect(lab, server)
    calm(lab)
    lab.tools["crm"].edit("contacts", lab.find("crm", email="ann.1@shore.example"), {"phone": "+442079469999"})
    for _ in range(3):
        calm(lab)
        lab.wait(5 * MINUTE)
    puts = [one for one in server.requests if one.startswith("PUT")]
    assert len(puts) == 1
    assert "+4420 7946 9999" in server.collections["contacts"].members["1.vcf"].body
    lab.find("crm", email="ann.1@shore.example", phone="+442079469999")


def test_a_program_that_does_not_move_the_date_of_a_card(lab: Lab, server: Sandbox) -> None:
    """REV says when a card was revised; what a program changes without touching it was not changed back then."""
    old = "REV:2026-01-05T08:00:00Z\r\nEND"
    server.put("4.vcf", card(4).replace("END", old))
    lab.tools["crm"].create("contacts", {"email": "ann.4@shore.example", "job_title": "Buyer"})
    connect(lab, server)
    calm(lab)
    server.put("4.vcf", card(4, "Promoted").replace("END", old))
    calm(lab)
    lab.find("crm", email="ann.4@shore.example", job_title="Promoted")
    assert title_in(server, 4) == "Promoted"


def test_a_server_that_answers_with_web_pages(lab: Lab, server: Sandbox) -> None:
    connect(lab, server)
    calm(lab)
    edited_on_both_sides(lab, server)
    server.mischief.chances[Switch.GARBLED] = 1.0
    for _ in range(5):
        error = error_of(lab.sync(until_quiet=True))
        assert isinstance(error, Garbled)
        assert "Hotel WiFi" in str(error)
        assert "proxy" in error.remedy
        lab.wait(5 * MINUTE)
    assert lab.connection("cards").state == "active"
    server.mischief.calm()
    lab.sync(until_quiet=True)
    all_arrived(lab, server)


def test_a_web_page_in_answer_to_a_write(lab: Lab, server: Sandbox) -> None:
    connect(lab, server)
    calm(lab)
    edited_on_both_sides(lab, server)
    lab.turn("crm")
    lab.turn("cards")
    lab.tools["crm"].edit("contacts", lab.find("crm", email="ann.3@shore.example"), {"job_title": "Third"})
    lab.turn("crm")

    def page_from_now_on(method: str, _name: str) -> None:
        if method == "PUT":
            server.mischief.once(Switch.GARBLED)

    server.meanwhile = page_from_now_on
    lab.turn("cards")
    assert server.mischief.happened[Switch.GARBLED]
    server.meanwhile = None
    for _ in range(3):
        lab.wait(10 * MINUTE)
        lab.sync(until_quiet=True)
    assert title_in(server, 3) == "Third"
    all_arrived(lab, server)


def test_a_server_that_is_down_for_an_hour(lab: Lab, server: Sandbox) -> None:
    connect(lab, server)
    calm(lab)
    lab.wait(30 * MINUTE)
    server.stop()
    edited_on_both_sides(lab, server)
    looks = []
    for _ in range(240):
        lab.wait(15)
        turns = sync(lab.hub, everything=False)
        if error := error_of(turns):
            assert isinstance(error, Unavailable)
            assert error.remedy == REGISTRY[error.error_code].remedy
            looks.append(lab.clock())
    assert 15 <= len(looks) <= 60, "slower each time, and never giving up"
    assert lab.connection("cards").state == lab.refreshed().connection("cards").state == "active"
    assert lab.reviews() == []
    with lab.hub.store.reading() as tx:
        failed = [run for run in runs.recent(tx, connection_id=lab.connection("cards").id) if run.code]
    assert "unavailable" in {run.code for run in failed} <= {"unavailable", "resting"}

    with server:
        for _ in range(20):
            lab.wait(15)
            sync(lab.hub, everything=False)
        all_arrived(lab, server)


# --- credentials


def test_wrong_credentials_pause_the_connection_until_a_person_mends_them(lab: Lab, server: Sandbox) -> None:
    connect(lab, server, password="not-the-password")
    error = error_of(lab.sync(until_quiet=True))
    assert isinstance(error, SignedOut)
    asked(lab)
    edited = lab.tools["crm"].create("contacts", {"email": "ann.60@shore.example", "first_name": "Ann"})
    before = len(server.requests)
    assert {turn.connection for turn in lab.sync(until_quiet=True)} == {"crm"}
    assert len(server.requests) == before, "nobody knocks with a password that is known to be wrong"

    connect(lab, server)
    lab.installation.resume("cards")
    lab.refreshed()
    calm(lab)
    assert lab.reviews() == []
    assert len(lab.all("crm")) == len(server.collections["contacts"].members) == PEOPLE + 1
    assert "ann.60@shore.example" in "".join(one.body for one in server.collections["contacts"].members.values())
    assert edited in lab.all("crm")


def test_credentials_that_are_revoked_in_the_middle_of_the_work(lab: Lab, server: Sandbox) -> None:
    connect(lab, server)
    calm(lab)
    edited_on_both_sides(lab, server)
    for number in range(100, 110):
        lab.tools["crm"].create("contacts", {"email": f"ann.{number}@shore.example", "first_name": "Ann"})
    lab.turn("crm")
    puts = 0

    def revoke(method: str, _name: str) -> None:
        nonlocal puts
        puts += method == "PUT"
        if puts == 4:
            server.password = "another-one"

    server.meanwhile = revoke
    lab.turn("cards")
    lab.refreshed()
    asked(lab)
    assert {one.code for one in lab.dead_letters()} == set()

    server.meanwhile = None
    connect(lab, server, password="another-one")
    lab.installation.resume("cards")
    lab.refreshed()
    for _ in range(3):
        calm(lab)
        lab.wait(10 * MINUTE)
    emails = [one.body.partition("EMAIL")[2].splitlines()[0] for one in server.collections["contacts"].members.values()]
    assert len(emails) == len(set(emails)) == len(lab.all("crm")) == PEOPLE + 2 + 10
    assert title_in(server, 1) == "Edited in the tool"
    lab.find("crm", email="ann.2@shore.example", job_title="Edited in the book")
    assert lab.reviews() == []
    assert lab.dead_letters() == []


def asked(lab: Lab) -> None:
    """The connection is paused, and one review says why and what to do, without the password."""
    paused = lab.refreshed().connection("cards")
    assert paused.state == "paused"
    (review,) = lab.reviews("connection")
    assert review.subject["code"] == "signed_out"
    assert review.subject["acts"] == "admin"
    assert "credentials" in review.subject["message"]
    assert review.subject["remedy"]
    assert "password" not in str({**review.subject, "remedy": ""})


# --- a sheet


def test_a_bad_row_in_the_middle_of_a_file(lab: Lab, tmp_path: Path) -> None:
    folder = tmp_path / "sheets"
    folder.mkdir()
    header = "Email,First Name,Last Name,Phone,Job Title"
    rows = [f"ann.{number}@shore.example,Ann,Shore{number},020 7946 {number:04d},Buyer" for number in range(40)]
    file = folder / "contacts.csv"

    def save(lines: list[str]) -> None:
        file.write_bytes("\r\n".join([header, *lines, ""]).encode())
        lab.wait(5 * MINUTE)

    bad = f"{rows[20]},one cell too many"
    save([*rows[:20], bad, *rows[21:]])
    spec = ConnectionSpec("sheets", "csv", {"folder": str(folder), "write": "in_place"}, SHEETS, "contacts.yaml")
    lab.installation.put_connection(spec)
    lab.refreshed()
    calm(lab)
    assert len(lab.all("crm")) == 39
    told = problems_of(lab.installation, "sheets", limit=10)
    assert told["counts"]["unread"] == 2
    assert told["unread"][0]["place"].startswith("contacts.csv line 22: ")

    # An edit elsewhere is written around the bad row, which keeps every byte.
    lab.tools["crm"].edit("contacts", lab.find("crm", email="ann.30@shore.example"), {"job_title": "Head"})
    calm(lab)
    assert bad in file.read_text(encoding="utf-8").splitlines()
    assert "ann.30@shore.example,Ann,Shore30,020 7946 0030,Head" in file.read_text(encoding="utf-8").splitlines()

    # A row that was good goes bad: the person stays, everywhere.
    lines = file.read_text(encoding="utf-8").splitlines()[1:]
    save([f"{lines[5]},x" if at == 5 else line for at, line in enumerate(lines)])
    calm(lab)
    assert len(lab.all("crm")) == len(lab.records()) == 39
    assert lab.reviews() == []

    # Both are mended.
    save([lines[5] if at == 5 else rows[20] if at == 20 else line for at, line in enumerate(lines)])
    calm(lab)
    assert len(lab.all("crm")) == len(lab.records()) == 40
    assert problems_of(lab.installation, "sheets", limit=10)["counts"] == dict.fromkeys(
        ("records", "unread", "dead_letters", "reviews"), 0
    )
    assert lab.pending() == 0
