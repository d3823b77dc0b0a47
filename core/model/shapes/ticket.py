"""Ticket: a request for help that somebody must answer."""

from __future__ import annotations

from core.model.shape import Field, Shape

TICKET = Shape.of(
    "ticket",
    "A request for help, open until it is solved.",
    (
        Field("subject", "name", "What it is about, on one line.", "Slabs are loose", personal=True),
        Field("body", "text", "What was asked.", "Two slabs moved after the frost.", personal=True),
        Field("number", "name", "Number it is known by.", "4711"),
        Field(
            "status",
            "choice",
            "Where it stands.",
            "open",
            choices=("new", "open", "waiting", "on_hold", "solved", "closed"),
        ),
        Field("priority", "choice", "How urgent it is.", "normal", choices=("low", "normal", "high", "urgent")),
        Field("type", "name", "Kind of request.", "Complaint"),
        Field("channel", "name", "How it came in: email, phone, chat, web.", "email"),
        Field("pipeline", "name", "Queue or pipeline it runs through.", "After-sales"),
        Field("stage", "name", "Stage in that pipeline.", "Waiting on contact"),
        Field("stage_entered_at", "instant", "When the present stage began.", "2026-11-20T08:15:00Z"),
        Field("contact", "ref", "Who asked.", 7, of="contact"),
        Field("company", "ref", "Company it concerns.", 11, of="company"),
        Field("deal", "ref", "Sale it follows from.", 21, of="deal"),
        Field("owner", "ref", "Who is accountable for the answer.", 3, of="owner"),
        Field("due_at", "instant", "When an answer is owed.", "2026-11-24T12:00:00Z"),
        Field("first_replied_at", "instant", "When it was first answered.", "2026-11-20T09:02:00Z", rule="min"),
        Field("solved_at", "instant", "When it was solved.", "2026-11-26T16:00:00Z"),
        Field("resolution", "text", "How it was solved.", "Slabs laid again."),
        Field("satisfaction", "name", "What the person said about the help.", "good"),
        Field("tags", "tags", "Words it is sorted by.", ["frost"], rule="union"),
        Field("url", "url", "Where it is worked on.", "https://help.example/t/4711"),
        Field("created_at", "instant", "When it came in.", "2026-11-20T08:15:00Z", rule="min"),
    ),
    title=("subject",),
)
