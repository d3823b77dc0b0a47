"""Drift: what changed in a tool's own description of a stream, and what that means for the lines of its mapping.

Every difference is told in words. What a person must mend has a remedy; of the lines that cannot go on meanwhile it is
said which, and whether they rest on both sides or only in writing. All the other lines go on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from core.decide.renaming import renamed
from core.mapping.forms import misfit
from core.mapping.language import Line, StreamMapping
from core.model.shape import Field, Shape
from core.ports import Description, FieldInfo


class Kind(StrEnum):
    """What happened to a field of a tool."""

    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"
    """A guess: one went as another came that looks like it."""
    TYPE = "type"
    CHOICES = "choices"
    REQUIRED = "required"
    LENGTH = "length"
    READ_ONLY = "read_only"


class Side(StrEnum):
    """How far a line rests."""

    BOTH = "both"
    WRITING = "writing"


class Change(NamedTuple):
    """One difference between two descriptions of a stream."""

    kind: Kind
    field: str
    """The tool's field."""
    what: str
    """What happened, in one or two sentences."""
    remedy: str = ""
    """What to do about it; empty where nothing need be done."""
    touches: tuple[str, ...] = ()
    """The lines that use the field, by their canonical fields."""
    pauses: tuple[str, ...] = ()
    """Those of them that cannot go on."""
    side: Side = Side.BOTH
    renamed_to: str | None = None
    """The field that it may have become."""

    @property
    def matters(self) -> bool:
        """Whether a person has something to do."""
        return bool(self.remedy)


_TYPED = frozenset({"date", "instant", "number", "flag", "email", "phone", "url", "domain", "ref"})
"""Types of a tool that refuse what is of another type, though it has the same form."""
_MOMENTS = {"date", "instant"}
"""A day in a field of moments, or the other way round, may shift; it is taken all the same."""
_WHOLE = frozenset({"json", "address", "money"})
"""Types whose values have fields inside."""


def compare(
    before: Description, after: Description, mapping: StreamMapping, shape: Shape, *, creates: bool = True
) -> list[Change]:
    """Every difference, in the order of the fields; none for a free-form tool, or one that describes nothing.

    `shape` is that of the stream's kind; `creates` says whether records are created in the stream.
    """
    if before.open or after.open or not after.fields:
        return []
    was, now = ({info.name: info for info in one.fields} for one in (before, after))
    uses = _Uses(mapping, shape, {**was, **now})
    gone = [info for name, info in was.items() if name not in now]
    come = [info for name, info in now.items() if name not in was]
    became = renamed(gone, come)
    changes: list[Change] = []
    for name, info in was.items():
        if name not in now:
            changes.append(_lost(uses, info, *became.get(name, (None, ""))))
        elif info != now[name]:
            changes += _altered(uses, info, now[name], creates=creates)
    found = {other.name for other, _ in became.values()}
    for info in come:
        if info.name not in found:
            changes.append(Change(Kind.ADDED, info.name, f"`{info.name}` is new in the tool.", "", uses.lines(info)))
        changes += _required(uses, None, info, creates=creates)
    return [_loud(uses, change) for change in changes]


def resting(changes: Iterable[Change]) -> dict[str, Change]:
    """The lines that cannot go on → the change that stops each; of several the one that stops both sides."""
    found: dict[str, Change] = {}
    for change in changes:
        for line in change.pauses:
            if line not in found or change.side is Side.BOTH:
                found[line] = change
    return found


class _Uses:
    """Which lines of a mapping read or write which fields of the tool."""

    def __init__(self, mapping: StreamMapping, shape: Shape, known: Mapping[str, FieldInfo]) -> None:
        self.mapping, self.shape = mapping, shape
        self._known = known
        self.readers: dict[str, list[Line]] = {}
        self.writers: dict[str, list[Line]] = {}
        for line in mapping.lines:
            for users, paths in ((self.readers, line.reads), (self.writers, line.writes)):
                for name in dict.fromkeys(filter(None, map(self._owner, paths))):
                    users.setdefault(name, []).append(line)

    def _owner(self, path: str) -> str | None:
        """The described field that a path is, or leads into."""
        top = path.partition(".")[0]
        return path if path in self._known else top if top in self._known else None

    def users(self, info: FieldInfo) -> list[Line]:
        """Every line that reads or writes a field."""
        both = (*self.readers.get(info.name, ()), *self.writers.get(info.name, ()))
        return list({line.field: line for line in both}.values())

    def lines(self, info: FieldInfo) -> tuple[str, ...]:
        """The same by their names."""
        return tuple(line.field for line in self.users(info))


def _lost(uses: _Uses, info: FieldInfo, other: FieldInfo | None, reason: str) -> Change:
    lines = uses.lines(info)
    if other is None:
        what = f"`{info.name}` was removed in the tool, or hidden from this connection."
        remedy = f"Take {_named(lines)} out of the mapping, or bring the field back and let this connection see it."
        return Change(Kind.REMOVED, info.name, what, remedy if lines else "", lines, lines)
    what = f"`{info.name}` is gone from the tool, and `{other.name}` has come: {reason}. It may have been renamed."
    remedy = f"If so, write `field: {other.name}` for {_named(lines)}; else bring the field back, or take it out."
    return Change(Kind.RENAMED, info.name, what, remedy if lines else "", lines, lines, renamed_to=other.name)


def _loud(uses: _Uses, change: Change) -> Change:
    """The same; where a line of consent is no longer written, nobody may learn that by chance."""
    written = {line.field for line in uses.mapping.lines if line.writes and line.field in change.pauses}
    if not any(field.rule == "strictest" for name in written if (field := uses.shape.fields.get(name)) is not None):
        return change
    return change._replace(what=f"{change.what} Refusals of consent do not reach the tool meanwhile.")


def _altered(uses: _Uses, was: FieldInfo, now: FieldInfo, *, creates: bool) -> Iterator[Change]:
    if (was.type, was.refers_to) != (now.type, now.refers_to):
        yield _retyped(uses, was, now)
    if was.choices != now.choices:
        yield from _choices(uses, was, now)
    yield from _required(uses, was, now, creates=creates)
    if was.max_length != now.max_length:
        yield _length(uses, was, now)
    yield from _closed(uses, was, now)


# --- the type


def _retyped(uses: _Uses, was: FieldInfo, now: FieldInfo) -> Change:
    if was.type == now.type:
        what = f"`{now.name}` pointed to {was.refers_to or 'nothing'} and points to {now.refers_to or 'nothing'} now."
    else:
        what = f"`{now.name}` was of the type {was.type} and is of the type {now.type} now."
    unfit = {line.field: mend for line in uses.users(now) if (mend := _mending(uses, line, was, now)) is not None}
    if not unfit:
        return Change(Kind.TYPE, now.name, what, "", uses.lines(now))
    mends = " ".join(dict.fromkeys(filter(None, unfit.values())))
    remedy = " ".join(filter(None, (f"Change the type back, or mend {_named(unfit)}.", mends)))
    return Change(Kind.TYPE, now.name, what, remedy, uses.lines(now), tuple(unfit))


def _mending(uses: _Uses, line: Line, was: FieldInfo, now: FieldInfo) -> str | None:
    """What would make a line fit a field's new type, which may be ''; None where it fits."""
    if line.ref_streams and now.refers_to and now.refers_to not in line.ref_streams:
        return ""
    if any(path != now.name for path in (*line.reads, *line.writes) if path.partition(".")[0] == now.name):
        return None if now.type in _WHOLE else ""
    if line.parts:
        return "" if now.type in _TYPED - {"number"} else None
    field = uses.shape.fields.get(line.field)
    if field is None:
        return None
    wrong = misfit(line, field, now)
    if wrong is not None:
        return wrong.remedy if misfit(line, field, was) is None else None
    return "" if line.writes and not _takes(line, field, was, now) else None


def _takes(line: Line, field: Field, was: FieldInfo, now: FieldInfo) -> bool:
    """Whether what is written may be of the field's new type; whoever put steps or words there has seen to it."""
    if now.type not in _TYPED or now.type == was.type or line.steps or line.vocabulary or line.compute:
        return True
    return field.type == now.type or {field.type, now.type} == _MOMENTS


# --- choices


def _choices(uses: _Uses, was: FieldInfo, now: FieldInfo) -> Iterator[Change]:
    lost = [word for word in was.choices if word not in now.choices] if now.choices else []
    come = [word for word in now.choices if word not in was.choices] if was.choices else []
    said = [f"`{now.name}` does not take {_words(lost)} any more."] if lost else []
    said += [f"`{now.name}` may be {_words(come)} now."] if come and now.choices else []
    if not was.choices:
        said = [f"`{now.name}` takes only {_words(now.choices)} now."]
    elif not now.choices:
        said = [f"`{now.name}` takes any word now."]
    if said:
        remedies = (*_for_lost(uses, was, now, lost), *_for_come(uses, now, come))
        yield Change(Kind.CHOICES, now.name, " ".join(said), " ".join(dict.fromkeys(remedies)), uses.lines(now))


def _for_lost(uses: _Uses, was: FieldInfo, now: FieldInfo, lost: Sequence[str]) -> Iterator[str]:
    """Values that the tool will refuse from now on."""
    if was.choices and not lost:
        return
    for line in uses.writers.get(now.name, ()):
        if line.vocabulary is None:
            yield "Records with another value are refused until it is changed, or the choice is brought back."
            continue
        written = {str(word) for word in uses.mapping.vocabularies[line.vocabulary].written.values()}
        if written & set(lost) or not (was.choices or written <= set(now.choices)):
            yield f"Let the vocabulary `{line.vocabulary}` write other words, or bring the choices back."


def _for_come(uses: _Uses, now: FieldInfo, come: Sequence[str]) -> Iterator[str]:
    """Words that the mapping cannot read."""
    for line in uses.readers.get(now.name, ()):
        vocabulary = uses.mapping.vocabularies.get(line.vocabulary or "")
        if vocabulary is None or vocabulary.unknown != "refuse":
            continue
        if any(word not in {str(known) for known in vocabulary.words} for word in come):
            yield f"Add the new words to the vocabulary `{vocabulary.name}`, or say `unknown: keep`."


# --- what the tool asks for, and what it lets nobody write


def _required(uses: _Uses, was: FieldInfo | None, now: FieldInfo, *, creates: bool) -> Iterator[Change]:
    before = was is not None and was.required
    if before and not now.required:
        yield Change(Kind.REQUIRED, now.name, f"`{now.name}` need not be filled any more.", "", uses.lines(now))
    if before or not now.required or now.read_only:
        return
    what, writers = f"The tool takes no record without `{now.name}` now.", uses.writers.get(now.name, [])
    bare = [line.field for line in writers if not line.required]
    remedy = ""
    if not writers and creates and uses.mapping.goes_out:
        what = f"The tool creates no record without `{now.name}` now, and no line writes it."
        remedy = f"Add a line with `field: {now.name}`, or let the tool do without it; creates are refused meanwhile."
    elif bare:
        remedy = f"Say `required: true` for {_named(bare)}; records without a value are refused until they have one."
    yield Change(Kind.REQUIRED, now.name, what, remedy, uses.lines(now))


def _length(uses: _Uses, was: FieldInfo, now: FieldInfo) -> Change:
    if now.max_length is None or (was.max_length is not None and now.max_length > was.max_length):
        return Change(Kind.LENGTH, now.name, f"`{now.name}` takes longer values now.", "", uses.lines(now))
    before = f", {was.max_length} before" if was.max_length is not None else ""
    what = f"`{now.name}` takes {now.max_length} characters at most now{before}."
    remedy = "Longer values are refused: shorten them, or let the field take more."
    return Change(Kind.LENGTH, now.name, what, remedy if now.name in uses.writers else "", uses.lines(now))


def _closed(uses: _Uses, was: FieldInfo, now: FieldInfo) -> Iterator[Change]:
    """Whether it may be written at all, or only when a record is made."""
    if now.read_only == was.read_only and (now.read_only or now.create_only == was.create_only):
        return
    if not (now.read_only or now.create_only):
        yield Change(Kind.READ_ONLY, now.name, f"`{now.name}` can be written now.", "", uses.lines(now))
        return
    writers = uses.writers.get(now.name, [])
    lines = tuple(line.field for line in writers if now.read_only or not line.on_create_only)
    if now.read_only:
        what = f"`{now.name}` cannot be written any more."
        remedy = f"Say `direction: in` for {_named(lines)}, or let this connection write the field."
    else:
        what = f"`{now.name}` can only be set when a record is created now."
        remedy = f"Add `on_create_only: true` to {_named(lines)}, or say `direction: in`."
    yield Change(Kind.READ_ONLY, now.name, what, remedy if lines else "", uses.lines(now), lines, Side.WRITING)


# --- words


def _named(lines: Iterable[str]) -> str:
    names = [f"`{name}`" for name in lines]
    return f"the line{'s' if len(names) > 1 else ''} {', '.join(names)}"


def _words(words: Sequence[str]) -> str:
    shown = ", ".join(f"`{word}`" for word in words[:5])
    return f"{shown} and {len(words) - 5} more" if len(words) > 5 else shown
