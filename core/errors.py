"""Everything that can go wrong, told so that somebody can act.

Each class answers three questions: who acts, again when, and how far it reaches. Each code has one sentence for
what happened and one for what to do (`REGISTRY`). Messages carry facts (connection, stream, id, field), never a
secret and never a whole payload.

    ConcordError
     ├─ ConfigError        bad settings, mapping, rules or command; the admin mends it, nothing was touched
     ├─ StoreError         the hub's own database: newer version, locked by another process, disk full
     ├─ Unforeseen         an error of the program; what was begun is tried again, and everything else goes on
     ├─ NotTaken           a lead that was posted was not taken in; whoever built the page or program mends it
     │   ├─ Incomplete     whoever filled in the form is asked again
     │   └─ TooOften       wait a little
     └─ ToolError          a tool said no, or said nothing
         ├─ Throttled      wait; no attempt is counted
         ├─ Unavailable    down, timed out before sending, 5xx; back off
         │   └─ Resting    it failed too often in a row; calls to it rest, and one will see
         ├─ Unknown        the call may have happened; look before sending again
         ├─ SignedOut      credentials no longer work; the connection pauses
         ├─ Forbidden      signed in, but not allowed: a scope or permission is missing
         ├─ Stale          the record's version moved; read it again
         ├─ Gone           the record is not there (any more), or moved to another id
         ├─ Refused        the tool will not take this item; a dead letter
         ├─ Exists         a create met a record that is already there; bind to it
         ├─ CursorExpired  the tool no longer honours our place; a new generation begins
         ├─ SchemaChanged  a field or type is not what the mapping expects
         ├─ Garbled        the answer is not what the tool's contract promises (a proxy's HTML, broken JSON)
         └─ Unsupported    the connector does not offer this; said, not skipped
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, Self


class Acts(StrEnum):
    """Who must act."""

    ADMIN = "admin"
    TOOL_ADMIN = "tool's admin"
    VENDOR = "vendor"
    PERSON = "person concerned"
    """Nobody but they may: it is their consent."""
    NOBODY = "nobody"


class Again(StrEnum):
    """When the same thing may be tried again."""

    NOW = "now"
    LATER = "later"
    NEVER = "never"


class Reach(StrEnum):
    """How far an error reaches."""

    FIELD = "field"
    RECORD = "record"
    STREAM = "stream"
    CONNECTION = "connection"
    HUB = "hub"


@dataclass(frozen=True, slots=True)
class Entry:
    """What a code means: one sentence for what happened, one for what to do."""

    happened: str
    remedy: str


REGISTRY: dict[str, Entry] = {}
"""Error code → what happened and what to do. Connectors may register codes of their own, prefixed `<tool>.`."""


def register(code: str, happened: str, remedy: str) -> str:
    """Add a code to the registry and give it back; the same code twice is a `ValueError`."""
    if code in REGISTRY:
        raise ValueError(f"error code {code} is registered already")
    REGISTRY[code] = Entry(happened, remedy)
    return code


class ConcordError(Exception):
    """The family. `code` is a registered code, `facts` small and printable, `remedy` overrides the registry's."""

    code: ClassVar[str] = "error"
    acts: ClassVar[Acts] = Acts.ADMIN
    again: ClassVar[Again] = Again.NEVER
    reach: Reach = Reach.HUB

    def __init__(self, message: str, *, code: str | None = None, remedy: str | None = None, **facts: Any) -> None:
        """Say what happened in one sentence; `facts` are connection=, stream=, id=, field=, status= and the like."""
        super().__init__(message)
        self.message = message
        self.error_code = code or self.code
        self.own_remedy = remedy
        self.facts = {name: fact for name, fact in facts.items() if fact is not None}

    def reaching(self, reach: Reach) -> Self:
        """The same error where it reaches less far, or farther, than its class."""
        self.reach = reach
        return self

    @property
    def remedy(self) -> str:
        """One sentence: what to do about it."""
        if self.own_remedy:
            return self.own_remedy
        entry = REGISTRY.get(self.error_code) or REGISTRY.get(self.code)
        return entry.remedy if entry else ""

    def __str__(self) -> str:
        """The sentence, then the facts in brackets."""
        facts = ", ".join(f"{name} {fact}" for name, fact in self.facts.items())
        return f"{self.message} ({facts})" if facts else self.message

    def to_json(self) -> dict[str, Any]:
        """The form in which logs, `--json` and the API show an error."""
        return {
            "code": self.error_code,
            "message": self.message,
            "remedy": self.remedy,
            "acts": str(self.acts),
            "again": str(self.again),
            "facts": self.facts,
        }


class ConfigError(ConcordError):
    """Settings, mapping, rules or a command cannot be understood; nothing was touched."""

    code = "config"


class StoreError(ConcordError):
    """The hub's own database cannot be used as it is."""

    code = "store"


class Unforeseen(ConcordError):
    """The program itself failed in something that it does by the way, in which nobody has foreseen that."""

    code = "unforeseen"
    again = Again.LATER


class NotTaken(ConcordError):
    """A lead that was posted was not taken in, and nothing of it is kept."""

    code = "lead.unreadable"
    reach = Reach.RECORD


class Incomplete(NotTaken):
    """Something is missing that only the person who filled in the form knows."""

    code = "lead.incomplete"
    acts = Acts.PERSON
    again = Again.NOW


class TooOften(NotTaken):
    """More came at once than one address or one form may bring."""

    code = "lead.too_often"
    acts = Acts.NOBODY
    again = Again.LATER


class ToolError(ConcordError):
    """A tool said no, or said nothing."""

    code = "tool"
    reach = Reach.RECORD


class Throttled(ToolError):
    """The tool asks us to wait `wait` seconds; None when it does not say how long."""

    code = "throttled"
    acts = Acts.NOBODY
    again = Again.LATER
    reach = Reach.CONNECTION

    def __init__(self, message: str, *, wait: float | None = None, **facts: Any) -> None:
        """Say what happened; `wait` is in seconds."""
        super().__init__(message, **facts)
        self.wait = wait


USED_UP = "throttled.day"
"""The code of a `Throttled` because of the day's quota."""


class Unavailable(ToolError):
    """The tool cannot be reached or fails on its side, and the call certainly did nothing or was only a read."""

    code = "unavailable"
    acts = Acts.NOBODY
    again = Again.LATER
    reach = Reach.CONNECTION


class Resting(Unavailable):
    """The tool failed so often in a row that it is not called for `wait` seconds; nothing was sent."""

    code = "resting"

    def __init__(self, message: str, *, wait: float, **facts: Any) -> None:
        """Say what happened; `wait` is in seconds."""
        super().__init__(message, **facts)
        self.wait = wait


class Unknown(ToolError):
    """A write was sent and no answer came: it may have happened."""

    code = "unknown"
    acts = Acts.NOBODY
    again = Again.LATER


class SignedOut(ToolError):
    """The credentials do not work (any more)."""

    code = "signed_out"
    reach = Reach.CONNECTION


class Forbidden(ToolError):
    """Signed in, but a scope, permission or plan is missing."""

    code = "forbidden"
    acts = Acts.TOOL_ADMIN
    reach = Reach.STREAM


class Stale(ToolError):
    """The record changed there since we read it; nothing was written."""

    code = "stale"
    acts = Acts.NOBODY
    again = Again.NOW


class Gone(ToolError):
    """The record is not there; `moved_to` names the id under which it lives on, where the tool says so."""

    code = "gone"
    acts = Acts.NOBODY

    def __init__(
        self, message: str, *, moved_to: str | None = None, moved_stream: str | None = None, **facts: Any
    ) -> None:
        """`moved_to` is a remote id, in the stream `moved_stream` of the connection; None: in the same stream."""
        super().__init__(message, **facts)
        self.moved_to = moved_to
        self.moved_stream = moved_stream


class Refused(ToolError):
    """The tool will not take this item; the message holds the tool's own words."""

    code = "refused"


class Exists(ToolError):
    """A create met a record that is already there, `remote_id` where the tool names it."""

    code = "exists"
    acts = Acts.NOBODY
    again = Again.NOW

    def __init__(self, message: str, *, remote_id: str | None = None, **facts: Any) -> None:
        """`remote_id` of the record that was met."""
        super().__init__(message, **facts)
        self.remote_id = remote_id


class CursorExpired(ToolError):
    """The tool no longer honours our cursor."""

    code = "cursor_expired"
    acts = Acts.NOBODY
    again = Again.NOW
    reach = Reach.STREAM


class SchemaChanged(ToolError):
    """A stream or field is gone or changed its type."""

    code = "schema_changed"
    reach = Reach.STREAM


class Garbled(ToolError):
    """The answer is not what the tool's contract promises."""

    code = "garbled"
    acts = Acts.VENDOR
    again = Again.LATER
    reach = Reach.STREAM


class Unsupported(ToolError):
    """The connector does not offer this."""

    code = "unsupported"
    reach = Reach.STREAM


def who_acts(code: str) -> Acts | None:
    """Who must act about a code; None where that depends on the case, as with a connector's own codes."""
    return _acting().get(code) or _acting().get(code.partition(".")[0])


@cache
def _acting() -> dict[str, Acts]:
    return {one.code: one.acts for one in _family(ConcordError) if "code" in vars(one)}


def _family(one: type[ConcordError]) -> Iterator[type[ConcordError]]:
    yield one
    for child in one.__subclasses__():
        yield from _family(child)


for _code, _happened, _remedy in (
    ("config", "The configuration cannot be understood.", "Mend the line named in the message and try again."),
    ("store", "The hub's database cannot be used.", "See the message; nothing was changed."),
    (
        "store.newer",
        "The database was written by a newer Concord.",
        "Upgrade Concord, or point CONCORD_DATA elsewhere.",
    ),
    (
        "store.backup",
        "The file is no whole backup of this hub: nothing was changed.",
        "Use another backup, or copy this one again from where it was kept.",
    ),
    (
        "store.busy",
        "Another Concord process uses this store.",
        "Stop the other process, or use PostgreSQL for several.",
    ),
    (
        "store.full",
        "The disk is full; the page was not kept and will be read again.",
        "Free some space; syncing goes on by itself.",
    ),
    (
        "store.taken_over",
        "Another worker took the connection over, because this one stood still for too long.",
        "Nothing to do: the other one goes on.",
    ),
    (
        "store.reconfigured",
        "The configuration was changed in the midst of a turn.",
        "Nothing to do: the next turn goes by the new one.",
    ),
    (
        "unforeseen",
        "The program failed in a way that nobody has foreseen.",
        "Report it with the lines of the hub's log about it, which hold nobody's words; it is tried again by itself, "
        "and everything else goes on.",
    ),
    (
        "undo.stale",
        "What an undo would do has changed since somebody looked; nothing was undone.",
        "Look at what it would do now, then undo it.",
    ),
    ("lead.unreadable", "What was posted cannot be read.", "Post a form, or a JSON object with one text a field."),
    ("lead.form", "There is no such form.", "Name one that is declared below `forms:` in the configuration."),
    ("lead.incomplete", "Something is missing by which the person could be answered.", "Fill it in and send it again."),
    ("lead.site", "The page is on no site of this form.", "Add its origin to the form's `sites` in the configuration."),
    ("lead.too_large", "What was posted is too large.", "Send less; files are not taken."),
    ("lead.too_often", "Too much came at once.", "Wait as long as the answer says, and send it again."),
    ("lead.key", "The key was used for another lead.", "Give each lead an Idempotency-Key of its own."),
    ("paused", "A person has paused it.", "Wait until it may go on."),
    ("tool", "The tool answered with an error.", "Read the tool's words in the message."),
    ("throttled", "The tool asks for fewer requests.", "Nothing to do: the hub waits and goes on."),
    (
        "throttled.day",
        "The tool's calls of the day are used up, but for those that are left to people and other apps.",
        "Nothing to do: reading and writing go on by themselves at the time the message names, refusals of consent go "
        "out meanwhile. To go on sooner, have the tool's admin raise the quota, or lower `reserve` of the connection.",
    ),
    (
        "resting",
        "The tool failed several times in a row, so it is not called for a while.",
        "Nothing to do: one call sees at the time the message names, and all goes on once the tool answers.",
    ),
    (
        "unavailable",
        "The tool cannot be reached or fails on its side.",
        "Nothing to do: the hub tries again, slower each time.",
    ),
    ("unknown", "A write was sent and no answer came.", "Nothing to do: the hub looks before it sends again."),
    (
        "signed_out",
        "The tool does not accept the credentials.",
        "Sign in again: `concord connect` with the connection's name.",
    ),
    (
        "forbidden",
        "The account lacks a permission the connection needs.",
        "Ask the tool's admin to grant what the message names, then run `concord check`.",
    ),
    ("stale", "The record changed in the tool since it was read.", "Nothing to do: the hub reads it again."),
    ("gone", "The record is no longer in the tool.", "Nothing to do: the delete policy of the connection decides."),
    (
        "refused",
        "The tool refused this record.",
        "Mend the value or the mapping; the hub then tries again by itself, or run `concord replay`.",
    ),
    ("exists", "The tool already has this record.", "Nothing to do: the hub ties the two together."),
    (
        "cursor_expired",
        "The tool no longer honours our place in the stream.",
        "Nothing to do: the stream is read again from the start.",
    ),
    (
        "schema_changed",
        "A field or stream in the tool is not what the mapping expects.",
        "Run `concord check` and mend the mapping lines it names.",
    ),
    (
        "garbled",
        "The answer was not what the tool's contract promises.",
        "If it lasts, check the address and any proxy in between.",
    ),
    (
        "unsupported",
        "The connector does not offer this.",
        "Change the mapping or the connection's settings so that it is not asked for.",
    ),
):
    register(_code, _happened, _remedy)
