"""SOQL, read into a small tree: parents, one level of children, WHERE, GROUP BY, ORDER BY, LIMIT and OFFSET."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from connectors.salesforce.sandbox_values import Refusal, is_date, read_stamp, refused, stamp_text


class Literal(NamedTuple):
    """A value in a condition. `kind` is text, number, boolean, null, date, datetime or relative (`TODAY`)."""

    kind: str
    value: str | float | bool | None


class Test(NamedTuple):
    """One comparison: `path operator value`; `path` has a dot per parent."""

    path: str
    operator: str
    values: tuple[Literal, ...]
    query: Query | None = None
    """What the values are, where they come from another query (`IN (SELECT …)`)."""


class Both(NamedTuple):
    """All of these hold."""

    parts: tuple[Condition, ...]


class Either(NamedTuple):
    """At least one of these holds."""

    parts: tuple[Condition, ...]


class Not(NamedTuple):
    """This does not hold."""

    part: Condition


Condition = Test | Both | Either | Not


class Column(NamedTuple):
    """One thing of the SELECT list: a path, or `function(path) alias`."""

    path: str
    function: str = ""
    alias: str = ""


class Order(NamedTuple):
    """One part of ORDER BY."""

    path: str
    descending: bool = False
    nulls_last: bool = False


class Query(NamedTuple):
    """One query. `children` are the queries in its SELECT list, by relationship name."""

    source: str
    columns: tuple[Column, ...] = ()
    children: tuple[Query, ...] = ()
    where: Condition | None = None
    group: tuple[str, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0

    @property
    def counts(self) -> bool:
        """`SELECT COUNT() FROM …` answers with a number only."""
        return self.columns == (Column("", "COUNT"),)


_TOKEN = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^'\\]|\\.)*')
  | (?P<moment>\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))?)
  | (?P<number>[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)
  | (?P<word>[A-Za-z]\w*(?:\.[A-Za-z]\w*)*)
  | (?P<sign><=|>=|!=|<>|[=<>(),:])
    )""",
    re.VERBOSE,
)
T = TypeVar("T")
_COMPARING = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_RELATIVE = re.compile(
    r"(TODAY|YESTERDAY|TOMORROW|(LAST|NEXT|THIS)_(DAY|WEEK|MONTH|YEAR)|(LAST|NEXT)_N_DAYS|N_DAYS_AGO)", re.IGNORECASE
)
_FUNCTIONS = {"COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG", "FIELDS"}
_CLAUSES = {"FROM", "WHERE", "GROUP", "ORDER", "LIMIT", "OFFSET", "FOR", "WITH", "USING", "HAVING", "ALL"}


def parse(text: str) -> Query:
    """The query a text says; refused as MALFORMED_QUERY."""
    reader = _Reader(text)
    query = reader.query()
    reader.end()
    return query


class _Reader:
    def __init__(self, text: str) -> None:
        self.text, self.place = text, 0
        self.tokens: list[tuple[str, str, int]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                raise self.malformed(at)
            self.tokens.append((str(match.lastgroup), match[str(match.lastgroup)], match.start(str(match.lastgroup))))
            at = match.end()

    def malformed(self, at: int | None = None) -> Refusal:
        """Says where the text cannot be read."""
        if at is None:
            at = self.tokens[self.place][2] if self.place < len(self.tokens) else len(self.text)
        token = self.text[at:].split(maxsplit=1)[0] if self.text[at:].strip() else "<EOF>"
        return refused("MALFORMED_QUERY", f"ERROR at Row:1:Column:{at + 1}\nunexpected token: '{token}'")

    def sees(self, *words: str) -> bool:
        """Whether these words or signs come next."""
        upcoming = [token[1].upper() for token in self.tokens[self.place : self.place + len(words)]]
        return upcoming == list(words) and self.tokens[self.place][0] != "text"

    def takes(self, *words: str) -> bool:
        """Go past these words if they come next."""
        seen = self.sees(*words)
        self.place += len(words) if seen else 0
        return seen

    def needs(self, *words: str) -> None:
        """Go past these words, which must come next."""
        if not self.takes(*words):
            raise self.malformed()

    def take(self, kind: str) -> str:
        """The next token, which must be of this kind."""
        if self.place >= len(self.tokens) or self.tokens[self.place][0] != kind:
            raise self.malformed()
        self.place += 1
        return self.tokens[self.place - 1][1]

    def end(self) -> None:
        """Nothing more may come."""
        if self.place < len(self.tokens):
            raise self.malformed()

    # --- the query

    def query(self) -> Query:
        """SELECT … FROM …, with all that may follow."""
        self.needs("SELECT")
        columns: list[Column] = []
        children: list[Query] = []
        self._list(lambda: self._column(columns, children))
        self.needs("FROM")
        source = self.take("word")
        if self._alias():
            self.take("word")
        where = self._condition() if self.takes("WHERE") else None
        group = self._list(lambda: self.take("word")) if self.takes("GROUP", "BY") else []
        order = self._list(self._order) if self.takes("ORDER", "BY") else []
        limit = self._whole() if self.takes("LIMIT") else None
        offset = self._whole() if self.takes("OFFSET") else 0
        return Query(source, tuple(columns), tuple(children), where, tuple(group), tuple(order), limit, offset)

    def _column(self, columns: list[Column], children: list[Query]) -> None:
        if self.takes("("):
            children.append(self.query())
            self.needs(")")
            return
        word = self.take("word")
        if not self.takes("("):
            columns.append(Column(word))
            return
        if word.upper() not in _FUNCTIONS:
            self.place -= 2
            raise self.malformed()
        path = "" if self.sees(")") else self.take("word")
        self.needs(")")
        columns.append(Column(path, word.upper(), self.take("word") if self._alias() else ""))

    def _alias(self) -> bool:
        """Whether a name comes that is no word of the language."""
        if self.place >= len(self.tokens):
            return False
        kind, word, _ = self.tokens[self.place]
        return kind == "word" and word.upper() not in _CLAUSES

    def _order(self) -> Order:
        path = self.take("word")
        descending = self.takes("DESC") or (self.takes("ASC") and False)
        nulls_last = self.takes("NULLS", "LAST") or (self.takes("NULLS", "FIRST") and False)
        return Order(path, descending, nulls_last)

    def _whole(self) -> int:
        number = self.take("number")
        if not number.isdigit():
            self.place -= 1
            raise self.malformed()
        return int(number)

    def _list(self, one: Callable[[], T]) -> list[T]:
        found = [one()]
        while self.takes(","):
            found.append(one())
        return found

    # --- conditions

    def _condition(self) -> Condition:
        """Tests joined by AND, or by OR; both at one level need parentheses, as in the tool."""
        parts = [self._one()]
        for word, made in (("AND", Both), ("OR", Either)):
            while self.takes(word):
                parts.append(self._one())
            if len(parts) > 1:
                return made(tuple(parts))
        return parts[0]

    def _one(self) -> Condition:
        if self.takes("NOT"):
            return Not(self._one())
        if self.takes("("):
            inner = self._condition()
            self.needs(")")
            return inner
        return self._test()

    def _test(self) -> Test:
        path = self.take("word")
        for word in ("IN", "INCLUDES", "EXCLUDES"):
            if self.takes(word):
                return self._among(path, word)
        if self.takes("NOT", "IN"):
            return self._among(path, "NOT IN")
        if self.takes("LIKE"):
            return Test(path, "LIKE", (self._literal(),))
        sign = self.take("sign")
        if sign not in _COMPARING:
            self.place -= 1
            raise self.malformed()
        return Test(path, _COMPARING[sign], (self._literal(),))

    def _among(self, path: str, operator: str) -> Test:
        self.needs("(")
        if self.sees("SELECT"):
            test = Test(path, operator, (), self.query())
        else:
            test = Test(path, operator, tuple(self._list(self._literal)))
        self.needs(")")
        return test

    def _literal(self) -> Literal:
        if self.place >= len(self.tokens):
            raise self.malformed()
        kind, text, _ = self.tokens[self.place]
        literal = _literal_of(kind, text)
        if literal is None:
            raise self.malformed()
        self.place += 1
        if literal.kind == "relative" and "_N_" in text.upper():
            self.needs(":")
            return Literal("relative", f"{text.upper()}:{self._whole()}")
        return literal


_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}


def unquoted(text: str, *, like: bool = False) -> str:
    """What stands between quotes. A pattern for LIKE keeps its escaped `%` and `_`."""
    kept = "%_" if like else ""
    return re.sub(
        r"\\(.)", lambda match: match[0] if match[1] in kept else _ESCAPES.get(match[1], match[1]), text[1:-1]
    )


def _literal_of(kind: str, text: str) -> Literal | None:
    if kind == "text":
        return Literal("text", text)
    if kind == "number":
        return Literal("number", float(text))
    if kind == "moment" and "T" in text:
        at = read_stamp(text)
        return Literal("datetime", stamp_text(at)) if at is not None else None
    if kind == "moment":
        return Literal("date", text) if is_date(text) else None
    if kind == "word" and text.upper() in ("TRUE", "FALSE", "NULL"):
        return Literal(*{"TRUE": ("boolean", True), "FALSE": ("boolean", False), "NULL": ("null", None)}[text.upper()])
    if kind == "word" and _RELATIVE.fullmatch(text):
        return Literal("relative", text.upper())
    return None
