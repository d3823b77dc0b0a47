"""`when`: which stream of a kind takes a record, what being there says, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.manifest import Manifest
from core.mapping import MappingError, Problem, Translator, When, check, check_text, lineage, load, taker, translator
from core.model.shapes import SHAPES
from core.model.values import Json

TASKS = "tasks:\n  as: activity\n  when: {type: task}\n  fields: {subject: title}\n"
NOTES = "notes:\n  as: activity\n  fields: {body: text, type: kind}\n"


def made(text: str, stream: str = "tasks") -> Translator:
    return translator(load(text, file="x.yaml").streams[stream], shapes=SHAPES)


def with_when(when: str, fields: str = "{subject: title}", kind: str = "activity") -> Translator:
    return made(f"tasks:\n  as: {kind}\n  when: {when}\n  fields: {fields}\n")


# --- holding


@pytest.mark.parametrize(
    ("when", "values", "holds"),
    [
        ("{type: task}", {"type": "task"}, True),
        ("{type: task}", {"type": "call"}, False),
        ("{type: task}", {}, False),
        ("{type: task}", {"type": None}, False),
        ("{type: [task, call]}", {"type": "call"}, True),
        ("{type: [task, null]}", {}, True),
        ("{type: [task, null]}", {"type": None}, True),
        ("{type: [task, null]}", {"type": "call"}, False),
        ("{subject: ['null']}", {}, False),
        ("{type: task, direction: inbound}", {"type": "task"}, False),
        ("{type: task, direction: inbound}", {"type": "task", "direction": "inbound"}, True),
        ("{done: false}", {"done": False}, True),
        ("{done: false}", {}, False),
        # What the file says is brought into normal form, as a value of the field would be.
        ("{status: No show}", {"status": "no_show"}, True),
        ("{due_at: 2026-11-21 09:00+01:00}", {"due_at": "2026-11-21T08:00:00Z"}, True),
    ],
)
def test_a_condition_holds_where_each_field_has_one_of_its_values(when: str, values: dict[str, Json], holds: bool):
    condition = with_when(when).when
    assert condition is not None
    assert condition.holds(values) is holds


def test_a_stream_without_when_has_no_condition():
    assert made(NOTES, "notes").when is None
    assert made(NOTES, "notes").fixed == {}


# --- taking

TASK, CALL = When({"type": ("task",)}), When({"type": ("call", None)})


@pytest.mark.parametrize(
    ("offers", "values", "taken"),
    [
        ([("tasks", TASK, True), ("calls", CALL, True)], {"type": "call"}, "calls"),
        ([("tasks", TASK, True), ("calls", CALL, True)], {"type": "note"}, None),
        ([("any", None, True), ("tasks", TASK, True)], {"type": "task"}, "tasks"),
        ([("any", None, True), ("tasks", TASK, True)], {"type": "note"}, "any"),
        ([("any", None, True), ("more", None, True)], {"type": "note"}, "any"),
        ([("any", None, False), ("more", None, True)], {"type": "note"}, "more"),
        ([("tasks", TASK, True), ("also", TASK, True)], {"type": "task"}, "tasks"),
        # A claim stands even where nothing is created: tasks do not end up among the notes.
        ([("tasks", TASK, False), ("any", None, True)], {"type": "task"}, None),
        ([("tasks", TASK, False), ("also", TASK, True)], {"type": "task"}, "also"),
        ([], {}, None),
    ],
)
def test_the_first_that_claims_it_takes_it_else_the_first_open_one(offers: Any, values: dict[str, Json], taken: Any):
    assert taker(offers, values) == taken


WORDS = st.sampled_from(["task", "call", "note", None])
WANTED = st.lists(WORDS, min_size=1, max_size=3).map(tuple)
CONDITIONS = st.none() | st.fixed_dictionaries({"type": WANTED}, optional={"status": WANTED}).map(When)
OFFERS = st.lists(st.tuples(CONDITIONS, st.booleans()), max_size=5).map(
    lambda found: [(place, when, creates) for place, (when, creates) in enumerate(found)]
)
VALUES = st.fixed_dictionaries({}, optional=dict.fromkeys(("type", "status", "subject"), WORDS))


@given(OFFERS, VALUES)
def test_a_record_has_at_most_one_taker_and_a_reason(offers: list[tuple[int, When | None, bool]], values: Any):
    """It is taken by a stream that creates and holds, or by an open one when no claim holds, or by none."""
    taken = taker(offers, values)
    claims = [place for place, when, _ in offers if when is not None and when.holds(values)]
    willing = {place for place, _, creates in offers if creates}
    if claims:
        assert taken == next((place for place in claims if place in willing), None)
    else:
        assert taken == next((place for place, when, creates in offers if when is None and creates), None)


@given(OFFERS, VALUES)
def test_blank_fields_their_order_and_streams_that_do_not_hold_change_nothing(
    offers: list[tuple[int, When | None, bool]], values: dict[str, Json]
):
    taken = taker(offers, values)
    assert taker(offers, {name: values[name] for name in reversed(values)}) == taken
    assert taker(offers, {name: value for name, value in values.items() if value is not None}) == taken
    holding = [offer for offer in offers if offer[1] is None or offer[1].holds(values)]
    assert taker(holding, values) == taken


@given(OFFERS, VALUES)
def test_one_condition_covers_another_only_if_it_holds_wherever_that_one_does(
    offers: list[tuple[int, When | None, bool]], values: Any
):
    whens = [when for _, when, _ in offers if when is not None]
    assert all(one.holds(values) for one in whens for other in whens if one.covers(other) and other.holds(values))


# --- reading


def test_one_value_is_said_of_every_record_of_the_stream():
    tasks = made(TASKS)
    first, second = tasks.read([{"title": "Call Ann"}, {}])
    assert first.values == {"type": "task", "subject": "Call Ann"}
    assert second.values == {"type": "task"}
    assert first.said == tasks.in_fields == {"type", "subject"}
    assert first.values is not second.values
    assert first.values.keys().isdisjoint({"title"})


def test_a_partial_record_says_it_too():
    (reading,) = made(TASKS).read([{}], partial=True)
    assert reading.values == {"type": "task"}
    assert reading.said == frozenset({"type"})


@pytest.mark.parametrize(
    ("when", "fields", "fixed"),
    [
        ("{type: task, priority: High}", "{subject: title}", {"type": "task", "priority": "high"}),
        ("{type: [task, Task]}", "{subject: title}", {"type": "task"}),
        ("{type: [task, call]}", "{subject: title}", {}),
        ("{type: [null]}", "{subject: title}", {}),
        ("{type: task}", "{subject: title, type: kind}", {}),
        ("{type: task}", "{subject: title, type: {field: kind, direction: in}}", {}),
        ("{type: task}", "{subject: title, type: {field: kind, direction: out}}", {"type": "task"}),
        # Nothing is read there, so nothing is said.
        ("{type: task}", "{subject: {field: title, direction: out}}", {}),
    ],
)
def test_what_is_said_by_being_there(when: str, fields: str, fixed: dict[str, Json]):
    tasks = with_when(when, fields)
    assert tasks.fixed == fixed
    assert tasks.in_fields >= fixed.keys()


@pytest.mark.parametrize(
    "name", [field.name for field in SHAPES["contact"].fields.values() if field.rule == "strictest"]
)
def test_consent_may_decide_but_is_never_said(name: str):
    people = with_when(f"{{{name}: granted}}", "{email: mail}", "contact")
    assert people.when == When({name: ("granted",)})
    assert people.fixed == {}
    assert people.read([{"mail": "ann@example.org"}])[0].values == {"email": "ann@example.org"}


def test_who_takes_records_by_a_field_hears_of_it():
    assert "type" in made(TASKS).out_fields
    assert "type" not in with_when("{type: task}", "{subject: {field: title, direction: in}}").out_fields


def test_nothing_of_it_is_written():
    assert made(TASKS).write({"type": "task", "subject": "Call Ann"}, creating=True).fields == {"title": "Call Ann"}


def test_lineage_tells_what_a_stream_says_by_itself():
    (thread,) = lineage({"a": load(TASKS, file="x.yaml")}).feeds("activity", "type")
    assert (thread.connection, thread.stream, thread.remotes, thread.through) == ("a", "tasks", (), ("when",))


# --- checking

FAULTS = {
    # when: (column in line 3, part of what, part of the remedy)
    "{typ: task}": (10, "asks `typ`, which is no field of activity", "`type`"),
    "{type: tsk}": (16, "`type` never has this value: 'tsk' is not one of", "`task`"),
    "{type: [task, tsk]}": (23, "'tsk' is not one of", "`task`"),
    "{done: perhaps}": (16, "'perhaps' is neither true nor false", "type flag"),
    "{type: '  '}": (16, "is blank", "`null`"),
    "{tags: vip}": (10, "`tags` holds several values at once", "`type`"),
    "{contacts: 7}": (10, "`contacts` holds several values at once", "`type`"),
    "{owner: 7}": (10, "`owner` is of the type ref", "`type`"),
}


@pytest.mark.parametrize("when", FAULTS)
def test_what_can_never_hold_is_told_at_its_place_and_cannot_be_used(when: str):
    column, what, remedy = FAULTS[when]
    mapping = load(f"tasks:\n  as: activity\n  when: {when}\n  fields: {{subject: title}}\n", file="m.yaml")
    (problem,) = check(mapping, shapes=SHAPES)
    assert what in problem.what
    assert (problem.line, problem.column, problem.severity) == (3, column, "error")
    assert remedy in problem.remedy
    assert problem.expected
    with pytest.raises(MappingError) as caught:
        translator(mapping.streams["tasks"], shapes=SHAPES)
    assert [(one.line, one.column, one.what) for one in caught.value.problems] == [(3, column, problem.what)]


def test_a_fault_is_told_together_with_what_cannot_be_read():
    text = "tasks:\n  as: activity\n  when: {type: tsk, status: }\n  fields: {subjct: title}\n"
    assert [(one.line, one.column) for one in check_text(text, file="m.yaml", shapes=SHAPES)] == [
        (3, 16),
        (3, 21),
        (4, 12),
    ]


def warnings(text: str, manifest: Manifest | None = None) -> list[Problem]:
    return check(load(text, file="m.yaml"), shapes=SHAPES, manifest=manifest)


def test_a_sound_file_has_nothing_to_tell():
    assert warnings(TASKS + NOTES) == []


def test_of_two_open_streams_the_first_takes_all():
    (problem,) = warnings(TASKS.replace("  when: {type: task}\n", "") + NOTES)
    assert problem.what.startswith("`tasks` and `notes` both take any activity")
    assert (problem.line, problem.column, problem.severity) == (4, 1, "warning")
    assert "`when:`" in problem.remedy


@pytest.mark.parametrize(
    "text",
    [
        # Of another kind, only read, or with a `when`.
        NOTES + "people:\n  as: contact\n  fields: {email: mail}\n",
        NOTES + "calls:\n  as: activity\n  direction: in\n  fields: {subject: title}\n",
        NOTES + TASKS,
    ],
)
def test_streams_that_are_no_rivals_are_not_warned_of(text: str):
    assert warnings(text) == []


def test_a_stream_whose_records_go_elsewhere_is_warned_of():
    urgent = TASKS.replace("tasks:", "urgent:").replace("{type: task}", "{type: Task, priority: urgent}")
    (problem,) = warnings(TASKS + urgent)
    assert "created in `tasks`, which comes first" in problem.what
    assert (problem.line, problem.column, problem.severity) == (7, 9, "warning")
    assert "Put `urgent` before `tasks`" in problem.remedy
    assert warnings(urgent + TASKS) == []


@pytest.fixture
def manifest() -> Callable[[bool], Manifest]:
    def build(creates: bool) -> Manifest:
        streams = {
            "tasks": {"kind": "activity", "creates": True, "updates": True},
            "notes": {"kind": "activity", "creates": creates, "updates": True},
        }
        data = {"name": "t", "title": "T", "category": "crm", "doc": "A tool.", "streams": streams}
        return Manifest.model_validate({**data, "quality": {"tier": "sound"}})

    return build


def test_where_the_tool_creates_nothing_no_record_is_waited_for(manifest: Callable[[bool], Manifest]):
    text = TASKS.replace("  when: {type: task}\n", "") + NOTES
    assert len(warnings(text, manifest(True))) == 1
    assert warnings(text, manifest(False)) == []
