"""A receiver of webhooks on a real socket, which verifies what it is sent by its own reading of Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Post(NamedTuple):
    """What came."""

    id: str
    stamp: str
    signatures: list[str]
    raw: bytes
    path: str
    host: str

    @property
    def body(self) -> dict[str, Any]:
        """As JSON."""
        found: dict[str, Any] = json.loads(self.raw)
        return found

    def signed_by(self, secret: str) -> bool:
        """Whether one of its signatures was made with this secret."""
        assert secret.startswith("whsec_")
        key = base64.b64decode(secret[6:], validate=True)
        mac = hmac.new(key, self.id.encode() + b"." + self.stamp.encode() + b"." + self.raw, hashlib.sha256).digest()
        return any(hmac.compare_digest(one, "v1," + base64.b64encode(mac).decode()) for one in self.signatures)


class Receiver:
    """Takes what is posted, and answers what the test says."""

    def __init__(self) -> None:
        """It listens at once, and answers 200."""
        self.posts: list[Post] = []
        self.answer: Callable[[Post], tuple[int, bytes, dict[str, str]]] = lambda _: (200, b"", {})
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                head = self.headers
                post = Post(
                    head["webhook-id"], head["webhook-timestamp"], head["webhook-signature"].split(" "),
                    self.rfile.read(int(head["content-length"])), self.path, head["host"],
                )  # fmt: skip
                receiver.posts.append(post)
                status, body, headers = receiver.answer(post)
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}/hooks/standard/a-secret-path"

    def answers(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer this from now on."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answer = lambda _: (status, body, named)

    def take(self) -> list[Post]:
        """What came since."""
        taken, self.posts = self.posts, []
        return taken

    def close(self) -> None:
        """Listen no more."""
        self.server.shutdown()
        self.server.server_close()
