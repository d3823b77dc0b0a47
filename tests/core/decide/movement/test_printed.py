"""What is printed about movement policies: a schema that takes what the reader takes, a page whose examples hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from core.decide.movement.policy import EVIDENCE, JOURNEY, Mode, Step
from core.decide.movement.reading import load_leniently
from core.decide.movement.reference import reference_page
from core.decide.movement.schema import schema
from core.decide.movement.words import MODES, RUNG_STEPS, SECTIONS, STEPS
from core.model.locale import Locale
from core.model.shapes import SHAPES
from tests.core.decide.movement.test_reading import GOOD

READY = Path(__file__).parents[4] / "mappings" / "movement"
VALIDATOR = Draft202012Validator(schema(SHAPES))
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", reference_page(), re.DOTALL | re.MULTILINE)


def data(text: str) -> Any:
    """As an editor sees it: dates and `no` are text, as in YAML 1.2 without timestamps."""
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text), default=str))


def faults(text: str) -> list[str]:
    return [f"{list(one.path)}: {one.message}" for one in VALIDATOR.iter_errors(data(text))]


def test_it_is_a_schema():
    Draft202012Validator.check_schema(schema(SHAPES))


@pytest.mark.parametrize("name", ["local-service", "b2b-sales"])
def test_the_schema_takes_what_is_ready(name: str):
    assert faults((READY / f"{name}.yaml").read_text(encoding="utf-8")) == []


def test_the_schema_takes_what_the_reader_takes():
    assert faults(GOOD) == []
    assert faults("holidays: [12-25]\nabsences:\nownership: {All: {of: contact, to: ann@shop.example}}\n") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hours:", "ours:"),
        ("  Saturday:", "  Satuday:"),
        ("10:00-14:00", "10-14"),
        ("answered_within: 7d", "answered_within: a week"),
        ("after: 30min", "after: 0min"),
        ("do: remind", "do: assign"),
        ("to: bob@shop.example", "to: bob"),
        ("  contact:\n", "  contacts:\n"),
        ("lifecycle_stage: lead, last", "lifecycle_stage: leed, last"),
        ("lifecycle_stage: lead, last", "lifecycle_stage: [lead, leed], last"),
        ("lifecycle_stage: lead, last", "lifecycle_stage: {}, last"),
        ("lifecycle_stage: lead, last", "lifecycle_stage: [], last"),
        ("{known: false}}\n", "{knwon: false}}\n"),
        ("      means: They asked, and nobody has answered.\n", ""),
        ("journey: captured", "journey: capturd"),
        ("[asked, replied]", "[asked, repled]"),
        ("evidence: [asked, replied]", "evidence_from: others"),
        ("of: activity", "of: contact"),
        ("status: no_show}", "status: noshow}"),
        ("arrives: outside hours", "arrives: at night"),
        ("bob@shop.example: 1}", "bob@shop.example: 0}"),
        ("assign: ask", "assign: aks"),
    ],
)
def test_the_schema_underlines_what_the_reader_refuses(old: str, new: str):
    assert old in GOOD
    assert faults(GOOD.replace(old, new, 1))


@pytest.mark.parametrize("said", ["lead", "[lead, customer]", "null", "[lead, null]", "{not: lead}", "{known: no}"])
def test_the_schema_takes_every_way_of_asking(said: str):
    assert "lifecycle_stage: lead, last" in GOOD
    assert faults(GOOD.replace("lifecycle_stage: lead, last", f"lifecycle_stage: {said}, last", 1)) == []


def test_the_schema_takes_evidence_of_any_or_of_other_tools():
    line = "      evidence: [asked, replied]\n"
    assert line in GOOD
    assert faults(GOOD.replace(line, f"{line}      evidence_from: other\n", 1)) == []


def test_what_fields_have_in_common_is_said_once():
    whole = json.dumps(schema(SHAPES), indent=2)
    assert len(whole.splitlines()) < 2_500
    word = json.dumps(SHAPES["contact"].fields["lifecycle_stage"].choices[3])
    assert whole.count(word) == 2, "alone, and in a list"


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_of_the_page_hold(text: str):
    if text.startswith("movement:"):
        return
    assert faults(text) == []
    _, source = load_leniently(text, file="movement.md", shapes=SHAPES, locale=Locale())
    assert source.problems == [], "\n".join(map(str, source.problems))


def test_the_page_names_every_word():
    page = reference_page()
    for word in (*SECTIONS, *EVIDENCE, *Step, *Mode):
        assert f"| `{word}` |" in page
    for word in JOURNEY:
        assert word in page
    assert len(EXAMPLES) == 2


def test_every_step_and_mode_is_explained():
    assert set(STEPS) == set(Step)
    assert set(MODES) == set(Mode)
    assert set(RUNG_STEPS) < set(Step)
