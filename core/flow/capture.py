"""Capture: what somebody posted by a form becomes a person, or a claim on who is known already, and a note beside them.

    lead ▶ read by the mapping ▶ missing? ▶ came twice? ▶ match, fold, ledger, outbox ▶ the note ▶ one transaction

A submission is a record that its form's source shows for the first time, and goes the way of any newcomer. It is known
by its key, which is unique in the store, so that it is taken in once whatever crashes and however often it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple

import orjson

from core.decide.leads import FORGETTABLE, Lead, Posted, read_lead, unanswerable
from core.errors import NotTaken
from core.flow.consent.checking import check_all
from core.flow.hub import HUB, Connection, FormSource, Hub, Stream
from core.flow.inward.arrivals import Trip
from core.flow.inward.inbound import receive
from core.flow.running import Run
from core.mapping import Reading
from core.model.consent import channel, topic
from core.model.form import Form
from core.model.instant import MINUTE, Instant
from core.model.values import Json
from core.ports import Remote
from core.store import Tx, bindings, leads, records
from core.store.bindings import State
from core.store.codec import digest
from core.store.database import serialise

WINDOW = 10 * MINUTE
"""The same words by the same form within this time are one lead, whoever sends them again."""


class Post(NamedTuple):
    """What came by a form."""

    form: str
    posted: Posted
    key: str
    """By which it is known again; two posts with one key are one lead, if they say the same."""
    referer: str | None = None
    """The page, as the browser names it by itself."""
    strict: bool = False
    """Whether a key stands for one post only: other words under it are a mistake, and no second thought."""


class Captured(NamedTuple):
    """What became of it."""

    reference: str
    """By which people may name it."""
    again: bool = False
    """It had come before."""
    problems: tuple[str, ...] = ()
    """What could not be read of it, and stays in the note."""
    wrong: Mapping[str, str] = {}
    """Field → what the person is asked to mend; nothing was taken in then."""


def capture(hub: Hub, post: Post) -> Captured:
    """Take a lead in, whole or not at all. `NotTaken` where there is no such form, and for a key used otherwise."""
    if post.form not in hub.forms:
        raise NotTaken(f"There is no form '{post.form[:60]}'.", code="lead.form")
    source, now = hub.forms[post.form], hub.clock()
    confirms = hub.profile.double_opt_in
    lead = read_lead(source.form, post.posted, at=now, referer=post.referer, confirms=confirms)
    person = {**lead.person, **lead.consents}
    (reading,) = source.people.translator.read([person])
    wrong = unanswerable(source.form, lead, reading.values, source.people.shape.fields)
    if wrong:
        return Captured("", wrong=wrong)
    for field in _granted_already(hub, lead, reading):
        # Asking again for what is granted would narrow it until somebody confirms.
        del person[field]
    mark = fingerprint(source.form, post.posted)
    key = post.key if post.strict else hashed(post.key, str(mark))
    with Run(hub, hub.own_id, "capture", source.form.speaks_as) as run:
        with hub.store.writing(durable=True) as tx:
            serialise(tx, records.CHANGING)
            earlier = _earlier(tx, source, key, mark, now)
            if earlier is not None:
                return Captured(reference(earlier), again=True, problems=reading.problems)
            taken = _take_in(hub, tx, source, lead, person, key=key, at=now, run_id=run.id)
            if taken:
                leads.note(tx, source.people.id, leads.Known(key, mark, now))
                _count(tx, source, reading)
        run.counts = {"captured" if taken else "left_out": 1}
    return Captured(reference(key), problems=reading.problems)


def fingerprint(form: Form, posted: Posted) -> int:
    """Equal for posts that say the same, however they came."""
    said = {name: text.strip() for name, text in posted.items() if name not in FORGETTABLE and text.strip()}
    return digest(orjson.dumps([form.name, said], option=orjson.OPT_SORT_KEYS))


def hashed(*words: str) -> str:
    """A key that shows nothing of the words it is made of."""
    return sha256("\0".join(words).encode("utf-8", "replace")).hexdigest()[:32]


def reference(key: str) -> str:
    """What people are told, to name a lead by."""
    return key[:10].upper()


def _earlier(tx: Tx, source: FormSource, key: str, mark: int, now: Instant) -> str | None:
    """The key of the lead that this is again; None for a new one."""
    found = leads.known(tx, source.people.id, key, mark, since=now - WINDOW)
    if found is not None and found.fingerprint != mark:
        raise NotTaken("This key was used for another lead before.", code="lead.key")
    if found is not None:
        return found.key
    return key if bindings.of_remotes(tx, source.people.id, [key]) else None


def _granted_already(hub: Hub, lead: Lead, reading: Reading) -> list[str]:
    """The boxes that must be confirmed by mail, and were: at this very address, for this very purpose."""
    email = str(reading.values.get("email", ""))
    waiting = [field for field, status in lead.consents.items() if status == "pending"] if email else []
    verdicts = {field: next(check_all(hub, [email], channel(field), topic(field))) for field in waiting}
    return [field for field, verdict in verdicts.items() if verdict.state == "granted"]


def _take_in(
    hub: Hub, tx: Tx, source: FormSource, lead: Lead, person: Mapping[str, Json], *, key: str, at: Instant, run_id: int
) -> bool:
    """Whether it came in; whoever was erased is kept out, note and all, until a person lets them in."""
    trip = _trip(hub, source.people, at, run_id)
    trip = replace(trip, assumed=("lifecycle_stage",), proof=_proof(source.form, lead))
    receive(trip, tx, [Remote(key, dict(person), modified_at=at)])
    row = bindings.of_remotes(tx, source.people.id, [key]).get(key)
    if row is None or row.state == State.ERASED:
        return False
    receive(_trip(hub, source.notes, at, run_id), tx, [Remote(key, {**lead.note, "person": key}, modified_at=at)])
    return True


def _trip(hub: Hub, stream: Stream, at: Instant, run_id: int) -> Trip:
    # Forms are streams of the hub's own connection, which takes part in nothing else.
    own = Connection(hub.own_id, HUB, HUB, ())
    here = replace(hub, connections={**hub.connections, hub.own_id: own})
    return Trip(here, stream, at, at, run_id=run_id, first_hand=True)


def _proof(form: Form, lead: Lead) -> dict[str, Json] | None:
    """What shows that the person consented: by which form, on which page, and the words beside each box."""
    if not lead.consents:
        return None
    wording = {one.field: one.wording for one in form.ticks if one.field in lead.consents}
    return {"form": form.name, "page": lead.person.get("page"), "wording": wording}


def _count(tx: Tx, source: FormSource, reading: Reading) -> None:
    line = next((one for one in source.people.translator.lines if one.field == "source"), None)
    said = reading.values.get("source")
    words = source.people.translator.mapping.vocabularies.get(line.vocabulary or "") if line is not None else None
    unknown = said if words is not None and said is not None and not words.knows(said) else None
    leads.count(tx, source.form.name, more={"leads": 1}, word=unknown)
