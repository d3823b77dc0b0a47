"""Steps between lists and single values, and what stands in for a blank."""

from __future__ import annotations

from core.mapping.steps.step import Arguments, Example, Pair, Parameter, Step, same, text_of, told
from core.model.types import Locale
from core.model.values import Json


def _list(arguments: Arguments, _: Locale) -> Pair:
    sign = arguments["separator"]
    if not sign:
        raise ValueError("the separator is blank")

    def inward(value: Json) -> Json:
        if isinstance(value, list):
            return value
        return [part.strip() for part in text_of(value).split(sign) if part.strip()] or None

    def outward(value: Json) -> Json:
        words = [text_of(word) for word in value]
        for word in words:
            if sign in word:
                raise ValueError(f"{told(word)} has the separator {sign!r} in it")
        return sign.join(words)

    return Pair(inward, outward)


def _joined(arguments: Arguments, locale: Locale) -> Pair:
    there = _list(arguments, locale)
    return Pair(there.outward, there.inward)


def _first(_: Arguments, __: Locale) -> Pair:
    def inward(value: Json) -> Json:
        return value[0] if isinstance(value, list) else value

    return Pair(inward, None)


def _only(_: Arguments, __: Locale) -> Pair:
    def inward(value: Json) -> Json:
        if not isinstance(value, list):
            return value
        if len(value) > 1:
            raise ValueError(f"there are {len(value)} values where one is expected")
        return value[0]

    return Pair(inward, lambda value: [value])


def _pluck(arguments: Arguments, _: Locale) -> Pair:
    key = arguments["key"]

    def inward(value: Json) -> Json:
        if not isinstance(value, list):
            raise ValueError(f"{told(value)} is not a list")  # noqa: TRY004 - a step's problem is a `ValueError`
        return [item[key] for item in value if isinstance(item, dict) and item.get(key) is not None] or None

    return Pair(inward, None)


def _default(arguments: Arguments, _: Locale) -> Pair:
    return Pair(same, same, blank_in=arguments["value"])


def _constant(arguments: Arguments, _: Locale) -> Pair:
    value = arguments["value"]
    return Pair(lambda _: value, lambda _: value, blank_in=value, blank_out=value)


_SEPARATOR = (Parameter("separator", "text", "The text between two values.", ";"),)
_VALUE = (Parameter("value", "value", "The value."),)

STEPS = (
    Step(
        "list",
        "The tool keeps several values in one text, with a separator between them.",
        "text",
        "list",
        _list,
        (
            Example("gold; late payer", ["gold", "late payer"], back="gold;late payer"),
            Example("a;b", ["a", "b"]),
        ),
        _SEPARATOR,
    ),
    Step(
        "joined",
        "The tool keeps a list; here it is one text with a separator.",
        "list",
        "text",
        _joined,
        (Example(["High Street 1", "Flat 2"], "High Street 1, Flat 2", {"separator": ", "}),),
        _SEPARATOR,
        loses="blank parts, and spaces beside a separator",
    ),
    Step(
        "first",
        "The first of several values, on the way in only: writing one back would drop the others.",
        "list",
        "any",
        _first,
        (Example(["a", "b"], "a"),),
        ways="in",
    ),
    Step(
        "only",
        "A list that holds one value at most; several are a problem, and nothing is dropped.",
        "list",
        "any",
        _only,
        (Example(["a"], "a"),),
    ),
    Step(
        "pluck",
        "One key of every map in a list, on the way in only.",
        "list",
        "list",
        _pluck,
        (Example([{"value": "a@example.org", "type": "work"}], ["a@example.org"], {"key": "value"}),),
        (Parameter("key", "text", "The key to take."),),
        ways="in",
    ),
    Step(
        "default",
        "Stands in for a blank value, on the way in.",
        "any",
        "any",
        _default,
        (
            Example(None, "lead", {"value": "lead"}, back="lead"),
            Example("customer", "customer", {"value": "lead"}),
        ),
        _VALUE,
        takes_blank=True,
    ),
    Step(
        "constant",
        "Always the same value, whatever the other side holds.",
        "any",
        "any",
        _constant,
        (Example("anything", "contact", {"value": "contact"}, back="contact"),),
        _VALUE,
        ways="one",
        takes_blank=True,
    ),
)
