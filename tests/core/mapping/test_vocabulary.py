"""Vocabularies both ways, and what becomes of words they do not list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.mappings import common_vocabularies
from core.mapping import MappingError, Vocabulary, check_text, load, translator
from core.mapping.load import load_vocabularies
from core.model.shapes import SHAPES

WORDS = {"new": "lead", "fresh": "lead", "client": "customer", 1: "low"}


def both(unknown: str = "refuse", words: dict | None = None):
    pair = Vocabulary("v", WORDS if words is None else words, unknown).pair()
    assert pair.inward
    assert pair.outward
    return pair.inward, pair.outward


def test_words_go_both_ways_and_the_first_is_written():
    inward, outward = both()
    assert [inward(word) for word in ("new", "fresh", "client", 1, "1")] == ["lead", "lead", "customer", "low", "low"]
    assert [outward(word) for word in ("lead", "customer", "low")] == ["new", "client", 1]


def test_lists_go_word_by_word():
    inward, outward = both("blank")
    assert inward(["new", "client", "odd"]) == ["lead", "customer"]
    assert inward(["odd"]) is None
    assert outward(["lead"]) == ["new"]


@pytest.mark.parametrize(("unknown", "value"), [("keep", "odd"), ("blank", None), ("other", "other")])
def test_unknown_words_of_the_tool(unknown: str, value: object):
    assert both(unknown)[0]("odd") == value


@pytest.mark.parametrize(("unknown", "value"), [("keep", "odd"), ("blank", None)])
def test_unknown_words_of_ours(unknown: str, value: object):
    assert both(unknown)[1]("odd") == value


@pytest.mark.parametrize("unknown", ["refuse", "other"])
def test_words_without_a_counterpart_are_not_invented(unknown: str):
    with pytest.raises(ValueError, match="'odd' is not in the vocabulary `v`"):
        both(unknown)[1]("odd")


def test_an_unknown_word_is_refused_by_name():
    with pytest.raises(ValueError, match="'odd' is not in the vocabulary `v`"):
        both()[0]("odd")
    with pytest.raises(ValueError, match="is not in the vocabulary"):
        both()[0]({"a": 1})


def test_a_kept_word_is_not_written_where_it_means_another():
    _, outward = both("keep")
    with pytest.raises(ValueError, match="another word's meaning"):
        outward("client")


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=2), st.text("abc", min_size=1, max_size=2), min_size=1),
    st.sampled_from(["keep", "refuse"]),
    st.text("abcd", min_size=1, max_size=2),
)
def test_what_is_written_comes_back(words: dict, unknown: str, value: str):
    inward, outward = both(unknown, words)
    try:
        written = outward(value)
    except ValueError:
        return
    assert inward(written) == value


LOOSE = """
vocabularies:
  origin:
    spelling: any
    unknown: keep
    words: {Web Form: web, website: web, E-Mail: email}
contacts:
  as: contact
  fields:
    source: {field: src, vocabulary: origin}
"""


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [("Web Form", "web"), ("web-form", "web"), ("WEBFORM", "web"), ("e mail", "email"), ("Pigeon Post", "Pigeon Post")],
)
def test_any_spelling_of_a_word_is_the_word(theirs: str, ours: str) -> None:
    stream = load(LOOSE, file="tool.yaml").streams["contacts"]
    (reading,) = translator(stream, shapes=SHAPES).read([{"src": theirs}])
    assert reading.values == {"source": ours}


def test_the_first_spelling_is_written() -> None:
    stream = load(LOOSE, file="tool.yaml").streams["contacts"]
    assert translator(stream, shapes=SHAPES).write({"source": "web"}).fields == {"src": "Web Form"}


def test_what_is_spelt_strangely_is_told() -> None:
    with pytest.raises(MappingError, match="`spelling` is exact or any"):
        load(LOOSE.replace("spelling: any", "spelling: loose"), file="tool.yaml")


COMMON = "vocabularies:\n  shared:\n    words: {Hot: hot, Warm: warm, Warmish: warm}\n"
USING = "contacts:\n  as: contact\n  fields:\n    lead_status: {field: state, vocabulary: shared}\n"


def test_a_mapping_may_name_a_common_vocabulary() -> None:
    mapping = load(USING, file="tool.yaml", common=COMMON)
    ready = translator(mapping.streams["contacts"], shapes=SHAPES, vocabularies=mapping.vocabularies)
    assert ready.read([{"state": "Hot"}])[0].values == {"lead_status": "hot"}
    assert check_text(USING, file="tool.yaml", shapes=SHAPES, common=COMMON) == []
    with pytest.raises(MappingError, match="no vocabulary `shared`"):
        load(USING, file="tool.yaml")


def test_a_mappings_own_vocabulary_goes_before_a_common_one() -> None:
    own = "vocabularies:\n  shared:\n    words: {Hot: cold}\n" + USING
    mapping = load(own, file="tool.yaml", common=COMMON)
    ready = translator(mapping.streams["contacts"], shapes=SHAPES, vocabularies=mapping.vocabularies)
    assert ready.read([{"state": "Hot"}])[0].values == {"lead_status": "cold"}


def test_mistakes_in_the_common_vocabularies_are_told() -> None:
    for text, words in (("contacts: {}", "no `vocabularies`"), ("vocabularies: {a: {}}", "has no words")):
        with pytest.raises(MappingError, match=words):
            load_vocabularies(text, file="vocabularies.yaml")


def test_where_leads_come_from_is_said_in_one_word() -> None:
    vocabulary = common_vocabularies()["capture_sources"]
    inward = vocabulary.pair().inward
    assert inward is not None
    spelt = {"Website": "web", "web form": "web", "Fb": "facebook", "WORD-OF-MOUTH": "referral", "Zeppelin": "Zeppelin"}
    assert {word: inward(word) for word in spelt} == spelt
    assert vocabulary.knows("web")
    assert not vocabulary.knows("Zeppelin")
