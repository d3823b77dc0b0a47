"""Steps on flags: words for yes and no, and the flags in which tools keep consent."""

from __future__ import annotations

from core.mapping.steps.step import Arguments, Example, Pair, Parameter, Step, told
from core.model.types import Locale, normaliser
from core.model.values import Json


def _yes_no(arguments: Arguments, _: Locale) -> Pair:
    words = arguments["words"]
    if len(words) != 2 or str(words[0]).lower() == str(words[1]).lower():
        raise ValueError("two different words are needed: the one for yes, then the one for no")
    yes, no = words
    table = {str(yes).lower(): True, str(no).lower(): False}

    def inward(value: Json) -> Json:
        flag = table.get(str(value).strip().lower())
        if flag is None:
            raise ValueError(f"{told(value)} is neither {yes} nor {no}")
        return flag

    return Pair(inward, lambda value: yes if value else no)


def _not(_: Arguments, __: Locale) -> Pair:
    flag = normaliser("flag")
    return Pair(lambda value: not flag(value), lambda value: not value)


def _opt_out_flag(_: Arguments, __: Locale) -> Pair:
    flag = normaliser("flag")
    # A blank goes out as false: a flag has no third state, and a null would be found changed at every reading.
    return Pair(
        lambda value: "denied" if flag(value) else None,
        lambda status: status in ("denied", "suppressed"),
        blank_out=False,
    )


def _opt_in_flag(_: Arguments, __: Locale) -> Pair:
    flag = normaliser("flag")
    return Pair(lambda value: "granted" if flag(value) else None, lambda status: status == "granted", blank_out=False)


STEPS = (
    Step(
        "yes_no",
        "The tool has a word for yes and one for no; capitals do not count when reading.",
        "text",
        "flag",
        _yes_no,
        (
            Example("Yes", True, {"words": ["Yes", "No"]}),
            Example("no", False, {"words": ["Yes", "No"]}, back="No"),
        ),
        (Parameter("words", "texts", "The word for yes, then the word for no.", ("true", "false")),),
    ),
    Step(
        "not",
        "The tool says the opposite: its true is our false.",
        "flag",
        "flag",
        _not,
        (Example(True, False),),
    ),
    Step(
        "opt_out_flag",
        "The tool marks people who opted out. True is `denied`; false says nothing, and is never a grant.",
        "flag",
        "text",
        _opt_out_flag,
        (Example(True, "denied"), Example(False, None)),
        loses="which status it was, except that there was an opt-out",
        takes_blank=True,
    ),
    Step(
        "opt_in_flag",
        "The tool marks people who agreed. True is `granted`; false says nothing. Goes out only for a grant.",
        "flag",
        "text",
        _opt_in_flag,
        (Example(True, "granted"), Example(False, None)),
        loses="every status but granted",
        takes_blank=True,
    ),
)
