"""Choosing: which of the values that tools differ on stands. Many questions are answered in the same few statements.

A choice is a word in the hub, like an edit there: it is folded, explained and undone like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from core.decide.fold import decided, words
from core.decide.reviewing import certainly_newest, pick
from core.decide.settle import Said
from core.errors import ConfigError
from core.flow.changes import Changes
from core.flow.desk import Heard, Work, load_works
from core.flow.hub import HUB, Hub
from core.flow.inward.rereading import chunks
from core.flow.refold import refold
from core.flow.running import Run
from core.model.claim import Claim, Claims, Evidence, Stamp
from core.model.shape import Field
from core.model.values import Json
from core.store import Tx, bindings, records
from core.store.bindings import Bound, State
from core.store.codec import UNKNOWN_DIGEST, pack
from core.store.database import allocate
from core.store.reviews import Review

PAGE = 1_000

CHOICES = ("newest", "earliest", "from")
"""Words that choose among what is said; `from` takes a connection's name."""


class Choice(NamedTuple):
    """What an answer makes of one question about a field; `said` is None where there is nothing to choose."""

    review: Review
    field: Field
    said: Said | None


def contenders(hub: Hub, work: Work, field: str) -> list[Said]:
    """What is said about a field: the words between which no rule decides, or all of them where one does."""
    plan, voices = hub.rules.plan(hub.shapes[work.record.kind]), tuple(work.voices.values())
    return list(decided(plan, hub.rules, voices, field).asked) or words(plan, voices, field)


def looked_at(hub: Hub, tx: Tx, record_ids: Sequence[int]) -> dict[int, Work]:
    """Records with every voice about them, to look at only; two statements."""
    works = {id_: Work(found, state=found.state) for id_, found in records.load(tx, set(record_ids)).items()}
    for bound in bindings.of_records(tx, set(works)):
        retired = bound.state != State.BOUND
        works[bound.record_id].say(bound, hub.sources.get(bound.stream_id, "?"), bound.claims, retired=retired)
    return works


def choices(hub: Hub, works: Mapping[int, Work], found: Sequence[Review], word: str, value: Json) -> list[Choice]:
    """What each of these questions would be answered with. `value` is the value itself, or the source for `from`.

    Raises `ConfigError` for a value that the field cannot have; questions of lost records are left out.
    """
    chosen = []
    for review in found:
        work = works.get(review.record_id)
        field = hub.shapes[work.record.kind].fields.get(review.field) if work else None
        if work is None or field is None:
            continue
        if word == "value":
            chosen.append(Choice(review, field, Said(HUB, _normal(hub, field, value), Stamp(0, 0))))
            continue
        said = contenders(hub, work, review.field)
        if word == "from":
            # A source may have something to say though others are nearer to each other in time.
            plan = hub.rules.plan(hub.shapes[work.record.kind])
            said = words(plan, tuple(work.voices.values()), review.field)
        chosen.append(Choice(review, field, pick(said, word, str(value) if word == "from" else None)))
    return chosen


def _normal(hub: Hub, field: Field, value: Json) -> Json:
    try:
        return field.normaliser(hub.locale)(value)
    except ValueError as error:
        raise ConfigError(f"{field.name}: {error}.") from error


def choose(
    hub: Hub, run: Run, found: Sequence[Review], word: str, value: Json, *, by_default: bool = False
) -> set[int]:
    """Say what was chosen, page by page; gives the numbers of the questions that had a value to choose.

    A person's choice counts from now on. One that is taken `by_default` is as old as the word it repeats, so that
    whatever was said since goes before it.
    """
    answered: set[int] = set()
    for page in chunks(found, PAGE):
        changes = Changes(hub.clock(), run.id)
        now = Stamp(changes.now, changes.now, Evidence.FIELD_HISTORY)
        with hub.store.writing(durable=True) as tx:
            works = load_works(hub, tx, {review.record_id for review in page})
            said: dict[int, dict[str, Claim]] = {}
            for one in choices(hub, works, page, word, value):
                if one.said is None or (by_default and not _is_certain(hub, works[one.review.record_id], one.review)):
                    continue
                stamp = one.said.stamp if by_default else now
                said.setdefault(one.review.record_id, {})[one.review.field] = Claim(one.said.value, stamp)
                answered.add(one.review.id)
            _speak(hub, tx, changes, works, said)
            refold(hub, tx, changes, [works[id_] for id_ in said], cause="live")
            changes.write(tx)
    return answered


def _is_certain(hub: Hub, work: Work, review: Review) -> bool:
    """Whether it is still safe, now that nobody else can change it."""
    return certainly_newest(contenders(hub, work, review.field)) is not None


def _speak(
    hub: Hub, tx: Tx, changes: Changes, works: Mapping[int, Work], said: Mapping[int, Mapping[str, Claim]]
) -> None:
    """Put words said in the hub on the desk, each beside what was said there before: a statement a kind."""
    streams = {kind: id_ for id_, kind in hub.own_streams.items()}
    present: dict[int, Bound] = {}
    for kind, stream_id in streams.items():
        ids = [str(id_) for id_ in said if works[id_].record.kind == kind]
        if ids:
            present |= {int(id_): row for id_, row in bindings.of_remotes(tx, stream_id, ids).items()}
    lacking = [id_ for id_ in said if id_ not in present]
    numbers = dict(zip(lacking, allocate(tx, "binding", len(lacking)) if lacking else (), strict=True))
    for id_, claims in said.items():
        work, own = works[id_], present.get(id_)
        renewed = (own.claims if own else Claims()).renewed(claims)
        if own:
            row = own._replace(packed_claims=bindings.packed(renewed), read_at=changes.now)
            changes.bindings[row.id] = row
        else:
            row = _own(numbers[id_], streams[work.record.kind], id_, bindings.packed(renewed), changes.now)
            changes.new_bindings.append(row)
        work.say(row, HUB, renewed)
        work.heard.append(Heard("heard", Claims.of(claims), row.id))


def _own(number: int, stream_id: int, record_id: int, packed: bytes, now: int) -> Bound:
    rest: dict[str, Any] = dict.fromkeys(("version", "modified_at", "wrote_at", "packed_told", "problems", "moved_to"))
    return Bound(
        id=number, stream_id=stream_id, remote_id=str(record_id), record_id=record_id, state=State.BOUND,
        digest=UNKNOWN_DIGEST, read_at=now, packed_claims=packed, packed_expected=pack({}), **rest,
    )  # fmt: skip
