"""What the office's address book knows: people whom somebody has on the phone, with mobile numbers and notes."""

from __future__ import annotations

from collections.abc import Sequence

from api.demo.facts import Person, people

KNOWN = (*range(50, 110), *range(180, 190))
"""The people in it, by number."""


def cards() -> dict[str, str]:
    """File name → card."""
    return {f"{uid(number)}.vcf": _card(people()[number]) for number in KNOWN}


def uid(number: int) -> str:
    """Of somebody's card, and the name of its file."""
    return f"office-{number:03d}"


def _card(one: Person) -> str:
    desk, mobile = f"TEL;TYPE=WORK,VOICE:{one.phone(one.number + 2)}", f"TEL;TYPE=CELL:{one.mobile}"
    phones: Sequence[str] = [desk, mobile] if one.number % 3 else [mobile]
    lines = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"UID:{uid(one.number)}",
        f"FN:{one.first} {one.last}",
        f"N:{one.last};{one.first};;;",
        f"EMAIL;TYPE=INTERNET:{one.email}",
        *phones,
        *([f"ORG:{one.company.name}"] if one.company else []),
        *([f"TITLE:Assistant {one.title}"] if one.number % 5 == 2 else []),
        *(["CATEGORIES:newsletter"] if one.number % 6 == 0 else []),
        *([f"NOTE:Met at the {one.company.city} food fair"] if one.company and one.number % 4 == 2 else []),
        # A line no other tool knows: it survives every edit.
        f"X-BLUEBIRD-SHELF:{one.number % 8 + 1}",
        "END:VCARD",
    ]
    return "\r\n".join(lines) + "\r\n"
