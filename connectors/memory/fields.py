"""What the memory tool knows of its streams. Other fields may be made up freely."""

from __future__ import annotations

from core.ports import FieldInfo

_CONSENT = ("denied", "suppressed", "pending", "granted")

FIELDS: dict[str, tuple[FieldInfo, ...]] = {
    "owners": (
        FieldInfo("name", required=True),
        FieldInfo("email", "email"),
        FieldInfo("active", "flag"),
    ),
    "companies": (
        FieldInfo("name", required=True),
        FieldInfo("domain", "domain"),
        FieldInfo("phone", "phone"),
        FieldInfo("address", "address"),
        FieldInfo("owner_id", "ref", refers_to="owners"),
    ),
    "contacts": (
        FieldInfo("email", "email"),
        FieldInfo("other_emails", "tags"),
        FieldInfo("phone", "phone"),
        FieldInfo("other_phones", "tags"),
        FieldInfo("first_name"),
        FieldInfo("last_name"),
        FieldInfo("job_title"),
        FieldInfo("stage"),
        FieldInfo("source"),
        FieldInfo("asked"),
        FieldInfo("tags", "tags"),
        FieldInfo("company_id", "ref", refers_to="companies"),
        FieldInfo("owner_id", "ref", refers_to="owners"),
        FieldInfo("email_consent", "choice", choices=_CONSENT),
        FieldInfo("phone_consent", "choice", choices=_CONSENT),
        FieldInfo("sms_consent", "choice", choices=_CONSENT),
    ),
    "deals": (
        FieldInfo("name", required=True),
        FieldInfo("amount", "money"),
        FieldInfo("stage"),
        FieldInfo("status", "choice", choices=("open", "won", "lost")),
        FieldInfo("close_date", "date"),
        FieldInfo("company_id", "ref", refers_to="companies"),
        FieldInfo("contact_ids", "tags", refers_to="contacts"),
        FieldInfo("owner_id", "ref", refers_to="owners"),
    ),
    "activities": (
        FieldInfo("type", "choice", choices=("task", "call", "meeting", "email", "note")),
        FieldInfo("subject"),
        FieldInfo("body"),
        FieldInfo("due_at", "instant"),
        FieldInfo("starts_at", "instant"),
        FieldInfo("ends_at", "instant"),
        FieldInfo("done", "flag"),
        FieldInfo("contact_ids", "tags", refers_to="contacts"),
        FieldInfo("deal_id", "ref", refers_to="deals"),
        FieldInfo("owner_id", "ref", refers_to="owners"),
    ),
}
"""Stream → its known fields."""
