"""Normal forms of things that are counted or measured: numbers, money, dates, moments.

Only what can be read in one way is read. `1,234` may be one and a bit or over a thousand, so it is a problem;
a wrong guess would be an invented value. Amounts are decimals throughout and never pass through a float.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from core.model import instant as instants
from core.model.locale import Locale
from core.model.plain import LARGEST, Normal, not_a, quoted
from core.model.values import Json, is_blank

_CODES = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN
    BZD CAD CDF CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
    GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW
    KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN
    NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK
    SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS
    VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES = frozenset(_CODES.split())
"""ISO 4217, the codes that money is held in."""
_WITHOUT_MINOR = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF"
_MINOR = {
    **dict.fromkeys(_WITHOUT_MINOR.split(), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    "CLF": 4,
}
"""Digits of the minor unit, where they are not two."""
_SIGNS = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₺": "TRY", "₪": "ILS", "₩": "KRW", "₫": "VND", "₴": "UAH",
    "₦": "NGN", "฿": "THB", "zł": "PLN", "US$": "USD", "R$": "BRL", "A$": "AUD", "C$": "CAD", "NZ$": "NZD",
}  # fmt: skip
_SHARED_SIGNS = {
    "$": frozenset(("USD", "CAD", "AUD", "NZD", "SGD", "HKD", "MXN", "ARS", "CLP", "COP", "TWD")),
    "¥": frozenset(("JPY", "CNY")),
}

_PLAIN = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
_SPACES = re.compile(r"(?<=\d)[\s'’](?=\d{3}(?!\d))")
_GROUPS = r"[+-]?\d{1,3}(?:S\d{3})"
_COMMA_GROUPS = re.compile(_GROUPS.replace("S", ",") + r"+\.\d+|" + _GROUPS.replace("S", ",") + r"{2,}")
_DOT_GROUPS = re.compile(_GROUPS.replace("S", r"\.") + r"+,\d+|" + _GROUPS.replace("S", r"\.") + r"{2,}")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,(?:\d{1,2}|\d{4,})")
_MAYBE_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
_MONEY = re.compile(r"([+-]?)\s*([^\d\s+\-.,]*)\s*([+-]?[\d.,'’\s]*\d(?:[eE][+-]?\d{1,3})?)\s*([^\d\s+\-.,]*)")

_ISO_DATE = re.compile(r"(\d{4})([-/.]?)(\d{2})\2(\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?")
_SHORT_DATE = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4}|\d{2})")
_DAY_MONTH = re.compile(r"(\d{1,2})\.?[ \-]([a-z]{3,9})\.?,?[ \-](\d{4})", re.IGNORECASE)
_MONTH_DAY = re.compile(r"([a-z]{3,9})\.? (\d{1,2}),? (\d{4})", re.IGNORECASE)
_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_EPOCH_MS = range(10**11, 10**13)
"""Milliseconds from 1973 to 2286. Smaller numbers may be seconds or days, so they are not guessed at."""

# What is in normal form already passes by these.
_plain_amount = re.compile(r"(?!-0\.00)-?(?:0|[1-9]\d{0,17})\.\d\d", re.ASCII).fullmatch
_plain_instant = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII).fullmatch
_TWO_DIGITS = CURRENCIES - _MINOR.keys()


def number(value: Json) -> int | float | None:
    """A number; whole ones are `int`. In text a lone dot is the decimal point, as interfaces write it."""
    if value is None or (value.__class__ is int and -LARGEST <= value <= LARGEST):
        return value
    if isinstance(value, str) and not value.strip():
        return None
    found = _exact(value)
    if found is None or found.adjusted() > 300:
        raise not_a(value, "a number")
    if found == found.to_integral_value() and found.copy_abs() <= LARGEST:
        return int(found)
    if found == found.to_integral_value() and not isinstance(value, float):
        raise ValueError(f"{quoted(value)} is too large for a number")
    nearest = float(found)
    return int(nearest) if nearest.is_integer() and abs(nearest) <= LARGEST else nearest


def money(locale: Locale) -> Normal:
    """Amounts as `{"amount": "12.50", "currency": "EUR"}`; without a currency they are in the locale's."""

    def normal(value: Json) -> Json:
        if is_blank(value):
            return None
        if _is_plain_money(value):
            return value
        if isinstance(value, dict):
            amount, currency = _parts(value, locale)
        elif isinstance(value, str):
            if not value.strip():
                return None
            amount, currency = _written(value, locale)
        else:
            amount, currency = _exact(value), locale.currency
        if amount is None and isinstance(value, dict) and value.get("amount") in (None, ""):
            return None
        if amount is None or not -30 <= amount.adjusted() <= 30:
            raise not_a(value, "an amount of money")
        if currency not in CURRENCIES:
            raise not_a(currency, "a currency code (ISO 4217)")
        return {"amount": _spelled(amount, _MINOR.get(currency, 2)), "currency": currency}

    return normal


def calendar_date(locale: Locale) -> Normal:
    """Dates as `YYYY-MM-DD`, from ISO, from numbers in the locale's order, or with a month's English name.

    Two-digit years are 1969 to 2068. A time of day other than midnight is not a date.
    """
    read = _date_reader(locale.day_first)

    def normal(value: Json) -> str | None:
        if value is None:
            return None
        if isinstance(value, datetime):
            value = value.isoformat()
        if isinstance(value, date):
            return value.isoformat()
        if not isinstance(value, str):
            raise not_a(value, "a date")
        return read(value)

    return normal


def instant(value: Json) -> str | None:
    """A moment in UTC as `2026-11-21T09:00:00Z`, from ISO with an offset or whole milliseconds since 1970."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        if value.__class__ is str and _plain_instant(value):
            datetime.fromisoformat(value)
            return value
        return _moment(value)
    except (ValueError, OverflowError):
        pass
    lacks_zone = isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT?[\d:. ]*\Z", value.strip())
    reason = ": it has no time zone" if lacks_zone else ""
    raise not_a(value, f"a moment in time{reason}")


def _moment(value: Json) -> str:
    if isinstance(value, str):
        value = value.strip()
        if len(value) in (12, 13) and value.isascii() and value.isdigit():
            value = int(value)
        else:
            value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, int) and value in _EPOCH_MS:
        return instants.iso(value * instants.MILLISECOND)
    raise ValueError


def _is_plain_money(value: Json) -> bool:
    """Whether this is money in its normal form already, as what the store holds nearly always is."""
    if value.__class__ is not dict or len(value) != 2:
        return False
    amount = value.get("amount")
    return amount.__class__ is str and value.get("currency") in _TWO_DIGITS and bool(_plain_amount(amount))


def _decimal(words: str) -> Decimal | None:
    """Read a decimal that can be read in one way only; None for any other."""
    words = _SPACES.sub("", words.strip().replace("−", "-"))
    if not words.isascii() or len(words) > 330:
        return None
    if _COMMA_GROUPS.fullmatch(words):
        words = words.replace(",", "")
    elif _DOT_GROUPS.fullmatch(words):
        words = words.replace(".", "").replace(",", ".")
    elif _DECIMAL_COMMA.fullmatch(words) or (words.startswith(("0,", "-0,")) and words.count(",") == 1):
        words = words.replace(",", ".")
    return Decimal(words) if _PLAIN.fullmatch(words) else None


def _exact(value: Json) -> Decimal | None:
    """The decimal that a number shows; a float gives the digits it prints, not its binary fraction."""
    if isinstance(value, str):
        return _decimal(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        found = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _parts(value: dict[str, Json], locale: Locale) -> tuple[Decimal | None, str]:
    if unknown := [part for part in value if part not in ("amount", "currency")]:
        raise not_a(unknown[0], "a part of money (amount, currency)")
    currency = value.get("currency") or locale.currency
    return _exact(value.get("amount")), str(currency).strip().upper()


def _written(words: str, locale: Locale) -> tuple[Decimal | None, str]:
    found = _MONEY.fullmatch(words.strip().replace("−", "-"))
    if not found or (found[2] and found[4]) or (found[1] and found[3][0] in "+-"):
        return None, locale.currency
    amount, currency = found[1] + found[3], _currency(found[2] or found[4], locale)
    if _MAYBE_GROUP.fullmatch(amount) and _MINOR.get(currency, 2) != 3:
        raise ValueError(f"{quoted(words)} can be read in two ways: the dot may part thousands or decimals")
    return _decimal(amount), currency


def _currency(sign: str, locale: Locale) -> str:
    if not sign:
        return locale.currency
    if locale.currency in _SHARED_SIGNS.get(sign, ()):
        return locale.currency
    if sign in _SHARED_SIGNS:
        raise ValueError(f"{quoted(sign)} is the sign of several currencies; give the code (ISO 4217)")
    return _SIGNS.get(sign) or sign.upper()


def _spelled(amount: Decimal, minor: int) -> str:
    """Without exponent, with at least the currency's minor digits and no further trailing zeros."""
    whole, _, fraction = f"{amount.copy_abs():f}".partition(".")
    fraction = fraction.rstrip("0").ljust(minor, "0")
    sign = "-" if amount < 0 else ""
    return sign + (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")


@lru_cache(maxsize=2)
def _date_reader(day_first: bool) -> Callable[[str], str | None]:
    @lru_cache(maxsize=16_384)  # some forty years of days
    def read(words: str) -> str | None:
        if not words.strip():
            return None
        try:
            if found := _year_month_day(words.strip(), day_first=day_first):
                return date(*found).isoformat()
        except ValueError:
            pass
        raise not_a(words, "a date")

    return read


def _year_month_day(words: str, *, day_first: bool) -> tuple[int, int, int] | None:
    if iso := _ISO_DATE.fullmatch(words):
        return int(iso[1]), int(iso[3]), int(iso[4])
    if short := _SHORT_DATE.fullmatch(words):
        day, month = (short[1], short[3]) if day_first else (short[3], short[1])
        return _full_year(short[4]), int(month), int(day)
    if spoken := _DAY_MONTH.fullmatch(words):
        return int(spoken[3]), _month(spoken[2]), int(spoken[1])
    if spoken := _MONTH_DAY.fullmatch(words):
        return int(spoken[3]), _month(spoken[1]), int(spoken[2])
    return None


def _full_year(year: str) -> int:
    """Two digits are 1969 to 2068, as in POSIX: what a date means must not depend on the day it is read."""
    return int(year) if len(year) == 4 else int(year) + (2000 if int(year) < 69 else 1900)


def _month(word: str) -> int:
    """The number of a month by its English name or the first letters of it; 0 for no month."""
    found = [place for place, month in enumerate(_MONTHS, 1) if month.startswith(word.lower())]
    return found[0] if len(found) == 1 else 0
