"""A hub with its console, and people who are signed in."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from httpx import Response

from api.app import create_app
from api.console.app import PAGES
from api.console.desk import PLACE, Desk
from api.console.people import People, Role
from tests.support import Lab

PASSWORD = "a sentence of five words"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
KEY = re.compile(r'name="form_key" value="([^"]+)"')


class Browser:
    """Somebody at the console: reads pages, and sends their forms as a browser does."""

    def __init__(self, lab: Lab, app: Any, email: str) -> None:
        self.lab, self.email = lab, email
        self.client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)

    def open(self, path: str, **asked: Any) -> Response:
        """A page, whatever it answers."""
        answer: Response = self.client.get(f"/console/{path}", params=asked or None)
        return answer

    def read(self, path: str, **asked: Any) -> str:
        """A page's words, without its marks."""
        answer = self.open(path, **asked)
        assert answer.status_code == 200, (answer.status_code, answer.headers.get("location"), words(answer.text))
        return words(answer.text)

    def post(self, path: str, page: str = "me", **said: Any) -> Response:
        """Send a form that was read on a page."""
        found = KEY.search(self.open(page).text)
        key = found[1] if found else ""
        answer: Response = self.client.post(f"/console/{path}", data={"form_key": key, **said})
        return answer

    def follow(self, answer: Response) -> Response:
        """The page to which a form has led."""
        assert answer.status_code == 303, (answer.status_code, words(answer.text))
        return self.open(answer.headers["location"].removeprefix("/console/"))

    def sign_in(self, password: str = PASSWORD, **more: str) -> Response:
        """Come in."""
        said = {"email": self.email, "password": password, **more}
        answer: Response = self.client.post("/console/sign-in", data=said)
        return answer


def routes(lab: Lab) -> dict[tuple[str, str], str]:
    """Method and path of everything that the console answers → the role that it asks for; blank where none."""
    desk = Desk(lab.installation)
    found = [one for page in PAGES for one in page.routes(desk).routes]
    ours = [one for one in found if isinstance(one, APIRoute)]
    known = {(method, f"{PLACE}{one.path}"): _role(one) for one in ours for method in one.methods or ()}
    assert len(known) >= len(PAGES)
    return {**known, ("GET", f"{PLACE}/static/{{name}}"): ""}


def _role(route: APIRoute) -> str:
    """The role that a page's visitor must have, as its function says."""
    asked = {getattr(one.call, "__name__", "") for one in route.dependant.dependencies} & set(Role)
    assert len(asked) <= 1, route.path
    return asked.pop() if asked else ""


def words(page: str) -> str:
    """What a page says, without its marks."""
    body = re.sub(r"(?s)<(script|style).*?</\1>", " ", page)
    inline = re.sub(r"</?(?:code|b|span|a|time|ins|del)\b[^>]*>", "", body)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", inline)).split())


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """As safe ones take a tenth of a second each."""
    monkeypatch.setattr("api.console.people._hasher", lambda: CHEAP)


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page waits for what it began until it has ended, however slow the machine is."""
    monkeypatch.setattr("api.errands.PATIENCE", 60.0)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path, tick=0) as made:
        yield made


@pytest.fixture
def app(lab: Lab) -> Any:
    return create_app(lab.installation)


@pytest.fixture
def people(lab: Lab) -> People:
    return People(lab.installation)


@pytest.fixture
def someone(lab: Lab, app: Any, people: People) -> Callable[[str], Browser]:
    """Makes somebody with a role, signed in."""

    def make(role: str, email: str = "") -> Browser:
        browser = Browser(lab, app, email or f"{role}@shore.example")
        token = people.invite(browser.email, Role(role), by=None)
        people.accept(token, email=browser.email, name=role.title(), password=PASSWORD)
        assert browser.sign_in().status_code == 303
        return browser

    return make


@pytest.fixture
def admin(someone: Callable[[str], Browser]) -> Browser:
    return someone("admin")
