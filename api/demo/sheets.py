"""What the owner's old spreadsheets know: the first customers, some deals on paper, and no machines.

Nobody has kept them up to date. A company is misspelt, numbers are typed in every manner, titles are missing.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from api.demo.facts import Company, companies, deals, owners, people
from api.demo.lists import NOTES

KNOWN = (*range(30), *range(90, 110), *range(190, 200))
"""The people in it, by number."""
DEALS = frozenset(range(4, 120, 10))
"""Its deals, by number."""

_CONTACT_HEADS = (
    "Customer ID", "First Name", "Last Name", "Email", "Phone", "Job Title", "Company", "Owner", "Stage", "Tags",
    "Notes",
)  # fmt: skip
_DEAL_HEADS = (
    "Deal ID", "Deal Name", "Company", "Contacts", "Owner", "Pipeline", "Stage", "Amount", "Currency", "Close Date",
)  # fmt: skip
MISSPELT = {"Oak & Rye": "Oak & Ryee", "Harbour Buns": "Harbour Bunns"}


def sheets() -> dict[str, str]:
    """File name → text."""
    return {
        "owners.csv": _sheet(("Email", "Name", "Team", "Active"), _owner_rows()),
        "companies.csv": _sheet(("Name", "Domain", "Phone", "City", "Country", "Owner"), _company_rows()),
        "contacts.csv": _sheet(_CONTACT_HEADS, _contact_rows()),
        "deals.csv": _sheet(_DEAL_HEADS, _deal_rows()),
    }


def known_companies() -> list[Company]:
    """The companies in it: those of its people, and a few more."""
    work = {people()[number].company for number in KNOWN} | {deals()[number].buyer.company for number in DEALS}
    return [one for one in companies() if one in work or one.number >= 55]


def _sheet(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([heads, *rows])
    return out.getvalue()


def _owner_rows() -> Iterable[Sequence[str]]:
    for one in owners():
        yield one.email, one.name, one.team, "yes" if one.active else "no"


def _company_rows() -> Iterable[Sequence[str]]:
    for one in known_companies():
        # The domain is missing here and there: then the name tells who it is.
        domain = "" if one.number % 4 == 2 else one.domain
        yield one.name, domain, one.phone(one.number), one.city, "GB", one.owner.email


def _contact_rows() -> Iterable[Sequence[str]]:
    for one in (people()[number] for number in KNOWN):
        number, work = one.number, one.company.name if one.company else ""
        yield (
            f"C-{1001 + number}",
            f" {one.first} " if number % 13 == 0 else one.first,
            one.last,
            one.email.title() if number % 7 == 0 else one.email,
            "" if number % 9 == 4 else one.phone(number),
            one.title if number % 4 == 1 else "",
            MISSPELT.get(work, work) if number % 3 == 0 else work,
            one.owner.email,
            "customer" if one.stage == "customer" else "",
            ("wholesale", "", "café;weekly", "")[number % 4],
            NOTES[number % len(NOTES)] if number % 5 == 3 else "",
        )


def _deal_rows() -> Iterable[Sequence[str]]:
    for one in (deals()[number] for number in sorted(DEALS)):
        buyer = one.buyer
        yield (
            f"D-{501 + one.number}",
            one.name,
            buyer.company.name if buyer.company else "",
            f"C-{1001 + buyer.number}" if buyer.number in KNOWN else "",
            buyer.owner.email,
            PIPELINES[one.lease],
            STAGES[one.lease][one.step],
            one.amount,
            "GBP",
            "/".join(reversed(one.close_date.split("-"))),
        )


PIPELINES = ("Supplies", "Equipment leases")
STAGES = (
    ("Enquiry", "Sample sent", "Quoted", "Won", "Lost"),
    ("Site visit", "Offer made", "Contract out", "Signed", "Declined"),
)
"""The business's own words for its two pipelines and how far a deal has come in each."""
