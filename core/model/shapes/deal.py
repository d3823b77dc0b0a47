"""Deal: a sale that may be made, with its stage, amount and next step."""

from __future__ import annotations

from core.model.shape import Field, Shape

DEAL = Shape.of(
    "deal",
    "A possible sale on its way through a pipeline.",
    (
        Field("name", "name", "What people call it.", "Patio for Shore & Daughters"),
        Field("company", "ref", "Company that buys.", 11, of="company"),
        Field("contacts", "ref", "People who take part.", [7, 9], rule="union", of="contact", many=True),
        Field("owner", "ref", "Who is accountable for the next step.", 3, of="owner"),
        Field("pipeline", "name", "Pipeline it runs through.", "Installations"),
        Field("stage", "name", "Stage in that pipeline.", "Proposal sent"),
        Field("stage_entered_at", "instant", "When the present stage began.", "2026-11-18T09:00:00Z"),
        Field("status", "choice", "Whether it is still open.", "open", choices=("open", "won", "lost")),
        Field("amount", "money", "What it is worth.", {"amount": "8400.00", "currency": "GBP"}),
        Field("probability", "number", "Chance of winning, 0 to 100.", 60),
        Field("product", "name", "What is being sold.", "Sandstone patio"),
        Field("engaged_on", "date", "When talks began.", "2026-11-03", rule="min"),
        Field("close_date", "date", "When the decision is expected.", "2026-12-15"),
        Field("closed_at", "instant", "When it was won or lost.", "2026-12-12T14:00:00Z"),
        Field("lost_reason", "text", "Why it was lost.", "Price"),
        Field("next_step", "text", "What happens next, in words.", "Call about the drainage"),
        Field("source", "name", "Where it came from.", "web", rule="fill"),
        Field(
            "type",
            "choice",
            "Whether the customer is new.",
            "new",
            choices=("new", "existing", "renewal", "other"),
        ),
        Field("tags", "tags", "Words it is sorted by.", ["patio", "spring"], rule="union"),
        Field("description", "text", "What is worth knowing.", "Wants it done before March."),
        Field("created_at", "instant", "When a tool first held it.", "2026-11-03T11:12:00Z", rule="min"),
    ),
    title=("name",),
)
