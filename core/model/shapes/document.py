"""Document: something sent that awaits an answer or records one: proposals, estimates, contracts."""

from __future__ import annotations

from core.model.shape import Field, Shape

DOCUMENT = Shape.of(
    "document",
    "A proposal, estimate, quote, contract or other paper.",
    (
        Field("name", "name", "What people call it.", "Patio proposal v2"),
        Field(
            "type",
            "choice",
            "What it is.",
            "proposal",
            choices=("proposal", "estimate", "quote", "contract", "form", "other"),
        ),
        Field("number", "name", "Number it is known by.", "Q-2026-017"),
        Field(
            "status",
            "choice",
            "Where it stands.",
            "sent",
            choices=("draft", "sent", "viewed", "accepted", "signed", "declined", "expired", "void"),
        ),
        Field("amount", "money", "What it offers or agrees.", {"amount": "8400.00", "currency": "GBP"}),
        Field("sent_at", "instant", "When it was sent.", "2026-11-18T09:00:00Z"),
        Field("viewed_at", "instant", "When it was first opened.", "2026-11-18T11:40:00Z", rule="min"),
        Field("answered_at", "instant", "When it was signed, accepted or declined.", "2026-11-21T09:00:00Z"),
        Field("expires_on", "date", "Last day on which it holds.", "2026-12-18"),
        Field("contacts", "ref", "To whom it was sent.", [7], rule="union", of="contact", many=True),
        Field("company", "ref", "Company it was sent to.", 11, of="company"),
        Field("deal", "ref", "Deal it serves.", 21, of="deal"),
        Field("owner", "ref", "Who sent it.", 3, of="owner"),
        Field("url", "url", "Where it is kept.", "https://papers.example/d/017", personal=True),
        Field("mime_type", "name", "Its media type.", "application/pdf"),
        Field("size", "number", "Its size in bytes.", 182044),
        Field("description", "text", "What is worth knowing.", "Two options for the drainage.", personal=True),
        Field("tags", "tags", "Words it is sorted by.", ["patio"], rule="union"),
        Field("created_at", "instant", "When it was written.", "2026-11-17T15:00:00Z", rule="min"),
    ),
    title=("name",),
)
