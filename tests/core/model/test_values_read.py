"""What each type makes of values as they come: dirty but clear ones are read, unclear ones are problems."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.model.types import Locale, normaliser
from core.model.values import Json

GERMAN = Locale(region="DE", currency="EUR", day_first=True)
AMERICAN = Locale(region="US", currency="USD", day_first=False)
EUR = "EUR"


def _money(amount: str, currency: str) -> dict[str, str]:
    return {"amount": amount, "currency": currency}


READ = [
    ("text", "  one\r\ntwo\rthree\x00 ", "one\ntwo\nthree"),
    ("text", "e\u0301", "é"),
    ("text", "cut \ud83d", "cut \ufffd"),
    ("text", 42, "42"),
    ("text", 7.0, "7"),
    ("name", "  Ann   McShore\t", "Ann McShore"),
    ("name", "ann\u00a0o'SHEA\u200b\x07", "ann o'SHEA"),
    ("email", " Ann.Shore@Example.COM ", "ann.shore@example.com"),
    ("email", "mailto:ann@example.com", "ann@example.com"),
    ("email", "ann@münchen.de", "ann@xn--mnchen-3ya.de"),
    ("email", "ann@shop.test", "ann@shop.test"),
    ("phone", "020 7946 0018", "+442079460018"),
    ("phone", "(020) 7946-0018", "+442079460018"),
    ("phone", "+44 (0)20 7946 0018", "+442079460018"),
    ("phone", "0044 20.7946.0018", "+442079460018"),
    ("phone", "tel:+44-20-7946-0018", "+442079460018"),
    ("phone", "Tel. 020 7946 0018", "+442079460018"),
    ("phone", "\u202a+44 20 7946 0018\u202c", "+442079460018"),
    ("phone", "\uff0b44 20 7946 0018", "+442079460018"),
    ("phone", 442079460018, "+442079460018"),
    ("phone", "+39 06 1234 5678", "+390612345678"),
    ("url", "Example.com/Shop?A=1#Top", "https://example.com/Shop?A=1#Top"),
    ("url", "HTTP://WWW.Example.com", "http://www.example.com"),
    ("url", "https://shop:8443/x", "https://shop:8443/x"),
    ("url", "example.com:8080/x", "https://example.com:8080/x"),
    ("domain", "https://www.Example.com/shop?x=a@b", "example.com"),
    ("domain", "ann@Mail.Example.com", "mail.example.com"),
    ("domain", "www.example.com.", "example.com"),
    ("domain", "MÜNCHEN.de", "xn--mnchen-3ya.de"),
    ("domain", "www.com", "www.com"),
    ("date", "2026-11-21", "2026-11-21"),
    ("date", "20261121", "2026-11-21"),
    ("date", "2026/11/21", "2026-11-21"),
    ("date", "2026-11-21T00:00:00.000Z", "2026-11-21"),
    ("date", date(2026, 11, 21), "2026-11-21"),
    ("date", datetime(2026, 11, 21, tzinfo=UTC), "2026-11-21"),
    ("date", "03/04/2026", "2026-04-03"),
    ("date", "31-12-68", "2068-12-31"),
    ("date", "31-12-69", "1969-12-31"),
    ("date", "21 Nov 2026", "2026-11-21"),
    ("date", "November 21, 2026", "2026-11-21"),
    ("instant", "2026-11-21T10:00:00+01:00", "2026-11-21T09:00:00Z"),
    ("instant", "2026-11-21 09:00:00.250Z", "2026-11-21T09:00:00.250000Z"),
    ("instant", "2026-11-21T09:00:00.000+0000", "2026-11-21T09:00:00Z"),
    ("instant", 1795251600000, "2026-11-21T09:00:00Z"),
    ("instant", "1795251600000", "2026-11-21T09:00:00Z"),
    ("money", "12.5", _money("12.50", "GBP")),
    ("money", 12, _money("12.00", "GBP")),
    ("money", 0.1, _money("0.10", "GBP")),
    ("money", "1,234.5", _money("1234.50", "GBP")),
    ("money", "1.234,56 €", _money("1234.56", EUR)),
    ("money", "1 234 567,89 EUR", _money("1234567.89", EUR)),
    ("money", "CHF 1'234.50", _money("1234.50", "CHF")),
    ("money", "-£0.005", _money("-0.005", "GBP")),
    ("money", "£-3", _money("-3.00", "GBP")),
    ("money", "−3", _money("-3.00", "GBP")),
    ("money", "1500 JPY", _money("1500", "JPY")),
    ("money", "1.234 KWD", _money("1.234", "KWD")),
    ("money", {"amount": "12.345000", "currency": "eur"}, _money("12.345", EUR)),
    ("money", {"amount": Decimal("1E+3"), "currency": EUR}, _money("1000.00", EUR)),
    ("money", {"amount": "-0.00", "currency": EUR}, _money("0.00", EUR)),
    ("money", {"amount": "123456789012345678901234567.01"}, _money("123456789012345678901234567.01", "GBP")),
    ("money", {"amount": None, "currency": EUR}, None),
    ("number", "1,100.04", 1100.04),
    ("number", "1.100,04", 1100.04),
    ("number", "12,5", 12.5),
    ("number", "1,234,567", 1234567),
    ("number", "3.00", 3),
    ("number", "0.125", 0.125),
    ("number", "1e3", 1000),
    ("number", 3.0, 3),
    ("number", -0.0, 0),
    ("number", "1e-400", 0),
    ("flag", "Yes", True),
    ("flag", "off", False),
    ("flag", 1, True),
    ("flag", "0", False),
    ("tags", "vip; wine ;vip;; ", ["vip", "wine"]),
    ("tags", ["b", " a ", None, "b"], ["a", "b"]),
    ("tags", [" "], None),
    ("address", {"city": " Leeds ", "region": "", "country": "gb"}, {"city": "Leeds", "country": "GB"}),
    ("address", {"street": "Flat 2\r\n1 High Street"}, {"street": "Flat 2\n1 High Street"}),
    ("ref", 7, 7),
    ("ref", {"in": "crm", "stream": "contacts", "id": 12}, {"in": "crm", "stream": "contacts", "id": "12"}),
    ("json", {"a": [1, None]}, {"a": [1, None]}),
]  # fmt: skip

WRONG = [
    ("text", ["one"]),
    ("text", {"a": 1}),
    ("name", float("nan")),
    ("email", "ann"),
    ("email", "ann@localhost"),
    ("email", "ann@example.invalid"),
    ("email", "ann@example.com, bob@example.com"),
    ("email", 12),
    ("phone", "12"),
    ("phone", "none"),
    ("phone", "7946 0018"),
    ("phone", "020 7946 0018 ext 12"),
    ("phone", "020 7946 0018 x12"),
    ("phone", "020 7946 0018 (home)"),
    ("phone", "020 7946 0018 / 020 7946 0019"),
    ("phone", "+999 123 456 789"),
    ("phone", "02079460018020794600180207946001"),
    ("phone", True),
    ("url", "example"),
    ("url", "javascript:alert(1)"),
    ("url", "javascript://example.com/%0aalert(1)"),
    ("url", "https://exa mple.com"),
    ("url", "https://example.com/\"onload='x"),
    ("url", "mailto:ann@example.com"),
    ("domain", "example"),
    ("domain", "1.2.3.4"),
    ("domain", "exa mple.com"),
    ("date", "31/02/2026"),
    ("date", "11/21/2026"),
    ("date", "2026-13-01"),
    ("date", "2026-11-21T14:30:00Z"),
    ("date", "21 Foo 2026"),
    ("date", "1/2-2026"),
    ("date", 20261121),
    ("instant", "2026-11-21T09:00:00"),
    ("instant", "2026-11-21"),
    ("instant", "2026-02-30T09:00:00Z"),
    ("instant", "0001-01-01T00:00:00+14:00"),
    ("instant", 1795251600),
    ("instant", True),
    ("money", "1.234"),
    ("money", "1,234"),
    ("money", "¥ 500"),
    ("money", "$5"),
    ("money", "12 XYZ"),
    ("money", "€ 5 £"),
    ("money", "twelve"),
    ("money", "1e400"),
    ("money", {"amount": "5", "unit": "EUR"}),
    ("money", float("inf")),
    ("number", "1,234"),
    ("number", "12,34,567.0"),
    ("number", "1.2.3"),
    ("number", "٣"),
    ("number", True),
    ("number", 10**400),
    ("number", 2**63),
    ("number", float("nan")),
    ("flag", "maybe"),
    ("flag", 2),
    ("tags", [["a"]]),
    ("address", "1 High Street, Leeds"),
    ("address", {"planet": "Earth"}),
    ("ref", "12"),
    ("ref", 0),
    ("ref", True),
    ("ref", {"in": "crm", "id": "12"}),
    ("json", float("nan")),
    ("json", {"a": {1, 2}}),
    ("json", {"a": "\ud83d"}),
]


@pytest.mark.parametrize(("type_name", "value", "expected"), READ)
def test_a_clear_value_is_read(type_name: str, value: Json, expected: Json) -> None:
    found = normaliser(type_name)(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(("type_name", "value"), WRONG)
def test_a_wrong_value_is_a_problem_and_not_a_guess(type_name: str, value: Json) -> None:
    with pytest.raises(ValueError, match=r"^.{2,60} (is|has|can) .{5,90}[^.]$"):
        normaliser(type_name)(value)


def test_a_phone_without_country_belongs_to_the_locale() -> None:
    assert normaliser("phone", GERMAN)("030 123456") == "+4930123456"
    assert normaliser("phone", AMERICAN)("(212) 555-0123") == "+12125550123"
    assert normaliser("phone", GERMAN)("+44 20 7946 0018") == "+442079460018"


@pytest.mark.parametrize("zeros", ["000000", "0 00000", "00000000"])
def test_zeros_alone_are_no_phone(zeros: str) -> None:
    """Each reading would take one more of them for the prefix of a long-distance call."""
    with pytest.raises(ValueError, match="is not a phone number"):
        normaliser("phone", GERMAN)(zeros)


def test_a_shared_currency_sign_is_the_locale_s_own() -> None:
    assert normaliser("money", AMERICAN)("$1,234.50") == _money("1234.50", "USD")
    assert normaliser("money", Locale(currency="AUD"))("$5") == _money("5.00", "AUD")


def test_a_choice_is_found_however_its_words_are_parted() -> None:
    normal = normaliser("choice", choices=("lead", "sales_qualified"))
    assert [normal(word) for word in ("Lead", "Sales Qualified", "sales-qualified")] == [
        "lead",
        "sales_qualified",
        "sales_qualified",
    ]
    with pytest.raises(ValueError, match="'gold' is not one of lead, sales_qualified"):
        normal("gold")


def test_sets_hold_the_elements_of_their_type() -> None:
    assert normaliser("tags", of="email")("B@x.com, a@x.com;b@x.com") == ["a@x.com", "b@x.com"]
    assert normaliser("tags", of="phone")(["020 7946 0018", "+442079460018"]) == ["+442079460018"]
    with pytest.raises(ValueError, match="'nobody' is not an email address"):
        normaliser("tags", of="email")(["a@x.com", "nobody"])


def test_several_references_are_kept_once_in_one_order() -> None:
    place = {"in": "crm", "stream": "contacts", "id": "12"}
    assert normaliser("ref", many=True)([place, 9, 10, 9, dict(place)]) == [10, 9, place]


def test_an_unknown_type_is_a_mistake_in_the_code() -> None:
    with pytest.raises(KeyError):
        normaliser("colour")
