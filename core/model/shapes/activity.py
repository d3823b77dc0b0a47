"""Activity: what was done or is to be done with somebody: tasks, calls, meetings, emails, notes."""

from __future__ import annotations

from core.model.shape import Field, Shape

ACTIVITY = Shape.of(
    "activity",
    "A task, call, meeting, email or note.",
    (
        Field("type", "choice", "What it is.", "call", choices=("task", "call", "meeting", "email", "note")),
        Field("subject", "name", "What it is about, on one line.", "Call about the drainage", personal=True),
        Field("body", "text", "Its text.", "Asked for two options.\nSend photos.", personal=True),
        Field("due_at", "instant", "When it must be done.", "2026-11-23T10:00:00Z"),
        Field("starts_at", "instant", "When it begins or began.", "2026-11-23T10:00:00Z"),
        Field("ends_at", "instant", "When it ends or ended.", "2026-11-23T10:30:00Z"),
        Field("all_day", "flag", "Whether it fills whole days, from midnight UTC to midnight behind the last.", False),
        Field("time_zone", "name", "IANA time zone it was planned in.", "Europe/London"),
        Field("repeats", "name", "Rule by which it repeats (RFC 5545).", "FREQ=WEEKLY;BYDAY=MO"),
        Field(
            "status",
            "choice",
            "Whether it still stands.",
            "planned",
            choices=("tentative", "planned", "done", "cancelled", "no_show"),
        ),
        Field("done", "flag", "Whether it is done.", False),
        Field("completed_at", "instant", "When it was done.", "2026-11-23T10:28:00Z"),
        Field("direction", "choice", "Who began it.", "outbound", choices=("inbound", "outbound")),
        Field("outcome", "name", "How it ended.", "reached"),
        Field("priority", "choice", "How urgent it is.", "normal", choices=("low", "normal", "high", "urgent")),
        Field("location", "name", "Where it takes place.", "1 High Street, Leeds", personal=True),
        Field("url", "url", "Where to join or read it.", "https://meet.example/patio", personal=True),
        Field("owner", "ref", "Who does it.", 3, of="owner"),
        Field("contacts", "ref", "With whom.", [7], rule="union", of="contact", many=True),
        Field(
            "attendees",
            "tags",
            "Addresses of those invited.",
            ["ann@shore.example"],
            personal=True,
            rule="union",
            of="email",
        ),
        Field("company", "ref", "Company it concerns.", 11, of="company"),
        Field("deal", "ref", "Deal it serves.", 21, of="deal"),
        Field("ticket", "ref", "Ticket it serves.", 31, of="ticket"),
        Field("tags", "tags", "Words it is sorted by.", ["follow-up"], rule="union"),
        Field("created_at", "instant", "When it was set down.", "2026-11-21T09:00:00Z", rule="min"),
    ),
    title=("subject",),
)
