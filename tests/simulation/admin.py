"""An admin changes something in the end: the plan must list exactly what is then done, and undoing it undo all of it.

Played on a stage at rest, without mischief: here it is asked whether the plan is the truth, not whether a tool is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from api.applying import Applied, apply_plan
from api.building import ConnectionSpec
from api.changes import changes
from api.config import Config
from api.planning import Plan, make_plan
from api.restoring import earlier, lines_of
from core.decide.fold import decided
from core.flow.asking import voices_of
from core.model.claim import Voice
from core.model.values import Json
from core.ports import Fields
from core.store import runs
from tests.simulation.look import Look, same
from tests.simulation.plot import TOOLS, rules_of

if TYPE_CHECKING:
    from tests.simulation.play import Stage

EVERY = 6
"""One plot in so many ends with a change."""

_FIELDS = ("first_name", "last_name", "phone", "job_title")
_RULES = ("fill", "most_complete", "{prefer: [amber, birch]}", "{system_of_record: coral}", "latest")


def changed_and_undone(look: Look) -> Iterator[str]:
    """Laws 8 and 9: what is applied is what was listed, and undoing it brings every field back.

    But for one: a line that is left out loses its claims (`core/DECISIONS.md`, "Undoing a change of the mapping forgets
    when things were said"). What its tool said before the hub wrote over it is then nowhere any more, and goes from the
    set beside the field, which keeps what did not stand.
    """
    stage = look.stage
    troubled = any(habit.choosy for habit in stage.plot.habits) or stage.retyped or look.braked or look.letters
    if stage.plot.seed % EVERY != 1 or troubled or stage.lab.pending():
        return
    before = _held(stage)
    wish, left_out = _wish(look)
    plan, applied = _applied(stage, wish)
    yield from _as_listed("plan", stage, plan, applied)
    installation = stage.lab.installation
    with installation.store.reading() as tx:
        run = runs.one(tx, applied.run_id)
    assert run is not None
    back = earlier(installation, run)
    plan = make_plan(installation, back, changes(installation, back), undone=lines_of(installation, run))
    yield from _as_listed("undo", stage, plan, apply_plan(installation, back, plan, undoes=run.id))
    stage.lab.refreshed()
    for name, id_, path, was, now in _differing(before, _held(stage)):
        if _means(look, name, path, was) == _means(look, name, path, now):
            # Back it is in the tool's own spelling, which it would not take otherwise.
            continue
        yield f"undo: {name} {id_} held {was!r} as {path}, and {now!r} after a change was applied and undone"
    yield from _records_differ(look, Look(stage), left_out)


def _records_differ(before: Look, after: Look, left_out: str | None) -> Iterator[str]:
    for id_, record in before.records.items():
        was, now = record.values, after.records[id_].values
        sides = before.lab.hub.rules.plan(before.lab.hub.shapes[record.kind]).sides
        # While a person is asked nothing stands, and the earliest word is shown; what tools hold is put back.
        for field in (was.keys() | now.keys()) - after.undecided.get(id_, set()):
            if not same(was.get(field), now.get(field)) and (left_out is None or sides.get(field) != left_out):
                told = f"{was.get(field)!r} as {field}, and {now.get(field)!r}"
                yield f"undo: record {id_} held {told} after a change was applied and undone"


def _wish(look: Look) -> tuple[Config, str | None]:
    """Another configuration: a line less in one tool, or another rule for a field; and the field of the line."""
    stage = look.stage
    random = Random(f"{stage.plot.seed} admin")
    field = random.choice(_FIELDS)
    specs = {spec.name: spec for spec in stage.specs}
    # A line that is left out and mapped again counts from when its record was last changed, and a blank in it is none:
    # what nobody could decide before may then be decided, and what was cleared comes back.
    asked = any(field in names for names in look.undecided.values())
    cleared = any(path == field and word.cleared for (*_, path), word in stage.ledger.words.items())
    if random.random() < 0.5 and not asked and not cleared:
        name = random.choice(TOOLS)
        if not _stands_for_its_time(look, name, field):
            specs[name] = _without(specs[name], field)
            return Config("concord.yaml", specs, rules=stage.rules), field
    chosen = {**stage.chosen, field: random.choice(_RULES)}
    words = rules_of(stage.plot, chosen)
    return Config("concord.yaml", specs, rules=words), None


def _stands_for_its_time(look: Look, name: str, field: str) -> bool:
    """Whether a tool that stamps nothing has a word that stands because the hub saw since when it was there.

    Mapped again the word is there with no time at all, since only the hub knew it (`core/DECISIONS.md`, "Undoing a
    change of the mapping forgets when things were said"): then the preference may choose another one. Where a person
    is asked, the undo puts back what was there.
    """
    if look.stage.plot.habits[TOOLS.index(name)].stamps:
        return False
    hub = look.lab.hub
    for record in look.records.values():
        plan = hub.rules.plan(hub.shapes[record.kind])
        voices = voices_of(hub, look.by_record.get(record.id, []))
        undated = [_undated(one, field) if one.source == name else one for one in voices]
        told = decided(plan, hub.rules, undated, field)
        if not told.asked and not same(told.value, record.values.get(field)):
            return True
    return False


def _undated(voice: Voice, field: str) -> Voice:
    claim = voice.claims.get(field)
    if claim is None:
        return voice
    return replace(voice, claims=voice.claims.renewed({field: claim._replace(stamp=claim.stamp._replace(since=0))}))


def _without(spec: ConnectionSpec, field: str) -> ConnectionSpec:
    lines = spec.mapping.splitlines(keepends=True)
    return replace(spec, mapping="".join(line for line in lines if not line.startswith(f"    {field}: ")))


def _applied(stage: Stage, config: Config) -> tuple[Plan, Applied]:
    installation = stage.lab.installation
    installation.refresh()
    plan = make_plan(installation, config, changes(installation, config))
    return plan, apply_plan(installation, config, plan)


def _as_listed(what: str, stage: Stage, plan: Plan, applied: Applied) -> Iterator[str]:
    if applied.undone or applied.unplanned or applied.halted:
        listed = [(one.connection, one.record_id, one.verb, dict(one.fields)) for one in plan.lines]
        yield (
            f"{what}: listed and not done {applied.undone}, done and not listed {applied.unplanned}, "
            f"halted {applied.halted}; the plan was {plan.change.to_json()}: {listed}"
        )


def _means(look: Look, name: str, path: str, value: Json) -> Json:
    """What a tool's value means once the tool has spelt it its way."""
    spelt = look.lab.tools[name].spelled({path: value}) if value is not None else {}
    return look.reads(name, "contact", look.field("contact", path), spelt.get(path))


Held = Mapping[str, Mapping[str, Fields]]


def _held(stage: Stage) -> Held:
    return {
        name: {id_: dict(held) for id_, held in tool.all("contacts").items()} for name, tool in stage.lab.tools.items()
    }


def _differing(before: Held, after: Held) -> Iterator[tuple[str, str, str, object, object]]:
    for name, held in before.items():
        for id_ in held.keys() | after[name].keys():
            was, now = held.get(id_, {}), after[name].get(id_, {})
            for path in was.keys() | now.keys():
                if not same(was.get(path), now.get(path)):
                    yield name, id_, path, was.get(path), now.get(path)
