"""Owner: a person who works with a tool, or a queue in it, to whom records are given."""

from __future__ import annotations

from core.model.shape import Field, Shape

OWNER = Shape.of(
    "owner",
    "A user of a connected tool: who is accountable for contacts, deals and tickets.",
    (
        Field("name", "name", "Full name.", "Priya Nair", personal=True),
        Field(
            "email",
            "email",
            "Address the user signs in with; owners are matched by it.",
            "priya@example.com",
            personal=True,
        ),
        Field("phone", "phone", "Direct number.", "+442079460018", personal=True),
        Field(
            "active",
            "flag",
            "Whether the user can still sign in. Nobody inactive can own an open record.",
            True,
        ),
        Field("queue", "flag", "Whether this is a queue or a shared seat, not one accountable person.", False),
        Field("team", "name", "Team or department.", "Inbound sales"),
        Field("role", "name", "What the person does.", "Account executive"),
        Field("office", "name", "Office or branch.", "Leeds"),
        Field("manager", "ref", "Who hears when this person does not act.", 3, of="owner"),
        Field("territories", "tags", "Regions or post code areas served.", ["LS", "YO"], rule="union"),
        Field("languages", "tags", "Languages spoken, by ISO 639 code.", ["de", "en"], rule="union"),
        Field("time_zone", "name", "IANA time zone; working hours are counted in it.", "Europe/London"),
        Field("created_at", "instant", "When the user was set up.", "2024-03-01T08:00:00Z", rule="min"),
    ),
    title=("name",),
)
