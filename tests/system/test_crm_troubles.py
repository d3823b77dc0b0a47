"""What goes wrong in a CRM: each trouble is told with who must act and what to do, and ends without a restart.

People stand in one CRM and are written to the other, where the trouble is. Both are the sandboxes, over real sockets,
on a virtual clock; the hub is one installation from the beginning of a test to its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from api.building import ConnectionSpec
from api.engine import Round, turn_crank
from api.listing import Asked, log_of
from api.snapshot import snapshot
from connectors.hubspot.sandbox import Quotas
from core.errors import Throttled
from core.flow.undo.replay import replay
from core.store.deliveries import DeadLetter
from core.store.reviews import Review
from tests.system.crms import HUBSPOT, PROPAGATE, SALESFORCE, Crms, fitted, shown

PEOPLE = 5
HOUR, DAY = 3_600.0, 86_400.0
SIDES = (HUBSPOT, SALESFORCE)

# The job title is kept in a custom field, as only those can be removed. Deals and activities are left out.
_ROLES = {"job_title: {field: jobtitle}": "job_title: {field: role}"}
HUBSPOT_TEXT = fitted("hubspot", _ROLES).partition("\ndeals:\n")[0]
_ROLES = {"job_title: {field: Title}": "job_title: {field: Role__c}"}
SALESFORCE_TEXT = fitted("salesforce", _ROLES).partition("\nOpportunity:\n")[0]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@dataclass(frozen=True)
class Side:
    """One of the two CRMs, as its people use it."""

    crms: Crms
    name: str

    @property
    def box(self) -> Any:
        return self.crms.hubspot if self.name == HUBSPOT else self.crms.salesforce

    @property
    def stream(self) -> str:
        return "contacts" if self.name == HUBSPOT else "Contact"

    @property
    def role(self) -> str:
        return "role" if self.name == HUBSPOT else "Role__c"

    @property
    def email(self) -> str:
        return "email" if self.name == HUBSPOT else "Email"

    def add(self, number: int, role: str | None = "Buyer") -> str:
        """A person of that number."""
        last = "lastname" if self.name == HUBSPOT else "LastName"
        fields: dict[str, Any] = {self.email: f"p{number}@shore.example", last: f"Number{number}"}
        fields |= {self.role: role} if role is not None else {}
        fields |= {"lifecyclestage": "customer"} if self.name == HUBSPOT else {}
        return str(self.box.create(self.stream, fields))

    def say(self, number: int, role: str) -> None:
        """Their role becomes this."""
        self.box.edit(self.stream, self.id(number), {self.role: role})

    def id(self, number: int) -> str:
        found = [one for one in self.box.ids(self.stream) if self.shown(one)[self.email] == f"p{number}@shore.example"]
        assert len(found) == 1, f"{self.name} holds person {number} {len(found)} times"
        return str(found[0])

    def shown(self, id_: str) -> dict[str, Any]:
        fields: dict[str, Any] = self.box.show(self.stream, id_)
        return fields

    def roles(self) -> dict[str, str | None]:
        """Address → role of all people, each of whom is there once."""
        people = shown(self.box, self.stream)
        found = {str(one[self.email]): one.get(self.role) or None for one in people}
        assert len(found) == len(people), f"{self.name} holds somebody twice"
        return found

    def role_of(self, number: int) -> str | None:
        return self.roles().get(f"p{number}@shore.example")

    def company(self, name: str) -> None:
        """A company, which has nothing to do with people's troubles."""
        word, stream = ("name", "companies") if self.name == HUBSPOT else ("Name", "Account")
        self.box.create(stream, {word: name})

    def companies(self) -> set[str]:
        word, stream = ("name", "companies") if self.name == HUBSPOT else ("Name", "Account")
        return {one[word] for one in shown(self.box, stream)}

    def make_role(self, *choices: str) -> None:
        """An admin makes the field for the role, or makes it anew: text, or a list of choices."""
        if self.name == HUBSPOT:
            kind = {"kind": "enumeration", "field_type": "select", "options": choices} if choices else {}
            self.crms.hubspot.add_property("contacts", "role", **kind)  # type: ignore[arg-type]  # of three types
            return
        for sobject in ("Contact", "Lead"):
            self.crms.salesforce.add_field(sobject, "Role__c", "picklist" if choices else "string", picklist=choices)

    def drop_role(self) -> None:
        """An admin removes it, and all it held."""
        if self.name == HUBSPOT:
            self.crms.hubspot.remove_property("contacts", "role")
            return
        for sobject in ("Contact", "Lead"):
            self.crms.salesforce.remove_field(sobject, "Role__c")

    def connect(self) -> None:
        """Sign in, or sign in again with what is good now."""
        salesforce = self.crms.salesforce
        app = {"client_id": salesforce.client_id, "client_secret": salesforce.client_secret}
        tool, text, settings = (
            ("hubspot", HUBSPOT_TEXT, {"url": self.box.url, "token": self.box.token})
            if self.name == HUBSPOT
            else ("salesforce", SALESFORCE_TEXT, {"login_url": self.box.url, **app})
        )
        spec = ConnectionSpec(self.name, tool, settings, text, f"{tool}.yaml", PROPAGATE)
        self.crms.lab.installation.put_connection(spec)


@dataclass(frozen=True)
class Pair:
    """The CRM where the trouble is, and the other."""

    crms: Crms
    here: Side
    there: Side

    def sync(self, wait: float = 60.0) -> Round:
        """What `concord sync --until-quiet` does, and some time after it."""
        installation = self.crms.lab.installation
        installation.renew()
        done = turn_crank(installation, until_quiet=True)
        installation.renew()
        self.crms.lab.wait(wait)
        return done

    def logged(self, code: str) -> list[dict[str, Any]]:
        """What `concord log` shows of the CRM in trouble for a code."""
        return log_of(self.crms.lab.installation, Asked(connection=self.here.name, code=code))

    def pause(self) -> dict[str, Any] | None:
        """What `concord status` shows of the stream of people."""
        (state,) = [one for one in snapshot(self.crms.lab.installation)["connections"] if one["name"] == self.here.name]
        (stream,) = [one for one in state["streams"] if one["name"] == self.here.stream]
        found: dict[str, Any] | None = stream["pause"]
        return found

    def resting(self) -> dict[tuple[str, str], dict[str, Any]]:
        """(stream, line) → what `concord status` shows of the lines that rest in the CRM in trouble."""
        (state,) = [one for one in snapshot(self.crms.lab.installation)["connections"] if one["name"] == self.here.name]
        return {(stream["name"], line["field"]): line for stream in state["streams"] for line in stream["lines"]}

    def asked(self, what: str = "connection") -> Review:
        """The one question of a sort that is put to a person about people."""
        (review,) = [one for one in self.crms.lab.reviews(what) if one.field == self.here.stream or not one.field]
        return review

    def letter(self) -> DeadLetter:
        """The one that was refused."""
        (letter,) = self.crms.lab.dead_letters()
        return letter

    def agreed(self, number: int) -> None:
        """Both hold the same people with the same roles, once; nothing waits, is asked, paused or given up."""
        for _ in range(2):
            self.sync(5 * 60)
        done = self.sync()
        assert self.here.roles() == self.there.roles()
        assert len(self.here.roles()) == number
        lab = self.crms.lab
        assert (lab.pending(), lab.dead_letters(), lab.reviews(), self.pause()) == (0, [], [], None)
        assert self.resting() == {}
        assert done.share == 1.0
        assert (done.writes, done.failed) == (0, [])


@pytest.fixture(params=SIDES)
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Both CRMs connected, with a few people in both."""
    with Crms(tmp_path) as crms:
        here = Side(crms, request.param)
        there = Side(crms, next(name for name in SIDES if name != request.param))
        for sobject in ("Account", "Contact", "Lead"):
            crms.salesforce.add_field(sobject, "Concord_Key__c", "string", length=255, external_id=True, unique=True)
        for side in (here, there):
            side.make_role()
            side.connect()
        crms.lab.installation.connector(HUBSPOT).prepare("key_property")
        for number in range(PEOPLE):
            there.add(number)
        made = Pair(crms, here, there)
        made.sync()
        made.sync()
        assert here.roles() == there.roles()
        assert len(here.roles()) == PEOPLE
        yield made


# --- who may do what


def test_a_token_that_is_revoked_in_the_middle_of_a_sync(pair: Pair) -> None:
    here, batch = pair.here, 100 if pair.here.name == HUBSPOT else 200
    for number in range(100, 100 + batch + 30):
        pair.there.add(number)
    seen = 0

    def revoke(_: object) -> bool:
        nonlocal seen
        seen += 1
        if seen == 10:
            here.box.revoke()
        return True

    if here.name == HUBSPOT:
        pair.crms.hubspot.validate("contacts", "role", revoke, "never said")
    else:
        pair.crms.salesforce.validate("Contact", lambda row: None if revoke(row) else "never said")
    pair.sync()
    assert here.box.count(here.stream) == PEOPLE + batch, "the batch on its way was finished, and booked"
    assert (pair.asked().subject["code"], pair.asked().subject["acts"]) == ("signed_out", "admin")
    assert "concord connect" in pair.asked().subject["remedy"]
    (state,) = [one for one in snapshot(pair.crms.lab.installation)["connections"] if one["name"] == here.name]
    assert (state["state"], state["pause"]["code"]) == ("paused", "signed_out")
    assert pair.logged("signed_out")
    calls = len(here.box.journal)
    pair.sync()
    assert len(here.box.journal) == calls, "nobody knocks with a token that is known to be dead"

    if here.name == HUBSPOT:
        here.box.revoked, here.box.token = False, "pat-na1-another"
    else:
        here.box._revoked = False
    here.connect()
    pair.agreed(PEOPLE + batch + 30)


def test_a_permission_to_write_people_is_missing(pair: Pair) -> None:
    here, there = pair.here, pair.there
    if here.name == HUBSPOT:
        here.box.scopes.discard("crm.objects.contacts.write")
    else:
        here.box.restrict("Contact")
    there.add(10)
    there.say(1, "Chair")
    here.add(11, "Captain")
    there.company("Tide Ltd")
    done = pair.sync()
    assert done.failed == []
    pause = pair.pause()
    assert pause is not None
    assert (pause["code"], pause["side"], pause["acts"]) == ("forbidden", "writing", "tool's admin")
    assert pause["remedy"]
    subject = pair.asked().subject
    assert (subject["stream"], subject["code"], subject["acts"]) == (here.stream, "forbidden", "tool's admin")
    assert {one["outcome"] for one in pair.logged("forbidden")} == {"pause"}
    assert there.role_of(11) == "Captain", "reading goes on"
    assert "Tide Ltd" in here.companies(), "so does all else"
    assert pair.crms.lab.dead_letters() == []
    here.say(2, "Bosun")
    pair.sync()
    assert there.role_of(2) == "Bosun"
    assert (pair.pause() or {})["side"] == "writing"

    if here.name == HUBSPOT:
        here.box.scopes.add("crm.objects.contacts.write")
    else:
        here.box.allow("Contact")
    pair.sync()
    assert here.role_of(1) == "Chair"
    pair.agreed(PEOPLE + 2)


@pytest.mark.parametrize("pair", [HUBSPOT], indirect=True)
def test_a_permission_to_read_people_is_missing(pair: Pair) -> None:
    scopes = pair.crms.hubspot.scopes
    scopes.discard("crm.objects.contacts.read")
    pair.there.add(10)
    pair.here.add(11, "Captain")
    pair.here.company("Tide Ltd")
    assert pair.sync().failed == []
    pause = pair.pause()
    assert pause is not None
    assert (pause["code"], pause["side"], pause["acts"]) == ("forbidden", "whole", "tool's admin")
    assert "crm.objects.contacts.read" in pause["note"]
    assert [one["direction"] for one in pair.logged("forbidden")] == ["run"], "tried once"
    assert "Tide Ltd" in pair.there.companies()
    scopes.add("crm.objects.contacts.read")
    pair.agreed(PEOPLE + 2)


@pytest.mark.parametrize("pair", [SALESFORCE], indirect=True)
def test_a_field_that_the_user_may_not_see_takes_nothing_from_anybody(pair: Pair) -> None:
    pair.crms.salesforce.restrict("Contact", "Role__c")
    pair.there.say(1, "Chair")
    pair.here.box.edit("Contact", pair.here.id(2), {"Phone": "+442079460000"})
    pair.sync(HOUR)
    pair.sync()
    assert pair.there.roles() == {f"p{n}@shore.example": "Chair" if n == 1 else "Buyer" for n in range(PEOPLE)}
    assert (pair.pause(), pair.crms.lab.dead_letters()) == (None, [])
    assert pair.resting().keys() == {("Contact", "job_title")}
    assert "let this connection see it" in pair.asked("schema").subject["remedy"]
    pair.crms.salesforce.allow("Contact", "Role__c")
    pair.agreed(PEOPLE)
    assert pair.here.role_of(1) == "Chair"


# --- what the tool will not take


def test_a_field_that_the_tool_requires(pair: Pair) -> None:
    here, there = pair.here, pair.there
    if here.name == HUBSPOT:
        here.box.require("contacts", "role")
    else:
        here.box.add_field("Contact", "Badge__c", "string", required=True)
    there.add(10, None)
    there.say(1, "Chair")
    pair.sync()
    assert here.role_of(1) == "Chair"
    _refused(pair, "role" if here.name == HUBSPOT else "Badge__c")
    if here.name == HUBSPOT:
        there.say(10, "Bosun")
    else:
        here.box.remove_field("Contact", "Badge__c")
        replay(pair.crms.lab.refreshed(), pair.crms.lab.connection(here.name))
    pair.agreed(PEOPLE + 1)


def test_a_rule_of_the_tool_that_a_value_breaks(pair: Pair) -> None:
    here, words = pair.here, "Nobody is an admiral here."
    if here.name == HUBSPOT:
        here.box.validate("contacts", "role", lambda role: role != "Admiral", words)
    else:
        here.box.validate("Contact", lambda row: words if row.get("Role__c") == "Admiral" else None)
    _one_bad_value(pair, words)


def test_a_choice_that_the_tool_does_not_have(pair: Pair) -> None:
    pair.here.make_role("Buyer", "Chair", "Bosun", "Captain")
    _one_bad_value(pair, "Admiral" if pair.here.name == HUBSPOT else "picklist")


def _one_bad_value(pair: Pair, words: str) -> None:
    """One of several is refused in those words; another value is taken by itself."""
    pair.there.say(0, "Admiral")
    for number in (1, 2):
        pair.there.say(number, "Chair")
    pair.there.add(10, "Captain")
    pair.sync()
    assert [pair.here.role_of(number) for number in (0, 1, 2, 10)] == ["Buyer", "Chair", "Chair", "Captain"]
    _refused(pair, words)
    calls = len(pair.logged("refused"))
    pair.sync()
    assert len(pair.logged("refused")) == calls, "the same is not sent again"
    pair.there.say(0, "Bosun")
    pair.agreed(PEOPLE + 1)
    assert pair.here.role_of(0) == "Bosun"


def _refused(pair: Pair, words: str) -> None:
    letter = pair.letter()
    assert (letter.code, letter.acts) == ("refused", "admin")
    assert words in letter.message
    assert letter.remedy
    entry = pair.logged("refused")[0]
    assert (entry["direction"], entry["outcome"]) == ("out", "dead_letter")
    assert words in entry["sentence"]
    assert pair.pause() is None


def test_a_field_that_is_removed_takes_nothing_from_the_other_tool(pair: Pair) -> None:
    here, there = pair.here, pair.there
    here.drop_role()
    phone = "phone" if here.name == HUBSPOT else "Phone"
    here.box.edit(here.stream, here.id(2), {phone: "+442079460000"})
    for _ in range(3):
        pair.sync(HOUR)
    assert there.roles() == {f"p{number}@shore.example": "Buyer" for number in range(PEOPLE)}


def test_of_a_field_that_is_removed_only_the_line_rests_until_it_is_back(pair: Pair) -> None:
    here, there = pair.here, pair.there
    here.drop_role()
    there.say(1, "Chair")
    there.add(10, "Captain")
    phone = "phone" if there.name == HUBSPOT else "Phone"
    there.box.edit(there.stream, there.id(2), {phone: "+442079460000"})
    there.company("Tide Ltd")
    pair.sync()
    pair.sync()
    expected: dict[str, str | None] = {f"p{n}@shore.example": "Buyer" for n in range(PEOPLE)}
    expected |= {"p1@shore.example": "Chair", "p10@shore.example": "Captain"}
    assert there.roles() == expected
    assert (pair.pause(), pair.crms.lab.dead_letters(), pair.crms.lab.pending()) == (None, [], 0)
    line = pair.resting()[here.stream, "job_title"]
    assert (line["code"], line["acts"], line["side"]) == ("schema_changed", "admin", "both")
    assert here.role in line["note"]
    assert "mapping" in line["remedy"]
    assert here.role in pair.asked("schema").subject["message"]
    assert pair.logged("schema_changed")
    assert "Tide Ltd" in here.companies()
    assert here.id(10), "who is new is created without it"
    held = here.shown(here.id(2))
    assert "2079460000" in str(held.get("phone") or held.get("Phone")).replace(" ", ""), "all else is written"

    here.make_role()
    pair.sync()
    assert there.roles() == expected
    assert here.roles() == expected, "what waited is written, and what the field lost is filled again"
    pair.agreed(PEOPLE + 1)


# --- what passes by itself


def test_a_row_that_is_locked_for_a_while(pair: Pair) -> None:
    here, there = pair.here, pair.there
    id_ = here.id(0)
    here.box.lock(*((here.stream, id_) if here.name == HUBSPOT else (id_,)))
    for number in range(PEOPLE):
        there.say(number, "Chair")
    pair.sync()
    assert [here.role_of(number) for number in range(PEOPLE)] == ["Buyer", *["Chair"] * (PEOPLE - 1)]
    for _ in range(3):
        pair.sync(5)
    assert pair.crms.lab.dead_letters() == []
    entries = pair.logged("throttled") + pair.logged("unavailable")
    assert entries
    assert {entry["direction"] for entry in entries} == {"out"}
    assert "lock" in entries[0]["sentence"] or "exclusive" in entries[0]["sentence"]
    here.box.unlock(*((here.stream, id_) if here.name == HUBSPOT else (id_,)))
    pair.agreed(PEOPLE)


def test_the_days_calls_are_used_up(pair: Pair) -> None:
    here, there = pair.here, pair.there
    if here.name == HUBSPOT:
        here.box.limits = Quotas(per_ten_seconds=10_000, search_per_second=1_000, daily=0)
    else:
        here.box.daily = here.box.calls_today = 15_000
    there.add(10)
    here.add(11, "Captain")
    (failed,) = pair.sync().failed
    assert isinstance(failed.error, Throttled)
    assert failed.error.to_json()["acts"] == "nobody"
    assert failed.error.remedy
    assert failed.error.wait is not None
    assert failed.error.wait >= 60
    assert pair.logged("throttled.day")
    assert pair.crms.lab.reviews() == []
    for _ in range(6):
        pair.sync(HOUR)
    assert pair.crms.lab.dead_letters() == []
    if here.name == HUBSPOT:
        here.box.limits = Quotas(per_ten_seconds=10_000, search_per_second=1_000, daily=650_000)
    pair.crms.lab.wait(DAY)
    pair.agreed(PEOPLE + 2)
