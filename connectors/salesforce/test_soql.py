"""SOQL as the stand-in reads it: held against an evaluator that knows no index and no shortcut."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors._kit.clock import VirtualTime
from connectors.salesforce.sandbox import Sandbox
from connectors.salesforce.sandbox_filter import relative_days
from connectors.salesforce.sandbox_query import Asking, answer, records_of
from connectors.salesforce.sandbox_soql import parse
from connectors.salesforce.sandbox_table import Row
from connectors.salesforce.sandbox_values import Refusal

STAMPS = [f"2026-11-{day:02}T09:00:0{second}.000+0000" for day in (1, 2) for second in (0, 1, 2)]
TEXTS = st.text("aAbB %_'\\é", max_size=3)
Leads = list[dict[str, Any]]
Ask = Callable[[dict[str, Any]], bool]


# --- the naive side: a condition is its SOQL and a Python function


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _same(one: Any, other: Any) -> bool:
    fold = [value.casefold() if isinstance(value, str) else value for value in (one, other)]
    return fold[0] == fold[1]


def _text_test(name: str, operator: str, value: str) -> tuple[str, Ask]:
    wanted = value or None
    ask: Ask = (lambda lead: _same(lead[name], wanted)) if operator == "=" else (
        lambda lead: not _same(lead[name], wanted)
    )  # fmt: skip
    return f"{name} {operator} {_quoted(value)}", ask


def _order_test(name: str, operator: str, spelt: str, value: Any) -> tuple[str, Ask]:
    def ask(lead: dict[str, Any]) -> bool:
        held = lead[name]
        if operator in ("=", "!="):
            return bool((held == value) == (operator == "="))
        if held is None:
            return False
        return bool({"<": held < value, ">": held > value, "<=": held <= value, ">=": held >= value}[operator])

    return f"{name} {operator} {spelt}", ask


def _like_test(name: str, pattern: str) -> tuple[str, Ask]:
    matcher = re.compile("".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in pattern), re.I | re.S)
    return f"{name} LIKE {_quoted(pattern)}", lambda lead: bool(matcher.fullmatch(lead[name] or ""))


def _in_test(name: str, values: list[str], *, wanted: bool) -> tuple[str, Ask]:
    spelt = ", ".join(map(_quoted, values))
    operator = "IN" if wanted else "NOT IN"
    return f"{name} {operator} ({spelt})", lambda lead: any(_same(lead[name], one or None) for one in values) == wanted


COMPARING = st.sampled_from(["=", "!=", "<", ">", "<=", ">="])
NUMBERS = st.integers(-3, 3)


def _stamp_test(operator: str, stamp: str) -> tuple[str, Ask]:
    return _order_test("SystemModstamp", operator, stamp.replace("+0000", "Z"), stamp)


TESTS = st.one_of(
    st.builds(_text_test, st.sampled_from(["FirstName", "LastName"]), st.sampled_from(["=", "!="]), TEXTS),
    st.builds(lambda op, number: _order_test("NumberOfEmployees", op, str(number), number), COMPARING, NUMBERS),
    st.builds(lambda op, number: _order_test("AnnualRevenue", op, str(number + 0.5), number + 0.5), COMPARING, NUMBERS),
    st.builds(_stamp_test, COMPARING, st.sampled_from(STAMPS)),
    st.builds(lambda op, flag: _order_test("DoNotCall", op, str(flag).lower(), flag), st.sampled_from(["=", "!="]),
              st.booleans()),
    st.builds(lambda name, op: _order_test(name, op, "null", None),
              st.sampled_from(["FirstName", "NumberOfEmployees"]), st.sampled_from(["=", "!="])),
    st.builds(_like_test, st.just("FirstName"), st.text("aAb%_", max_size=3)),
    st.builds(lambda values, wanted: _in_test("FirstName", values, wanted=wanted), st.lists(TEXTS, min_size=1),
              st.booleans()),
)  # fmt: skip


def _joined(parts: list[tuple[str, Ask]], word: str) -> tuple[str, Ask]:
    hold = all if word == "AND" else any
    return f" {word} ".join(f"({text})" for text, _ in parts), lambda lead: hold(ask(lead) for _, ask in parts)


CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.builds(_joined, st.lists(inner, min_size=1, max_size=3), st.sampled_from(["AND", "OR"])),
        st.builds(lambda part: (f"NOT ({part[0]})", lambda lead: not part[1](lead)), inner),
    ),
    max_leaves=6,
)
LEADS = st.lists(
    st.fixed_dictionaries({
        "LastName": TEXTS.filter(bool), "FirstName": TEXTS.map(lambda text: text or None), "Company": st.just("C"),
        "NumberOfEmployees": st.none() | NUMBERS, "AnnualRevenue": st.none() | NUMBERS.map(lambda one: one + 0.5),
        "DoNotCall": st.booleans(), "SystemModstamp": st.sampled_from(STAMPS), "IsDeleted": st.booleans(),
    }), max_size=12,
)  # fmt: skip


@pytest.fixture(scope="module")
def box() -> Sandbox:
    return Sandbox(clock=VirtualTime())


def _filled(box: Sandbox, leads: Leads) -> Leads:
    """The same leads in the org, with the ids they got there."""
    table = box.org.tables["Lead"]
    for row in list(table.rows.values()):
        table.remove(row)
    known = []
    for lead in leads:
        id_ = box.org.ids.next("00Q")
        table.put(Row(id_, {"Id": id_, **{name: value for name, value in lead.items() if value is not None}}))
        known.append({"Id": id_, **lead})
    return known


def _asked(box: Sandbox, text: str, *, everything: bool = False) -> list[str]:
    result = answer(Asking(box.org, "66.0", everything), text)
    return [str(record["Id"]) for record in records_of(result, result.rows)]


@settings(max_examples=150, deadline=None)
@given(leads=LEADS, condition=CONDITIONS, everything=st.booleans())
def test_where_means_what_it_says(box: Sandbox, leads: Leads, condition: tuple[str, Ask], everything: bool) -> None:
    text, ask = condition
    expected = [lead["Id"] for lead in _filled(box, leads) if ask(lead) and (everything or not lead["IsDeleted"])]
    assert sorted(_asked(box, f"SELECT Id FROM Lead WHERE {text}", everything=everything)) == sorted(expected)


ORDERS = st.lists(
    st.tuples(
        st.sampled_from(["SystemModstamp", "FirstName", "NumberOfEmployees"]),
        st.sampled_from(["", " ASC", " DESC"]),
        st.sampled_from(["", " NULLS FIRST", " NULLS LAST"]),
    ),
    max_size=3,
    unique_by=lambda order: order[0],
)


def _sorted(leads: Leads, orders: list[tuple[str, str, str]]) -> Leads:
    for name, way, nulls in reversed([*orders, ("Id", "", "")]):
        full = [lead for lead in leads if lead[name] is not None]
        empty = [lead for lead in leads if lead[name] is None]

        def key(lead: dict[str, Any], name: str = name) -> Any:
            return lead[name].casefold() if name == "FirstName" else lead[name]

        full.sort(key=key, reverse="DESC" in way)
        leads = [*full, *empty] if "LAST" in nulls else [*empty, *full]
    return leads


@settings(max_examples=150, deadline=None)
@given(leads=LEADS, condition=CONDITIONS, orders=ORDERS, limit=st.integers(0, 5), offset=st.integers(0, 3))
def test_order_limit_and_offset_cut_as_lists_are_cut(
    box: Sandbox, leads: Leads, condition: tuple[str, Ask], orders: list[tuple[str, str, str]], limit: int, offset: int
) -> None:
    text, ask = condition
    matching = [lead for lead in _filled(box, leads) if ask(lead)]
    expected = [lead["Id"] for lead in _sorted(matching, orders)][offset : offset + limit]
    order = ", ".join("".join(parts) for parts in [*orders, ("Id", "", "")])
    query = f"SELECT Id FROM Lead WHERE {text} ORDER BY {order} LIMIT {limit} OFFSET {offset}"
    assert _asked(box, query, everything=True) == expected


STAMP_TESTS = st.builds(_stamp_test, COMPARING, st.sampled_from(STAMPS))
STAMP_CONDITIONS = st.recursive(
    STAMP_TESTS,
    lambda inner: st.builds(_joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "OR"])),
    max_leaves=5,
)


@settings(max_examples=150, deadline=None)
@given(condition=STAMP_CONDITIONS, order=st.sampled_from(["", " ORDER BY SystemModstamp", " ORDER BY Id"]))
def test_an_index_leaves_out_nothing(box: Sandbox, condition: tuple[str, Ask], order: str) -> None:
    text, ask = condition
    leads = [{"LastName": "L", "Company": "C", "SystemModstamp": stamp, "IsDeleted": False} for stamp in STAMPS]
    expected = [lead["Id"] for lead in _filled(box, leads) if ask(lead)]
    assert sorted(_asked(box, f"SELECT Id FROM Lead WHERE {text}{order}")) == sorted(expected)


@settings(max_examples=100, deadline=None)
@given(leads=LEADS, since=st.sampled_from(STAMPS))
def test_a_walk_by_stamp_and_id_meets_every_row_once(box: Sandbox, leads: Leads, since: str) -> None:
    expected = sorted((lead["SystemModstamp"], lead["Id"]) for lead in _filled(box, leads))
    expected = [pair for pair in expected if pair[0] >= since]
    start, after, met = since.replace("+0000", "Z"), "", list[tuple[str, str]]()
    where = f"SystemModstamp >= {start}"
    while True:
        text = f"SELECT Id, SystemModstamp FROM Lead WHERE {where} ORDER BY SystemModstamp, Id LIMIT 2"
        result = answer(Asking(box.org, "66.0", True), text)
        page = [(str(row.values["SystemModstamp"]), row.id) for row in result.rows]
        met += page
        if len(page) < 2:
            break
        start, after = page[-1][0].replace("+0000", "Z"), page[-1][1]
        where = f"(SystemModstamp = {start} AND Id > '{after}') OR SystemModstamp > {start}"
    assert met == expected


WORDS = (
    *("SELECT", "Id", "FROM", "Lead", "WHERE", "(", ")", "=", "'a'", "AND", "OR", "NOT", "IN", ",", "5", "COUNT"),
    *("LIMIT", "ORDER", "BY", "null", "LAST_N_DAYS", ":", "2026-11-01", "'", "2026-13-41T00:00:00Z"),
)


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=40) | st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join))
def test_nonsense_is_refused_and_never_breaks(text: str) -> None:
    codes = {"MALFORMED_QUERY"}
    try:
        parse(text)
    except Refusal as refusal:
        codes = {problem.code for problem in refusal.problems}
    assert codes == {"MALFORMED_QUERY"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("SELECT Id FROM Lead WHERE FirstName = 'a' AND LastName = 'b' OR LastName = 'c'", "MALFORMED_QUERY"),
        ('SELECT Id FROM Lead WHERE FirstName = "a"', "MALFORMED_QUERY"),
        ("SELECT * FROM Lead", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead LIMIT -1", "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Lead", "MALFORMED_QUERY"),
        ("SELECT Nope FROM Lead", "INVALID_FIELD"),
        ("SELECT Owner.Nope FROM Lead", "INVALID_FIELD"),
        ("SELECT Nobody.Name FROM Lead", "INVALID_FIELD"),
        ("SELECT Id, id FROM Lead", "INVALID_FIELD"),
        ("SELECT IsDeleted FROM User", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Description = 'long'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE FirstName = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE SystemModstamp > '2026-11-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE SystemModstamp > 2026-11-01", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Id = 'not-an-id'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Lead WHERE DoNotCall > true", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Nothing", "INVALID_TYPE"),
        ("SELECT Id, (SELECT Id FROM Nothing) FROM Lead", "INVALID_TYPE"),
        ("SELECT Id FROM CustomField", "INVALID_TYPE"),
        ("SELECT Id FROM Lead OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ],
)
def test_a_wrong_query_is_told_why(box: Sandbox, text: str, code: str) -> None:
    with pytest.raises(Refusal) as refusal:
        answer(Asking(box.org, "66.0"), text)
    assert refusal.value.problems[0].code == code


def test_parents_children_and_sums(box: Sandbox) -> None:
    account = box.create("Account", {"Name": "Engines"})
    ada = box.create("Contact", {"LastName": "Byron", "AccountId": account})
    deal = box.create("Opportunity", {"Name": "Engine", "StageName": "Prospecting", "CloseDate": "2026-12-01",
                                      "AccountId": account, "Amount": 1000})  # fmt: skip
    box.relate(deal, ada)
    text = "SELECT Id, Account.Name, (SELECT ContactId FROM OpportunityContactRoles) FROM Opportunity"
    [shown] = records_of(found := answer(Asking(box.org, "66.0"), text), found.rows)
    above, below = shown["Account"], shown["OpportunityContactRoles"]
    assert isinstance(above, dict)
    assert isinstance(below, dict)
    assert above["Name"] == "Engines"
    assert below["totalSize"] == 1
    text = "SELECT StageName, COUNT(Id) many, SUM(Amount) FROM Opportunity GROUP BY StageName"
    [summed] = records_of(found := answer(Asking(box.org, "66.0"), text), found.rows)
    assert (summed["StageName"], summed["many"], summed["expr0"]) == ("Prospecting", 1, 1000.0)
    text = (
        "SELECT Id FROM Contact WHERE Id IN (SELECT ContactId FROM OpportunityContactRole) AND Account.Name LIKE 'eng%'"
    )
    assert _asked(box, text) == [ada]
    text = "SELECT Id, (SELECT Id FROM OpportunityContactRoles) FROM Contact WHERE Id != null AND CreatedDate = TODAY"
    assert [row.id for row in answer(Asking(box.org, "66.0"), text).rows] == [ada]


def test_relative_days_are_whole_and_weeks_begin_on_sunday() -> None:
    saturday = date(2026, 11, 21)
    spans = {word: relative_days(word, saturday) for word in ("TODAY", "THIS_WEEK", "LAST_MONTH", "LAST_N_DAYS:3")}
    assert spans["TODAY"] == (date(2026, 11, 21), date(2026, 11, 22))
    assert spans["THIS_WEEK"] == (date(2026, 11, 15), date(2026, 11, 22))
    assert spans["LAST_MONTH"] == (date(2026, 10, 1), date(2026, 11, 1))
    assert spans["LAST_N_DAYS:3"] == (date(2026, 11, 18), date(2026, 11, 22))
    assert relative_days("NEXT_MONTH", date(2026, 12, 5)) == (date(2027, 1, 1), date(2027, 2, 1))
