"""A stand-in for a Mailchimp account, on loopback: for tests and trying out.

It speaks the dialect of the Marketing API 3.0, with its caps and oddities, and knows nothing of the hub. Here is what
people do: the admin in the web app, and the members themselves, by the links in their mails; the calls are in
`sandbox_*.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors._kit.sandbox import Call, Exchange, Response
from connectors.mailchimp.sandbox_audiences import BROKEN
from connectors.mailchimp.sandbox_batches import Batches
from connectors.mailchimp.sandbox_rules import CREATED, check_address, merged
from connectors.mailchimp.sandbox_store import Member, State, hash_of

__all__ = ["Call", "Exchange", "Response", "Sandbox"]


class Sandbox(Batches):
    """One account, with one audience at first. Members are named by their contact ids."""

    def answer(self, call: Call) -> Response | None:
        """What to answer; a call that broke in the middle gets none."""
        response = super().answer(call)
        return None if response is BROKEN else response

    # --- an admin in the web app

    def create(self, fields: Mapping[str, Any], *, status: str = "subscribed") -> str:
        """An admin adds somebody; gives the contact id."""
        with self._lock:
            audience = self.audience
            email = check_address(audience, fields["email_address"])
            merges = merged(audience, _merges(fields), {}, whole=False)
            state = State(email, str(fields.get("status", status)), merges, tuple(fields.get("tags", ())),
                          timestamp_signup=self.now(), source="Admin Add")  # fmt: skip
            member = audience.add(self.stamped(self._opted(state, state.status)))
            self.emit(audience, "subscribe", member, source="admin")
            return member.contact_id

    def edit(self, id: str, fields: Mapping[str, Any]) -> None:
        """An admin changes somebody."""
        with self._lock:
            member = self.of_id(id)
            named = {"email_address", "language", "vip", "status"}
            body = {name: value for name, value in fields.items() if name in named}
            self.change(self.audience, member, {**body, "merge_fields": _merges(fields)}, CREATED, source="admin")
            if "tags" in fields:
                self.retag(self.audience, member, tuple(fields["tags"]))

    def archive(self, id: str) -> None:
        """An admin archives somebody."""
        with self._lock:
            self.put_away(self.audience, self.of_id(id), source="admin")

    def erase(self, id: str) -> None:
        """An admin deletes somebody for good."""
        with self._lock:
            self.audience.forget(self.of_id(id))

    def announce(self, subject: str) -> None:
        """A campaign was sent."""
        data = {"id": "5aa2102003", "subject": subject, "status": "sent", "reason": "", "list_id": self.audience.id}
        self.send(self.audience, "campaign", data, "admin")

    # --- the person, by the links in their mails

    def confirm(self, id: str) -> None:
        """The person answers the confirmation mail, or fills in the sign-up form again."""
        self._turned(id, "subscribe", status="subscribed", timestamp_opt=self.now(), reason="", before="")

    def unsubscribe(self, id: str, reason: str = "NORMAL") -> None:
        """The person unsubscribes."""
        self._turned(id, "unsubscribe", status="unsubscribed", reason=reason)

    def text(self, id: str, number: str, status: str) -> None:
        """The person signs up for text messages, or leaves."""
        self._turned(id, "profile", sms_number=number, sms_status=status, sms_changed=self.now())

    def bounce(self, id: str) -> None:
        """The address is not there any more."""
        self._turned(id, "cleaned", status="cleaned")

    def _turned(self, id: str, kind: str, **changes: Any) -> None:
        with self._lock:
            member = self.of_id(id)
            self.audience.put(member, self.stamped(member.state, **changes))
            self.emit(self.audience, kind, member, source="user")

    # --- what a person sees

    def of_id(self, id: str) -> Member:
        """A member by contact id."""
        return self.audience.members[id]

    def by_address(self, email: str) -> Member | None:
        """A member by address."""
        return self.audience.by_hash.get(hash_of(email))

    def show(self, id: str) -> dict[str, Any] | None:
        """Somebody as the web app shows them; None where nobody is, or they are archived."""
        member = self.audience.members.get(id)
        if member is None or member.state.status == "archived":
            return None
        state = member.state
        merges = {tag: value for tag, value in state.merges.items() if tag in self.audience.merges}
        return {"email_address": state.email, "status": state.status, "tags": sorted(state.tags), **merges}

    def count(self) -> int:
        """How many are in the audience, archived ones aside."""
        return sum(one.state.status != "archived" for one in self.audience.members.values())

    def fill(self, count: int, *, seconds_between: float = 0.0) -> list[str]:
        """Very many at once, as an import makes them; gives their contact ids."""
        with self._lock:
            began = self.now() // 1_000_000 * 1_000_000
            made = []
            for number in range(count):
                at = began + int(number * seconds_between) * 1_000_000
                state = State(f"m{number}@example.com", "subscribed", {"FNAME": f"Member {number}"},
                              source="Import", last_changed=at, seen_at=at)  # fmt: skip
                made.append(self.audience.add(state).contact_id)
            return made


def _merges(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: "" if value is None else value for name, value in fields.items() if name.isupper()}
