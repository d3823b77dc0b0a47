"""Endpoints: an address with its ids taken out, so that calls can be counted and traced and name nobody.

Only what is certainly no id stays: a version, and words that the tools' own addresses are made of. Any other part may
be a record's id, a person's address or an account's name and is shown as `{}`; a word that is missing here costs
nothing but that. Host and query are left out.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

_VERSION = re.compile(r"v?\d{1,2}(\.\d{1,2})?")
_LISTED = """
    access accounts activities activity addresses api archive archived associations attachments audiences authorize
    automations balance_transactions batch batches bulk calendar calendars calendarlist calls campaigns carddav caldav
    channels charges checkout collections comments communication communication-preferences companies company composite
    connect consents contact contacts conversations create credit_notes crm customers data dav deals delete describe
    devices disputes documents emails engagements estimates events export facts feed fields files folders forms
    free_busy groups history home hooks identity import ingest interactions introspect invoices items jobs labels
    leads ledger lists locations mail marketing members memberships merge merge-fields messages metadata notes
    notifications oauth oauth2 objects opportunities orders organizations orgs owners pages parameterized
    parameterizedsearch payment_intents payment_methods payments people persons phone pipelines preferences prices
    principals products projects properties property purchases query queryall quotes read recent records refresh
    refunds register relationships reports resources results revoke schemas scopes search segments send services
    sessions settings shipments sites sobjects spreadsheets stages status statuses stop stream streams subscribe
    subscription subscription-types subscriptions sync tags tasks templates tickets timeline token tooling topics
    transactions unsubscribe unsubscribes update updated upsert users userinfo values views watch webhook
    webhook_endpoints webhooks workspaces
"""
_WORDS = frozenset(_LISTED.split())
_MOST = 12
"""Parts that are shown; nothing that is called has more."""


@lru_cache(maxsize=4096)
def endpoint(url: str) -> str:
    """`https://api.example/v3/contacts/4711?email=…` as `/v3/contacts/{}`."""
    parts = [part for part in urlsplit(url).path.split("/") if part]
    return "/" + "/".join(part if _is_plain(part) else "{}" for part in parts[:_MOST])


def _is_plain(part: str) -> bool:
    return part.lower() in _WORDS or _VERSION.fullmatch(part) is not None
