"""Normal forms of the ways to reach somebody: email addresses, phone numbers, web addresses, domains.

Emails and phones are checked by `email-validator` and `phonenumbers`, without asking the network. Both are
slow beside everything else an inbound page needs, so values that are plainly in normal form pass by a pattern
that accepts a part of what the library accepts, and what the library said is remembered, up to a bound.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

import idna
import phonenumbers
from email_validator import EmailNotValidError, validate_email

from core.model.plain import Normal, as_text, not_a, quoted
from core.model.values import Json

_REMEMBERED = 16_384
"""How many slow answers are kept, per function; some megabytes at most."""

# Single dots and hyphens between letters and digits, a dot last, and no reserved name at the end.
_HOST = r"(?:[a-z0-9]++[.\-])++(?<=\.)(?!(?:arpa|invalid|local|localhost|onion)\b)[a-z]{2,24}"
plain_email = re.compile(rf"[a-z0-9_+\-]++(?:\.[a-z0-9_+\-]++)*+@{_HOST}").fullmatch
"""Matches only addresses that the library gives back unchanged, when at most `PLAIN_LENGTH` long."""
_plain_host = re.compile(rf"(?!www\.){_HOST}").fullmatch
_plain_url = re.compile(rf"https?://{_HOST}(?:[/?#][a-zA-Z0-9/?#&=%+~_.,:;@!$*()\-]*)?").fullmatch
PLAIN_LENGTH = 64
"""Under this length no label and no part can be too long."""

_SCHEMES = ("http", "https", "ftp", "sftp")
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*)://([^/?#]*)(.*)", re.DOTALL)
_AUTHORITY = re.compile(r"((?:[^@]*@)?)(\[[0-9a-fA-F:.]+\]|[^@:\[\]]+)((?::\d{1,5})?)")
_NUMERIC_HOST = re.compile(r"[\d.]+")

_PHONE_LABEL = re.compile(r"(?:tel|phone|fax|mobile|mob|cell)\b[.:\s]*", re.IGNORECASE)
_EXTENSION = re.compile(r"(?:;?ext(?:ension|n)?\.?|[x#])[\s:.=]*\d{1,9}\Z", re.IGNORECASE)
_INTERNATIONAL = re.compile(r"\+[1-9]\d{6,14}")


def email(value: Json) -> str | None:
    """An email address in lower case, its domain in ASCII (IDNA); `mailto:` before it is left out.

    Addresses at `.test` pass: trial data uses that name on purpose. Other reserved names do not.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise not_a(value, "an email address")
    address = value.strip().lower().removeprefix("mailto:")
    if len(address) <= PLAIN_LENGTH and plain_email(address):
        return address
    return _checked_email(address) if address else None


def phone(region: str) -> Normal:
    """Phone numbers in E.164, e.g. `+442079460018`; numbers without a country code belong to `region`.

    The length must be right for the country. Whether a range is in use is not asked: the lists of ranges lag
    behind the world, and a number that people use should not be refused. An extension is a problem, because
    E.164 cannot carry it and without it another desk would ring.
    """
    return _phone_in(region)


def url(value: Json) -> str | None:
    """A web address with scheme and host in lower case; without a scheme it gets `https://`."""
    if value is None or (isinstance(value, str) and _plain_url(value)):
        return value
    words = unicodedata.normalize("NFC", as_text(value, "a web address").strip())
    if not words:
        return None
    found = _URL.fullmatch(words) or _URL.fullmatch("https://" + words)
    authority = found and _AUTHORITY.fullmatch(found[2])
    if not found or not authority or not _is_link(words):
        raise not_a(value, "a web address")
    scheme, host = found[1].lower(), authority[2].lower()
    if scheme not in _SCHEMES:
        raise ValueError(f"{quoted(value)} is not a web address: it begins with none of {', '.join(_SCHEMES)}")
    if "://" not in words and ("." not in host or authority[1]):
        raise not_a(value, "a web address")
    return f"{scheme}://{authority[1]}{host}{authority[3]}{found[3]}"


def domain(value: Json) -> str | None:
    """A domain in lower case and ASCII (IDNA) without `www.`, also taken out of web and email addresses."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise not_a(value, "a domain")
    words = value.strip().lower()
    if len(words) <= PLAIN_LENGTH and _plain_host(words):
        return words
    return _checked_domain(words) if words else None


@lru_cache(maxsize=_REMEMBERED)
def _checked_email(address: str) -> str:
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True)
        # Lower case can undo NFC for a few letters; the second look settles on a form that stays.
        found = validate_email(found.normalized.lower(), check_deliverability=False, test_environment=True)
    except (EmailNotValidError, UnicodeError):
        raise not_a(address, "an email address") from None
    if "." not in found.ascii_domain:
        raise not_a(address, "an email address")
    return f"{found.local_part}@{found.ascii_domain}"


@lru_cache(maxsize=64)
def _phone_in(region: str) -> Normal:
    @lru_cache(maxsize=_REMEMBERED)
    def remembered(value: str | float) -> str | None:
        words = unicodedata.normalize("NFKC", as_text(value, "a phone number")).strip()
        if not words:
            return None
        return words if _stands_as_it_is(words) else _parsed_phone(words, region)

    def normal(value: Json) -> str | None:
        if value.__class__ is str:
            return remembered(value)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise not_a(value, "a phone number")
        return remembered(value)

    return normal


def _stands_as_it_is(words: str) -> bool:
    """Whether the library would give back this very text: right length, no trunk prefix after the country."""
    if not _INTERNATIONAL.fullmatch(words):
        return False
    for digits in (1, 2, 3):
        code = int(words[1 : 1 + digits])
        if code in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            lengths, trunk = _numbering(code)
            national = words[1 + digits :]
            return len(national) in lengths and not (trunk and trunk.match(national))
    return False


@lru_cache(maxsize=512)
def _numbering(code: int) -> tuple[frozenset[int], re.Pattern[str] | None]:
    """Under a country code: possible lengths of national numbers, and how a trunk prefix begins."""
    region = phonenumbers.region_code_for_country_code(code)
    if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        return frozenset(), None
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region)
    if plan is None or plan.general_desc is None:
        return frozenset(), None
    prefix = plan.national_prefix_for_parsing
    return frozenset(plan.general_desc.possible_length), re.compile(prefix) if prefix else None


def _parsed_phone(words: str, region: str) -> str:
    bare = _PHONE_LABEL.sub("", words, count=1) if _PHONE_LABEL.match(words) else words
    if _EXTENSION.search(bare):
        raise ValueError(f"{quoted(words)} has an extension, which a phone number here cannot carry")
    wrong = not_a(words, "a phone number")
    # The library would dial letters ("home" is 4663) and read the first of two numbers: both are inventions.
    if any(sign.isalpha() for sign in bare):
        raise wrong
    try:
        number = phonenumbers.parse(bare, region)
    except phonenumbers.NumberParseException:
        raise wrong from None
    digits = "".join(str(unicodedata.digit(sign)) for sign in bare if sign.isdigit())
    if not digits.endswith(phonenumbers.national_significant_number(number)):
        raise wrong
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError(f"{quoted(words)} is not a phone number: its length is wrong")
    normal = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    # Zeros alone ("000000") lose one more of them each time they are read: no form of theirs would stay.
    if not _stands_as_it_is(normal) and _read_again(normal) != normal:
        raise wrong
    return normal


def _read_again(normal: str) -> str | None:
    try:
        return phonenumbers.format_number(phonenumbers.parse(normal), phonenumbers.PhoneNumberFormat.E164)
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=_REMEMBERED)
def _checked_domain(words: str) -> str:
    host = words.partition("://")[2] or words
    host = re.split(r"[/?#\\]", host, maxsplit=1)[0].rpartition("@")[2].partition(":")[0].rstrip(".")
    try:
        ascii_host = idna.encode(host, uts46=True).decode("ascii").lower() if host else ""
    except (idna.IDNAError, UnicodeError):
        ascii_host = ""
    while ascii_host.startswith("www.") and ascii_host.count(".") > 1:
        ascii_host = ascii_host.removeprefix("www.")
    if "." not in ascii_host or _NUMERIC_HOST.fullmatch(ascii_host):
        raise not_a(words, "a domain")
    return ascii_host


def _is_link(words: str) -> bool:
    """Whether the text can stand in a link: no spaces, quotes, brackets or control characters."""
    return not any(sign.isspace() or sign in "<>\"'`\\" or not sign.isprintable() for sign in words)
