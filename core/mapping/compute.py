"""Computed lines: a small, safe expression over the other side's fields.

The expressions are simpleeval's, cut down further: text, numbers, comparisons, `if … else`, and the functions of
`FUNCTIONS`. There is no attribute access: `address.city` is the dotted path of a field, and a name with spaces or
hyphens stands between backticks (`` `First Name` ``). Nothing can loop or grow beyond simpleeval's limits.
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from simpleeval import InvalidExpression, SimpleEval, safe_add, safe_mult

from core.model.plain import quoted
from core.model.values import Json, is_blank

LONGEST = 500
"""An expression has at most this many characters."""
DEEPEST = 60
"""And so many levels of brackets and operators."""

_BACKTICKS = re.compile(r"`([^`]+)`")
_STAND_IN = "quoted_name_"

_WHOLE = (
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.IfExp,
    ast.Call,
    ast.Constant,
    ast.Name,
)
_GRAMMAR = (*_WHOLE, ast.Attribute, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context)
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: safe_add,
    ast.Sub: operator.sub,
    ast.Mult: safe_mult,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda part, whole: part in whole,
    ast.NotIn: lambda part, whole: part not in whole,
}


def _joined(separator: str, *parts: Json) -> str:
    return separator.join(str(part) for part in parts if not is_blank(part))


def _first_of(*values: Json) -> Json:
    return next((value for value in values if not is_blank(value)), None)


def _words(text: str, place: slice) -> str:
    return " ".join(str(text).split()[place])


FUNCTIONS: dict[str, tuple[Callable[..., Json], str]] = {
    "lower": (lambda text: str(text).lower(), "in small letters"),
    "upper": (lambda text: str(text).upper(), "in capitals"),
    "trim": (lambda text: str(text).strip(), "without the spaces around it"),
    "text": (lambda value: "" if is_blank(value) else str(value), "a number as text"),
    "join": (_joined, "`join(', ', a, b)`: the values that are not blank, with the first text between them"),
    "first_of": (_first_of, "the first value that is not blank"),
    "first_word": (lambda text: _words(text, slice(1)), "the first word"),
    "rest_words": (lambda text: _words(text, slice(1, None)), "all words but the first"),
}
"""Name → function and what it gives."""


@dataclass(frozen=True)
class Expression:
    """A parsed expression. Made by `parse`, which is where mistakes are found."""

    text: str
    tree: ast.expr

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The fields it reads, as dotted paths, in order of appearance."""
        called = {id(node.func) for node in ast.walk(self.tree) if isinstance(node, ast.Call)}
        names = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name) and id(node) not in called]
        return tuple(dict.fromkeys(node.id for node in sorted(names, key=lambda node: node.col_offset)))

    def value(self, given: dict[str, Json]) -> Json:
        """The result for these values; blank (None) when all fields are blank or a blank makes it impossible.

        A blank field is empty text. Raises `ValueError` with one sentence when the values do not fit.
        """
        blanks = [is_blank(given.get(name)) for name in self.names]
        if blanks and all(blanks):
            return None
        names = {name: "" if blank else given[name] for name, blank in zip(self.names, blanks, strict=True)}
        try:
            result = _evaluator(names).eval(self.text, previously_parsed=self.tree)
        except (InvalidExpression, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            if any(blanks):
                return None
            raise ValueError(f"{quoted(self.text)} cannot be computed from these values") from error
        result = result.strip() if isinstance(result, str) else result
        return None if is_blank(result) else result


def parse(text: str) -> Expression:
    """Read an expression; raises `ValueError` with one sentence for anything that is not part of the language."""
    if len(text) > LONGEST:
        raise ValueError(f"the expression is longer than {LONGEST} characters")
    quoted_names: list[str] = []

    def stand_in(found: re.Match[str]) -> str:
        quoted_names.append(found[1])
        return f"{_STAND_IN}{len(quoted_names) - 1}"

    try:
        tree = ast.parse(_BACKTICKS.sub(stand_in, text.strip()), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = error.msg if isinstance(error, SyntaxError) else "it is nested too deep or has strange characters"
        raise ValueError(f"this is no expression: {reason}") from error
    _refuse_foreign(tree)
    return Expression(text, _Named(quoted_names).visit(tree).body)


class _Named(ast.NodeTransformer):
    """Makes `address.city` one name, for a path is no attribute, and puts back the names in backticks."""

    def __init__(self, quoted_names: list[str]) -> None:
        self.names = {f"{_STAND_IN}{place}": name for place, name in enumerate(quoted_names)}

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.copy_location(ast.Name(self.names.get(node.id, node.id), ast.Load()), node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.Name:
        return ast.copy_location(ast.Name(_path(node), ast.Load()), node)


def _path(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_path(node.value)}.{node.attr}"
    raise ValueError("a dot may only stand inside the name of a field")


def _refuse_foreign(tree: ast.AST) -> None:
    if _depth(tree) > DEEPEST:
        raise ValueError("the expression is nested too deep")
    for node in ast.walk(tree):
        if foreign := _foreign(node):
            raise ValueError(foreign)


def _foreign(node: ast.AST) -> str:
    """Why a node is no part of the language; blank where it is."""
    if not isinstance(node, _GRAMMAR):
        return f"{type(node).__name__} is not part of the language of expressions"
    if isinstance(node, ast.operator | ast.unaryop | ast.cmpop) and type(node) not in _OPERATORS:
        return f"the operator {type(node).__name__} is not part of the language of expressions"
    if isinstance(node, ast.Constant) and not isinstance(node.value, str | int | float | bool | None):
        return f"{node.value!r} is neither text nor a number"
    if isinstance(node, ast.Call) and not _is_known_call(node):
        return f"only these functions can be called: {', '.join(FUNCTIONS)}"
    return ""


def _depth(tree: ast.AST) -> int:
    depth, level = 0, [tree]
    while level:
        depth += 1
        level = [child for node in level for child in ast.iter_child_nodes(node)]
    return depth


def _is_known_call(node: ast.Call) -> bool:
    plain = not node.keywords and not any(isinstance(argument, ast.Starred) for argument in node.args)
    return plain and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS


def _evaluator(names: dict[str, Json]) -> SimpleEval:
    functions = {name: function for name, (function, _) in FUNCTIONS.items()}
    return SimpleEval(operators=_OPERATORS, functions=functions, names=names)
