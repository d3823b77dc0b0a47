"""Mailchimp's words for what a member has: tables, and nothing else.

A member's own attributes are written small, merge fields by their tags, which are always capitals; so both stand side
by side in one record without ever meeting.
"""

from __future__ import annotations

from core.ports import FieldInfo

STREAM = "members"

SUBSCRIBED, UNSUBSCRIBED, CLEANED, PENDING, TRANSACTIONAL, ARCHIVED = STATUSES = (
    "subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived",
)  # fmt: skip
"""May be written to; opted out; unusable address; awaits the confirmation mail; never asked; put away."""

SMS_STATUSES = ("subscribed", "unsubscribed", "nonsubscribed", "pending")

EMAIL, STATUS, TAGS = "email_address", "status", "tags"

ATTRIBUTES: tuple[FieldInfo, ...] = (
    FieldInfo(EMAIL, "email", "Email address", required=True),
    FieldInfo(STATUS, "choice", "Email marketing status", choices=STATUSES),
    FieldInfo(TAGS, "tags", "Tags"),
    FieldInfo("language", "text", "Language"),
    FieldInfo("vip", "flag", "VIP"),
    FieldInfo("email_type", "choice", "Email type", choices=("html", "text")),
    FieldInfo("interests", "json", "Groups"),
    FieldInfo("marketing_permissions", "json", "Marketing permissions", read_only=True),
    FieldInfo("sms_phone_number", "phone", "SMS number", read_only=True),
    FieldInfo("sms_subscription_status", "choice", "SMS marketing status", read_only=True, choices=SMS_STATUSES),
    FieldInfo("sms_subscription_last_updated", "text", "SMS marketing status changed", read_only=True),
    FieldInfo("unsubscribe_reason", "text", "Unsubscribe reason", read_only=True),
    FieldInfo("timestamp_opt", "instant", "Confirmed", read_only=True),
    FieldInfo("ip_opt", "text", "Confirmed from", read_only=True),
    FieldInfo("timestamp_signup", "instant", "Signed up", read_only=True),
    FieldInfo("ip_signup", "text", "Signed up from", read_only=True),
    FieldInfo("source", "text", "Source", read_only=True),
    FieldInfo("full_name", "name", "Full name", read_only=True),
    FieldInfo("member_rating", "number", "Rating", read_only=True),
    FieldInfo("email_client", "text", "Email client", read_only=True),
    FieldInfo("location", "json", "Location", read_only=True),
    FieldInfo("last_note", "json", "Latest note", read_only=True),
    FieldInfo("last_changed", "instant", "Last changed", read_only=True),
    FieldInfo("contact_id", "text", "Contact id", read_only=True),
    FieldInfo("id", "text", "Hash of the address", read_only=True),
    FieldInfo("web_id", "number", "Id in the web app", read_only=True),
)
"""What every member has, whatever the audience. All of it is named in each record, blank or not."""

WRITTEN = frozenset(one.name for one in ATTRIBUTES if not one.read_only) - {TAGS}
"""Attributes that a call to change a member takes."""

USUAL = frozenset({"FNAME", "LNAME", "ADDRESS", "PHONE", "BIRTHDAY"})
"""The merge fields of a new audience; others are somebody's own."""

TYPES = {
    "text": "text", "number": "number", "address": "json", "phone": "phone", "date": "date", "url": "url",
    "imageurl": "url", "radio": "choice", "dropdown": "choice", "birthday": "text", "zip": "text",
}  # fmt: skip
"""Mailchimp's type of a merge field → ours. A birthday is MM/DD, which is no date."""

ADDRESS_PARTS = ("addr1", "addr2", "city", "state", "zip", "country")
ADDRESS_NEEDS = frozenset({"addr1", "city", "state", "zip"})
LONGEST_TEXT = 255
"""Bytes of a text."""
