"""Applications that are made when they are first asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.parts import AtFirst, part
from tests.support import Lab


def _greeting(made: list[str]) -> FastAPI:
    made.append("made")
    app = FastAPI(openapi_url=None)

    @app.get("/hello/{name}")
    def hello(name: str) -> str:
        return name

    return app


def _around(made: list[str]) -> FastAPI:
    app = FastAPI(openapi_url=None)
    app.router.routes.append(part("/below", lambda: _greeting(made)))
    return app


def test_it_is_made_once_and_not_before_it_is_asked() -> None:
    made = list[str]()
    with TestClient(_around(made)) as client:
        assert client.get("/elsewhere").status_code == 404
        assert made == []
        assert [client.get("/below/hello/ann").json() for _ in range(2)] == ["ann", "ann"]
    assert made == ["made"]


def test_two_who_ask_first_at_once_ask_one() -> None:
    made = list[str]()
    app, ready = _around(made), Barrier(4)

    def ask(name: str) -> str:
        client = TestClient(app)
        ready.wait(60)
        return str(client.get(f"/below/hello/{name}").json())

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(ask, "abcd")) == list("abcd")
    assert made == ["made"]


def test_what_is_not_there_is_answered_by_the_part() -> None:
    with TestClient(_around([])) as client:
        assert client.get("/below/nothing").status_code == 404
        assert client.post("/below/hello/ann").status_code == 405
        assert client.get("/below/hello/a%0Ab").json() == "a\nb"


def test_the_hub_answers_whether_it_lives_without_making_its_console_or_its_api(tmp_path: Path) -> None:
    with Lab(tmp_path) as lab:
        app = create_app(lab.installation)
        with TestClient(app, base_url="http://127.0.0.1") as client:
            assert client.get("/healthz").status_code == 200
            parts = [getattr(route, "app", None) for route in app.router.routes]
            assert [one._made for one in parts if isinstance(one, AtFirst)] == [None, None]
            assert client.get("/console", follow_redirects=False).status_code == 308
            assert client.get("/console/", follow_redirects=False).status_code == 303
            assert client.get("/v1/me").status_code == 401
