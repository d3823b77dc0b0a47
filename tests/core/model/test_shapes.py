"""The declarations hold together, and an installation's own fields are read or refused with their place."""

from __future__ import annotations

import pytest

from core.errors import ConfigError
from core.model.reference import reference_page
from core.model.shape import RULES, Field, Shape
from core.model.shapes import KIND_ORDER, SHAPES, load_custom_fields, shapes_with
from core.model.types import TYPES

FIELDS = [
    pytest.param(shape, field, id=f"{shape.kind}.{field.name}")
    for shape in SHAPES.values()
    for field in shape.fields.values()
]


@pytest.mark.parametrize(("shape", "field"), FIELDS)
def test_a_field_s_example_is_in_normal_form(shape: Shape, field: Field) -> None:
    assert field.normaliser()(field.example) == field.example
    assert field.column()([None, field.example]) == ([None, field.example], {})


@pytest.mark.parametrize(("shape", "field"), FIELDS)
def test_the_parts_of_a_declaration_go_together(shape: Shape, field: Field) -> None:
    assert field.doc.endswith(".")
    assert field.rule in RULES
    assert (field.rule == "union") == field.is_set
    assert (field.rule == "strictest") == field.name.startswith("consent.")
    assert bool(field.choices) == (field.type == "choice")
    assert not field.many or field.type == "ref"
    if field.type == "ref":
        assert field.of in SHAPES
    elif field.of is not None:
        assert field.is_set
        assert field.of in TYPES
    if field.beside is not None:
        assert shape.fields[field.beside].type == field.of
    if field.rule in ("min", "max"):
        assert field.type in ("date", "instant", "number", "money")


def test_kinds_come_in_the_order_of_work() -> None:
    assert KIND_ORDER == ("owner", "company", "contact", "deal", "ticket", "activity", "document", "payment")
    for shape in SHAPES.values():
        assert set(shape.title) <= shape.fields.keys()


def test_everything_that_reaches_a_person_is_personal() -> None:
    contact = SHAPES["contact"]
    for field in contact.fields.values():
        if "email" in (field.type, field.of) or "phone" in (field.type, field.of):
            assert field.personal, field.name


def test_a_record_is_named_by_its_title_or_by_what_is_known() -> None:
    contact = SHAPES["contact"]
    assert contact.name_of({"first_name": "Ann", "last_name": "Shore", "email": "ann@x.com"}) == "Ann Shore"
    assert contact.name_of({"email": "ann@x.com", "company": 4}) == "ann@x.com"
    assert contact.name_of({}) == ""


def test_own_fields_stand_behind_the_shape_s() -> None:
    custom = load_custom_fields(
        """
contact:
  - {name: shoe_size, type: number, doc: Shoe size (EU)., example: "42", personal: true}
  - name: diet
    type: choice
    doc: What they eat.
    example: Vegan
    choices: [vegan, other]
deal:
  - {name: sites, type: tags, doc: Building sites., example: [b, a]}
  - {name: partner, type: ref, of: company, doc: Who helps., example: 4}
  - {name: signed_on, type: date, doc: Day of signing., example: 2026-11-21}
""",
        "fields.yaml",
    )
    assert custom["contact"][0] == Field("shoe_size", "number", "Shoe size (EU).", 42, personal=True)
    assert custom["contact"][1].example == "vegan"
    assert [field.example for field in custom["deal"]] == [["a", "b"], 4, "2026-11-21"]
    assert custom["deal"][0].rule == "union"
    shapes = shapes_with(custom)
    assert list(shapes["contact"].fields)[-2:] == ["shoe_size", "diet"]
    assert "shoe_size" not in SHAPES["contact"].fields
    assert list(shapes) == list(KIND_ORDER)


def test_a_taken_name_cannot_be_added() -> None:
    mine = Field("email", "text", "Mine.", "x")
    with pytest.raises(ValueError, match="contact has a field named 'email' already"):
        SHAPES["contact"].extended([mine])
    other = Field("other", "text", "Mine.", "x")
    with pytest.raises(ValueError, match="already"):
        SHAPES["contact"].extended([other, other])


@pytest.mark.parametrize("nothing", ["", "# only words\n", "contact: []\n"])
def test_no_own_fields_is_no_mistake(nothing: str) -> None:
    assert not any(load_custom_fields(nothing, "fields.yaml").values())


GOOD = "name: size, type: number, doc: Size., example: 1"


@pytest.mark.parametrize(
    ("text", "place", "what"),
    [
        ("- a", "1:1", "expected kinds"),
        ("robot: []", "1:1", "no kind 'robot'"),
        ("contact: 5", "1:10", "expected a list"),
        ("contact:\n  - size", "2:5", "expected a field"),
        ("contact:\n  - {name: size, type: number, doc: Size.}", "2:5", "no example"),
        ("contact:\n  - {name: Size, type: number, doc: S., example: 1}", "2:6", "is no name"),
        ("contact:\n  - {name: email, type: email, doc: S., example: a@b.com}", "2:12", "already"),
        (f"contact:\n  - {{{GOOD}}}\n  - {{{GOOD}}}", "3:12", "already"),
        ("contact:\n  - {name: size, type: colour, doc: S., example: 1}", "2:18", "no type 'colour'"),
        (f"contact:\n  - {{{GOOD}, colour: red}}", "2:56", "no 'colour'"),
        (f"contact:\n  - {{{GOOD}, rule: strictest}}", "2:56", "'strictest' cannot be"),
        (f"contact:\n  - {{{GOOD}, rule: union}}", "2:56", "union is for sets"),
        (f"contact:\n  - {{{GOOD}, many: true}}", "2:56", "only a ref"),
        (f"contact:\n  - {{{GOOD}, personal: maybe}}", "2:56", "true or false"),
        (f"contact:\n  - {{{GOOD}, choices: [a]}}", "2:56", "choices belong"),
        (f"contact:\n  - {{{GOOD}, choices: a}}", "2:56", "must be a list"),
        (f"contact:\n  - {{{GOOD}, of: email}}", "2:56", "`of` is for"),
        (f"contact:\n  - {{{GOOD}, rule: 3}}", "2:56", "must be text"),
        ("contact:\n  - {name: size, type: choice, doc: S., example: a}", "2:5", "needs them"),
        ("contact:\n  - {name: boss, type: ref, doc: S., example: 4}", "2:5", "needs `of`"),
        ("contact:\n  - {name: boss, type: ref, of: robot, doc: S., example: 4}", "2:29", "no kind 'robot'"),
        ("contact:\n  - {name: size, type: number, doc: S., example: big}", "2:41", "'big' is not a number"),
        (
            "contact:\n  - {name: sizes, type: tags, of: size, doc: S., example: [a]}",
            "2:31",
            "elements of tags",
        ),
        ("contact: [", "1:11", "not valid YAML"),
        ("contact: []\ncontact: []", "2:1", "not valid YAML"),
    ],
)
def test_a_mistake_in_own_fields_is_told_with_its_place(text: str, place: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_custom_fields(text, "fields.yaml")
    assert caught.value.message.startswith(f"fields.yaml:{place}: ")
    assert what in caught.value.message


def test_the_reference_names_every_type_kind_and_field() -> None:
    page = reference_page(SHAPES)
    assert page == reference_page(SHAPES)
    assert page.endswith("|\n")
    for type_name in TYPES:
        assert f"| `{type_name}` |" in page
    for shape in SHAPES.values():
        section = page.partition(f"\n## {shape.kind}\n")[2].partition("\n## ")[0]
        for field in shape.fields.values():
            assert f"| `{field.name}` |" in section
    assert len({line.replace(r"\|", "").count("|") for line in page.splitlines() if line.startswith("| `")}) == 2
