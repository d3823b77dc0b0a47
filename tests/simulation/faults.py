"""Deliberate faults of the flow: each names what it puts in the place of something, and what is then done wrong.

`tests.simulation.mutants` puts them in one at a time and sees that a law catches them. A fault is written so that it
does not depend on more of a function than it changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pkgutil import resolve_name
from typing import Any, NamedTuple
from unittest.mock import patch

from core.decide.fold import Folded
from core.decide.match import Ambiguous, Join
from core.decide.outcome import DONE
from core.decide.route import Lane
from core.decide.settle import latest
from core.errors import Refused, Unknown
from core.flow.arrivals import Intake
from core.model.instant import MINUTE
from core.ports import Receipt, Remote
from core.store import tables
from tests.simulation.words import PLAIN

Make = Callable[[Any], Any]
"""From what stands somewhere, what takes its place."""


class Fault(NamedTuple):
    """One fault."""

    name: str
    what: str
    changes: Mapping[str, Make]
    """Dotted name → what takes its place."""

    @contextmanager
    def put_in(self) -> Iterator[None]:
        """The flow does this wrong inside of it."""
        with ExitStack() as stack:
            for name, make in self.changes.items():
                owner, _, attribute = name.rpartition(".")
                place = resolve_name(owner)
                stack.enter_context(patch.object(place, attribute, make(getattr(place, attribute))))
            yield


def nothing(_real: Any) -> Any:
    """Is not done."""
    return lambda *_, **__: None


def gives(value: Any) -> Make:
    """Always gives this."""
    return lambda _real: lambda *_, **__: value


# --- writing


def _rows_dropped(_real: Any) -> Any:
    def settle(tx: Any, connection_id: int, rows: Any) -> None:
        _drop(tx, connection_id, [row.record_id for row in rows])

    return settle


def _drop(tx: Any, connection_id: int, ids: Sequence[int]) -> None:
    c = tables.outbox.c
    tx.execute(tables.outbox.delete().where(c.connection_id == connection_id, c.record_id.in_(ids)))


def _errors_taken_for_done(real: Any) -> Any:
    def written(hub: Any, stream: Any, edits: Any, done: Any) -> Iterator[Receipt]:
        for edit, receipt in zip(edits, real(hub, stream, edits, done), strict=True):
            yield receipt if receipt.error is None else Receipt(remote_id=edit.remote_id or edit.key)

    return written


def _refused_together(_real: Any) -> Any:
    def written(hub: Any, stream: Any, edits: Any, done: Any) -> Any:
        try:
            return hub.open(stream.source).write(stream.name, edits)
        except Refused as error:
            return [Receipt(error=error) for _ in edits]

    return written


def _unknown_is_done(real: Any) -> Any:
    return lambda error, **more: DONE if isinstance(error, Unknown) else real(error, **more)


def _any_version(real: Any) -> Any:
    return lambda *args: replace(real(*args), version=None)


def _as_told(real: Any) -> Any:
    def held_now(one: Any, bound: Any, _held: Any, now: int) -> Any:
        return real(one._replace(receipt=replace(one.receipt, fields=None)), bound, {}, now)

    return held_now


def _letters_stay(_real: Any) -> Any:
    def without_refused(tx: Any, connection: Any, found: Any) -> Any:
        c = tables.dead_letter.c
        query = tables.dead_letter.select().with_only_columns(c.record_id).where(c.connection_id == connection.id)
        dead = set(tx.execute(query).scalars())
        return [one for one in found if str(one.step) != "nothing" and one.record.id not in dead]

    return without_refused


def _without_questions(real: Any) -> Any:
    return lambda hub, group, values, ids, _undecided, *more: real(hub, group, values, ids, {}, *more)


# --- reading


def _checkpoint_first(real: Any) -> Any:
    def inbound(trip: Any, page: Any, *, keep: Any = None) -> Intake:
        if keep is not None:
            with trip.hub.store.writing() as tx:
                keep(tx)
        taken: Intake = real(trip, page)
        return taken

    return inbound


def _deaf_after_writes(real: Any) -> Any:
    def look(trip: Any, remote: Any, glance: Any, mark: int) -> Any:
        if glance.wrote_at is not None and trip.now - glance.wrote_at < MINUTE:
            return "old"
        return real(trip, remote, glance, mark)

    return look


def _own_words_believed(real: Any) -> Any:
    def heard(shape: Any, **known: Any) -> Any:
        return real(shape, **{**known, "before": known["claims"].values})

    return heard


def _walk_taken_for_whole(real: Any) -> Any:
    return lambda hub, stream, row, run_id: real(hub, stream, row._replace(began_at=None), run_id)


def _missing_is_gone(_real: Any) -> Any:
    return lambda _hub, _stream, ids: [Remote(id_, {}, deleted=True) for id_ in ids]


def _part_for_whole(_real: Any) -> Any:
    return lambda item, _held: (item[0]._replace(partial=False), *item[1:])


def _blanks_claimed(real: Any) -> Any:
    return lambda values, stamp: real({**dict.fromkeys(PLAIN[:-1]), **values}, stamp)


# --- deciding


def _first_candidate(real: Any) -> Any:
    def match(*args: Any, **more: Any) -> Any:
        found = real(*args, **more)
        return Join(found.record_ids[0], found.evidence) if isinstance(found, Ambiguous) else found

    return match


def _last_voice_wins(real: Any) -> Any:
    def fold(shape: Any, rules: Any, voices: Any) -> Folded:
        folded: Folded = real(shape, rules, voices)
        said = {name: value for voice in voices for name, value in voice.claims.values.items() if name in PLAIN}
        return Folded({**folded.values, **{name: value for name, value in said.items() if value}}, folded.asks)

    return fold


def _losers_silent(real: Any) -> Any:
    def take_over(changes: Any, loser: Any, winner: Any, rows: Any) -> None:
        rows = list(rows)
        real(changes, loser, winner, rows)
        for row in rows:
            winner.voices.pop(row.id, None)

    return take_over


def _retired_silent(real: Any) -> Any:
    def say(work: Any, bound: Any, source: str, claims: Any, *, retired: bool = False) -> None:
        real(work, bound, source, claims, retired=retired)
        if retired:
            work.voices.pop(bound.id, None)

    return say


def _no_first_lane(real: Any) -> Any:
    def lane(*args: Any) -> Lane:
        found: Lane = real(*args)
        return Lane.LIVE if found is Lane.CONSENT else found

    return lane


def _edits_untold(real: Any) -> Any:
    def tell(changes: Any, record_id: int, what: str, *more: Any) -> None:
        if what != "heard":
            real(changes, record_id, what, *more)

    return tell


def _newest_consent(real: Any) -> Any:
    return {**real, "strictest": latest}


def _lease_for_all(real: Any) -> Any:
    return lambda *args, **more: real(*args, **more) or 1


def _one_hearer(real: Any) -> Any:
    return lambda changes, ids, *more: real(changes, list(ids)[:1], *more)


def _given_up(_real: Any) -> Any:
    return lambda tx, connection_id, rows: _drop(tx, connection_id, [row.record_id for row in rows])


FAULTS = (
    Fault("no intent", "creates are not written down before they are sent", {"core.store.deliveries.intend": nothing}),
    Fault("blind create", "after a doubt a create is sent again unseen", {"core.flow.outbound._look_for": nothing}),
    Fault("nothing noted", "updates are not written down before they are sent", {"core.store.bindings.note_sent": nothing}),
    Fault("sent forgotten", "what was sent and not answered is taken for an edit", {"core.flow.inbound._with_sent": lambda _: lambda _stream, _known, before: before}),
    Fault("settled blindly", "a row that was marked again is settled, too", {"core.store.outbox.settle": _rows_dropped}),
    Fault("errors are done", "an item that failed in a batch counts as done", {"core.flow.outbound._written": _errors_taken_for_done}),
    Fault("batch dies", "one bad item fails its whole batch", {"core.flow.outbound._written": _refused_together}),
    Fault("unknown is done", "a call without an answer counts as done", {"core.flow.booking.outcome": _unknown_is_done}),
    Fault("given up", "what failed for the time being is not tried again", {"core.store.outbox.put_back": _given_up}),
    Fault("any version", "writes name no version", {"core.flow.outbound._edit": _any_version}),
    Fault("never renewed", "old readings are not renewed before writing over them", {"core.flow.outbound._unsure": gives(False)}),
    Fault("as told", "what was told counts as what is held, not what the tool gives back", {"core.flow.booking._held_now": _as_told}),
    Fault("answers swallow edits", "what else an answer shows counts as known", {"core.flow.booking._unheard_fields": gives({})}),
    Fault("letters stay", "what was refused is not sent even when it has changed", {"core.flow.outbound._without_refused": _letters_stay}),
    Fault("asked and written", "what a person is asked about is written all the same", {"core.flow.compare._compare": _without_questions}),
    Fault("nobody waits", "who waits to refer to a record is not woken", {"core.store.deliveries.wait_for": nothing}),
    Fault("early checkpoint", "the checkpoint moves before the data is kept", {"core.flow.pull.inbound": _checkpoint_first}),
    Fault("echo by actor", "every reading soon after our own write counts as an echo", {"core.flow.inbound._look": _deaf_after_writes}),
    Fault("no echoes", "readings are compared with the tool's own words, not with what we told it", {"core.flow.inbound.heard": _own_words_believed}),
    Fault("raw clocks", "the clocks of machines are compared as they are", {"core.decide.echo.correct": lambda _: lambda at, _skew: at}),
    Fault("older believed", "a reading older than the one kept is news", {"core.flow.inbound.is_news": gives(True)}),
    Fault("stale believed", "a reading from before our own write is news", {"core.flow.inbound.is_stale": gives(False)}),
    Fault("part for whole", "a partial reading is taken for a whole one", {"core.flow.inbound._completed": _part_for_whole}),
    Fault("resumed walk concludes", "a walk that was broken off says what is gone", {"core.flow.pull._walk": _walk_taken_for_whole}),
    Fault("missing is gone", "what a walk does not show is gone without a second look", {"core.flow.missing._deleted": _missing_is_gone}),
    Fault("no brake", "however much is to be deleted, nobody is asked", {"core.decide.brake.weigh": gives(())}),
    Fault("deletions unheard", "tombstones are not heard", {"core.flow.inbound._leaves": gives(False)}),
    Fault("delete beats edit", "a deletion goes before the edit that is on its way", {"core.flow.departures._out_of_step": gives(set())}),
    Fault("not reopened", "what was deleted and lives on is not put back", {"core.flow.refold._reopen": nothing}),
    Fault("blanks claimed", "a blank at first sight is a word", {"core.flow.newcomers._first_claims": _blanks_claimed}),
    Fault("without forgotten", "what a source took out of a set is forgotten", {"core.decide.echo._taken_out": gives(())}),
    Fault("first candidate", "of several that a newcomer may be, the first is taken", {"core.flow.newcomers.match": _first_candidate}),
    Fault("not rekeyed", "a new address makes nobody found by it", {"core.flow.refold._rekey": nothing}),
    Fault("refs dropped", "references to what is not known yet are not resolved later", {"core.store.bindings.wait": nothing}),
    Fault("losers silent", "what was said of the loser of a merge is dropped", {"core.flow.merging._take_over": _losers_silent}),
    Fault("retired silent", "the last words of what was deleted are dropped", {"core.flow.refold.Work.say": _retired_silent}),
    Fault("last voice wins", "who was heard last stands", {"core.flow.refold.fold": _last_voice_wins}),
    Fault("edits untold", "the history leaves edits out", {"core.flow.changes.Changes.tell": _edits_untold}),
    Fault("one hearer", "of several tools that must hear of a change, one does", {"core.flow.changes.Changes.mark": _one_hearer}),
    Fault("no first lane", "consent waits with everything else", {"core.flow.refold.lane": _no_first_lane}),
    Fault("newest consent", "the newest word about a consent stands", {"core.decide.settle._RULES": _newest_consent}),
    Fault("own consent widened", "a tool may widen its own word about a consent", {"core.decide.echo._widens": gives(False)}),
    Fault("lease for all", "two workers work one connection", {"core.store.runs.take_lease": _lease_for_all}),
    Fault("nothing slipped", "a reconcile marks nothing", {"core.flow.reconcile._mark": nothing}),
)  # fmt: skip
"""All of them."""
