"""Ruling: an answer to many questions becomes a line of the rules, so that such questions no longer arise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.util import load_yaml_guess_indent

from api.assembly import Text
from api.changes import Changes
from api.restoring import noted
from core.decide.reviewing import as_rule
from core.decide.rules import load_rules
from core.errors import ConfigError
from core.flow.hub import HUB
from core.flow.running import Run
from core.model.yaml_reader import yaml_reader
from core.store import records, reviews, runs

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.model.values import Json
    from core.store.reviews import Review

_WIDE = 10_000
"""Lines of an admin's file are never broken anew."""


@dataclass(slots=True)
class Ruling:
    """Lines to be added to the rules, and what they would be for."""

    found: list[Review]
    word: str
    lines: dict[tuple[str, str], Json] = field(default_factory=dict)
    """(kind, field) → its rule, as the rules file says it."""
    text: str = ""
    """The whole rules with the lines in place."""
    file: str = ""
    """Where the rules in force came from, '' where they are kept in the hub alone."""

    @property
    def yaml(self) -> str:
        """The lines alone."""
        text = ""
        for (kind, name), line in self.lines.items():
            text = with_line(text, kind, name, line)
        return text


def ruling(installation: Installation, found: Sequence[Review], word: str) -> Ruling:
    """What this answer would be as rules; nothing is changed. `ConfigError` where no rule says the same."""
    name, _, source = word.partition(":")
    hub = installation.hub()
    with installation.store.reading() as tx:
        kinds = records.kinds(tx, {one.record_id for one in found})
        text, file = runs.fact(tx, "rules") or "", runs.fact(tx, "rules_file") or ""
    asked = [one for one in found if one.what in ("ask", "frozen") and one.record_id in kinds]
    if not asked:
        raise ConfigError("Only questions about fields become rules.", remedy="Choose them with --what ask --field.")
    made = Ruling(asked, word, file=file)
    for one in asked:
        kind = kinds[one.record_id]
        made.lines[kind, one.field] = as_rule(one.what, hub.rules.rule(kind, one.field), name, source or None)
    for (kind, field_), line in made.lines.items():
        text = with_line(text, kind, field_, line)
    made.text = text
    known = {one.name for one in hub.connections.values()} | {HUB}
    load_rules(text, file=file or "rules", shapes=hub.shapes, sources=known)
    return made


def put(installation: Installation, made: Ruling) -> tuple[int, int]:
    """Put the lines in force and fold again; gives the run's number and how many of the questions are left."""
    hub = installation.hub()
    ids = [one.id for one in made.found]
    change = Changes(texts=["rules"])
    subject = {
        "reviews": ids,
        "word": made.word,
        "rules": {f"{kind}.{name}": line for (kind, name), line in made.lines.items()},
        "change": change.to_json(),
        "before": noted(installation, change),
    }
    # It puts a configuration in force, and is undone like any other that was.
    with Run(hub, hub.own_id, "apply", subject=subject) as run:
        installation.change(rules=Text(made.text, made.file or "rules"), run_id=run.id)
        installation.reconsider()
        # What kept turning has a rule now that does not turn with it; other questions close when they are settled.
        frozen = [one for one in made.found if one.what == "frozen"]
        with installation.store.writing() as tx:
            now = installation.clock()
            reviews.close_ids(tx, [one.id for one in frozen], now=now, answer=f"{made.word}, as a rule")
        _let_out(installation, frozen)
        with installation.store.reading() as tx:
            left = sum(one.closed_at is None for one in reviews.by_ids(tx, ids))
        run.counts = {"answered": len(ids) - left}
    return run.id, left


def _let_out(installation: Installation, frozen: Sequence[Review]) -> None:
    from core.flow.reviews.answering import look_everywhere

    hub = installation.hub()
    with installation.store.writing() as tx:
        look_everywhere(hub, tx, {one.record_id for one in frozen})


def with_line(text: str, kind: str, name: str, line: Json) -> str:
    """The rules with one field's line added or replaced; everything else stays, comments too."""
    yaml = yaml_reader("rt")
    yaml.width, yaml.preserve_quotes = _WIDE, True
    _, dash, offset = load_yaml_guess_indent(text)
    if dash:
        yaml.indent(sequence=dash, offset=offset or 0)
    content = yaml.load(text)
    if content is None:
        # Nothing but comments: they stay as they are.
        gap = "" if not text or text.endswith("\n") else "\n"
        return text + gap + _dumped(yaml, CommentedMap({kind: CommentedMap({name: _flow(line)})}))
    below = content.get(kind)
    if below is None:
        content[kind] = below = CommentedMap()
    below[name] = _flow(line)
    return _dumped(yaml, content)


def _dumped(yaml: YAML, content: CommentedMap) -> str:
    out = StringIO()
    yaml.dump(content, out)
    return out.getvalue()


def _flow(line: Json) -> Any:
    """A rule on one line: `{prefer: [a, b]}`."""
    if not isinstance(line, dict):
        return line
    made = CommentedMap({key: _flow(value) for key, value in line.items()})
    made.fa.set_flow_style()
    return made
