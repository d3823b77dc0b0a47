"""The laws of normal forms: they stay, they are plain JSON, and a column is its values one by one."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import phonenumbers
import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from core.model import contact_points
from core.model.types import TYPES, Locale, column, normaliser
from core.model.values import Json

Kind = tuple[str, str | None, bool]
"""A type with `of` and `many`."""
CHOICES = ("lead", "sales_qualified", "customer")
HERE = Locale()
GERMAN = Locale(region="DE", currency="EUR", day_first=True)
AMERICAN = Locale(region="US", currency="USD", day_first=False)

_spots = st.text("abcXYZ .-_@;:/ÄßİŐ\u0301\u200b\u00a0\r\n\t\x00\x1fé\ud800", max_size=12)
_digits = st.text("0123456789", min_size=1, max_size=12)
_emails = st.builds(
    "{}@{}.{}".format,
    st.text("abcXYZ019._+-!'é", min_size=1, max_size=10),
    st.text("abcXYZ09-.ü", min_size=1, max_size=10),
    st.sampled_from(("com", "CO.UK", "invalid", "arpa", "localhost", "test", "info", "x", "c0m", "münchen")),
)
_phones = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(("", "+", "00", "+44", "+44 (0)", "+39 0", "+1", "+49", "+54 9", "+52 1", "0", "tel:", "(")),
    _digits,
    st.sampled_from((" ", "-", ".", "/", ")", " ext ", " x", "")),
    _digits,
)
_links = st.builds(
    "{}{}{}".format,
    st.sampled_from(("", "http://", "HTTPS://", "ftp://", "javascript:", "javascript://", "mailto:", "//", "www.")),
    st.sampled_from(
        (
            "Example.com",
            "www.www.example.com",
            "münchen.de",
            "localhost:80",
            "1.2.3.4",
            "[::1]",
            "a@b.co",
            "x",
        )
    ),
    st.text("/?#aB:%&=\u0301é\"<' ", max_size=8),
)
_figures = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(("", "-", "+", "€", "$ ", "EUR ", "−")),
    _digits,
    st.sampled_from((".", ",", " ", "'", "", ".000.", ",000,", "e")),
    _digits,
    st.sampled_from(("", " €", "usd", "kr", " %", ".50")),
)
_times = st.one_of(
    st.datetimes().map(str),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.datetimes(timezones=st.just(timezone(timedelta(hours=14)))).map(datetime.isoformat),
    st.dates().map(str),
    st.builds(
        "{}{}{}{}{}".format,
        st.integers(0, 32),
        st.sampled_from("./- "),
        st.integers(0, 13),
        st.sampled_from("./- "),
        st.integers(0, 2100),
    ),
)
_plain = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.integers(10**11, 10**13), st.text(max_size=20),
    _spots, _emails, _phones, _links, _figures, _times,
    st.sampled_from((*CHOICES, "Sales Qualified", "yes", "OFF", "0", "1")),
)  # fmt: skip
_keys = st.sampled_from(("amount", "currency", "street", "city", "country", "in", "stream", "id", "x"))
_values = st.one_of(_plain, st.lists(_plain, max_size=3), st.dictionaries(_keys, _plain, max_size=3))
KINDS: list[Kind] = [
    *((type_name, None, False) for type_name in sorted(TYPES)),
    *(("tags", element, False) for element in ("email", "phone", "domain")),
    ("ref", None, True),
]
_locales = st.sampled_from((HERE, GERMAN, AMERICAN))


def _choices(type_name: str) -> tuple[str, ...]:
    return CHOICES if type_name == "choice" else ()


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(locale=_locales, value=_values)
def test_a_normal_form_stays_and_is_plain_json(kind: Kind, locale: Locale, value: Json) -> None:
    type_name, of, many = kind
    normal = normaliser(type_name, locale, _choices(type_name), of=of, many=many)
    try:
        once = normal(value)
    except ValueError:
        return
    assert normal(once) == once
    assert type(normal(once)) is type(once)
    assert json.loads(json.dumps(once, allow_nan=False)) == once
    json.dumps(once, ensure_ascii=False).encode()


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(locale=_locales, values=st.lists(_values, max_size=6))
def test_a_column_is_its_values_one_by_one(kind: Kind, locale: Locale, values: list[Json]) -> None:
    type_name, of, many = kind
    normal = normaliser(type_name, locale, _choices(type_name), of=of, many=many)
    found, problems = column(type_name, locale, _choices(type_name), of=of, many=many)(values)
    assert len(found) == len(values)
    for row, value in enumerate(values):
        try:
            expected, problem = normal(value), None
        except ValueError as error:
            expected, problem = None, str(error)
        assert (found[row], problems.get(row)) == (expected, problem)
        assert type(found[row]) is type(expected)


@pytest.mark.parametrize("type_name", sorted(TYPES))
def test_the_example_of_a_type_is_in_normal_form(type_name: str) -> None:
    example = TYPES[type_name].example
    assert normaliser(type_name)(example) == example


@pytest.mark.parametrize("type_name", sorted(TYPES))
@pytest.mark.parametrize("blank", [None, ""])
def test_blank_is_none_in_every_type(type_name: str, blank: Json) -> None:
    assert normaliser(type_name)(blank) is None


@pytest.mark.parametrize("type_name", sorted({*TYPES} - {"json", "ref", "address"}))
def test_text_of_spaces_is_blank(type_name: str) -> None:
    assert normaliser(type_name)(" \t ") is None


def test_a_problem_quotes_the_value_shortened() -> None:
    with pytest.raises(ValueError, match=r"^'12' is not an email address$"):
        normaliser("email")("12")
    with pytest.raises(ValueError, match=r"^'x{39}…' is not an email address$"):
        normaliser("email")("x" * 500)


@given(_emails)
def test_the_quick_way_for_emails_agrees_with_the_library(address: str) -> None:
    address = address.lower()
    if len(address) <= contact_points.PLAIN_LENGTH and contact_points.plain_email(address):
        assert validate_email(address, check_deliverability=False, test_environment=True).normalized == address


@given(st.from_regex(r"\A[a-z0-9_+.\-]{1,12}@[a-z0-9.\-]{1,12}\.[a-z]{1,9}\Z"))
def test_emails_are_what_the_library_takes(address: str) -> None:
    try:
        validate_email(address, check_deliverability=False)
        known = True
    except EmailNotValidError:
        known = address.endswith(".test")
    try:
        assert normaliser("email")(address) == address
    except ValueError:
        assert not known


@given(st.builds("+{}{}".format, st.sampled_from((1, 7, 20, 33, 39, 44, 49, 52, 54, 55, 61, 91, 353, 420)), _digits))
def test_the_quick_way_for_phones_agrees_with_the_library(text: str) -> None:
    try:
        number = phonenumbers.parse(text)
        if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
            raise ValueError
        expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    except (ValueError, phonenumbers.NumberParseException):
        expected = None
    try:
        found = normaliser("phone")(text)
    except ValueError:
        found = None
    assert found == expected


@given(st.dates(min_value=date(1969, 1, 1), max_value=date(2068, 12, 31)), st.sampled_from("-/. "))
def test_dates_are_read_in_the_locale_s_order(day: date, mark: str) -> None:
    first_day = day.strftime(f"%d{mark}%m{mark}")
    first_month = day.strftime(f"%m{mark}%d{mark}")
    assert normaliser("date", GERMAN)(first_day + day.strftime("%Y")) == day.isoformat()
    assert normaliser("date", GERMAN)(first_day + day.strftime("%y")) == day.isoformat()
    assert normaliser("date", AMERICAN)(first_month + day.strftime("%Y")) == day.isoformat()
    assert normaliser("date", AMERICAN)(first_month + day.strftime("%y")) == day.isoformat()


@given(st.decimals(min_value=-(10**12), max_value=10**12, places=2), st.sampled_from(("EUR", "GBP", "USD")))
def test_money_keeps_every_digit(amount: Decimal, currency: str) -> None:
    normal = normaliser("money", Locale(currency=currency))
    expected = {"amount": f"{amount:.2f}" if amount else "0.00", "currency": currency}
    english, german = f"{amount:,.2f}", f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))
    assert normal(amount) == normal(english) == normal(f"{german} {currency}") == expected
    assert normal({"amount": str(amount), "currency": currency.lower()}) == expected


@given(st.datetimes(timezones=st.timezones()), st.integers(10**11, 10**13 - 1))
def test_an_instant_is_the_same_moment(moment: datetime, milliseconds: int) -> None:
    try:
        expected = moment.astimezone(UTC)
    except OverflowError:
        return
    assert datetime.fromisoformat(normaliser("instant")(moment.isoformat())) == expected
    found = datetime.fromisoformat(normaliser("instant")(milliseconds))
    assert found == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
