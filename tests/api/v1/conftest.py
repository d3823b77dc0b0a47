"""Programs that show keys, in front of a hub with two tools."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.console.people import Role
from api.v1.keys import Keys
from tests.support import Lab

ANN = {"email": "ann@shore.example", "first_name": "Ann", "last_name": "Shore", "phone": "020 7946 0018"}


class Program:
    """A program with a key."""

    def __init__(self, client: TestClient, key: str) -> None:
        self._client, self._key = client, {"Authorization": f"Bearer {key}"} if key else {}

    def get(self, path: str, **more: Any) -> httpx.Response:
        """GET below /v1."""
        return self._asked("GET", path, **more)

    def post(self, path: str, json: Any = None, **more: Any) -> httpx.Response:
        """POST below /v1."""
        return self._asked("POST", path, json=json, **more)

    def patch(self, path: str, json: Any, **more: Any) -> httpx.Response:
        """PATCH below /v1."""
        return self._asked("PATCH", path, json=json, **more)

    def delete(self, path: str, **more: Any) -> httpx.Response:
        """DELETE below /v1."""
        return self._asked("DELETE", path, **more)

    def _asked(self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        said = {**self._key, **(headers or {})}
        answer: httpx.Response = self._client.request(method, f"/v1{path}", headers=said, **more)
        return answer


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """Two tools that hold Ann."""
    with Lab(tmp_path) as made:
        made.tool("crm")
        made.tool("shop")
        made.tools["crm"].create("contacts", ANN)
        made.settle()
        yield made


@pytest.fixture
def client(lab: Lab) -> Iterator[TestClient]:
    """The hub's doors."""
    with TestClient(create_app(lab.installation), base_url="http://127.0.0.1") as found:
        yield found


@pytest.fixture
def program(lab: Lab, client: TestClient) -> Callable[..., Program]:
    """A program with a key of some role and scopes."""

    def made(role: Role = Role.OPERATOR, *scopes: str, **more: Any) -> Program:
        token, _ = Keys(lab.installation).make(f"a {role}", role, scopes or None, by=None, **more)
        return Program(client, token)

    return made


@pytest.fixture
def anonymous(client: TestClient) -> Program:
    """A program without a key."""
    return Program(client, "")
