"""Looking around in an account: who we are, what the user agreed to, which calendar it is, and what is in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.google_calendar.client import Calendar, Client
from connectors.google_calendar.signing import scopes_of
from connectors.google_calendar.trouble import READ_ONLY, SCOPE
from connectors.google_calendar.words import CALENDARS, NEEDED, WHOLE, WRITERS
from core.errors import REGISTRY
from core.ports import Checkup, Finding

_MOST = 20
"""So many calendars are named."""


class Inspector:
    """Carries out `check`."""

    def __init__(self, client: Client, settings: Mapping[str, Any]) -> None:
        self._client = client
        self._chosen = str(settings.get("calendar") or "").strip()
        self._updates = str(settings.get("send_updates") or "none")

    def checkup(self) -> Checkup:
        """Sign in and look around."""
        agreed = scopes_of(self._client.auth.tokens())
        scopes = tuple(_scope_findings(agreed))
        missing = [one for one in scopes if not one.ok]
        if missing and agreed is not None and not agreed & {CALENDARS, *NEEDED[CALENDARS][1]}:
            return Checkup(self._chosen or "a Google account", scopes)
        calendars = list(self._client.calendars())
        own = next((one.id for one in calendars if one.own), "a Google account")
        found = next((one for one in calendars if one.id == self._chosen or (one.own and not self._named)), None)
        if found is None:
            return Checkup(own, (*scopes, self._no_calendar(calendars)))
        name = f"{found.name}, of {own}" if found.id != own else own
        return Checkup(name, (*scopes, *self._of_calendar(found)))

    @property
    def _named(self) -> bool:
        return self._chosen not in ("", "primary")

    def _of_calendar(self, calendar: Calendar) -> Iterator[Finding]:
        what = f"The calendar is {calendar.name} ({calendar.id}), in {calendar.zone}."
        if not self._named:
            what += f" Put {calendar.id} into `calendar`, so that it stays this one whoever signs in."
        yield Finding(True, what)
        if calendar.role in WRITERS:
            yield Finding(True, f"Its events may be changed ({calendar.role}).")
        else:
            what = f"Its events may not be changed: the account is a {calendar.role or 'stranger'} there."
            yield Finding(False, what, REGISTRY[READ_ONLY].remedy)
        yield Finding(True, self._about_mails())

    def _about_mails(self) -> str:
        if self._updates == "none":
            return "Guests get no mail from Google about what Concord changes."
        return f"Google writes to guests about what Concord changes (`send_updates: {self._updates}`)."

    def _no_calendar(self, calendars: list[Calendar]) -> Finding:
        told = ", ".join(f"{one.id} ({one.name})" for one in calendars[:_MOST]) or "none"
        what = f"The account has no calendar {self._chosen[:80]} in its list. There are: {told}."
        return Finding(False, what, "Put the id of one into `calendar`.")


def _scope_findings(agreed: frozenset[str] | None) -> Iterator[Finding]:
    if agreed is None:
        yield Finding(True, "Google did not say which scopes were agreed to.")
        return
    for scope, (purpose, wider) in NEEDED.items():
        ok = bool(agreed & {scope, *wider, WHOLE})
        what = f"The scope {scope} is {'there' if ok else 'missing'}: to {purpose}."
        yield Finding(ok, what, "" if ok else REGISTRY[SCOPE].remedy)
