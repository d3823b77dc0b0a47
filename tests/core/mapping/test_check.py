"""What is found before any data flows: against the shapes, the manifest, the tool's description and real records."""

from __future__ import annotations

from typing import Any

import pytest

from core.manifest import Manifest
from core.mapping import Mapping, Problem, check, check_text, load
from core.model.shapes import SHAPES
from core.ports import Description, FieldInfo

MANIFEST = Manifest.model_validate(
    {
        "name": "crm",
        "title": "Shop CRM",
        "category": "crm",
        "doc": "A made-up customer tool.",
        "stream_options": {
            "archived": {"type": "flag", "doc": "Read archived records too."},
            "file": {"type": "path", "doc": "The file to read.", "required": True, "example": "people.csv"},
        },
        "streams": {
            "contacts": {"kind": "contact", "creates": True, "updates": True},
            "payments": {"kind": "payment"},
            "drops": {"kind": "contact", "reads": False, "creates": True},
        },
        "quality": {"tier": "sound"},
    }
)
TOOL = Description(
    "contacts",
    (
        FieldInfo("mail", "email"),
        FieldInfo("tel", "phone"),
        FieldInfo("made", "instant", read_only=True),
        FieldInfo("origin", "text", create_only=True),
        FieldInfo("stage", "choice", choices=("new", "client", "lost")),
        FieldInfo("mood", "choice", choices=("Lead", "Angry")),
        FieldInfo("score", "number"),
        FieldInfo("optout", "flag"),
        FieldInfo("labels", "tags"),
        FieldInfo("born", "instant"),
        FieldInfo("company_id", "ref", refers_to="firms"),
        FieldInfo("props", "json"),
        FieldInfo("must", "text", required=True),
    ),
)
WORDS = "vocabularies:\n  v:\n    words: {new: lead, client: customer, odd: subscriber}\n"
HEAD = "contacts:\n  as: contact\n  options: {file: a.csv}\n  fields:\n"
MUST = "    description: must\n"


def problems(lines: str, *, top: str = "", **given: Any) -> list[Problem]:
    return check(load(top + HEAD + lines, file="m.yaml"), shapes=SHAPES, **given)


def against_tool(lines: str, top: str = "", manifest: Manifest | None = MANIFEST) -> list[Problem]:
    return problems(lines + MUST, top=top, manifest=manifest, descriptions={"contacts": TOOL})


AGAINST_SHAPES = {
    # name: (lines, column in line 5, part of what, part of the remedy)
    "unknown field": ("    emial: mail\n", 5, "`emial` is no field of contact", "`email`"),
    "unknown consent": ("    consent.emial: {field: a, steps: [opt_out_flag]}\n", 5, "is no field", "`consent.email`"),
    "no parts": ("    phone: {field: {a: b}}\n", 20, "has no parts", "field: b"),
    "unknown part": ("    address: {field: {town: b}}\n", 22, "`town` is no part", "street"),
    "list into text": ("    source: {field: a, steps: [list]}\n", 21, "gives a list", "steps: [only]"),
    "steps do not fit": ("    source: {field: a, steps: [list, prefix: x]}\n", 38, "gives a list", "before `prefix`"),
    "map step on a plain field": (
        "    lead_score: {field: a, steps: [text_number, minor_units]}\n", 49, "reads a map of parts", "before",
    ),
    "reference without ref": ("    owner: owner_id\n", 5, "points to a owner", "ref: owner"),
    "ref on text": ("    source: {field: a, ref: owner}\n", 29, "points to nothing", "Leave out"),
    "ref to another kind": ("    owner: {field: a, ref: company}\n", 28, "points to a owner", "ref: owner"),
    "ref to nobody": ("    owner: {field: a, ref: owner}\n", 28, "No stream of this file holds a owner", "as: owner"),
    "by address to a company": (
        "    company: {field: a, ref: company, by: email}\n", 43, "A company is not known by", "Leave out `by`",
    ),
    "written twice": ("    email: a\n    source: a\n", 13, "Two lines write `a`", "direction: in"),
    "written inside": ("    email: a.b\n    source: a\n", 13, "Two lines write `a.b`", "direction: in"),
    "computed from nothing": (
        "    who: {compute: first_nam + 'x', direction: out}\n", 20, "reads `first_nam`", "`first_name`",
    ),
    "free line comes in": ("    who: {compute: a, direction: in}\n", 5, "`who` is no field", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", AGAINST_SHAPES)
def test_lines_meet_the_shapes(name: str):
    lines, column, what, remedy = AGAINST_SHAPES[name]
    found = [problem for problem in problems(lines) if what in problem.what]
    assert found, [str(problem) for problem in problems(lines)]
    assert found[0].column == column
    assert found[0].line == 4 + lines.count("\n")
    assert remedy in found[0].remedy
    assert found[0].severity == "error"


AGAINST_TOOL = {
    "unknown remote": ("    email: mial\n", "", 12, "no field `mial`", "`mail`"),
    "computed from an unknown remote": (
        "    full_name: {compute: mail + nick, direction: in}\n", "", 26, "no field `nick`", "",
    ),
    "read-only": ("    created_at: made\n", "", 17, "`made` is read-only", "direction: in"),
    "only at creation": ("    source: origin\n", "", 13, "only when the record is created", "on_create_only"),
    "flag into consent": ("    consent.email: optout\n", "", 20, "gives true or false", "opt_out_flag"),
    "flag into text": ("    source: optout\n", "", 13, "gives true or false", ""),
    "text into number": ("    source: score\n", "", 13, "goes out as text; the tool's field takes a number", "number"),
    "tags into text": ("    tags: tel\n", "", 11, "goes out as a list", "steps: [list]"),
    "text from tags": ("    source: labels\n", "", 13, "gives a list", "only"),
    "wrong stream": ("    company: {field: company_id, ref: company}\n", "", 39, "stream `firms`", "firms"),
    "untakeable word": ("    lifecycle_stage: {field: stage, vocabulary: v}\n", WORDS, 0, "does not take `odd`", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", AGAINST_TOOL)
def test_lines_meet_the_tool(name: str):
    lines, top, column, what, remedy = AGAINST_TOOL[name]
    if "ref:" in lines:
        lines += MUST + "orgs:\n  as: company\n  fields:\n    name: n\n"
        found = check(load(top + HEAD + lines, file="m"), shapes=SHAPES, descriptions={"contacts": TOOL})
    else:
        found = against_tool(lines, top)
    found = [problem for problem in found if what in problem.what]
    assert found
    assert remedy in found[0].remedy
    assert column in (0, found[0].column)
    assert found[0].severity == "error"


def test_an_open_stream_may_have_any_field():
    opened = Description("contacts", TOOL.fields, open=True)
    assert problems("    email: whatever\n" + MUST, descriptions={"contacts": opened}) == []
    assert problems("    email: props.mail\n" + MUST, descriptions={"contacts": TOOL}) == []


def test_a_required_field_of_the_tool_must_be_written_where_records_are_created():
    (problem,) = problems("    email: mail\n", manifest=MANIFEST, descriptions={"contacts": TOOL})
    assert "creates no record without `must`" in problem.what
    assert problem.line == 1


def test_vocabulary_gaps_are_warnings_on_both_sides():
    found = against_tool("    lifecycle_stage: {field: stage, vocabulary: v}\n", WORDS)
    warnings = [problem for problem in found if problem.severity == "warning"]
    assert any("has no word of the tool for" in problem.what for problem in warnings)
    assert any("does not know `lost`" in problem.what for problem in warnings)


def test_choices_without_a_vocabulary_are_compared():
    (problem,) = against_tool("    lifecycle_stage: mood\n")
    assert problem.severity == "warning"
    assert "`Angry`" in problem.what
    assert "`Lead`" not in problem.what


@pytest.mark.parametrize(
    ("words", "what", "severity"),
    [
        ("{a: leed}", "`leed` is not one of the choices", "error"),
        ("{a: lead}\n    unknown: whoever", "`whoever` is not one of the choices", "error"),
        ("{a: lead, b: lead}\n    unknown: keep", "Several of the tool's words mean `lead`; `a` is written", "warning"),
    ],
)
def test_vocabularies_meet_the_choices(words: str, what: str, severity: str):
    found = problems(
        "    lifecycle_stage: {field: s, vocabulary: v}\n", top=f"vocabularies:\n  v:\n    words: {words}\n"
    )
    (problem,) = [one for one in found if what in one.what]
    assert problem.severity == severity
    assert problem.line in (2, 3)


def test_an_unused_vocabulary_is_a_warning():
    (problem,) = problems("    email: e\n", top="vocabularies:\n  v: {words: {a: b}}\n")
    assert (problem.line, problem.severity) == (2, "warning")


def test_days_and_moments_are_told_apart():
    (problem,) = against_tool("    birthday: born\n")
    assert problem.severity == "warning"
    assert "midnight" in problem.remedy


MANIFESTED = {
    "unknown stream": ("kontacts:\n  as: contact\n  fields: {email: e}\n", 1, "no stream `kontacts`", "`contacts`"),
    "another kind": (
        "contacts:\n  as: company\n  options: {file: a}\n  fields: {name: e}\n", 2, "holds contact", "as: contact",
    ),
    "unknown option": (
        "contacts:\n  as: contact\n  options: {file: a, archivd: true}\n  fields: {email: e}\n", 3, "option `archivd`",
        "`archived`",
    ),
    "missing option": ("contacts:\n  as: contact\n  fields: {email: e}\n", 1, "needs the option `file`", "people.csv"),
    "not written": (
        "payments:\n  as: payment\n  options: {file: a}\n  fields:\n    number: n\n", 5, "cannot be written", "once",
    ),
    "not read": (
        "drops:\n  as: contact\n  options: {file: a}\n  fields:\n    email: n\n", 5, "cannot be read", "once",
    ),
    "unknown kind": ("contacts:\n  as: kontact\n  fields: {email: e}\n", 2, "no kind of record", "`contact`"),
}  # fmt: skip


@pytest.mark.parametrize("name", MANIFESTED)
def test_streams_meet_the_manifest(name: str):
    text, line, what, remedy = MANIFESTED[name]
    found = check(load(text, file="m.yaml"), shapes=SHAPES, manifest=MANIFEST)
    (problem,) = [one for one in found if what in one.what]
    assert problem.line == line
    assert remedy in problem.remedy


def test_a_whole_stream_can_say_its_direction():
    text = "payments:\n  as: payment\n  direction: in\n  options: {file: a}\n  fields: {number: n}\n"
    assert check(load(text, file="m.yaml"), shapes=SHAPES, manifest=MANIFEST) == []


def test_open_streams_take_the_manner_of_their_kind():
    opened = MANIFEST.model_copy(update={"open_streams": True})
    text = "people:\n  as: contact\n  options: {file: a}\n  fields: {email: e}\n"
    assert check(load(text, file="m.yaml"), shapes=SHAPES, manifest=opened) == []
    assert "no stream `people`" in check(load(text, file="m.yaml"), shapes=SHAPES, manifest=MANIFEST)[0].what


def test_a_real_mapping_has_only_the_warnings_it_deserves(crm: Mapping):
    found = check(crm, shapes=SHAPES)
    assert all(problem.severity == "warning" for problem in found), [str(problem) for problem in found]
    whats = " ".join(problem.what for problem in found)
    assert "`new` is written, never `fresh`" in whats


def test_what_cannot_be_read_and_what_does_not_fit_come_in_one_list():
    text = HEAD + "    emial: mail\n    phone: {field: tel, steps: [phon]}\n    owner: owner_id\n"
    found = check_text(text, file="m.yaml", shapes=SHAPES)
    assert [problem.line for problem in found] == [5, 6, 7]


def test_checking_twice_gives_the_same(crm: Mapping):
    assert check(crm, shapes=SHAPES) == check(crm, shapes=SHAPES)
