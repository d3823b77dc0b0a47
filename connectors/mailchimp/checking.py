"""Looking around in an account: who we are, which audiences there are, and what would get in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors._kit.payload import Payload
from connectors.mailchimp.client import Client, listed
from connectors.mailchimp.describing import Merge, Shapes
from connectors.mailchimp.members import Members
from core.errors import Unsupported
from core.ports import Checkup, Finding


class Inspector:
    """Carries out `check`."""

    def __init__(self, client: Client, shapes: Shapes, members: Members, settings: Mapping[str, Any]) -> None:
        self._client = client
        self._shapes = shapes
        self._members = members
        self._settings = settings

    def checkup(self) -> Checkup:
        """Sign in and look around."""
        told = self._client.http.get("").payload()
        name = told.text("account_name", "") or told.text("account_id", "")
        signed_in = Finding(True, f"Signed in to {name} as {told.text('role', 'a user')}.")
        audiences = self._client.audiences()
        wanted = str(self._settings.get("audience") or "").strip()
        found = next((one for one in audiences if one.id("id") == wanted), None)
        if found is None:
            return Checkup(name, (signed_in, _no_audience(wanted, audiences)))
        return Checkup(f"{name}: {found.text('name', wanted)}", (signed_in, *self._of_audience(found)))

    def _of_audience(self, audience: Payload) -> Iterator[Finding]:
        yield Finding(True, f"The audience is {audience.text('name', '')}.")
        yield self._paths()
        yield from self._merge_findings(list(self._shapes.asked().values()))
        if audience.flag("marketing_permissions", False):
            yield Finding(True, "The audience asks for marketing permissions; Concord reads them and never sets them.")
        yield self._grant_finding()
        yield from self._webhook_findings()

    def _paths(self) -> Finding:
        try:
            self._members.prove()
        except Unsupported as error:
            return Finding(False, error.message, error.remedy)
        return Finding(True, "Members are found by their ids.")

    def _merge_findings(self, merges: list[Merge]) -> Iterator[Finding]:
        yield Finding(True, f"The audience has the merge fields {', '.join(one.tag for one in merges) or '(none)'}.")
        required = [one.tag for one in merges if one.required]
        if required and not self._settings.get("skip_required"):
            what = f"Mailchimp refuses whoever has no {', '.join(required)}; set `skip_required` to let them in."
            yield Finding(True, what)
        for one in merges:
            if one.type == "phone" and one.phone_format == "US":
                what = f"{one.tag} takes numbers of the USA only (201-555-0123); others are refused."
                yield Finding(True, f"{what} Its settings in Mailchimp can make it international.")

    def _grant_finding(self) -> Finding:
        if self._settings.get("grant") == "subscribed":
            return Finding(True, "Who is granted is subscribed at once, without a confirmation mail.")
        return Finding(True, "Who is granted gets Mailchimp's confirmation mail and is subscribed by answering it.")

    def _webhook_findings(self) -> Iterator[Finding]:
        told = self._client.ask("GET", "webhooks").payload()
        if any(one.flag("sources.api", False) for one in told.each("webhooks", [])):
            what = "A webhook of the audience also tells what is changed by API, our own writes included."
            yield Finding(True, what)


def _no_audience(wanted: str, audiences: list[Payload]) -> Finding:
    what = f"The account has no audience {wanted[:40]}." if wanted else "The connection names no audience."
    return Finding(False, f"{what} There are: {listed(audiences)}.", "Put the id of one into `audience`.")
