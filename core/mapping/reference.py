"""The reference page of the mapping language, printed from the declarations, so that it cannot tell something else.

`reference_page` gives Markdown; the docs keep a copy and a test compares it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from core.mapping.compute import FUNCTIONS
from core.mapping.steps import SAME, STEPS, Example, Parameter, Step
from core.mapping.steps.step import Arguments
from core.model.types import TYPES
from core.model.values import Json

_STREAMS = (
    ("`as`", "The kind of record that the stream holds."),
    ("`when`", "Which records are created in it, where the tool keeps one kind in several streams; see below."),
    ("`direction`", "For lines that do not say their own."),
    ("`options`", "Options of the connector for this stream."),
    ("`fields`", "The lines: a canonical field, and what it is in the tool."),
)
_LINES = (
    ("`field`", "The tool's field, as a dotted path. For money and addresses also parts: `{street: …, city: …}`."),
    ("`steps`", "What lies between, in the order of the way in; the way out goes through them in reverse."),
    ("`vocabulary`", "A table of words, from `vocabularies` at the top; it comes after the steps."),
    ("`ref`", "The kind of record that the tool's id points to; a stream of the same file must hold it."),
    ("`by`", "`email`: the tool names a person by an address, not by an id; see below. Such a line goes in only."),
    ("`compute`", "An expression instead of a field; needs a direction."),
    ("`direction`", "`both` (the default), `in` or `out`. A stream may say it once for all its lines."),
    ("`on_create_only`", "Goes out only when the record is created."),
    (
        "`when_blank`",
        "`clear` (the default): a blank clears the other side. `ignore`: a blank says nothing. Consent never clears.",
    ),
    ("`required`", "The tool takes no record without it. Such a line ignores blanks unless it says otherwise."),
)

_INTRODUCTION = """\
# The mapping language

A mapping file is one list a stream; a line names a canonical field, the tool's field, and what lies between.

```yaml
vocabularies:
  lifecycle:
    words: {subscriber: lead, client: customer}
    unknown: keep
contacts:
  as: contact
  fields:
    email: email
    phone: {field: mobile, steps: [phone]}
    lifecycle_stage: {field: stage, vocabulary: lifecycle}
    full_name: {compute: "first_name + ' ' + last_name", direction: out}
```
"""

_WHEN = """\
## Several streams of one kind

A tool may keep one kind in several streams: tasks and notes, leads and contacts. `when` says which of them takes a
record that the tool does not hold yet.

```yaml
tasks:
  as: activity
  when: {type: task}
  fields: {subject: title, due_at: due}
mails:
  as: activity
  when: {type: email, direction: [outbound, null]}
  fields: {subject: subject, body: text}
notes:
  as: activity
  fields: {type: kind, body: text}
```

- `when` names canonical fields with a value, or a list of values; each field must have one of its own. A blank field
  has none of them, unless the list holds `null`. Fields of one plain value can be named: no sets, references, amounts
  or addresses.
- A record is created in the first stream, in the order of the file, whose `when` holds; where none holds, in the first
  stream without `when`. Where every stream has one and none holds, this tool does not take the record, and nothing is
  missing. What one stream claims goes to no other, even while the claiming one is not written.
- A record that is in the tool already stays in its stream and is updated there; it is never moved.
- What is read in a stream whose `when` names one value of a field has that value, unless a line of the stream reads
  the field. Several values say nothing, and of consent nothing is ever said in this way.
"""

_BY_ADDRESS = """\
## People by their addresses

Calendars name people by their email addresses. `by: email` beside `ref: contact` or `ref: owner` finds who is meant.

```yaml
events:
  as: activity
  fields:
    contacts: {field: attendees, ref: contact, by: email}
    owner: {field: organizer.email, ref: owner, by: email}
```

- Whoever has the address is meant, whichever tool it was learnt from. No stream of this file need hold people.
- An address that nobody has yet waits, and finds its person as soon as a tool or somebody in the hub brings one.
  One that several people share, or that is a shared inbox such as `info@`, is never guessed: it waits in the same way.
- A person who changes address later stays the one who was meant. Whoever was erased is not found again.
- The line goes in only, and need not say so.
"""

_VOCABULARIES = """\
## Vocabularies

A vocabulary has `words`, the tool's word and ours, and `unknown`, for words it does not list: `refuse` (the default:
the value becomes a problem), `keep`, `blank`, or a canonical word that stands in. Where several of the tool's words
mean one of ours, the first listed is written. `spelling: any` takes words that differ only in capitals, spaces or
hyphens for one.

Every mapping may also name the vocabularies of `mappings/vocabularies.yaml`: `capture_sources` turns the many spellings
of where a lead came from (`Website`, `Web Form`, `fb`) into one. A vocabulary of the file's own with that name goes
before.
"""

_COMPUTE = """\
## Expressions

With `direction: in` the names are the tool's fields and the key is the canonical field. With `direction: out` the
names are canonical fields, and the result goes to `field`, or to the key where there is no `field`; that key may be
no canonical field. A name with spaces or hyphens stands between backticks. A blank field is empty text; if all are
blank, so is the result. There are text in quotes, numbers, `+ - * /`, comparisons, `and`, `or`, `not`, `in`,
`… if … else …`, and these functions:
"""


def reference_page() -> str:
    """The whole page as Markdown, ending with a line break."""
    return "\n".join(_parts()) + "\n"


def _parts() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## Words of a stream\n"
    yield _table(("Word", "Meaning"), _STREAMS)
    yield _WHEN
    yield "## Words of a line\n"
    yield _table(("Word", "Meaning"), _LINES)
    yield _BY_ADDRESS
    yield _VOCABULARIES
    yield _COMPUTE
    yield _table(("Function", "Gives"), [(f"`{name}`", doc) for name, (_, doc) in FUNCTIONS.items()])
    yield "## Types\n"
    yield "Every value that comes in is brought into the normal form of its field's type.\n"
    yield _table(("Type", "Meaning", "Example"), [(f"`{t.name}`", t.doc, _shown(t.example)) for t in TYPES.values()])
    yield "## Steps\n"
    yield "\n".join(_step(step) for step in STEPS.values()).rstrip()


def _step(step: Step) -> str:
    rows = [f"### `{step.name}`\n", f"{step.doc} {_ways(step)}\n"]
    if step.parameters:
        rows += [_table(("Argument", "Meaning", "Default"), [_parameter(one) for one in step.parameters])]
    rows += [
        _table(("Written", "In the tool", "Canonical", "Written back"), [_example(step, e) for e in step.examples])
    ]
    return "\n".join(rows)


def _ways(step: Step) -> str:
    if step.ways == "in":
        return "Needs `direction: in`."
    if step.ways == "one":
        return "Needs `direction: in` or `direction: out`."
    return f"Does not survive: {step.loses}." if step.loses else "Both ways, and nothing is lost."


def _parameter(parameter: Parameter) -> tuple[str, ...]:
    default = "needed" if parameter.required else "none" if parameter.default == "" else _shown(parameter.default)
    return f"`{parameter.name}`", parameter.doc, default


def _example(step: Step, example: Example) -> tuple[str, ...]:
    given_back = example.remote if example.back is SAME else example.back
    back = _shown(given_back) if step.ways == "both" else "–"
    return f"`{_use(step, example.arguments)}`", _shown(example.remote), _shown(example.canonical), back


def _use(step: Step, arguments: Arguments) -> str:
    if not arguments:
        return step.name
    lone = len(arguments) == 1 and step.parameters[0].name in arguments
    return f"{step.name}: {_flow(next(iter(arguments.values())) if lone else dict(arguments))}"


def _flow(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shown(value: Json) -> str:
    return "blank" if value is None else f"`{_flow(value)}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"
