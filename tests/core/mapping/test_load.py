"""Reading mapping files: what is understood, and that every mistake is told at its place."""

from __future__ import annotations

from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.mapping import Mapping, MappingError, Problem, check_text, load
from core.model.shapes import SHAPES

HEAD = "contacts:\n  as: contact\n  fields:\n"

MISTAKES = {
    # name: (text, line, column, part of what, part of the remedy)
    "broken bracket": ("contacts: [1,\nb: 2", 2, 5, "not valid YAML", "indentation"),
    "tab": ("contacts:\n\tas: contact", 2, 1, "not valid YAML", "spaces"),
    "two documents": ("a: {as: contact, fields: {email: e}}\n---\nb: 1", 2, 1, "another document", ""),
    "empty": ("# nothing\n", 1, 1, "empty", "stream"),
    "not a map": ("- contacts\n", 1, 1, "is a map of streams", ""),
    "no streams": ("version: 1\n", 1, 1, "no streams", "at least one"),
    "key twice": (HEAD + "    email: a\n    phone: b\n    email: c\n", 6, 5, "said twice", "Keep one"),
    "stream twice": ("a: {as: contact, fields: {email: e}}\na: {as: contact, fields: {email: e}}", 2, 1, "twice", ""),
    "list as key": (HEAD + "    [a, b]: c\n", 4, 5, "must be a word", ""),
    "alias": (HEAD + "    email: &x {field: a}\n    phone: *x\n", 4, 12, "alias", "Write the value out"),
    "stream is text": ("contacts: hello\n", 1, 11, "must be a map", ""),
    "stream without kind": ("contacts:\n  fields: {email: e}\n", 1, 1, "does not say what it holds", "as: contact"),
    "stream without fields": ("contacts:\n  as: contact\n", 1, 1, "has no fields", "fields:"),
    "fields is a list": ("contacts:\n  as: contact\n  fields: [email]\n", 3, 11, "must be a map", ""),
    "word of a stream": (HEAD + "    email: e\n  filds: {}\n", 5, 3, "not a word of a stream", "fields"),
    "when is a word": ("tasks:\n  as: activity\n  when: task\n  fields: {body: b}", 3, 9, "must be a map", ""),
    "when is empty": ("tasks:\n  as: activity\n  when: {}\n  fields: {body: b}", 3, 9, "names no field", "type: task"),
    "when without a value": (
        "tasks:\n  as: activity\n  when:\n    type:\n  fields: {body: b}", 4, 5, "which values `type`", "[null]",
    ),
    "when with a map": (
        "tasks:\n  as: activity\n  when: {type: {a: b}}\n  fields: {body: b}", 3, 16, "which values `type`", "type:",
    ),
    "when with lists in it": (
        "tasks:\n  as: activity\n  when: {type: [[task]]}\n  fields: {body: b}", 3, 16, "which values `type`", "type:",
    ),
    "when with an empty list": (
        "tasks:\n  as: activity\n  when: {type: []}\n  fields: {body: b}", 3, 16, "which values `type`", "type:",
    ),
    "word of a line": (HEAD + "    email: {field: e, stepps: [trim]}\n", 4, 23, "not a word of a line", "steps"),
    "line is a list": (HEAD + "    email: [a]\n", 4, 12, "must be a map", ""),
    "line is blank": (HEAD + "    email:\n", 4, 5, "must be a map", ""),
    "line without field": (HEAD + "    email: {steps: [trim]}\n", 4, 5, "does not name", "Add `field:`"),
    "field is a flag": (HEAD + "    email: {field: true}\n", 4, 20, "must be text", "quotes"),
    "direction": (HEAD + "    email: {field: e, direction: inn}\n", 4, 34, "`direction` is both, in or out", "`in`"),
    "when_blank": (HEAD + "    email: {field: e, when_blank: clean}\n", 4, 35, "ignore or clear", "clear"),
    "flag": (HEAD + "    email: {field: e, required: Yes}\n", 4, 33, "true or false", ""),
    "create only, but in": (
        HEAD + "    email: {field: e, direction: in, on_create_only: true}\n", 4, 54, "no meaning", "Leave out",
    ),
    "by something": (
        HEAD + "    owner: {field: o, ref: owner, by: phone}\n", 4, 39, "`by` is email", "",
    ),
    "by, and no reference": (
        HEAD + "    source: {field: o, by: email}\n", 4, 28, "refers to nothing", "ref: contact",
    ),
    "by, and out": (
        HEAD + "    owner: {field: o, ref: owner, by: email, direction: both}\n", 4, 57, "way in only", "direction: in",
    ),
    "unknown step": (HEAD + "    phone: {field: e, steps: [trim, phon]}\n", 4, 37, "no step `phon`", "`phone`"),
    "step is a list": (HEAD + "    phone: {field: e, steps: [[trim]]}\n", 4, 31, "This is no step", ""),
    "step needs": (HEAD + "    birthday: {field: e, steps: [date]}\n", 4, 34, "needs `pattern`", "date"),
    "step takes nothing": (HEAD + "    phone: {field: e, steps: [trim: 3]}\n", 4, 37, "takes nothing", "trim"),
    "step argument": (HEAD + "    lead_score: {field: e, steps: [scale: big]}\n", 4, 43, "must be a number", "scale"),
    "step argument name": (
        HEAD + "    phone: {field: e, steps: [phone: {forn: national}]}\n", 4, 39, "not a word of the step", "form",
    ),
    "senseless argument": (HEAD + "    birthday: {field: e, steps: [date: '%H']}\n", 4, 40, "cannot work", "date"),
    "no zone": (
        HEAD + "    created_at: {field: e, steps: [instant: {pattern: '%Y-%m-%d', zone: Mars}]}\n", 4, 45,
        "not a time zone", "",
    ),
    "one word for yes and no": (
        HEAD + "    asked: {field: e, steps: [yes_no: [a, A]]}\n", 4, 39, "two different words", "yes_no",
    ),
    "no way back": (HEAD + "    phone: {field: e, steps: [first]}\n", 4, 31, "no way back", "direction: in"),
    "no way out": (HEAD + "    phone: {field: e, steps: [first], direction: out}\n", 4, 31, "cannot go out", ""),
    "which way": (HEAD + "    source: {field: e, steps: [constant: x]}\n", 4, 32, "one way only", "direction: out"),
    "unknown vocabulary": (
        "vocabularies: {stages: {words: {a: b}}}\n" + HEAD + "    email: {field: e, vocabulary: stage}\n", 5, 35,
        "no vocabulary `stage`", "`stages`",
    ),
    "no vocabularies": (HEAD + "    email: {field: e, vocabulary: stage}\n", 4, 35, "no vocabulary", "Declare it"),
    "vocabulary without words": (
        "vocabularies:\n  stages: {unknown: keep}\n" + HEAD + "    email: e\n", 2, 3, "has no words", "words:",
    ),
    "vocabulary word": (
        "vocabularies:\n  stages: {words: {a: b}, unknwon: keep}\n" + HEAD + "    email: e\n", 2, 27,
        "not a word of a vocabulary", "`unknown`",
    ),
    "word is a list": (
        "vocabularies:\n  stages: {words: {a: [b]}}\n" + HEAD + "    email: e\n", 2, 23, "Our word must be text", "",
    ),
    "unknown says nothing": (
        "vocabularies:\n  stages: {words: {a: b}, unknown: }\n" + HEAD + "    email: e\n", 2, 27, "says nothing", "",
    ),
    "compute without direction": (
        HEAD + "    full_name: {compute: first_name}\n", 4, 17, "does not say its direction", "direction: in",
    ),
    "compute broken": (
        HEAD + "    full_name: {compute: 'first_name +', direction: out}\n", 4, 26, "no expression", "Functions",
    ),
    "compute calls": (
        HEAD + "    full_name: {compute: 'open(first_name)', direction: out}\n", 4, 26, "Only these functions", "",
    ),
    "compute in with a field": (
        HEAD + "    full_name: {compute: a, field: b, direction: in}\n", 4, 36, "named in its expression", "Leave out",
    ),
}  # fmt: skip


def mistakes_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(MappingError) as caught:
        load(text, file="mappings/tool.yaml")
    return caught.value.problems


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_at_its_place(name: str):
    text, line, column, what, remedy = MISTAKES[name]
    found = [one for one in mistakes_of(text) if what.lower() in one.what.lower()]
    assert found, [str(one) for one in mistakes_of(text)]
    assert (found[0].line, found[0].column) == (line, column)
    assert remedy in found[0].remedy
    assert found[0].file == "mappings/tool.yaml"


def test_a_problem_shows_the_line_with_a_caret_and_how_to_mend_it():
    (problem,) = mistakes_of(HEAD + "    phone: {field: mobile, steps: [phnoe]}\n")
    assert str(problem) == dedent(
        """\
        mappings/tool.yaml:4:36: There is no step `phnoe`.
                phone: {field: mobile, steps: [phnoe]}
                                               ^
          found: phnoe
          expected: a step
          remedy: Did you mean `phone`?"""
    )


def test_all_mistakes_of_a_file_come_at_once_in_the_order_of_the_file():
    text = HEAD + "    email: {field: e, direction: inn}\n    phone: {steps: [phon]}\n    phone: x\n"
    whats = [problem.what for problem in mistakes_of(text)]
    assert len(whats) == 4
    assert [problem.line for problem in mistakes_of(text)] == [4, 5, 5, 6]


def test_the_error_is_a_config_error_that_names_the_file_and_counts():
    with pytest.raises(ConfigError, match=r"mappings/tool.yaml has 1 error:"):
        load("contacts: hello", file="mappings/tool.yaml")


@pytest.mark.parametrize("text", ["a" * 1_000_001, "a: " + "[" * 3000, "%FOO\n---\n: : :", "\x00", "? [a]\n: b"])
def test_strange_files_are_mistakes_not_crashes(text: str):
    assert mistakes_of(text)


def test_the_short_form_is_a_line_with_a_field():
    stream = load(HEAD + "    email: properties.email\n", file="x.yaml").streams["contacts"]
    (line,) = stream.lines
    assert (line.field, line.remote, line.direction, line.when_blank) == ("email", "properties.email", "both", "clear")


def test_everything_of_a_real_file_is_understood(crm: Mapping):
    assert list(crm.streams) == ["users", "companies", "contacts", "deals"]
    assert crm.version == 3
    contacts = crm.streams["contacts"]
    assert contacts.kind == "contact"
    assert contacts.options == {"archived": False}
    by_field = {line.field: line for line in contacts.lines}
    assert by_field["birthday"].steps[0].arguments == {"pattern": "%d-%m-%y"}
    assert by_field["owner"].ref_streams == ("users",)
    assert by_field["display_name"].writes == ("properties.full",)
    assert by_field["source"].on_create_only
    assert crm.vocabularies["lifecycle"].written == {
        "subscriber": "subscriber",
        "lead": "new",
        "customer": "client",
    }


def test_a_stream_can_say_the_direction_for_its_lines(crm: Mapping):
    directions = {line.field: line.direction for line in crm.streams["users"].lines}
    assert directions == {"name": "in", "email": "in", "active": "in"}


def test_a_reference_by_address_goes_in_and_needs_no_stream_of_people():
    lines = "contacts: {field: guests, ref: contact, by: email}"
    text = f"events:\n  as: activity\n  direction: both\n  fields:\n    subject: title\n    {lines}\n"
    subject, contacts = load(text, file="x.yaml").streams["events"].lines
    assert (subject.direction, contacts.direction, contacts.by, contacts.ref_streams) == ("both", "in", "email", ())


def test_when_is_understood_with_its_places():
    text = "tasks:\n  as: activity\n  when:\n    type: [task, null]\n    done: false\n  fields: {body: b}\n"
    stream = load(text, file="x.yaml").streams["tasks"]
    assert stream.when == {"type": ("task", None), "done": (False,)}
    places = {name: tuple(place) for name, place in stream.places.items() if name.startswith("when.")}
    assert places == {
        "when.type": (4, 5),
        "when.type.0": (4, 12),
        "when.type.1": (4, 18),
        "when.done": (5, 5),
        "when.done.0": (5, 11),
    }


def test_a_required_line_ignores_blanks_unless_it_says_otherwise():
    text = HEAD + "    email: {field: a, required: true}\n    phone: {field: b, required: true, when_blank: clear}\n"
    assert [line.when_blank for line in load(text, file="x").streams["contacts"].lines] == ["ignore", "clear"]


def test_words_of_yaml_1_2_stay_words():
    text = "vocabularies:\n  v:\n    words: {Yes: open, no: lost, 1: won, 2026-01-01: new}\n" + HEAD + "    email: e\n"
    assert list(load(text, file="x").vocabularies["v"].words) == ["Yes", "no", 1, "2026-01-01"]


@given(st.text(st.sampled_from("abc:{}[],&*'\"|>-#?!%\n \t1.~é\x00"), max_size=60), st.integers(0, 2000))
def test_any_text_is_a_mapping_or_a_list_of_mistakes(crm_text: str, junk: str, place: int):
    """A file damaged anywhere is told with places, and what is left of it can still be checked."""
    text = crm_text[:place] + junk + crm_text[place:]
    for problem in check_text(text, file="m.yaml", shapes=SHAPES):
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.what
