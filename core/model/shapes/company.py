"""Company: an organisation that buys, might buy, or employs a contact."""

from __future__ import annotations

from core.model.shape import Field, Shape
from core.model.shapes.contact import LIFECYCLE_STAGES

COMPANY = Shape.of(
    "company",
    "An organisation. Matched by its domain.",
    (
        Field("name", "name", "Name it trades under.", "Shore & Daughters"),
        Field("legal_name", "name", "Registered name.", "Shore & Daughters Ltd"),
        Field("domain", "domain", "Domain of its site and email.", "shore.example"),
        Field(
            "other_domains",
            "tags",
            "Further domains.",
            ["shore.co.example"],
            rule="union",
            of="domain",
            beside="domain",
        ),
        Field("website", "url", "Web site.", "https://www.shore.example"),
        Field("phone", "phone", "Main number.", "+441134960000"),
        Field("email", "email", "General address.", "hello@shore.example"),
        Field(
            "address",
            "address",
            "Where it is found.",
            {"street": "1 High Street", "city": "Leeds", "country": "GB"},
        ),
        Field(
            "billing_address",
            "address",
            "Where invoices go.",
            {"street": "PO Box 12", "city": "Leeds", "country": "GB"},
        ),
        Field("country", "name", "Country of its seat, by ISO 3166 code where known.", "GB"),
        Field("industry", "name", "Trade it is in.", "Landscape gardening"),
        Field("employees", "number", "Number of people employed.", 24),
        Field("annual_revenue", "money", "Revenue in a year.", {"amount": "1250000.00", "currency": "GBP"}),
        Field("founded_year", "number", "Year it was founded.", 1998, rule="fill"),
        Field("registration_number", "name", "Number in the companies register.", "01234567"),
        Field("tax_number", "name", "VAT or tax number.", "GB123456789"),
        Field("parent", "ref", "Company it belongs to.", 11, of="company"),
        Field("owner", "ref", "Who is accountable for it.", 3, of="owner"),
        Field("lifecycle_stage", "choice", "How far it has come.", "customer", choices=LIFECYCLE_STAGES),
        Field(
            "type",
            "choice",
            "What it is to us.",
            "prospect",
            choices=("prospect", "customer", "partner", "supplier", "competitor", "other"),
        ),
        Field("source", "name", "How it was found first.", "referral", rule="fill"),
        Field("language", "name", "Language it is written to in, by ISO 639 code.", "en"),
        Field("time_zone", "name", "IANA time zone.", "Europe/London"),
        Field("profile_url", "url", "Profile page in a business network.", "https://network.example/shore"),
        Field("tags", "tags", "Words it is sorted by.", ["garden", "north"], rule="union"),
        Field("description", "text", "What is worth knowing.", "Family business, three crews."),
        Field("created_at", "instant", "When a tool first held it.", "2025-01-14T10:30:00Z", rule="min"),
        Field(
            "last_contacted_at",
            "instant",
            "Last time anybody spoke or wrote to it.",
            "2026-11-02T15:20:00Z",
            rule="max",
        ),
    ),
    title=("name",),
)
