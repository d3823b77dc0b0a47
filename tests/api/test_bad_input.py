"""Bad input: each has a clear message that says what to do, a code that is not 0, and changes nothing."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from api.assembly import Installation
from api.lock import engine_lock
from api.settings import Settings
from tests.api.conftest import MAPPING, Concord, write_sheet

PASSWORD = "swordfish-4711"


def no_connection(concord: Concord, data: Path):
    return (
        not data.exists() or not (data / "concord.db").exists() or concord("status", "--json").json["connections"] == []
    )


def connect_book(concord: Concord, url: str):
    return concord("connect", "carddav", "book", "--set", f"url={url}", "--set", "username=anna",
                   "--set", f"password={PASSWORD}", "--json")  # fmt: skip


def test_wrong_credentials(concord: Concord, data: Path, answering: Callable[[int, str, str], str]):
    ran = connect_book(concord, answering(401, "text/plain", "no"))
    assert ran.code == 1
    assert ran.json["error"]["code"] == "signed_out"
    assert ran.json["error"]["acts"] == "admin"
    assert "concord connect" in ran.json["error"]["remedy"]
    assert PASSWORD not in ran.out + ran.err
    assert no_connection(concord, data)


def test_a_server_that_answers_html(concord: Concord, data: Path, answering: Callable[[int, str, str], str]):
    page = "<html><body>Welcome to our proxy</body></html>"
    ran = connect_book(concord, answering(207, "text/html", page))
    assert ran.code != 0
    told = ran.out + ran.err
    assert "proxy" in told or "address" in told
    assert page not in told
    assert no_connection(concord, data)


def test_a_server_that_is_down(concord: Concord, data: Path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/"
    ran = connect_book(concord, url)
    assert ran.code == 1
    assert ran.json["error"]["code"].startswith("unavailable")
    assert ran.json["error"]["acts"] == "nobody"
    assert no_connection(concord, data)


def test_a_folder_that_is_gone_is_told_by_sync_and_loses_nothing(connected: Concord, sheets: Path):
    assert connected("sync", "--until-quiet").code == 0
    shutil.rmtree(sheets)
    ran = connected("sync", "--json")
    assert ran.code == 1
    assert ran.json["connections"]["sheets"]["error"]["remedy"]
    assert connected("status", "--json").json["records"] == {"contact": 2}


def test_an_unknown_field_in_a_mapping(concord: Concord, data: Path, sheets: Path, mapping: Path):
    mapping.write_text(MAPPING.replace("first_name:", "firstname:"), encoding="utf-8")
    ran = concord("connect", "csv", "sheets", "--set", f"folder={sheets}", "--mapping", str(mapping), "--yes")
    assert ran.code == 2
    assert "sheets.yaml:6:5" in ran.err
    assert "first_name" in ran.err
    assert no_connection(concord, data)


def test_broken_yaml_in_a_mapping(concord: Concord, data: Path, sheets: Path, mapping: Path):
    mapping.write_text(MAPPING + "   nonsense: [\n", encoding="utf-8")
    ran = concord("connect", "csv", "sheets", "--set", f"folder={sheets}", "--mapping", str(mapping), "--yes")
    assert ran.code == 2
    assert "sheets.yaml:" in ran.err
    assert "YAML" in ran.err
    assert no_connection(concord, data)


def test_a_bad_row_in_the_middle_of_a_file(connected: Concord, sheets: Path):
    write_sheet(sheets, ["ada@shop.example,Ada,020 7946 0011", "not whole", "ben@shop.example,Ben,020 7946 0012"])
    ran = connected("sync", "--until-quiet", "--json")
    assert ran.code == 0
    assert connected("status", "--json").json["records"] == {"contact": 2}
    places = [one["place"] for one in connected("problems", "--json").json["unread"]]
    assert any("contacts.csv line 3" in place for place in places)


def test_a_value_that_is_wrong_is_listed_and_stays_where_it_is(connected: Concord, sheets: Path):
    write_sheet(sheets, ["ada@shop.example,Ada,ask Jo"])
    connected("sync", "--until-quiet")
    found = connected("problems", "--json").json
    assert found["counts"]["records"] == 1
    assert "ask Jo" in found["records"][0]["problems"][0]
    assert "ask Jo" in (sheets / "contacts.csv").read_text(encoding="utf-8")


def test_a_port_that_is_taken(connected: Concord):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = connected("up", "--port", str(taken.getsockname()[1]))
    assert ran.code == 2
    assert "--port" in ran.err


def test_a_second_process_on_the_embedded_store(connected: Concord, data: Path):
    with Installation(Settings(data=data)) as other, engine_lock(other, "concord up"):
        ran = connected("sync", "--json")
        looked = connected("status", "--json")
    assert ran.code == 1
    assert ran.json["error"]["code"] == "store.busy"
    assert "process" in ran.json["error"]["message"]
    assert "concord up" in ran.json["error"]["message"]
    assert "kill" in ran.json["error"]["remedy"]
    assert looked.code == 0
    assert connected("sync").code == 0


def test_a_database_from_a_newer_version(connected: Concord, data: Path):
    with sqlite3.connect(data / "concord.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    before = (data / "concord.db").stat().st_size
    ran = connected("sync", "--json")
    assert ran.code == 1
    assert ran.json["error"]["code"] == "store.newer"
    assert "Upgrade" in ran.json["error"]["remedy"]
    assert (data / "concord.db").stat().st_size == before


def test_a_setting_of_the_environment_that_makes_no_sense(concord: Concord, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONCORD_PORT", "eighty")
    ran = concord("status")
    assert ran.code == 2
    assert "CONCORD_PORT" in ran.err


@pytest.mark.parametrize("url", ["not a url", "mysql://here/there"])
def test_a_database_address_that_is_none(concord: Concord, monkeypatch: pytest.MonkeyPatch, url: str):
    monkeypatch.setenv("CONCORD_DATABASE_URL", url)
    ran = concord("status")
    assert ran.code == 2
    assert "CONCORD_DATABASE_URL" in ran.err


def test_no_database_answers(concord: Concord, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONCORD_DATABASE_URL", "postgresql://nobody:secret-77@127.0.0.1:1/none")
    ran = concord("status")
    assert ran.code == 1
    assert "database" in ran.err
    assert "secret-77" not in ran.err


def test_looking_makes_nothing(concord: Concord, data: Path):
    for command in (["status"], ["problems"], ["log"], ["check"], ["sync"], ["why", "contact", "x@y.example"]):
        ran = concord(*command)
        assert ran.code == 2
        assert "concord connect" in ran.err
    assert not Path(data).exists()


def test_names_that_are_unknown(connected: Concord):
    for command in (["sync", "sheet"], ["check", "sheet"], ["resume", "sheet"], ["replay", "sheet"]):
        ran = connected(*command)
        assert ran.code == 2
        assert "sheet" in ran.err
    assert connected("connect", "cvs", "x").code == 2
    assert "Did you mean" in connected("why", "contcat", "x").err
    assert "Did you mean" in connected("why", "contact", "ada@shop.example", "fone").err
    assert connected("log", "--since", "yesterday-ish").code == 2
