"""The contract's harness on real servers: one server for all tests of a kind, a collection of its own for each."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

from connectors._kit.contract.harness import Harness
from connectors._kit.dav.servers import Server, radicale, xandikos
from core.ports import Fields

MAKERS = {"radicale": radicale, "xandikos": xandikos}
_LOOK = b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getetag/></prop></propfind>'


class OnServers(Harness):
    """A person at a real server. What is written and how it is shown comes from the harness beside it."""

    kind: ClassVar[str]
    media: ClassVar[str]
    suffix: ClassVar[str]
    setting: ClassVar[str]
    """The setting that names a collection."""
    mkcol: ClassVar[str]
    """The type of the collection to make, as XML, with the name space of `C`."""

    running: ClassVar[dict[str, Server]] = {}
    open: ClassVar[ExitStack] = ExitStack()
    folders: ClassVar[Path]

    def usual(self) -> str:
        """The path of the collection that the server has from the start."""
        raise NotImplementedError

    def text_of(self, stream: str, fields: Fields) -> str:
        """What a person's program writes."""
        raise NotImplementedError

    def changed(self, text: str, fields: Fields) -> str:
        """The same with other fields."""
        raise NotImplementedError

    def seen(self, text: str) -> Fields:
        """What an independent library reads in it."""
        raise NotImplementedError

    @classmethod
    def stop_all(cls) -> None:
        """End every server."""
        cls.running.clear()
        cls.open.close()

    def start(self) -> None:
        """Start a server of the kind where none runs, and make a collection."""
        if self.kind not in self.running:
            make, folder = MAKERS[self.kind], self.folders / f"{self.kind}-{uuid4()}"
            self.running[self.kind] = self.open.enter_context(make(folder))
        self.server = self.running[self.kind]
        self.http = self.server.client()
        self.name = f"own-{uuid4()}"
        self.place = f"{self.usual().rstrip('/').rpartition('/')[0]}/{self.name}/"
        body = (
            f'<?xml version="1.0"?><D:mkcol xmlns:D="DAV:" {self.mkcol.partition("|")[0]}><D:set><D:prop>'
            f"<D:resourcetype><D:collection/>{self.mkcol.partition('|')[2]}</D:resourcetype>"
            "</D:prop></D:set></D:mkcol>"
        )
        made = self.http.request("MKCOL", self.place, content=body.encode(), headers={"Content-Type": "text/xml"})
        made.raise_for_status()

    def close(self) -> None:
        """Let the person's connection go; the server stays for the next test."""
        self.http.close()

    def take_down(self) -> None:
        """From now on nobody answers."""
        self.running.pop(self.kind).stop()

    def settings(self) -> dict[str, Any]:
        """Sign-in, and the collection of this test."""
        who = {"username": self.server.username, "password": self.server.password}
        return {"url": self.server.url, **who, self.setting: self.name, "page_size": 3}

    def create(self, stream: str, fields: Fields) -> str:
        """A person adds a member."""
        path = f"{self.place}{uuid4()}{self.suffix}"
        self._put(path, self.text_of(stream, fields))
        return path

    def edit(self, stream: str, id_: str, fields: Fields) -> None:  # noqa: ARG002 -- one address, whichever stream
        """A person changes it."""
        self._put(id_, self.changed(self.http.get(id_).text, fields))

    def delete(self, stream: str, id_: str) -> None:  # noqa: ARG002 -- one address, whichever stream
        """A person deletes it."""
        self.http.delete(id_).raise_for_status()

    def show(self, stream: str, id_: str) -> Fields | None:  # noqa: ARG002 -- one address, whichever stream
        """What a person sees."""
        answer = self.http.get(id_)
        return None if answer.status_code == 404 else self.seen(answer.text)

    def count(self, stream: str) -> int:  # noqa: ARG002 -- one collection, whichever stream
        """How many members there are."""
        headers = {"Depth": "1", "Content-Type": "text/xml"}
        return self.http.request("PROPFIND", self.place, content=_LOOK, headers=headers).text.count(f"{self.suffix}<")

    def _put(self, path: str, text: str) -> None:
        self.http.put(path, content=text.encode(), headers={"Content-Type": self.media}).raise_for_status()
