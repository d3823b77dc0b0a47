"""Several processes on real servers: killed under load, with Redis emptied and a tool cut off, they lose nothing.

The short form of `make production-demo`, which kills each fifty times.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from random import Random

import httpx
import pytest
from sqlalchemy import make_url

from core.flow.leasing import LOST
from tests.production.play import Play
from tests.production.stack import REDIS, Stack, until
from tests.production.town import Town

TIMES = {"child": 4, "worker": 1, "beat": 1, "redis": 1, "flush": 1, "network": 1}


@pytest.fixture
def queue(request: pytest.FixtureRequest) -> str | None:
    """None where there is a `redis-server` to start; else a database of the machine's, which is not restarted."""
    return None if REDIS is not None else str(request.getfixturevalue("redis_url"))


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_whatever_is_killed(
    tmp_path: Path, postgres_url: str, queue: str | None, rng: Random
):
    database = make_url(postgres_url).set(drivername="postgresql").render_as_string(hide_password=False)
    times = TIMES if queue is None else {what: count for what, count in TIMES.items() if what not in ("redis", "flush")}
    with Town(60, rng) as town, Stack(tmp_path, database, redis_url=queue) as stack:
        with closing(Play(stack, town, rng)) as play:
            play.begin()
            report = play.go(times)
            until(lambda: httpx.get(f"{stack.url}readyz").json()["ok"], 30.0, "somebody is missing, says the door")
            asked = play.doom("hubspot")
        logs = {name: stack.log(name) for name in ("worker1", "worker2", "beat")}
    assert report.is_well, "\n".join([*report.lines(), *report.missing, *report.wrong, *logs.values()])
    assert report.kills == times
    assert report.words >= 18
    assert asked == LOST
    assert report.revived == []
