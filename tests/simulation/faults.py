"""Deliberate faults of the flow: each names what is done wrong, and what takes the place of what did it right.

`tests.simulation.mutants` puts them in one at a time and sees that a law catches them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pkgutil import resolve_name
from typing import NamedTuple
from unittest.mock import patch

from tests.simulation import wrongs
from tests.simulation.wrongs import Make, gives, nothing


class Fault(NamedTuple):
    """One fault."""

    name: str
    what: str
    changes: Mapping[str, Make]
    """Dotted name → what takes its place."""
    of_policy: bool = False
    """Whether it can show only where the hub follows through."""

    @contextmanager
    def put_in(self) -> Iterator[None]:
        """The flow does this wrong inside of it."""
        with ExitStack() as stack:
            for name, make in self.changes.items():
                owner, _, attribute = name.rpartition(".")
                place = resolve_name(owner)
                stack.enter_context(patch.object(place, attribute, make(getattr(place, attribute))))
            yield


FAULTS = (
    Fault("no intent", "creates are not written down before they are sent", {"core.store.deliveries.intend": nothing}),
    Fault(
        "blind create", "after a doubt a create is sent again unseen", {"core.flow.outward.outbound._look_for": nothing}
    ),
    Fault(
        "nothing noted", "updates are not written down before they are sent", {"core.store.bindings.note_sent": nothing}
    ),
    Fault(
        "sent forgotten",
        "what was sent and not answered is taken for an edit",
        {"core.flow.inward.inbound._with_sent": lambda _: lambda _stream, _known, before: before},
    ),
    Fault(
        "settled blindly",
        "a row that was marked again is settled, too",
        {"core.store.outbox.settle": wrongs.rows_dropped},
    ),
    Fault(
        "errors are done",
        "an item that failed in a batch counts as done",
        {"core.flow.outward.outbound._written": wrongs.errors_taken_for_done},
    ),
    Fault(
        "batch dies",
        "one bad item fails its whole batch",
        {"core.flow.outward.outbound._written": wrongs.refused_together},
    ),
    Fault(
        "unknown is done",
        "a call without an answer counts as done",
        {"core.flow.outward.booking.outcome": wrongs.unknown_is_done},
    ),
    Fault(
        "given up", "what failed for the time being is not tried again", {"core.store.outbox.put_back": wrongs.given_up}
    ),
    Fault("any version", "writes name no version", {"core.flow.outward.outbound._edit": wrongs.any_version}),
    Fault(
        "never renewed",
        "old readings are not renewed before writing over them",
        {"core.flow.outward.outbound._unsure": gives(False)},
    ),
    Fault(
        "as told",
        "what was told counts as what is held, not what the tool gives back",
        {"core.flow.outward.booking._held_now": wrongs.as_told},
    ),
    Fault(
        "answers swallow edits",
        "what else an answer shows counts as known",
        {"core.flow.outward.booking._unheard_fields": gives({})},
    ),
    Fault(
        "letters stay",
        "what was refused is not sent even when it has changed",
        {"core.flow.outward.outbound._without_refused": wrongs.letters_stay},
    ),
    Fault(
        "asked and written",
        "what a person is asked about is written all the same",
        {"core.flow.outward.compare._compare": wrongs.without_questions},
    ),
    Fault("nobody waits", "who waits to refer to a record is not woken", {"core.store.deliveries.wait_for": nothing}),
    Fault(
        "early checkpoint",
        "the checkpoint moves before the data is kept",
        {"core.flow.inward.pull.inbound": wrongs.checkpoint_first},
    ),
    Fault(
        "echo by actor",
        "every reading soon after our own write counts as an echo",
        {"core.flow.inward.inbound._look": wrongs.deaf_after_writes},
    ),
    Fault(
        "no echoes",
        "readings are compared with the tool's own words, not with what we told it",
        {"core.flow.inward.inbound.heard": wrongs.own_words_believed},
    ),
    Fault(
        "raw clocks",
        "the clocks of machines are compared as they are",
        {"core.decide.echo.correct": lambda _: lambda at, _skew: at},
    ),
    Fault(
        "older believed", "a reading older than the one kept is news", {"core.flow.inward.inbound.is_news": gives(True)}
    ),
    Fault(
        "overtaken and believed",
        "who was overtaken goes on, and what it read before the other one wrote is news",
        {"core.store.runs.check_lease": nothing, "core.flow.inward.inbound.is_stale": gives(False)},
    ),
    Fault(
        "part for whole",
        "a partial reading is taken for a whole one",
        {"core.flow.inward.inbound._completed": wrongs.part_for_whole},
    ),
    Fault(
        "resumed walk concludes",
        "a walk that was broken off says what is gone",
        {"core.flow.inward.pull._walk": wrongs.walk_taken_for_whole},
    ),
    Fault(
        "missing is gone",
        "what a walk does not show is gone without a second look",
        {"core.flow.brake.missing._deleted": wrongs.missing_is_gone},
    ),
    Fault("no brake", "however much is to be deleted, nobody is asked", {"core.decide.brake.weigh": gives(())}),
    Fault("deletions unheard", "tombstones are not heard", {"core.flow.inward.inbound._leaves": gives(False)}),
    Fault(
        "delete beats edit",
        "a deletion goes before the edit that is on its way",
        {"core.flow.inward.departures._out_of_step": gives(set())},
    ),
    Fault("not reopened", "what was deleted and lives on is not put back", {"core.flow.refold._reopen": nothing}),
    Fault(
        "blanks claimed",
        "a blank at first sight is a word",
        {"core.flow.inward.newcomers._first_claims": wrongs.blanks_claimed},
    ),
    Fault(
        "without forgotten", "what a source took out of a set is forgotten", {"core.decide.echo._taken_out": gives(())}
    ),
    Fault(
        "first candidate",
        "of several that a newcomer may be, the first is taken",
        {"core.flow.inward.newcomers.match": wrongs.first_candidate},
    ),
    Fault("not rekeyed", "a new address makes nobody found by it", {"core.flow.refold._rekey": nothing}),
    Fault(
        "refs dropped",
        "references to what is not known yet are not resolved later",
        {"core.store.bindings.wait": nothing},
    ),
    Fault(
        "losers silent",
        "what was said of the loser of a merge is dropped",
        {"core.flow.identity.merging._take_over": wrongs.losers_silent},
    ),
    Fault(
        "retired silent",
        "the last words of what was deleted are dropped",
        {"core.flow.desk.Work.say": wrongs.retired_silent},
    ),
    Fault("last voice wins", "who was heard last stands", {"core.flow.refold.fold": wrongs.last_voice_wins}),
    Fault("edits untold", "the history leaves edits out", {"core.flow.changes.Changes.tell": wrongs.edits_untold}),
    Fault(
        "one hearer",
        "of several tools that must hear of a change, one does",
        {"core.flow.changes.Changes.mark": wrongs.one_hearer},
    ),
    Fault("no first lane", "consent waits with everything else", {"core.flow.refold.lane": wrongs.no_first_lane}),
    Fault(
        "newest consent", "the newest word about a consent stands", {"core.decide.settle._RULES": wrongs.newest_consent}
    ),
    Fault(
        "own consent widened",
        "a tool may widen its own word about a consent",
        {"core.decide.echo._widens": gives(False)},
    ),
    Fault("lease for all", "two workers work one connection", {"core.store.runs.take_lease": wrongs.lease_for_all}),
    Fault(
        "wider stays",
        "a consent that was typed wider beside another edit stays in the tool",
        {"core.flow.inward.inbound._widens": gives(False)},
    ),
    Fault(
        "nothing wished back",
        "undoing a change leaves what it wrote where nothing stands any more",
        {"api.planning.wish_back": gives(0), "api.applying.wish_back": gives(0)},
    ),
    Fault(
        "plan without wishes",
        "a plan leaves out what will be put back",
        {"api.planning.wish_back": gives(0)},
    ),
    Fault(
        "consent aside",
        "what else is new of a person is written before the consent is",
        {"core.flow.outward.outbound._edit": wrongs.consent_aside},
    ),
    Fault(
        "not read again",
        "a line whose field is back is written before it was read",
        {"core.flow.drift.resting.reads": gives(False)},
    ),
    Fault(
        "nothing taken back",
        "what a run said counts on when the run is undone",
        {"core.flow.undo.taking_back._rebind": nothing},
    ),
    Fault(
        "always the first time",
        "what is late is passed on again each time it is looked at",
        {"core.flow.reviews.reviewing._later": wrongs.always_first},
    ),
    Fault(
        "told by both",
        "two workers that look at once pass on the same questions",
        {"core.flow.reviews.reviewing._pass_on": wrongs.not_looked_again},
    ),
    Fault(
        "known to nobody",
        "who was erased and comes again is taken for somebody new",
        {"core.store.suppression.found": gives({})},
    ),
    Fault(
        "payload kept",
        "what a tool showed of who was erased is kept",
        {"core.store.forgetting.blank_bindings": nothing},
    ),
    Fault(
        "history kept",
        "what was said of who was erased can still be told",
        {"core.store.forgetting.forget_records": wrongs.history_kept},
    ),
    Fault(
        "erased in passing",
        "what was on its way when somebody was erased is booked like anything else",
        {"core.flow.outward.booking._apart_from_erased": wrongs.booked_as_ever},
    ),
    Fault(
        "own create unknown",
        "what we made of who was erased is not known to be ours",
        {"core.flow.erasure.guarding._made_by_us": gives({})},
    ),
    Fault(
        "erased here only",
        "no tool is told that somebody was erased",
        {
            "core.flow.erasure.erasing.mark_for_deletion": nothing,
            "core.flow.erasure.upkeep.mark_for_deletion": nothing,
        },
    ),
    Fault(
        "step noted beside",
        "that a step was taken is noted in another transaction than what it set down",
        {"core.flow.movement.following.follow": wrongs.noted_beside},
        of_policy=True,
    ),
    Fault(
        "looked before",
        "what is due is looked up before the transaction in which it is done, and twice is no error",
        {"core.flow.movement.following.follow": wrongs.looked_before, "core.store.steps.take": wrongs.taken_again},
        of_policy=True,
    ),
    Fault(
        "taken ignored",
        "what was taken is not looked up, and twice is no error",
        {"core.store.steps.deeds": gives({}), "core.store.steps.take": wrongs.taken_again},
        of_policy=True,
    ),
    Fault(
        "rungs without occasion",
        "the name of a rung forgets when the action was due",
        {
            "core.decide.movement.audit.rung_name": wrongs.rung_alone,
            "core.decide.movement.steps.rung_name": wrongs.rung_alone,
        },
        of_policy=True,
    ),
    Fault(
        "tasks without occasion",
        "the name of a task forgets since when it is owed",
        {"core.decide.movement.steps._task": wrongs.task_alone},
        of_policy=True,
    ),
    Fault(
        "a step each time",
        "the name of a task holds when it was worked out, not what it answers",
        {"core.flow.movement.following.due_steps": wrongs.named_by_the_clock},
        of_policy=True,
    ),
    Fault(
        "reminders are steps",
        "a reminder counts as a next step",
        {"core.decide.movement.doing.REMINDER": lambda _: "task"},
        of_policy=True,
    ),
    Fault(
        "clock unheard",
        "nobody is judged again because the clock goes on",
        {"core.store.movement.due": gives([])},
        of_policy=True,
    ),
    Fault(
        "leaving unheard",
        "what owners own is not judged again when they leave",
        {"core.store.movement.wake": nothing},
        of_policy=True,
    ),
    Fault(
        "tasks outlive people",
        "what was set down about somebody is not erased with them",
        {"core.store.steps.made_about": gives(set())},
        of_policy=True,
    ),
    Fault("nothing slipped", "a reconcile marks nothing", {"core.flow.outward.reconcile._mark": nothing}),
)
"""All of them."""
