"""Looking around in an account: who we are, which scopes and properties are missing, and making the key property."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors._kit.payload import Payload
from connectors.hubspot.client import Client
from connectors.hubspot.describing import Shapes
from connectors.hubspot.versions import INTROSPECT, TOKEN_INFO
from connectors.hubspot.words import ASKING_MANY, HOW_TO_GRANT, OBJECTS, SCOPES
from core.errors import Forbidden, Gone, Refused, SignedOut, Unsupported
from core.ports import Checkup, Finding

FIX = "key_property"
_WRITE_SCHEMA = "crm.schemas.{}.write"
_LABEL = "Concord key"
_ABOUT = "Concord marks here what it made, so that nothing is made twice. Please leave it as it is."


class Inspector:
    """Carries out `check` and `prepare`."""

    def __init__(self, client: Client, shapes: Shapes, settings: Mapping[str, Any], key_property: str) -> None:
        self._client = client
        self._shapes = shapes
        self._settings = settings
        self._key = key_property

    def checkup(self) -> Checkup:
        """Sign in and look around."""
        account = self._client.account()
        name = f"HubSpot account {account.id('portalId')}"
        zone = account.text("timeZone", "unknown")
        signed_in = Finding(True, f"Signed in to {name}; its time zone is {zone}.")
        found = (*self._scope_findings(), *self._types_of_email(), *self.key_findings(), self._webhook_finding())
        return Checkup(name, (signed_in, *found))

    def prepare(self, fix: str) -> list[Finding]:
        """Make the key property on all types that lack it."""
        if fix != FIX:
            raise Unsupported(f"HubSpot needs no such preparation: {fix[:60]}.")
        for stream in self._without_key()[0]:
            self._make_key(stream)
        self._shapes.forget()
        return list(self.key_findings())

    # --- scopes

    def _scope_findings(self) -> Iterator[Finding]:
        granted = self._granted()
        if granted is None:
            yield from self._tried()
            return
        missing = [scope for scope in SCOPES if scope not in granted and _both(scope) not in granted]
        for scope in missing:
            yield Finding(False, f"The scope {scope} is missing: Concord cannot {SCOPES[scope]}.", HOW_TO_GRANT)
        if not missing:
            yield Finding(True, "All scopes are granted.")
        if ASKING_MANY not in granted:
            # Only Marketing Hub Enterprise has it, so it is nothing that is missing.
            yield Finding(True, f"Without {ASKING_MANY} subscriptions are read from contacts: refusals, and no grants.")

    def _granted(self) -> frozenset[str] | None:
        """The scopes of our token, or None where HubSpot does not tell (a service key)."""
        try:
            told = self._token_info()
        except (Refused, Gone, Forbidden, SignedOut, Unsupported):
            return None
        listed = told.many("scopes", [])
        return frozenset(map(str, listed)) if listed else frozenset(told.text("scope", "").split()) or None

    def _token_info(self) -> Payload:
        place = self._client.placed
        if token := self._settings.get("token"):
            return self._client.door.post(place(TOKEN_INFO), json={"tokenKey": token}, reading=True).payload()
        access = self._client.auth.headers()["Authorization"].partition(" ")[2]
        form = {name: self._settings.get(name) for name in ("client_id", "client_secret")}
        form |= {"token": access, "token_type_hint": "access_token"}
        return self._client.door.post(place(INTROSPECT), data=form, reading=True).payload()

    def _tried(self) -> Iterator[Finding]:
        """Where nobody tells the scopes: try to read each stream. What may be written shows only when it is tried."""
        shut = []
        for stream in OBJECTS:
            try:
                self._client.ask("basic", "get_page", stream, limit=1, properties=["hs_object_id"])
            except Forbidden as error:
                shut.append(Finding(False, f"{stream.capitalize()} cannot be read. {error.message}", HOW_TO_GRANT))
        try:
            self._client.ask("owners", "get_page", limit=1)
        except Forbidden as error:
            shut.append(Finding(False, f"Owners cannot be read. {error.message}", HOW_TO_GRANT))
        yield from shut or [Finding(True, "Every stream can be read; HubSpot does not tell which may be written.")]

    def _types_of_email(self) -> Iterator[Finding]:
        """The types of subscription, for who wants a line of the mapping for one."""
        try:
            told = self._client.ask("definitions", "get_page").payload()
        except (Forbidden, Gone):
            return
        types = [(one.id("id"), one.text("name", "")) for one in told.each("subscriptionDefinitions")]
        if types:
            named = ", ".join(f"subscriptions.{id_} ({name})" for id_, name in types)
            yield Finding(True, f"The account has these types of email: {named}.")

    # --- the key property

    def key_findings(self) -> Iterator[Finding]:
        """Whether each type has the property that keeps creates from being doubled."""
        missing, twofold, unseen = self._without_key()
        if missing:
            remedy = (
                "Run `concord check` with `--fix` to have it made (that needs the scopes "
                f"{', '.join(_WRITE_SCHEMA.format(one) for one in ('contacts', 'companies', 'deals'))}), or make it in "
                "HubSpot on these types: single-line text, unique values."
            )
            what = f"There is no property {self._key} on {', '.join(missing)}; nothing can be created there."
            yield Finding(False, what, remedy, fix=FIX)
        if twofold:
            what = f"The property {self._key} takes the same value twice on {', '.join(twofold)}."
            remedy = (
                "Delete it in HubSpot and run `concord check` with `--fix`; unique values are chosen when it is made."
            )
            yield Finding(False, what, remedy)
        if unseen:
            what = f"Whether {', '.join(unseen)} have the property {self._key} cannot be seen."
            yield Finding(False, what, HOW_TO_GRANT)
        if not missing and not twofold and not unseen:
            yield Finding(True, f"All types have the property {self._key}; a repeated create is harmless.")

    def _without_key(self) -> tuple[list[str], list[str], list[str]]:
        """Streams without the property, with one that is not unique, and those we may not look at."""
        missing, twofold, unseen = [], [], []
        for stream in OBJECTS:
            try:
                told = self._client.ask("properties", "get_by_name", stream, self._key, archived=False).payload()
            except Gone:
                missing.append(stream)
            except Forbidden:
                unseen.append(stream)
            else:
                if not told.flag("hasUniqueValue", False):
                    twofold.append(stream)
        return missing, twofold, unseen

    def _make_key(self, stream: str) -> None:
        groups = self._client.ask("groups", "get_all", stream).payload()
        group = next((one.text("name") for one in groups.each("results") if not one.flag("archived", False)), None)
        made = {
            "name": self._key, "label": _LABEL, "description": _ABOUT, "groupName": group, "type": "string",
            "fieldType": "text", "hasUniqueValue": True, "formField": False, "hidden": False,
        }  # fmt: skip
        self._client.ask("properties", "create", stream, made)

    # --- webhooks

    def _webhook_finding(self) -> Finding:
        if self._settings.get("client_secret"):
            return Finding(True, "Webhooks are verified with client_secret.")
        return Finding(True, "No client_secret is set, so webhooks are refused; polls find everything a little later.")


def _both(scope: str) -> str:
    """The scope that grants reading and writing in one, where there is such a one."""
    return f"{scope.rpartition('.')[0]}.read_write"
