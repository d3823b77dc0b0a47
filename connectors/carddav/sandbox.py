"""The stand-in address-book server: what RFC 6352 adds to the kit's WebDAV server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar
from xml.etree import ElementTree

from connectors._kit.dav.sandbox import DavSandbox, Habits, Kind, Stored, uid

__all__ = ["Habits", "Sandbox"]

CARD = "{urn:ietf:params:xml:ns:carddav}"


class Sandbox(DavSandbox):
    """The server; see `connectors._kit.dav.sandbox`."""

    kind: ClassVar[Kind] = Kind(
        space=CARD, well_known="carddav", home="addressbook-home-set", collection="addressbook", data="address-data",
        multiget="addressbook-multiget", query="addressbook-query", media="text/vcard", usual="contacts",
    )  # fmt: skip

    def fault(self, name: str, body: str) -> tuple[int, str] | None:  # noqa: ARG002 -- all books take the same
        """Like Radicale and Xandikos, it takes no card without a UID."""
        return None if uid(body) else (400, "valid-address-data")

    def respelt(self, body: str) -> str:
        """As Radicale sorts and upper-cases, and phone numbers in groups."""
        lines = re.sub(r"\r?\n[ \t]", "", body).strip().splitlines()
        inner = sorted(line.partition(":")[0].upper() + ":" + line.partition(":")[2] for line in lines[2:-1])
        grouped = [re.sub(r"(?<=\d)(?=(?:\d{4})+$)", " ", line) if line.startswith("TEL") else line for line in inner]
        return "\r\n".join([*lines[:2], *grouped, lines[-1], ""])

    def searched(self, query: ElementTree.Element, members: Mapping[str, Stored]) -> Mapping[str, Stored]:
        """Cards with a UID, which is all that is asked for."""
        wanted = query.findtext(f".//{CARD}text-match") or ""
        return {name: one for name, one in members.items() if uid(one.body) == wanted}
