"""The console in a real browser: Debian's Chromium, driven by Playwright, and the rules of axe-core.

Where there is no Chromium (`apt install chromium`) or no npm to fetch axe-core with, these tests say so and are
skipped; where services are expected (`CONCORD_REQUIRE_SERVICES=1`) they fail. Pictures of what was seen are kept in
`var/pictures`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import uvicorn
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page, sync_playwright

from api.app import create_app
from api.console.people import People, Role
from tests.api.console.conftest import CHEAP, PASSWORD
from tests.support import Lab

ROOT = Path(__file__).resolve().parents[2]
PICTURES, CACHE = ROOT / "var" / "pictures", ROOT / "var" / "axe-core"
AXE = "4.14.1"
AXE_SUM = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
"""What the registry says of that version (SHA-512)."""


def missing(what: str) -> NoReturn:
    """Skip, or fail where everything is expected to be there."""
    if os.environ.get("CONCORD_REQUIRE_SERVICES") == "1":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """As safe ones take a tenth of a second each."""
    monkeypatch.setattr("api.console.people._hasher", lambda: CHEAP)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """One browser for all tests of a process."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        missing("There is no Chromium; install Debian's package `chromium`.")
    with sync_playwright() as playwright:
        # Whoever runs as root has no sandbox; nothing but our own pages is opened.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, fetched from the npm registry once and held against its published sum."""
    kept = CACHE / f"axe-core-{AXE}.tgz"
    if not kept.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        npm = shutil.which("npm")
        ran = npm and subprocess.run(
            [npm, "pack", f"axe-core@{AXE}", "--silent", "--pack-destination", str(CACHE)], check=False,
            capture_output=True, timeout=120,
        )  # fmt: skip
        if not ran or ran.returncode or not kept.exists():
            missing(f"axe-core {AXE} cannot be fetched with npm.")
    assert hashlib.sha512(kept.read_bytes()).digest() == b64decode(AXE_SUM), "axe-core is not what was published"
    with tarfile.open(kept) as archive:
        inside = archive.extractfile("package/axe.min.js")
        assert inside is not None
        return inside.read().decode()


class Server:
    """The application on a port of its own, in a thread."""

    def __init__(self, app: Any) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/console/"
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.005)

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True
        self._thread.join(5)
        self._listener.close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path, tick=0) as made:
        yield made


@pytest.fixture
def server(lab: Lab) -> Iterator[Server]:
    made = Server(create_app(lab.installation))
    yield made
    made.stop()


Opened = Callable[..., Page]


@pytest.fixture
def visit(chromium: Chromium, server: Server, lab: Lab) -> Iterator[Opened]:
    """Opens the console in the browser, signed in through its own page as somebody with a role."""
    contexts: list[BrowserContext] = []
    people = People(lab.installation)

    def open_(role: str = "admin", *, width: int = 1440, scripts: bool = True, dark: bool = False) -> Page:
        email = f"{role}@shore.example"
        token = people.invite(email, Role(role), by=None)
        people.accept(token, email=email, name=f"{role.title()} Shore", password=PASSWORD)
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=scripts, base_url=server.url,
            color_scheme="dark" if dark else "light",
        )  # fmt: skip
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.goto("sign-in")
        page.get_by_label("Email").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(server.url)
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture
def picture(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keeps a picture of a page under the test's name."""

    def take(page: Page, name: str = "") -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        title = "-".join(filter(None, (request.node.name.removeprefix("test_"), name)))
        page.screenshot(path=PICTURES / f"{title}.png", full_page=True)

    return take
