"""Steps on numbers and money. Everything is counted in decimals, so that no cent is lost on the way."""

from __future__ import annotations

from decimal import Context, Decimal, InvalidOperation

from core.mapping.steps.step import Arguments, Example, Pair, Parameter, Step, surviving, text_of, told
from core.model.types import Locale
from core.model.values import Json

_ROUNDED = Context(prec=14)
_MINOR_DIGITS = {
    code: digits
    for digits, codes in (
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (4, "CLF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
    )
    for code in codes.split()
}
"""ISO 4217 currencies whose minor unit is not a hundredth."""
_COUNTED = (("whole", 0), ("hundredths", 2))
"""Words for currencies that a tool counts otherwise → digits of the unit it counts."""


def _money(arguments: Arguments, locale: Locale) -> Pair:
    currency = str(arguments["currency"] or locale.currency)
    if len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        raise ValueError(f"{told(currency)} is not a currency; one looks like EUR")
    currency = currency.upper()

    def outward(value: Json) -> Json:
        if value["currency"] != currency:
            raise ValueError(f"{value['amount']} {value['currency']} cannot be written to a field in {currency}")
        return _plain(_decimal(value["amount"]))

    return Pair(lambda value: {"amount": _spelled(_decimal(value)), "currency": currency}, outward)


def _plain_amount(_: Arguments, __: Locale) -> Pair:
    def inward(value: Json) -> Json:
        return {**value, "amount": _spelled(_decimal(value["amount"]))} if "amount" in value else None

    return Pair(inward, lambda value: {**value, "amount": _plain(_decimal(value["amount"]))})


def _minor_units(arguments: Arguments, _: Locale) -> Pair:
    own = {str(code).upper(): digits for name, digits in _COUNTED for code in arguments[name]}
    digits_of = {**_MINOR_DIGITS, **own}

    def inward(value: Json) -> Json:
        if "amount" not in value:
            return None
        currency = text_of(value.get("currency", "")).upper()
        if not currency:
            raise ValueError("an amount in minor units needs its currency")
        digits = digits_of.get(currency, 2)
        return {"amount": _spelled(_decimal(value["amount"]).scaleb(-digits)), "currency": currency}

    def outward(value: Json) -> Json:
        whole = _decimal(value["amount"]).scaleb(digits_of.get(value["currency"], 2))
        if whole != whole.to_integral_value():
            raise ValueError(f"{value['amount']} {value['currency']} has parts smaller than the currency's unit")
        return {"amount": int(whole), "currency": value["currency"].lower()}

    return Pair(inward, outward)


def _scale(arguments: Arguments, _: Locale) -> Pair:
    by = _decimal(arguments["by"])
    if not by:
        raise ValueError("a scale of 0 makes no sense")

    def inward(value: Json) -> Json:
        return _plain(_decimal(value) / by)

    def outward(value: Json) -> Json:
        exact = _decimal(value) * by
        # A third kept as 0.333… becomes 1 again, not 0.999…
        rounded = exact.normalize(_ROUNDED)
        return _plain(rounded if inward(rounded) == value else exact)

    return Pair(inward, outward)


def _text_number(_: Arguments, __: Locale) -> Pair:
    return Pair(lambda value: _plain(_decimal(value)), lambda value: _spelled(_decimal(value)))


def _number_text(_: Arguments, __: Locale) -> Pair:
    return Pair(text_of, surviving(lambda value: _plain(_decimal(value)), text_of))


def _decimal(value: Json) -> Decimal:
    """A number from a number or its text; raises `ValueError` for anything else."""
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation as error:
        raise ValueError(f"{told(value)} is not a number") from error
    if isinstance(value, bool) or not number.is_finite() or abs(number.adjusted()) > 30:
        raise ValueError(f"{told(value)} is not a number")
    return number


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _spelled(number: Decimal) -> str:
    return format(number, "f")


STEPS = (
    Step(
        "money",
        "The tool keeps a plain number; the currency is always the same. Another currency is a problem.",
        "number",
        "map",
        _money,
        (Example(12.5, {"amount": "12.5", "currency": "EUR"}, {"currency": "EUR"}),),
        (Parameter("currency", "text", "ISO 4217, e.g. EUR; the installation's currency when left out.", ""),),
    ),
    Step(
        "plain_amount",
        "Money in two fields (`field: {amount: …, currency: …}`) whose amount the tool keeps as a number, not as text.",
        "map",
        "map",
        _plain_amount,
        (Example({"amount": 12.5, "currency": "EUR"}, {"amount": "12.5", "currency": "EUR"}),),
    ),
    Step(
        "minor_units",
        "Money in two fields whose amount counts cents (or the currency's smallest unit) and whose currency is small.",
        "map",
        "map",
        _minor_units,
        (
            Example({"amount": 1250, "currency": "eur"}, {"amount": "12.50", "currency": "EUR"}),
            Example({"amount": 1250, "currency": "jpy"}, {"amount": "1250", "currency": "JPY"}),
            Example(
                {"amount": 125000, "currency": "isk"}, {"amount": "1250.00", "currency": "ISK"}, {"hundredths": ["ISK"]}
            ),
        ),
        (
            Parameter(
                "hundredths", "texts", "Currencies that the tool counts in hundredths, whatever ISO 4217 says.", ()
            ),
            Parameter("whole", "texts", "Currencies that it counts whole.", ()),
        ),
    ),
    Step(
        "scale",
        "The tool keeps a number this many times as large.",
        "number",
        "number",
        _scale,
        (Example(1250000, 1.25, {"by": 1000000}),),
        (Parameter("by", "number", "How many times as large the tool's number is."),),
    ),
    Step(
        "text_number",
        "The tool writes the number as text.",
        "text",
        "number",
        _text_number,
        (Example("12.5", 12.5),),
    ),
    Step(
        "number_text",
        "The tool keeps a number; here it is text, such as a customer number.",
        "number",
        "text",
        _number_text,
        (Example(10023, "10023"),),
    ),
)
