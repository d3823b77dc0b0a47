"""For tests: a folder with one file that a person edits, a connector on it, and short words for edits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connectors.csv.connector import SheetFolder, build
from core.ports import Context, Edit, Page, Remote, Verb

CONTACTS = "Email,Name,Phone\r\nann@x.org,Ann,+4420\r\nbob@x.org,Bob,\r\ncy@x.org,Cy,0\r\n"


class Desk:
    """A folder with one file, `contacts.csv`, and a connector that can be made anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / "contacts.csv"
        self.out = path / "out" / "contacts.csv"
        self.connectors: list[SheetFolder] = []

    def write(self, text: str | bytes) -> None:
        """A person saves the file."""
        self.file.write_bytes(text if isinstance(text, bytes) else text.encode())

    def connect(self, write: str = "beside", **options: Any) -> SheetFolder:
        """A new connector on the folder, as after a restart."""
        settings = {"folder": str(self.path), "write": write}
        streams = {"contacts": {"file": "contacts.csv", "id": "Email", **options}}
        self.connectors.append(build(Context("test", settings, lambda: 0, streams)))
        return self.connectors[-1]

    def close(self) -> None:
        """Close every connector."""
        for connector in self.connectors:
            connector.close()


def walk(connector: SheetFolder, cursor: Any = None, stream: str = "contacts") -> list[Page]:
    """All pages from a cursor on."""
    pages = [connector.read(stream, cursor)]
    while pages[-1].more:
        pages.append(connector.read(stream, pages[-1].next))
    return pages


def rows(pages: list[Page]) -> dict[str, Remote]:
    """Id → row; of two, the last."""
    return {remote.id: remote for page in pages for remote in page.records}


def made(connector: SheetFolder, key: str) -> Remote:
    """What the create with this key made."""
    found = connector.find("contacts", key)
    if found is None:
        raise AssertionError(f"no row was made by {key}")
    return found


def update(id_: str, version: str | None = None, key: str = "u", **fields: Any) -> Edit:
    """An edit that changes cells."""
    return Edit(Verb.UPDATE, "contacts", key, id_, fields, version)


def create(key: str = "k", **fields: Any) -> Edit:
    """An edit that adds a row."""
    return Edit(Verb.CREATE, "contacts", key, fields=fields)


def delete(id_: str, key: str = "d") -> Edit:
    """An edit that takes a row out."""
    return Edit(Verb.DELETE, "contacts", key, id_)
