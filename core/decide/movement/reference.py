"""The page about movement policies, printed from their words so that it cannot tell something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.decide.movement.letters import LETTER
from core.decide.movement.policy import ANSWERED_WITHIN, EVIDENCE
from core.decide.movement.words import (
    ACKNOWLEDGEMENT,
    CANNOT_KNOW,
    FIRST,
    HAND_OFF,
    MODES,
    RULE,
    RUNG,
    SECTIONS,
    STAGE,
    STEPS,
    TOUCH,
)
from core.model.instant import DAY

_HEAD = """\
# The movement policy

The tables are printed from `core/decide/movement/words.py` and `policy.py`; change them, not this page.

Every open record needs four things: an **owner** who is accountable, a next **action**, its **timing**, and a
**recovery** for when the first step stalls. What that means for your business is said in one file, in words that can be
read aloud. Two are ready to be copied: `mappings/movement/local-service.yaml` for who works on site, and
`mappings/movement/b2b-sales.yaml` for who sells to companies, with a pipeline in a CRM or in a spreadsheet.

```yaml
time_zone: Europe/London
hours:
  monday to friday: 09:00-17:30
  saturday: [09:00-12:00, 13:00-15:00]
holidays:
  Christmas: [12-25, 12-26]                # every year
  Works outing: 2026-06-19
escalate_to: anna@shop.example
ladders:
  enquiry:
    - {after: 15min, do: remind, say: "{name} is still waiting: {asked}"}
    - {after: 1h, do: escalate}            # to the owner's manager
    - {after: 4h, do: reassign}            # to whom the rules of ownership name
    - {after: 5d, do: reactivate, say: "Ask {name} once more"}
ladder: enquiry
stages:
  contact:
    New enquiry:
      when: {lifecycle_stage: lead, last_contacted_at: {known: false}}
      means: They asked for something, and nobody of us has answered.
      journey: captured
      evidence: [asked, replied]
      exit: Somebody of us has called, written or met them.
      first: {say: "Call {name} about {asked}", within: 15min, type: call}
      oldest: 2d
ownership:
  After hours: {of: contact, arrives: outside hours, team: On call}
  Everybody in turn: {of: [contact, deal, ticket], to: {anna@shop.example: 1, bob@shop.example: 2}}
follow_through: {assign: dry, task: dry}
```

It is named in `concord.yaml`, or stands there itself, and is put in force like any other change: `concord plan` says
what would change, `concord apply` does it, `concord undo` takes it back. It writes nothing by itself.

```yaml
movement: ./movement.yaml
```

`concord check movement.yaml` tells every mistake with its place and a remedy, and what is doubtful besides: a first
action that may stall without anybody hearing of it, a ladder that nothing climbs. With
[movement.schema.json](movement.schema.json) an editor completes the words and underlines what is wrong.

A length of time is written `15min`, `4h` or `2d`. `within`, and the `after` of a rung, count **working time** by
`hours` and `holidays`: fifteen minutes that begin on a Friday at 16:58 end after Monday's opening, and `2d` leads to
the same time of day two working days later. Everything else (`oldest`, `quiet`, `answered_within`, the `after` of what
is done after a sale or after long quiet) counts every hour.
"""

_ORDER = """
Stages stand in the order in which they are gone through: the first one that fits counts, and what a later one must
show, shown too early, says that somebody has not moved the record on. A stage that an earlier one leaves nothing to is
a mistake. Under `deal in Renewals` stand stages of that pipeline alone; they are called `Renewals: …` and go before
those of any pipeline. Where a tool tells no status, a deal or ticket is taken for open.
"""

_TURNS = """
Nobody who is inactive, away or no person (a queue) ever gets one. Among several it goes to whoever has the fewest open
records for their share; of those who are equal, to whom one was given longest ago. A territory is a country, region or
town, or the beginning of a post code: `LS` covers `LS1 4AP` and not `L1 1AA`. Where nobody serves the place or speaks
the language, or where neither is known, the next rule decides.
"""


_LETTERS = f"""
Nothing is sent to whom [consent](consent.md) does not permit it: the mail waits for as long as `within` says, and then
stays unsent; `concord audit --records` says why. It goes out once, whatever crashes: where nobody knows whether it did,
it is not sent again. It is kept as an email beside the record, and is neither an answer of yours nor evidence. The
hub's own letter is:

```text
{LETTER}
```
"""


def reference_page() -> str:
    """The page as it should be."""
    days = ANSWERED_WITHIN // DAY
    parts = [
        _HEAD,
        *_section("Sections", "Section", SECTIONS),
        *_section("A stage", "Word", STAGE),
        _ORDER,
        "\nHow far a relation has come (`journey`): signal, captured, responded, qualified, scheduled, delivered, "
        "retained.\n",
        *_section("Evidence", "Word", {word: f"{doc[0].upper()}{doc[1:]}." for word, doc in EVIDENCE.items()}),
        *_section("A first action", "Word", FIRST),
        *_section("A rung", "Word", RUNG),
        *_section("A hand-off", "Word", HAND_OFF),
        f"\nA document that was sent counts as a next step for {days} days, unless `answered_within` says otherwise.\n",
        *_section("A rule of ownership", "Word", RULE),
        _TURNS,
        *_section("An acknowledgement", "Word", ACKNOWLEDGEMENT),
        _LETTERS,
        *_section("After a sale, after long quiet", "Word", TOUCH),
        *_section("Follow-through", "Step", {step: f"{doc[0].upper()}{doc[1:]}." for step, doc in STEPS.items()}),
        *_section("", "Mode", {mode: f"{doc[0].upper()}{doc[1:]}." for mode, doc in MODES.items()}),
        _TRIED,
        *(f"- {one}" for one in CANNOT_KNOW),
    ]
    return "\n".join(part.rstrip("\n") if part.strip() else part for part in parts) + "\n"


_TRIED = """
## Trying it on the past

What would a policy have done last month? `concord movement try FILE --since 30d` says so of a changed policy and of
the one in force, and how they differ; without a file, of the one in force alone. In the console, **Try it** below the
text of the policy does the same, with the records behind each number. Nothing is written, no tool is called.

Records stand as they stood then, one moment at which something changed or fell due after the other: with the working
hours, absences, owners and open records of that time, and the consent that had been given by then. What people and
tools did stays as it was. What the hub itself did in that time is taken out, and what the policy would have done is
put in its place; where both are the same step, what people did with it goes on to count. Beside each step stands what
people really did first after it, and whether the hub really took it. `--switched-on` takes steps that are `off` or
`dry` for switched on. The newest records are looked at (5,000, or as many as `--newest` says), and how many are left
out is told.

What a trial cannot know:
"""


def _section(title: str, head: str, words: Mapping[str, str]) -> Iterable[str]:
    if title:
        yield from ("", f"## {title}")
    yield from ("", f"| {head} | What it says |", "|---|---|")
    yield from (f"| `{word}` | {doc} |" for word, doc in words.items())
