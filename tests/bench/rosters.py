"""Tools that keep many people, as a process of their own: `python -m tests.bench.rosters TOTAL FILE NAME:EVERY…`.

Each tool's roster is a list by id and a log of changes; nothing is checked, and a call costs the tool next to nothing.
The caller's clock is the tools' clock, and comes with each call.

    GET  /NAME/people?now=&after=&limit=           everybody by id
    GET  /NAME/people?now=&since=&after=&limit=    who changed since a moment, in the order of change
    GET  /NAME/these?now=&ids=                     some of them
    POST /NAME/people                              {"now", "edits": [{"id" or "key", "fields"}]} → {"results"}
    GET  /NAME/tally                               calls by sort since the last time it was asked for

`EVERY` says that one person in so many is there from the beginning. What is there at the end is kept in FILE, and is
there again the next time. The first line of output is the address; the process ends when its input does.
"""

from __future__ import annotations

import pickle
import socketserver
import sys
import threading
from bisect import bisect_right
from collections import Counter
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson

from core.model.instant import DAY, Instant, from_iso
from tests.bench.contacts import contact

BEGAN = from_iso("2026-11-21T09:00:00Z")
"""When the hub first looks; everybody is older than that."""
KEPT = ("email", "first_name", "last_name", "phone", "job_title", "department", "street", "city", "postal_code",
        "country", "website", "source")  # fmt: skip
ODD = 100
"""One person in so many has another job title in every tool but the first one."""

Row = tuple[Instant, bytes]
"""When it was last changed, and the fields as JSON."""


class Roster:
    """One tool's people. Ids ascend from 1."""

    def __init__(self, total: int, every: int) -> None:
        self.rows: list[Row] = []
        self.log: list[tuple[Instant, int]] = []
        """(when, id) of every change since the beginning."""
        self.keys: dict[str, int] = {}
        self.tally: Counter[str] = Counter()
        for number in range(0, total, every):
            said = orjson.loads(contact(number))
            fields = {name: said[name] for name in KEPT}
            if every > 1 and number % (ODD * every) == 0:
                fields["job_title"] = "Buyer in former times"
            # The first tool's word is the newer one.
            self.rows.append((BEGAN - (DAY if every == 1 else 2 * DAY), orjson.dumps(fields)))

    def listed(self, after: int, limit: int) -> dict[str, Any]:
        """The next by id."""
        self.tally["list"] += 1
        ids = range(after + 1, min(after + limit, len(self.rows)) + 1)
        return self._shown(ids, more=ids.stop <= len(self.rows), next_=ids.stop - 1)

    def changed(self, since: Instant, after: int, limit: int) -> dict[str, Any]:
        """The next changes from a moment on; `after` is a place in the log."""
        self.tally["poll"] += 1
        place = after or bisect_right(self.log, (since, 0))
        found = self.log[place : place + limit]
        return self._shown(
            dict.fromkeys(id_ for _, id_ in found), more=place + limit < len(self.log), next_=place + limit
        )

    def these(self, ids: list[int]) -> dict[str, Any]:
        """Some by id."""
        self.tally["fetch"] += 1
        return self._shown(ids, more=False, next_=0)

    def write(self, now: Instant, edits: list[dict[str, Any]]) -> dict[str, Any]:
        """Make people, or change them."""
        self.tally["write"] += 1
        self.tally["written"] += len(edits)
        results = []
        for edit in edits:
            id_ = edit["id"] or self.keys.get(edit["key"], 0)
            held = orjson.loads(self.rows[id_ - 1][1]) if id_ else {}
            row = now, orjson.dumps({**held, **edit["fields"]})
            if id_:
                self.rows[id_ - 1] = row
            else:
                self.rows.append(row)
                id_ = self.keys[edit["key"]] = len(self.rows)
            self.log.append((now, id_))
            results.append({"id": id_, "at": now})
        return {"results": results}

    def _shown(self, ids: Any, *, more: bool, next_: int) -> dict[str, Any]:
        rows = ((id_, *self.rows[id_ - 1]) for id_ in ids)
        return {
            "results": [{"id": id_, "at": at, "fields": orjson.Fragment(fields)} for id_, at, fields in rows],
            "next": next_ if more else None,
        }


class _Exchange(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    rbufsize = 1 << 20
    server: _Server

    def handle(self) -> None:
        """Answer requests until the other side has no more."""
        while request := self.rfile.readline():
            size = 0
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                size = int(value) if name.lower() == b"content-length" else size
            body = orjson.dumps(self.server.answer(request.split()[1].decode(), self.rfile.read(size)))
            head = (
                f"HTTP/1.1 200 OK\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            try:
                self.connection.sendall(head.encode() + body)
            except OSError:
                return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, rosters: dict[str, Roster]) -> None:
        self.rosters = rosters
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Exchange)

    def answer(self, target: str, body: bytes) -> dict[str, Any]:
        """The answer to a call."""
        parts = urlsplit(target)
        _, name, what = parts.path.split("/")
        said = {word: values[0] for word, values in parse_qs(parts.query).items()}
        roster, after, limit = self.rosters[name], int(said.get("after", 0)), int(said.get("limit", 0))
        with self._lock:
            if body:
                told = orjson.loads(body)
                return roster.write(told["now"], told["edits"])
            if what == "tally":
                tally, roster.tally = roster.tally, Counter()
                return {**tally, "people": len(roster.rows)}
            if what == "these":
                return roster.these([int(id_) for id_ in said["ids"].split(",")])
            return roster.changed(int(said["since"]), after, limit) if "since" in said else roster.listed(after, limit)


def main() -> None:
    """Fill the rosters and serve until standard input ends."""
    total, kept, kinds = int(sys.argv[1]), Path(sys.argv[2]), [one.split(":") for one in sys.argv[3:]]
    if kept.exists():
        rosters = pickle.loads(kept.read_bytes())  # noqa: S301 -- our own, from another run
    else:
        rosters = {name: Roster(total, int(every)) for name, every in kinds}
    with _Server(rosters) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        sys.stdin.read()
    if not kept.exists():
        kept.write_bytes(pickle.dumps(rosters))


if __name__ == "__main__":
    main()
