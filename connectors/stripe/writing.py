"""Writing customers: one call each, for Stripe has none for several.

A create carries an idempotency key, with which Stripe gives the first answer again for at least a day, and leaves the
key in the customer's metadata, where it is found for ever after. So before creates are sent it is asked which of them
were made already; that is one search for ten of them, and what search does not know yet is young enough for the key.

A change carries no idempotency key. It is harmless to repeat, and with one Stripe would answer a later change back to
a former value by showing what it did the first time, and do nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from connectors._kit.exchange import Answer
from connectors._kit.payload import nested
from connectors._kit.receipts import one_by_one
from connectors.stripe.client import Client
from connectors.stripe.finding import Finder
from connectors.stripe.objects import Objects
from connectors.stripe.trouble import REUSED, SUBSCRIBED
from connectors.stripe.words import CUSTOMERS
from core.errors import Exists, Gone, Refused, Unknown, Unsupported
from core.ports import Edit, Receipt, Remote, Verb

ADDRESS = ("line1", "line2", "city", "state", "postal_code", "country")
TEXTS = ("email", "name", "individual_name", "business_name", "phone", "description", "tax_exempt")
WRITABLE = frozenset({*TEXTS, "address", "metadata", "preferred_locales"})
LONGEST_KEY = 255
REPLAYED = "idempotent-replayed"
"""Header of an answer that Stripe gave before."""


class Writer:
    """Writes customers."""

    def __init__(
        self, client: Client, objects: Objects, finder: Finder, *, key_field: str, delete_subscribers: bool
    ) -> None:  # fmt: skip
        self._client = client
        self._objects = objects
        self._finder = finder
        self._key_field = key_field
        self._delete_subscribers = delete_subscribers

    def write(self, edits: Sequence[Edit]) -> list[Receipt]:
        """One receipt for each edit, in order."""
        keys = [edit.key for edit in edits if edit.verb is Verb.CREATE]
        made = self._finder.searched(keys) if keys else {}
        return one_by_one(edits, lambda edit: self._written(edit, made))

    def _written(self, edit: Edit, made: Mapping[str, str]) -> Receipt:
        if edit.verb is Verb.CREATE:
            return self._created(edit, made.get(edit.key))
        if edit.verb is Verb.UPDATE:
            return self._updated(edit)
        return self._deleted(edit)

    # --- creates

    def _created(self, edit: Edit, known: str | None) -> Receipt:
        form = self._form(edit)
        if known is not None:
            there = self._objects.one(CUSTOMERS, known)
            if not there.deleted:
                raise Exists("Stripe has this customer already.", remote_id=there.id)
        form["metadata"] = {**form.get("metadata", {}), self._key_field: edit.key}
        answer = self._posted(form, edit.key)
        if answer is None:
            raise Refused("Stripe knows the key of this create from another one.", code=REUSED)
        return self._receipt(answer)

    def _posted(self, form: Mapping[str, Any], key: str) -> Answer | Remote | None:
        """What a create made, now or before; None where its key is spoilt and nobody has it."""
        try:
            # An answer of 5xx is kept and given again as well; it says nothing about this call.
            answer = self._client.post(CUSTOMERS.name, form=form, key=_short(key), ok=(500, 502, 503, 504))
        except Refused as error:
            if error.facts.get("code_there") != "idempotency_error":
                raise
            return self._finder.find(key)
        replayed = answer.headers.get(REPLAYED) == "true"
        if answer.status >= 500 and not replayed:
            raise Unknown("Stripe failed while it was writing.", status=answer.status)
        if not replayed:
            return answer
        there = self._there(answer, key)
        if there is not None or key.endswith(_AGAIN):
            return there
        # Whoever it made is gone, or it made nobody; so it is made now, under a key of its own.
        return self._posted(form, key + _AGAIN)

    def _there(self, answer: Answer, key: str) -> Remote | None:
        """Who was made when an answer was given first, as they are now."""
        if answer.status >= 500:
            return self._finder.find(key)
        there = self._objects.one(CUSTOMERS, answer.payload().text("id"))
        return None if there.deleted else there

    # --- changes and deletes

    def _updated(self, edit: Edit) -> Receipt:
        form = self._form(edit)
        if not form:
            there = self._objects.one(CUSTOMERS, _id(edit))
            if there.deleted:
                raise Gone("The customer is deleted.")
            return self._receipt(there)
        return self._receipt(self._client.post(CUSTOMERS.name, _id(edit), form=form))

    def _deleted(self, edit: Edit) -> Receipt:
        """Delete for good; Stripe knows no other way. What runs for the customer would end with it."""
        if not self._delete_subscribers:
            running = self._client.get("subscriptions", customer=_id(edit), limit=1)
            if running.many("data"):
                raise Refused("The customer has a subscription that runs.", code=SUBSCRIBED)
        self._client.delete(CUSTOMERS.name, _id(edit))
        return Receipt(edit.remote_id)

    # --- small words

    def _form(self, edit: Edit) -> dict[str, Any]:
        """The fields of an edit as Stripe takes them."""
        fields: dict[str, Any] = nested(edit.fields)
        strange = sorted(set(fields) - WRITABLE)
        if strange:
            raise Unsupported("Stripe lets nobody write this field of a customer.", field=", ".join(strange))
        if fields.get("metadata", {}) is None:
            what = "The metadata are cleared key by key; all at once would take our key along."
            raise Unsupported(what, field="metadata")
        if not fields.get("preferred_locales", True):
            # The contract has a list there and no blank, as other fields have for being cleared.
            raise Unsupported("Stripe offers no way to clear a customer's languages.", field="preferred_locales")
        if "address" in fields:
            fields["address"] = _address(fields["address"], edit.held.get("address"))
        return fields

    def _receipt(self, told: Answer | Remote) -> Receipt:
        remote = told if isinstance(told, Remote) else self._objects.remote(CUSTOMERS, told.payload())
        return Receipt(remote.id, fields=remote.fields, whole=True)


_AGAIN = ".again"


def _address(wanted: Any, held: Any) -> Any:
    """An address goes out whole: that the parts left out would stay is promised nowhere."""
    if not isinstance(wanted, dict):
        return None
    there = {name: value for name, value in (held if isinstance(held, dict) else {}).items() if value}
    parts = {name: value or "" for name, value in {**there, **wanted}.items()}
    return parts if any(parts.values()) else None


def _id(edit: Edit) -> str:
    if not edit.remote_id:
        raise Refused("The edit names no customer.")
    return edit.remote_id


def _short(key: str) -> str:
    """A key as long as Stripe takes it."""
    return key if len(key) <= LONGEST_KEY else hashlib.sha256(key.encode()).hexdigest()
