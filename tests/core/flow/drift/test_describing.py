"""A tool changes its fields: only the lines rest that this concerns, and all is caught up with when it is mended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from api.building import ConnectionSpec
from api.checkup import check_connection
from api.listing import Asked, log_of
from api.snapshot import snapshot
from connectors.memory.connector import MemoryConnector
from connectors.memory.fields import FIELDS
from connectors.memory.tool import Habits
from core.errors import SchemaChanged, Unavailable, Unsupported
from core.flow.drift.describing import LOOK_AGAIN, LOOK_EVERY, look
from core.flow.drift.lines import RETURNING
from core.flow.hub import Hub
from core.flow.outward.reconcile import reconcile
from core.flow.reviews.answering import answer
from core.flow.sync import sync
from core.model.instant import SECOND
from core.ports import Cursor, Description, Edit, FieldInfo, Page, Receipt
from core.store import connections, descriptions
from core.store.descriptions import PausedLine
from tests.core.store.test_statements import counted
from tests.support import PEOPLE, Lab, people

TITLE = "job_title"


@dataclass
class Schema:
    """What tool `b` says of its contacts; an admin there changes it."""

    lab: Lab
    known: dict[str, FieldInfo] = field(default_factory=lambda: {one.name: one for one in FIELDS["contacts"]})
    asked: int = 0
    trouble: Exception | None = None

    def description(self) -> Description:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        return Description("contacts", tuple(self.known.values()))

    def change(self, name: str, **changed: Any) -> None:
        self.known[name] = self.known[name]._replace(**changed)

    def remove(self, name: str) -> None:
        """Take a field away; what it held is kept out of sight."""
        del self.known[name]
        self._hide()

    def bring_back(self, name: str, *, blank: bool = False) -> None:
        """The field as it was, or made anew without a value in it; no record's stamp moves."""
        self.known[name] = next(one for one in FIELDS["contacts"] if one.name == name)
        self._hide()
        if blank:
            with self.lab.tools["b"].open(changing=True) as world:
                for states in world.states["contacts"].values():
                    states[-1].fields.pop(name, None)

    def rename(self, name: str, to: str) -> None:
        """Another name for the same field, with all that is in it."""
        self.known[to] = self.known.pop(name)._replace(name=to)
        with self.lab.tools["b"].open(changing=True) as world:
            for states in world.states["contacts"].values():
                states[-1].fields[to] = states[-1].fields.pop(name, None)
        self._hide()

    def _hide(self) -> None:
        gone = frozenset(one.name for one in FIELDS["contacts"]) - self.known.keys()
        self.lab.tools["b"].hidden["contacts"] = gone


@pytest.fixture
def schema(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Schema:
    """Two tools with the same three people, of whom `b` names every field, also a blank one, and describes them all."""
    return described(lab, monkeypatch)


def described(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Schema:
    made = Schema(lab)
    describes = MemoryConnector.describe

    def describe(self: MemoryConnector, stream: str) -> Description:
        return made.description() if self.tool is lab.tools["b"] else describes(self, stream)

    monkeypatch.setattr(MemoryConnector, "describe", describe)
    lab.dressed = naming_blanks
    lab.tool("a")
    lab.tool("b", habits=Habits(names_blanks=True))
    for one in people(3):
        lab.tools["a"].create("contacts", {**one, TITLE: "Buyer"})
    lab.sync(until_quiet=True)
    assert titles(lab, "b") == ["Buyer"] * 3
    lab.wait(60)
    return made


def naming_blanks(hub: Hub) -> Hub:
    """The manifest of `b` says that blanks are named, too."""

    def dressed(stream: Any) -> Any:
        if stream.source != "b":
            return stream
        return replace(stream, manifest=stream.manifest.model_copy(update={"names_blanks": True}))

    found = {
        id_: replace(one, streams=tuple(dressed(stream) for stream in one.streams))
        for id_, one in hub.connections.items()
    }
    return replace(hub, connections=found)


def titles(lab: Lab, name: str, remote: str = TITLE) -> list[Any]:
    """The titles that a tool holds, by address."""
    found = sorted(lab.tools[name].all("contacts").values(), key=lambda one: one["email"])
    return [one.get(remote) for one in found]


def person(lab: Lab, name: str, number: int) -> str:
    return lab.find(name, email=f"person{number}@shore{number % 50}.example")


def say(lab: Lab, name: str, number: int, **fields: Any) -> None:
    lab.tools[name].edit("contacts", person(lab, name, number), fields)


def lines(lab: Lab) -> dict[str, PausedLine]:
    with lab.hub.store.reading() as tx:
        return {line.field: line for line in descriptions.paused(tx)}


def told(lab: Lab) -> list[str]:
    """What the status names as troubles of `b`."""
    return [f"{one['what']} {one['remedy']}" for one in snapshot(lab.installation)["troubles"] if one["connection"]]


def paused(lab: Lab) -> str | None:
    """Why the whole stream is paused."""
    with lab.hub.store.reading() as tx:
        return connections.stream_row(tx, lab.stream("b").id).pause_code


def remapped(lab: Lab, old: str, new: str) -> None:
    """The admin changes the mapping of `b`."""
    assert old in PEOPLE
    settings = {"world": lab.tools["b"].name}
    spec = ConnectionSpec("b", "memory", settings, PEOPLE.replace(old, new), "b.yaml", {"*": {}})
    lab.installation.put_connection(spec)
    lab.installation.reconsider()
    lab.refreshed()


def agreed(lab: Lab) -> None:
    """Both hold the same, nothing rests, waits or is asked, and the measure says so."""
    for _ in range(2):
        lab.wait(60)
        lab.sync(until_quiet=True)
    assert titles(lab, "a") == titles(lab, "b")
    assert (lab.pending(), lab.dead_letters(), lab.reviews(), lines(lab), paused(lab)) == (0, [], [], {}, None)
    assert reconcile(lab.hub, lab.connection("b"), mend=False).whole.share == 1.0
    assert told(lab) == []


# --- a field goes


def test_only_the_line_of_a_removed_field_rests_and_the_rest_of_the_record_goes_on(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    say(lab, "b", 0, phone="+442079460000")
    say(lab, "a", 1, job_title="Chair", last_name="Tide")
    lab.tools["a"].create("contacts", {"email": "new@shore.example", "first_name": "New", TITLE: "Captain"})
    lab.tools["b"].create("contacts", {"email": "theirs@shore.example", "first_name": "Theirs"})
    lab.sync(until_quiet=True)

    assert titles(lab, "a")[:2] == ["Captain", "Buyer"], "nothing is cleared"
    assert "Chair" in titles(lab, "a")
    assert lab.held("a", person(lab, "a", 0))["phone"] == "+442079460000", "what is read of the record comes in"
    assert lab.held("b", person(lab, "b", 1))["last_name"] == "Tide", "what is written of it goes out"
    assert lab.all("b", email="new@shore.example")
    assert lab.all("a", email="theirs@shore.example")
    assert (paused(lab), lab.pending(), lab.dead_letters()) == (None, 0, [])

    (line,) = lines(lab).values()
    assert (line.field, line.side, line.acts, line.code) == (TITLE, "both", "admin", "schema_changed")
    (trouble,) = told(lab)
    assert "line job_title is neither read nor written: `job_title` was removed" in trouble
    assert "bring the field back" in trouble
    (review,) = lab.reviews()
    assert (review.what, review.field, review.connection_id) == ("schema", "contacts", lab.connection("b").id)
    assert (review.subject["acts"], review.subject["lines"]) == ("admin", {TITLE: "both"})
    assert review.due_at > review.opened_at
    (entry,) = log_of(lab.installation, Asked(connection="b", code="schema_changed"))
    assert "`job_title` was removed" in entry["sentence"]


def test_a_line_that_rests_counts_as_not_agreed(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    say(lab, "b", 0, phone="+442079460000")
    lab.sync(until_quiet=True)
    found = reconcile(lab.hub, lab.connection("b")).whole
    assert (found.in_conflict, found.out_of_step) == (3, 0)
    assert found.share < 1
    assert lab.pending() == 0


def test_it_is_noticed_in_writing_too_and_the_same_delivery_goes_on_without_it(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    for number in range(3):
        say(lab, "a", number, job_title="Chair")
    say(lab, "a", 2, last_name="Tide")
    lab.sync(until_quiet=True)
    assert lines(lab).keys() == {TITLE}
    assert lab.held("b", person(lab, "b", 2))["last_name"] == "Tide"
    assert (paused(lab), lab.pending(), lab.dead_letters()) == (None, 0, [])


def test_a_tool_that_names_no_blanks_is_believed_when_it_refuses_the_field(lab: Lab, schema: Schema):
    lab.dressed = lambda hub: hub
    lab.tools["b"].habits.names_blanks = False
    lab.refreshed()
    schema.remove(TITLE)
    say(lab, "a", 0, job_title="Chair", last_name="Tide")
    lab.sync(until_quiet=True)
    assert lines(lab).keys() == {TITLE}
    assert lab.held("b", person(lab, "b", 0))["last_name"] == "Tide"
    schema.bring_back(TITLE, blank=True)
    agreed(lab)
    assert titles(lab, "b") == ["Chair", "Buyer", "Buyer"]


def test_the_rest_of_what_was_prepared_waits_after_the_first_answer_that_a_field_is_gone(
    lab: Lab, schema: Schema, monkeypatch: pytest.MonkeyPatch
):
    lab.dressed = one_at_a_time
    lab.refreshed()
    write, refused = MemoryConnector.write, []

    def strict(self: MemoryConnector, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        if self.tool is lab.tools["b"] and any(TITLE in edit.fields for edit in edits):
            refused.append(len(edits))
            schema.known.pop(TITLE, None)
            schema._hide()
            raise SchemaChanged("There is no such field.", stream=stream, field=TITLE)
        return write(self, stream, edits)

    monkeypatch.setattr(MemoryConnector, "write", strict)
    for place in range(3):
        say(lab, "a", place, job_title="Chair", last_name=f"Tide {place}")
    lab.sync(until_quiet=True)
    assert refused == [1]
    assert lines(lab).keys() == {TITLE}
    assert [lab.held("b", person(lab, "b", place))["last_name"] for place in range(3)] == ["Tide 0", "Tide 1", "Tide 2"]


def one_at_a_time(hub: Hub) -> Hub:
    """Every write of `b` is a call of its own."""

    def dressed(stream: Any) -> Any:
        return replace(stream, manifest=stream.manifest.model_copy(update={"batch_size": 1}))

    found = naming_blanks(hub)
    connections_ = {
        id_: replace(one, streams=tuple(dressed(stream) for stream in one.streams))
        for id_, one in found.connections.items()
    }
    return replace(found, connections=connections_)


def test_an_error_in_reading_is_looked_into_and_the_reading_tried_again(
    lab: Lab, schema: Schema, monkeypatch: pytest.MonkeyPatch
):
    read, tries = MemoryConnector.read, []

    def strict(self: MemoryConnector, stream: str, cursor: Cursor | None) -> Page:
        if self.tool is lab.tools["b"] and TITLE not in schema.known:
            tries.append(stream)
            if len(tries) == 1:
                raise SchemaChanged("There is no such field.", stream=stream, field=TITLE)
        return read(self, stream, cursor)

    monkeypatch.setattr(MemoryConnector, "read", strict)
    schema.remove(TITLE)
    say(lab, "b", 0, phone="+442079460000")
    lab.sync(until_quiet=True)
    assert lines(lab).keys() == {TITLE}
    assert lab.held("a", person(lab, "a", 0))["phone"] == "+442079460000"
    assert paused(lab) is None


def test_a_stream_whose_filter_asks_for_the_field_is_paused_whole_and_loses_nobody(lab: Lab, schema: Schema):
    settings = {"world": lab.tools["b"].name}
    policy = {"*": {"only_in": {TITLE: ["Buyer", "Chair"]}}}
    lab.installation.put_connection(ConnectionSpec("b", "memory", settings, PEOPLE, "b.yaml", policy))
    lab.refreshed()
    lab.sync(until_quiet=True)
    schema.remove(TITLE)
    say(lab, "b", 0, phone="+442079460000")
    lab.wait(60)
    lab.sync(until_quiet=True)
    assert paused(lab) == "schema_changed"
    (pause,) = lab.reviews("connection")
    assert "Which records come in depends on the line `job_title`" in pause.subject["message"]
    assert [len(lab.bound(record, "b")) for record in lab.records()] == [1, 1, 1]
    schema.bring_back(TITLE)
    agreed(lab)
    assert lab.held("a", person(lab, "a", 0))["phone"] == "+442079460000"


# --- and comes back


def test_what_waited_is_written_and_what_changed_meanwhile_is_read(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    say(lab, "b", 0, phone="+442079460000")
    say(lab, "a", 1, job_title="Chair")
    lab.tools["a"].create("contacts", {"email": "zoe@shore.example", TITLE: "Captain"})
    lab.sync(until_quiet=True)
    say(lab, "b", 2, job_title="Bosun")
    lab.wait(60)
    lab.sync(until_quiet=True)
    assert titles(lab, "a") == ["Buyer", "Chair", "Buyer", "Captain"]

    schema.bring_back(TITLE)
    lab.wait(60)
    lab.sync(until_quiet=True)
    assert titles(lab, "b") == titles(lab, "a") == ["Buyer", "Chair", "Bosun", "Captain"]
    agreed(lab)


def test_it_is_the_same_on_postgresql(tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    with Lab(tmp_path, database_url=postgres_url) as lab:
        test_what_waited_is_written_and_what_changed_meanwhile_is_read(lab, described(lab, monkeypatch))


def test_a_value_that_only_comes_back_into_sight_overrules_nobody(lab: Lab, schema: Schema):
    """The record's stamp moved while the field was hidden; the value that is shown again is the old one."""
    schema.remove(TITLE)
    say(lab, "a", 0, job_title="Chair")
    lab.sync(until_quiet=True)
    lab.wait(600)
    say(lab, "b", 0, phone="+442079460000")
    lab.sync(until_quiet=True)
    schema.bring_back(TITLE)
    lab.wait(60)
    lab.sync(until_quiet=True)
    assert titles(lab, "b")[0] == titles(lab, "a")[0] == "Chair"
    agreed(lab)


def test_what_is_shown_before_the_line_is_taken_up_is_heard_when_it_is(lab: Lab, schema: Schema):
    """The field is back, and read with all else, before anybody has asked what the tool looks like."""
    schema.remove(TITLE)
    say(lab, "b", 0, phone="+442079460000")
    lab.sync(until_quiet=True)
    lab.wait(60)
    schema.bring_back(TITLE)
    say(lab, "b", 0, job_title="Bosun")
    lab.tools["b"].create("contacts", {"email": "zoe@shore.example", TITLE: "Captain"})
    sync(lab.hub, everything=False)
    lab.wait(100)
    sync(lab.hub, everything=False)
    assert lines(lab)[TITLE].side == "both"
    assert lab.all("a", email="zoe@shore.example")
    say(lab, "a", 1, job_title="Chair")
    agreed(lab)
    assert titles(lab, "a") == ["Bosun", "Chair", "Buyer", "Captain"]


def test_a_field_that_is_made_anew_clears_nothing_and_is_filled(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    say(lab, "b", 0, phone="+442079460000")
    lab.sync(until_quiet=True)
    schema.bring_back(TITLE, blank=True)
    assert titles(lab, "b") == [None] * 3
    agreed(lab)
    assert titles(lab, "b") == ["Buyer"] * 3


def test_once_it_is_taken_up_a_blank_clears_again(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    say(lab, "b", 0, phone="+442079460000")
    lab.sync(until_quiet=True)
    schema.bring_back(TITLE, blank=True)
    agreed(lab)
    say(lab, "b", 0, job_title=None)
    agreed(lab)
    assert titles(lab, "a") == [None, "Buyer", "Buyer"]


def test_it_is_not_written_before_the_whole_walk_is_done_whatever_breaks_off(
    lab: Lab, schema: Schema, monkeypatch: pytest.MonkeyPatch
):
    schema.remove(TITLE)
    say(lab, "a", 1, job_title="Chair")
    say(lab, "b", 0, phone="+442079460000")
    lab.sync(until_quiet=True)
    lab.wait(60)
    say(lab, "b", 1, job_title="Bosun")
    schema.bring_back(TITLE)
    read, broken = MemoryConnector.read, [True]

    def breaking(self: MemoryConnector, stream: str, cursor: Cursor | None) -> Page:
        if self.tool is lab.tools["b"] and not cursor and broken:
            raise Unavailable("The tool does not answer.")
        return read(self, stream, cursor)

    monkeypatch.setattr(MemoryConnector, "read", breaking)
    lab.wait(60)
    lab.sync(until_quiet=True)
    assert lines(lab)[TITLE].side == RETURNING
    assert any("is being taken up" in one for one in told(lab))
    assert titles(lab, "b")[1] == "Bosun", "nothing was written over what nobody has read"
    broken.clear()
    agreed(lab)
    assert titles(lab, "a")[1] == "Bosun", "it was said last"


# --- the mapping is mended instead


def test_a_line_that_is_taken_out_of_the_mapping_ends_it(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    say(lab, "b", 0, phone="+442079460000")
    lab.sync(until_quiet=True)
    remapped(lab, "    job_title: {field: job_title}\n", "")
    lab.sync(until_quiet=True)
    assert (lines(lab), lab.reviews(), told(lab)) == ({}, [], [])
    assert titles(lab, "a") == ["Buyer"] * 3
    say(lab, "b", 1, phone="+442079460011")
    lab.wait(60)
    lab.sync(until_quiet=True)
    assert lab.held("a", person(lab, "a", 1))["phone"] == "+442079460011"


def test_a_field_that_was_renamed_is_guessed_and_mapped_anew_without_a_loss(lab: Lab, schema: Schema):
    schema.rename(TITLE, "title_of_job")
    say(lab, "b", 0, phone="+442079460000")
    lab.sync(until_quiet=True)
    (review,) = lab.reviews()
    assert "It may have been renamed" in review.subject["message"]
    assert "`field: title_of_job`" in review.subject["remedy"]
    say(lab, "a", 1, job_title="Chair")
    lab.sync(until_quiet=True)

    remapped(lab, "job_title: {field: job_title}", "job_title: {field: title_of_job}")
    for _ in range(3):
        lab.wait(60)
        lab.sync(until_quiet=True)
    assert titles(lab, "a") == titles(lab, "b", "title_of_job") == ["Buyer", "Chair", "Buyer"]
    assert (lines(lab), lab.reviews(), lab.pending()) == ({}, [], 0)
    assert [one.values[TITLE] for one in lab.records()] == ["Buyer", "Chair", "Buyer"]


def test_of_a_stream_that_is_no_longer_mapped_nothing_is_kept_and_nothing_asked(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    daily(lab)
    settings = {"world": lab.tools["b"].name}
    companies = "companies:\n  as: company\n  fields:\n    name: {field: name}\n"
    lab.installation.put_connection(ConnectionSpec("b", "memory", settings, companies, "b.yaml", {"*": {}}))
    lab.refreshed()
    assert (lines(lab), lab.reviews(), told(lab)) == ({}, [], [])


# --- other changes, found by the daily look


def daily(lab: Lab) -> None:
    lab.wait(LOOK_EVERY / SECOND)
    lab.sync(until_quiet=True)


def test_another_type_puts_the_line_to_rest_until_it_fits_again(lab: Lab, schema: Schema):
    schema.change(TITLE, type="date")
    daily(lab)
    (line,) = lines(lab).values()
    assert (line.field, line.side) == (TITLE, "both")
    assert "of the type date now" in line.note
    say(lab, "a", 0, job_title="Chair", last_name="Tide")
    lab.sync(until_quiet=True)
    held = lab.held("b", person(lab, "b", 0))
    assert (held[TITLE], held["last_name"]) == ("Buyer", "Tide")
    schema.change(TITLE, type="text")
    agreed(lab)
    assert titles(lab, "b")[0] == "Chair"


def test_what_cannot_be_written_any_more_is_still_read(lab: Lab, schema: Schema):
    schema.change(TITLE, read_only=True)
    daily(lab)
    assert lines(lab)[TITLE].side == "writing"
    assert any("job_title is not written" in one for one in told(lab))
    say(lab, "a", 0, job_title="Chair")
    say(lab, "b", 1, job_title="Bosun")
    lab.sync(until_quiet=True)
    assert titles(lab, "a") == ["Chair", "Bosun", "Buyer"]
    assert titles(lab, "b") == ["Buyer", "Bosun", "Buyer"]
    schema.change(TITLE, read_only=False)
    agreed(lab)
    assert titles(lab, "b")[0] == "Chair"


def test_a_field_that_comes_back_for_reading_alone_is_read_whole_and_rests_in_writing(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    say(lab, "a", 0, job_title="Chair")
    say(lab, "b", 1, phone="+442079460000")
    lab.sync(until_quiet=True)
    say(lab, "b", 2, job_title="Bosun")
    schema.bring_back(TITLE)
    schema.change(TITLE, read_only=True)
    for _ in range(2):
        lab.wait(60)
        lab.sync(until_quiet=True)
    assert lines(lab)[TITLE].side == "writing"
    assert titles(lab, "a") == ["Chair", "Buyer", "Bosun"]
    assert titles(lab, "b") == ["Buyer", "Buyer", "Bosun"]
    schema.change(TITLE, read_only=False)
    agreed(lab)


def test_a_choice_that_is_gone_is_a_warning_that_a_person_waves_through(lab: Lab, schema: Schema):
    schema.change(TITLE, choices=("Buyer", "Chair"))
    daily(lab)
    assert lines(lab) == {}
    (review,) = lab.reviews()
    assert "takes only `Buyer`, `Chair` now" in review.subject["message"]
    say(lab, "a", 0, job_title="Chair")
    lab.sync(until_quiet=True)
    assert titles(lab, "b")[0] == "Chair", "the line goes on"
    answer(lab.hub, review, "noted")
    daily(lab)
    assert lab.reviews() == []


def test_a_question_about_a_line_that_rests_is_not_asked_twice_unless_something_else_happens(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    daily(lab)
    answer(lab.hub, lab.reviews()[0], "noted")
    daily(lab)
    assert lab.reviews() == []
    assert lines(lab).keys() == {TITLE}
    assert len(told(lab)) == 1, "the status goes on naming it"
    schema.remove("last_name")
    daily(lab)
    (review,) = lab.reviews()
    assert review.subject["lines"] == {TITLE: "both", "last_name": "both"}


def test_saying_that_it_is_mended_looks_at_once_and_asks_again_where_it_is_not(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    daily(lab)
    (first,) = lab.reviews()
    answer(lab.hub, first, "mended")
    assert lab.reviews() == []
    sync(lab.hub, everything=False)
    (second,) = lab.reviews()
    assert second.id != first.id
    schema.bring_back(TITLE)
    answer(lab.hub, second, "mended")
    sync(lab.hub, everything=False)
    agreed(lab)


# --- when it is looked


def test_a_tool_is_asked_once_a_day_and_once_an_hour_while_a_line_rests(lab: Lab, schema: Schema):
    def asked_in_a_day(every: int) -> int:
        before = schema.asked
        for _ in range(24 * 3_600 // every):
            lab.wait(every)
            sync(lab.hub, everything=False)
        return schema.asked - before

    assert asked_in_a_day(every=3_600) == 1
    schema.remove(TITLE)
    say(lab, "b", 0, phone="+442079460000")
    lab.wait(600)
    sync(lab.hub, everything=False)
    assert lines(lab).keys() == {TITLE}
    assert 20 <= asked_in_a_day(every=600) <= 24
    assert LOOK_AGAIN < LOOK_EVERY


def test_looking_costs_the_same_statements_however_many_records_there_are(lab: Lab, schema: Schema):
    costs = []
    for start in (100, 200):
        for one in people(40, start=start):
            lab.tools["b"].create("contacts", one)
        lab.sync(until_quiet=True)
        schema.change(TITLE, type="date")
        with counted(lab.hub.store) as looking:
            look(lab.hub, lab.stream("b"))
        say(lab, "b", start, phone="+442079460000")
        with counted(lab.hub.store) as resting:
            lab.turn("b")
        costs.append((len(looking), len(resting)))
        schema.change(TITLE, type="text")
        agreed(lab)
    assert costs[0] == costs[1]


def test_what_a_description_does_not_explain_stops_the_stream_as_ever(lab: Lab, schema: Schema):
    schema.trouble = Unsupported("Nothing is described here.")
    lab.tools["b"].hidden["contacts"] = frozenset({TITLE})
    say(lab, "b", 0, phone="+442079460000")
    lab.sync(until_quiet=True)
    assert (paused(lab), lines(lab)) == ("schema_changed", {})
    assert titles(lab, "a") == ["Buyer"] * 3
    schema.trouble = None
    lab.tools["b"].hidden.clear()
    agreed(lab)


def test_an_error_in_writing_about_something_else_stops_the_writing_as_ever(
    lab: Lab, schema: Schema, monkeypatch: pytest.MonkeyPatch
):
    write = MemoryConnector.write

    def refusing(self: MemoryConnector, stream: str, edits: Sequence[Edit]) -> Sequence[Receipt]:
        if self.tool is lab.tools["b"]:
            raise SchemaChanged("There is no field for our keys.", field="key")
        return write(self, stream, edits)

    monkeypatch.setattr(MemoryConnector, "write", refusing)
    say(lab, "a", 0, last_name="Tide")
    lab.sync(until_quiet=True)
    assert (paused(lab), lines(lab)) == ("schema_changed", {})
    monkeypatch.setattr(MemoryConnector, "write", write)
    agreed(lab)


@pytest.mark.parametrize("said", [lambda: Description("contacts", ()), lambda: Description("contacts", (), open=True)])
def test_a_tool_that_describes_nothing_or_is_free_form_is_left_alone(
    lab: Lab, schema: Schema, monkeypatch: pytest.MonkeyPatch, said: Callable[[], Description]
):
    monkeypatch.setattr(MemoryConnector, "describe", lambda *_: said())
    daily(lab)
    assert (lines(lab), lab.reviews()) == ({}, [])


def test_a_tool_that_fails_to_describe_itself_is_asked_again_the_next_day(lab: Lab, schema: Schema):
    schema.trouble = Unavailable("Not now.")
    before = schema.asked
    daily(lab)
    lab.sync(until_quiet=True)
    assert schema.asked == before + 1
    assert [turn.error for turn in lab.sync()] == [None, None]
    schema.trouble = None
    schema.remove(TITLE)
    daily(lab)
    assert lines(lab).keys() == {TITLE}


def test_a_resumption_looks_at_once(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    daily(lab)
    schema.bring_back(TITLE)
    lab.installation.resume("b")
    lab.refreshed()
    sync(lab.hub, everything=False)
    assert lines(lab) == {}


# --- the check


def test_the_check_tells_the_drift_since_the_last_look_and_acts_on_it(lab: Lab, schema: Schema):
    schema.remove(TITLE)
    schema.known["fax"] = FieldInfo("fax")
    checked = check_connection(lab.installation, "b")
    assert [(one.kind, one.field) for one in checked.drift["contacts"]] == [("removed", TITLE), ("added", "fax")]
    (removed, added) = checked.to_json()["drift"]["contacts"]
    assert (removed["paused"], added["remedy"]) == ({TITLE: "both"}, "")
    assert lines(lab).keys() == {TITLE}
    again = check_connection(lab.installation, "b").drift["contacts"]
    assert [one.field for one in again] == [TITLE], "what is not mended is told again, what is only new is not"
    schema.bring_back(TITLE)
    assert check_connection(lab.installation, "b").drift == {}
    agreed(lab)


def test_the_check_changes_nothing_while_the_hub_is_at_work_in_the_tool(lab: Lab, schema: Schema):
    from core.store import runs

    now = lab.clock()
    with lab.hub.store.writing() as tx:
        lease = f"connection {lab.connection('b').id}"
        assert runs.take_lease(tx, lease, "another", now=now, until=now + 60 * SECOND)
    schema.remove(TITLE)
    assert check_connection(lab.installation, "b").drift.keys() == {"contacts"}
    assert lines(lab) == {}
