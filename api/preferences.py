"""The preference page: a person says, by a link of their own and without a login, what they want to be written for.

Plain forms, no scripts, no cookies, nothing from elsewhere. Looking changes nothing, so that a mail scanner that opens
every link unsubscribes nobody; `POST …/unsubscribe` is the one click of RFC 8058. Only `/preferences/…` needs to be
reachable from outside, and where there are forms, theirs; nothing else is answered under the public name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from jinja2 import Environment

from core.errors import ConfigError
from core.flow.consent.choosing import FREQUENCY, Choice, choices, choose, person
from core.flow.requests import LONGEST, ask_once
from core.model.consent import ALL
from core.model.instant import iso
from core.model.shapes.contact import FREQUENCIES
from core.store import requests

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.model.instant import Instant
    from core.store.records import Record

PLACE = "/preferences"
WORDING = "preference page, 1"
"""What the words of the page are called in the ledger; count up when they change their meaning."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
MOST = 16_384
"""Bytes of a form that are read."""

CHANNELS = {
    "email": "Email",
    "sms": "Text messages",
    "phone": "Calls",
    "post": "Letters",
    "push": "Notifications",
    "chat": "Chat",
}
ASKED = {
    "access": "Tell me all that you hold about me",
    "correction": "Something about me is wrong",
    "erasure": "Erase all that you hold about me",
    "objection": "Do not use my data to write to me",
}
"""What may be asked here, as the person says it."""
OFTEN = {"always": "whenever there is something", "weekly": "at most once a week", "monthly": "at most once a month"}


class Guest(NamedTuple):
    """Whose link it is, and the person as they are now."""

    token: str
    record: Record


def link(installation: Installation, record_id: int) -> str:
    """The address of a person's page; `ConfigError` where the hub has no public address."""
    base = installation.settings.public_url
    if not base:
        raise ConfigError(
            "Nobody outside knows how to reach this hub.",
            remedy="Set CONCORD_PUBLIC_URL, e.g. https://preferences.shop.example, and lead it to the hub's "
            f"{PLACE}/ alone.",
        )
    return f"{base.rstrip('/')}{PLACE}/{token_of(installation, record_id)}"


def token_of(installation: Installation, record_id: int) -> str:
    """A token that names a person's record, and that nobody else can make: sealed by the vault."""
    return installation.vault.seal({"for": "preferences", "record": str(record_id)}).decode()


def record_of(installation: Installation, token: str) -> int | None:
    """The record that a token names; None for one that was not made here."""
    try:
        told = installation.vault.open(token.encode("ascii", "replace"))
    except ConfigError:
        return None
    return int(told["record"]) if told.get("for") == "preferences" and told.get("record", "").isdigit() else None


def add_preferences(app: FastAPI, installation: Installation, pages: Environment) -> None:
    """Add the page."""
    app.include_router(_routes(installation, pages))


def _routes(installation: Installation, pages: Environment) -> APIRouter:
    router, template = APIRouter(prefix=PLACE), pages.get_template("preferences.html")

    def shown(guest: Guest | None, said: str = "", status: int = 200) -> Response:
        if guest is None:
            return HTMLResponse(template.render(guest=None, said=said), 404, headers=HEADERS)
        return HTMLResponse(template.render(**_told(installation, guest), said=said), status, headers=HEADERS)

    def guest_of(token: str) -> Guest | None:
        id_ = record_of(installation, token)
        record = person(installation.hub(), id_) if id_ is not None else None
        return Guest(token, record) if record is not None else None

    @router.get("/{token}", response_class=HTMLResponse)
    def look(token: str) -> Response:
        """What stands. Changes nothing."""
        return shown(guest_of(token))

    @router.get("/{token}/unsubscribe", response_class=HTMLResponse)
    def ask(token: str) -> Response:
        """Whoever follows the link in a mail is asked first, since machines follow links, too."""
        guest = guest_of(token)
        told = _told(installation, guest) if guest is not None else {"guest": None}
        return HTMLResponse(template.render(**told, said="", leaving=True), 200 if guest else 404, headers=HEADERS)

    @router.get("/{token}/confirm/{field}", response_class=HTMLResponse)
    def ask_again(token: str, field: str) -> Response:
        """Whoever signed up is asked whether it was them; opening the page says nothing yet."""
        guest = guest_of(token)
        known = guest is not None and field in {one.field for one in _choices(installation, guest)}
        told = {**_told(installation, guest), "confirming": field} if guest is not None and known else {"guest": None}
        return HTMLResponse(template.render(**told, said=""), 200 if known else 404, headers=HEADERS)

    @router.post("/{token}/confirm/{field}")
    def confirmed(token: str, field: str) -> Response:
        """It was them: the second half of a double opt-in."""
        guest = guest_of(token)
        if guest is None or field not in {one.field for one in _choices(installation, guest)}:
            return shown(None)
        _choose(installation, guest, {field: True}, how="double opt-in")
        return shown(guest_of(token), "Thank you. We write to you from now on.")

    @router.post("/{token}/unsubscribe")
    async def leave(token: str, request: Request) -> Response:
        """One click (RFC 8058): no more email, whatever the body says."""
        await _body(request)

        def done() -> Response:
            guest = guest_of(token)
            if guest is None:
                return shown(None)
            emails = [one.field for one in _choices(installation, guest) if one.channel == "email"]
            _choose(installation, guest, dict.fromkeys(emails, False), how="one-click unsubscribe")
            return shown(guest_of(token), "You will get no more email from us.")

        return await run_in_threadpool(done)

    @router.post("/{token}/ask")
    async def ask_for(token: str, request: Request) -> Response:
        """What they ask about their own data goes to whoever answers such requests; asked twice, it is one."""
        form = parse_qs((await _body(request)).decode("utf-8", "replace"), keep_blank_values=True)

        def done() -> Response:
            guest, right = guest_of(token), form.get("right", [""])[0]
            if guest is None or right not in ASKED:
                return shown(guest, "Nothing was asked.", 400) if guest is not None else shown(None)
            one = ask_once(installation.hub(), right, guest.record, "page", form.get("note", [""])[0][:LONGEST])
            return shown(guest, f"We have your request (number {one.id}), and answer it by {_day(one.due_at)}.")

        return await run_in_threadpool(done)

    @router.post("/{token}")
    async def save(token: str, request: Request) -> Response:
        """What the form says: every box that was shown, ticked or not; or all off."""
        form = parse_qs((await _body(request)).decode("utf-8", "replace"), keep_blank_values=True)

        def done() -> Response:
            guest = guest_of(token)
            if guest is None:
                return shown(None)
            wanted, often = _wanted(_choices(installation, guest), form)
            _choose(installation, guest, wanted, how="preference page", frequency=often)
            return shown(guest_of(token), "Saved. It takes a few minutes until every tool we use knows.")

        return await run_in_threadpool(done)

    return router


async def _body(request: Request) -> bytes:
    """The form's bytes, no more than a form has."""
    found = b""
    async for part in request.stream():
        found += part
        if len(found) > MOST:
            return b""
    return found


def _choices(installation: Installation, guest: Guest) -> list[Choice]:
    """Everything that may be decided."""
    return choices(installation.hub(), guest.record)


def _shown(installation: Installation, guest: Guest) -> list[Choice]:
    """What some tool is told, or somebody has said something about: the rest would promise what nobody does."""
    streams = [one for connection in installation.hub().connections.values() for one in connection.streams]
    used = {name for one in streams for name in (*one.translator.in_fields, *one.translator.out_fields)}
    known = (one for one in _choices(installation, guest) if one.channel != ALL)
    return [one for one in known if one.field in used or one.status is not None]


def _wanted(known: list[Choice], form: Mapping[str, list[str]]) -> tuple[dict[str, bool], str | None]:
    """Field → yes or no. A box that was not shown is not decided, and nobody says no by a form that is not ours."""
    if "all_off" in form:
        return {one.field: False for one in known}, None
    shown, ticked = set(form.get("shown", ())), set(form.get("yes", ()))
    wanted = {
        one.field: one.field in ticked
        for one in known
        # Where nothing was ever said, an empty box is no word.
        if one.field in shown and (one.field in ticked or one.status is not None)
    }
    often = form.get(FREQUENCY, [""])[0]
    return wanted, often if often in FREQUENCIES else None


def _choose(
    installation: Installation, guest: Guest, wanted: Mapping[str, bool], *, how: str, frequency: str | None = None
) -> None:
    proof = {"form": how, "wording": WORDING}
    choose(installation.hub(), guest.record, wanted, frequency=frequency, proof=proof)


def _told(installation: Installation, guest: Guest) -> dict[str, Any]:
    by_channel: dict[str, list[Choice]] = {}
    for one in _shown(installation, guest):
        by_channel.setdefault(one.channel, []).append(one)
    values = guest.record.values
    return {
        "guest": guest,
        "address": _veiled(values.get("email")),
        "channels": [(CHANNELS.get(name, name), found) for name, found in by_channel.items()],
        "often": values.get(FREQUENCY),
        "frequencies": OFTEN,
        "place": f"{PLACE}/{guest.token}",
        "rights": ASKED,
        "asked": [(ASKED.get(one.right, one.right), _day(one.due_at)) for one in _open(installation, guest)],
    }


def _open(installation: Installation, guest: Guest) -> list[requests.Request]:
    """What they have asked about their data, and was not answered yet."""
    with installation.store.reading() as tx:
        return [one for one in requests.of(tx, [guest.record.id]) if one.closed_at is None]


def _day(at: Instant) -> str:
    return iso(at)[:10]


def _veiled(email: Any) -> str:
    """Enough of an address for its owner: whoever else has the link learns nothing by it."""
    if not isinstance(email, str) or "@" not in email:
        return ""
    name, _, domain = email.rpartition("@")
    return f"{name[:1]}…@{domain}"
