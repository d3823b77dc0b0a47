"""The reference page of the model, printed from its declarations: every type, every kind, every field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from core.model.shape import Field, Shape
from core.model.types import TYPES
from core.model.values import Json


def reference_page(shapes: Mapping[str, Shape]) -> str:
    """Markdown, the same text for the same shapes; ends with a line end."""
    return "\n".join((*_opening(shapes), *_types(), *_kinds(shapes.values())))


def _opening(shapes: Mapping[str, Shape]) -> list[str]:
    links = ", ".join(f"[{kind}](#{kind})" for kind in shapes)
    return [
        "# The canonical model",
        "",
        "Printed from the declarations in `core/model`; change them, not this page.",
        "",
        f"Kinds, in the order in which they are worked: {links}.",
        "",
    ]


def _types() -> list[str]:
    rows = [(f"`{one.name}`", one.doc, _code(one.example)) for one in TYPES.values()]
    return ["## Types", "", *_table(("type", "meaning", "normal form, for example"), rows), ""]


def _kinds(shapes: Iterable[Shape]) -> list[str]:
    lines = []
    for shape in shapes:
        rows = [_row(field) for field in shape.fields.values()]
        heading = ("field", "type", "meaning", "example", "rule", "personal")
        lines += [f"## {shape.kind}", "", shape.doc, "", *_table(heading, rows), ""]
    return lines


def _row(field: Field) -> tuple[str, ...]:
    doc = field.doc
    if field.choices:
        doc += f" One of {', '.join(f'`{choice}`' for choice in field.choices)}."
    if field.beside:
        doc += f" Keeps what `{field.beside}` does not hold."
    return (
        f"`{field.name}`",
        _type(field),
        doc,
        _code(field.example),
        field.rule,
        "yes" if field.personal else "",
    )


def _type(field: Field) -> str:
    if field.type == "ref":
        return f"{'several ' if field.many else ''}ref to {field.of}"
    return f"{field.type} of {field.of}" if field.of else field.type


def _code(value: Json) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"`{shown}`".replace("\n", "↵")


def _table(heading: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [heading, ("---",) * len(heading), *rows]
    return ["| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines]
