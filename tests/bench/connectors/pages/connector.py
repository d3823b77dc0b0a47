"""How the hub reads the page server: as it reads any tool, through the kit and with everything the kit looks after."""

from __future__ import annotations

from collections.abc import Sequence

from connectors._kit.http import Http
from connectors._kit.paging import Slice, by_cursor
from connectors._kit.payload import Payload
from core.ports import Checkup, Context, Cursor, Description, Page, Remote


def build(context: Context) -> Pages:
    """The connector for one connection."""
    on_date = context.on_date
    http = Http(
        str(context.settings["url"]),
        clock=context.clock,
        sleep=context.sleep,
        connection=context.name,
        on_skew=(lambda skew: on_date(*skew)) if on_date else None,
    )
    return Pages(http, int(context.settings["page_size"]))


class Pages:
    """Checks and Reads of `core.ports`."""

    def __init__(self, http: Http, page_size: int) -> None:
        self._http = http
        self._page_size = page_size

    def check(self) -> Checkup:
        """Everybody may read."""
        return Checkup("anonymous")

    def describe(self, stream: str) -> Description:
        """Anything may be there."""
        return Description(stream, (), open=True)

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page of the listing; each poll walks it anew."""
        return by_cursor(cursor, lambda after: self._slice(stream, after))

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """Each by the listing, which has no other door."""
        shown = [self._slice(stream, id_, 1).records for id_ in ids]
        return [next(iter(found), Remote(id_, {}, deleted=True)) for id_, found in zip(ids, shown, strict=True)]

    def _slice(self, stream: str, after: str | None, size: int | None = None) -> Slice:
        answer = self._http.get(stream, params={"after": after, "limit": size or self._page_size}).payload()
        following = answer.whole("next", None)
        return Slice([_remote(record) for record in answer.each("results")], _word(following))


def _remote(record: Payload) -> Remote:
    stamp = record.text("modified_at")
    return Remote(record.id("id"), record.object(""), stamp, record.instant("modified_at"))


def _word(number: int | None) -> str | None:
    return None if number is None else str(number)
