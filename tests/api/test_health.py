"""`/healthz` and `/readyz`: whether the process lives, and whether it can do its work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from fastapi.testclient import TestClient
from sqlalchemy import event, text

from api.app import create_app
from api.assembly import Installation
from api.background import Background
from api.building import ConnectionSpec
from api.health import FRESH, checks
from api.settings import Settings
from connectors._kit.clock import VirtualTime
from core.errors import Unavailable, Unforeseen
from core.model.instant import SECOND
from core.store import runs
from core.store.database import Store
from core.store.vault import Vault

MAPPING = "contacts:\n  as: contact\n  fields: {email: {field: email}}\n"
TOKEN = "open-sesame-9"


@pytest.fixture(params=["embedded", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    url: str | None = request.getfixturevalue("bare_postgres_url") if request.param == "postgres" else None
    clock = VirtualTime()
    with Installation(
        Settings(data=tmp_path / "data", database_url=url), clock=clock, sleep=clock.sleep
    ) as installation:
        installation.put_connection(ConnectionSpec("crm", "memory", {"token": TOKEN}, MAPPING))
        yield installation


def ask(hub: Installation, path: str, engine: Background | None = None) -> tuple[int, dict]:
    with TestClient(create_app(hub, engine), base_url="http://127.0.0.1") as client:
        answer = client.get(path)
    assert TOKEN not in answer.text
    return answer.status_code, answer.json()


def failing(told: dict) -> list[str]:
    return [one["check"] for one in told["checks"] if not one["ok"]]


def away(hub: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the store answers nobody."""
    monkeypatch.setattr(hub, "store", Store("postgresql+psycopg://nobody:geheim@127.0.0.1:1/nothing"))


def test_all_is_well(hub: Installation) -> None:
    engine = Background(hub)
    engine.start()
    try:
        assert ask(hub, "/healthz", engine) == (200, {"ok": True, "background": True, "troubles": []})
        status, told = ask(hub, "/readyz", engine)
    finally:
        assert engine.stop(30)
    assert (status, told["ok"]) == (200, True)
    assert [one["check"] for one in told["checks"]] == ["store", "schema", "vault", "background"]


def test_a_process_lives_whose_database_is_away_and_is_not_ready(hub: Installation, monkeypatch: pytest.MonkeyPatch):
    away(hub, monkeypatch)
    assert ask(hub, "/healthz")[0] == 200
    status, told = ask(hub, "/readyz")
    assert (status, failing(told)) == (503, ["store"])
    assert "CONCORD_DATABASE_URL" in told["checks"][0]["remedy"]
    assert "geheim" not in str(told)


def test_a_process_whose_background_has_ended_does_not_live(hub: Installation) -> None:
    engine = Background(hub)
    engine.start()
    assert engine.stop(30)
    assert ask(hub, "/healthz", engine) == (503, {"ok": False, "background": False, "troubles": []})
    status, told = ask(hub, "/readyz", engine)
    assert (status, failing(told)) == (503, ["background"])


def test_a_database_of_another_version_is_told(hub: Installation) -> None:
    with hub.store.writing() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    status, told = ask(hub, "/readyz")
    assert (status, failing(told)) == (503, ["schema"])
    assert "0001" in told["checks"][1]["says"]


def test_a_lost_key_is_told(hub: Installation) -> None:
    hub.vault = Vault(Fernet.generate_key().decode())
    status, told = ask(hub, "/readyz")
    assert (status, failing(told)) == (503, ["vault"])
    assert "vault.key" in told["checks"][2]["remedy"]


class Still(Background):
    """A background whose thread lives and does nothing."""

    @property
    def alive(self) -> bool:
        return True


def test_a_background_that_stands_still_is_told_and_one_at_work_is_not(hub: Installation) -> None:
    engine = Still(hub)
    hub.sleep((FRESH + SECOND) / SECOND)
    assert failing(ask(hub, "/readyz", engine)[1]) == ["background"]
    with hub.store.writing() as tx:
        now = hub.clock()
        assert runs.take_lease(tx, "connection 1", "here", now=now, until=now + SECOND)
    assert ask(hub, "/readyz", engine)[0] == 200


def test_trouble_of_the_background_is_told(hub: Installation) -> None:
    engine = Still(hub)
    engine._troubles["tend"] = Unavailable("Ann's tool is away.")
    status, told = ask(hub, "/readyz", engine)
    assert (status, failing(told)) == (503, ["background"])
    assert "Ann" not in str(told)


def test_what_nobody_has_foreseen_is_told_and_shuts_no_door(hub: Installation) -> None:
    engine = Still(hub)
    engine._troubles["turn:1"] = Unforeseen("Working crm failed.", connection="crm")
    status, told = ask(hub, "/readyz", engine)
    assert (status, told["ok"], failing(told)) == (200, False, ["background"])
    status, told = ask(hub, "/healthz", engine)
    assert (status, told["ok"]) == (200, True)
    (trouble,) = told["troubles"]
    assert (trouble["code"], trouble["connection"], trouble["acts"]) == ("unforeseen", "crm", "admin")
    assert "Report it" in trouble["remedy"]
    engine._troubles["look"] = Unavailable("Ann's store is away.")
    assert ask(hub, "/readyz", engine)[0] == 503, "what keeps everything from going on goes first"
    status, told = ask(hub, "/healthz", engine)
    assert [one["code"] for one in told["troubles"]] == ["unavailable", "unforeseen"]
    assert "Ann" not in str(told)


def test_life_asks_nothing_of_the_store_and_readiness_a_few_things(hub: Installation) -> None:
    asked: list[str] = []
    event.listen(hub.store.engine, "before_cursor_execute", lambda *words: asked.append(words[2]))
    ask(hub, "/healthz")
    assert asked == []
    checks(hub, Still(hub))
    first = len(asked)
    for number in range(5):
        hub.put_connection(ConnectionSpec(f"more-{number}", "memory", {"token": TOKEN}, MAPPING))
    asked.clear()
    checks(hub, Still(hub))
    assert len(asked) == first
