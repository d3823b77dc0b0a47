"""The command line in this process, on a data folder of its own; small servers that misbehave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from api.cli import main
from connectors.memory.worlds import forget


class Ran(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)


Concord = Callable[..., Ran]


@pytest.fixture(autouse=True)
def fresh_worlds() -> Iterator[None]:
    """Worlds of the memory tool live as long as the process; each test has its own."""
    yield
    forget()


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder that commands use; nothing is in it."""
    folder = tmp_path / "data"
    monkeypatch.setenv("CONCORD_DATA", str(folder))
    monkeypatch.delenv("CONCORD_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def concord(data: Path, capsys: pytest.CaptureFixture[str]) -> Concord:
    """Run a command and give how it ended."""

    def run(*words: str) -> Ran:
        capsys.readouterr()
        code = 0
        try:
            main(list(words))
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1 if ended.code else 0
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return Ran(code, told.out, told.err)

    return run


@pytest.fixture
def sheets(tmp_path: Path) -> Path:
    """A folder with one small spreadsheet."""
    folder = tmp_path / "files"
    folder.mkdir()
    write_sheet(folder, ["ada@shop.example,Ada,020 7946 0011", "ben@shop.example,Ben,020 7946 0012"])
    return folder


def write_sheet(folder: Path, rows: Sequence[str]) -> None:
    text = "\n".join(["Email,First Name,Phone", *rows]) + "\n"
    (folder / "contacts.csv").write_text(text, encoding="utf-8")


MAPPING = """\
contacts:
  as: contact
  options: {file: contacts.csv, id: Email}
  fields:
    email: {field: Email, required: true}
    first_name: {field: First Name}
    phone: {field: Phone}
"""


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """A mapping for the spreadsheet."""
    path = tmp_path / "sheets.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return path


@pytest.fixture
def connected(concord: Concord, sheets: Path, mapping: Path) -> Concord:
    """With the spreadsheet connected."""
    ran = concord("connect", "csv", "sheets", "--set", f"folder={sheets}", "--mapping", str(mapping), "--yes")
    assert ran.code == 0, ran.err
    return concord


@pytest.fixture
def answering() -> Iterator[Callable[[int, str, str], str]]:
    """A server on loopback that gives every request the same answer: status, content type, body; gives its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(status: int, content_type: str, body: str) -> str:
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length") or 0))
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            do_GET = do_PROPFIND = do_REPORT = do_OPTIONS = answer  # noqa: N815 - the names http.server looks for

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
