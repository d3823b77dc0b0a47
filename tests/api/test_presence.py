"""Presence: the doors say who is missing for the work, stay open all the same, and alert in the workers' place."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from redis import Redis

from api import alerting, attending, presence
from api.alerting import Way
from api.app import create_app
from api.assembly import Installation
from api.attending import stand_in
from api.cli import main
from api.lanes import Lane
from api.metrics import Standing
from api.presence import BEAT, GONE, Presence, prefix, presence_of
from api.settings import Settings
from api.snapshot import snapshot
from connectors._kit.clock import VirtualTime
from core.decide.alerting import News
from core.errors import StoreError
from core.model.instant import MINUTE, SECOND
from core.store import alerts

LANES = [str(lane) for lane in Lane]


@pytest.fixture
def hub(tmp_path: Path, redis_url: str) -> Iterator[Installation]:
    time = VirtualTime()
    with Installation(Settings(data=tmp_path / "data", database_url=None), clock=time, sleep=time.sleep) as made:
        made.presence = Presence.at(redis_url, "test:")
        yield made


def says(redis_url: str, *names: str) -> None:
    """A process of its own says that it is there."""
    Presence.at(redis_url, "test:").tell(names)


def ask(hub: Installation, path: str = "/readyz") -> tuple[int, Any]:
    with TestClient(create_app(hub), base_url="http://127.0.0.1") as client:
        answer = client.get(path)
    return answer.status_code, answer.json() if path != "/" else answer.text


def failing(told: dict[str, Any]) -> list[str]:
    return [one["check"] for one in told["checks"] if not one["ok"]]


def test_where_workers_and_beat_are_there_all_is_well(hub: Installation, redis_url: str):
    says(redis_url, "consent", "live", "upkeep")
    says(redis_url, "backfill")
    says(redis_url, BEAT)
    status, told = ask(hub)
    assert (status, told["ok"], told["open"]) == (200, True, True)
    assert told["checks"][-1] == {"check": "workers", "ok": True, "says": "Workers and beat do the work."}


def test_where_nobody_works_the_door_says_so_and_takes_what_comes(hub: Installation, redis_url: str):
    says(redis_url, BEAT)
    status, told = ask(hub)
    assert (status, told["ok"], told["open"], failing(told)) == (200, False, True, ["workers"])
    assert "`concord worker`" in told["checks"][-1]["remedy"]
    assert "No worker has been there" in ask(hub, "/")[1]
    assert ask(hub, "/healthz")[0] == 200, "a door is not started anew because others are missing"


def test_the_state_tells_who_is_missing_and_no_more_once_somebody_is_there(hub: Installation, redis_url: str):
    told = snapshot(hub)["troubles"]
    assert [one["what"].partition(" for ")[0] for one in told] == ["No worker has been there", "Nobody has looked"]
    assert all(one["remedy"] for one in told)
    says(redis_url, *LANES, BEAT)
    assert snapshot(hub)["troubles"] == []


def test_status_tells_it_where_several_processes_share_the_work(
    tmp_path: Path,
    redis_url: str,
    postgres_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("CONCORD_DATA", str(tmp_path))
    monkeypatch.setenv("CONCORD_DATABASE_URL", postgres_url)
    monkeypatch.setenv("CONCORD_REDIS_URL", redis_url)
    with Installation(Settings()) as made:
        where = prefix(made.hub().installation)

    def status() -> str:
        with suppress(SystemExit):
            main(["status", "--json"])
        return " ".join(one["what"] for one in json.loads(capsys.readouterr().out)["troubles"])

    assert "No worker has been there" in status()
    Presence.at(redis_url, where).tell([*LANES, BEAT])
    assert "been there" not in status()


def test_one_process_that_does_it_all_misses_nobody(tmp_path: Path):
    alone = Settings(data=tmp_path, database_url=None, redis_url=SecretStr("redis://127.0.0.1:1"))
    assert presence_of(alone, lambda: "name") is None


def test_a_lane_that_nobody_works_is_named_with_what_to_start(hub: Installation, redis_url: str):
    says(redis_url, "consent", "live", "upkeep", BEAT)
    _, told = ask(hub)
    assert "lane: backfill." in told["checks"][-1]["says"]
    assert "`concord worker --queues backfill`" in told["checks"][-1]["remedy"]


def test_where_beat_is_missing_the_door_says_so(hub: Installation, redis_url: str):
    says(redis_url, *LANES)
    _, told = ask(hub)
    assert failing(told) == ["beat"]
    assert "`concord beat`" in told["checks"][-1]["remedy"]


def test_where_redis_is_away_the_door_says_that_and_nothing_of_workers(hub: Installation):
    hub.presence = Presence.at("redis://:geheim@127.0.0.1:1/0", "test:")
    status, told = ask(hub)
    assert (status, failing(told)) == (200, ["queue"])
    assert "geheim" not in str(told)
    hub.presence.tell(LANES)


def test_whoever_says_nothing_more_is_taken_for_gone(hub: Installation, redis_url: str):
    says(redis_url, *LANES, BEAT)
    with Redis.from_url(redis_url) as client:
        kept = [client.ttl(key) for key in client.scan_iter("test:here:*")]
    assert len(kept) == len(presence.PARTS)
    assert all(0 < one <= GONE for one in kept)
    assert presence.EVERY * 3 < GONE, "one word that is lost makes nobody be taken for gone"


def test_a_process_says_it_only_now_and_then(redis_url: str):
    one = Presence.at(redis_url, "test:")
    one.tell(LANES)
    with Redis.from_url(redis_url) as client:
        client.delete("test:here:live")
        one.tell(LANES)
        assert not client.exists("test:here:live")


def test_the_door_alerts_in_the_workers_place_and_they_tell_when_it_is_over(
    hub: Installation, redis_url: str, monkeypatch: pytest.MonkeyPatch
):
    told: list[str] = []

    def hears(news: Sequence[News]) -> str:
        told.extend(f"{one.what} {one.about.kind}" for one in news)
        return "heard"

    monkeypatch.setattr(alerting, "ways_of", lambda _: [Way("chat", "", hears)])
    for _ in range(2):
        stand_in(hub)
        hub.sleep(3 * MINUTE / SECOND)
    assert told == ["first workers"]
    says(redis_url, *LANES, BEAT)
    stand_in(hub)
    with hub.store.reading() as tx:
        assert [one.kind for one in alerts.standing(tx)] == ["workers"], "nothing is left for the door to do"
    for _ in range(2):
        alerting.look(hub)
        hub.sleep(3 * MINUTE / SECOND)
    assert told == ["first workers", "over workers"]


def test_the_door_goes_on_looking_where_the_store_fails_for_a_moment(
    hub: Installation, monkeypatch: pytest.MonkeyPatch
):
    looked = threading.Semaphore(0)

    def fails(_: Installation) -> None:
        looked.release()
        raise StoreError("It is away.")

    monkeypatch.setattr(attending, "stand_in", fails)
    monkeypatch.setattr(attending, "EVERY", 0.0)
    with attending.attended(hub):
        assert all(looked.acquire(timeout=10) for _ in range(2))


def test_prometheus_reads_who_is_there(hub: Installation, redis_url: str):
    says(redis_url, "live", BEAT)

    def shown() -> dict[str, float]:
        found = {one.name: one for one in Standing(hub).collect()}["concord_lane_worked"]
        return {one.labels["lane"]: one.value for one in found.samples}

    assert shown() == {"consent": 0.0, "live": 1.0, "upkeep": 0.0, "backfill": 0.0, "beat": 1.0}
    hub.presence = Presence.at("redis://127.0.0.1:1/0", "test:")
    assert shown() == {}
