"""The plan is the truth: applying it does exactly what it listed, and making it calls no tool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
from ruamel.yaml import YAML

from api.applying import Applied, apply_plan
from api.assembly import Text
from api.building import ConnectionSpec
from api.changes import Changes, changes
from api.config import Config
from api.planning import Plan, make_plan
from api.restoring import earlier, lines_of
from connectors._kit.mischief import spellings
from connectors.memory.tool import Habits
from core.model.instant import DAY, SECOND
from core.store import plans, runs
from tests.support import Lab

TOOLS = ("amber", "birch", "coral")

MAPPING: dict[str, Any] = {
    "companies": {
        "as": "company",
        "fields": {"name": {"field": "name"}, "domain": {"field": "domain"}, "phone": {"field": "phone"}},
    },
    "contacts": {
        "as": "contact",
        "fields": {
            "email": {"field": "email"},
            "other_emails": {"field": "other_emails"},
            "first_name": {"field": "first_name"},
            "last_name": {"field": "last_name"},
            "phone": {"field": "phone"},
            "job_title": {"field": "job_title"},
            "company": {"field": "company_id", "ref": "company"},
        },
    },
}


@dataclass
class Shop:
    """A laboratory with a configuration that an admin changes by and by."""

    lab: Lab
    mappings: dict[str, dict[str, Any]] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)

    def config(self) -> Config:
        """As a file would give it."""
        specs = {
            name: ConnectionSpec(
                name, "memory", {"world": self.lab.tools[name].name}, yaml(mapping), f"{name}.yaml",
                {"*": self.policies[name]},
            )
            for name, mapping in self.mappings.items()
        }  # fmt: skip
        return Config("concord.yaml", specs, rules=Text(yaml(self.rules), "rules.yaml"))

    def plan(self, *, read: bool = False) -> tuple[Config, Plan]:
        """What the present wishes would do."""
        config = self.config()
        change = changes(self.lab.installation, config)
        return config, make_plan(self.lab.installation, config, change, read=read)

    def apply(self, *, few: int = 0) -> tuple[Plan, Applied]:
        """Plan, and do it."""
        config, plan = self.plan()
        applied = apply_plan(self.lab.installation, config, plan, few=few)
        self.lab.refreshed()
        return plan, applied


def yaml(content: dict[str, Any]) -> str:
    """As YAML text."""
    from io import StringIO

    out = StringIO()
    YAML().dump(content, out)
    return out.getvalue()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with Lab(tmp_path) as lab:
        yield opened(lab, Random(1))


def opened(lab: Lab, random: Random, *, people: int = 14) -> Shop:
    """Three tools with some people and companies in them, in agreement."""
    shop = Shop(lab)
    for place, name in enumerate(TOOLS):
        habits = Habits(spellings=spellings("phone: phone" if place == 1 else ""))
        tool = lab.tool(name, mapping=yaml(MAPPING), habits=habits)
        shop.mappings[name], shop.policies[name] = deepcopy(MAPPING), {}
        companies = [
            tool.create("companies", {"name": f"Shore {at}", "domain": f"shore{at}.example", "phone": None})
            for at in random.sample(range(5), 3)
        ]
        for who in random.sample(range(people), people * 2 // 3):
            fields: dict[str, Any] = {"email": f"person{who}@shore.example", "last_name": f"Shore {who}"}
            for one in ("first_name", "job_title"):
                if random.random() < 0.7:
                    fields[one] = f"{one[0]}{who} {random.choice('abc')}"
            if random.random() < 0.5:
                fields["phone"] = f"+44 7700 900{who:03d}"
            if random.random() < 0.5:
                fields["company_id"] = random.choice(companies)
            tool.create("contacts", fields)
            lab.wait(5)
    lab.settle()
    lab.wait(600)
    lab.settle()
    # What the laboratory declared and what the shop would declare are the same from here on.
    config = shop.config()
    change = changes(lab.installation, config)
    apply_plan(lab.installation, config, make_plan(lab.installation, config, change))
    lab.refreshed()
    lab.settle()
    return shop


class Admin:
    """Changes something, never the same twice in a row."""

    def __init__(self, shop: Shop, random: Random) -> None:
        self.shop, self.random = shop, random

    def change(self) -> str:
        """Change one thing, or two at once; says what."""
        acts: list[Callable[[], str]] = [self._line, self._line, self._step, self._rule, self._policy, self._computed]
        return " and ".join(self.random.choice(acts)() for _ in range(self.random.choice((1, 1, 2))))

    def _contacts(self) -> tuple[str, dict[str, Any]]:
        name = self.random.choice(TOOLS)
        fields: dict[str, Any] = self.shop.mappings[name]["contacts"]["fields"]
        return name, fields

    def _line(self) -> str:
        name, fields = self._contacts()
        one = self.random.choice(("first_name", "last_name", "phone", "job_title", "company", "description", "source"))
        if one in fields:
            del fields[one]
            return f"{name} no longer maps {one}"
        there = {"description": "last_name", "company": "company_id"}.get(one, one)
        fields[one] = {"field": there, **({"ref": "company"} if one == "company" else {})}
        if one == "description":
            fields[one]["direction"] = "in"
        return f"{name} maps {one}"

    def _step(self) -> str:
        name, fields = self._contacts()
        one = self.random.choice(("first_name", "last_name", "job_title"))
        if one not in fields:
            return self._line()
        line = fields[one]
        kind = self.random.choice(("field", "direction", "blank"))
        if kind == "field":
            line["field"] = one if line["field"] != one else f"other_{one}"
        elif kind == "direction":
            line["direction"] = self.random.choice(("in", "out", "both"))
        else:
            line["when_blank"] = self.random.choice(("ignore", "clear"))
        return f"{name}: {one} {line}"

    def _computed(self) -> str:
        name, fields = self._contacts()
        if "full_name" in fields:
            del fields["full_name"]
            return f"{name} no longer computes a name"
        fields["full_name"] = {
            "field": "whole", "direction": "out", "compute": self.random.choice(("first_name", "join(' ', last_name)")),
        }  # fmt: skip
        return f"{name} computes a name"

    def _rule(self) -> str:
        one = self.random.choice(("first_name", "last_name", "phone", "job_title"))
        some = self.random.sample(TOOLS, 2)
        rule = self.random.choice(
            ("latest", "fill", "most_complete", {"prefer": some}, {"system_of_record": some[0]}, "ask")
        )
        self.shop.rules.setdefault("contact", {})[one] = rule
        return f"{one} by {rule}"

    def _policy(self) -> str:
        name = self.random.choice(TOOLS)
        one = self.random.choice(("writes", "creates"))
        self.shop.policies[name][one] = not self.shop.policies[name].get(one, True)
        return f"{name}: {one} {self.shop.policies[name][one]}"


@pytest.mark.parametrize("start", range(0, 12, 4))
def test_applying_does_exactly_what_the_plan_listed(tmp_path: Path, start: int, seed: int):
    lines = 0
    for number in range(start, start + 4):
        told = f"seed {seed}, shop {number}"
        with Lab(tmp_path / str(number)) as lab:
            random = Random(f"{seed} {number}")
            shop = opened(lab, random)
            admin = Admin(shop, random)
            for _ in range(10):
                told += f"\n  {admin.change()}"
                plan, applied = shop.apply()
                assert (applied.halted, applied.undone, applied.unplanned) == ([], [], []), told
                assert applied.done == len(plan.foreseen.lines), told
                assert_held(lab, plan, told)
                lines += applied.done
    # A plan of nothing is easily true.
    assert lines > 60


def assert_held(lab: Lab, plan: Plan, told: str) -> None:
    """Every tool holds what the last line about it said, in its own spelling."""
    for line in plan.foreseen.lines:
        if line.verb == "update":
            tool = lab.tools[line.connection]
            held = tool.get(line.stream, line.remote_id or "") or {}
            meant = tool.spelled({path: after for path, (_, after) in line.fields.items() if after is not None})
            assert {path: held.get(path) for path in line.fields} == {path: meant.get(path) for path in line.fields}, (
                told
            )


def calls(lab: Lab) -> dict[str, dict[str, int]]:
    """What connectors have asked of the tools so far."""
    return {name: dict(tool.calls) for name, tool in lab.tools.items()}


def test_a_plan_calls_no_tool_and_changes_nothing(shop: Shop):
    shop.mappings["birch"]["contacts"]["fields"]["full_name"] = WHOLE
    before, held, records = calls(shop.lab), shop.lab.tools["birch"].all("contacts"), shop.lab.records()
    _, plan = shop.plan()
    assert plan.writes
    assert calls(shop.lab) == before
    assert shop.lab.tools["birch"].all("contacts") == held
    assert shop.lab.records() == records
    assert shop.lab.pending() == 0


WHOLE = {"field": "whole", "direction": "out", "compute": "join(' ', first_name, last_name)"}


def test_a_plan_says_what_and_how_much(shop: Shop):
    shop.mappings["birch"]["contacts"]["fields"]["full_name"] = WHOLE
    _, plan = shop.plan()
    (share,) = plan.shares
    people = len(shop.lab.tools["birch"].all("contacts"))
    assert (share.connection, share.creates, share.updates, share.deletes) == ("birch", 0, people, 0)
    assert dict(share.fields) == {"whole": people}
    assert share.calls.writes == 1
    assert share.seconds is not None
    assert len(share.samples) == 5
    assert share.samples[0]["fields"]["whole"]["before"] is None
    told = plan.to_json()
    assert told["connections"]["birch"]["fields"] == {"whole": people}
    assert told["values"] == {}


def test_a_rule_names_the_winners_that_flip(shop: Shop):
    lab = shop.lab
    one = lab.tools["amber"].create("contacts", {"email": "flip@shore.example", "job_title": "Baker"})
    lab.settle()
    lab.wait(60)
    other = lab.find("birch", email="flip@shore.example")
    lab.tools["birch"].edit("contacts", other, {"job_title": "Miller"})
    lab.settle()
    assert lab.held("amber", one)["job_title"] == "Miller"
    shop.rules = {"contact": {"job_title": {"prefer": ["amber", "birch"]}}}
    _, plan = shop.plan()
    assert plan.foreseen.values["contact"]["job_title"].flipped >= 1
    shop.apply()
    assert lab.held("birch", other)["job_title"] == "Baker"


def test_what_waits_already_is_counted_apart(shop: Shop):
    tool = shop.lab.tools["amber"]
    tool.edit("contacts", next(iter(tool.all("contacts"))), {"first_name": "Waiting"})
    shop.lab.turn("amber")
    assert shop.lab.pending()
    shop.mappings["coral"]["companies"]["fields"]["description"] = {"field": "name", "direction": "in"}
    _, plan = shop.plan()
    assert [(one.writes, one.waiting) for one in plan.shares] == [(1, 1)] * len(plan.shares)
    now = make_plan(shop.lab.installation, None, Changes())
    assert now.foreseen.lines == plan.foreseen.lines
    assert all(line.fields.keys() == {"first_name"} for line in now.foreseen.lines)


def test_a_new_tool_is_taken_to_be_empty_until_it_is_read(shop: Shop):
    lab = shop.lab
    held = lab.tools["amber"].all("contacts")
    lab.tool("delta", mapping=yaml(MAPPING))
    known = next(iter(held.values()))
    lab.tools["delta"].create("contacts", {"email": known["email"], "job_title": "Known there"})
    # Declared by the laboratory, but never read.
    shop.mappings["delta"], shop.policies["delta"] = deepcopy(MAPPING), {}
    _, plan = shop.plan()
    assert plan.foreseen.unread == ["delta"]
    everybody = len([one for one in lab.records() if one.values])
    share = next(one for one in plan.shares if one.connection == "delta")
    assert share.taken_as_empty
    there = ("delta", "contacts")
    verbs = Counter(one.verb for one in plan.foreseen.lines if (one.connection, one.stream) == there)
    assert verbs == {"create": everybody}
    config = shop.config()
    read = make_plan(lab.installation, config, changes(lab.installation, config), read=True)
    verbs = Counter(one.verb for one in read.foreseen.lines if (one.connection, one.stream) == there)
    assert verbs == {"create": everybody - 1, "update": 1}
    assert read.foreseen.unread == []
    assert lab.tools["delta"].calls["write"] == 0


def test_what_a_tool_refuses_is_told(shop: Shop):
    shop.lab.tools["birch"].habits.validator = lambda _stream, fields: "No such field." if "whole" in fields else None
    shop.mappings["birch"]["contacts"]["fields"]["full_name"] = WHOLE
    plan, applied = shop.apply()
    assert applied.done == 0
    assert len(applied.undone) == len(plan.foreseen.lines)


def test_a_canary_that_comes_back_well_lets_the_rest_go(shop: Shop):
    shop.mappings["birch"]["contacts"]["fields"]["full_name"] = WHOLE
    plan, applied = shop.apply(few=2)
    assert (applied.done, applied.undone, applied.halted) == (len(plan.foreseen.lines), [], [])
    assert shop.lab.tools["birch"].calls["fetch"] > 0


def test_a_canary_that_comes_back_changed_stops_the_rest(shop: Shop):
    birch = shop.lab.tools["birch"]
    birch.habits.spellings.update(spellings("whole: truncate 6"))
    shop.mappings["birch"]["contacts"]["fields"]["full_name"] = WHOLE
    _, applied = shop.apply(few=2)
    assert applied.halted == ["birch"]
    assert applied.done == 2
    assert len([one for one in birch.all("contacts").values() if one.get("whole")]) == 2
    (review,) = shop.lab.reviews("brake")
    assert review.subject["differing"][0]["field"] == "whole"
    shop.lab.settle()
    assert len([one for one in birch.all("contacts").values() if one.get("whole")]) == 2


def test_a_canary_whose_first_records_are_refused_stops_the_rest(shop: Shop):
    shop.lab.tools["birch"].habits.validator = lambda _stream, fields: "No such field." if "whole" in fields else None
    shop.mappings["birch"]["contacts"]["fields"]["full_name"] = WHOLE
    _, applied = shop.apply(few=2)
    assert applied.halted == ["birch"]
    assert len(shop.lab.dead_letters()) == 2


def undone(shop: Shop, run_id: int) -> tuple[Plan, Applied]:
    """Take an applied change back, as the command does."""
    installation = shop.lab.installation
    with installation.store.reading() as tx:
        run = runs.one(tx, run_id)
    assert run is not None
    config = earlier(installation, run)
    change = changes(installation, config)
    plan = make_plan(installation, config, change, undone=lines_of(installation, run))
    applied = apply_plan(installation, config, plan, undoes=run_id)
    shop.lab.refreshed()
    return plan, applied


def test_an_applied_change_is_undone_and_the_undo_too(shop: Shop):
    lab = shop.lab
    before = {name: tool.all("contacts") for name, tool in lab.tools.items()}
    shop.mappings["birch"]["contacts"]["fields"]["full_name"] = WHOLE
    shop.mappings["birch"]["contacts"]["fields"]["job_title"]["field"] = "position"
    shop.rules = {"contact": {"last_name": {"system_of_record": "coral"}}}
    _, applied = shop.apply()
    after = {name: tool.all("contacts") for name, tool in lab.tools.items()}
    assert after != before
    edited = next(iter(lab.tools["birch"].all("contacts")))
    lab.tools["birch"].edit("contacts", edited, {"whole": "By hand"})
    lab.settle()
    _, back = undone(shop, applied.run_id)
    assert (back.undone, back.unplanned) == ([], [])
    held = {name: tool.all("contacts") for name, tool in lab.tools.items()}
    assert held["birch"][edited].pop("whole") == "By hand"
    assert cleared(held) == before
    _, once_more = undone(shop, back.run_id)
    assert (once_more.undone, once_more.unplanned) == ([], [])
    held = {name: tool.all("contacts") for name, tool in lab.tools.items()}
    after["birch"][edited].pop("whole")
    held["birch"][edited].pop("whole")
    assert held == after


def cleared(held: dict[str, dict[str, dict[str, Any]]]) -> dict[str, dict[str, dict[str, Any]]]:
    """What tools hold, blank fields left out."""
    return {
        name: {id_: {field: value for field, value in fields.items() if value} for id_, fields in everybody.items()}
        for name, everybody in held.items()
    }


def test_what_was_agreed_to_is_kept(shop: Shop):
    shop.mappings["birch"]["contacts"]["fields"]["full_name"] = WHOLE
    plan, applied = shop.apply()
    with shop.lab.hub.store.reading() as tx:
        run = runs.one(tx, applied.run_id)
        assert run is not None
        kept = plans.one(tx, run.subject["plan"])
    assert kept is not None
    assert (kept.state, kept.run_id) == ("applied", applied.run_id)
    assert [tuple(line) for line in kept.lines] == [tuple(line) for line in plan.foreseen.lines]
    assert run.subject["before"]["connections"].keys() == {"birch"}


def test_plans_are_made_on_postgresql_too(tmp_path: Path, postgres_url: str):
    with Lab(tmp_path, database_url=postgres_url) as lab:
        shop = opened(lab, Random(3))
        shop.mappings["birch"]["contacts"]["fields"]["full_name"] = WHOLE
        shop.rules = {"contact": {"job_title": {"prefer": ["amber", "birch"]}}}
        plan, applied = shop.apply()
        assert plan.writes
        assert (applied.done, applied.undone, applied.unplanned) == (len(plan.foreseen.lines), [], [])


def test_what_is_unusual_is_said_and_a_word_is_enough(tmp_path: Path):
    with Lab(tmp_path) as lab:
        shop = opened(lab, Random(5), people=60)
        lab.wait(3 * DAY / SECOND)
        empty = {"field": "job_title", "direction": "out", "compute": "''"}
        shop.mappings["birch"]["contacts"]["fields"]["job_title"] = empty
        _, plan = shop.plan()
        share = next(one for one in plan.shares if one.connection == "birch")
        assert any("birch" in words for words in share.unusual)
        plan, applied = shop.apply()
        assert plan.writes > 20
        assert (applied.done, applied.halted) == (len(plan.lines), [])


def test_a_changed_block_list_is_planned_as_it_is_applied_and_undone(shop: Shop):
    lab = shop.lab
    blocked, free = Text("emails: ['lab-1@shore.example']", "match.yaml"), Text("{}", "match.yaml")
    apply_match(shop, blocked)
    for name, first in (("amber", "Ann"), ("birch", "Anne")):
        lab.tools[name].create("contacts", {"email": "lab-1@shore.example", "first_name": first, "last_name": "Shore"})
    lab.settle()
    plan, applied = apply_match(shop, free)
    assert plan.rematched["asked"] == 1
    assert plan.rematched == lab.installation.rematched()
    undone = earlier(lab.installation, run_of(shop, applied.run_id))
    assert undone.match is not None
    assert undone.match.text == blocked.text


def apply_match(shop: Shop, text: Text) -> tuple[Plan, Applied]:
    config = shop.config()
    config.match = text
    plan = make_plan(shop.lab.installation, config, changes(shop.lab.installation, config))
    applied = apply_plan(shop.lab.installation, config, plan)
    shop.lab.refreshed()
    return plan, applied


def run_of(shop: Shop, run_id: int) -> runs.Run:
    with shop.lab.installation.store.reading() as tx:
        found = runs.one(tx, run_id)
    assert found is not None
    return found
