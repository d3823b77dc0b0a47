"""Forms made ready: what `forms` in the configuration declares, with the mapping by which their words are read.

The mapping is `mappings/capture.yaml`, or `capture.yaml` in the data folder. A form that asks what no line of it names
gets a plain line for that: what is posted under the name of a contact's field is that field.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from api.mappings import MAPPINGS, load
from core import manifest
from core.decide import forms as declared
from core.decide.forms import Askable
from core.errors import ConfigError
from core.flow.hub import HUB, FormSource, Policy, Stream
from core.mapping import Line, StreamMapping, translator
from core.mapping import Mapping as FormMapping
from core.model.form import REASON, Form
from core.model.locale import Locale
from core.model.shape import Shape

FILE = "capture.yaml"
PEOPLE, NOTES = "people", "asked"
"""The streams of the mapping."""


def stream_names(form: str) -> tuple[str, str]:
    """The names of a form's two streams in the hub's own connection: of people, and of notes."""
    return f"form:{form}", f"form:{form}/{NOTES}"


def source_of(stream: str) -> str:
    """As whom a stream of the hub's own connection speaks: the hub, or the form that it belongs to."""
    return stream.partition("/")[0] if stream.startswith("form:") else HUB


def form_streams(ids: Mapping[str, int]) -> dict[int, int]:
    """Stream of people → stream of their notes, among the hub's own streams by name."""
    notes = {name.removesuffix(f"/{NOTES}"): id_ for name, id_ in ids.items() if name.endswith(f"/{NOTES}")}
    return {ids[name]: id_ for name, id_ in notes.items()}


def capture_mapping(data: Path) -> FormMapping:
    """The mapping in force; `ConfigError` where it has not what capturing needs."""
    own = data / FILE
    file = own if own.exists() else MAPPINGS / FILE
    mapping = load(file.read_text(encoding="utf-8"), file=str(file))
    kinds = {name: one.kind for name, one in mapping.streams.items()}
    if kinds != {PEOPLE: "contact", NOTES: "activity"}:
        raise ConfigError(
            f"{file} is no mapping of forms.",
            remedy=f"It has two streams: `{PEOPLE}` of contacts, `{NOTES}` of activities.",
        )
    return mapping


def askable(mapping: FormMapping, shape: Shape) -> Askable:
    """What a form may ask, with its type: parts of a contact's fields, and plain fields."""
    parts = (path for line in mapping.streams[PEOPLE].lines for path in line.parts.values())
    return declared.askable(shape, dict.fromkeys(parts, "name"))


def form_sources(
    forms: Sequence[Form],
    ids: Mapping[str, int],
    mapping: FormMapping,
    *,
    connection_id: int,
    shapes: Mapping[str, Shape],
    locale: Locale,
) -> dict[str, FormSource]:
    """Name → form, ready to take leads in; `ids` are those of the hub's own streams, by name."""
    found = {}
    for form in forms:
        people, notes = stream_names(form.name)
        siblings = {PEOPLE: ids[people], NOTES: ids[notes]}
        here = mapping.streams[PEOPLE]
        asked = replace(here, lines=(*here.lines, *_plain_lines(form, here)))
        made = [
            _stream(one, name, form, siblings, connection_id=connection_id, shapes=shapes, locale=locale)
            for one, name in ((asked, people), (mapping.streams[NOTES], notes))
        ]
        found[form.name] = FormSource(form, made[0], made[1])
    return found


def _plain_lines(form: Form, stream: StreamMapping) -> Iterator[Line]:
    read: Collection[str] = {path for line in stream.lines for path in line.reads}
    names = [one.name for one in form.fields if one.name != REASON] + [one.field for one in form.ticks]
    return (Line(name, name, direction="in") for name in names if name not in read)


def _stream(
    one: StreamMapping,
    name: str,
    form: Form,
    siblings: Mapping[str, int],
    *,
    connection_id: int,
    shapes: Mapping[str, Shape],
    locale: Locale,
) -> Stream:
    return Stream(
        id=siblings[one.stream],
        name=name,
        kind=one.kind,
        connection_id=connection_id,
        source=form.speaks_as,
        shape=shapes[one.kind],
        translator=translator(one, shapes=shapes, locale=locale),
        manifest=manifest.Stream(kind=one.kind),
        policy=Policy(writes=False, creates=False),
        siblings=siblings,
    )
