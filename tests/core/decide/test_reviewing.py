"""Whose a review is, when it is due, which default is safe, and when a question settles itself."""

from __future__ import annotations

from typing import Any

import pytest

from core.decide.reviewing import (
    GONE,
    OTHERWISE,
    Duties,
    as_rule,
    certainly_newest,
    default,
    duration,
    pick,
    settled,
)
from core.decide.rules import Rule
from core.decide.settle import Said
from core.errors import ConfigError
from core.model.claim import Stamp
from core.model.instant import DAY, HOUR, MINUTE


def said(source: str, value: Any, at: int, since: int | None = None) -> Said:
    return Said(source, value, Stamp(at, at if since is None else since))


APART = [said("books", "Cook", 100), said("crm", "Baker", 200)]
TOO_CLOSE = [said("books", "Cook", 100, 50), said("crm", "Baker", 90, 60)]


def test_a_kind_of_work_has_its_own_owner_and_time_or_the_general_one() -> None:
    duties = Duties(owner="anna", owners={"brake": "carl"}, due={"ask": HOUR})
    assert (duties.owner_of("brake"), duties.owner_of("ask")) == ("carl", "anna")
    assert (duties.within("ask"), duties.within("brake"), duties.within("duplicate")) == (HOUR, 4 * HOUR, 7 * DAY)
    assert duties.within("something new") == OTHERWISE
    assert Duties().owner_of("ask") is None


def test_an_admin_may_hasten_a_default_or_forbid_it_but_not_invent_one() -> None:
    duties = Duties(expires={"ask": DAY, "duplicate": None, "brake": DAY})
    assert (duties.expiry("ask"), duties.expiry("duplicate"), duties.expiry("frozen")) == (DAY, None, 14 * DAY)
    assert duties.expiry("brake") is None
    assert duties.expiry("ambiguous") is None


def test_duties_are_kept_whole() -> None:
    duties = Duties("anna", "bert", {"brake": "carl"}, {"ask": HOUR}, {"ask": None})
    assert Duties.from_json(duties.to_json()) == duties


@pytest.mark.parametrize(("words", "time"), [("30min", 30 * MINUTE), ("4h", 4 * HOUR), (" 2 d ", 2 * DAY)])
def test_a_length_of_time(words: str, time: int) -> None:
    assert duration(words) == time


@pytest.mark.parametrize("words", ["", "4", "h", "4 weeks", "-2d", "0h", "1.5h"])
def test_what_is_no_length_of_time(words: str) -> None:
    with pytest.raises(ValueError, match="no length of time"):
        duration(words)


def test_picking_among_words() -> None:
    blank = said("forgetful", None, 50)
    words = [*APART, blank]
    assert pick(words, "newest") == APART[1]
    assert pick(words, "earliest") == APART[0], "who says nothing is not the earliest to say something"
    assert pick(words, "from", "books") == APART[0]
    assert pick(words, "from", "forgetful") == blank
    assert pick(words, "from", "nobody") is None
    assert pick([], "newest") is None


def test_what_is_certainly_newest() -> None:
    assert certainly_newest(APART) == APART[1]
    assert certainly_newest(TOO_CLOSE) is None
    assert certainly_newest([*APART, said("till", "Baker", 210, 190)]) is not None, "both that may be newest agree"
    assert certainly_newest([*APART, said("till", None, 300)]) is None, "the newest is a clearing"
    assert certainly_newest([]) is None


@pytest.mark.parametrize(
    ("what", "options", "word"),
    [
        ("ask", {"words": APART}, "newest"),
        ("ask", {"words": TOO_CLOSE}, None),
        ("ask", {"words": APART, "rule": "max"}, None),
        ("ask", {"words": TOO_CLOSE, "rule": "latest"}, None),
        ("ask", {"words": APART, "consent": True}, None),
        ("frozen", {}, "leave"),
        ("frozen", {"consent": True}, None),
        ("delete", {"connection_id": 3}, "leave"),
        ("duplicate", {"connection_id": 3}, "noted"),
        ("duplicate", {}, None),
        ("ambiguous", {}, None),
        ("brake", {"connection_id": 3}, None),
        ("connection", {"connection_id": 3}, None),
        ("schema", {"connection_id": 3}, None),
        ("something new", {}, None),
    ],
)
def test_only_what_is_safe_is_answered_by_default(what: str, options: dict[str, Any], word: str | None) -> None:
    given = {"connection_id": 0, "consent": False, "rule": "ask", "words": (), **options}
    assert default(what, **given) == word


@pytest.mark.parametrize(
    ("what", "options", "why"),
    [
        ("frozen", {"field": "phone", "said": {"phone"}}, "a person said it"),
        ("frozen", {"field": "phone", "said": {"email"}}, ""),
        ("frozen", {"field": "phone", "is_live": False}, GONE),
        ("delete", {"connection_id": 3, "held": 1}, "it is there again"),
        ("delete", {"connection_id": 3}, ""),
        ("delete", {"connection_id": 3, "is_live": False}, GONE),
        ("duplicate", {"connection_id": 3, "held": 2}, ""),
        ("duplicate", {"connection_id": 3, "held": 1}, "one of them is left"),
        ("duplicate", {}, ""),
        ("duplicate", {"is_live": False}, GONE),
        ("ambiguous", {}, ""),
        ("ambiguous", {"is_live": False}, GONE),
        ("brake", {"connection_id": 3, "is_live": False}, ""),
    ],
)
def test_what_settles_itself(what: str, options: dict[str, Any], why: str) -> None:
    given = {"connection_id": 0, "field": "", "is_live": True, "held": 0, "said": (), **options}
    assert settled(what, **given) == why


@pytest.mark.parametrize(
    ("what", "present", "word", "line"),
    [
        ("ask", Rule("ask"), "from", {"prefer": ["crm"]}),
        ("ask", Rule("latest"), "from", {"latest": {"prefer": ["crm"]}}),
        ("ask", Rule("latest", prefer=("books", "crm")), "from", {"latest": {"prefer": ["crm", "books"]}}),
        ("ask", Rule("max"), "from", {"prefer": ["crm"]}),
        ("frozen", Rule("latest"), "from", {"prefer": ["crm"]}),
        ("ask", Rule("ask"), "newest", "latest"),
        ("ask", Rule("ask"), "earliest", "fill"),
    ],
)
def test_an_answer_as_a_rule(what: str, present: Rule, word: str, line: Any) -> None:
    assert as_rule(what, present, word, "crm") == line


@pytest.mark.parametrize(
    ("what", "present", "word", "remedy"),
    [
        ("ask", Rule("latest"), "newest", "from:CONNECTION"),
        ("frozen", Rule("latest"), "newest", "from:CONNECTION"),
        ("ask", Rule("ask"), "value", "newest, earliest"),
        ("frozen", Rule("latest"), "leave", "newest, earliest"),
    ],
)
def test_an_answer_that_is_no_rule(what: str, present: Rule, word: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as refused:
        as_rule(what, present, word, "crm")
    assert remedy in refused.value.remedy
