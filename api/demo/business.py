"""An invented business: Bluebird Bakery Supplies, its customers in a spreadsheet and in two address books.

Made by rule from a few lists, so every demo shows the same people. Nobody here exists: numbers are from the ranges
that are kept free for stories (020 7946 0xxx, 07700 900xxx), addresses end in `.example`. The three tools know
overlapping people and disagree in the ways real ones do: other spellings of numbers, older job titles, a misspelt
company, people that only one of them knows.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CUSTOMERS, OFFICE, MOBILE = "customers", "office-book", "mobile-book"
"""The three connections: the spreadsheet, and the address books of the office and of the person on the road."""

_OWNERS = (("Hana Okafor", "Sales"), ("Piotr Lindqvist", "Sales"), ("Leila Marsh", "Accounts"), ("Tom Abara", "Sales"))
_COMPANIES = (
    ("Oak & Rye", "oakandrye", "Leeds"),
    ("Marlow Street Bakery", "marlowstreet", "York"),
    ("Crumb Theory", "crumbtheory", "Bristol"),
    ("Sunny Side Café", "sunnyside", "Bath"),
    ("The Proving Drawer", "provingdrawer", "Derby"),
    ("Harbour Buns", "harbourbuns", "Whitby"),
    ("Flourish & Co", "flourish", "Oxford"),
    ("Twelve Loaves", "twelveloaves", "Exeter"),
    ("Northgate Hotel", "northgatehotel", "Durham"),
    ("Little Oven", "littleoven", "Hove"),
    ("Granary Lane", "granarylane", "Norwich"),
    ("Honey & Malt", "honeymalt", "Lincoln"),
    ("Kettle Row", "kettlerow", "Chester"),
    ("Dune Bistro", "dunebistro", "Margate"),
    ("Morning Batch", "morningbatch", "Truro"),
    ("Saffron Hill Deli", "saffronhill", "Ely"),
)
_FIRST = (
    "Maya", "Jonas", "Priya", "Callum", "Ingrid", "Theo", "Amara", "Felix", "Noor", "Elsie", "Mateo", "Greta", "Idris",
    "Flora", "Kofi", "Sanne", "Rhys", "Zofia", "Dario", "Mabel", "Anouk", "Ewan", "Tamsin", "Luca", "Saoirse", "Omar",
    "Freya", "Bram", "Yara", "Hugo",
)  # fmt: skip
_LAST = (
    "Hartley", "Bergstrom", "Nair", "Whitcombe", "Solberg", "Quayle", "Adeyemi", "Voss", "Rahimi", "Thackeray",
    "Castellan", "Lund", "Farouk", "Pemberton", "Boateng", "Dijkstra", "Penhale", "Nowicka", "Ferrante", "Ashdown",
    "Delacroix", "Munro", "Trelawny", "Bianchi", "Kinsella", "Haddad", "Nyberg", "Vermeer", "Salib", "Wexford",
)  # fmt: skip
_TITLES = ("Head Baker", "Owner", "Purchasing", "Kitchen Manager", "Pastry Chef", "Bookkeeper")
_STAGES = ("customer", "lead", "opportunity", "customer")
_PRODUCTS = ("Rye flour, 25 kg", "Stone oven lease", "Sourdough starter kit", "Proofing baskets", "Vanilla, 5 l")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody the business knows, as they really are; each tool then knows them in its own way."""

    number: int
    first: str
    last: str
    company: int
    title: str
    line: int
    """The last digits of their telephone."""

    @property
    def email(self) -> str:
        """Where they get their post."""
        return f"{self.first}.{self.last}@{_COMPANIES[self.company][1]}.example".lower()


def people() -> list[Person]:
    """Everybody, the same each time: 76 people."""
    return [
        Person(
            number,
            _FIRST[number * 7 % len(_FIRST)],
            _LAST[(number * 11 + number // len(_LAST)) % len(_LAST)],
            number * 5 % len(_COMPANIES),
            _TITLES[number % len(_TITLES)],
            100 + number * 11,
        )
        for number in range(76)
    ]


# Who knows whom: overlapping ranges of people.
_IN_SHEET = range(60)
_IN_OFFICE = (*range(20, 52), *range(60, 70))
_IN_MOBILE = (*range(38, 58), *range(64, 76))


def somebody_everywhere() -> Person:
    """Somebody whom all three tools know."""
    return people()[min(set(_IN_SHEET) & set(_IN_OFFICE) & set(_IN_MOBILE))]


_PHONES = ("020 7946 0{line}", "(020) 7946-0{line}", "+44 20 7946 0{line}", "0044 (0)20 79460{line}", "02079460{line}")


def _phone(line: int, style: int) -> str:
    return _PHONES[style % len(_PHONES)].format(line=f"{line:03d}")


_CONTACT_HEADS = (
    "Customer ID", "First Name", "Last Name", "Email", "Phone", "Job Title", "Company", "Owner", "Stage",
    "Email Consent", "Tags", "Notes",
)  # fmt: skip
_DEAL_HEADS = (
    "Deal ID", "Deal Name", "Company", "Contacts", "Owner", "Stage", "Amount", "Currency", "Close Date",
)  # fmt: skip


def sheets() -> dict[str, str]:
    """File name → text of the spreadsheets."""
    return {
        "owners.csv": _sheet(("Email", "Name", "Team", "Active"), _owner_rows()),
        "companies.csv": _sheet(("Name", "Domain", "Phone", "City", "Country", "Owner"), _company_rows()),
        "contacts.csv": _sheet(_CONTACT_HEADS, _contact_rows()),
        "deals.csv": _sheet(_DEAL_HEADS, _deal_rows()),
    }


def _sheet(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([heads, *rows])
    return out.getvalue()


def _owner_email(place: int) -> str:
    return _OWNERS[place % len(_OWNERS)][0].split()[0].lower() + "@bluebird.example"


def _owner_rows() -> Iterable[Sequence[str]]:
    for place, (name, team) in enumerate(_OWNERS):
        yield _owner_email(place), name, team, "no" if name.startswith("Tom") else "yes"


def _company_rows() -> Iterable[Sequence[str]]:
    for place, (name, domain, city) in enumerate(_COMPANIES):
        yield name, f"{domain}.example", _phone(900 + place, place), city, "GB", _owner_email(place % 3)


def _contact_rows() -> Iterable[Sequence[str]]:
    for one in (person for person in people() if person.number in _IN_SHEET):
        number = one.number
        company = _COMPANIES[one.company][0]
        yield (
            f"C-{1001 + number}",
            f" {one.first} " if number % 13 == 0 else one.first,
            one.last,
            one.email.title() if number % 7 == 0 else one.email,
            "" if number % 9 == 4 else _phone(one.line, number),
            one.title if number % 4 else "",
            "Oak & Ryee" if company == "Oak & Rye" and number % 3 == 0 else company,
            _owner_email(number % 3),
            _STAGES[number % len(_STAGES)],
            ("granted", "", "denied", "")[number % 4],
            ("wholesale", "", "café;weekly", "")[number % 4],
            "Pays by invoice" if number % 10 == 3 else "",
        )


def _deal_rows() -> Iterable[Sequence[str]]:
    known = [person for person in people() if person.number in _IN_SHEET]
    for place in range(24):
        one = known[place * 2]
        product = _PRODUCTS[place % len(_PRODUCTS)]
        yield (
            f"D-{501 + place}",
            f"{product} for {_COMPANIES[one.company][0]}",
            _COMPANIES[one.company][0],
            f"C-{1001 + one.number}",
            _owner_email(place % 3),
            ("quoted", "sample sent", "won", "lost")[place % 4],
            f"{150 + place * 85}.{place * 7 % 100:02d}",
            "GBP",
            f"{place % 27 + 1:02d}/{place % 12 + 1:02d}/2027",
        )


def office_cards() -> dict[str, str]:
    """File name → card: the office's address book, with newer numbers and shouted organisations here and there."""
    cards = {}
    for one in people():
        if one.number in _IN_OFFICE:
            cards[f"office-{one.number:03d}.vcf"] = _card(
                f"office-{one.number:03d}",
                one,
                phones=[f"TEL;TYPE=WORK,VOICE:{_phone(one.line, one.number + 2)}"],
                title=one.title if one.number % 5 else f"Assistant {one.title}",
                more=["CATEGORIES:newsletter"] if one.number % 6 == 0 else [],
            )
    return cards


def mobile_cards() -> dict[str, str]:
    """File name → card: the address book of the person on the road, with mobile numbers and notes."""
    cards = {}
    for one in people():
        if one.number in _IN_MOBILE:
            mobile = f"TEL;TYPE=CELL:07700 900{one.line % 1000:03d}"
            desk = f"TEL;TYPE=WORK:{_phone(one.line, one.number + 1)}"
            cards[f"road-{one.number:03d}.vcf"] = _card(
                f"road-{one.number:03d}",
                one,
                phones=[desk, mobile] if one.number % 3 else [mobile],
                title="",
                more=[f"NOTE:Met at the {_COMPANIES[one.company][2]} food fair"] if one.number % 4 == 2 else [],
            )
    return cards


def _card(uid: str, one: Person, *, phones: Sequence[str], title: str, more: Sequence[str]) -> str:
    lines = [
        "BEGIN:VCARD",
        "VERSION:3.0",
        f"UID:{uid}",
        f"FN:{one.first} {one.last}",
        f"N:{one.last};{one.first};;;",
        f"EMAIL;TYPE=INTERNET:{one.email}",
        *phones,
        f"ORG:{_COMPANIES[one.company][0]}",
        *([f"TITLE:{title}"] if title else []),
        *more,
        # A line no other tool knows: it survives every edit.
        f"X-BLUEBIRD-SHELF:{one.number % 8 + 1}",
        "END:VCARD",
    ]
    return "\r\n".join(lines) + "\r\n"


MAPPING = """\
# The customers' spreadsheet. Left: Concord's field. Right: the column. `concord check` explains mistakes.
version: 1

vocabularies:
  company_names:
    # The first word that means a company is the one that is written.
    words:
      Oak & Rye: Oak & Rye
      Oak & Ryee: Oak & Rye
    unknown: keep

owners:
  as: owner
  options: {file: owners.csv, id: Email}
  fields:
    email: {field: Email, required: true}
    name: {field: Name}
    team: {field: Team}
    active: {field: Active, steps: [{yes_no: ["yes", "no"]}]}

companies:
  as: company
  options: {file: companies.csv, id: Name}
  fields:
    name: {field: Name, required: true}
    domain: {field: Domain}
    phone: {field: Phone}
    address: {field: {city: City, country: Country}}
    owner: {field: Owner, ref: owner}

contacts:
  as: contact
  options: {file: contacts.csv, id: Customer ID}
  fields:
    first_name: {field: First Name}
    last_name: {field: Last Name}
    email: {field: Email}
    phone: {field: Phone}
    other_phones: {field: Other Phones, steps: [{list: ";"}]}
    job_title: {field: Job Title}
    company: {field: Company, vocabulary: company_names, ref: company}
    company_name: {field: Company, vocabulary: company_names, direction: in}
    owner: {field: Owner, ref: owner}
    lifecycle_stage: {field: Stage}
    consent.email: {field: Email Consent}
    tags: {field: Tags, steps: [{list: ";"}]}
    description: {field: Notes}

deals:
  as: deal
  options: {file: deals.csv, id: Deal ID, dates: day-first}
  fields:
    name: {field: Deal Name, required: true}
    company: {field: Company, vocabulary: company_names, ref: company}
    contacts: {field: Contacts, steps: [{list: ";"}], ref: contact}
    owner: {field: Owner, ref: owner}
    stage: {field: Stage}
    amount: {field: {amount: Amount, currency: Currency}}
    close_date: {field: Close Date, steps: [{date: "%d/%m/%Y"}]}
"""

RULES = f"""\
# When two tools say different things and neither is newer, the first of these is believed.
preference: [{CUSTOMERS}, {OFFICE}, {MOBILE}]

contact:
  # The office hears of a new number first.
  phone: {{latest: {{prefer: [{OFFICE}, {CUSTOMERS}, {MOBILE}]}}}}
  description: most_complete
"""

CONFIG = f"""\
# What `concord demo` put in force. Change it, then: concord apply {{file}}
connections:
  {CUSTOMERS}:
    connector: csv
    settings: {{{{folder: ./files, write: in_place}}}}
    mapping: ./customers.yaml
    streams: {{{{"*": {{{{poll_every: 2}}}}}}}}
  {OFFICE}:
    connector: carddav
    settings: {{{{url: "${{{{OFFICE_URL}}}}", username: "${{{{OFFICE_USER}}}}", password: "${{{{OFFICE_PASSWORD}}}}"}}}}
    streams: {{{{"*": {{{{poll_every: 2}}}}}}}}
  {MOBILE}:
    connector: carddav
    settings: {{{{url: "${{{{MOBILE_URL}}}}"}}}}
    streams: {{{{"*": {{{{poll_every: 2}}}}}}}}
rules: ./rules.yaml
locale: {{{{region: GB, currency: GBP, day_first: true}}}}
"""
