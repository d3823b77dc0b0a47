"""What came of a trial, as pages and commands show it: a document of plain values, small enough for one page."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from connectors._kit.catalogue import entry
from core.decide.why import text
from core.mapping import paths
from core.model.instant import SECOND
from core.model.shapes import KIND_ORDER

if TYPE_CHECKING:
    from api.trial.playing import Played
    from connectors._kit.loopback import Call
    from core.mapping import StreamMapping
    from core.mapping.language import Line
    from core.ports import Edit

Told = dict[str, Any]
SAMPLES = 3
"""Records that are shown side by side, and edits."""
_LONGEST = 4_000
"""Characters of a call's body."""
_WORD = 200
"""Characters of a value."""


def told(played: Played) -> Told:
    """The report: what was read, samples, what was written, agreement, problems, and what no line touches."""
    manifest = entry(played.asked.tool).manifest
    return {
        "tool": played.asked.tool,
        "title": manifest.title,
        "seconds": round((played.ended_at - played.began_at) / SECOND, 1),
        "cut_short": played.cut_short,
        "read": _read(played),
        "samples": list(_samples(played)),
        "written": _written(played),
        "agreement": {**played.agreement.counts(), "share": played.agreement.share},
        "mapping": [one._asdict() for one in played.problems],
        "problems": list(_problems(played)),
        "needs": played.needs,
        "untouched": {stream: fields for stream in played.kinds if (fields := _untouched(played, stream))},
    }


def _read(played: Played) -> list[Told]:
    found = [
        {"stream": stream, "kind": kind, "records": len(played.seen.records.get(stream, ()))}
        for stream, kind in played.kinds.items()
    ]
    return sorted(found, key=lambda one: KIND_ORDER.index(one["kind"]))


# --- samples


def _samples(played: Played) -> Iterator[Told]:
    """One record of each stream in turn, people first, until there are enough."""
    for stream, id_ in _chosen(played):
        fields, reading = played.seen.records[stream][id_], played.values[stream, id_]
        wrong = dict(one.partition(": ")[::2] for one in reading.problems)
        lines = [
            {
                "theirs": " + ".join(line.reads),
                "there": "; ".join(filter(None, (_shown(paths.get(fields, path)) for path in line.reads))),
                "ours": line.field,
                "becomes": _shown(reading.values.get(line.field)),
                "wrong": wrong.get(line.field, ""),
            }
            for line in _lines(played, stream)
            if line.reads
        ]
        shown = [one for one in lines if one["there"] or one["becomes"] or one["wrong"]]
        yield {"stream": stream, "kind": played.kinds[stream], "id": id_, "lines": shown}


def _chosen(played: Played) -> list[tuple[str, str]]:
    streams = sorted(played.kinds, key=lambda name: (played.kinds[name] != "contact", played.kinds[name] == "owner"))
    by_stream = [[key for key in played.values if key[0] == stream] for stream in streams]
    turns = [some[at] for at in range(SAMPLES) for some in by_stream if at < len(some)]
    return turns[:SAMPLES]


def _lines(played: Played, stream: str) -> Sequence[Line]:
    mapping = _stream(played, stream)
    return mapping.lines if mapping is not None else ()


def _stream(played: Played, stream: str) -> StreamMapping | None:
    return played.mapping.streams.get(stream) if played.mapping is not None else None


def _shown(value: Any) -> str:
    """A value as people read it; blank for nothing."""
    return "" if value in (None, "", [], {}) else text(value)[:_WORD]


# --- what was written


def _written(played: Played) -> Told:
    edits = played.seen.edits
    return {
        "records": len(edits),
        "verbs": dict(Counter(str(one.verb) for one in edits)),
        "calls": len(played.calls),
        "call": _call(played.calls[0]) if played.calls else None,
        "edits": [_edit(one) for one in edits[:SAMPLES]],
    }


def _edit(one: Edit) -> Told:
    fields = {name: _shown(value) for name, value in one.fields.items()}
    return {"verb": str(one.verb), "stream": one.stream, "id": one.remote_id or "", "fields": fields}


def _call(one: Call) -> Told:
    """A call as it was made, but for its headers: those carry credentials."""
    body = one.body.decode("utf-8", "replace")
    kind = one.headers.get("content-type", "")
    if "json" in kind:
        body = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    elif "form" in kind:
        body = "\n".join(f"{name} = {value}" for name, value in parse_qsl(body, keep_blank_values=True))
    return {"method": one.method, "path": one.path, "body": body[:_LONGEST] + ("…" if len(body) > _LONGEST else "")}


# --- what is wrong, or asked


def _problems(played: Played) -> Iterator[Told]:
    """Everything that somebody would have to see to, each with what to do."""
    checked = played.checked
    if checked is not None and checked.error is not None:
        yield _problem("check", str(checked.error), checked.error.remedy)
    for one in checked.findings if checked is not None else ():
        if not one["ok"]:
            yield _problem("check", one["what"], one["remedy"])
    known: set[str] = set()
    for error in played.errors:
        if error.message not in known:
            known.add(error.message)
            yield _problem("sync", str(error), error.remedy)
    yield from _listed(played.listed)


def _listed(found: Mapping[str, Any]) -> Iterator[Told]:
    for one in found.get("records", ()):
        where = f"{one['stream']} {one['id']}"
        yield _problem("record", f"{where}: {'; '.join(one['problems'])}", "Mend the value there, or the mapping.")
    for one in found.get("unread", ()):
        yield _problem("record", f"{one['stream']}: {one['place']}", "Mend it in the tool.")
    for one in found.get("dead_letters", ()):
        yield _problem("refused", f"{one['connection']}: {one['message']}", one["remedy"])
    for one in found.get("reviews", ()):
        what = ", ".join(filter(None, (one["what"], one["field"] or "", one["note"])))
        yield _problem("review", what, "A person is asked, and answers it under Reviews.")


def _problem(sort: str, what: str, remedy: str) -> Told:
    return {"sort": sort, "what": what, "remedy": remedy}


# --- what no line touches


def _untouched(played: Played, stream: str) -> list[Told]:
    """The tool's fields that no line reads or writes, those first that hold something in the samples."""
    described, records = played.described.get(stream), list(played.seen.records.get(stream, {}).values())
    names = dict.fromkeys([one.name for one in described.fields] if described is not None else [])
    names |= dict.fromkeys(name for one in records for name in one)
    used = {path for line in _lines(played, stream) for path in (*line.reads, *line.writes)}
    tops = {path.partition(".")[0] for path in used}
    free = [name for name in names if name not in used and name not in tops]
    found = [{"name": name, "filled": sum(_shown(paths.get(one, name)) != "" for one in records)} for name in free]
    return sorted(found, key=lambda one: -one["filled"])
