"""Letters: what an acknowledgement says, written from the record's and the person's own words. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from core.decide.movement.policy import Acknowledgement
from core.decide.movement.subject import Subject, filled
from core.model.values import Values

LETTER = """\
Hello {name},

thank you. We have your message and are seeing to it. You wrote:

{asked}

{question}

{next}

{owner}"""
"""What is written where a policy says nothing else."""

LONGEST = 2_000
"""Letters of what they asked that are said back."""

_BRACES = re.compile(r"\{(\w+)\}")


class Letter(NamedTuple):
    """A mail as the person reads it."""

    subject: str
    text: str


def letter(rule: Acknowledgement, subject: Subject, stage: str, person: Values) -> Letter:
    """The mail to a person about a record of theirs; a paragraph whose words stand for nothing is left out."""
    said = {
        "name": str(person.get("first_name") or person.get("full_name") or ""),
        "owner": subject.owner.name if subject.owner is not None and subject.owner.can_act else "",
        "asked": _quoted(str(subject.values.get("asked") or person.get("asked") or "")),
        "stage": stage,
        "question": filled(rule.question, subject, stage),
        "next": filled(rule.next, subject, stage),
    }
    paragraphs = [_paragraph(one, said) for one in re.split(r"\n\s*\n", rule.text.strip())]
    return Letter(filled(rule.subject, subject, stage), "\n\n".join(one for one in paragraphs if one))


def _paragraph(text: str, said: Mapping[str, str]) -> str:
    words = _BRACES.findall(text)
    if words and not any(said.get(word) for word in words):
        return ""
    return _BRACES.sub(lambda found: said.get(found[1], ""), text).strip()


def _quoted(text: str) -> str:
    """Their own words, each line marked as theirs."""
    cut = text.strip()[:LONGEST]
    return "\n".join(f"> {line.rstrip()}" for line in cut.splitlines()) if cut else ""
