"""A worker that calls a CRM as fast as its limits let it, by the connector's own client: a process of its own.

`python -m tests.bench.quotaworker TOOL SETTINGS REDIS SECONDS`. Each exchange takes 150 ms longer than the loopback
does. Several threads load, one has a live call every half second, one a refusal every two seconds. Prints as JSON how
long each call waited for its turn, by lane.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import httpx
import structlog

from api.assembly import now
from connectors._kit.accounts import Accounts, Meter
from connectors.hubspot import client as hubspot
from connectors.salesforce import client as salesforce
from core.calling import calling, lane
from core.decide.route import Lane
from core.errors import ToolError
from core.ports import Context

LATENCY = 0.15
LOADING = 5
_OVER = threading.Event()
"""The day's calls are used up: also for refusals, which could go on with the reserve."""
_WAITED: dict[str, list[float]] = defaultdict(list)


def main() -> None:
    """Call until the time is over, or the day's calls are."""
    tool, settings, redis_url, seconds = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3], float(sys.argv[4])
    quiet = structlog.make_filtering_bound_logger(logging.WARNING)
    structlog.configure(wrapper_class=quiet, logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    _slow_lines()
    _watched()
    accounts = Accounts(clock=now, redis_url=redis_url or None)
    context = Context(name=tool, settings=settings, clock=now, sleep=time.sleep, accounts=accounts)
    ask = _hubspot(context) if tool == "hubspot" else _salesforce(context)
    end = time.monotonic() + seconds
    lanes = [(Lane.BACKFILL, 0.0)] * LOADING + [(Lane.LIVE, 0.5), (Lane.CONSENT, 2.0)]
    threads = [threading.Thread(target=_work, args=(ask, *one, end)) for one in lanes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(json.dumps(_WAITED) + "\n")


def _work(ask: Callable[[], Any], chosen: Lane, pause: float, end: float) -> None:
    with calling(chosen):
        while time.monotonic() < end and not _OVER.is_set():
            try:
                ask()
            except ToolError as error:
                if error.error_code == "throttled.day":
                    _OVER.set()
            time.sleep(pause)


def _hubspot(context: Context) -> Callable[[], Any]:
    client = hubspot.Client(context)
    return lambda: client.http.get("crm/v3/owners", params={"limit": 1})


def _salesforce(context: Context) -> Callable[[], Any]:
    client = salesforce.Client(context)
    return lambda: client.call("sobjects")


def _slow_lines() -> None:
    send = httpx.HTTPTransport.handle_request

    def slow(self: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        time.sleep(LATENCY / 2)
        response = send(self, request)
        time.sleep(LATENCY / 2)
        return response

    httpx.HTTPTransport.handle_request = slow  # type: ignore[method-assign]


def _watched() -> None:
    take = Meter.take

    def timed(self: Meter, calls: int = 1) -> int:
        began = time.monotonic()
        booked = take(self, calls)
        _WAITED[lane().name].append(time.monotonic() - began)
        return booked

    Meter.take = timed  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
