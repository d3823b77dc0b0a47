"""The properties every account has from the start, as far as anybody here looks at them, and the first pipeline."""

from __future__ import annotations

from typing import Any

from connectors.hubspot.sandbox_words import ACTIVITIES, LIFECYCLE

Row = dict[str, Any]

STAGES = (
    ("appointmentscheduled", "Appointment Scheduled", False, 0.2),
    ("qualifiedtobuy", "Qualified To Buy", False, 0.4),
    ("presentationscheduled", "Presentation Scheduled", False, 0.6),
    ("decisionmakerboughtin", "Decision Maker Bought-In", False, 0.8),
    ("contractsent", "Contract Sent", False, 0.9),
    ("closedwon", "Closed Won", True, 1.0),
    ("closedlost", "Closed Lost", True, 0.0),
)


def _text(*names: str, field_type: str = "text", **more: Any) -> list[Row]:
    return [{"name": name, "field_type": field_type, **more} for name in names]


def _number(*names: str, **more: Any) -> list[Row]:
    return [{"name": name, "kind": "number", "field_type": "number", **more} for name in names]


def _moment(*names: str, **more: Any) -> list[Row]:
    return [{"name": name, "kind": "datetime", "field_type": "date", **more} for name in names]


def _flag(*names: str, **more: Any) -> list[Row]:
    return [{"name": name, "kind": "bool", "field_type": "booleancheckbox", **more} for name in names]


def _choice(name: str, *values: str, field_type: str = "select", **more: Any) -> list[Row]:
    options = tuple((value, value.replace("_", " ").capitalize()) for value in values)
    return [{"name": name, "kind": "enumeration", "field_type": field_type, "options": options, **more}]


_KEPT = [
    *_number("hs_object_id", read_only=True),
    *_moment("hs_createdate", "hs_lastmodifieddate", read_only=True),
    *_text("hs_merged_object_ids", read_only=True),
    *_choice("hubspot_owner_id", outside="owners"),
]

_PLACE = _text("address", "city", "state", "zip", "country", "website")

_TOUCHED = [
    *_moment("notes_last_updated", read_only=True),
]

_CONTACTS = [
    *_text("email", unique=True),
    *_text("firstname", "lastname", "jobtitle", "company", "salutation", "fax"),
    *_text("address", "city", "state", "zip", "country", "website"),
    *_text("phone", "mobilephone", field_type="phonenumber"),
    *_text("message", field_type="textarea"),
    *_choice("lifecyclestage", *LIFECYCLE, field_type="radio"),
    *_choice(
        "hs_lead_status", "NEW", "OPEN", "IN_PROGRESS", "OPEN_DEAL", "UNQUALIFIED", "ATTEMPTED_TO_CONTACT",
        "CONNECTED", "BAD_TIMING", field_type="radio",
    ),
    *_choice("hs_analytics_source", "ORGANIC_SEARCH", "PAID_SEARCH", "EMAIL_MARKETING", "SOCIAL_MEDIA", "REFERRALS",
             "OTHER_CAMPAIGNS", "DIRECT_TRAFFIC", "OFFLINE", "PAID_SOCIAL", read_only=True),
    *_text("hs_analytics_source_data_1", "hs_analytics_source_data_2", read_only=True),
    *_moment("createdate", "lastmodifieddate", read_only=True),
    *_text("hs_additional_emails", "hs_calculated_merged_vids", read_only=True),
    *_number("associatedcompanyid", read_only=True),
    *_flag("hs_email_optout", "hs_marketable_status", read_only=True),
    *_TOUCHED,
]  # fmt: skip

_COMPANIES = [
    *_text("name", "domain"),
    *_PLACE,
    *_text("phone", field_type="phonenumber"),
    *_text("description", field_type="textarea"),
    *_choice("lifecyclestage", *LIFECYCLE, field_type="radio"),
    *_choice("industry", "COMPUTER_SOFTWARE", "CONSUMER_GOODS", "EDUCATION_MANAGEMENT", "FINANCIAL_SERVICES",
             "HOSPITAL_HEALTH_CARE", "MARKETING_AND_ADVERTISING", "RETAIL"),
    *_number("annualrevenue", "numberofemployees"),
    *_moment("createdate", read_only=True),
    *_TOUCHED,
]  # fmt: skip

_DEALS = [
    *_text("dealname"),
    *_text("description", "closed_lost_reason", "closed_won_reason", field_type="textarea"),
    *_number("amount"),
    *_choice("deal_currency_code", "EUR", "USD", "GBP", "CHF"),
    *_choice("dealstage", outside="stages", field_type="radio"),
    *_choice("pipeline", outside="pipelines"),
    *_choice("dealtype", "newbusiness", "existingbusiness", field_type="radio"),
    *_choice("hs_priority", "low", "medium", "high"),
    *_moment("closedate"),
    *_moment("createdate", read_only=True),
    *_flag("hs_is_closed", "hs_is_closed_won", read_only=True),
    *_number("hs_deal_stage_probability", read_only=True),
    *_TOUCHED,
]

_TASKS = [
    *_text("hs_task_subject"),
    *_text("hs_task_body", field_type="html"),
    *_choice("hs_task_status", "NOT_STARTED", "IN_PROGRESS", "COMPLETED", "WAITING", "DEFERRED"),
    *_choice("hs_task_priority", "NONE", "LOW", "MEDIUM", "HIGH"),
    *_choice("hs_task_type", "TODO", "CALL", "EMAIL"),
]

_CALLS = [
    *_text("hs_call_title", "hs_call_from_number", "hs_call_to_number", "hs_call_disposition"),
    *_text("hs_call_body", field_type="html"),
    *_number("hs_call_duration"),
    *_choice("hs_call_direction", "INBOUND", "OUTBOUND"),
    *_choice("hs_call_status", "BUSY", "CALLING_CRM_USER", "CANCELED", "COMPLETED", "CONNECTING", "FAILED",
             "IN_PROGRESS", "NO_ANSWER", "QUEUED", "RINGING"),
]  # fmt: skip

_MEETINGS = [
    *_text("hs_meeting_title", "hs_meeting_location", "hs_meeting_external_url"),
    *_text("hs_meeting_body", "hs_internal_meeting_notes", field_type="html"),
    *_moment("hs_meeting_start_time", "hs_meeting_end_time"),
    *_choice("hs_meeting_outcome", "SCHEDULED", "COMPLETED", "RESCHEDULED", "NO_SHOW", "CANCELED"),
]

_NOTES = _text("hs_note_body", field_type="html")

_EMAILS = [
    *_text("hs_email_subject", "hs_email_headers"),
    *_text("hs_email_text", field_type="textarea", scope="sales-email-read"),
    *_text("hs_email_html", field_type="html", scope="sales-email-read"),
    *_choice("hs_email_direction", "EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL"),
    *_choice("hs_email_status", "BOUNCED", "FAILED", "SCHEDULED", "SENDING", "SENT"),
]

_ACTIVITY = dict(zip(ACTIVITIES, (_TASKS, _CALLS, _MEETINGS, _NOTES, _EMAILS), strict=True))

BUILT_IN: dict[str, list[Row]] = {
    "contacts": [*_CONTACTS, *_KEPT],
    "companies": [*_COMPANIES, *_KEPT],
    "deals": [*_DEALS, *_KEPT],
    **{plural: [*rows, *_moment("hs_timestamp"), *_KEPT] for plural, rows in _ACTIVITY.items()},
}
