"""The queue on the command line: one list, one review whole, answers to many and as rules, owners and due times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from api.assembly import Installation, Text
from api.elements import when
from api.restoring import earlier
from api.ruling import with_line
from api.settings import Settings
from connectors.memory.connector import use
from connectors.memory.tool import Tool
from core.model.instant import DAY, HOUR, SECOND, from_iso
from core.store import runs
from tests.api.conftest import Concord
from tests.support import people

MAPPING = """\
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    last_name: {field: last_name}
    job_title: {field: job_title}
"""
FILE = """\
connections:
  books: {connector: memory, mapping: people.yaml, settings: {world: books}}
  crm: {connector: memory, mapping: people.yaml, settings: {world: crm}, streams: {"*": {deletes_in: ask}}}
rules: rules.yaml
reviews:
  owner: anna@shop.example
  escalate_to: bert@shop.example
  owners: {ambiguous: carl@shop.example}
  due: {ask: 4h}
"""
RULES = """\
# Ours.
contact:
  job_title: ask   # a person knows best
"""
START = from_iso("2027-03-01T10:02:00Z")


class Shop:
    """Two tools that differ, on a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = START
        self.books, self.crm = (use(Tool(name, clock=self.clock)) for name in ("books", "crm"))

    def clock(self) -> int:
        """Time goes on a little at each look."""
        self.now += 1_000
        return self.now

    def wait(self, time: int) -> None:
        self.now += time

    def titles(self) -> list[set[object]]:
        return [{one.get("job_title") for one in tool.all("contacts").values()} for tool in (self.books, self.crm)]


@pytest.fixture
def shop(concord: Concord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Three people whose title books (Baker, the earlier) and crm (Cook) differ about."""
    shop = Shop()
    options = {**(Installation.__init__.__kwdefaults__ or {}), "clock": shop.clock}
    monkeypatch.setattr(Installation.__init__, "__kwdefaults__", options)
    for name, text in (("people.yaml", MAPPING), ("concord.yaml", FILE), ("rules.yaml", RULES)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    for tool, title in ((shop.books, "Baker"), (shop.crm, "Cook")):
        for person in people(3):
            tool.create("contacts", {**person, "job_title": title})
        shop.wait(3 * 60 * SECOND)
    ran = concord("apply", "concord.yaml", "--yes")
    assert ran.code == 0, ran.err
    assert concord("sync", "--until-quiet").code == 0
    return shop


def test_the_queue_tells_what_is_asked_whose_it_is_and_how_to_answer(concord: Concord, shop: Shop) -> None:
    told = concord("reviews").out
    assert "anna@shop.example, by Mon 14:" in told
    assert "books says Baker, since Mon 10:02; crm says Cook, since Mon 10:05. Which job title stands?" in told
    assert "concord answer 1 value | newest | earliest | from:books | from:crm" in told
    assert "contact 1 First0 Last0 job_title" in told
    listed = concord("reviews", "--json").json
    assert [one["id"] for one in listed] == [1, 2, 3]
    one = listed[0]
    assert one["record"] == {"kind": "contact", "id": 1, "title": "First0 Last0"}
    assert (one["owner"], one["late"], one["escalated_at"]) == ("anna@shop.example", False, None)
    assert one["commands"][-1] == "concord answer 1 from:crm"
    assert [(said["source"], said["value"]) for said in one["contenders"]] == [("books", "Baker"), ("crm", "Cook")]


def test_one_review_is_shown_with_what_each_answer_would_do(concord: Concord, shop: Shop) -> None:
    told = concord("reviews", "2", "--json").json
    effects = {one["word"]: one for one in told["effects"]}
    assert (effects["from:books"]["value"], effects["from:books"]["goes_to"]) == ("Baker", ["crm"])
    assert (effects["newest"]["value"], effects["newest"]["goes_to"]) == ("Cook", ["books"])
    assert {(one["source"], one["what"], one["said"]) for one in told["history"]} == {
        ("books", "seen", "Baker"), ("crm", "seen", "Cook"),
    }  # fmt: skip
    plain = concord("reviews", "2").out
    assert "Baker stands and is written to crm." in plain
    assert "concord answer 2 value VALUE" in plain
    assert concord("reviews", "99").code == 2


def test_a_doubtful_newcomer_is_shown_beside_the_one_it_may_be(concord: Concord, shop: Shop) -> None:
    shop.crm.create("contacts", {"email": "zoe@shore.example", "first_name": "Zoe", "last_name": "Quint"})
    concord("sync", "--until-quiet")
    shop.books.create("contacts", {"email": "zoe@shore.example", "first_name": "Hugo", "last_name": "Marlow"})
    shop.books.delete(
        "contacts", next(i for i, one in shop.books.all("contacts").items() if one["last_name"] == "Quint")
    )
    concord("sync", "--until-quiet")
    found = concord("reviews", "--what", "ambiguous", "--json").json
    assert found, concord("reviews").out
    told = concord("reviews", str(found[0]["id"])).out
    assert "Side by side" in told
    assert "Zoe" in told
    assert "Hugo" in told
    assert found[0]["owner"] == "carl@shop.example"


def test_the_list_alone_says_who_says_what_where_two_may_be_the_same(concord: Concord, shop: Shop) -> None:
    first, second = list(shop.crm.all("contacts"))[:2]
    shop.crm.merge("contacts", first, second)
    shop.crm.create("contacts", {"email": "zoe@shore.example", "first_name": "Zoe", "last_name": "Quint"})
    concord("sync", "--until-quiet")
    shop.wait(HOUR)
    shop.books.create("contacts", {"email": "zoe@shore.example", "first_name": "Hugo", "last_name": "Marlow"})
    shop.books.delete("contacts", next(i for i, one in shop.books.all("contacts").items() if one["email"][0] == "z"))
    concord("sync", "--until-quiet")
    found = {one["what"]: one for one in concord("reviews", "--json").json if one["what"] != "ask"}
    doubtful, double = found["ambiguous"], found["duplicate"]
    assert {(one["values"]["first_name"], *one["held_by"]) for one in doubtful["sides"]} == {
        ("Zoe", "crm con-4"), ("Hugo", "books con-5"),
    }  # fmt: skip
    assert doubtful["alike"] == ["email"]
    assert [one["called"] for one in double["sides"]] == ["books con-1", "books con-2"]
    assert [one["values"] for one in double["sides"]] == [
        {"email": people(2)[number]["email"]} for number in range(2)
    ]  # fmt: skip
    told = concord("reviews").out
    assert "(crm con-4), since Mon 10:" in told
    assert "(books con-5), since Mon 11:" in told
    assert "first_name Hugo, last_name Marlow" in told
    assert f"· books con-1, since Mon 10:02: email {people(1)[0]['email']}" in told


def test_the_list_alone_says_who_keeps_changing_a_frozen_field(concord: Concord, shop: Shop) -> None:
    ids = [next(iter(tool.all("contacts"))) for tool in (shop.books, shop.crm)]
    for number in range(12):
        shop.wait(60 * SECOND)
        tool = (shop.books, shop.crm)[number % 2]
        tool.edit("contacts", ids[number % 2], {"last_name": ("Shore", "Quay")[number % 2]})
        concord("sync", "--until-quiet")
    (frozen,) = [one for one in concord("reviews", "--json").json if one["what"] == "frozen"]
    assert {(one["source"], one["value"]) for one in frozen["contenders"]} == {("books", "Shore"), ("crm", "Quay")}
    told = concord("reviews", "--what", "frozen").out
    for source, value in (("books", "Shore"), ("crm", "Quay")):
        assert f"{source} says {value}, since Mon 10:" in told


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["--what", "ask"], [1, 2, 3]),
        (["--what", "brake"], []),
        (["--connection", "books"], [1, 2, 3]),
        (["--owner", "anna@shop.example"], [1, 2, 3]),
        (["--owner", "bert@shop.example"], []),
        (["--late"], []),
        (["--limit", "2"], [1, 2]),
    ],
)
def test_the_queue_is_filtered(concord: Concord, shop: Shop, words: list[str], ids: list[int]) -> None:
    assert [one["id"] for one in concord("reviews", *words, "--json").json] == ids


def test_a_filter_for_a_connection_there_is_not_is_told(concord: Concord, shop: Shop) -> None:
    ran = concord("reviews", "--connection", "boks")
    assert ran.code == 2
    assert "books, crm" in ran.err


def test_what_is_late_is_passed_on_at_the_next_sync_and_comes_first(concord: Concord, shop: Shop) -> None:
    concord("assign", "3", "dora")
    shop.wait(3 * HOUR)
    shop.crm.delete("contacts", next(iter(shop.crm.all("contacts"))))
    concord("sync")
    assert concord("reviews", "--late", "--json").json == []
    shop.wait(2 * HOUR)
    assert "late since Mon 14:" in concord("reviews").out
    concord("sync")
    listed = concord("reviews", "--json").json
    assert [one["what"] for one in listed] == ["ask", "ask", "ask", "delete"]
    assert listed[3]["question"].startswith("It was deleted in crm.")
    assert {one["owner"] for one in listed if one["late"]} == {"bert@shop.example"}
    state = concord("status", "--json").json
    assert state["reviews"]["late"] == 3
    (trouble,) = [one for one in state["troubles"] if "ask" in one["what"]]
    assert (trouble["owner"], trouble["late"]) == ("bert@shop.example", True)
    assert "3 reviews: ask, 3 late" in concord("status").out
    assert "bert@shop.example, late since Mon 15:" in concord("status").out
    assert any(one["what"] == "escalate" and one["counts"]["passed_on"] == 3 for one in state["runs"])


def test_a_review_is_given_to_somebody_and_back(concord: Concord, shop: Shop) -> None:
    assert concord("assign", "2", "dora", "--json").json["owner"] == "dora"
    assert [one["id"] for one in concord("reviews", "--owner", "dora", "--json").json] == [2]
    assert "anna@shop.example" in concord("assign", "2").out
    assert concord("assign", "99", "dora").code == 2


def test_one_is_answered_by_choosing(concord: Concord, shop: Shop) -> None:
    answered = concord("answer", "2", "from:books", "--json").json
    assert (answered["answered"], answered["word"]) == (2, "from:books")
    concord("sync", "--until-quiet")
    assert [one["id"] for one in concord("reviews", "--json").json] == [1, 3]
    assert sorted(str(one["job_title"]) for one in shop.crm.all("contacts").values()) == ["Baker", "Cook", "Cook"]


def test_many_are_shown_first_and_answered_once_agreed_to(concord: Concord, shop: Shop) -> None:
    words = ["answer", "--all", "--what", "ask", "--field", "job_title", "--connection", "books", "from:crm"]
    refused = concord(*words)
    assert refused.code == 2
    assert "3 reviews would be answered from:crm" in refused.out
    assert "becomes Cook" in refused.out
    assert "--yes" in refused.err
    assert len(concord("reviews", "--json").json) == 3
    done = concord(*words, "--yes", "--json").json
    assert done["answered"] == [1, 2, 3]
    concord("sync", "--until-quiet")
    assert shop.titles() == [{"Cook"}, {"Cook"}]
    assert concord("reviews", "--json").json == []


def test_several_numbers_and_a_value(concord: Concord, shop: Shop) -> None:
    assert concord("answer", "1", "3", "value", "42", "--yes").code == 0
    assert [one["id"] for one in concord("reviews", "--json").json] == [2]
    concord("sync", "--until-quiet")
    assert {"42", "Cook"} == {str(one) for one in shop.titles()[1]}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["newest"], "An answer is"),
        (["1"], "An answer is"),
        (["1", "value", "a", "b"], "An answer is"),
        (["1", "release"], "takes value"),
        (["77", "newest"], "No open review has the number 77"),
        (["--all", "--field", "phone", "newest"], "No open review is chosen"),
        (["1", "from:till"], "till says nothing about job_title"),
        (["--all", "value", "Pilot", "--as-rule"], "no rule for others"),
    ],
)
def test_what_is_no_answer_changes_nothing(concord: Concord, shop: Shop, words: list[str], told: str) -> None:
    ran = concord("answer", *words)
    assert ran.code == 2
    assert told in ran.err
    assert len(concord("reviews", "--json").json) == 3


def test_an_answer_as_a_rule_settles_all_like_it_from_now_on(concord: Concord, shop: Shop, tmp_path: Path) -> None:
    words = ["answer", "--all", "--what", "ask", "--field", "job_title", "from:books", "--as-rule"]
    refused = concord(*words)
    assert refused.code == 2
    assert "job_title: {prefer: [books]}" in refused.out
    assert len(concord("reviews", "--json").json) == 3
    ran = concord(*words, "--yes")
    assert "3 questions are settled" in ran.out
    assert "came from rules.yaml" in ran.out
    told = concord("log", "--json").json["entries"][0]
    assert told["sentence"] == "3 reviews (ask) answered from:books, as a rule for contact.job_title"
    assert concord("reviews", "--json").json == []
    concord("sync", "--until-quiet")
    assert shop.titles() == [{"Baker"}, {"Baker"}]
    shop.wait(HOUR)
    shop.crm.edit("contacts", next(iter(shop.crm.all("contacts"))), {"job_title": "Pilot"})
    concord("sync", "--until-quiet")
    assert concord("reviews", "--json").json == []
    assert shop.titles() == [{"Baker"}, {"Baker"}]
    assert (tmp_path / "rules.yaml").read_text(encoding="utf-8") == RULES, "the file is the admin's own"
    with Installation(Settings()) as installation, installation.store.reading() as tx:
        kept = runs.fact(tx, "rules")
    assert kept == "# Ours.\ncontact:\n  job_title: {prefer: [books]} # a person knows best\n"


def test_an_answer_as_a_rule_keeps_the_rules_that_it_replaces(concord: Concord, shop: Shop) -> None:
    number = concord("answer", "--all", "from:books", "--as-rule", "--yes", "--json").json["run"]
    assert concord("reviews", "--json").json == []
    with Installation(Settings()) as installation:
        with installation.store.reading() as tx:
            run = runs.one(tx, number)
        assert run is not None
        assert earlier(installation, run).rules == Text(RULES, "rules.yaml")


def test_a_rule_that_names_nobody_known_is_refused(concord: Concord, shop: Shop) -> None:
    ran = concord("answer", "--all", "from:till", "--as-rule", "--yes")
    assert ran.code == 2
    assert "no connection `till`" in ran.err


def test_a_dead_letter_and_a_pause_have_an_owner_and_a_due_time_too(concord: Concord, shop: Shop) -> None:
    concord("answer", "--all", "newest", "--yes")
    shop.crm.habits.validator = lambda _, fields: "No." if fields.get("first_name") == "Nobody" else None
    shop.books.create("contacts", {"email": "n@shore.example", "first_name": "Nobody", "last_name": "Known"})
    concord("sync", "--until-quiet")
    (letter,) = concord("problems", "crm", "--json").json["dead_letters"]
    assert (letter["owner"], letter["late"]) == ("anna@shop.example", False)
    assert letter["action"] == letter["remedy"]
    assert "anna@shop.example, by Wed" in concord("problems", "crm").out
    shop.wait(3 * DAY)
    (letter,) = concord("problems", "crm", "--json").json["dead_letters"]
    assert (letter["owner"], letter["late"]) == ("bert@shop.example", True)
    (trouble,) = [one for one in concord("status", "--json").json["troubles"] if "refused" in one["what"]]
    assert (trouble["owner"], trouble["late"]) == ("bert@shop.example", True)
    shop.books.habits.token = "another"
    concord("sync")
    shown = concord("status", "--json").json["connections"]
    (pause,) = [one["pause"] for one in shown if one["name"] == "books"]
    assert (pause["owner"], pause["late"]) == ("anna@shop.example", False)
    assert pause["action"]


CONFIGURED: list[tuple[str, str, str]] = [
    ("  owner: anna@shop.example\n", "  ownr: anna\n", "ownr"),
    ("  due: {ask: 4h}\n", "  due: {ask: soon}\n", "a length of time"),
    ("  due: {ask: 4h}\n", "  due: {asks: 4h}\n", "`ask`"),
    ("  due: {ask: 4h}\n", "  due: 4h\n", "not a map"),
    ("  due: {ask: 4h}\n", "  expires: {brake: 2d}\n", "`brake` is not a word of `expires`"),
    ("  owner: anna@shop.example\n", "  owner: [anna]\n", "a person's name"),
]


@pytest.mark.parametrize(("old", "new", "words"), CONFIGURED)
def test_a_mistake_in_the_configuration_is_told_with_its_place(
    concord: Concord, shop: Shop, tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in FILE
    (tmp_path / "concord.yaml").write_text(FILE.replace(old, new), encoding="utf-8")
    ran = concord("apply", "concord.yaml", "--yes")
    assert ran.code == 2
    assert words in ran.err
    line = FILE.splitlines().index(old.strip("\n")) + 1
    assert f"concord.yaml:{line}:" in ran.err


def test_duties_are_put_in_force_and_again_change_nothing(concord: Concord, shop: Shop, tmp_path: Path) -> None:
    assert concord("apply", "concord.yaml", "--dry-run", "--json").json["also"] == []
    changed = FILE.replace("due: {ask: 4h}", "expires: {ask: never}").replace("anna@", "anne@")
    (tmp_path / "concord.yaml").write_text(changed, encoding="utf-8")
    assert concord("apply", "concord.yaml", "--dry-run", "--json").json["also"] == ["reviews"]
    concord("apply", "concord.yaml", "--yes")
    assert {one["owner"] for one in concord("reviews", "--json").json} == {"anne@shop.example"}


def test_the_log_tells_what_was_done_about_reviews(concord: Concord, shop: Shop) -> None:
    concord("assign", "1", "dora")
    run = concord("answer", "1", "from:books", "--json").json["run"]
    shop.wait(5 * HOUR)
    concord("sync", "--until-quiet")
    for _ in range(15):
        shop.wait(DAY)
        concord("sync")
    concord("sync", "--until-quiet")
    assert shop.titles()[0] == shop.titles()[1] == {"Baker", "Cook"}
    acts = [one for one in concord("log", "--limit", "500", "--json").json["entries"] if one["direction"] == "act"]
    told = [one["sentence"] for one in acts]
    assert told[0] == "2 reviews (ask) answered newest, by default: nobody answered in time"
    assert told[-3] == ("2 late reviews passed on to bert@shop.example, 0 that were passed on before are still late"), (
        "what was answered in time is not late"
    )
    assert told[-2:] == ["review 1 (ask) answered from:books", "review 1 given to dora"]
    by_run = concord("log", "--run", str(run), "--json").json["entries"]
    assert [one["sentence"] for one in by_run if one["direction"] == "act"] == told[-2:-1]
    (heard,) = [one for one in by_run if one["direction"] == "in"]
    assert heard["sentence"] == "heard: job_title Baker: changes nothing (rule ask)"
    said = concord("log", "--email", people(2)[1]["email"]).out
    assert "(by default: nobody answered in time)" in said


# Words.


@pytest.mark.parametrize(
    ("at", "words"),
    [
        ("2027-03-01T10:02:00Z", "Mon 10:02"),
        ("2027-02-25T10:02:00Z", "Thu 10:02"),
        ("2027-02-20T10:02:00Z", "20 Feb 10:02"),
        ("2026-12-31T23:59:00Z", "31 Dec 2026 23:59"),
        ("2027-03-05T08:00:00Z", "Fri 08:00"),
    ],
)
def test_a_moment_as_people_say_it(at: str, words: str) -> None:
    assert when(from_iso(at), from_iso("2027-03-01T12:00:00Z")) == words


OWN = """\
# top
preference: [a, b]   # who
contact:      # people
  # about phones
  phone:
    prefer:
      - a
      - b
  "owner": {system_of_record: a}
# deals
deal:
"""


@pytest.mark.parametrize(
    ("text", "kind", "name", "change"),
    [
        ("", "contact", "phone", lambda _: "contact:\n  phone: {prefer: [a]}\n"),
        ("# only\n# words", "contact", "phone", lambda text: f"{text}\ncontact:\n  phone: {{prefer: [a]}}\n"),
        (
            OWN,
            "contact",
            "email",
            lambda text: text.replace("of_record: a}\n", "of_record: a}\n  email: {prefer: [a]}\n"),
        ),
        (OWN, "contact", "owner", lambda text: text.replace("{system_of_record: a}", "{prefer: [a]}")),
        (OWN, "deal", "name", lambda text: f"{text}  name: {{prefer: [a]}}\n"),
        (OWN, "company", "name", lambda text: f"{text}company:\n  name: {{prefer: [a]}}\n"),
        ("contact: {phone: ask}\n", "contact", "name", lambda _: "contact: {phone: ask, name: {prefer: [a]}}\n"),
    ],
)
def test_a_line_is_added_and_everything_else_stays(
    text: str, kind: str, name: str, change: Callable[[str], str]
) -> None:
    assert with_line(text, kind, name, {"prefer": ["a"]}) == change(text)
