"""Members as the core sees them: fetched from a collection in one request and read into `Remote`s.

One member that cannot be read never stops the others: it is a `Remote` with a `problem`. Used by reading and
writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urljoin

from connectors._kit.dav.dialect import Format, MemberError
from connectors._kit.dav.protocol import BrokenXml, Dav, Resource, strong
from core.ports import Remote

_BROKEN = 0


class Members:
    """The members of a collection as one stream sees them."""

    def __init__(self, dav: Dav, form: Format) -> None:
        self._dav = dav
        self._form = form

    def takes(self, kind: str) -> bool:
        """Whether a member of this content type may belong to the stream."""
        return self._form.takes(kind)

    def at(self, url: str, paths: Sequence[str]) -> dict[str, Remote]:
        """These members of the collection at `url` as they are now, by path; a missing one as a tombstone.

        What does not belong to the stream (a group of contacts, another kind of file) is left out.
        """
        found: dict[str, Remote] = {}
        for start in range(0, len(paths), self._dav.batch):
            for resource in self._asked(url, paths[start : start + self._dav.batch]):
                remote = self.read(resource)
                if remote is not None:
                    found[remote.id] = remote
        return found

    def read(self, resource: Resource) -> Remote | None:
        """A member as a record; None for what does not belong to the stream."""
        if resource.status in (404, 410):
            return Remote(resource.path, {}, deleted=True)
        if resource.status == _BROKEN:
            return Remote(resource.path, {}, problem=f"{_name(resource.path)}: it comes in no XML.")
        text = resource.whole(self._dav.dialect.data)
        return self.of_text(resource.path, text, resource.etag) if text else None

    def of_text(self, path: str, text: str, version: str | None) -> Remote | None:
        """A member's text as a record; None for what does not belong to the stream."""
        try:
            content = self._form.read(text)
        except MemberError as error:
            held = {self._dav.dialect.whole: text}
            return Remote(path, held, version, problem=f"{_name(path)}: {error}.")
        return content and Remote(path, content.fields, version, content.modified_at)

    def _asked(self, url: str, paths: Sequence[str]) -> Iterable[Resource]:
        try:
            answer = self._dav.multiget(url, paths)
        except BrokenXml:
            # Perhaps one member holds something the server cannot put into XML: find it, and read the others.
            if len(paths) == 1:
                return [Resource(paths[0], _BROKEN, {})]
            half = len(paths) // 2
            return [*self._asked(url, paths[:half]), *self._asked(url, paths[half:])]
        asked = set(paths)
        told = [resource for resource in answer.resources if resource.path in asked]
        missing = asked.difference(resource.path for resource in told)
        return [*told, *(self._alone(url, path) for path in sorted(missing))]

    def _alone(self, url: str, path: str) -> Resource:
        """A member that the server left out of its answer; silence is no proof that it was deleted."""
        answer = self._dav.get(urljoin(url, path))
        if answer.status in (404, 410):
            return Resource(path, answer.status, {})
        return Resource.of_text(path, strong(answer.headers.get("etag", "")), self._dav.dialect.data, answer.text)


def _name(path: str) -> str:
    return path.rpartition("/")[2]
