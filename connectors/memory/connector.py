"""How the hub talks to the memory tool: the reference for every connector, and the tool of the simulation.

`build` gives a connector on a named world; several connectors (and people, and other processes by `path`)
share one. Reading is a change log by token, a walk by stamp, or a plain listing. Trouble is switched on in
`tool.mischief`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, Literal, NamedTuple, TypeVar

from connectors._kit.mischief import Switch
from connectors._kit.payload import Payload, dig, nested
from connectors._kit.signatures import verify_standard
from connectors.memory.fields import FIELDS
from connectors.memory.hooks import Subscriber
from connectors.memory.tool import Tool
from connectors.memory.walks import View, by_listing, by_stamp, by_token
from connectors.memory.world import State, World
from connectors.memory.worlds import forget, tool_of, use, world
from core.errors import (
    CursorExpired,
    Forbidden,
    Garbled,
    Gone,
    Refused,
    SchemaChanged,
    SignedOut,
    Throttled,
    ToolError,
    Unavailable,
    Unknown,
    Unsupported,
)
from core.manifest import Manifest
from core.model.instant import SECOND
from core.ports import (
    Checkup,
    Context,
    Cursor,
    Description,
    Edit,
    Fields,
    Finding,
    Notice,
    Order,
    Page,
    Receipt,
    Remote,
    Request,
    Subscription,
    Verb,
)

__all__ = ["MemoryConnector", "Options", "build", "forget", "manifest_for", "use", "world"]

T = TypeVar("T")

BATCH_SIZE = 100

FIXES = {"key_field": "field for our keys", "consent_field": "field for consent"}
"""What `Tool.missing` may name, in words."""

Mode = Literal["token", "stamp", "listing"]
Answers = Literal["whole", "written", "nothing"]


class Options(NamedTuple):
    """How one connection uses the tool."""

    token: str | None = None
    mode: Mode = "token"
    answers: Answers = "whole"
    page_size: int = 100
    look_back: int = 60 * SECOND
    """µs that a poll by stamp reaches behind its last place."""
    webhook_secret: str = ""


class MemoryConnector:
    """The protocols of `core.ports` on one `Tool`."""

    def __init__(self, tool: Tool, options: Options) -> None:
        self.tool = tool
        self._options = options
        self._subscriber = Subscriber(tool)

    def check(self) -> Checkup:
        """Sign in, and say which streams are shut."""
        with self._call("check"):
            shut = [
                Finding(False, f"may not use {stream}", "allow it in the tool")
                for stream in sorted(self.tool.forbidden)
            ]
            missing = [
                Finding(False, f"has no {FIXES[fix]}", "add it in the tool", fix) for fix in sorted(self.tool.missing)
            ]
            return Checkup(f"{self.tool.name} in memory", (Finding(True, "signed in"), *shut, *missing))

    def prepare(self, fix: str) -> Sequence[Finding]:
        """Make what is missing in the tool."""
        with self._call("prepare", "setup"):
            if fix not in FIXES:
                raise Unsupported(f"There is nothing called {fix} to be made.")
            self.tool.missing.discard(fix)
            return [Finding(True, f"has {FIXES[fix]}")]

    def describe(self, stream: str) -> Description:
        """The known fields as they are now; unless the tool is closed, others may exist too."""
        with self._call("describe", stream):
            hidden, retyped = self.tool.hidden.get(stream, ()), self.tool.retyped.get(stream, ())
            fields = [
                one._replace(type="number") if one.name in retyped else one
                for one in FIELDS.get(stream, ())
                if one.name not in hidden
            ]
            return Description(stream, tuple(fields), open=not self.tool.habits.closed)

    def close(self) -> None:
        """Nothing is held."""

    # --- reading

    def read(self, stream: str, cursor: Cursor | None) -> Page:
        """The next page, by token, stamp or listing as this connection is set."""
        mischief = self.tool.mischief
        with self._call("read", stream) as world:
            if not cursor and mischief.fires(Switch.EMPTY):
                return Page([], dict(cursor or {}), complete=True, total=0)
            if cursor and (
                mischief.fires(Switch.EXPIRED) or cursor.get("revision", world.revision) < world.oldest_cursor
            ):
                raise CursorExpired("The tool no longer honours this cursor.", stream=stream)
            walk = {"token": by_token, "stamp": by_stamp, "listing": by_listing}[self._options.mode]
            page = walk(self._view(world, stream, first=not cursor), cursor or {})
            return page._replace(records=mischief.disturbed(page.records))

    def fetch(self, stream: str, ids: Sequence[str]) -> Sequence[Remote]:
        """These records as they truly are now; a missing one is a tombstone."""
        with self._call("fetch", stream) as world:
            return [self._remote(stream, id_, world.now(stream, id_)) for id_ in ids]

    def find(self, stream: str, key: str) -> Remote | None:
        """What a create with this key made; a tombstone if that is gone since."""
        with self._call("find", stream) as world:
            id_ = world.keys.get(stream, {}).get(key)
            return None if id_ is None else self._remote(stream, id_, world.now(stream, id_))

    def _view(self, world: World, stream: str, *, first: bool) -> View:
        listing = self._options.mode == "listing"
        # A walk that leaves half out does so from its first page on: it then fits on that one.
        half = listing and first and self.tool.mischief.fires(Switch.HALF)
        return View(
            world,
            stream,
            self._visible(world),
            lambda id_, state: self._remote(stream, id_, state, self._key(world, stream, id_)),
            BATCH_SIZE if half else self._options.page_size,
            self._options.look_back,
            self.tool.habits.cap,
            self.tool.now(),
            half,
        )

    def _visible(self, world: World) -> int:
        lag = self.tool.lag
        if self.tool.mischief.fires(Switch.LAGGING):
            lag += 1 + self.tool.mischief.below(30 * SECOND)
        return world.visible(self.tool.now() - lag) if lag else world.revision

    def _remote(self, stream: str, id_: str, state: State | None, key: str | None = None) -> Remote:
        if state is None:
            return Remote(id_, {}, deleted=True)
        return Remote(
            id_,
            {} if state.deleted else self._shown(stream, state),
            version=state.version if self.tool.habits.versions else None,
            modified_at=state.modified_at if self.tool.habits.stamps else None,
            deleted=state.deleted,
            moved_to=state.moved_to,
            moved_stream=state.moved_stream,
            changed=frozenset(state.changed) if self.tool.habits.names_changes and state.changed else None,
            key=key,
        )

    def _key(self, world: World, stream: str, id_: str) -> str | None:
        """The key of the create that made a record; a look at all of them, since hardly a tool is asked to show it."""
        if not self.tool.habits.shows_keys:
            return None
        return next((key for key, made in world.keys.get(stream, {}).items() if made == id_), None)

    def _shown(self, stream: str, state: State) -> Fields:
        """A record's fields as connectors see them: blank ones by name where the tool does so, hidden ones never."""
        hidden = self.tool.hidden.get(stream, ())
        blank = [one.name for one in FIELDS.get(stream, ())] if self.tool.habits.names_blanks else []
        shown = {**dict.fromkeys(blank), **deepcopy(state.fields)}
        return {name: value for name, value in shown.items() if name not in hidden}

    # --- writing

    def write(self, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        """Carry out the edits one by one, each kept by itself."""
        mischief = self.tool.mischief
        with self._call("write", stream):
            if len(edits) > BATCH_SIZE:
                raise Refused(f"The tool takes at most {BATCH_SIZE} edits at once.", stream=stream)
            self._judge_whole(stream, edits)
        done = mischief.below(len(edits)) if mischief.fires(Switch.CUT) else len(edits)
        receipts = [self._write_one(stream, edit) for edit in edits[:done]]
        if done < len(edits) or mischief.fires(Switch.LOST_ANSWER):
            raise Unknown("The connection broke before an answer came.", stream=stream)
        return receipts

    def _judge_whole(self, stream: str, edits: Sequence[Edit]) -> None:
        """What this tool says about a call before it looks at single items."""
        hidden = self.tool.hidden.get(stream, frozenset())
        unknown = sorted(hidden & {name for edit in edits for name in edit.fields})
        if unknown:
            raise SchemaChanged(f"The tool knows no {unknown[0]}.", stream=stream, field=unknown[0])
        if self.tool.habits.whole_batches and any(self._objection(stream, edit) for edit in edits):
            raise Refused("The tool takes nothing of this call, and does not say which record is wrong.", stream=stream)

    def _objection(self, stream: str, edit: Edit) -> str | None:
        return self.tool.mistyped(stream, edit.fields) or self.tool.refuses(stream, edit.fields)

    def _write_one(self, stream: str, edit: Edit) -> Receipt:
        if self.tool.mischief.fires(Switch.PARTIAL):
            return Receipt(
                error=Unavailable("The record is locked by somebody else.", stream=stream, id=edit.remote_id)
            )
        if words := self.tool.mistyped(stream, edit.fields):
            return Receipt(error=Refused(words, stream=stream, id=edit.remote_id))
        act = {Verb.CREATE: self._create, Verb.UPDATE: self._update, Verb.DELETE: self._delete}[edit.verb]
        try:
            with self.tool.by_hub() as world:
                revision = world.revision
                id_, state = act(world, stream, edit)
                changed = world.revision > revision
                world.writes += changed
        except ToolError as error:
            return Receipt(error=error)
        if changed:
            self.tool.writes_to[stream, id_] += 1
            self.tool.tell(stream, id_)
        return self._receipt(stream, id_, state, edit)

    def _create(self, world: World, stream: str, edit: Edit) -> tuple[str, State]:
        keys = world.keys.setdefault(stream, {})
        if self.tool.habits.idempotent and edit.key in keys:
            id_ = keys[edit.key]
            return id_, self.tool.present(world, stream, id_)
        fields = self.tool.spelled(edit.fields)
        self.tool.judge(world, stream, fields)
        id_ = self.tool.new_id(world, stream)
        keys.setdefault(edit.key, id_)
        return id_, self.tool.keep(world, stream, id_, fields, changed=edit.fields)

    def _update(self, world: World, stream: str, edit: Edit) -> tuple[str, State]:
        id_ = _named(edit)
        return id_, self.tool.change(world, stream, id_, edit.fields, version=edit.version)

    def _delete(self, world: World, stream: str, edit: Edit) -> tuple[str, State]:
        id_ = _named(edit)
        self.tool.compare(self.tool.present(world, stream, id_), edit.version, stream, id_)
        return id_, self.tool.bury(world, stream, id_)

    def _receipt(self, stream: str, id_: str, state: State, edit: Edit) -> Receipt:
        answers = self._options.answers
        fields: Fields | None = None
        if answers == "whole":
            fields = self._shown(stream, state)
        elif answers == "written":
            fields = nested({path: dig(state.fields, path) for path in edit.fields})
        version = state.version if self.tool.habits.versions and answers != "nothing" else None
        stamp = state.modified_at if self.tool.habits.stamps and answers != "nothing" else None
        return Receipt(id_, version, stamp, fields, whole=answers == "whole")

    def merge(self, stream: str, survivor_id: str, loser_id: str) -> Receipt:
        """Make two records one, as a person in the tool would."""
        with self._call("merge", stream):
            pass
        try:
            id_ = self.tool.merge(stream, survivor_id, loser_id)
        except ToolError as error:
            return Receipt(error=error)
        if self.tool.mischief.fires(Switch.LOST_ANSWER):
            raise Unknown("The connection broke before an answer came.", stream=stream)
        return Receipt(id_)

    # --- webhooks

    def receive(self, request: Request) -> Sequence[Notice]:
        """Events signed in the manner of Standard Webhooks; a body of one event or a list of them."""
        known = (self._options.webhook_secret, *(one.told or one.chosen for one in request.secrets))
        verify_standard(request, secret=" ".join(known))
        body = Payload.parse(request.body, "webhook")
        events = list(body.each("")) if isinstance(body.data, list) else [body]
        return [self._notice(event) for event in events]

    def _notice(self, event: Payload) -> Notice:
        kind, event_id = event.text("type"), event.id("id")
        if kind not in ("changed", "deleted", "merged"):
            return Notice("unknown", event_id, note=f"event type '{kind[:60]}'")
        remote = Remote(
            event.id("record.id"),
            event.object("record.fields", {}),
            version=event.text("record.version", None),
            modified_at=event.whole("record.modified_at", None),
            deleted=kind != "changed",
            moved_to=event.id("record.moved_to", None),
            moved_stream=event.text("record.moved_stream", None),
            partial=event.flag("record.partial", False),
        )
        return Notice(kind, event_id, event.text("stream"), remote)

    def subscriptions(self) -> Sequence[Subscription] | None:
        """Who is called, where the tool tells."""
        with self._call("subscriptions", "setup"):
            return self._subscriber.listed()

    def subscribe(self, order: Order) -> Subscription:
        """Have us called."""
        with self._call("subscribe", "setup"):
            return self._answered(self._subscriber.made(order))

    def renew(self, old: Subscription, order: Order) -> Subscription:
        """Have us called for longer, or elsewhere."""
        with self._call("subscribe", "setup"):
            return self._answered(self._subscriber.renewed(old, order))

    def unsubscribe(self, old: Subscription) -> None:
        """Be called no more."""
        with self._call("unsubscribe", "setup"):
            self._subscriber.dropped(old)
            self._answered(None)

    def _answered(self, answer: T) -> T:
        if self.tool.mischief.fires(Switch.LOST_ANSWER):
            raise Unknown("The connection broke before an answer came.")
        return answer

    # --- the line to the tool

    @contextmanager
    def _call(self, verb: str, stream: str = "") -> Iterator[World]:
        """One call to the tool: counted, signed in, and subject to trouble on the line."""
        tool, mischief = self.tool, self.tool.mischief
        with tool.open(changing=True) as world:
            world.calls[verb] = world.calls.get(verb, 0) + 1
            if mischief.fires(Switch.OUTAGE):
                tool.out_until = tool.clock() + int(mischief.outage * SECOND)
            if tool.down or tool.out_until > tool.clock() or mischief.fires(Switch.UNAVAILABLE):
                raise Unavailable("The tool does not answer.", stream=stream or None)
            if tool.habits.token is not None and self._options.token != tool.habits.token:
                raise SignedOut("The tool does not know this token.")
            if stream in tool.forbidden:
                raise Forbidden(f"The account may not use {stream}.", stream=stream)
            if mischief.fires(Switch.QUOTA):
                tool.spent_until = tool.clock() + int(mischief.quota * SECOND)
            if (left := tool.spent_until - tool.clock()) > 0:
                raise Throttled("The calls of the day are used up.", wait=left / SECOND)
            if mischief.fires(Switch.THROTTLED):
                raise Throttled("The tool asks for fewer calls.", wait=mischief.wait)
            if verb != "write" and mischief.fires(Switch.GARBLED):
                raise Garbled("The answer is a web page: 'Please wait'.", stream=stream or None)
            yield world


def _named(edit: Edit) -> str:
    if not edit.remote_id:
        raise Gone("The edit names no record.", stream=edit.stream)
    return edit.remote_id


def build(context: Context) -> MemoryConnector:
    """A connector on the world the settings name; its habits are set by whoever comes first."""
    settings = context.settings
    tool = tool_of(context)
    options = Options(
        token=settings.get("token"),
        mode=settings.get("mode") or "token",
        answers=settings.get("answers") or "whole",
        page_size=int(settings.get("page_size") or 100),
        look_back=int(float(settings.get("look_back", 60)) * SECOND),
        webhook_secret=settings.get("webhook_secret") or "",
    )
    return MemoryConnector(tool, options)


def manifest_for(settings: Mapping[str, Any], manifest: Manifest) -> Manifest:
    """What the manifest would declare if the tool were always set like this connection."""
    mode, listing = settings.get("mode") or "token", settings.get("mode") == "listing"
    changed = {
        "cursor": mode,
        "look_back": float(settings.get("look_back", 60)) if mode == "stamp" else 0,
        "delete_signal": "listing" if listing else "tombstone",
        "returns": settings.get("answers") or "whole",
        "versions": "opaque" if settings.get("versions", True) else "stamp",
        "idempotent_create": bool(settings.get("idempotent", True)),
    }
    streams = {name: stream.model_copy(update=changed) for name, stream in manifest.streams.items()}
    return manifest.model_copy(update={"streams": streams})
