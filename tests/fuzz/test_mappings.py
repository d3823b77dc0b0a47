"""The mapping checker under noise: whatever a file holds, it gives problems with their places, and no crash."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigError
from core.mapping.check import check_text
from core.model.shapes import SHAPES
from tests.fuzz.lines import lines

TEXTS = {one.stem: one.read_text(encoding="utf-8") for one in (Path(__file__).parents[2] / "mappings").glob("*.yaml")}
FEW = int(os.environ.get("CONCORD_FUZZ_EXAMPLES", "15"))
TOOLS = sorted({"hubspot", "mailchimp", "memory", "stripe", "carddav"} & set(TEXTS))
PIECES = st.sampled_from(
    ["{", "}", "[", "]", ":", ": ", "- ", "\n", "\n  ", "\t", "&a ", "*a", "<<: *a", "!!python/object:os.system", "|",
     ">", "'", '"', "#", "?", "fields", "as: contact", "~", "null", "0x1", "1e999", "\u0000", "\ud7ff", "\ufeff",
     "\r", "when: ", "a.b[0]", "vocabulary: ", "compute: ", "(((((", "1 if 1 else 1", "__class__", "x" * 300]
)  # fmt: skip


def checked(text: str) -> None:
    with suppress(ConfigError):
        problems = check_text(text, file="fuzz.yaml", shapes=SHAPES)
        assert all(one.what and 0 <= one.line <= lines(text) + 1 for one in problems)


@settings(deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_answered_with_problems(text: str):
    checked(text)


@settings(deadline=None)
@given(st.lists(PIECES | st.text(max_size=8), max_size=40).map("".join))
def test_what_looks_like_a_mapping_is_answered_with_problems(text: str):
    checked(text)


@pytest.mark.parametrize("tool", TOOLS)
@settings(deadline=None, max_examples=FEW)
@given(data=st.data())
def test_a_broken_mapping_of_ours_is_answered_with_problems(tool: str, data: st.DataObject):
    text = TEXTS[tool]
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = min(len(text), start + data.draw(st.integers(0, 40)))
        text = text[:start] + data.draw(PIECES | st.text(max_size=8)) + text[end:]
    checked(text)
