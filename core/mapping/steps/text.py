"""Steps on text: spaces, capitals, phone numbers, prefixes and words."""

from __future__ import annotations

import re

import phonenumbers

from core.mapping.steps.step import Arguments, Example, Pair, Parameter, Step, same, text_of, told
from core.model.types import Locale, normaliser
from core.model.values import Json


def _trim(_: Arguments, __: Locale) -> Pair:
    return Pair(lambda value: text_of(value).strip() or None, same)


def _lower(_: Arguments, __: Locale) -> Pair:
    def lower(value: Json) -> Json:
        return text_of(value).lower()

    return Pair(lower, lower)


def _upper(_: Arguments, __: Locale) -> Pair:
    def upper(value: Json) -> Json:
        return text_of(value).upper()

    return Pair(upper, upper)


def _title_case(_: Arguments, __: Locale) -> Pair:
    """Only words that are all capitals or all small are touched, so that `McDonald` stays as it is."""

    def title(word: re.Match[str]) -> str:
        plain = word.group()
        titled = plain.capitalize() if plain.isupper() or plain.islower() else plain
        # A few letters fall into two when made small, and would do so again.
        return titled if len(titled) == len(plain) else plain

    return Pair(lambda value: re.sub(r"[^\W\d_]+", title, text_of(value)), same)


_PHONE_FORMS = {
    "e164": phonenumbers.PhoneNumberFormat.E164,
    "international": phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    "national": phonenumbers.PhoneNumberFormat.NATIONAL,
}


def _phone(arguments: Arguments, locale: Locale) -> Pair:
    form = arguments["form"]
    if form not in _PHONE_FORMS:
        raise ValueError(f"`form` is one of {', '.join(_PHONE_FORMS)}, not {told(form)}")
    normal = normaliser("phone", locale)

    def outward(value: Json) -> Json:
        number = phonenumbers.parse(value, locale.region)
        # A number from abroad has no national form that could be read back here.
        if form == "national" and phonenumbers.region_code_for_number(number) != locale.region:
            return phonenumbers.format_number(number, _PHONE_FORMS["international"])
        return phonenumbers.format_number(number, _PHONE_FORMS[form])

    return Pair(normal, same if form == "e164" else outward)


def _prefix(arguments: Arguments, _: Locale) -> Pair:
    mark = arguments["text"]
    return Pair(lambda value: text_of(value).removeprefix(mark) or None, lambda value: mark + text_of(value))


def _suffix(arguments: Arguments, _: Locale) -> Pair:
    mark = arguments["text"]
    return Pair(lambda value: text_of(value).removesuffix(mark) or None, lambda value: text_of(value) + mark)


def _replace(arguments: Arguments, _: Locale) -> Pair:
    words: dict[str, str] = arguments["words"]
    if not all(words):
        raise ValueError("a blank word cannot be replaced")
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words))

    def inward(value: Json) -> Json:
        return pattern.sub(lambda found: words[found.group()], text_of(value))

    return Pair(inward, None)


def _first_word(_: Arguments, __: Locale) -> Pair:
    return Pair(lambda value: next(iter(text_of(value).split()), None), None)


def _rest_words(_: Arguments, __: Locale) -> Pair:
    return Pair(lambda value: " ".join(text_of(value).split()[1:]) or None, None)


def _last_word(_: Arguments, __: Locale) -> Pair:
    return Pair(lambda value: next(iter(text_of(value).split()[-1:]), None), None)


_MARK = (Parameter("text", "text", "The text that the tool writes and we do not."),)

STEPS = (
    Step(
        "trim",
        "Takes away the spaces around a text.",
        "text",
        "text",
        _trim,
        (Example("  Ann ", "Ann", back="Ann"),),
        loses="spaces at the ends",
    ),
    Step(
        "lower",
        "Small letters on both sides.",
        "text",
        "text",
        _lower,
        (Example("EN", "en", back="en"),),
        loses="capitals",
    ),
    Step(
        "upper",
        "Capitals on both sides.",
        "text",
        "text",
        _upper,
        (Example("gb", "GB", back="GB"),),
        loses="small letters",
    ),
    Step(
        "title_case",
        "A capital at the start of words that the tool writes all small or all in capitals; others stay.",
        "text",
        "text",
        _title_case,
        (
            Example("ann MCDONALD", "Ann Mcdonald", back="Ann Mcdonald"),
            Example("Ann McDonald", "Ann McDonald"),
        ),
        loses="words all small or all in capitals",
    ),
    Step(
        "phone",
        "A phone number in any spelling; written to the tool in one form.",
        "text",
        "text",
        _phone,
        (
            Example("020 7946 0958", "+442079460958", back="+442079460958"),
            Example("020 7946 0958", "+442079460958", {"form": "national"}),
        ),
        (Parameter("form", "text", "How the tool wants it: `e164`, `international` or `national`.", "e164"),),
    ),
    Step(
        "prefix",
        "The tool writes a fixed text before the value.",
        "text",
        "text",
        _prefix,
        (Example("tel:+442079460958", "+442079460958", {"text": "tel:"}),),
        _MARK,
    ),
    Step(
        "suffix",
        "The tool writes a fixed text after the value.",
        "text",
        "text",
        _suffix,
        (Example("12 months", "12", {"text": " months"}),),
        _MARK,
    ),
    Step(
        "replace",
        "Replaces whole words inside a text, on the way in only.",
        "text",
        "text",
        _replace,
        (Example("Example Ltd", "Example Limited", {"words": {"Ltd": "Limited"}}),),
        (Parameter("words", "words", "Word → what to write in its place; capitals count."),),
        ways="in",
    ),
    Step(
        "first_word",
        "The first word of a text, on the way in only.",
        "text",
        "text",
        _first_word,
        (Example("Ann Maria Example", "Ann"),),
        ways="in",
    ),
    Step(
        "rest_words",
        "All words but the first, on the way in only.",
        "text",
        "text",
        _rest_words,
        (Example("Ann Maria Example", "Maria Example"), Example("Ann", None)),
        ways="in",
    ),
    Step(
        "last_word",
        "The last word of a text, on the way in only.",
        "text",
        "text",
        _last_word,
        (Example("Ann Maria Example", "Example"),),
        ways="in",
    ),
)
