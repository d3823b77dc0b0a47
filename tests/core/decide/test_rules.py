from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest

from core.decide.rules import RULES, Rule, Rules, load_rules
from core.errors import ConfigError
from core.model import shape
from core.model.instant import HOUR
from core.model.shapes import SHAPES
from core.model.shapes.contact import CONTACT

FILE = """\
preference: [shop-crm, alice-book]
contact:
  default: {latest: {prefer: [alice-book]}}
  phone: latest
  job_title: {prefer: [shop-crm, alice-book]}
  owner: {system_of_record: shop-crm}
  description: {hold: {days: 30}}
  address: most_complete
deal:
  amount: ask
"""


def load(text: str, sources: Collection[str] | None = ("shop-crm", "alice-book")):
    return load_rules(text, file="rules.yaml", shapes=SHAPES, sources=sources)


def test_a_field_goes_by_its_own_line_then_its_kinds_default_then_its_shape():
    rules = load(FILE)
    assert rules.preference == ("shop-crm", "alice-book")
    assert rules.rule("contact", "phone") == Rule("latest")
    assert rules.rule("contact", "job_title") == Rule("prefer", prefer=("shop-crm", "alice-book"))
    assert rules.rule("contact", "owner") == Rule("system_of_record", source="shop-crm")
    assert rules.rule("contact", "description") == Rule("hold", days=30)
    assert rules.rule("contact", "first_name") == Rule("latest", prefer=("alice-book",))
    assert rules.rule("deal", "amount") == Rule("ask")
    assert rules.rule("deal", "name") == Rule("latest")


def test_a_kinds_default_leaves_consent_and_sets_as_their_shape_declares_them():
    rules = load(FILE)
    assert rules.rule("contact", "consent.email") == Rule("strictest")
    assert rules.rule("contact", "tags") == Rule("union")
    assert rules.rule("contact", "created_at") == Rule("min")


def test_the_order_of_a_rule_is_its_own_or_the_installations():
    rules = load(FILE)
    assert rules.order(rules.rule("contact", "phone")) == ("shop-crm", "alice-book")
    assert rules.order(rules.rule("contact", "first_name")) == ("alice-book",)
    # The list of `prefer` is used up when none of it says anything.
    assert rules.order(Rule("prefer", prefer=("x",))) == ("shop-crm", "alice-book")


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "preference: []\ncontact:\n"])
def test_a_file_that_says_nothing_gives_the_defaults(text: str):
    rules = load(text)
    for kind, declared in SHAPES.items():
        for name, field in declared.fields.items():
            assert rules.rule(kind, name) == Rule(field.rule)


def test_the_rules_file_we_ship_loads_and_changes_nothing():
    text = (Path(__file__).parents[3] / "mappings" / "rules.yaml").read_text(encoding="utf-8")
    rules = load_rules(text, file="rules.yaml", shapes=SHAPES, sources=())
    assert rules == Rules.default(SHAPES)


def test_an_undeclared_field_is_settled_by_latest():
    assert Rules.default(SHAPES).rule("contact", "shoe_size") == Rule("latest")
    assert Rules().rule("contact", "phone") == Rule("latest")


def test_every_rule_a_shape_may_declare_can_be_carried_out():
    assert set(shape.RULES) <= set(RULES)


def test_a_shape_with_custom_fields_gets_a_plan_of_its_own():
    rules = Rules.default(SHAPES)
    extended = CONTACT.extended([shape.Field("shoe_size", "number", "Size.", 43, rule="max")])
    assert rules.plan(extended).rules["shoe_size"] == Rule("max")
    assert rules.rule("contact", "shoe_size") == Rule("max")


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("contact:\n  phone: [", "rules.yaml:2:11", "not valid YAML"),
        ("- a\n", "rules.yaml:1:1", "at its top"),
        ("contcat:\n  phone: latest\n", "rules.yaml:1:1", "did you mean `contact`?"),
        ("contact:\n  phoen: latest\n", "rules.yaml:2:3", "did you mean `phone`?"),
        ("contact:\n  phone: newest\n", "rules.yaml:2:3", "there is no rule `newest`"),
        ("contact:\n  phone: {lastest: {}}\n", "rules.yaml:2:11", "did you mean `latest`?"),
        ("contact:\n  phone: {prefer: [a], latest: }\n", "rules.yaml:2:3", "one word"),
        ("contact:\n  phone: {prefer: alice-book}\n", "rules.yaml:2:11", "list of names"),
        ("contact:\n  phone: {prefer: [alice]}\n", "rules.yaml:2:11", "did you mean `alice-book`?"),
        ("contact:\n  phone: {system_of_record: [a]}\n", "rules.yaml:2:11", "name of a connection"),
        ("contact:\n  phone: system_of_record\n", "rules.yaml:2:3", "name of a connection"),
        ("contact:\n  phone: {hold: {days: 0}}\n", "rules.yaml:2:18", "at least 1"),
        ("contact:\n  phone: {hold: {weeks: 1}}\n", "rules.yaml:2:18", "does not take `weeks`"),
        ("contact:\n  phone: {latest: {days: 1}}\n", "rules.yaml:2:20", "does not take `days`"),
        ("contact:\n  phone: {latest: 3}\n", "rules.yaml:2:11", "takes nothing"),
        ("contact:\n  phone: union\n", "rules.yaml:2:3", "is for sets"),
        ("contact:\n  phone: max\n", "rules.yaml:2:3", "is for numbers"),
        ("contact:\n  phone: strictest\n", "rules.yaml:2:3", "for consent only"),
        ("contact:\n  consent.email: latest\n", "rules.yaml:2:3", "always settled by `strictest`"),
        ("contact:\n  other_emails: latest\n", "rules.yaml:2:3", "always a `union`"),
        ("contact:\n  default: max\n", "rules.yaml:2:3", "not a kind's default"),
        ("contact: latest\n", "rules.yaml:1:1", "takes fields and their rules"),
        ("preference: shop-crm\n", "rules.yaml:1:1", "list of names"),
        ("preference: [shop-crm, shop-crn]\n", "rules.yaml:1:1", "did you mean `shop-crm`?"),
        ("contact:\n  phone: latest\n  phone: ask\n", "rules.yaml:3:3", "duplicate key"),
    ],
)
def test_what_cannot_be_understood_is_told_with_its_place(text: str, place: str, says: str):
    with pytest.raises(ConfigError) as caught:
        load(text)
    assert str(caught.value).startswith(place + ":")
    assert says in str(caught.value)


def test_people_forms_and_files_may_be_named_without_being_connections():
    assert load("preference: [hub, 'form:contact-us', shop-crm]\n").preference[0] == "hub"


def test_names_are_not_checked_where_the_connections_are_not_known():
    assert load("preference: [anything]\n", sources=None).preference == ("anything",)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule("latest"), "latest"),
        (Rule("prefer", prefer=("a", "b")), "prefer: a, b"),
        (Rule("system_of_record", source="a"), "system_of_record: a"),
        (Rule("hold", days=30), "hold: 30 days"),
        (Rule("hold"), "hold"),
    ],
)
def test_a_rule_prints_as_in_the_file(rule: Rule, words: str):
    assert str(rule) == words


def test_how_often_is_back_and_forth_is_said_for_all_or_for_one_field():
    text = "frozen: {changes: 4, hours: 2, contact: {phone: {changes: 9}}}\n"
    rules = load_rules(text, file="rules.yaml", shapes=SHAPES)
    assert rules.restless("contact", "phone") == (9, 2)
    assert rules.restless("contact", "email") == (4, 2)
    assert rules.patience == (4, 2 * HOUR)
    assert Rules().restless("contact", "phone") == (6, 24)


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("frozen: 6\n", "1:1", "`changes`"),
        ("frozen: {changes: 1}\n", "1:10", "at least 2"),
        ("frozen: {hours: soon}\n", "1:10", "whole number"),
        ("frozen: {contact: {fone: {changes: 3}}}\n", "1:20", "`phone`"),
        ("frozen: {contact: {phone: {change: 3}}}\n", "1:28", "`changes`"),
        ("frozen: {contacts: {phone: {changes: 3}}}\n", "1:10", "`contact`"),
    ],
)
def test_what_cannot_be_understood_of_it_is_told_with_its_place(text: str, place: str, says: str):
    with pytest.raises(ConfigError) as raised:
        load_rules(text, file="rules.yaml", shapes=SHAPES)
    assert f"rules.yaml:{place}:" in str(raised.value)
    assert says in str(raised.value)
