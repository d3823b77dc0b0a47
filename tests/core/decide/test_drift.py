"""What changed in a tool's description, in words, and which lines of the mapping cannot go on with it."""

from __future__ import annotations

from typing import Any

import pytest

from core.decide.drift import Change, Kind, Side, compare, resting
from core.decide.known import Known
from core.mapping import load
from core.model.shapes import SHAPES
from core.ports import Description, FieldInfo

MAPPING = load(
    """
vocabularies:
  stages: {words: {new: Lead, won: Customer}}
people:
  as: contact
  fields:
    email: {field: mail}
    first_name: {field: first}
    last_name: {field: last}
    full: {compute: "first_name + ' ' + last_name", direction: out, field: shown_name}
    job_title: {field: role}
    lifecycle_stage: {field: stage, vocabulary: stages}
    source: {field: source, direction: in}
    asked: {field: question, required: true}
    address: {field: {street: home.street, city: home.city}}
    company: {field: firm, ref: company}
    consent.email: {field: no_mail, steps: [opt_out_flag]}
    consent.phone: {field: no_calls, steps: [opt_out_flag], direction: in}
firms:
  as: company
  fields:
    name: {field: name}
""",
    file="tool.yaml",
)
PEOPLE = MAPPING.streams["people"]

FIELDS = (
    FieldInfo("mail", "email", "Mail"),
    FieldInfo("first", "name", "First name"),
    FieldInfo("last", "name", "Last name"),
    FieldInfo("shown_name", "text", "Name"),
    FieldInfo("role", "text", "Role", max_length=80),
    FieldInfo("stage", "choice", "Stage", choices=("new", "won")),
    FieldInfo("source", "text", "Source"),
    FieldInfo("question", "text", "Question"),
    FieldInfo("home", "json", "Home"),
    FieldInfo("firm", "ref", "Firm", refers_to="firms"),
    FieldInfo("no_mail", "flag", "No mail"),
    FieldInfo("no_calls", "flag", "No calls"),
    FieldInfo("shoe_size", "number", "Shoe size"),
)


def described(*fields: FieldInfo, without: str = "", open: bool = False) -> Description:
    """The usual fields, without one, with these in place of those of the same name, or more."""
    changed = {one.name: one for one in FIELDS if one.name != without} | {one.name: one for one in fields}
    return Description("people", tuple(changed.values()), open)


def field(name: str, **changed: Any) -> FieldInfo:
    return next(one for one in FIELDS if one.name == name)._replace(**changed)


def found(after: Description, before: Description | None = None, *, creates: bool = True) -> list[Change]:
    return compare(before or described(), after, PEOPLE, SHAPES["contact"], creates=creates)


def only(after: Description, before: Description | None = None) -> Change:
    (change,) = found(after, before)
    return change


def test_the_same_is_no_change():
    assert found(described()) == []


def test_a_label_that_is_spelt_differently_is_nothing_to_tell():
    assert found(described(field("role", label="Position"))) == []


def test_a_field_that_is_removed_puts_its_line_to_rest_on_both_sides():
    change = only(described(without="role"))
    assert (change.kind, change.field, change.touches) == (Kind.REMOVED, "role", ("job_title",))
    assert (change.pauses, change.side) == (("job_title",), Side.BOTH)
    assert "`role` was removed" in change.what
    assert "`job_title` out of the mapping" in change.remedy
    assert "bring the field back" in change.remedy


def test_that_refusals_do_not_reach_the_tool_is_said_aloud():
    change = only(described(without="no_mail"))
    assert change.pauses == ("consent.email",)
    assert "Refusals of consent do not reach the tool meanwhile" in change.what
    assert "Refusals" not in only(described(without="no_calls")).what, "this one is only read"


def test_a_field_that_no_line_uses_is_told_and_asks_for_nothing():
    change = only(described(without="shoe_size"))
    assert (change.kind, change.touches, change.pauses, change.matters) == (Kind.REMOVED, (), (), False)


def test_a_computed_line_rests_with_what_it_writes_and_a_part_with_the_object_it_is_in():
    assert only(described(without="shown_name")).pauses == ("full",)
    assert only(described(without="home")).pauses == ("address",)


def test_a_new_field_is_told():
    change = only(described(FieldInfo("fax")))
    assert (change.kind, change.matters) == (Kind.ADDED, False)


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (FieldInfo("position", "text", "Role"), "labelled"),
        (FieldInfo("role_in_firm", "text", "Job"), "names are alike"),
        (FieldInfo("roles", "text"), "names are alike"),
    ],
)
def test_what_came_as_another_went_may_be_the_same(new: FieldInfo, reason: str):
    change = only(described(new, without="role"))
    assert (change.kind, change.renamed_to, change.pauses) == (Kind.RENAMED, new.name, ("job_title",))
    assert reason in change.what
    assert f"`field: {new.name}`" in change.remedy


@pytest.mark.parametrize("new", [FieldInfo("role_date", "date", "Role"), FieldInfo("fax", "text", "Fax")])
def test_what_is_of_another_type_or_looks_different_is_another_field(new: FieldInfo):
    changes = found(described(new, without="role"))
    assert [change.kind for change in changes] == [Kind.REMOVED, Kind.ADDED]


def test_each_new_field_is_guessed_once_for_the_likeliest():
    after = Description("people", (*described(without="first").fields[1:], FieldInfo("surname", "name", "Last name")))
    after = Description("people", tuple(one for one in after.fields if one.name != "last"))
    renamed = {change.field: change.renamed_to for change in found(after) if change.kind is Kind.RENAMED}
    assert renamed == {"last": "surname"}


@pytest.mark.parametrize("type_", ["date", "number", "flag", "tags"])
def test_a_type_that_the_line_does_not_fit_puts_it_to_rest(type_: str):
    change = only(described(field("role", type=type_)))
    assert (change.kind, change.pauses, change.side) == (Kind.TYPE, ("job_title",), Side.BOTH)
    assert f"of the type {type_} now" in change.what
    assert "Change the type back" in change.remedy


@pytest.mark.parametrize("name", ["mail", "role", "stage"])
def test_a_type_that_still_takes_it_is_only_told(name: str):
    change = only(described(field(name, type="text" if name != "role" else "choice")))
    assert (change.kind, change.pauses, change.matters) == (Kind.TYPE, (), False)


def test_a_line_that_only_reads_bears_a_narrower_type():
    assert only(described(field("source", type="email"))).pauses == ()
    assert only(described(field("source", type="tags"))).pauses == ("source",)


def test_an_object_that_becomes_plain_cannot_be_read_inside():
    assert only(described(field("home", type="text"))).pauses == ("address",)


def test_a_reference_that_points_elsewhere_puts_its_line_to_rest():
    change = only(described(field("firm", refers_to="suppliers")))
    assert change.pauses == ("company",)
    assert "points to suppliers now" in change.what


def test_a_choice_that_is_gone_is_a_warning_and_stops_nothing():
    change = only(described(field("stage", choices=("new",))))
    assert (change.kind, change.pauses) == (Kind.CHOICES, ())
    assert "`won`" in change.what
    assert "vocabulary `stages`" in change.remedy


def test_choices_for_what_was_free_text_warn_whoever_writes_it():
    assert only(described(field("role", choices=("Chair",)))).matters
    assert not only(described(field("source", choices=("web",)))).matters, "this one is only read"


def test_a_new_choice_matters_where_the_vocabulary_would_refuse_it():
    change = only(described(field("stage", choices=("new", "won", "lost"))))
    assert "`lost`" in change.what
    assert "unknown: keep" in change.remedy


def test_choices_that_are_only_sorted_differently_are_no_change():
    assert found(described(field("stage", choices=("won", "new")))) == []


def test_a_required_field_that_no_line_writes_is_a_warning_where_records_are_created():
    after = described(FieldInfo("badge", required=True))
    added, required = found(after)
    assert (added.kind, required.kind, required.pauses) == (Kind.ADDED, Kind.REQUIRED, ())
    assert "creates no record without `badge`" in required.what
    assert "`field: badge`" in required.remedy
    assert not any(change.matters for change in found(after, creates=False))


def test_a_line_that_is_required_already_needs_nothing():
    assert not only(described(field("question", required=True))).matters
    assert "`required: true` for the line `job_title`" in only(described(field("role", required=True))).remedy
    assert not only(described(), described(field("role", required=True))).matters


def test_a_shorter_field_is_a_warning_and_a_longer_one_is_none():
    change = only(described(field("role", max_length=40)))
    assert (change.kind, change.pauses) == (Kind.LENGTH, ())
    assert "40 characters at most now, 80 before" in change.what
    assert change.matters
    assert only(described(field("last", max_length=20))).matters
    assert not only(described(field("role", max_length=None))).matters
    assert not only(described(field("source", max_length=5))).matters, "this one is only read"


def test_a_field_that_cannot_be_written_rests_in_writing_alone():
    change = only(described(field("role", read_only=True)))
    assert (change.kind, change.pauses, change.side) == (Kind.READ_ONLY, ("job_title",), Side.WRITING)
    assert not only(described(field("source", read_only=True))).pauses
    assert not only(described(), described(field("role", read_only=True))).matters


def test_a_field_that_is_set_at_creation_alone_rests_in_writing():
    change = only(described(field("role", create_only=True)))
    assert (change.pauses, change.side) == (("job_title",), Side.WRITING)
    assert "on_create_only: true" in change.remedy


def test_a_free_form_tool_and_one_that_describes_nothing_are_left_alone():
    assert found(described(without="role", open=True)) == []
    assert found(described(without="role"), described(open=True)) == []
    assert found(Description("people", ())) == []


def test_of_two_changes_the_one_that_stops_both_sides_counts():
    wide = Change(Kind.TYPE, "b", "b", "mend", ("line",), ("line",), Side.BOTH)
    narrow = Change(Kind.READ_ONLY, "a", "a", "mend", ("line",), ("line",), Side.WRITING)
    assert resting([narrow, wide]) == resting([wide, narrow]) == {"line": wide}


# --- what is kept


def look(known: Known, after: Description) -> tuple[Known, list[Change]]:
    """One look: what is known afterwards, and what is to be mended."""
    matter = [change for change in found(after, known.agreed) if change.matters]
    return Known.from_json(known.after(after, matter).to_json()), matter


def test_what_is_not_mended_is_found_again_at_every_look():
    known = Known(described())
    for _ in range(3):
        known, matter = look(known, described(without="role"))
        assert [change.field for change in matter] == ["role"]
    known, matter = look(known, described())
    assert (matter, known.before, known.told) == ([], {}, frozenset())


def test_what_concerns_no_line_is_known_after_one_look():
    known, _ = look(Known(described()), described(FieldInfo("fax"), without="shoe_size"))
    assert found(described(FieldInfo("fax"), without="shoe_size"), known.agreed) == []


def test_a_guess_stays_the_same_guess():
    known, after = Known(described()), described(FieldInfo("position", "text", "Role"), without="role")
    for _ in range(2):
        known, matter = look(known, after)
        assert [change.renamed_to for change in matter] == ["position"]


def test_a_field_that_nobody_has_seen_counts_as_removed_when_it_makes_trouble():
    known = Known(described(without="role"))
    assert found(described(without="role"), known.agreed) == []
    assert [one.field for one in found(described(without="role"), known.missing(["role", "mail"]).agreed)] == ["role"]
