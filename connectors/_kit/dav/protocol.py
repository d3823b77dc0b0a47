"""WebDAV as far as address books and calendars need it: PROPFIND, REPORT, PUT, DELETE, and reading multistatus answers.

It stands on the kit's HTTP and under `discovery.py`, `reading.py` and `writing.py`. Paths are compared in one
spelling (`path_of`), because servers percent-encode the same name differently. What an answer means for the
sync is not decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit
from xml.etree import ElementTree

from connectors._kit.dav.dialect import Dialect
from connectors._kit.errors import is_page, page_title
from connectors._kit.http import Answer, Expect, Http
from core.errors import Garbled, Gone, SchemaChanged

Element = ElementTree.Element

SPACES = {
    "D": "DAV:", "A": "urn:ietf:params:xml:ns:carddav", "C": "urn:ietf:params:xml:ns:caldav",
    "S": "http://calendarserver.org/ns/",
}  # fmt: skip
"""The prefixes by which properties are named here: `D:getetag`, `A:address-data`, `C:calendar-data`, `S:getctag`."""
REFUSALS = (400, 403, 404, 405, 409, 412, 413, 415, 423, 507)
"""Answers to PUT and DELETE that say something about the one member."""
NO_SYNC = (400, 403, 404, 405, 409, 410, 412, 415, 418, 501, 507)
"""Answers to a sync-collection REPORT that mean: not with this token, or not at all. Measured: Radicale 403,
Xandikos 412; others are known to say 409, 418 (Nextcloud after deletes) and 507 (2026-11-21)."""

_ILLEGAL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|x0*(?:[0-8bcefBCEF]|1[0-9a-fA-F]));"
)
"""Characters XML forbids, bare or as references; some servers let them through from a member."""

_PATIENCE = 120.0
"""Seconds a listing may take: Radicale needs half a second for each thousand members, and more the first time."""


class BrokenXml(Garbled):
    """An answer that promises XML and cannot be parsed; perhaps one member in it is to blame."""


class Resource(NamedTuple):
    """What a multistatus answer says about one path. `status` is 200 where it gives properties."""

    path: str
    status: int
    props: Mapping[str, Element]

    @classmethod
    def of_text(cls, path: str, etag: str, data: str, text: str) -> Resource:
        """A member that was asked for by its address; `data` is the property that holds its text."""
        props = {_tag("D:getetag"): Element("etag"), _tag(data): Element("data")}
        props[_tag("D:getetag")].text, props[_tag(data)].text = etag, text
        return cls(path, 200, props)

    def text(self, name: str) -> str:
        """The text of a property such as `D:getetag`; blank when it is missing."""
        found = self.props.get(_tag(name))
        return (found.text or "").strip() if found is not None else ""

    def whole(self, data: str) -> str:
        """The member's text in this property, its last line end included; blank when there is none."""
        found = self.props.get(_tag(data))
        text = "" if found is None else found.text or ""
        return text if text.strip() else ""

    def hrefs(self, name: str) -> list[str]:
        """The addresses inside a property, as the server spells them."""
        found = self.props.get(_tag(name))
        nodes = found.iter(_tag("D:href")) if found is not None else ()
        return [node.text.strip() for node in nodes if node.text and node.text.strip()]

    def names(self, name: str) -> frozenset[str]:
        """The local names of all elements inside a property: types, reports, privileges."""
        found = self.props.get(_tag(name))
        return frozenset() if found is None else frozenset(_local(node.tag) for node in found.iter())

    def words(self, name: str) -> frozenset[str]:
        """The `name` attributes of all elements inside a property, upper case: a calendar's components."""
        found = self.props.get(_tag(name))
        nodes = found.iter() if found is not None else ()
        return frozenset(word.upper() for node in nodes if (word := node.get("name")))

    @property
    def etag(self) -> str | None:
        """The version, without the mark of weakness that compressing proxies add."""
        return strong(self.text("D:getetag")) or None


class Multistatus(NamedTuple):
    """A 207 answer: its resources, the sync token if it has one, and the address it came from at last."""

    resources: Sequence[Resource]
    token: str
    url: str


class Dav:
    """WebDAV calls over one `Http`; `batch` is how many members are asked for at once."""

    def __init__(self, http: Http, dialect: Dialect, batch: int = 100) -> None:
        self.http = http
        self.dialect = dialect
        self.batch = batch

    def propfind(self, url: str, names: Iterable[str], depth: int) -> Multistatus:
        """Properties of a collection (`depth` 0) or of it and its members (1)."""
        body = _document("D:propfind", f"<D:prop>{_asked(names)}</D:prop>")
        return self._multistatus(self._ask("PROPFIND", url, body, depth))

    def sync(self, url: str, token: str) -> Multistatus | None:
        """What changed in a collection since a token (blank: everything); None when the server declines.

        There is no limit in the request: Xandikos 0.4.10 and some Nextcloud versions cut the list and still
        give the newest token, so that the rest would be lost (measured 2026-11-21; nextcloud/server #50086).
        """
        body = _document(
            "D:sync-collection",
            f"<D:sync-token>{escape(token)}</D:sync-token><D:sync-level>1</D:sync-level>"
            f"<D:prop>{_asked(['D:getetag', 'D:getcontenttype'])}</D:prop>",
        )
        answer = self._ask("REPORT", url, body, 0, ok=NO_SYNC)
        return None if answer.status in NO_SYNC else self._multistatus(answer)

    def multiget(self, url: str, paths: Iterable[str]) -> Multistatus:
        """Version and text of these members of a collection."""
        hrefs = "".join(f"<D:href>{escape(path)}</D:href>" for path in paths)
        return self._texts(url, self.dialect.multiget, hrefs, 0)

    def by_uid(self, url: str, uid: str) -> Multistatus:
        """Members of a collection whose UID is this; a server may give too many."""
        return self._texts(url, self.dialect.query, self.dialect.by_uid.format(uid=escape(uid)), 1)

    def get(self, url: str) -> Answer:
        """One member as it is stored, or status 404 or 410."""
        return self.http.get(url, expect="any", ok=(404, 410))

    def features(self, url: str) -> frozenset[str]:
        """What the server says it can at this address, e.g. `calendar-auto-schedule`; nothing when it does not say."""
        told = self.http.request("OPTIONS", url, expect="any", ok=REFUSALS).headers.get("dav", "")
        return frozenset(word.strip().lower() for word in told.split(","))

    def put(self, url: str, text: str, *, version: str | None) -> Answer:
        """Replace the member with this version (`*`: any), or with None create it where nothing is yet."""
        condition = {"If-None-Match": "*"} if version is None else {"If-Match": version}
        headers = {"Content-Type": f"{self.dialect.media}; charset=utf-8", **condition}
        # CRLF is the only line end the standard knows; reading XML has turned those of a held text to LF.
        body = re.sub("\r\n|\r|\n", "\r\n", text).encode()
        return self.http.put(url, content=body, headers=headers, expect="any", ok=REFUSALS)

    def delete(self, url: str, *, version: str | None) -> Answer:
        """Delete a member, with this version if one is given."""
        headers = {**self.dialect.delete_headers, **({"If-Match": version} if version else {})}
        return self.http.delete(url, headers=headers, expect="any", ok=(*REFUSALS, 410))

    def _texts(self, url: str, report: str, which: str, depth: int) -> Multistatus:
        body = _document(report, f"<D:prop>{_asked(['D:getetag', self.dialect.data])}</D:prop>{which}")
        try:
            return self._multistatus(self._ask("REPORT", url, body, depth))
        except Gone as error:
            # The collection is gone, which says nothing about any single member.
            raise SchemaChanged(f"The {self.dialect.room} is no longer there.", at=urlsplit(url).hostname) from error

    def _ask(self, method: str, url: str, body: bytes, depth: int, ok: Sequence[int] = ()) -> Answer:
        headers = {"Content-Type": "application/xml; charset=utf-8", "Depth": str(depth)}
        expect: Expect = "any" if ok else "xml"
        return self.http.request(method, url, content=body, headers=headers, expect=expect, ok=ok, timeout=_PATIENCE)

    def _multistatus(self, answer: Answer) -> Multistatus:
        root = _parsed(answer)
        if root.tag != _tag("D:multistatus"):
            raise Garbled("The answer is not a WebDAV multistatus.", at=answer.where, status=answer.status)
        found = [one for response in root.iterfind(_tag("D:response")) for one in _resources(response, answer.url)]
        return Multistatus(found, (root.findtext(_tag("D:sync-token")) or "").strip(), answer.url)


def path_of(href: str, base: str = "") -> str:
    """The path of an address in one spelling, whichever way the server percent-encodes it."""
    path = urlsplit(urljoin(base, href)).path
    return "/".join(quote(unquote_to_bytes(part), safe="@:$!*'(),;=+&~-._") for part in path.split("/"))


def strong(etag: str) -> str:
    """An ETag without the `W/` that compressing proxies put before it; blank for none."""
    return etag.strip().removeprefix("W/")


def preconditions(answer: Answer) -> frozenset[str]:
    """What an error body names as broken, e.g. `no-uid-conflict`; nothing when it is no DAV error."""
    try:
        root = _parsed(answer)
    except Garbled:
        return frozenset()
    names = frozenset(_local(node.tag) for node in root.iter()) - {"error", "responsedescription"}
    return names if _local(root.tag) == "error" else frozenset()


class _NoDoctype(ElementTree.TreeBuilder):
    """Refuses documents that declare entities, which could make a small answer huge."""

    def doctype(self, *_: object) -> None:
        raise ElementTree.ParseError("a document type is not allowed")


def _parsed(answer: Answer) -> Element:
    for text in (answer.content, _ILLEGAL.sub("", answer.text).encode()):
        parser = ElementTree.XMLParser(target=_NoDoctype())  # noqa: S314 - document types are refused
        try:
            parser.feed(text)
            root: Element = parser.close()
            return root
        except (ElementTree.ParseError, ValueError, LookupError):
            continue
    if is_page(answer.text, answer.headers.get("content-type", "")):
        words = f"The server answered with a web page titled '{page_title(answer.text)}'."
        raise Garbled(words, at=answer.where, status=answer.status)
    raise BrokenXml("The answer is not readable XML.", at=answer.where, status=answer.status)


def _resources(response: Element, base: str) -> Iterable[Resource]:
    paths = [path_of((href.text or "").strip(), base) for href in response.findall(_tag("D:href"))]
    status = _status(response.findtext(_tag("D:status")) or "")
    props = {
        prop.tag: prop
        for propstat in response.findall(_tag("D:propstat"))
        if _status(propstat.findtext(_tag("D:status")) or "") == 200
        for prop in propstat.iterfind(f"{_tag('D:prop')}/*")
    }
    return [Resource(path, status or 200, props) for path in paths]


def _status(line: str) -> int:
    found = re.search(r"\b([1-5][0-9][0-9])\b", line)
    return int(found[1]) if found else 0


def _document(name: str, inside: str) -> bytes:
    spaces = "".join(f' xmlns:{prefix}="{space}"' for prefix, space in SPACES.items())
    return f'<?xml version="1.0" encoding="utf-8"?><{name}{spaces}>{inside}</{name}>'.encode()


def _asked(names: Iterable[str]) -> str:
    return "".join(f"<{name}/>" for name in names)


def _tag(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{SPACES[prefix]}}}{local}"


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
