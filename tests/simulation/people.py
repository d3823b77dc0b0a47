"""The people in the tools: what they do behind the hub's back, and the ledger in which it is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from core.flow.hub import HUB
from core.model.instant import Instant, iso
from core.model.values import Json, is_blank
from core.store import bindings, reviews
from core.store.codec import dumps
from core.store.records import Record, State
from tests.simulation.owed import MISSED, staff
from tests.simulation.plot import TOOLS, Plot, Step
from tests.support import Lab


@dataclass
class Word:
    """A person's last word about one field of one record in one tool."""

    value: Json
    """As the tool kept it."""
    at: Instant
    cleared: bool = False


class Said(NamedTuple):
    """A word said in the hub, which may be taken back."""

    place: tuple[str, str, str]
    word: Word
    before: Word | None
    """What somebody had said there before."""
    run_id: int


Place = tuple[str, str]
"""(tool, id)."""


@dataclass
class Ledger:
    """What people did, as they would tell it."""

    words: dict[tuple[str, str, str], Word] = field(default_factory=dict)
    """(tool, id, field) → the last word."""
    typed: dict[tuple[str, str, str], list[Instant]] = field(default_factory=dict)
    """(tool, canonical field, value) → when somebody typed it there."""
    untagged: dict[tuple[str, str, str], Instant] = field(default_factory=dict)
    """(tool, id, tag) → when somebody took it out."""
    deleted: dict[Place, Instant] = field(default_factory=dict)
    made: dict[Place, str] = field(default_factory=dict)
    """The records that people made, and who each is."""
    known: dict[Place, int] = field(default_factory=dict)
    """Records typed in by an address by which the hub knew somebody, and as which record."""
    readdressed: set[str] = field(default_factory=set)
    """Who got another email somewhere: by that they may not be recognised elsewhere."""
    merged: set[str] = field(default_factory=set)
    nameless: set[str] = field(default_factory=set)
    """Who was added without an address somewhere."""
    purged: set[str] = field(default_factory=set)
    """Tools in which nearly everybody was deleted at once."""
    confirmed: dict[str, Instant] = field(default_factory=dict)
    """Tool → when somebody said, asked by the hub, that what is missing there is truly gone."""
    taken_back: list[Said] = field(default_factory=list)
    """What was said in the hub and taken back."""
    happened: Counter[str] = field(default_factory=Counter)
    """Who → how often people did something from which the hub may owe them something anew."""
    edited: dict[Place, int] = field(default_factory=dict)
    """Records that were deleted while an edit from elsewhere was on its way to them, and as what the hub knew them."""


_STREAMS = {"com": "companies", "con": "contacts", "own": "owners", "act": "activities"}


def stream_of(id_: str) -> str:
    """The stream of a tool's record."""
    return _STREAMS[id_[:3]]


class People:
    """Everybody who works in the tools."""

    def __init__(self, lab: Lab, plot: Plot, ledger: Ledger) -> None:
        self.lab, self.plot, self.ledger = lab, plot, ledger

    def act(self, step: Step) -> None:
        """Do what a step says, if there is somebody it can be done to."""
        acts: dict[str, Callable[[Step, str], None]] = {
            "edit": self._edit,
            "tag": self._tag,
            "untag": self._untag,
            "delete": self._delete,
            "recreate": self._recreate,
            "merge": self._merge,
            "employ": self._employ,
            "own": self._own,
            "finish": self._finish,
            "move": self._move,
            "drop": self._drop,
            "miss": self._miss,
        }
        others: dict[str, Callable[[Step], None]] = {
            "create": self._add,
            "copy": self._copy,
            "alias": self._alias,
            "found": self._found,
            "rename": self._rename,
            "dissolve": self._dissolve,
            "purge": self._purge,
            "hire": self._hire,
            "staff": self._staff,
        }
        if step.what in others:
            others[step.what](step)
            return
        here = self.of_person(TOOLS[step.tool], step.who)
        if here:
            acts[step.what](step, here[0])

    def of_person(self, name: str, who: int) -> list[str]:
        """The ids under which a tool holds a person."""
        everybody = self.lab.tools[name].all("contacts")
        return [id_ for id_, held in everybody.items() if held.get("asked") == f"person {who}"]

    def record_of(self, who: int) -> Record | None:
        """The live record of a person, the first where there are several."""
        found = [one for one in self.lab.records() if one.values.get("asked") == f"person {who}"]
        return next((one for one in found if one.state == State.LIVE), None)

    # --- persons

    def _add(self, step: Step) -> None:
        self._create(step.tool, step.who, step.value)

    def _create(self, place: int, who: int, fields: Mapping[str, Any]) -> str | None:
        name = TOOLS[place]
        if self.of_person(name, who):
            return None
        id_ = self.lab.tools[name].create("contacts", fields)
        self._wrote(name, id_, fields, made=f"person {who}")
        return id_

    def _copy(self, step: Step) -> None:
        """Whoever types in somebody by the address that stands means the person whom the hub knows by it."""
        record = self.record_of(step.who)
        email = record.values.get("email") if record else None
        if record is None or not email:
            return
        fields = {"asked": f"person {step.who}", "email": email, "job_title": step.value}
        id_ = self._create(step.tool, step.who, fields)
        if id_ is not None and self._newest_address(step.who) == email:
            self.ledger.known[TOOLS[step.tool], id_] = record.id

    def _newest_address(self, who: int) -> Json:
        """The address that somebody gave a person last; the hub may not have heard of it yet."""
        places = {place for place, name in self.ledger.made.items() if name == f"person {who}"}
        words = [
            word for (*place, path), word in self.ledger.words.items() if path == "email" and tuple(place) in places
        ]
        return max(words, key=lambda word: word.at).value if words else None

    def _alias(self, step: Step) -> None:
        like = self.of_person(TOOLS[step.tool], step.value)
        held = (self.lab.tools[TOOLS[step.tool]].get("contacts", like[0]) or {}) if like else {}
        if held.get("phone") and held.get("last_name"):
            fields = {"asked": f"person {step.who}", "phone": held["phone"], "last_name": held["last_name"]}
            # In another tool than the one who is like them: there the two can be taken for each other.
            place = (step.tool + 1) % len(TOOLS)
            self.ledger.nameless.add(f"person {step.who}")
            self._create(place, step.who, fields)

    def _edit(self, step: Step, id_: str) -> None:
        name = TOOLS[step.tool]
        before = (self.lab.tools[name].get("contacts", id_) or {}).get(step.name)
        if before == step.value:
            return
        self.lab.tools[name].edit("contacts", id_, {step.name: step.value})
        if (self.lab.tools[name].get("contacts", id_) or {}).get(step.name) == before:
            # The tool cuts it to what it held already: nobody can see that anything was said.
            return
        self._wrote(name, id_, {step.name: step.value})
        if step.name == "stage":
            self._happened(step.who)
        if step.name == "email":
            self.ledger.readdressed.add(f"person {step.who}")

    def _tag(self, step: Step, id_: str) -> None:
        tags = self._tags(step, id_)
        self._set_tags(step, id_, [*tags, step.value])
        self.ledger.untagged.pop((TOOLS[step.tool], id_, step.value), None)

    def _untag(self, step: Step, id_: str) -> None:
        tags = self._tags(step, id_)
        out = step.value or (sorted(tags)[0] if tags else None)
        if out in tags:
            self._set_tags(step, id_, [one for one in tags if one != out])
            self.ledger.untagged[TOOLS[step.tool], id_, out] = self.lab.clock()

    def _tags(self, step: Step, id_: str) -> list[str]:
        return list((self.lab.tools[TOOLS[step.tool]].get("contacts", id_) or {}).get("tags") or [])

    def _set_tags(self, step: Step, id_: str, tags: list[str]) -> None:
        self.lab.tools[TOOLS[step.tool]].edit("contacts", id_, {"tags": tags or None})
        self._wrote(TOOLS[step.tool], id_, {"tags": tags or None})

    def _delete(self, step: Step, id_: str) -> None:
        name = TOOLS[step.tool]
        record = self.record_of(step.who) if stream_of(id_) == "contacts" else None
        if record is not None and self._is_behind(name, id_, record):
            self.ledger.edited[name, id_] = record.id
        self.lab.tools[name].delete(stream_of(id_), id_)
        self._forget(name, id_)

    def _is_behind(self, name: str, id_: str, record: Record) -> bool:
        """Whether the hub knows of an edit that this tool has not been told."""
        stream, tool = self.lab.stream(name), self.lab.tools[name]
        with self.lab.installation.store.reading() as tx:
            asked = reviews.undecided(tx, [record.id]).get(record.id, set())
            bound = bindings.of_remotes(tx, stream.id, [id_]).get(id_)
        held = tool.get("contacts", id_) or {}
        # What people have just said in the tool itself differs, too, and is on its way from there.
        shown, known = stream.translator.read([held, bound.expected if bound else held])
        wanted = tool.spelled(dict(stream.translator.write(record.values).fields))
        (meant,) = stream.translator.read([wanted])
        names = {"first_name", "phone", "job_title"} - asked
        return any(meant.values.get(one) not in (shown.values.get(one), known.values.get(one)) for one in names)

    def _recreate(self, step: Step, id_: str) -> None:
        name = TOOLS[step.tool]
        if self.plot.habits[step.tool].mode == "listing":
            # The new record is shown before the old one is missed: a person is asked about the two.
            return
        tool = self.lab.tools[name]
        fields = tool.get("contacts", id_) or {}
        if step.value:
            # The same under the same id: whoever did not look in between sees nothing new.
            tool.delete("contacts", id_)
            tool.create("contacts", fields, id=id_)
            return
        self._delete(step, id_)
        self._wrote(name, tool.create("contacts", fields), fields, made=f"person {step.who}")

    def _merge(self, step: Step, id_: str) -> None:
        name = TOOLS[step.tool]
        others = self.of_person(name, step.value)
        if others:
            self.lab.tools[name].merge("contacts", id_, others[0])
            self._forget(name, others[0])
            self.ledger.merged |= {f"person {step.who}", f"person {step.value}"}

    def _purge(self, step: Step) -> None:
        name = TOOLS[step.tool]
        for id_ in list(self.lab.tools[name].all("contacts"))[1:]:
            self._delete(step, id_)
        self.ledger.purged.add(name)

    # --- companies

    def of_company(self, name: str, who: int) -> str | None:
        """The id under which a tool holds a company."""
        held = self.lab.tools[name].all("companies")
        return next((id_ for id_, one in held.items() if one.get("domain") == f"works{who}.example"), None)

    def _found(self, step: Step) -> None:
        name = TOOLS[step.tool]
        if self.plot.companies and self.of_company(name, step.who) is None:
            id_ = self.lab.tools[name].create("companies", step.value)
            self._wrote(name, id_, step.value, made=f"company {step.who}")

    def _rename(self, step: Step) -> None:
        name = TOOLS[step.tool]
        id_ = self.of_company(name, step.who)
        if id_ is not None:
            self.lab.tools[name].edit("companies", id_, {"name": step.value})
            self._wrote(name, id_, {"name": step.value})

    def _employ(self, step: Step, id_: str) -> None:
        name = TOOLS[step.tool]
        self._found(Step("found", step.tool, step.value, value=_works(step.value, step.name)))
        firm = self.of_company(name, step.value)
        if firm is not None and (self.lab.tools[name].get("contacts", id_) or {}).get("company_id") != firm:
            self.lab.tools[name].edit("contacts", id_, {"company_id": firm})
            self._wrote(name, id_, {"company_id": firm})

    def _dissolve(self, step: Step) -> None:
        id_ = self.of_company(TOOLS[step.tool], step.who)
        if id_ is not None:
            self._delete(step, id_)

    # --- those who own records, and what they have to do

    def of_staff(self, name: str, who: int) -> str | None:
        """The id under which a tool holds a member of the staff."""
        held = self.lab.tools[name].all("owners")
        return next((id_ for id_, one in held.items() if one.get("email") == staff(who)), None)

    def _hire(self, step: Step) -> None:
        name = TOOLS[step.tool]
        id_ = self.lab.tools[name].create("owners", step.value)
        self._wrote(name, id_, step.value, made=staff(step.who))

    def _staff(self, step: Step) -> None:
        id_ = self.of_staff(TOOLS[step.tool], step.who)
        if id_ is not None:
            self._set(TOOLS[step.tool], id_, active=step.value)
            self.ledger.happened["staff"] += 1

    def _own(self, step: Step, id_: str) -> None:
        owner = self.of_staff(TOOLS[step.tool], step.value)
        if owner is not None:
            self._set(TOOLS[step.tool], id_, owner_id=owner)
            self._happened(step.who)

    def _finish(self, step: Step, id_: str) -> None:
        for task in self._tasks(step, id_)[:1]:
            self._set(TOOLS[step.tool], task, done=True)
            self._happened(step.who)

    def _move(self, step: Step, id_: str) -> None:
        for task in self._tasks(step, id_)[:1]:
            self._set(TOOLS[step.tool], task, due_at=iso(self.lab.clock() + step.value))
            self._happened(step.who)

    def _drop(self, step: Step, id_: str) -> None:
        for task in self._tasks(step, id_)[:1]:
            self._delete(step, task)
            self._happened(step.who)

    def _tasks(self, step: Step, id_: str) -> list[str]:
        """The tasks about somebody that nobody has done."""
        held = self.lab.tools[TOOLS[step.tool]].all("activities").items()
        return [task for task, one in held if id_ in (one.get("contact_ids") or ()) and one.get("done") is False]

    def _miss(self, step: Step, id_: str) -> None:
        call = {"type": "call", "subject": MISSED, "starts_at": iso(self.lab.clock()), "contact_ids": [id_]}
        name = TOOLS[step.tool]
        self._wrote(name, self.lab.tools[name].create("activities", call), call, made=f"call of person {step.who}")
        self._happened(step.who)

    def _set(self, name: str, id_: str, **fields: Any) -> None:
        held = self.lab.tools[name].get(stream_of(id_), id_) or {}
        if any(held.get(path) != value for path, value in fields.items()):
            self.lab.tools[name].edit(stream_of(id_), id_, fields)
            self._wrote(name, id_, fields)

    def _happened(self, who: int) -> None:
        self.ledger.happened[f"person {who}"] += 1

    # --- the ledger

    def said_in_hub(self, record: Record, name: str, value: Json, run_id: int = 0) -> Said:
        """Somebody said something in the hub itself."""
        place = (HUB, str(record.id), name)
        before = self.ledger.words.get(place)
        self._note(HUB, str(record.id), name, name, value)
        if name in ("lifecycle_stage", "owner"):
            self.ledger.happened[str(record.values.get("asked"))] += 1
        return Said(place, self.ledger.words[place], before, run_id)

    def still_says(self, said: Said) -> bool:
        """Whether it is the last word there."""
        return self.ledger.words.get(said.place) is said.word

    def took_back(self, said: Said) -> None:
        """Somebody took it back: what was said there before counts again."""
        del self.ledger.words[said.place]
        if said.before is not None:
            self.ledger.words[said.place] = said.before
        self.ledger.taken_back.append(said)

    def _wrote(self, name: str, id_: str, fields: Mapping[str, Any], *, made: str | None = None) -> None:
        tool, stream = self.lab.tools[name], stream_of(id_)
        kept = tool.get(stream, id_) or {}
        if made is not None:
            self.ledger.made[name, id_] = made
        (reading,) = self.lab.stream(name, stream).translator.read([kept])
        lines = {line.remote: line.field for line in self.lab.stream(name, stream).translator.lines}
        for path in fields:
            meant = lines.get(path, path)
            self._note(name, id_, path, meant, kept.get(path), reading.values.get(meant))

    def _note(self, name: str, id_: str, path: str, meant: str, kept: Json, value: Json = None) -> None:
        now = self.lab.clock()
        self.ledger.words[name, id_, path] = Word(kept, now, kept is None)
        said = kept if is_blank(value) else value
        self.ledger.typed.setdefault((name, meant, dumps(said)), []).append(now)

    def _forget(self, name: str, id_: str) -> None:
        self.ledger.deleted[name, id_] = self.lab.clock()
        ledger = self.ledger
        ledger.words = {key: word for key, word in ledger.words.items() if key[:2] != (name, id_)}
        ledger.untagged = {key: at for key, at in ledger.untagged.items() if key[:2] != (name, id_)}


def _works(who: int, name: str) -> dict[str, str]:
    return {"domain": f"works{who}.example", "name": name}
