"""Contact: a person. A lead is a contact with a lifecycle stage and the context in which it was captured."""

from __future__ import annotations

from core.model.shape import Field, Shape

LIFECYCLE_STAGES = (
    "subscriber",
    "lead",
    "marketing_qualified",
    "sales_qualified",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
CONSENTS = ("denied", "suppressed", "pending", "granted")
"""What may be known about a permission, strictest first. Nothing known permits nothing."""

FREQUENCIES = ("always", "weekly", "monthly")

CHANNELS = {
    "email": "Whether the person may be sent email.",
    "sms": "Whether the person may be sent text messages.",
    "phone": "Whether the person may be called.",
    "post": "Whether the person may be sent letters.",
    "push": "Whether the person may be sent push messages.",
    "chat": "Whether the person may be written to in chat.",
}

_WHO = (
    Field("first_name", "name", "Given name.", "Ann", personal=True),
    Field("last_name", "name", "Family name.", "Shore", personal=True),
    Field("full_name", "name", "Whole name, for tools that keep it in one field.", "Ann Shore", personal=True),
    Field("salutation", "name", "Form of address.", "Dr", personal=True),
    Field(
        "email",
        "email",
        "The address that stands. Contacts are matched by it.",
        "ann@shore.example",
        personal=True,
    ),
    Field(
        "other_emails",
        "tags",
        "Further addresses, so that a tool with many keeps them all.",
        ["ann.shore@post.example"],
        personal=True,
        rule="union",
        of="email",
        beside="email",
    ),
    Field("phone", "phone", "The number that stands.", "+447700900123", personal=True),
    Field(
        "other_phones",
        "tags",
        "Further numbers.",
        ["+441134960000"],
        personal=True,
        rule="union",
        of="phone",
        beside="phone",
    ),
    Field(
        "address",
        "address",
        "Postal address.",
        {"street": "1 High Street", "city": "Leeds", "postal_code": "LS1 4AP", "country": "GB"},
        personal=True,
    ),
    Field("birthday", "date", "Date of birth.", "1984-05-09", personal=True),
    Field("language", "name", "Language to write in, by ISO 639 code.", "en", personal=True),
    Field(
        "email_frequency",
        "choice",
        "How often the person wants to be written to by email.",
        "weekly",
        personal=True,
        choices=FREQUENCIES,
    ),
    Field(
        "time_zone",
        "name",
        "IANA time zone; response windows are counted in it.",
        "Europe/London",
        personal=True,
    ),
    Field("website", "url", "Own web site.", "https://ann.example", personal=True),
    Field("profile_url", "url", "Profile page in a network.", "https://network.example/ann", personal=True),
    Field("photo_url", "url", "Where a picture is found.", "https://pictures.example/ann.jpg", personal=True),
)
_WORK = (
    Field("job_title", "name", "Position held.", "Head of purchasing", personal=True),
    Field("department", "name", "Department.", "Purchasing", personal=True),
    Field("company", "ref", "Company the person works for.", 11, of="company"),
    Field(
        "company_name",
        "name",
        "Name of the company as the person gave it.",
        "Shore & Daughters",
        personal=True,
    ),
)
_STANDING = (
    Field("owner", "ref", "Who is accountable for the next step.", 3, of="owner"),
    Field("lifecycle_stage", "choice", "How far the person has come.", "lead", choices=LIFECYCLE_STAGES),
    Field("lead_status", "name", "Where work on the lead stands, in the team's words.", "attempting"),
    Field("lead_score", "number", "Points a tool gave the lead.", 35),
    Field("stage_entered_at", "instant", "When the present stage began.", "2026-11-20T16:05:00Z"),
    Field("last_contacted_at", "instant", "Last time we spoke or wrote.", "2026-11-20T16:30:00Z", rule="max"),
    Field(
        "last_replied_at",
        "instant",
        "Last time the person spoke or wrote.",
        "2026-11-20T17:02:00Z",
        rule="max",
    ),
    Field("created_at", "instant", "When a tool first held the person.", "2026-11-20T16:05:00Z", rule="min"),
    Field("tags", "tags", "Words the person is sorted by.", ["garden", "vip"], personal=True, rule="union"),
    Field("description", "text", "What is worth knowing.", "Prefers calls after five.", personal=True),
)
# The first touch happened once: the earliest word about it stands, and later forms do not overwrite it.
_CAPTURE = (
    Field(
        "asked",
        "text",
        "What they asked for, in their words.",
        "Quote for a patio",
        personal=True,
        rule="fill",
    ),
    Field("page", "url", "Page on which they asked.", "https://shop.example/patios", rule="fill"),
    Field("source", "name", "Where the lead came from: web, phone, referral and so on.", "web", rule="fill"),
    Field("utm_source", "name", "Campaign source of the first visit.", "newsletter", rule="fill"),
    Field("utm_medium", "name", "Campaign medium of the first visit.", "email", rule="fill"),
    Field("utm_campaign", "name", "Campaign of the first visit.", "autumn-patios", rule="fill"),
    Field("utm_term", "name", "Search words of the first visit.", "patio leeds", rule="fill"),
    Field("utm_content", "name", "Which variant brought the visit.", "blue-button", rule="fill"),
    Field("first_touch_at", "instant", "When they first came to us.", "2026-11-20T16:05:00Z", rule="min"),
)


def consent_field(name: str, doc: str, example: str = "granted") -> Field:
    """The declaration of `consent.CHANNEL` or `consent.CHANNEL.TOPIC`."""
    return Field(f"consent.{name}", "choice", doc, example, personal=True, rule="strictest", choices=CONSENTS)


_CONSENT = (
    *(consent_field(channel, doc) for channel, doc in CHANNELS.items()),
    consent_field(
        "all",
        "Do not contact: `denied` covers every channel, and nothing else means anything by itself. The person's own, "
        "newer `granted` takes a do-not-contact back, and permits nothing.",
        "denied",
    ),
)

CONTACT = Shape.of(
    "contact",
    "A person: lead, customer, or somebody at a company. Matched by email. Each of an installation's topics adds "
    "`consent.CHANNEL.TOPIC`, such as `consent.email.news`.",
    (*_WHO, *_WORK, *_STANDING, *_CAPTURE, *_CONSENT),
    title=("first_name", "last_name"),
)
