"""A server of contacts in pages, as a process of its own: keep-alive HTTP/1.1, no delay, hardly any work a request.

`GET /contacts?after=200&limit=100` gives a page; `GET /revision/3` changes what the pages say from then on. With
`--render` the pages are made before the first request, else each when it is asked for. The process ends when its
standard input does, so it cannot outlive whoever started it.
"""

from __future__ import annotations

import argparse
import socketserver
import sys
import threading
from email.utils import formatdate
from urllib.parse import parse_qs, urlsplit

from tests.bench.contacts import page

PAGE = 100


class Pages:
    """The listing at its present revision."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.revision = 0
        self._kept: dict[tuple[int, int], bytes] = {}

    def render(self, revisions: range) -> None:
        """Make all pages of these revisions beforehand."""
        for revision in revisions:
            for start in range(0, self.total, PAGE):
                self._kept[start, revision] = page(start, PAGE, self.total, revision)

    def answer(self, target: str) -> bytes:
        """The body for a path with its query."""
        parts = urlsplit(target)
        if parts.path.startswith("/revision/"):
            self.revision = int(parts.path.rpartition("/")[2])
            return b"{}"
        query = parse_qs(parts.query)
        start, size = int(query.get("after", ["0"])[0]), int(query.get("limit", [str(PAGE)])[0])
        kept = self._kept.get((start, self.revision)) if size == PAGE else None
        return kept or page(start, size, self.total, self.revision)


class _Exchange(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: _Server

    def handle(self) -> None:
        """Answer requests until the other side has no more."""
        while request := self.rfile.readline():
            while self.rfile.readline() not in (b"\r\n", b""):
                pass  # headers say nothing that matters here
            body = self.server.pages.answer(request.split()[1].decode())
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

    def __init__(self, pages: Pages) -> None:
        self.pages = pages
        super().__init__(("127.0.0.1", 0), _Exchange)


def main() -> None:
    """Serve until standard input ends; the first line of output is the port."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("total", type=int)
    words.add_argument("--render", type=int, default=0, help="make the pages of so many revisions beforehand")
    said = words.parse_args()
    pages = Pages(said.total)
    pages.render(range(said.render))
    with _Server(pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(server.server_address[1], flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
