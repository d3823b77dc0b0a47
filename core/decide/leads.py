"""Leads: what somebody posted by a form, read into what the mapping of forms takes, and into words for a note.

    posted ▶ answers | page, campaign, referrer | boxes ▶ a person's fields, a note, what is missing

Nothing is judged here but what the person can mend at once: what must be filled in, and what is too long. What a value
means is the mapping's and the types' business; what they cannot read stays in the note as it was typed.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from core.model.consent import channel
from core.model.form import ASKED, CONTEXT, REASON, UTM, Form, FormField
from core.model.instant import Instant, from_iso, iso
from core.model.values import Json, Values

LINE, TEXT, ADDRESS = 500, 10_000, 2_000
"""How many characters a line, a text and a page's address may have."""

MORE = 30
"""So many fields that the form does not ask are kept in the note."""

PAGE, REFERRER, TOKEN, TRAP, THANKS = "page", "referrer", "form_token", "confirm_subject", "thanks"
"""Fields that a page posts without anybody typing them. Whoever fills in the trap is no person: nobody sees it."""

_SILENT = frozenset((PAGE, REFERRER, TOKEN, TRAP, THANKS, *CONTEXT))
FORGETTABLE = frozenset((TOKEN, TRAP, THANKS, "first_touch_at"))
"""Fields that differ although the same is said."""

_YES, _NO = ("yes", "on", "true", "1", "granted"), ("no", "off", "false", "0", "denied")

Posted = Mapping[str, str]
"""What was posted: one text a field; boxes under the name of their consent field."""

_UNREADABLE = {
    "email": "This does not look like an email address. Please look at it again.",
    "phone": "This does not look like a phone number. Please look at it again.",
    "url": "This does not look like the address of a web page. Please look at it again.",
    "domain": "This does not look like the name of a web site. Please look at it again.",
    "date": "This does not look like a date. Please write it like 2026-05-31.",
    "number": "This does not look like a number. Please write it with digits.",
}
MISSING = "Please fill this in."
UNREACHABLE = "Please leave an email address or a phone number that works, so that we can answer you."


class Lead(NamedTuple):
    """One submission, ready for the mapping."""

    person: dict[str, Json]
    """What becomes the person, under the names by which it is posted."""
    note: dict[str, Json]
    """What becomes the note: its heading and all the words."""
    consents: dict[str, str]
    """Consent field → what the person said by its box: granted, denied, or pending where it must be confirmed."""
    wrong: dict[str, str]
    """Field → what the person is asked to mend."""


def read_lead(form: Form, posted: Posted, *, at: Instant, referer: str | None = None, confirms: bool) -> Lead:
    """Read a submission that came at this moment.

    `referer` is the page that the browser named by itself. `confirms`: a yes to email must be confirmed by mail first.
    """
    said = {name: text.strip() for name, text in posted.items() if text.strip()}
    page = said.get(PAGE) if _is_page(said.get(PAGE)) else referer
    names = [ASKED, *(one.name for one in form.fields if one.name != REASON)]
    asked = {name: said[name] for name in names if name in said}
    reason = said.get(REASON, "")[:LINE] or form.reason
    person: dict[str, Json] = {
        **asked,
        "page": page if _is_page(page) else None,
        "source": said.get("source", "")[:LINE] or form.source,
        **_campaign(said, page),
        "first_touch_at": _first_touch(said.get("first_touch_at"), at),
        "lifecycle_stage": "lead",
    }
    if reason and ASKED not in asked:
        person[ASKED] = reason
    note = {
        "type": "note",
        "direction": "inbound",
        "subject": f"{form.title}: {reason}" if reason else form.title,
        "body": "\n".join(_words(form, said, person, page)),
        "created_at": iso(at),
    }
    kept = {name: value for name, value in person.items() if value is not None}
    return Lead(kept, note, _consents(form, said, confirms=confirms), dict(_wrong(form, said)))


def unanswerable(form: Form, lead: Lead, read: Values, typed: Container[str]) -> dict[str, str]:
    """Field → what the person is asked to mend, now that it is known what could be `read` of it.

    Only what must be known is asked again: a value that says nothing of whoever can be answered anyway is a problem of
    ours. `typed` are the fields of a contact, which a part of one is not.
    """
    wrong = dict(lead.wrong)
    unread = [one for one in form.fields if one.name in lead.person and one.name in typed and one.name not in read]
    wrong |= {one.name: _unreadable(one) for one in unread if one.required and one.name not in wrong}
    reach = [one for one in form.fields if one.name in ("email", "phone")]
    if not any(one.name in read for one in reach) and not any(one.name in wrong for one in reach):
        given = next((one for one in reach if one.name in lead.person), None)
        wrong |= {given.name: _unreadable(given)} if given is not None else {reach[0].name: UNREACHABLE}
    # Whoever is asked again may as well be told of the rest.
    return {**{one.name: _unreadable(one) for one in unread}, **wrong} if wrong else {}


def _unreadable(one: FormField) -> str:
    return _UNREADABLE.get(one.type, "Please look at this again.")


def _consents(form: Form, said: Posted, *, confirms: bool) -> dict[str, str]:
    """A box that was not ticked says nothing; a page may also say no in so many words."""
    found = {}
    for tick in form.ticks:
        word = said.get(tick.field, "").lower()
        if word in _YES:
            found[tick.field] = "pending" if confirms and channel(tick.field) == "email" else "granted"
        elif word in _NO:
            found[tick.field] = "denied"
    return found


def _campaign(said: Posted, page: str | None) -> dict[str, Json]:
    """The campaign: as it was posted, else as the page's own address has it, else that of the page before."""
    asked_for: dict[str, str] = {}
    for address in (page, said.get(REFERRER)):
        for name, value in _query(address):
            if value.strip():
                asked_for.setdefault(name.lower(), value.strip())
    return {name: (said.get(name) or asked_for.get(name, ""))[:LINE] or None for name in UTM}


def _query(address: str | None) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(address or "").query, max_num_fields=100, errors="replace")
    except ValueError:
        return []


def _is_page(address: str | None) -> bool:
    return address is not None and address.lower().startswith(("http://", "https://")) and len(address) <= ADDRESS


def _first_touch(word: str | None, at: Instant) -> str:
    """When they first came, if the page knows of a visit before this one."""
    try:
        return iso(min(from_iso(word), at)) if word else iso(at)
    except (ValueError, OverflowError):
        return iso(at)


def _wrong(form: Form, said: Posted) -> Iterator[tuple[str, str]]:
    for one in form.fields:
        text, most = said.get(one.name, ""), TEXT if one.type == "text" else LINE
        if one.required and not text:
            yield one.name, MISSING
        elif len(text) > most:
            yield one.name, f"Please keep this below {most:,} characters."


def _words(form: Form, said: Posted, person: Values, page: str | None) -> Iterator[str]:
    """The submission as somebody would read it out."""
    names = {one.name for one in form.fields} | {one.field for one in form.ticks}
    yield from (_line(one, said[one.name]) for one in form.fields if one.name in said)
    for tick in form.ticks:
        if tick.field in said:
            yield f"{'Ticked' if said[tick.field].lower() in _YES else 'Not wanted'}: {tick.wording}"
    if page:
        yield f"Page: {page[:ADDRESS]}"
    if REFERRER in said:
        yield f"Came from: {said[REFERRER][:ADDRESS]}"
    yield from (f"{name}: {person[name]}" for name in UTM if person.get(name))
    more = sorted(name for name in said if name not in names and name not in _SILENT)
    yield from (f"{name[:60]}: {said[name][: TEXT if name == ASKED else LINE]}" for name in more[:MORE])


def _line(one: FormField, text: str) -> str:
    label = one.label.rstrip(": ")
    return f"{label}{'' if label.endswith(('?', '!', '.')) else ':'} {text[:TEXT]}"
