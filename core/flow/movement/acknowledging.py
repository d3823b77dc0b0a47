"""Acknowledging: whoever asked for something is told by mail that it has arrived, if their consent permits it.

    booked with its step ▶ still owed? ▶ the gate ▶ about to go out (durable) ▶ sent ▶ kept as an email beside it
                              └▶ left      └▶ waits, and is refused when its time is up

At most once: a mail that was about to go out when the process ended is looked for, and never sent again. No mail is
better than two, and the audit tells of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from core.decide.movement.doing import addressee
from core.decide.movement.doing import mail as mail_beside
from core.decide.movement.letters import Letter, letter
from core.decide.movement.policy import Acknowledgement
from core.decide.movement.subject import Subject
from core.decide.outcome import outcome
from core.errors import ToolError, Unknown
from core.flow.changes import Changes
from core.flow.consent.checking import Verdict, check_all
from core.flow.hub import Hub
from core.flow.making import make_each
from core.flow.movement.gathering import subjects
from core.flow.running import Run
from core.model.values import Values
from core.ports import Message, Sends
from core.store import Tx, messages, records, steps
from core.store.messages import Booked, State

PAGE = 100
_CHANNEL = "email"


class _Mail(NamedTuple):
    """One mail that is still owed."""

    booked: Booked
    rule: Acknowledgement
    subject: Subject
    person_id: int
    person: Values

    @property
    def address(self) -> str:
        """Where it goes."""
        return str(self.person.get("email") or "")


def waits(hub: Hub) -> bool:
    """Whether any mail is to go out; one statement."""
    with hub.store.reading() as tx:
        return bool(messages.on_their_way(tx, after="", limit=1))


def acknowledge(hub: Hub, sender: Sends, run: Run) -> Counter[State]:
    """Send what was booked; gives how many mails have become what.

    Raises what concerns more than one mail; what was not sent then is tried the next time.
    """
    done: Counter[State] = Counter()
    last = ""
    while True:
        with hub.store.reading() as tx:
            page = messages.on_their_way(tx, after=last, limit=PAGE)
            if not page:
                return done
            owed, settled = _looked_at(hub, tx, [one for one in page if one.state == State.WAITING])
        last = page[-1].name
        settled += [_found_again(hub, sender, one) for one in page if one.state == State.SENDING]
        permitted, held = _through_the_gate(hub, owed)
        _move(hub, [*settled, *held], done)
        for mail in permitted:
            _send(hub, sender, run, mail, done)


def _looked_at(hub: Hub, tx: Tx, page: Sequence[Booked]) -> tuple[list[_Mail], list[Booked]]:
    """The mails that are owed still, and those that are not."""
    forward = records.merged_into(tx, [one.record_id for one in page])
    found, _ = subjects(hub, tx, {forward.get(one.record_id, one.record_id) for one in page})
    known = {one.record_id: one for one in found}
    people = records.load(tx, {id_ for one in found if (id_ := addressee(one)) is not None})
    rules = {one.name: one for one in hub.movement.acknowledgements}
    owed, settled = [], []
    for one in page:
        subject = known.get(forward.get(one.record_id, one.record_id))
        person = people.get(addressee(subject) or 0) if subject is not None else None
        note = _not_owed(hub, one, subject, person.values if person else None, rules)
        if note or subject is None or person is None:
            settled.append(one._replace(state=State.LEFT, note=note))
        else:
            owed.append(_Mail(one, rules[one.rule], subject, person.id, person.values))
    return owed, settled


def _not_owed(
    hub: Hub, one: Booked, subject: Subject | None, person: Values | None, rules: Mapping[str, Acknowledgement]
) -> str:
    """Why a mail is not owed any more, '' while it is."""
    if subject is None:
        return "the record is gone"
    if one.rule not in rules:
        return f"the policy has no acknowledgement {one.rule} any more"
    if person is None or not person.get("email"):
        return "there is no address to write to"
    spoken = (trace for trace in subject.traces if trace.was_said(hub.clock()) and trace.outbound is not False)
    if any(trace.at is not None and trace.at >= one.at for trace in spoken):
        return "somebody of us has answered meanwhile"
    return ""


def _through_the_gate(hub: Hub, owed: Sequence[_Mail]) -> tuple[list[_Mail], list[Booked]]:
    """The mails that may go out now, and what becomes of the others, as far as anything has changed about them."""
    now, permitted, held = hub.clock(), [], []
    for mail, verdict in _verdicts(hub, owed):
        one = mail.booked
        if verdict.allowed and one.until > now:
            permitted.append(mail)
        elif verdict.allowed:
            held.append(one._replace(state=State.LEFT, note=one.note or "it could not be sent in time"))
        else:
            state = State.WAITING if one.until > now else State.REFUSED
            held.append(one._replace(state=state, note=verdict.why))
    before = {mail.booked for mail in owed}
    return permitted, [one for one in held if one not in before]


def _verdicts(hub: Hub, owed: Sequence[_Mail]) -> Iterator[tuple[_Mail, Verdict]]:
    for topic in dict.fromkeys(one.rule.topic for one in owed):
        mine = [one for one in owed if one.rule.topic == topic]
        # Whoever else has this address is asked about, too.
        yield from zip(mine, check_all(hub, [one.address for one in mine], _CHANNEL, topic), strict=True)


def _found_again(hub: Hub, sender: Sends, one: Booked) -> Booked:
    """What became of a mail that was about to go out when the process ended."""
    if sender.sent(_key(hub, one)):
        return one._replace(state=State.SENT, note="")
    return one._replace(state=State.UNSURE, note="nobody knows whether it went out, so it is not sent again")


def _send(hub: Hub, sender: Sends, run: Run, mail: _Mail, done: Counter[State]) -> None:
    one = mail.booked
    written = letter(mail.rule, mail.subject, one.rule, mail.person)
    with hub.store.writing(durable=True) as tx:
        messages.move(tx, [one._replace(state=State.SENDING)])
    try:
        (receipt,) = sender.send([Message(_key(hub, one), mail.address, written.subject, written.text)])
    except Unknown:
        _move(hub, [_found_again(hub, sender, one)], done)
        return
    except ToolError as error:
        # Nothing went out: it waits for the next time.
        _move(hub, [one._replace(note=error.message)], done)
        raise
    if receipt.error is None:
        _keep(hub, run, mail, written)
        done[State.SENT] += 1
    elif isinstance(receipt.error, Unknown):
        _move(hub, [_found_again(hub, sender, one)], done)
    elif outcome(receipt.error).dead_letter:
        _move(hub, [one._replace(state=State.FAILED, note=receipt.error.message)], done)
    else:
        _move(hub, [one._replace(note=receipt.error.message)], done)


def _keep(hub: Hub, run: Run, mail: _Mail, written: Letter) -> None:
    """Keep a mail that went out as an email beside its record."""
    now = hub.clock()
    values = mail_beside(mail.subject, mail.person_id, now, written.subject, written.text)
    changes = Changes(now, run.id)
    with hub.store.writing(durable=True) as tx:
        (made,) = make_each(hub, tx, changes, "activity", [values])
        changes.write(tx)
        steps.made(tx, mail.booked.name, made)
        messages.move(tx, [mail.booked._replace(state=State.SENT, note="")])


def _move(hub: Hub, moved: Sequence[Booked], done: Counter[State]) -> None:
    if moved:
        with hub.store.writing() as tx:
            messages.move(tx, moved)
        done += Counter(one.state for one in moved)


def _key(hub: Hub, one: Booked) -> str:
    return f"{hub.installation}-{one.name.replace(' ', '-')}"
