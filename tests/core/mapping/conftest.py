"""A realistic mapping of a made-up customer tool, and its translators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from core.mapping import Mapping, Translator, load, translator
from core.model.shapes import SHAPES


@pytest.fixture(scope="session")
def crm_text() -> str:
    return Path(__file__).with_name("crm.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def crm(crm_text: str) -> Mapping:
    return load(crm_text, file="mappings/crm.yaml")


@pytest.fixture(scope="session")
def contacts(crm: Mapping) -> Translator:
    return translator(crm.streams["contacts"], shapes=SHAPES)


@pytest.fixture
def contact_line() -> Callable[[str], Translator]:
    """Builds a translator of one line for contacts, written as below `fields:`."""

    def build(line: str) -> Translator:
        text = f"things:\n  as: contact\n  fields:\n    {line}\n"
        return translator(load(text, file="x.yaml").streams["things"], shapes=SHAPES)

    return build
