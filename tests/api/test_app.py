"""The status page and the background behind it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.assembly import Installation
from api.background import Background
from api.building import ConnectionSpec
from api.engine import turn_crank
from api.settings import Settings
from core.model.instant import SECOND
from tests.api.conftest import MAPPING, Concord


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1_800_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(tmp_path: Path, sheets: Path, clock: Clock) -> Iterator[Installation]:
    with Installation(Settings(data=tmp_path / "data", database_url=None), clock=clock) as installation:
        installation.put_connection(
            ConnectionSpec("sheets", "csv", {"folder": str(sheets)}, MAPPING, "sheets.yaml", {"*": {"poll_every": 60}})
        )
        yield installation


def visit(hub: Installation, path: str, engine: Background | None = None, host: str = "127.0.0.1"):
    with TestClient(create_app(hub, engine), base_url=f"http://{host}") as client:
        return client.get(path)


def test_the_page_shows_connections_and_agreement(hub: Installation):
    turn_crank(hub)
    page = visit(hub, "/")
    assert page.status_code == 200
    assert "sheets" in page.text
    assert "100 %" in page.text


def test_the_page_needs_no_scripts_and_nothing_from_elsewhere(hub: Installation):
    page = visit(hub, "/")
    assert "<script" not in page.text
    assert not re.findall(r"(?:src|url)\s*[=(]", page.text)
    # Its links lead to pages of its own.
    assert set(re.findall(r"href\s*=\s*(\S+?)>", page.text)) <= {'"/audit"', '"/console/"'}
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert '<meta http-equiv="refresh"' in page.text


def test_what_tools_say_is_text_and_not_html(hub: Installation, clock: Clock):
    with hub.store.writing() as tx:
        from core.store import connections

        row = next(one for one in connections.all_connections(tx) if one.name == "sheets")
        note = "<img src=x onerror=alert(1)> `rm`"
        connections.change_connection(tx, row.id, state="paused", pause_code="signed_out", pause_note=note)
    page = visit(hub, "/")
    assert "<img" not in page.text
    assert "&lt;img" in page.text
    assert "<code>concord resume sheets</code>" in page.text


def test_no_secret_is_on_it(hub: Installation):
    hub.put_connection(
        ConnectionSpec(
            "crm", "memory", {"token": "open-sesame-9"}, "contacts:\n  as: contact\n  fields: {email: email}\n"
        )
    )
    assert "open-sesame-9" not in visit(hub, "/").text + visit(hub, "/healthz").text + visit(hub, "/readyz").text


def test_foreign_names_are_turned_away(hub: Installation):
    assert visit(hub, "/", host="evil.example").status_code == 400


def test_up_ends_cleanly_on_sigterm(connected: Concord, data: Path):
    environment = {**os.environ, "CONCORD_DATA": str(data)}
    command = [sys.executable, "-c", "from api.cli import main; main()", "up", "--port", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://[\d.:]+/", process.stdout.readline())
            assert found is not None
            with urllib.request.urlopen(found[0] + "healthz", timeout=20) as answer:  # noqa: S310 - loopback
                assert answer.status == 200
            busy = connected("sync", "--json")
            assert busy.json["error"]["code"] == "store.busy"
            assert str(process.pid) in busy.json["error"]["message"]
            process.send_signal(signal.SIGTERM)
            _out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert connected("sync").code == 0
