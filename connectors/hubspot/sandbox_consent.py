"""Which mail a person wants: kept by address, not by contact, and an opt-out that only the person takes back.

Beside its status for each kind of mail an address may have left everything. Contacts repeat both in properties, by
which the stamp of a contact does not move, because nobody promises that it does.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from connectors._kit.sandbox import Call, Response
from connectors.hubspot.sandbox_base import Base, body_of, crm, listed_in
from connectors.hubspot.sandbox_problems import Problem, invalid
from connectors.hubspot.sandbox_schema import Property
from connectors.hubspot.sandbox_values import spelt
from connectors.hubspot.sandbox_world import Happening
from core.model.instant import Instant

DEFINITIONS = (
    (501, "Newsletter", "News once a month"),
    (502, "Product updates", "What is new in the product"),
    (503, "One to one", "Mail from a person to a person"),
)
_BASES = {
    "CONSENT_WITH_NOTICE", "LEGITIMATE_INTEREST_CLIENT", "LEGITIMATE_INTEREST_OTHER", "LEGITIMATE_INTEREST_PQL",
    "NON_GDPR", "PERFORMANCE_OF_CONTRACT", "PROCESS_AND_STORE",
}  # fmt: skip
_STATES = ("SUBSCRIBED", "UNSUBSCRIBED", "NOT_SPECIFIED")
_READ = ("communication_preferences.read", "communication_preferences.read_write")
_WRITE = ("communication_preferences.write", "communication_preferences.read_write")
_READ_MANY = "communication_preferences.statuses.batch.read"
_WRITE_MANY = "communication_preferences.statuses.batch.write"
_MOST = 100
"""Addresses in one call."""


@dataclass
class Wish:
    """What one address wants of one kind of mail."""

    status: str = "NOT_SPECIFIED"
    at: Instant = 0
    source: str = ""
    basis: str | None = None
    explanation: str | None = None


class Consent(Base):
    """`/communication-preferences/…`."""

    def __init__(self, **kit: Any) -> None:
        super().__init__(**kit)
        self.wishes: dict[str, dict[int, Wish]] = defaultdict(lambda: {id_: Wish() for id_, _, _ in DEFINITIONS})
        self.left: dict[str, Instant] = {}
        """Address → when it left all mail."""
        self.privacy = False
        """Whether the account's privacy settings ask for a legal basis."""
        self.resubscribes = False
        """Whether v4 and its followers subscribe again who opted out, as HubSpot's guide has it."""
        self.optouts_stamp = False
        """Whether an opt-out moves the stamp of its contact; HubSpot does not promise it."""
        for id_, name, _ in DEFINITIONS:
            self.world.schema.properties["contacts"][f"hs_email_optout_{id_}"] = Property(
                f"hs_email_optout_{id_}", "bool", "booleancheckbox", f"Opted out of email: {name}",
                "contactinformation", read_only=True, own=False, made_at=self.now(),
            )  # fmt: skip
        tell = self.world.tell

        def heard(happening: Happening) -> None:
            tell(happening)
            if happening.plural == "contacts" and (
                happening.what == "creation" or happening.facts.get("propertyName") == "email"
            ):
                # What the address said before it became this contact's holds for the contact, too.
                record = self.world.tables["contacts"].records[happening.id]
                self._mirror(record.state.properties.get("email", ""))

        self.world.tell = heard

    def opt_out(self, email: str, subscription: int | None = None) -> None:
        """A person clicks on unsubscribe, for one kind of mail or for all."""
        with self._lock:
            if subscription is None:
                self._leave(email, "Subscriber")
            else:
                self._set(email, subscription, "UNSUBSCRIBED", "Subscriber")

    def opt_in(self, email: str, subscription: int) -> None:
        """A person subscribes on the page for it; that also takes an opt-out back."""
        with self._lock:
            self.left.pop(email.lower(), None)
            self._set(email, subscription, "SUBSCRIBED", "Subscriber")

    def wish(self, email: str, subscription: int) -> str:
        """What an address wants of one kind of mail, as a person sees it."""
        return self.wishes[email.lower()][subscription].status

    def has_left(self, email: str) -> bool:
        """Whether an address left all mail, as a person sees it."""
        return email.lower() in self.left

    # --- v3

    @crm("GET", "consent", "/definitions")
    def list_definitions(self, call: Call) -> Response:  # noqa: ARG002 -- has no body
        """The kinds of mail."""
        self.needs(*_READ)
        made = spelt(self.world.schema.properties["contacts"]["email"].made_at)
        return Response(200, {"subscriptionDefinitions": [
            {
                "id": str(id_), "name": name, "description": text, "purpose": "Marketing",
                "communicationMethod": "Email", "isActive": True, "isDefault": False, "isInternal": False,
                "createdAt": made, "updatedAt": made,
            }
            for id_, name, text in DEFINITIONS
        ]})  # fmt: skip

    @crm("GET", "consent", "/status/email/{email}")
    def get_status(self, call: Call, email: str) -> Response:  # noqa: ARG002 -- has no body
        """What an address wants; it need not be a contact's."""
        self.needs(*_READ)
        statuses = [self._old_form(email, id_) for id_, _, _ in DEFINITIONS]
        return Response(200, {"recipient": email, "subscriptionStatuses": statuses})

    @crm("POST", "consent", "/subscribe")
    def subscribe_address(self, call: Call) -> Response:
        """Subscribe; refused after an opt-out."""
        return self._change(call, "SUBSCRIBED")

    @crm("POST", "consent", "/unsubscribe")
    def unsubscribe_address(self, call: Call) -> Response:
        """Unsubscribe."""
        return self._change(call, "UNSUBSCRIBED")

    def _change(self, call: Call, status: str) -> Response:
        self.needs(*_WRITE)
        data = body_of(call)
        email, id_ = str(data.get("emailAddress", "")), _known(data.get("subscriptionId"))
        self._write(email, id_, status, data)
        return Response(200, self._old_form(email, id_))

    # --- v4 and dated

    @crm("GET", "statuses", "/statuses/{email}")
    def get_statuses(self, call: Call, email: str) -> Response:
        """What an address wants, with where that comes from."""
        self.needs(*_READ)
        _email_only(call.query.get("channel", "EMAIL"))
        return self._mailing([self._new_form(email, id_) for id_, _, _ in DEFINITIONS])

    @crm("POST", "statuses", "/statuses/{email}")
    def post_status(self, call: Call, email: str) -> Response:
        """Set one status."""
        self.needs(*_WRITE)
        data = body_of(call)
        _email_only(str(data.get("channel", "")))
        id_, status = _known(data.get("subscriptionId")), str(data.get("statusState", ""))
        if status not in _STATES:
            raise invalid(f"{status} is not a status; there are {', '.join(_STATES)}")
        self._write(email, id_, status, data, again=self.resubscribes)
        return self._mailing([self._new_form(email, id_)])

    @crm("POST", "statuses", "/statuses/batch/read", reading=True)
    def read_statuses(self, call: Call) -> Response:
        """What many addresses want."""
        self.needs(_READ_MANY)
        return self._mailing([
            {"subscriberIdString": email, "statuses": [self._new_form(email, id_) for id_, _, _ in DEFINITIONS]}
            for email in _addresses(call)
        ])  # fmt: skip

    @crm("POST", "statuses", "/statuses/batch/unsubscribe-all/read", reading=True)
    def read_who_left(self, call: Call) -> Response:
        """Which of many addresses left all mail; one that never did has no status of that kind."""
        self.needs(_READ_MANY)
        return self._mailing([
            {"subscriberIdString": email, "wideStatuses": [self._wide_form(email)] if self.has_left(email) else []}
            for email in _addresses(call)
        ])  # fmt: skip

    @crm("POST", "statuses", "/statuses/batch/unsubscribe-all")
    def unsubscribe_many(self, call: Call) -> Response:
        """No mail of any kind any more, for many addresses."""
        self.needs(_WRITE_MANY)
        addresses = _addresses(call)
        for email in addresses:
            self._leave(email, "API")
        return self._mailing([{"subscriberIdString": email} for email in addresses])

    @crm("POST", "statuses", "/statuses/{email}/unsubscribe-all")
    def unsubscribe_all(self, call: Call, email: str) -> Response:
        """No mail of any kind any more."""
        self.needs(*_WRITE)
        _email_only(call.query.get("channel", ""))
        self._leave(email, "API")
        return self._mailing([self._new_form(email, id_) for id_, _, _ in DEFINITIONS])

    # --- parts of the above

    def _write(self, email: str, id_: int, status: str, data: dict[str, Any], *, again: bool = False) -> None:
        basis, why = data.get("legalBasis"), data.get("legalBasisExplanation")
        if basis is not None and basis not in _BASES:
            raise invalid(f"{basis} is not a legal basis")
        if self.privacy and not (basis and why):
            raise invalid("legalBasis and legalBasisExplanation are required while data privacy settings are on")
        out = self.wishes[email.lower()][id_].status == "UNSUBSCRIBED" or self.has_left(email)
        if out and status != "UNSUBSCRIBED" and not again:
            message = f"{email} has unsubscribed from {id_} and can only be subscribed by the person."
            raise Problem(400, "VALIDATION_ERROR", message)
        if status == "SUBSCRIBED":
            self.left.pop(email.lower(), None)
        self._set(email, id_, status, "API", basis, why)

    def _leave(self, email: str, source: str) -> None:
        self.left[email.lower()] = self.now()
        for id_, _, _ in DEFINITIONS:
            self.wishes[email.lower()][id_] = Wish("UNSUBSCRIBED", self.now(), source)
        self._mirror(email)

    def _set(
        self, email: str, id_: int, status: str, source: str, basis: str | None = None, explanation: str | None = None
    ) -> None:
        self.wishes[email.lower()][id_] = Wish(status, self.now(), source, basis, explanation)
        self._mirror(email)

    def _mirror(self, email: str) -> None:
        """Repeat what an address wants on the contact that has it."""
        record = self.world.by_value("contacts", "email", email) if email else None
        if record is not None:
            states = {id_: Wish() for id_, _, _ in DEFINITIONS} | self.wishes.get(email.lower(), {})
            flags = {f"hs_email_optout_{id_}": one.status == "UNSUBSCRIBED" for id_, one in states.items()}
            flags["hs_email_optout"] = self.has_left(email)
            held = record.state.properties
            shown = {name: str(flag).lower() for name, flag in flags.items() if flag or name in held}
            self.world.mirror("contacts", record, shown, stamps=self.optouts_stamp)

    def _old_form(self, email: str, id_: int) -> dict[str, Any]:
        one, (name, text) = self.wishes[email.lower()][id_], _named(id_)
        optional = {"legalBasis": one.basis, "legalBasisExplanation": one.explanation}
        return {
            "id": str(id_), "name": name, "description": text,
            "sourceOfStatus": "PORTAL_WIDE_STATUS" if self.has_left(email) else "SUBSCRIPTION_STATUS",
            "status": "SUBSCRIBED" if one.status == "SUBSCRIBED" else "NOT_SUBSCRIBED",
            **{word: value for word, value in optional.items() if value is not None},
        }  # fmt: skip

    def _new_form(self, email: str, id_: int) -> dict[str, Any]:
        one, (name, _) = self.wishes[email.lower()][id_], _named(id_)
        return {
            "subscriberIdString": email, "channel": "EMAIL", "subscriptionId": id_, "subscriptionName": name,
            "status": one.status, "source": one.source, "timestamp": spelt(one.at), "legalBasis": one.basis,
            "legalBasisExplanation": one.explanation, "businessUnitId": 0, "setStatusSuccessReason": None,
        }  # fmt: skip

    def _wide_form(self, email: str) -> dict[str, Any]:
        return {
            "subscriberIdString": email, "wideStatusType": "PORTAL_WIDE", "channel": "EMAIL", "status": "UNSUBSCRIBED",
            "timestamp": spelt(self.left[email.lower()]), "businessUnitId": None,
        }  # fmt: skip

    def _mailing(self, results: list[dict[str, Any]]) -> Response:
        now = spelt(self.now())
        return Response(200, {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now})


def _known(id_: Any) -> int:
    if str(id_) not in {str(one) for one, _, _ in DEFINITIONS}:
        raise invalid(f"There is no subscription {id_}")
    return int(id_)


def _named(id_: int) -> tuple[str, str]:
    return next((name, text) for one, name, text in DEFINITIONS if one == id_)


def _addresses(call: Call) -> list[str]:
    _email_only(call.query.get("channel", ""))
    found = listed_in(body_of(call), "inputs")
    if len(found) > _MOST:
        raise invalid(f"{len(found)} inputs are too many; {_MOST} are taken")
    return [str(one) for one in found]


def _email_only(channel: str) -> None:
    if channel != "EMAIL":
        raise invalid(f"{channel or 'no channel'} is not a channel; there is EMAIL")
