"""Laws about what people said: nothing of it is lost, it counts from when it was said, and nobody else said it."""

from __future__ import annotations

from collections.abc import Iterator

from connectors._kit.mischief import Switch
from core.flow.hub import HUB
from core.model.claim import Claim, Stamp
from core.model.instant import SECOND
from core.model.values import Json, is_blank
from core.store.codec import dumps
from core.store.records import Record, State
from tests.simulation.look import Look, same, stands
from tests.simulation.people import Word
from tests.simulation.plot import TOOLS
from tests.simulation.watch import CONSENT, narrow

PLAIN = ("first_name", "last_name", "phone", "job_title", "name")
"""Fields that hold one value, of which the newest stands."""

LATE_BY = 60 * SECOND
"""How old the stamp of a late commit may be."""

CLOSE = 4 * SECOND
"""What clocks that are known, and stamps that are cut, may be wrong by."""


def nothing_lost(look: Look) -> Iterator[str]:
    """Every word of a person stands, was overruled by a named rule, or waits in a review."""
    for (name, remote_id, path), word in look.ledger.words.items():
        bound = look.binding(name, remote_id)
        if bound is None:
            yield f"lost: {name} {remote_id} was never taken in"
            continue
        record = look.end(bound.record_id)
        field = path if name == HUB else look.field(record.kind, path)
        if record.state != State.LIVE:
            # An edit outlives a deletion where it stands; one that clocks make the older of two stands nowhere.
            if not _was_deleted(look, record, name, word) and not _overruled(look, record, name, field, word):
                yield f"lost: record {record.id} is {State(record.state).name}, {name} {remote_id} was edited since"
            continue
        if look.overwritten(name, remote_id, path, word.at):
            continue
        if not _accounted(look, record, name, field, word):
            there = record.values.get(field)
            yield f"lost: {field} {word.value!r} of {name} {remote_id}: record {record.id} has {there!r}"
    yield from _taken_out(look)


def edits_survive(look: Look) -> Iterator[str]:
    """Deleted here and edited there: the edit survives."""
    if look.stage.lost_any or any(habit.choosy for habit in look.stage.plot.habits):
        return
    for (name, remote_id), record_id in look.ledger.edited.items():
        record, bound = look.end(record_id), look.binding(name, remote_id)
        ours = [
            place
            for place in look.ledger.deleted
            if (one := look.binding(*place)) and look.end(one.record_id) is record
        ]
        known = bound is not None and look.end(bound.record_id) is record
        if known and ours == [(name, remote_id)] and not stands(record) and not look.was_merged(record):
            yield f"lost: record {record.id} was deleted with {name} {remote_id}, to which an edit was on its way"


def _was_deleted(look: Look, record: Record, name: str, word: Word) -> bool:
    """Whether somebody deleted it later, or said that it is gone in the sitting in which they said the word."""
    deleted, confirmed = look.ledger.deleted, look.ledger.confirmed if name == HUB else {}
    ours = {(one, bound.remote_id) for one in TOOLS for bound in look.bindings_of(record, one)}
    sitting = word.at - SECOND
    return any(at >= word.at or confirmed.get(place[0], 0) > sitting for place, at in deleted.items() if place in ours)


def _accounted(look: Look, record: Record, name: str, field: str, word: Word) -> bool:
    there = _ended(look, record, field, record.values.get(field))
    meant = _meant(look, record, name, field, word.value)
    if same(there, meant) or (field == "tags" and _all_there(look, there, meant)):
        return True
    if field == "company" and (name, word.value) in look.ledger.deleted and look.binding(name, word.value) is None:
        # It was gone before anybody could be told which one it was.
        return True
    if field == CONSENT:
        # A wider word is no word; a blank one says nothing.
        return word.cleared or narrow(there) >= narrow(meant)
    if _overruled(look, record, name, field, word):
        return True
    # A field that was set and cleared between two looks was never seen to be set: there was nothing to clear.
    return word.cleared or _answered(look, record, name, field, word)


def _overruled(look: Look, record: Record, name: str, field: str, word: Word) -> bool:
    """Whether a named rule let another word stand."""
    meant = _meant(look, record, name, field, word.value)
    losers = look.why(record, field).losers
    return any(
        lost.source == name and bool(lost.reason) and same(_ended(look, record, field, lost.value), meant)
        for lost in losers
    )


def _meant(look: Look, record: Record, name: str, field: str, value: Json) -> Json:
    """What a tool's value means in the hub."""
    refs = look.stream(TOOLS[0], record.kind).translator.refs
    if name == HUB and field in refs:
        return _ended(look, record, field, value)
    if name == HUB:
        return look.reads(TOOLS[0], record.kind, field, value)
    if field in refs and value is not None:
        bound = [look.binding(name, one) for one in (value if isinstance(value, list) else [value])]
        ids: list[Json] = [look.end(one.record_id).id for one in bound if one is not None]
        return ids if isinstance(value, list) else next(iter(ids), None)
    return look.reads(name, record.kind, field, value)


def _ended(look: Look, record: Record, field: str, value: Json) -> Json:
    """A value of the hub's in which records that were merged count as what they were merged into."""
    if field not in look.stream(TOOLS[0], record.kind).translator.refs or value is None:
        return value
    ids: list[Json] = [
        look.end(one).id for one in (value if isinstance(value, list) else [value]) if one in look.records
    ]
    return ids if isinstance(value, list) else next(iter(ids), None)


def _all_there(look: Look, there: Json, meant: Json) -> bool:
    """Whether each element stands, or was taken out by somebody."""
    out = {tag for _, _, tag in look.ledger.untagged}
    return all(one in (there or ()) or one in out for one in meant or ())


def _taken_out(look: Look) -> Iterator[str]:
    """What somebody took out of a set stays out, unless somebody had it later."""
    for (name, remote_id, tag), at in look.ledger.untagged.items():
        bound = look.binding(name, remote_id)
        record = look.end(bound.record_id) if bound else None
        if record is None or not stands(record) or tag not in (record.values.get("tags") or ()):
            continue
        later = [
            place
            for (*place, path), word in look.ledger.words.items()
            if path == "tags" and tag in (word.value or ()) and word.at > at - LATE_BY
        ]
        if not later and not look.was_merged(record):
            yield f"lost: {tag} was taken out in {name}, and stands in record {record.id} again"


def _answered(look: Look, record: Record, name: str, field: str, word: Word) -> bool:
    """Whether a newer word of somebody else went into a tool that spells it its own way, and the answer was lost.

    What stands there then looks like a word of that tool's own, and takes the place of the older one.
    """
    if name == HUB or field not in look.stage.plot.habits[TOOLS.index(name)].spellings:
        return False
    ours = {(one, bound.remote_id) for one in TOOLS for bound in look.bindings_of(record, one)}
    words = look.ledger.words
    return look.was_merged(record) or any(
        (*place, field) in words and words[(*place, field)].at > word.at - 5 * SECOND
        for place in ours
        if place[0] != name
    )


def newest_stands(look: Look) -> Iterator[str]:
    """No word that was certainly said before another one stands in its place."""
    if any(tool.mischief.happened[Switch.TIED] for tool in look.lab.tools.values()):
        return
    for (name, remote_id, path), word in look.ledger.words.items():
        bound = look.binding(name, remote_id)
        record = look.end(bound.record_id) if bound else None
        if record is None or path not in PLAIN or not stands(record) or look.was_merged(record):
            continue
        undated = name != HUB and not look.stage.plot.habits[TOOLS.index(name)].stamps
        if undated or look.overwritten(name, remote_id, path, word.at):
            continue
        field = path
        there, meant = record.values.get(field), _meant(look, record, name, field, word.value)
        if same(there, meant) or is_blank(meant) or field in look.undecided.get(record.id, ()):
            continue
        said = [stamp.at for stamp in _stamps(look, record, field, there)]
        if said and word.at - LATE_BY - CLOSE > max(said) and not _answered(look, record, name, field, word):
            yield f"order: {field} {meant!r} of {name} {remote_id} is newer than {there!r} of record {record.id}"


def _stamps(look: Look, record: Record, field: str, value: Json) -> list[Stamp]:
    claims = [bound.claims.get(field) for bound in look.by_record.get(record.id, ())]
    return [claim.stamp for claim in claims if claim is not None and same(claim.value, value)]


def dated(look: Look) -> Iterator[str]:
    """A claim counts from between when it was said and when the record in the tool was last changed."""
    for name, remote_id, field, claim in _claims(look):
        typed = look.ledger.typed.get((name, field, dumps(claim.value)))
        tool = look.lab.tools[name]
        stamped = look.stage.plot.habits[TOOLS.index(name)].stamps
        if typed is None or not stamped or tool.mischief.happened[Switch.TIED]:
            continue
        late = LATE_BY if tool.mischief.happened[Switch.LATE] else 0
        changed = look.changed_at(name, remote_id)
        if claim.stamp.at < min(typed) - late - CLOSE:
            yield f"dated: {field} {claim.value!r} of {name} {remote_id} counts from before it was said"
        elif changed and claim.stamp.at > max(changed) + CLOSE:
            yield f"dated: {field} {claim.value!r} of {name} {remote_id} counts from after its record was last changed"


def parroted(look: Look) -> Iterator[str]:
    """What a tool claims was said by somebody in it, and not by the hub."""
    for name, remote_id, field, claim in _claims(look):
        spelt = field in look.stage.plot.habits[TOOLS.index(name)].spellings
        # What a create of ours made whose answer was lost is taken in like anything else that is found there.
        found = (name, remote_id) in look.stage.found
        if not spelt and not found and (name, field, dumps(claim.value)) not in look.ledger.typed:
            yield f"parroted: {name} {remote_id} claims the {field} {claim.value!r}, which nobody said there"


def _claims(look: Look) -> Iterator[tuple[str, str, str, Claim]]:
    """(tool, remote id, field, claim) of what the tools are taken to say about plain fields."""
    for bound in look.bound:
        name = look.lab.hub.sources[bound.stream_id]
        if name == HUB or look.was_merged(look.end(bound.record_id)):
            continue
        for field, claim in bound.claims.items():
            if field in PLAIN:
                yield name, bound.remote_id, field, claim
