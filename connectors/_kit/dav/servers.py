"""Real servers of address books and calendars on loopback, for tests and the demo: Radicale and Xandikos themselves.

Each runs as a process of its own on a free port, keeps its data and its log in the folder it is given, and ends with
the `with` block. `seed` fills a collection quickly, past the protocol where that is quicker.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

USER = "alice"
PASSWORD = "wonderland-7"  # noqa: S105 - of a server that lives as long as a test
_PATIENCE = 30.0
"""Seconds a server may take to answer for the first time, and to end."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server with one empty address book and one empty calendar."""

    kind: str
    url: str
    username: str
    password: str
    book: str
    """The path of its address book."""
    folder: Path
    """Where the book's files are."""
    calendar: str
    """The path of its calendar."""
    calendar_folder: Path
    """Where the calendar's files are."""
    process: subprocess.Popen[bytes]

    def client(self) -> httpx.Client:
        """Signed in, for a person who works past Concord."""
        auth = (self.username, self.password) if self.username else None
        return httpx.Client(base_url=self.url, auth=auth, timeout=60)

    def stop(self) -> None:
        """End the process; more than once does no harm."""
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def radicale(folder: Path, **storage: object) -> Iterator[Server]:
    """Radicale with one user, one book and one calendar; `storage` are further options, e.g. `max_sync_token_age=2`."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    (folder / "users").write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
    options = "".join(f"{name} = {value}\n" for name, value in storage.items())
    (folder / "config").write_text(
        f"[server]\nhosts = 127.0.0.1:{port}\n"
        f"[auth]\ntype = htpasswd\nhtpasswd_filename = {folder / 'users'}\nhtpasswd_encryption = plain\ndelay = 0\n"
        f"[rights]\ntype = owner_only\n[web]\ntype = none\n"
        f"[storage]\nfilesystem_folder = {folder / 'data'}\n{options}",
        encoding="utf-8",
    )
    home = folder / "data" / "collection-root" / USER
    for name, tag in (("contacts", "VADDRESSBOOK"), ("calendar", "VCALENDAR")):
        (home / name).mkdir(parents=True, exist_ok=True)
        # The file in which Radicale keeps a collection's properties: with it the folder is a book or a calendar.
        props = {"tag": tag, "D:displayname": name.title()}
        (home / name / ".Radicale.props").write_text(json.dumps(props), encoding="utf-8")
    command = ["-m", "radicale", "--config", str(folder / "config")]
    with _running(command, folder, port) as process:
        url = f"http://127.0.0.1:{port}/"
        places = (f"/{USER}/contacts/", home / "contacts", f"/{USER}/calendar/", home / "calendar")
        yield Server("radicale", url, USER, PASSWORD, *places, process)


@contextmanager
def xandikos(folder: Path) -> Iterator[Server]:
    """Xandikos with one book, one calendar and no sign-in (it offers that only over TLS)."""
    folder.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    book, calendar = f"/{USER}/contacts/addressbook/", f"/{USER}/calendars/calendar/"
    command = [
        "-m", "xandikos", "serve", "-d", str(folder / "data"), "--defaults", "--current-user-principal", f"/{USER}/",
        "-l", "127.0.0.1", "-p", str(port), "--state-dir", str(folder / "state"), "--no-detect-systemd",
    ]  # fmt: skip
    with _running(command, folder, port) as process:
        data = folder / "data"
        places = (book, data / book.strip("/"), calendar, data / calendar.strip("/"))
        yield Server("xandikos", f"http://127.0.0.1:{port}/", "", "", *places, process)


def seed(server: Server, texts: Mapping[str, str], *, calendar: bool = False) -> None:
    """Put cards (file name → text) into the server's book, or objects into its calendar, in one stroke."""
    path, folder = (server.calendar, server.calendar_folder) if calendar else (server.book, server.folder)
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())
    if server.kind == "xandikos":
        _commit(folder, list(texts))
    with server.client() as client:
        # Radicale notes what is there when it is first asked; before that, a delta would miss it.
        answer = client.request("PROPFIND", path, headers={"Depth": "1", "Content-Type": "text/xml"}, content=_LOOK)
        answer.raise_for_status()


_LOOK = b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'


def _commit(folder: Path, names: Sequence[str]) -> None:
    """One git commit with all of them; one for each, as PUT makes them, takes a tenth of a second."""
    from dulwich import porcelain

    porcelain.add(str(folder), [str(folder / name) for name in names])
    porcelain.commit(
        str(folder), message=b"seed", author=b"Seed <seed@example.test>", committer=b"Seed <seed@example.test>"
    )


@contextmanager
def _running(command: Sequence[str], folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this very Python, once it answers on its port; ended when the block ends."""
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter on an installed package
            [sys.executable, *command], stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=folder
        )
        try:
            _wait_for(port, process, folder / "server.log")
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            httpx.request("OPTIONS", f"http://127.0.0.1:{port}/", timeout=2)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {log.read_text(encoding='utf-8', errors='replace')[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
