"""Writing a batch of edits: each member with its own PUT or DELETE, then one look at what the server made of them.

Every write carries a condition (the version last seen, or "nothing is there yet"), so a repeat is harmless and
an edit made there meanwhile is never overwritten. Servers re-spell texts, and some give no version when they do,
so the receipt is what a multiget of the whole batch shows; unless somebody else wrote in between, which must
stay news.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple
from urllib.parse import urljoin
from uuid import UUID, uuid5

from connectors._kit.dav.dialect import Format, MemberError
from connectors._kit.dav.discovery import Collection, plural
from connectors._kit.dav.members import Members
from connectors._kit.dav.protocol import Dav, path_of, preconditions, strong
from connectors._kit.errors import is_page, words_of
from connectors._kit.http import Answer
from core.calling import carried
from core.errors import (
    Exists,
    Forbidden,
    Gone,
    Refused,
    SchemaChanged,
    SignedOut,
    Stale,
    Throttled,
    ToolError,
    Unavailable,
    Unknown,
)
from core.ports import Clock, Edit, Fields, Receipt, Remote, Verb

_OURS = UUID("6f0f3a52-6a0b-5d0c-9c43-6f1f7c1c7d55")
"""The name space of the ids of what we create; never change it, or repeats make second cards."""
_FOR_ALL = (SignedOut, Throttled, Unavailable)
"""Errors that the next member would meet too: nothing more is sent."""


def uid_of(key: str) -> str:
    """The UID and file name of what a create with this key makes."""
    return str(uuid5(_OURS, key))


class _Outcome(NamedTuple):
    """What became of one edit before the look back."""

    edit: Edit
    path: str
    sent: str | None = None
    """The text as it was sent; None for deletes."""
    version: str | None = None
    """What the server answered, where it did."""
    error: ToolError | None = None
    same: bool = False
    """The member says all that already; nothing was sent."""
    locked: bool = False
    """The server was busy with another write and did nothing."""
    met: bool = False
    """Something unexpected is there: a create found a member, or an update found another version."""


class Writer:
    """Writes into one collection."""

    def __init__(self, dav: Dav, form: Format, where: Collection, clock: Clock, concurrent: int) -> None:
        self._dav = dav
        self._form = form
        self._members = Members(dav, form)
        self._url = where.url
        self._clock = clock
        self._concurrent = concurrent
        self._halted: list[ToolError] = []

    def write(self, edits: Sequence[Edit]) -> list[Receipt]:
        """One receipt for each edit, in order. Raises when the first trouble concerns all and nothing was done."""
        self._halted.clear()
        held = self._held(edits)
        with ThreadPoolExecutor(max_workers=self._concurrent) as threads:
            sent = carried(self._outcome)
            outcomes = list(threads.map(sent, edits, [held.get(one.remote_id or "") for one in edits]))
        for place, outcome in enumerate(outcomes):
            if outcome.locked:
                # Xandikos takes one write at a time and answers 423 to the others: from now on, one by one.
                self._concurrent = 1
                outcomes[place] = self._outcome(outcome.edit, held.get(outcome.path))
        if self._halted and all(isinstance(outcome.error, _FOR_ALL) for outcome in outcomes):
            raise self._halted[0]
        shown = self._look_back(outcomes)
        return [self._receipt(outcome, shown) for outcome in outcomes]

    def find(self, key: str) -> Remote | None:
        """The member that a create with this key made: where we put it, else wherever it has gone since."""
        path = self._new_path(key)
        there = self._members.at(self._url, [path]).get(path)
        # Nobody else makes up this address: what is there came from us, even if a client gave it another UID.
        return there if there and not there.deleted else self._by_uid(key)

    # --- one member

    def _outcome(self, edit: Edit, held: Remote | None) -> _Outcome:
        path = edit.remote_id or self._new_path(edit.key)
        if self._halted:
            return _Outcome(edit, path, error=self._halted[0])
        try:
            if edit.verb is Verb.DELETE:
                return self._deleted(edit, path)
            return self._put(edit, path, held)
        except MemberError as error:
            return _Outcome(edit, path, error=Refused(f"The {self._member} cannot be written: {error}.", id=path))
        except ToolError as error:
            if isinstance(error, _FOR_ALL):
                self._halted.append(error)
            # Xandikos answers 500 to a delete beside another write; a second one alone does no harm.
            again = edit.verb is Verb.DELETE and self._concurrent > 1 and error.facts.get("status") == 500
            return _Outcome(edit, path, error=error, locked=again)

    def _put(self, edit: Edit, path: str, held: Remote | None) -> _Outcome:
        if edit.verb is Verb.CREATE:
            before, version, text = None, None, self._form.new(uid_of(edit.key), edit.fields, self._clock())
        else:
            before = self._text(held.fields if held else edit.held)
            if held is not None and (held.deleted or not before):
                return _Outcome(edit, path, error=self._gone(id=path))
            if held is not None and edit.version and held.version != edit.version:
                return _Outcome(edit, path, met=True)
            version = edit.version or "*"
            text = self._form.edited(before, edit.fields, self._clock())
        if text == before:
            return _Outcome(edit, path, text, edit.version, same=True)
        answer = self._dav.put(urljoin(self._url, path), text, version=version)
        # A 412 that names its reason is no version that moved: Xandikos says so of a UID that another event has.
        if answer.status == 412 and not preconditions(answer) & {*self._dav.dialect.faults, "no-uid-conflict"}:
            return _Outcome(edit, path, sent=text, met=True)
        error = self._error(edit, path, answer)
        return _Outcome(edit, path, text, _etag(answer), error, locked=answer.status == 423)

    def _deleted(self, edit: Edit, path: str) -> _Outcome:
        answer = self._dav.delete(urljoin(self._url, path), version=edit.version)
        if answer.status == 412:
            return _Outcome(edit, path, met=True)
        gone = answer.status in (404, 410)
        error = None if gone else self._error(edit, path, answer)
        return _Outcome(edit, path, error=error, locked=answer.status == 423)

    def _error(self, edit: Edit, path: str, answer: Answer) -> ToolError | None:
        """What the answer to a write means; None for success."""
        broken, kind = preconditions(answer), answer.headers.get("content-type", "")
        words = ", ".join(filter(None, [*sorted(broken), words_of(answer.content, kind)]))
        facts: dict[str, Any] = {"status": answer.status, "id": path}
        if answer.status < 300:
            page = is_page(answer.text[:1000], kind)
            return Unknown("A web page came instead of an answer to a write.", **facts) if page else None
        if "no-uid-conflict" in broken or (answer.status == 409 and edit.verb is Verb.CREATE):
            there = self._by_uid(edit.key) if edit.verb is Verb.CREATE else None
            if there is not None:
                return Exists(f"The {self._room} holds this UID already.", remote_id=there.id, **facts)
            return Refused(f"The server sees a conflict. It said: {words}", **facts)
        if answer.status == 423:
            return Throttled(f"The {self._room} is locked by another write.", **facts)
        if answer.status == 404 and edit.verb is Verb.UPDATE:
            return self._gone(**facts)
        if answer.status in (404, 405, 409):
            return SchemaChanged(f"The {self._room} is no longer there, or takes no {plural(self._member)}.", **facts)
        if answer.status == 403 and not broken & self._dav.dialect.faults:
            return Forbidden(f"The account may not write this {self._member}. The server said: {words}", **facts)
        return Refused(f"The server refused the {self._member}. It said: {words}", **facts)

    # --- around a batch

    def _held(self, edits: Sequence[Edit]) -> dict[str, Remote]:
        """Members that must be read before they can be edited: nobody handed us their text."""
        wanted = [
            edit.remote_id
            for edit in edits
            if edit.verb is Verb.UPDATE and edit.remote_id and not self._text(edit.held)
        ]
        return self._members.at(self._url, wanted) if wanted else {}

    def _look_back(self, outcomes: Sequence[_Outcome]) -> dict[str, Remote] | None:
        """The written members as they now are, in one request; None when the server does not say."""
        wanted = [outcome.path for outcome in outcomes if not outcome.error and (outcome.sent or outcome.met)]
        try:
            return self._members.at(self._url, list(dict.fromkeys(wanted))) if wanted else {}
        except ToolError:
            # The writes are done. Without their look back the hub reads the members itself.
            return None

    def _receipt(self, outcome: _Outcome, shown: dict[str, Remote] | None) -> Receipt:
        if outcome.error:
            return Receipt(error=outcome.error)
        there = None if shown is None else shown.get(outcome.path)
        if outcome.met:
            return self._met(outcome, there)
        if outcome.sent is None:
            return Receipt(outcome.path)
        moved = there is not None and outcome.version is not None and there.version != outcome.version
        if outcome.same and moved:
            return Receipt(error=self._stale(outcome.path))
        if moved or (there and there.deleted):
            # Somebody wrote after us. Their edit must come in as news, so the receipt is what we sent.
            there = self._members.of_text(outcome.path, outcome.sent, outcome.version)
        if there is None:
            return Receipt(outcome.path, outcome.version)
        return Receipt(there.id, there.version, there.modified_at, there.fields, whole=True)

    def _met(self, outcome: _Outcome, there: Remote | None) -> Receipt:
        """A condition did not hold: was it our own earlier try, another version, or nothing at all?"""
        path, creating = outcome.path, outcome.edit.verb is Verb.CREATE
        if creating and (there is None or there.deleted):
            return Receipt(error=Unknown("A create met something that could not be read.", id=path))
        if creating and there and _is_ours(there, outcome.edit.key):
            return Receipt(path, there.version, there.modified_at, there.fields, whole=True)
        if creating:
            return Receipt(error=Exists(f"The {self._member} we made has another UID now.", remote_id=path, id=path))
        if there is None or not there.deleted:
            return Receipt(error=self._stale(path))
        deleting = outcome.edit.verb is Verb.DELETE
        return Receipt(path) if deleting else Receipt(error=self._gone(id=path))

    def _by_uid(self, key: str) -> Remote | None:
        found = [self._members.read(one) for one in self._dav.by_uid(self._url, uid_of(key)).resources]
        return next((one for one in found if one and _is_ours(one, key)), None)

    def _new_path(self, key: str) -> str:
        return path_of(f"{uid_of(key)}{self._dav.dialect.suffix}", self._url)

    # --- words

    @property
    def _room(self) -> str:
        return self._dav.dialect.room

    @property
    def _member(self) -> str:
        return self._dav.dialect.member

    def _text(self, fields: Fields) -> str:
        return str(fields.get(self._dav.dialect.whole) or "")

    def _gone(self, **facts: Any) -> Gone:
        return Gone(f"The {self._member} is no longer there.", **facts)

    def _stale(self, path: str) -> Stale:
        return Stale(f"The {self._member} changed there since it was read.", id=path)


def _is_ours(remote: Remote, key: str) -> bool:
    uid = str(remote.fields.get("uid", "")).lower().removeprefix("urn:uuid:")
    return not remote.deleted and uid == uid_of(key)


def _etag(answer: Answer) -> str | None:
    return strong(answer.headers.get("etag", "")) or None
