"""An invented business, Bluebird Bakery Supplies: its customers, what they buy and what was talked about.

Made by rule from a few lists, so every demo shows the same. Here stands what is true; what each tool knows of it,
and gets wrong, is told in `hubspot`, `salesforce`, `sheets` and `cards`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from api.demo.lists import CITIES, COMPANIES, FIRST, LAST, MACHINES, OWNERS, SUPPLIES, TITLES

PEOPLE, DEALS, ACTIVITIES = 200, 120, 60


@dataclass(frozen=True, slots=True)
class Owner:
    """One of the business's own people."""

    name: str
    team: str
    active: bool

    @property
    def email(self) -> str:
        """The address under which each tool knows them."""
        return self.name.split()[0].lower() + "@bluebird.example"


@dataclass(frozen=True, slots=True)
class Company:
    """A customer."""

    number: int
    name: str

    @property
    def domain(self) -> str:
        """Of its site and its people's post."""
        return "".join(letter for letter in self.name.lower().replace("é", "e") if letter.isalnum()) + ".example"

    @property
    def city(self) -> str:
        """Where it is found."""
        return CITIES[self.number % len(CITIES)][0]

    @property
    def owner(self) -> Owner:
        """Who looks after it."""
        return owners()[self.number % 4]

    def phone(self, style: int = 0) -> str:
        """Its number, spelt in one of five ways."""
        return spelt(self.number, 900 + self.number, style)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the business knows. Home bakers have no company."""

    number: int
    first: str
    last: str
    title: str
    company: Company | None

    @property
    def email(self) -> str:
        """Where they get their post."""
        domain = self.company.domain if self.company else "post.example"
        return f"{self.first}.{self.last}@{domain}".lower()

    @property
    def owner(self) -> Owner:
        """Who looks after them."""
        return self.company.owner if self.company else owners()[self.number % 4]

    @property
    def stage(self) -> str:
        """How far they have come."""
        return ("customer", "lead", "customer", "opportunity", "customer")[self.number % 5]

    @property
    def mobile(self) -> str:
        """What they carry with them."""
        return f"07700 900{100 + self.number}"

    def phone(self, style: int = 0) -> str:
        """Their desk's number, spelt in one of five ways."""
        return spelt(self.company.number if self.company else self.number, 100 + self.number * 4, style)


@dataclass(frozen=True, slots=True)
class Deal:
    """Something that is being sold."""

    number: int
    lease: bool
    step: int
    """How far it has come, 0 to 4: two steps open, a third about to close, then won and lost."""
    buyer: Person
    product: str

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.product} for {self.buyer.company.name if self.buyer.company else self.buyer.last} #{self.number}"

    @property
    def amount(self) -> str:
        """Pounds and pence."""
        return f"{(4200 if self.lease else 150) + self.number * 85}.{self.number * 7 % 100:02d}"

    @property
    def close_date(self) -> str:
        """When it is decided."""
        return f"2027-{self.number % 12 + 1:02d}-{self.number % 27 + 1:02d}"


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that was done, or is to be done, with somebody."""

    number: int
    kind: str
    about: Person

    @property
    def subject(self) -> str:
        """What it is about."""
        words = {"task": "Send price list to", "call": "Call with", "meeting": "Tasting with", "email": "Offer to"}
        return f"{words.get(self.kind, 'Note on')} {self.about.first} {self.about.last} ({self.number})"

    @property
    def body(self) -> str:
        """What was said."""
        return f"{self.about.first} asked about {SUPPLIES[self.number % len(SUPPLIES)].split(',')[0].lower()}."

    @property
    def day(self) -> str:
        """When it is due, or happened."""
        return f"2026-{10 + self.number % 2}-{self.number % 27 + 1:02d}"

    @property
    def done(self) -> bool:
        """Whether it is over."""
        return self.number % 3 == 0


@cache
def owners() -> tuple[Owner, ...]:
    """The sales people; the last one has left."""
    return tuple(Owner(*one) for one in OWNERS)


@cache
def companies() -> tuple[Company, ...]:
    """All 60 customers."""
    return tuple(Company(number, name) for number, name in enumerate(COMPANIES))


@cache
def people() -> tuple[Person, ...]:
    """All 200 people."""
    return tuple(
        Person(
            number,
            FIRST[number * 7 % len(FIRST)],
            LAST[(number * 11 + number // len(LAST)) % len(LAST)],
            TITLES[number % len(TITLES)],
            None if number % 19 == 5 else companies()[(number * 7 + 3) % len(COMPANIES)],
        )
        for number in range(PEOPLE)
    )


@cache
def deals() -> tuple[Deal, ...]:
    """All 120 deals; every third one leases out a machine. Who buys has gone further than a lead."""
    buyers = [one for one in people() if one.stage != "lead"]
    return tuple(
        Deal(
            number,
            number % 3 == 0,
            number // 5 % 5,
            buyers[number * 13 % len(buyers)],
            MACHINES[number // 3 % len(MACHINES)] if number % 3 == 0 else SUPPLIES[number % len(SUPPLIES)],
        )
        for number in range(DEALS)
    )


@cache
def activities() -> tuple[Activity, ...]:
    """All 60 activities, of five kinds."""
    kinds = ("task", "call", "meeting", "note", "email", "task")
    buyers = [one for one in people()[:140] if one.stage != "lead"]
    return tuple(
        Activity(number, kinds[number % len(kinds)], buyers[number * 17 % len(buyers)]) for number in range(ACTIVITIES)
    )


_SPELLINGS = (
    "{code} {exchange} 0{line:03d}", "({code}) {exchange}-0{line:03d}", "+44 {short} {exchange} 0{line:03d}",
    "0044 (0){short} {exchange}0{line:03d}", "{code}{exchange}0{line:03d}",
)  # fmt: skip


def spelt(city: int, line: int, style: int) -> str:
    """A number in that city, as somebody typed it."""
    _, code, exchange = CITIES[city % len(CITIES)]
    return _SPELLINGS[style % len(_SPELLINGS)].format(code=code, short=code[1:], exchange=exchange, line=line % 1000)
