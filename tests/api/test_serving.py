"""Production mode refuses what it cannot run on; its workers do their tasks, give way, and go by what is in force."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from redis import Redis
from typer.testing import CliRunner

from api import worker
from api.assembly import Installation, now
from api.building import ConnectionSpec
from api.cli import app
from api.lanes import Lane
from api.presence import prefix
from api.settings import Settings
from api.worker import GIVES_WAY, SOON, Desk
from connectors.memory.connector import forget, use
from connectors.memory.tool import Tool
from core.errors import ConcordError, ConfigError
from tests.support import PEOPLE, people

POSTGRES = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONCORD_DATA", str(tmp_path / "data"))
    for name in ("CONCORD_REDIS_URL", "CONCORD_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("command", ["serve", "worker", "beat"])
def test_without_redis_it_is_said_what_to_set(command: str):
    ended = CliRunner().invoke(app, [command])
    assert isinstance(ended.exception, ConfigError)
    assert "CONCORD_REDIS_URL is not set" in ended.exception.message
    assert "concord up" in ended.exception.remedy


@pytest.mark.parametrize("command", ["serve", "worker", "beat"])
def test_sqlite_is_refused_because_one_process_works_it(command: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CONCORD_REDIS_URL", "redis://127.0.0.1:1/0")
    ended = CliRunner().invoke(app, [command])
    assert isinstance(ended.exception, ConfigError)
    assert "need PostgreSQL" in ended.exception.message
    assert "CONCORD_DATABASE_URL" in ended.exception.remedy


def test_a_database_url_that_is_sqlite_is_refused_too(tmp_path: Path):
    here = Settings(data=tmp_path, database_url=f"sqlite:///{tmp_path / 'x.db'}", redis_url=SecretStr("redis://x"))
    with pytest.raises(ConfigError, match="need PostgreSQL"):
        worker.redis_url(here)


def test_a_lane_there_is_not_is_named():
    ended = CliRunner().invoke(app, ["worker", "--queues", "consent,fast"])
    assert isinstance(ended.exception, ConfigError)
    assert "no lane 'fast'" in ended.exception.message
    assert "consent, live, upkeep, backfill" in ended.exception.remedy


def test_the_address_of_redis_may_hold_a_password_and_is_not_shown(tmp_path: Path):
    here = Settings(data=tmp_path, database_url=POSTGRES, redis_url=SecretStr("redis://:hush@127.0.0.1:1/0"))
    assert "hush" not in repr(here)
    assert worker.redis_url(here) == "redis://:hush@127.0.0.1:1/0"


# --- tasks


@pytest.fixture
def tools() -> Iterator[list[Tool]]:
    made = [use(Tool(f"{name} of the workers", clock=now)) for name in "ab"]
    yield made
    forget(*(tool.name for tool in made))


@pytest.fixture
def desk(tmp_path: Path, postgres_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk()
    made.settings = Settings(data=tmp_path / "data", database_url=postgres_url, redis_url=SecretStr(redis_url))
    monkeypatch.setattr(worker, "desk", made)
    yield made
    made.close()
    worker.app._after_fork()


def _connect(installation: Installation, tools: list[Tool]) -> list[int]:
    for name, tool in zip("ab", tools, strict=True):
        installation.put_connection(ConnectionSpec(name, "memory", {"world": tool.name}, PEOPLE, f"{name}.yaml"))
    return list(installation.hub().connections)


def _messages(desk: Desk, lane: Lane) -> list[tuple[str, int]]:
    """(task, about) of what waits in a lane, taken out of it."""
    installation, _ = desk.at()
    assert desk.settings is not None
    found = []
    with Redis.from_url(worker.redis_url(desk.settings)) as client:
        while (raw := client.lpop(f"{prefix(installation.hub().installation)}{lane}")) is not None:
            message = json.loads(raw)
            body = json.loads(base64.b64decode(message["body"]))
            found.append((message["headers"]["task"], body[0][0]))
    return found


def test_one_task_after_the_other_brings_the_tools_into_agreement(desk: Desk, tools: list[Tool]):
    installation, _ = desk.at()
    _connect(installation, tools)
    for person in people(3):
        tools[0].create("contacts", person)
    worker.wake()
    done = []
    for _ in range(8):
        for lane in Lane:
            for task, about in _messages(desk, lane):
                done.append(task)
                getattr(worker, task)(about)
    assert len(tools[1].all("contacts")) == 3
    assert {"load", "turn", "tend", "measure", "alert"} <= set(done)
    assert "wake" not in done


def test_what_a_task_makes_due_is_woken_at_its_end(desk: Desk, tools: list[Tool]):
    installation, wakes = desk.at()
    first, second = _connect(installation, tools)
    tools[0].create("contacts", people(1)[0])
    worker.load(second)
    for task, about in _messages(desk, Lane.LIVE):
        wakes.begun(task, about)
    assert ("turn", second) not in _messages(desk, Lane.LIVE)
    worker.load(first)
    assert ("turn", second) in _messages(desk, Lane.LIVE)


def test_a_task_goes_by_what_another_process_has_put_in_force(
    desk: Desk, tools: list[Tool], postgres_url: str, tmp_path: Path
):
    installation, _ = desk.at()
    first, _second = _connect(installation, tools)
    worker.load(first)
    with Installation(Settings(data=tmp_path / "data", database_url=postgres_url)) as other:
        other.change(removed=["a"])
    tools[0].create("contacts", people(1)[0])
    worker.turn(first)
    with installation.store.reading() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM record").scalar() == 0


def test_trouble_of_the_store_ends_a_task_and_not_the_worker(desk: Desk, tools: list[Tool]):
    installation, _ = desk.at()
    first, _ = _connect(installation, tools)

    def fails(_at: Installation) -> None:
        raise ConcordError("nothing goes")

    desk.does("turn", first, fails)


def test_a_first_load_gives_way_to_what_waits_for_this_worker_only(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    wakes = desk.at()[1]
    clock = 1_000.0
    monkeypatch.setattr("api.worker.time.monotonic", lambda: clock)
    gives_way = desk.gives_way()
    wakes.knock()
    assert not gives_way()
    clock += SOON + 1
    assert gives_way()
    desk.lanes = [Lane.BACKFILL]
    gives_way = desk.gives_way()
    clock += SOON + 1
    assert not gives_way()
    clock += GIVES_WAY
    assert gives_way()


def test_a_first_load_gives_way_when_the_worker_is_to_end(desk: Desk):
    gives_way = desk.gives_way()
    assert not gives_way()
    worker.ending.set()
    try:
        assert gives_way()
    finally:
        worker.ending.clear()


def test_two_installations_share_a_redis_and_not_their_messages(desk: Desk, redis_url: str):
    desk.at()[1].knock()
    with Redis.from_url(redis_url) as client:
        names = [key.decode() for key in client.scan_iter("*") if b"claimed" not in key]
    assert names
    assert [name for name in names if not name.startswith(prefix(desk.at()[0].hub().installation))] == []


@pytest.mark.parametrize("ended", [1, 0, None])
def test_a_worker_that_ended_of_itself_says_so_to_whoever_starts_it_again(
    ended: int | None, monkeypatch: pytest.MonkeyPatch
):
    class Ends:
        exitcode = ended

        def start(self) -> None: ...

    monkeypatch.setattr(worker.app, "Worker", lambda **_: Ends())
    monkeypatch.setattr("gc.freeze", lambda: None)

    def works() -> None:
        worker.work(Settings(), tuple(Lane), concurrency=1)

    if ended:
        with pytest.raises(SystemExit) as caught:
            works()
        assert caught.value.code == ended
    else:
        works()
