"""New members: many in one call where nothing but the call itself matters, else one by one.

Mailchimp has no key for a create, and needs none: no audience takes an address twice. Whoever is there already is
reported, never written over; only who was archived is brought back, because that is how Mailchimp keeps deleted ones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from connectors._kit.paging import batches as cut
from connectors._kit.payload import Payload
from connectors.mailchimp.client import Client
from connectors.mailchimp.consent import Manners, on_create
from connectors.mailchimp.members import Members, hash_of
from connectors.mailchimp.preparing import Wanted
from connectors.mailchimp.reading import told_to_the_second
from connectors.mailchimp.sending import Operation, Outcome, Sender
from connectors.mailchimp.trouble import item_error
from connectors.mailchimp.words import ARCHIVED, EMAIL, STATUS
from core.errors import Exists, Refused, ToolError, Unknown
from core.model.instant import SECOND
from core.ports import Edit

MOST = 500
"""Members in one call."""


class New(NamedTuple):
    """One create."""

    edit: Edit
    wanted: Wanted


class Creator:
    """Makes members."""

    def __init__(self, client: Client, members: Members, manners: Manners, params: Mapping[str, Any] | None) -> None:
        self._client = client
        self._members = members
        self._manners = manners
        self._params = params

    def create(self, sender: Sender, news: Sequence[New]) -> list[Outcome]:
        """One outcome for each, in order: the member with its contact id, or what is wrong."""
        outcomes: dict[int, Outcome] = {}
        together: dict[int, New] = {}
        addresses: set[str] = set()
        for place, new in enumerate(news):
            address = new.wanted.address.lower()
            if not address:
                outcomes[place] = Refused("Mailchimp takes nobody without an email address.", field=EMAIL)
            elif not new.wanted.tags and address not in addresses:
                # Tags go along with single members only; a second one with the same address meets the first.
                together[place] = new
                addresses.add(address)
        if len(together) > 1:
            for chunk in cut(list(together.items()), MOST):
                outcomes |= self._together(sender, dict(chunk))
        singly = {place: new for place, new in enumerate(news) if place not in outcomes}
        sent = sender.send([self._operation(new) for new in singly.values()])
        outcomes |= dict(zip(singly, sent, strict=True))
        self._met(sender, {place: (news[place], one) for place, one in outcomes.items() if isinstance(one, Exists)},
                  outcomes.__setitem__)  # fmt: skip
        return [outcomes[place] for place in range(len(news))]

    def _body(self, new: New, name: str = STATUS) -> dict[str, Any]:
        return new.wanted.body(**{name: on_create(new.wanted.status, self._manners)})

    def _operation(self, new: New) -> Operation:
        tags = {"tags": new.wanted.tags} if new.wanted.tags else {}
        return Operation(new.edit.key, "POST", ("members",), {**self._body(new), **tags}, self._params)

    # --- many in one call

    def _together(self, sender: Sender, news: Mapping[int, New]) -> dict[int, Outcome]:
        # Who is there already is left alone, whatever their status: `update_existing` would write over it.
        body = {"members": [self._body(new) for new in news.values()], "update_existing": False}
        began = self._client.clock()
        if sender.halted is not None:
            return dict.fromkeys(news, sender.halted)
        told = sender.together(lambda: self._client.ask("POST", json=body, params=self._params).payload())
        if isinstance(told, Refused) and len(news) > 1:
            # One value can spoil the call; it is halved until the bad one stands alone.
            places = list(news)
            halves = places[: len(places) // 2], places[len(places) // 2 :]
            return {
                place: outcome
                for half in halves
                for place, outcome in self._together(sender, {one: news[one] for one in half}).items()
            }
        if isinstance(told, ToolError):
            return dict.fromkeys(news, told)
        return self._told(news, told, told_to_the_second(self._client.time.of(began) - SECOND))

    def _told(self, news: Mapping[int, New], told: Payload, since: str) -> dict[int, Outcome]:
        """What the answer says of each: a member, whose contact id it leaves out, or an error."""
        places = {new.wanted.address.lower(): place for place, new in news.items()}
        made: dict[int, Payload] = {}
        outcomes: dict[int, Outcome] = {}
        for one in told.each("new_members", []):
            place = places.get(one.text(EMAIL).lower())
            if place is not None:
                made[place] = one
        for one in told.each("errors", []):
            place = places.get(one.text(EMAIL, "").lower())
            if place is not None and place not in made:
                outcomes[place] = item_error(one.object(""))
        doubt = Unknown("Mailchimp's answer does not speak of this member.", at=told.where)
        return {**dict.fromkeys(news, doubt), **outcomes, **self._with_ids(made, since)}

    def _with_ids(self, made: Mapping[int, Payload], since: str) -> dict[int, Outcome]:
        lacking = [one.id("id") for one in made.values() if not one.has("contact_id")]
        try:
            ids = self._members.ids_since(since, lacking) if lacking else {}
        except ToolError as error:
            return dict.fromkeys(made, Unknown(f"The member was made; what it is called is not known. {error.message}"))
        return {place: _named(one, ids) for place, one in made.items()}

    # --- who is there already

    def _met(
        self, sender: Sender, met: Mapping[int, tuple[New, ToolError]], put: Callable[[int, Outcome], None]
    ) -> None:
        """Name those that are in the way, and bring archived ones back."""
        there = self._client.side_by_side([new.wanted.address for new, _ in met.values()], self._members.at)
        back: dict[int, Operation] = {}
        for (place, (new, error)), found in zip(met.items(), there, strict=True):
            if isinstance(found, ToolError) or found is None:
                put(place, found or error)
            elif found.text(STATUS, "") == ARCHIVED:
                back[place] = self._back(new)
            else:
                put(place, Exists(error.message, remote_id=found.id("contact_id")))
        for place, outcome in zip(back, sender.send(list(back.values())), strict=True):
            put(place, outcome)

    def _back(self, new: New) -> Operation:
        """An archived member again. Its status must be said: it counts as new for none of Mailchimp's calls."""
        body = {**self._body(new), **new.wanted.body(status_if_new=self._body(new)[STATUS])}
        place = ("members", hash_of(new.wanted.address))
        return Operation(new.edit.key, "PUT", place, body, self._params)


def _named(told: Payload, ids: Mapping[str, str]) -> Outcome:
    held = told.object("")
    id_ = held.get("contact_id") or ids.get(told.id("id"))
    if not id_:
        return Unknown("The member was made, and no list shows it yet.", at=told.where)
    return Payload({**held, "contact_id": id_}, told.where)
