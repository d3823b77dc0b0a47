"""A CRM's sandbox on the real clock, which counts and refuses by its own published limit: a process of its own.

`python -m tests.bench.quotaserver hubspot|salesforce CALLS`. Its first line of output says how to reach it; when its
input ends it tells, as JSON, each call it got: seconds since the first, and the status of its answer.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from api.assembly import now
from connectors._kit.sandbox import Call, Response
from connectors.hubspot import sandbox as hubspot
from connectors.salesforce import sandbox as salesforce


def main() -> None:
    """Serve until the input ends."""
    tool, calls = sys.argv[1], int(sys.argv[2])
    seen: list[tuple[int, int]] = []
    base: Any = hubspot.Sandbox if tool == "hubspot" else salesforce.Sandbox

    class Counting(base):  # type: ignore[misc]
        def answer(self, call: Call) -> Response | None:
            response = super().answer(call)
            if "oauth" not in call.path:
                seen.append((now(), response.status if response else 0))
            self.journal.clear()
            return response  # type: ignore[no-any-return]

    limit: dict[str, Any] = {"limits": hubspot.Quotas(per_ten_seconds=calls)} if tool == "hubspot" else {"daily": calls}
    with Counting(clock=now, **limit) as box:
        told = {"url": box.url}
        if tool == "salesforce":
            told |= {"client_id": box.client_id, "client_secret": box.client_secret}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        sys.stdin.read()
    first = seen[0][0] if seen else 0
    sys.stdout.write(json.dumps([((at - first) / 1e6, status) for at, status in seen]) + "\n")


if __name__ == "__main__":
    main()
