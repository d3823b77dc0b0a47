"""No secret in clear: a whole run with secrets of every kind, and every byte that came of it is looked through."""

from __future__ import annotations

import base64
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from api import logs
from api.backup import back_up
from api.console.people import People, Role
from api.v1.keys import Keys
from core.errors import ConcordError
from core.store.vault import Vault
from tests.api.conftest import Concord
from tests.api.hooked import CRM, NEWS, SECRET, SIGNING, Street

TOKEN = "pat-marker-5f2c9e71d0b84a36"
PASSWORD = "correct-horse-marker-2b7e"
CLIENT_SECRET = "client-marker-91c4d7aa"
COMMANDS = (
    ("status",), ("log",), ("reviews",), ("hooks",), ("vault", "status"), ("keys", "list"), ("people", "list"),
    ("alerts",), ("sync", "parrot"), ("vault", "rotate"),
)  # fmt: skip


class Parrot(BaseHTTPRequestHandler):
    """A tool that repeats in its refusal all that it was told."""

    def do_GET(self) -> None:
        told = str(self.headers).encode() + self.path.encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        shown = told.decode("latin-1").replace("\\", "").replace('"', "").replace("\n", " ").replace("\r", "")
        self.wfile.write(b'{"status":"error","message":"' + shown.encode() + b'","category":"INVALID_AUTHENTICATION"}')

    do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815 -- names of the library

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def parrot() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def forms(secret: str) -> set[bytes]:
    """A secret, and how it looks where it was wrapped."""
    plain = secret.encode()
    return {plain, quote(secret, safe="").encode(), base64.b64encode(plain).rstrip(b"="), plain.hex().encode()}


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield str(file.relative_to(folder)), file.read_bytes()


def test_no_secret_is_in_clear_anywhere(
    tmp_path: Path, parrot: str, concord: Concord, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("CONCORD_LOG", "debug")
    logs.set_up()
    made: dict[str, bytes] = {}
    with Street(tmp_path) as street:
        installation = street.lab.installation
        secrets = {
            "a pasted token": TOKEN, "a client secret": CLIENT_SECRET, "a password": PASSWORD,
            "the secret of a webhook's address": SECRET, "the secret that signs a webhook": SIGNING,
            "the CRM's client secret": street.crm.client_secret, "the newsletter's key": street.news.api_key,
        }  # fmt: skip
        settings = {"url": parrot, "token": TOKEN, "client_secret": CLIENT_SECRET}
        street._connect("parrot", "hubspot", settings)
        people = People(installation)
        welcome = people.first_link()
        assert welcome is not None
        secrets["a link of invitation"] = welcome
        secrets["a visit"] = people.accept(welcome, email="ann@shop.example", name="Ann", password=PASSWORD)
        secrets["a key of the API"], _ = Keys(installation).make("reports", Role.VIEWER, None, ends_at=None, by=None)
        street.settle()
        for request in street.crm.take_events():
            street.send(request)
        street.sent()
        street.hear(NEWS)
        street.hear(CRM)
        try:
            street.lab.turn("parrot")
        except ConcordError as error:
            made["the error"] = repr(error.to_json()).encode()
        backup = tmp_path / "kept.zip"
        back_up(street.lab.settings, backup, at=street.lab.clock())
        captured = capsys.readouterr()
        made["what was logged"] = (captured.out + captured.err).encode()
        assert b"http.call" in made["what was logged"], "it was not logged at debug"
        made |= {f"while it runs: {name}": held for name, held in files(tmp_path / "data") if name != "vault.key"}
    monkeypatch.setenv("CONCORD_DATA", str(tmp_path / "data"))
    keys = (tmp_path / "data" / "vault.key").read_text()
    for words in COMMANDS:
        for more in ((), ("--json",)):
            ran = concord(*words, *more)
            made[f"concord {' '.join((*words, *more))}"] = (ran.out + ran.err).encode()
    monkeypatch.setenv("CONCORD_VAULT_KEY", keys[:-6] + "AAAAA=")
    ran = concord("sync", "--json")
    made["with a wrong key"] = (ran.out + ran.err).encode()
    secrets |= {f"a key of the vault, {number}": one for number, one in enumerate((keys, *_keys(tmp_path)))}
    made |= {f"afterwards: {name}": held for name, held in files(tmp_path / "data") if name != "vault.key"}
    with zipfile.ZipFile(backup) as zipped:
        made |= {f"in the backup: {name}": zipped.read(name) for name in zipped.namelist()}
    assert any(name.endswith("concord.db") and len(held) > 10_000 for name, held in made.items())
    found = [(what, where) for what, one in secrets.items() for where, held in made.items()
             if any(form in held for form in forms(one))]  # fmt: skip
    assert found == []


def test_the_looking_finds_what_is_there(tmp_path: Path):
    (tmp_path / "one").write_bytes(b"..." + base64.b64encode(TOKEN.encode()) + b"...")
    ((_, held),) = files(tmp_path)
    assert any(form in held for form in forms(TOKEN))
    sealed = Vault.in_folder(tmp_path / "data").seal({"token": TOKEN})
    assert not any(form in sealed for form in forms(TOKEN))


def _keys(folder: Path) -> list[str]:
    return (folder / "data" / "vault.key").read_text().split()
