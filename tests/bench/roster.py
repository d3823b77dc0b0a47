"""How the hub speaks with a roster (`rosters.py`): through the kit, in the page and batch sizes of a real tool.

`declared` writes the connectors down: each has the numbers of a real tool's manifest, read from there, so that the
bench asks as often as that tool would be asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

import connectors
from connectors._kit.catalogue import entry, refresh
from connectors._kit.http import Http
from connectors._kit.paging import batches
from connectors._kit.payload import Payload
from core.manifest import Limits, Stream
from core.model.instant import DAY, SECOND, Instant
from core.ports import Checkup, Context, Cursor, Description, Edit, Page, Receipt, Remote

STREAM = "people"
_AS_DECLARED = ("page_size", "batch_size", "fetch_size", "look_back", "returns", "versions", "poll_every")


class Like(NamedTuple):
    """A roster that is asked as a real tool is."""

    tool: str
    stream: str
    """The tool's own stream of people."""
    every: int
    """One person in so many is there from the beginning."""
    walks: bool = False
    """Whether everybody is looked at once a day, because no stamp tells all that changes."""
    daily: int | None = None
    """Calls a day, where the tool tells them itself and no manifest does."""

    @property
    def name(self) -> str:
        """The connector's name, and the connection's."""
        return f"like_{self.tool}"

    @property
    def declared(self) -> Stream:
        """What the tool's manifest says of the stream."""
        return entry(self.tool).manifest.streams[self.stream]

    @property
    def limits(self) -> Limits:
        """What the tool allows."""
        found = entry(self.tool).manifest.limits
        return found.model_copy(update={"daily": self.daily}) if self.daily else found


LIKES = (
    Like("hubspot", "contacts", every=1),
    # An Enterprise edition with a few users; Salesforce says the number with each answer.
    Like("salesforce", "Contact", every=2, daily=100_000),
    Like("mailchimp", "members", every=4, walks=True),
)


def declare(folder: Path) -> None:
    """Write the connectors into a folder of their own, and let the catalogue find them there."""
    house = folder / "connectors"
    for like in LIKES:
        own = house / like.name
        own.mkdir(parents=True, exist_ok=True)
        stream = {name: getattr(like.declared, name) for name in _AS_DECLARED}
        stream |= {"kind": "contact", "cursor": "stamp", "creates": True, "updates": True, "idempotent_create": True}
        manifest = {
            "name": like.name, "title": like.name, "category": "test", "auth": "none", "doc": "A roster.",
            "settings": {"url": {"type": "url", "doc": "Where the rosters are.", "required": True}},
            "streams": {STREAM: stream}, "quality": {"tier": "sound"},
        }  # fmt: skip
        with (own / "manifest.yaml").open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(manifest, file)
        (own / "__init__.py").write_text("", encoding="utf-8")
        (own / "connector.py").write_text("from tests.bench.roster import build\n", encoding="utf-8")
    connectors.__path__.append(str(house))
    refresh()


def build(context: Context) -> Roster:
    """The connector for one connection; its name says which tool it is like."""
    return Roster(context, next(like for like in LIKES if like.name == context.name))


class Roster:
    """Checks, Reads and Writes of `core.ports`."""

    def __init__(self, context: Context, like: Like) -> None:
        self._clock, self._like, self._stream = context.clock, like, like.declared
        base = f"{str(context.settings['url']).rstrip('/')}/{like.name}"
        self._http = Http(base, clock=context.clock, sleep=context.sleep, connection=context.name)
        self._sleep, limits = context.sleep, like.limits
        self._pause = limits.per_seconds / (limits.requests or 1)

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return sum(self._http.calls.values())

    def check(self) -> Checkup:
        """Everybody may."""
        return Checkup("anonymous")

    def describe(self, stream: str) -> Description:
        """Anything may be there."""
        return Description(stream, (), open=True)

    def close(self) -> None:
        """Let the connections go."""
        self._http.close()

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """Everybody by id, then what changed since; where the tool asks for it, everybody again once a day."""
        now, held = self._clock(), dict(cursor or {})
        due = self._like.walks and now - held.get("walked", now) >= DAY
        if not held or "page" in held or ("place" not in held and due):
            began = held.get("began", now)
            answer = self._ask(stream, now, after=held.get("page", 0), limit=self._stream.page_size)
            following = {"page": answer.whole("next", None), "began": began}
            done = {"high": began, "walked": began}
        else:
            since = held.get("since", held.get("high", now) - int(self._stream.look_back * SECOND))
            answer = self._ask(stream, now, since=since, after=held.get("place", 0), limit=self._stream.page_size)
            kept = {"until": held.get("until", now), "walked": held["walked"]}
            following = {"place": answer.whole("next", None), "since": since, **kept}
            done = {"high": kept["until"], "walked": kept["walked"]}
        records = _remotes(answer)
        if answer.whole("next", None) is not None:
            return Page(records, following, more=True)
        return Page(records, done, complete="page" in held or not held)

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """These as they are now."""
        some = batches(ids, self._stream.fetch_size)
        return [one for part in some for one in _remotes(self._ask("these", self._clock(), ids=",".join(part)))]

    def find(self, stream: str, key: str) -> Remote | None:
        """Nobody has to be looked for."""
        return None

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """A call for all of them."""
        items = [{"id": int(edit.remote_id or 0), "key": edit.key, "fields": dict(edit.fields)} for edit in edits]
        self._spend()
        answer = self._http.post(stream, json={"now": self._clock(), "edits": items}).payload()
        tells = self._stream.returns != "nothing"
        return [
            Receipt(
                one.id("id"),
                str(one.whole("at")) if tells else None,
                one.whole("at") if tells else None,
                dict(edit.fields) if tells else None,
            )
            for one, edit in zip(answer.each("results"), edits, strict=True)
        ]

    def _ask(self, stream: str, now: Instant, **params: Any) -> Payload:
        self._spend()
        return self._http.get(stream, params={"now": now, **params}).payload()

    def _spend(self) -> None:
        """A call takes the time that the tool's pace asks for."""
        if self._sleep is not None:
            self._sleep(self._pause)


def _remotes(answer: Payload) -> list[Remote]:
    rows = answer.data["results"]  # of our own making
    return [Remote(str(row["id"]), row["fields"], str(row["at"]), row["at"]) for row in rows]
