"""The words of a movement policy's file, each said once: the reader, the schema and the page follow them."""

from __future__ import annotations

from collections.abc import Mapping

from core.decide.movement.policy import Mode, Step

Words = Mapping[str, str]
"""Word → what it says, in one sentence."""

SECTIONS: Words = {
    "time_zone": "Where the clock hangs by which hours are counted, such as `Europe/London`.",
    "hours": "When somebody can be expected to act, by day; a day that is not named is closed.",
    "holidays": "Days on which nobody is: every year (`12-25`), one day (`2026-04-03`), or several (`… to …`).",
    "escalate_to": "The address of whoever hears where an owner has no manager.",
    "answered_within": "So long a document that was sent counts as a next step; `14d` where nothing is said.",
    "ladders": "What happens when a first step stalls, rung by rung.",
    "ladder": "The name of the ladder of all stages and hand-offs that name none.",
    "stages": "The stages of contacts, deals and tickets; the first one that fits counts.",
    "hand_offs": "What happened and asks for a first action: a missed call, an estimate without a reply, a no-show.",
    "ownership": "Who gets a record that has nobody; the first rule that fits and finds somebody counts.",
    "absences": "Who is away when, by address; the last day counts.",
    "acknowledgements": "What somebody who asked for something is told at once, by mail; the first that fits counts.",
    "mail": "The connection that sends these mails; its connector is one that sends.",
    "reactivation": "What is done about those who have been quiet for long.",
    "after_sale": "What is done after a sale: a review, a referral, a look whether all is well.",
    "follow_through": "How far the hub goes by itself, step by step; what is not named is `off`.",
}
STAGE: Words = {
    "when": "Which records are in it ([filters.md](filters.md)); a deal or ticket that is open and has the stage's "
    "name as its stage, where nothing is said.",
    "means": "One sentence that everybody can check.",
    "journey": "How far the relation has come, whatever a tool calls it.",
    "evidence": "What it must show, any one of these; without it, it is believed.",
    "evidence_from": "`other`: only what lives in another tool than the one that says so; `any` where nothing is said.",
    "exit": "What must be true to leave it, in words.",
    "first": "What is to be done first, and within which time.",
    "oldest": "Nothing should be in it for longer.",
    "ladder": "What happens when the first step stalls; else the policy's own ladder.",
    "open": "`no`: it asks for no next step, and only its evidence is looked at (what is won, or has asked nothing).",
}
HAND_OFF: Words = {
    "of": "What it is seen by: `activity` or `document`.",
    "when": "Which of them ([filters.md](filters.md)).",
    "quiet": "Only if nothing was heard for so long after it; at once, where nothing is said.",
    "first": "What is to be done first, and within which time.",
    "ladder": "What happens when that stalls; else the policy's own ladder.",
}
RULE: Words = {
    "of": "`contact`, `deal` or `ticket`, or several of them.",
    "when": "Which of them ([filters.md](filters.md)); all, where nothing is said.",
    "arrives": "`outside hours`: only what came when nobody could be expected to act.",
    "quiet": "Only what nobody has touched for so long.",
    "same_as": "Whoever owns its `company`, or its `contact`.",
    "team": "Only people of this team.",
    "to": "Addresses of those who may get it, with their shares if you like: `{ann@…: 2, bob@…: 1}`; everybody "
    "active, where nothing is said.",
    "by": "`territory`: only who serves the record's place; `language`: only who speaks its language.",
}
TOUCH: Words = {
    "of": "`contact` or `deal`.",
    "when": "Which of them ([filters.md](filters.md)).",
    "after": "So long after it was won, or after anybody last spoke; every hour counts.",
    "first": "What is to be done, and within which time.",
}
ACKNOWLEDGEMENT: Words = {
    "of": "`contact`, `deal` or `ticket`; of the latter two the first of its people is written to.",
    "when": "Which of them ([filters.md](filters.md)); all, where nothing is said.",
    "within": "Only while what they asked is not older than this; every hour counts, and `1h` where nothing is said.",
    "topic": "The purpose for which consent is asked for; for mail at all, where nothing is said.",
    "subject": "The mail's subject; `{name}`, `{owner}`, `{asked}` and `{stage}` stand for the record's own.",
    "question": "The one question it asks.",
    "next": "The one thing that happens next, and when.",
    "text": "The letter, with `{question}` and `{next}`, too; a paragraph whose words stand for nothing is left out; "
    "the hub's own, where nothing is said.",
}
FIRST: Words = {
    "say": "The task in words; `{name}`, `{owner}`, `{asked}` and `{stage}` stand for the record's own.",
    "within": "The window for it, in working time.",
    "type": "`task` (where nothing is said), `call`, `meeting` or `email`.",
}
RUNG: Words = {
    "after": "Working time since the action was due, or since the rung before.",
    "do": "What is done then.",
    "to": "`owner`, `manager` or an address. Where nothing is said: `remind` and `task` go to the owner, `escalate` to "
    "the manager, `reassign` to whom the ownership rules name.",
    "say": "What is said; `{name}`, `{owner}`, `{asked}` and `{stage}` stand for the record's own.",
}
TOLD = ("name", "owner", "asked", "stage")
"""What may stand in braces in a text."""
TOLD_IN_LETTERS = (*TOLD, "question", "next")
"""And in a letter."""

STAGE_KINDS = ("contact", "deal", "ticket")
HAND_OFF_KINDS = ("activity", "document")
TOUCH_KINDS = ("contact", "deal")
OUTSIDE = "outside hours"
BY = ("territory", "language")
FIRST_TYPES = ("task", "call", "meeting", "email")

STEPS: Mapping[Step, str] = {
    Step.ASSIGN: "gives a record that has nobody to somebody, by the rules of ownership",
    Step.ACKNOWLEDGE: "tells a person by mail that their request has arrived, if their consent permits it",
    Step.TASK: "creates the first action as a task",
    Step.REMIND: "reminds whoever has to act",
    Step.ESCALATE: "tells somebody else that it has stalled",
    Step.REASSIGN: "gives it to somebody else",
    Step.REACTIVATE: "begins anew with somebody who has been quiet for long",
}
RUNG_STEPS = (Step.TASK, Step.REMIND, Step.ESCALATE, Step.REASSIGN, Step.REACTIVATE)
"""What a rung may do; giving an owner and acknowledging come before anything can stall."""

MODES: Mapping[Mode, str] = {
    Mode.OFF: "nothing is done",
    Mode.DRY: "what would be done is listed",
    Mode.ASK: "whoever owns the record is asked in a review, and it is done on their word",
    Mode.ACT: "it is done",
}
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVERY_DAY = "every day"
CLOSED = "closed"

CANNOT_KNOW = (
    "What people would have done about a step that was not really taken is not known: after it all else is held as it "
    "was. So rungs follow that somebody's answer might have spared.",
    "What would have been asked first counts as not answered, and nothing follows from it.",
    "The policy is taken to have been put in force when the time begins: what was overdue then is due at once.",
    "What was about a record then and is not now (deleted, or moved to another one) is not seen. Whether a mail was "
    "permitted is judged by what had been heard of the person, not of others who share the address.",
)
"""What a trial of a policy on the past cannot know, in sentences."""
