"""The invented people with whom a tool's stand-in is tried: what is true of each, whatever a tool makes of it.

Nobody here exists. Addresses end in `.example`; the numbers are of a range that is kept free for stories.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Company:
    """Whom they work for."""

    name: str
    domain: str
    city: str


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody a business knows."""

    number: int
    first: str
    last: str
    title: str
    company: Company

    @property
    def email(self) -> str:
        """Where they get their post."""
        return f"{self.first}.{self.last}@{self.company.domain}".lower()

    @property
    def phone(self) -> str:
        """Their number, as it is written at home."""
        return f"0113 496 {100 + self.number:04d}"

    @property
    def phone_abroad(self) -> str:
        """The same as it is dialled from anywhere."""
        return f"+44113496{100 + self.number:04d}"


COMPANIES = (
    Company("Larch & Loom", "larchloom.example", "Leeds"),
    Company("Pebble Press", "pebblepress.example", "Bristol"),
    Company("Tidewater Tiles", "tidewater.example", "Liverpool"),
)
_NAMES = (
    ("Asha", "Brennan", "Buyer"), ("Emil", "Castor", "Owner"), ("Hedda", "Quist", "Bookkeeper"),
    ("Ivo", "Marchetti", "Workshop Manager"), ("Juno", "Farrow", "Head of Sales"), ("Kai", "Lindgren", "Designer"),
    ("Lotte", "Sorrel", "Buyer"), ("Milo", "Tarrant", "Owner"), ("Nell", "Ashby", "Head of Sales"),
    ("Otto", "Vance", "Designer"), ("Petra", "Wick", "Bookkeeper"), ("Quinn", "Yarwood", "Buyer"),
)  # fmt: skip
PEOPLE = tuple(
    Person(at, first, last, title, COMPANIES[at % len(COMPANIES)]) for at, (first, last, title) in enumerate(_NAMES)
)
HERE = PEOPLE[:8]
"""Whom the tool knows that is tried."""
ELSEWHERE = PEOPLE[4:]
"""Whom the rest of the business knows: half of those, and some the tool has not heard of."""
