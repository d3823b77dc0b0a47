"""The printed reference tells every word of the language."""

from __future__ import annotations

from core.mapping import STEPS, check_text, load, reference_page
from core.mapping.compute import FUNCTIONS
from core.mapping.load import STREAM_WORDS
from core.mapping.read_lines import LINE_WORDS
from core.model.shapes import SHAPES


def test_it_tells_every_step_word_and_function():
    page = reference_page()
    for name in (*STEPS, *STREAM_WORDS, *LINE_WORDS, *FUNCTIONS):
        assert f"`{name}`" in page, name
    for step in STEPS.values():
        assert f"### `{step.name}`\n\n{step.doc}" in page


def test_tables_are_whole():
    rows = [line for line in reference_page().splitlines() if line.startswith("|")]
    assert len(rows) > 60
    assert all(row.endswith(" |") for row in rows)


def test_its_example_is_a_mapping():
    example = reference_page().partition("```yaml\n")[2].partition("```")[0]
    assert load(example, file="reference").streams["contacts"].kind == "contact"


def test_its_example_of_several_streams_has_nothing_wrong():
    example = reference_page().partition("## Several streams")[2].partition("```yaml\n")[2].partition("```")[0]
    assert list(load(example, file="reference").streams) == ["tasks", "mails", "notes"]
    assert check_text(example, file="reference", shapes=SHAPES) == []


def test_examples_are_written_as_a_mapping_writes_them():
    for section in reference_page().split("\n### ")[1:]:
        name = section.split("`")[1]
        table = section.partition("| Written |")[2].splitlines()[2:]
        uses = [row.split("`")[1] for row in table if row.startswith("|")]
        assert len(uses) == len(STEPS[name].examples)
        for use in uses:
            step = f"{{{use}}}" if ":" in use else use
            text = f"things:\n  as: contact\n  fields:\n    source: {{field: f, direction: in, steps: [{step}]}}\n"
            assert load(text, file="reference").streams["things"].lines[0].steps[0].name == name
