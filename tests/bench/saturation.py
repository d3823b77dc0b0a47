"""`saturation`: how much of a tool's published quota is used when there is work, and how often the tool has to refuse.

The sandboxes count and refuse on the real clock in processes of their own; one worker, then four that share the limits
in Redis, call them with 150 ms on the line. HubSpot's window is the real one. Of Salesforce's day the window is real,
too, but a few hundred calls stand for its hundred thousand, so that they can be used up; a tenth is the reserve, which
is not ours to use.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import redis

from connectors._kit.accounts import account_of
from tests.bench.figures import Figure, Skipped, at_most
from tests.bench.stage import ROOT, Stage

PER_TEN_SECONDS, SALESFORCE_CALLS, RESERVE = 190, 400, 0.1
_TOKEN = "pat-na1-sandbox"


def measure(stage: Stage) -> Iterator[Figure]:
    """Share of the quota, share of refusals, and the waiting by lane."""
    url = os.environ.get("CONCORD_TEST_REDIS", "redis://127.0.0.1:6379").rstrip("/") + "/0"
    try:
        redis.Redis.from_url(url).ping()
    except redis.RedisError as error:
        raise Skipped(f"No Redis answers ({error}); start one, or name it in CONCORD_TEST_REDIS.") from error
    seconds = 25 if stage.quick else 45
    for workers in (1, 4):
        stage.tell(f"saturation: HubSpot's {PER_TEN_SECONDS} calls in ten seconds, {workers} workers, {seconds} s")
        calls, waited = _run("hubspot", PER_TEN_SECONDS, workers, url, seconds)
        yield from _rolling(workers, calls, waited, seconds)
        stage.tell(f"saturation: a day of {SALESFORCE_CALLS} calls to Salesforce, {workers} workers")
        calls, waited = _run("salesforce", SALESFORCE_CALLS, workers, url, 120)
        yield from _daily(workers, calls, waited)


def _rolling(
    workers: int, calls: list[tuple[float, int]], waited: dict[str, list[float]], seconds: float
) -> Iterator[Figure]:
    """The quota of a window that rolls, from when all workers are there until they stop."""
    name = f"HubSpot, {workers} worker{'s' if workers > 1 else ''}"
    begin, end = 5.0, min(seconds, calls[-1][0]) - 1
    taken = sum(begin <= at < end and status < 400 for at, status in calls)
    share = taken / (PER_TEN_SECONDS * (end - begin) / 10) * 100
    refused = sum(status == 429 for _, status in calls)
    note = f"{taken:,} calls in {end - begin:.0f} s; the real window of 190 calls in ten seconds"
    yield Figure("saturation", f"{name}: of the quota used", share, "%", goal="≥ 95 %", reached=share >= 95, note=note)
    note = f"{refused} of {len(calls):,} calls"
    yield at_most("saturation", f"{name}: refused (429)", refused / len(calls) * 100, "%", 0.5, note=note)
    yield from _waiting(name, waited)


def _daily(workers: int, calls: list[tuple[float, int]], waited: dict[str, list[float]]) -> Iterator[Figure]:
    """The quota of a day, up to the reserve."""
    name = f"Salesforce, {workers} worker{'s' if workers > 1 else ''}"
    ours, taken = SALESFORCE_CALLS * (1 - RESERVE), sum(status < 400 for _, status in calls)
    share = taken / ours * 100
    refused = sum(status == 403 for _, status in calls)
    reserve = SALESFORCE_CALLS - ours
    note = f"{taken} calls of {ours:.0f} and a reserve of {reserve:.0f}; {SALESFORCE_CALLS} stand for 100,000"
    yield Figure("saturation", f"{name}: of the day's used", share, "%", goal="≥ 95 %", reached=share >= 95, note=note)
    note = f"{refused} of {len(calls):,} calls"
    yield at_most("saturation", f"{name}: refused (403)", refused / len(calls) * 100, "%", 0.5, note=note)
    yield from _waiting(name, waited)


def _waiting(name: str, waited: dict[str, list[float]]) -> Iterator[Figure]:
    for lane, times in waited.items():
        note = f"{len(times):,} calls; at most {max(times) * 1000:.0f} ms"
        yield Figure("saturation", f"{name}: waits in lane {lane}", statistics.median(times) * 1000, "ms", note=note)


def _run(tool: str, calls: int, workers: int, url: str, seconds: float) -> tuple[list[Any], dict[str, list[float]]]:
    """What the tool saw, and how long calls waited, by lane."""
    server = _start("quotaserver", tool, str(calls))
    assert server.stdout is not None
    told = json.loads(server.stdout.readline())
    if tool == "hubspot":
        settings = {"url": told["url"], "token": _TOKEN, "api_version": "v3", "calls": calls}
        account = account_of(tool, told["url"], _TOKEN, None, None)
    else:
        settings = {"login_url": told["url"], "client_id": told["client_id"], "client_secret": told["client_secret"],
                    "reserve": RESERVE * 100}  # fmt: skip
        account = account_of(tool, told["url"], told["client_id"], None)
    try:
        working = [_start("quotaworker", tool, json.dumps(settings), url, str(seconds)) for _ in range(workers)]
        found = [json.loads(worker.communicate()[0]) for worker in working]
        seen = json.loads(server.communicate()[0])
    finally:
        server.kill()
        with redis.Redis.from_url(url) as client:
            for key in client.scan_iter(match=f"concord:calls:{{{account}*"):
                client.delete(key)
    waited: dict[str, list[float]] = defaultdict(list)
    for one in found:
        for lane, times in one.items():
            waited[lane] += times
    return seen, dict(sorted(waited.items()))


def _start(module: str, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", f"tests.bench.{module}", *words]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
