"""The rest of the business, as a trial has it: one tool in memory, with some of the people that the tried tool knows.

Half of its people are in the tried tool, too, where one has another title; some are not, and are written there.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from api.building import ConnectionSpec
from api.mappings import MAPPINGS
from connectors._kit.samples import COMPANIES, ELSEWHERE
from connectors.memory.connector import forget, use
from connectors.memory.tool import Tool
from core.model.yaml_reader import yaml_reader
from core.ports import Clock

NAME = "rest-of-the-business"
_PROMOTED = 5
"""Somebody who has another title here."""


@contextmanager
def business(clock: Clock, kinds: Collection[str]) -> Iterator[ConnectionSpec]:
    """The tool while it is there, with records of these kinds alone, and a connection to it."""
    tool = use(Tool(NAME, clock=clock))
    try:
        _furnish(tool, kinds)
        yield ConnectionSpec(NAME, "memory", {"world": NAME}, _mapping(kinds), "memory.yaml")
    finally:
        forget(NAME)


def _furnish(tool: Tool, kinds: Collection[str]) -> None:
    companies, people = {}, {}
    if "company" in kinds:
        for work in COMPANIES:
            companies[work] = tool.create("companies", {"name": work.name, "domain": work.domain})
    if "contact" in kinds:
        for one in ELSEWHERE:
            people[one] = tool.create("contacts", {
                "email": one.email, "first_name": one.first, "last_name": one.last, "phone": one.phone,
                "job_title": "Managing Director" if one.number == _PROMOTED else one.title,
                "email_consent": "granted", **({"company_id": companies[one.company]} if companies else {}),
            })  # fmt: skip
    first = {"contact_ids": [next(iter(people.values()))]} if people else {}
    if "deal" in kinds:
        sold = {"stage": "Won", "status": "won", "close_date": "2026-11-18"}
        tool.create("deals", {"name": "Summer order", **sold, **first})
    if "activity" in kinds:
        hours = {"starts_at": "2026-12-07T10:00:00Z", "ends_at": "2026-12-07T11:00:00Z"}
        tool.create("activities", {"type": "meeting", "subject": "Look at the samples", **hours, **first})
        tool.create("activities", {"type": "task", "subject": "Send the samples", "due_at": "2026-12-04T16:00:00Z"})


def _mapping(kinds: Collection[str]) -> str:
    """The memory tool's own mapping, without the streams of other kinds."""
    every: dict[str, Any] = yaml_reader().load((MAPPINGS / "memory.yaml").read_text(encoding="utf-8"))
    # A business has contacts, whatever the tried tool knows: no tool is connected without a stream.
    return json.dumps({name: one for name, one in every.items() if one["as"] in {*kinds, "contact"}})
