"""The palette: every example holds both ways, and every two-way step keeps the laws on generated values."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.mapping import STEPS
from core.mapping.steps import SAME, Pair, Step
from core.model.types import Locale
from core.model.values import is_blank

EXAMPLES = [(step.name, place) for step in STEPS.values() for place in range(len(step.examples))]
GB = Locale()

WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=12).map(str.strip).filter(bool)
# What a year of two digits can carry; the rest is refused, see below.
DATES = st.dates(date(1969, 1, 1), date(2068, 12, 31)).map(date.isoformat)
EARLIEST = datetime(1700, 1, 1)  # noqa: DTZ001 - hypothesis takes a naive one
INSTANTS = st.datetimes(EARLIEST).map(lambda moment: moment.isoformat() + "Z")
MONEY = st.builds(
    lambda units, digits, currency: {"amount": f"{units / 10**digits:.{digits}f}", "currency": currency},
    st.integers(-(10**9), 10**9),
    st.just(2),
    st.sampled_from(["EUR", "GBP", "JPY", "KWD"]),
)
NUMBERS = st.integers(-(10**12), 10**12) | st.decimals(-(10**6), 10**6, places=4).map(
    lambda number: int(number) if number == int(number) else float(number)
)
STATUSES = st.sampled_from(["denied", "suppressed", "pending", "granted"])
CANONICAL: dict[str, tuple[st.SearchStrategy[Any], list[dict[str, Any]]]] = {
    # step: (canonical values, arguments to try)
    "trim": (WORDS, [{}]),
    "lower": (WORDS, [{}]),
    "upper": (WORDS, [{}]),
    "title_case": (WORDS, [{}]),
    "phone": (
        st.sampled_from(["+442079460958", "+14155552671", "+4930123456", "+447700900123"]),
        [{}, {"form": "national"}, {"form": "international"}],
    ),
    "prefix": (WORDS, [{"text": "tel:"}, {"text": "a"}]),
    "suffix": (WORDS, [{"text": " months"}, {"text": "a"}]),
    "list": (st.lists(WORDS, min_size=1, unique=True), [{}, {"separator": ", "}]),
    "joined": (WORDS, [{"separator": ", "}]),
    "only": (WORDS, [{}]),
    "default": (WORDS, [{"value": "lead"}]),
    "yes_no": (st.booleans(), [{}, {"words": ["Ja", "Nein"]}]),
    "not": (st.booleans(), [{}]),
    "opt_out_flag": (STATUSES, [{}]),
    "opt_in_flag": (STATUSES, [{}]),
    "date": (DATES, [{"pattern": "%d-%m-%y"}, {"pattern": "%Y%m%d"}]),
    "day_first": (DATES, [{}, {"separator": "."}]),
    "month_first": (DATES, [{}]),
    "instant": (INSTANTS, [{"pattern": "%Y-%m-%d %H:%M:%S"}, {"pattern": "%Y-%m-%dT%H:%M:%S.%f%z"}]),
    "epoch_ms": (INSTANTS, [{}]),
    "epoch_s": (INSTANTS, [{}]),
    "midnight": (DATES, [{}]),
    "money": (MONEY, [{"currency": "EUR"}]),
    "plain_amount": (MONEY, [{}]),
    "minor_units": (MONEY, [{}, {"hundredths": ["JPY"], "whole": ["EUR"]}]),
    "scale": (NUMBERS, [{"by": 1000000}, {"by": 0.01}, {"by": 60}]),
    "text_number": (NUMBERS, [{}]),
    "number_text": (WORDS | NUMBERS.map(str), [{}]),
}


def inward(pair: Pair, value: Any):
    assert pair.inward is not None
    return pair.blank_in if is_blank(value) else pair.inward(value)


def outward(pair: Pair, value: Any):
    assert pair.outward is not None
    return pair.blank_out if is_blank(value) else pair.outward(value)


@pytest.mark.parametrize(("name", "place"), EXAMPLES)
def test_examples_hold_both_ways(name: str, place: int):
    step = STEPS[name]
    example = step.examples[place]
    pair = step.pair(example.arguments, GB)
    assert inward(pair, example.remote) == example.canonical
    if step.ways == "both":
        assert outward(pair, example.canonical) == (example.remote if example.back is SAME else example.back)
    if step.ways == "in":
        assert pair.outward is None


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_every_step_is_declared_whole(step: Step):
    assert step.doc.endswith(".")
    assert all(parameter.doc.endswith(".") for parameter in step.parameters)
    assert (
        any(not example.arguments for example in step.examples)
        or any(one.required for one in step.parameters)
        or (step.name in ("yes_no", "money", "joined"))
    )


def test_a_step_without_an_example_does_not_load():
    with pytest.raises(ValueError, match="needs an example"):
        Step("silent", "Does nothing.", "any", "any", lambda _, __: Pair(None, None), ())


def test_every_two_way_step_is_put_to_the_laws():
    assert set(CANONICAL) == {name for name, step in STEPS.items() if step.ways == "both"}


@pytest.mark.parametrize(
    ("name", "arguments"), [(name, arguments) for name, (_, tried) in CANONICAL.items() for arguments in tried]
)
@given(data=st.data())
def test_what_goes_out_comes_back(name: str, arguments: dict, data: st.DataObject):
    step = STEPS[name]
    pair = step.pair(arguments, GB)
    value = data.draw(CANONICAL[name][0])
    try:
        written = outward(pair, value)
    except ValueError:
        assume(False)
    back = inward(pair, written)
    if step.loses:
        assert inward(pair, outward(pair, back)) == back
    elif step.canonical == "map":
        assert float(back["amount"]) == float(value["amount"])
        assert back["currency"] == value["currency"]
    else:
        assert back == value


@pytest.mark.parametrize(
    ("name", "arguments", "value", "what"),
    [
        ("date", {"pattern": "%d-%m-%y"}, "21/11/26", "not written as"),
        ("date", {"pattern": "%d-%m-%y"}, ["x"], "not text"),
        ("day_first", {}, "11/21/2026", "not written as"),
        ("epoch_ms", {}, "soon", "not a count since 1970"),
        ("epoch_ms", {}, True, "not a count since 1970"),
        ("epoch_ms", {}, 10**20, "not a count since 1970"),
        ("midnight", {}, "noon", "not a date or moment"),
        ("yes_no", {"words": ["Yes", "No"]}, "maybe", "neither Yes nor No"),
        ("only", {}, ["a", "b"], "2 values"),
        ("pluck", {"key": "value"}, "a", "not a list"),
        ("money", {"currency": "EUR"}, "twelve", "not a number"),
        ("money", {"currency": "EUR"}, "1e9999", "not a number"),
        ("minor_units", {}, {"amount": 12}, "needs its currency"),
        ("scale", {"by": 10}, True, "not a number"),
        ("trim", {}, {"a": 1}, "not text"),
    ],
)
def test_a_wrong_value_gets_a_sentence(name: str, arguments: dict, value: Any, what: str):
    with pytest.raises(ValueError, match=what):
        inward(STEPS[name].pair(arguments, GB), value)


@pytest.mark.parametrize(
    ("name", "arguments", "value", "what"),
    [
        ("date", {"pattern": "%d-%m-%y"}, "1912-04-15", "read back the same"),
        ("list", {}, ["a;b"], "has the separator"),
        ("money", {"currency": "EUR"}, {"amount": "1.00", "currency": "GBP"}, "cannot be written to a field in EUR"),
        ("minor_units", {}, {"amount": "0.001", "currency": "EUR"}, "smaller than"),
        ("number_text", {}, "007", "read back the same"),
    ],
)
def test_what_the_tool_could_not_give_back_is_not_written(name: str, arguments: dict, value: Any, what: str):
    with pytest.raises(ValueError, match=what):
        outward(STEPS[name].pair(arguments, GB), value)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("scale", {"by": 0}),
        ("list", {"separator": ""}),
        ("money", {"currency": "euros"}),
        ("phone", {"form": "loud"}),
        ("date", {"pattern": "%d.%m."}),
        ("date", {"pattern": "%d/%Y %Y %m"}),
        ("instant", {"pattern": "%x %d"}),
        ("instant", {"pattern": "%Y-%m-%d", "zone": "Mars/Base"}),
        ("yes_no", {"words": ["a"]}),
        ("replace", {"words": {"": "x"}}),
    ],
)
def test_arguments_that_make_no_sense_are_refused(name: str, arguments: dict):
    with pytest.raises(ValueError, match=r"\w+"):
        STEPS[name].pair(arguments, GB)


def test_money_is_in_the_installations_currency_when_none_is_said():
    pair = STEPS["money"].pair({}, Locale(currency="CHF"))
    assert inward(pair, 3) == {"amount": "3", "currency": "CHF"}


def test_consent_flags_never_grant_by_their_absence():
    for name in ("opt_out_flag", "opt_in_flag"):
        pair = STEPS[name].pair({}, GB)
        assert inward(pair, False) is None
        assert inward(pair, None) is None
        assert outward(pair, None) is False
    out = STEPS["opt_out_flag"].pair({}, GB)
    assert [outward(out, status) for status in ("denied", "suppressed", "pending", "granted")] == [
        True,
        True,
        False,
        False,
    ]


def test_words_are_replaced_whole():
    pair = STEPS["replace"].pair({"words": {"Ltd": "Limited", "Co": "Company"}}, GB)
    assert inward(pair, "Coop Ltd & Co") == "Coop Limited & Company"
