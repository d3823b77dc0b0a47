"""A small stateful WebDAV server with the habits of real ones, on loopback: for tests, the demo and trying out.

It speaks RFC 4918 and 6578 as Radicale, Xandikos and sabre/dav (Nextcloud, Baïkal) were seen to speak them on
2026-11-21, and knows nothing of the connectors. What it holds is said by a subclass: cards or calendar objects.
`Habits` are a server's ways; mischief is trouble on top of them.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, NamedTuple, Self
from urllib.parse import quote, unquote, urlsplit
from xml.etree import ElementTree

from connectors._kit.loopback import Call
from connectors._kit.mischief import Mischief, Switch

DAV, CS = "{DAV:}", "{http://calendarserver.org/ns/}"
ROOT, PRINCIPAL, HOME = "/dav/", "/dav/principals/anna/", "/dav/home/anna/"


@dataclass
class Habits:
    """A server's ways. The defaults are those of a good one."""

    syncs: bool = True
    """It knows sync-collection."""
    ctag: bool = True
    """It has a getctag on collections."""
    etag_on_put: bool = True
    """It answers a PUT with the new version; sabre/dav does not when it rewrites."""
    rewrites: bool = False
    """It keeps texts in its own spelling."""
    unique_uids: bool = True
    """It refuses a second member with the same UID (409 no-uid-conflict)."""
    uid_status: int = 409
    """How it refuses that: Radicale 409, Xandikos (of events) 412."""
    expired_status: int = 403
    """How it answers an old sync token: Radicale 403, Xandikos 412, others 409, 418, 507."""
    cuts_at: int | None = None
    """It tells at most so many changes at once and says so with 507 (RFC 6578 §3.6)."""
    read_only: bool = False
    shouts_hrefs: bool = False
    """It percent-encodes every character of a member's address, and gives whole URLs."""
    deaf_multiget: bool = False
    """Its multiget leaves out the last member that was asked for."""
    collections: tuple[str, ...] = ()
    """The names of its collections; without any, one of the usual name."""
    well_known: bool = True


class Stored(NamedTuple):
    """One member of a collection."""

    body: str
    etag: str
    seq: int
    kind: str


@dataclass
class Shelf:
    """One collection: what is in it, and its log of changes."""

    members: dict[str, Stored] = field(default_factory=dict)
    log: list[tuple[str, bool]] = field(default_factory=list)
    """(name, gone) in order; a sync token is a place in this list."""


class Kind(NamedTuple):
    """What tells one sort of server from another, by the names of its standard."""

    space: str
    """The XML namespace, `{urn:…}`."""
    well_known: str
    home: str
    collection: str
    data: str
    multiget: str
    query: str
    media: str
    usual: str
    """The name of its collection when nothing is said."""


class DavSandbox:
    """The server. Use as a context manager; `put`, `drop` and `collections` are a person's way in."""

    kind: ClassVar[Kind]

    username = "anna"
    password = "sand-castle-7"  # noqa: S105 - a stand-in's

    def __init__(self, habits: Habits | None = None, mischief: Mischief | None = None) -> None:
        self.habits = habits or Habits()
        self.mischief = mischief or Mischief()
        self.collections = {name: Shelf() for name in self.habits.collections or (self.kind.usual,)}
        self.requests: list[str] = []
        """Method and path of each request so far."""
        self.written: list[Call] = []
        """Those that were to change something, whole."""
        self.meanwhile: Callable[[str, str], None] | None = None
        """Called with method and name after each write: what somebody else does just then."""
        self.lock = threading.RLock()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    def __enter__(self) -> Self:
        """Answer; after a stop, at the same address again."""
        handler = type("Handler", (_Handler,), {"sandbox": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), handler)
        self._port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """From now on nobody answers. May be called more than once."""
        if self._server is not None:
            self._url = self.url
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self._server.server_port}/" if self._server else self._url

    # --- what a subclass knows

    def media(self, body: str) -> str:  # noqa: ARG002 -- for subclasses
        """The content type of a member."""
        return f"{self.kind.media}; charset=utf-8"

    def props(self, name: str) -> Mapping[str, str]:  # noqa: ARG002 -- for subclasses
        """Further properties of a collection, by their tags, as XML."""
        return {}

    def fault(self, name: str, body: str) -> tuple[int, str] | None:
        """Status and condition with which a body is refused in a collection; None when it is taken."""
        raise NotImplementedError

    def respelt(self, body: str) -> str:
        """A body in this server's own spelling."""
        raise NotImplementedError

    def searched(self, query: ElementTree.Element, members: Mapping[str, Stored]) -> Mapping[str, Stored]:
        """The members that a query asks for."""
        raise NotImplementedError

    def features(self) -> str:
        """What the `DAV` header of OPTIONS says."""
        return "1, 3, access-control"

    # --- a person's way in

    def path(self, name: str, collection: str = "") -> str:
        """Where a member of this name is."""
        return f"{HOME}{collection or next(iter(self.collections))}/{name}"

    def put(self, name: str, body: str, collection: str = "", kind: str = "") -> str:
        """Keep a member as it is; gives its version."""
        with self.lock:
            shelf = self.collections[collection or next(iter(self.collections))]
            # Like Radicale and Xandikos: the same bytes again are no change.
            etag = f'"{hashlib.sha256(body.encode()).hexdigest()[:20]}"'
            if name in shelf.members and shelf.members[name].etag == etag:
                return etag
            shelf.log.append((name, False))
            shelf.members[name] = Stored(body, etag, len(shelf.log), kind or self.media(body))
            return etag

    def drop(self, name: str, collection: str = "") -> None:
        """Take a member away."""
        with self.lock:
            shelf = self.collections[collection or next(iter(self.collections))]
            del shelf.members[name]
            shelf.log.append((name, True))


class _Handler(BaseHTTPRequestHandler):
    """One request. HTTP/1.0: each connection carries one, so that a stopped server is really gone."""

    sandbox: ClassVar[DavSandbox]

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""

    def handle_one_request(self) -> None:
        """Read a request of any method and answer it."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            return
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        with self.sandbox.lock:
            self._handle(body)
        self.close_connection = True

    def _handle(self, body: bytes) -> None:
        mischief, path = self.sandbox.mischief, unquote(urlsplit(self.path).path)
        self.sandbox.requests.append(f"{self.command} {path}")
        if self.command in ("PUT", "DELETE"):
            self.sandbox.written.append(Call(self.command, path, {}, {}, body))
        if mischief.fires(Switch.THROTTLED):
            return self._say(429, headers={"Retry-After": str(mischief.wait)})
        if mischief.fires(Switch.UNAVAILABLE):
            return self._say(503)
        if mischief.fires(Switch.GARBLED):
            return self._say(200, "<!DOCTYPE html><html><title>Hotel WiFi</title></html>", kind="text/html")
        if path == f"/.well-known/{self.sandbox.kind.well_known}" and self.sandbox.habits.well_known:
            return self._say(301, headers={"Location": ROOT})
        if self.headers.get("authorization") != self._basic():
            return self._say(401, headers={"WWW-Authenticate": 'Basic realm="sandbox"'})
        answer = {"PROPFIND": self._propfind, "REPORT": self._report, "GET": self._get, "PUT": self._put,
                  "DELETE": self._delete, "OPTIONS": self._options}.get(self.command)  # fmt: skip
        return answer(path, body) if answer else self._say(405)

    # --- reading

    def _options(self, path: str, _: bytes) -> None:
        there = path in (ROOT, PRINCIPAL, HOME) or self._shelf(path) is not None
        return self._say(200 if there else 404, headers={"DAV": self.sandbox.features()})

    def _propfind(self, path: str, body: bytes) -> None:
        asked = [node.tag for node in ElementTree.fromstring(body).iter() if node.tag.startswith("{")][2:]  # noqa: S314 - a stand-in
        deep = self.headers.get("depth") == "1"
        shelf = self._shelf(path)
        if path not in (ROOT, PRINCIPAL, HOME) and shelf is None:
            return self._say(404)
        answers = [_response(path, self._props(path, asked))]
        if deep and path == HOME:
            answers += [
                _response(f"{HOME}{name}/", self._props(f"{HOME}{name}/", asked)) for name in self.sandbox.collections
            ]
        if deep and shelf is not None:
            answers += [
                _response(self._href(path, name), _chosen(_told(one), asked)) for name, one in shelf.members.items()
            ]
        return self._multistatus(answers)

    def _props(self, path: str, asked: Iterable[str]) -> dict[str, str]:
        habits, kind, shelf = self.sandbox.habits, self.sandbox.kind, self._shelf(path)
        typed = f"<C:{kind.collection}/>" if shelf is not None else ""
        props = {
            f"{DAV}current-user-principal": f"<D:href>{PRINCIPAL}</D:href>",
            f"{DAV}resourcetype": f"<D:collection/>{typed}",
        }
        if path == PRINCIPAL:
            props[f"{kind.space}{kind.home}"] = f"<D:href>{HOME}</D:href>"
        if shelf is not None:
            rights = ("read",) if habits.read_only else ("read", "write")
            reports = [kind.multiget, kind.query, *(["sync-collection"] if habits.syncs else [])]
            name = path.strip("/").rpartition("/")[2]
            props |= self.sandbox.props(name)
            props[f"{DAV}displayname"] = escape(name.title())
            props[f"{DAV}current-user-privilege-set"] = "".join(
                f"<D:privilege><D:{one}/></D:privilege>" for one in rights
            )
            props[f"{DAV}supported-report-set"] = "".join(
                f"<D:supported-report><D:report><C:{one}/></D:report></D:supported-report>" for one in reports
            )
            if habits.ctag:
                props[f"{CS}getctag"] = f"{len(shelf.log)}"
        return _chosen(props, asked)

    def _report(self, path: str, body: bytes) -> None:
        asked = ElementTree.fromstring(body)  # noqa: S314 - a stand-in
        kind, shelf = self.sandbox.kind, self._shelf(path)
        if shelf is None:
            return self._say(404)
        if asked.tag == f"{DAV}sync-collection" and self.sandbox.habits.syncs:
            return self._sync(path, shelf, asked.findtext(f"{DAV}sync-token") or "")
        if asked.tag == f"{kind.space}{kind.multiget}":
            return self._multiget(shelf, [unquote(node.text or "") for node in asked.findall(f"{DAV}href")])
        if asked.tag == f"{kind.space}{kind.query}":
            found = self.sandbox.searched(asked, shelf.members)
            return self._multistatus(
                [_response(self._href(path, name), self._whole(one)) for name, one in found.items()]
            )
        return self._say(403, _error("supported-report"))

    def _sync(self, path: str, shelf: Shelf, token: str) -> None:
        habits, mischief = self.sandbox.habits, self.sandbox.mischief
        known = re.fullmatch(r"urn:sandbox:(\d+)", token)
        if token and (not known or int(known[1]) > len(shelf.log) or mischief.fires(Switch.EXPIRED)):
            return self._say(habits.expired_status, _error("valid-sync-token"))
        since, head = int(known[1]) if known else 0, len(shelf.log)
        if mischief.fires(Switch.LAGGING):
            head = max(since, head - 1)
        cut = habits.cuts_at is not None and head - since > habits.cuts_at
        head = since + (habits.cuts_at or 0) if cut else head
        changed = dict(shelf.log[since:head])
        asked = [f"{DAV}getetag", f"{DAV}getcontenttype"]
        answers = []
        for name, gone in changed.items():
            there = None if gone else shelf.members.get(name)
            props = _chosen(_told(there), asked) if there else None
            answers.append(_response(self._href(path, name), props, status=404))
        answers += [_response(path, status=507)] if cut else []
        return self._multistatus(answers, token=f"urn:sandbox:{head}")

    def _multiget(self, shelf: Shelf, paths: list[str]) -> None:
        paths = paths[:-1] if self.sandbox.habits.deaf_multiget else paths
        members = {path: shelf.members.get(path.rpartition("/")[2]) for path in paths}
        answers = [
            _response(self._href(*_split(path)), self._whole(one)) if one else _response(quote(path), status=404)
            for path, one in members.items()
        ]
        return self._multistatus(self.sandbox.mischief.disturbed(answers))

    def _whole(self, one: Stored) -> dict[str, str]:
        kind = self.sandbox.kind
        if not one.kind.startswith(kind.media):
            return {f"{DAV}getetag": escape(one.etag)}
        return {f"{DAV}getetag": escape(one.etag), f"{kind.space}{kind.data}": escape(one.body)}

    def _get(self, path: str, _: bytes) -> None:
        one = self._member(path)
        return self._say(200, one.body, kind=one.kind, headers={"ETag": one.etag}) if one else self._say(404)

    # --- writing

    def _put(self, path: str, body: bytes) -> None:
        habits, text, (where, name) = self.sandbox.habits, body.decode(), _split(path)
        shelf, there, kept_in = self._shelf(where), self._member(path), _split(where.rstrip("/"))[1]
        if shelf is None:
            return self._say(409, _error("parent-missing"))
        if habits.read_only:
            return self._say(403, _error("need-privileges"))
        if not self._holds(there):
            return self._say(412)
        if self.sandbox.mischief.fires(Switch.CUT):
            return None
        fault = self.sandbox.fault(kept_in, text)
        if self.sandbox.mischief.fires(Switch.PARTIAL) and fault is None:
            fault = 400, f"valid-{self.sandbox.kind.data}"
        if fault is not None:
            return self._say(fault[0], _error(fault[1]))
        if habits.unique_uids and any(uid(one.body) == uid(text) and at != name for at, one in shelf.members.items()):
            return self._say(habits.uid_status, _error("no-uid-conflict"))
        etag = self.sandbox.put(name, self.sandbox.respelt(text) if habits.rewrites else text, kept_in)
        return self._written(name, 204 if there else 201, {"ETag": etag} if habits.etag_on_put else {})

    def _delete(self, path: str, _: bytes) -> None:
        there = self._member(path)
        if there is None:
            return self._say(404)
        if not self._holds(there):
            return self._say(412)
        self.sandbox.drop(path.rpartition("/")[2], _split(path)[0].rstrip("/").rpartition("/")[2])
        return self._written(path.rpartition("/")[2], 204, {})

    def _written(self, name: str, status: int, headers: Mapping[str, str]) -> None:
        if self.sandbox.meanwhile is not None:
            self.sandbox.meanwhile(self.command, name)
        if not self.sandbox.mischief.fires(Switch.LOST_ANSWER):
            self._say(status, headers=headers)

    def _holds(self, there: Stored | None) -> bool:
        """Whether the request's conditions hold."""
        wanted, none = self.headers.get("if-match"), self.headers.get("if-none-match")
        if none == "*":
            return there is None
        return wanted is None or (there is not None and wanted in ("*", there.etag))

    # --- small words

    def _basic(self) -> str:
        word = f"{self.sandbox.username}:{self.sandbox.password}".encode()
        return f"Basic {base64.b64encode(word).decode()}"

    def _shelf(self, path: str) -> Shelf | None:
        inside = path.removeprefix(HOME).rstrip("/") if path.startswith(HOME) else ""
        return self.sandbox.collections.get(inside)

    def _member(self, path: str) -> Stored | None:
        where, name = _split(path)
        shelf = self._shelf(where)
        return shelf.members.get(name) if shelf else None

    def _href(self, collection: str, name: str) -> str:
        if not self.sandbox.habits.shouts_hrefs:
            return quote(f"{collection}{name}")
        shouted = "".join(f"%{byte:02x}" for byte in name.encode())
        return f"{self.sandbox.url.rstrip('/')}{quote(collection)}{shouted}"

    def _multistatus(self, answers: Iterable[str], token: str = "") -> None:
        end = f"<D:sync-token>{token}</D:sync-token>" if token else ""
        self._say(207, _document("multistatus", "".join(answers) + end, self.sandbox.kind.space))

    def _say(
        self, status: int, body: str = "", *, kind: str = "application/xml; charset=utf-8",
        headers: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        content = body.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _split(path: str) -> tuple[str, str]:
    where, _, name = path.rpartition("/")
    return f"{where}/", name


def _told(one: Stored) -> dict[str, str]:
    return {f"{DAV}getetag": escape(one.etag), f"{DAV}getcontenttype": one.kind, f"{DAV}resourcetype": ""}


def _chosen(props: Mapping[str, str], asked: Iterable[str]) -> dict[str, str]:
    return {tag: props.get(tag, "404") for tag in asked}


def _response(href: str, props: Mapping[str, str] | None = None, *, status: int = 200) -> str:
    if props is None:
        inside = f"<D:status>HTTP/1.1 {status} -</D:status>"
    else:
        there = "".join(_element(tag, value) for tag, value in props.items() if value != "404")
        missing = "".join(_element(tag, "") for tag, value in props.items() if value == "404")
        inside = f"<D:propstat><D:prop>{there}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
        if missing:
            inside += f"<D:propstat><D:prop>{missing}</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>"
    return f"<D:response><D:href>{escape(href)}</D:href>{inside}</D:response>"


def _element(tag: str, inside: str) -> str:
    prefix = {DAV: "D", CS: "S"}.get(tag[: tag.index("}") + 1], "C")
    name = f"{prefix}:{tag.rpartition('}')[2]}"
    return f"<{name}>{inside}</{name}>"


def _document(name: str, inside: str, space: str = DAV) -> str:
    spaces = f'xmlns:D="DAV:" xmlns:C="{space[1:-1]}" xmlns:S="{CS[1:-1]}"'
    return f'<?xml version="1.0" encoding="utf-8"?><D:{name} {spaces}>{inside}</D:{name}>'


def _error(condition: str) -> str:
    return _document("error", f"<D:{condition}/>")


def uid(body: str) -> str:
    """The first UID in a text; blank when it has none."""
    found = re.search(r"(?im)^UID:(.*?)\r?$", body)
    return found[1] if found else ""
