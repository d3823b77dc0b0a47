"""Consent with HubSpot's own meaning: by address, refusals first, and nobody subscribed again over their head."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from connectors._kit.mischief import Switch
from connectors.hubspot.published import STATUSES, documented, violations
from connectors.hubspot.sandbox_problems import Problem
from connectors.hubspot.sandbox_words import SCOPES
from connectors.hubspot.subscriptions import FIELD, MOST
from connectors.hubspot.test_hubspot import Trial, new
from connectors.hubspot.trouble import NO_BASIS, UNSUBSCRIBED
from connectors.hubspot.wishes import BASES
from core.errors import Acts, Again, ConfigError, Refused, Throttled
from core.ports import Edit, Fields, Receipt, Verb

NEWS, PRODUCT, PERSONAL = 501, 502, 503
V4 = "/communication-preferences/2026-03/statuses"
MANY = {"communication_preferences.statuses.batch.read", "communication_preferences.statuses.batch.write"}


class Wants(Trial):
    """A trial whose mapping reads subscriptions."""

    def __init__(self, *, many: bool = True, **more: Any) -> None:
        super().__init__(**more)
        self.reads = {"contacts": frozenset({FIELD, "email"})}
        self.box.scopes = set(SCOPES if many else SCOPES - MANY)
        self.connector = self.connect()

    def person(self, number: int = 1, **properties: str) -> str:
        id_: str = self.box.create("contacts", {"email": f"p{number}@example.com", **properties})
        return id_

    def subscriptions(self, id_: str) -> Fields:
        (shown,) = self.connector.fetch("contacts", [id_])
        found: Fields = shown.fields[FIELD]
        return found

    def edited(self, id_: str, **fields: Any) -> Edit:
        """An edit as the hub makes one, beside what it read last."""
        (shown,) = self.connector.fetch("contacts", [id_])
        named = {name.replace("__", "."): value for name, value in fields.items()}
        return Edit(Verb.UPDATE, "contacts", f"u-{id_}", id_, named, held=shown.fields)

    def tell(self, id_: str, **fields: Any) -> Receipt:
        (receipt,) = self.write("contacts", self.edited(id_, **fields))
        return receipt

    def close(self) -> None:
        super().close()
        assert violations(self.box.journal) == []


@pytest.fixture
def trial() -> Iterator[Wants]:
    made = Wants()
    yield made
    made.close()


@pytest.fixture
def small() -> Iterator[Wants]:
    """An account without the calls for many addresses."""
    made = Wants(many=False)
    yield made
    made.close()


@pytest.fixture(params=["trial", "small"])
def either(request: pytest.FixtureRequest) -> Wants:
    found: Wants = request.getfixturevalue(request.param)
    return found


def refused(receipt: Receipt) -> Refused:
    assert isinstance(receipt.error, Refused)
    return receipt.error


# --- reading


def test_what_an_address_wants_is_shown_beside_the_contacts_properties(either: Wants) -> None:
    id_ = either.person()
    assert either.subscriptions(id_) == {"all": False, "501": None, "502": None, "503": None}
    either.box.opt_out("P1@example.com", NEWS)
    assert either.subscriptions(id_) == {"all": False, "501": "UNSUBSCRIBED", "502": None, "503": None}
    either.box.opt_out("p1@example.com")
    assert either.subscriptions(id_) == {"all": True, **dict.fromkeys(("501", "502", "503"), "UNSUBSCRIBED")}


def test_grants_show_only_where_many_may_be_asked_about(trial: Wants, small: Wants) -> None:
    for made, shown in ((trial, "SUBSCRIBED"), (small, None)):
        id_ = made.person()
        made.box.opt_in("p1@example.com", PRODUCT)
        assert made.subscriptions(id_)["502"] == shown


def test_a_page_asks_twice_however_many_it_holds(trial: Wants) -> None:
    people = [trial.person(number) for number in range(MOST)]
    trial.connector.fetch("contacts", people[:1])
    calls = trial.calls_of(lambda: trial.connector.fetch("contacts", people))
    assert [one for one in calls if "communication" in one] == [
        f"POST {V4}/batch/read", f"POST {V4}/batch/unsubscribe-all/read",
    ]  # fmt: skip


def test_without_the_scope_it_is_asked_once_and_then_read_from_the_contacts(small: Wants) -> None:
    id_ = small.person()
    calls = small.calls_of(lambda: [small.subscriptions(id_) for _ in range(5)])
    assert calls.count(f"POST {V4}/batch/read") == 1


def test_a_mapping_that_reads_no_subscriptions_asks_nothing(trial: Wants) -> None:
    id_ = trial.person()
    trial.reads = {"contacts": frozenset({"email"})}
    plain = trial.connect()
    calls = trial.calls_of(lambda: plain.fetch("contacts", [id_]))
    assert not [one for one in calls if "communication" in one]
    assert FIELD not in plain.fetch("contacts", [id_])[0].fields


def test_describe_names_the_types_by_their_ids(trial: Wants) -> None:
    fields = {one.name: one for one in trial.connector.describe("contacts").fields}
    assert fields["subscriptions.all"].type == "flag"
    assert fields["subscriptions.501"].label == "Subscription: Newsletter"
    assert fields["subscriptions.501"].choices == ("SUBSCRIBED", "UNSUBSCRIBED")
    trial.box.scopes -= {"communication_preferences.read", "communication_preferences.read_write"}
    assert "subscriptions.501" in {one.name for one in trial.connector.describe("contacts").fields}


# --- what a poll sees


def test_an_opt_out_that_moves_no_stamp_is_found_by_a_look_at_all_who_refuse(either: Wants) -> None:
    ids = [either.person(number) for number in range(7)]
    _, cursor = either.walk("contacts")
    either.time.sleep(600)
    _, cursor = either.walk("contacts", cursor)
    either.box.opt_out("p1@example.com")
    either.box.opt_out("p2@example.com", PERSONAL)
    either.time.sleep(120)
    shown, cursor = either.walk("contacts", cursor)
    assert shown == [], "HubSpot's search by stamp knows nothing of it"
    either.time.sleep(7200)
    for _ in range(3):
        shown, cursor = either.walk("contacts", cursor)
        if shown:
            break
    assert {one.id: one.fields[FIELD]["all"] for one in shown} == {ids[1]: True, ids[2]: False}
    calls = either.calls_of(lambda: either.walk("contacts", cursor))
    assert len(calls) <= 2, "and not again before its time"


def test_the_look_goes_through_any_number_page_by_page() -> None:
    trial = Wants(page_size=2)
    ids = {trial.person(number) for number in range(11)}
    _, cursor = trial.walk("contacts")
    for number in range(11):
        trial.box.opt_out(f"p{number}@example.com", [NEWS, PRODUCT, PERSONAL][number % 3])
    trial.time.sleep(7200)
    shown = []
    for _ in range(3):
        more, cursor = trial.walk("contacts", cursor)
        shown += more
    assert {one.id for one in shown} == ids
    trial.close()


def test_the_look_can_be_switched_off() -> None:
    trial = Wants(optouts_every=0)
    trial.person()
    _, cursor = trial.walk("contacts")
    trial.time.sleep(600)
    _, cursor = trial.walk("contacts", cursor)
    trial.box.opt_out("p1@example.com")
    for _ in range(3):
        trial.time.sleep(7200)
        shown, cursor = trial.walk("contacts", cursor)
        assert shown == []
    trial.close()


def test_a_webhook_says_that_the_contact_must_be_read(trial: Wants) -> None:
    id_ = trial.person()
    trial.box.subscribe("contact.propertyChange", property="hs_email_optout")
    trial.box.opt_out("p1@example.com")
    (request,) = trial.box.take_events()
    (notice,) = trial.connector.receive(request)
    assert notice.remote is not None
    assert (notice.kind, notice.remote.id, notice.remote.fields, notice.remote.partial) == ("changed", id_, {}, True)


# --- refusals


def test_a_refusal_of_all_mail_is_carried_out_before_anything_else_of_the_contact(either: Wants) -> None:
    id_ = either.person()
    edit = either.edited(id_, jobtitle="Clerk", subscriptions__all=True)
    calls = either.calls_of(lambda: either.write("contacts", edit))
    assert calls == [
        f"POST {V4}/p1%40example.com/unsubscribe-all", "POST /crm/objects/2026-03/contacts/batch/update",
    ]  # fmt: skip
    assert either.box.has_left("p1@example.com")
    assert (either.box.show("contacts", id_) or {})["jobtitle"] == "Clerk"


def test_the_receipt_says_what_hubspot_holds_now(trial: Wants) -> None:
    id_ = trial.person()
    assert trial.tell(id_, subscriptions__all=True).fields == {"subscriptions.all": True}
    other = trial.person(2)
    receipt = trial.tell(other, subscriptions__501="UNSUBSCRIBED", jobtitle="Clerk")
    assert receipt.fields == {"jobtitle": "Clerk", "subscriptions.501": "UNSUBSCRIBED"}
    assert trial.subscriptions(other)["501"] == "UNSUBSCRIBED"
    assert not trial.box.has_left("p2@example.com")


def test_refusals_of_many_are_one_call_where_the_account_has_it(trial: Wants, small: Wants) -> None:
    for made, most in ((trial, 1), (small, 41)):
        people = [made.person(number) for number in range(40)]
        edits = [made.edited(id_, subscriptions__all=True) for id_ in people]
        calls = made.calls_of(lambda made=made, edits=edits: made.write("contacts", *edits))  # type: ignore[misc]
        assert len(calls) == most
        assert all(made.box.has_left(f"p{number}@example.com") for number in range(40))


def test_a_refusal_that_does_not_arrive_holds_everything_else_of_the_contact_up() -> None:
    trial = Wants()
    trial.box.privacy = True
    id_, other = trial.person(1), trial.person(2)
    edits = [
        trial.edited(id_, jobtitle="Clerk", subscriptions__501="UNSUBSCRIBED"),
        trial.edited(other, jobtitle="Clerk"),
    ]
    first, second = trial.write("contacts", *edits)
    assert refused(first).error_code == NO_BASIS
    assert second.error is None
    assert (trial.box.show("contacts", id_) or {}).get("jobtitle") is None
    trial.close()


def test_a_refusal_that_meets_too_many_calls_is_sent_again_by_the_hub(trial: Wants) -> None:
    id_ = trial.person()
    edit = trial.edited(id_, jobtitle="Clerk", subscriptions__all=True)
    trial.mischief.once(Switch.THROTTLED, 50)
    with pytest.raises(Throttled):
        trial.write("contacts", edit)
    trial.mischief.calm()
    assert not trial.box.has_left("p1@example.com")
    assert (trial.box.show("contacts", id_) or {}).get("jobtitle") is None
    assert trial.write("contacts", edit)[0].error is None
    assert trial.box.has_left("p1@example.com")


def test_a_contact_without_an_address_has_nothing_that_could_refuse(trial: Wants) -> None:
    id_ = trial.box.create("contacts", {"firstname": "Nameless"})
    assert "by address" in str(refused(trial.tell(id_, subscriptions__all=True)))
    assert trial.tell(id_, subscriptions__501="SUBSCRIBED").error is None


# --- grants


def test_a_grant_is_told_with_its_legal_basis() -> None:
    trial = Wants(legal_basis="CONSENT_WITH_NOTICE", legal_basis_explanation="Ticked the box in the shop")
    trial.box.privacy = True
    id_ = trial.person()
    assert trial.tell(id_, subscriptions__501="SUBSCRIBED").fields == {"subscriptions.501": "SUBSCRIBED"}
    assert trial.subscriptions(id_)["501"] == "SUBSCRIBED"
    wish = trial.box.wishes["p1@example.com"][NEWS]
    assert (wish.basis, wish.explanation) == ("CONSENT_WITH_NOTICE", "Ticked the box in the shop")
    trial.close()


def test_without_a_legal_basis_where_one_is_asked_for_it_says_which_setting(trial: Wants) -> None:
    trial.box.privacy = True
    error = refused(trial.tell(trial.person(), subscriptions__501="SUBSCRIBED"))
    assert error.error_code == NO_BASIS
    assert "legal_basis" in error.remedy


def test_a_grant_to_who_unsubscribed_is_refused_with_who_acts_and_what_to_do(either: Wants) -> None:
    id_ = either.person()
    either.box.opt_out("p1@example.com", NEWS)
    receipt = either.tell(id_, subscriptions__501="SUBSCRIBED", jobtitle="Clerk")
    error = refused(receipt)
    assert (error.error_code, error.acts, error.again) == (UNSUBSCRIBED, Acts.PERSON, Again.NEVER)
    assert error.facts["field"] == "subscriptions.501"
    assert either.box.wish("p1@example.com", NEWS) == "UNSUBSCRIBED"
    assert (either.box.show("contacts", id_) or {})["jobtitle"] == "Clerk", "the refusal holds nothing else up"


def test_who_unsubscribes_between_look_and_write_is_not_subscribed(trial: Wants) -> None:
    """The call for grants is the one that HubSpot itself refuses, so an old reading does no harm."""
    id_ = trial.person()
    edit = trial.edited(id_, subscriptions__501="SUBSCRIBED")
    trial.box.opt_out("p1@example.com", NEWS)
    (receipt,) = trial.write("contacts", edit)
    assert refused(receipt).error_code == UNSUBSCRIBED
    assert trial.box.wish("p1@example.com", NEWS) == "UNSUBSCRIBED"


def test_who_left_all_mail_comes_back_by_themselves_alone(either: Wants) -> None:
    id_ = either.person()
    either.box.opt_out("p1@example.com")
    error = refused(either.tell(id_, subscriptions__all=False))
    assert (error.error_code, error.acts) == (UNSUBSCRIBED, Acts.PERSON)
    assert either.box.has_left("p1@example.com")
    sure = either.connect(resubscribe="carry_out")
    (receipt,) = sure.write("contacts", [either.edited(id_, subscriptions__all=False)])
    assert refused(receipt).error_code == UNSUBSCRIBED, "whatever the setting says"


def test_a_setting_has_a_newer_grant_carried_out_where_hubspot_does_that() -> None:
    trial = Wants(resubscribe="carry_out")
    id_ = trial.person()
    trial.box.opt_out("p1@example.com", NEWS)
    assert trial.tell(id_, subscriptions__501="SUBSCRIBED").error is not None, "HubSpot may refuse that call, too"
    trial.box.resubscribes = True
    assert trial.tell(id_, subscriptions__501="SUBSCRIBED").error is None
    assert trial.box.wish("p1@example.com", NEWS) == "SUBSCRIBED"
    trial.close()


def test_refusals_go_before_grants_of_the_same_edit(trial: Wants) -> None:
    id_ = trial.person()
    trial.box.opt_out("p1@example.com", NEWS)
    wants = {"subscriptions__501": "SUBSCRIBED", "subscriptions__503": "UNSUBSCRIBED"}
    error = refused(trial.tell(id_, jobtitle="Clerk", **wants))
    assert error.error_code == UNSUBSCRIBED
    assert trial.box.wish("p1@example.com", PERSONAL) == "UNSUBSCRIBED"
    assert (trial.box.show("contacts", id_) or {})["jobtitle"] == "Clerk"


@pytest.mark.parametrize(
    ("wanted", "words", "good"),
    [
        ("SUBSCRIBED", "p1@example.com is already subscribed to 501", True),
        ("UNSUBSCRIBED", "p1@example.com is already unsubscribed from 501", True),
        ("SUBSCRIBED", "p1@example.com is already unsubscribed from 501", False),
        ("UNSUBSCRIBED", "p1@example.com is already subscribed to 501", False),
    ],
)
def test_a_refusal_that_says_it_is_so_already_is_no_trouble(
    trial: Wants, monkeypatch: pytest.MonkeyPatch, wanted: str, words: str, good: bool
) -> None:
    """Whether HubSpot refuses a repeat is not documented; the opposite must never pass for done."""

    def repeated(*_: object, **__: object) -> None:
        raise Problem(400, "VALIDATION_ERROR", words)

    id_ = trial.person()
    monkeypatch.setattr(trial.box, "_write", repeated)
    assert (trial.tell(id_, subscriptions__501=wanted).error is None) is good


def test_an_update_without_a_change_of_consent_never_speaks_of_it(trial: Wants) -> None:
    id_ = trial.person()
    trial.box.opt_out("p1@example.com", NEWS)
    calls = trial.calls_of(lambda: trial.write("contacts", Edit(Verb.UPDATE, "contacts", "u", id_, {"city": "Leeds"})))
    assert calls == ["POST /crm/objects/2026-03/contacts/batch/update"]


# --- the failure stories that concern HubSpot


def test_a_changed_address_takes_its_refusals_along(trial: Wants) -> None:
    """HubSpot keeps consent by address: a new one begins without a word."""
    id_ = trial.person()
    trial.box.opt_out("p1@example.com", NEWS)
    receipt = trial.tell(id_, email="new@example.com")
    assert receipt.fields == {"email": "new@example.com", "subscriptions.501": "UNSUBSCRIBED"}
    assert trial.box.wish("new@example.com", NEWS) == "UNSUBSCRIBED"
    assert trial.box.wish("p1@example.com", NEWS) == "UNSUBSCRIBED", "the former one keeps its own"
    trial.box.opt_out("new@example.com")
    trial.tell(id_, email="newer@example.com")
    assert trial.box.has_left("newer@example.com")


def test_a_new_contact_is_made_and_then_refuses(trial: Wants) -> None:
    edits = [
        new("contacts", "k-1", email="a@example.com", subscriptions__all=True),
        new("contacts", "k-2", email="b@example.com", subscriptions__501="SUBSCRIBED"),
    ]
    first, second = trial.write("contacts", *edits)
    assert first.fields is not None
    assert first.fields["subscriptions.all"] is True
    assert second.fields is not None
    assert second.fields["subscriptions.501"] == "SUBSCRIBED"
    assert trial.box.has_left("a@example.com")


def test_a_recreated_contact_is_not_subscribed_again(either: Wants) -> None:
    """The word of an address outlives its contact."""
    id_ = either.person()
    either.box.opt_out("p1@example.com")
    either.box.archive("contacts", id_)
    wants = {"subscriptions__all": False, "subscriptions__501": "SUBSCRIBED"}
    (receipt,) = either.write("contacts", new("contacts", "k-1", email="p1@example.com", **wants))
    assert refused(receipt).error_code == UNSUBSCRIBED
    (shown,) = [one for one in either.walk("contacts")[0] if not one.deleted]
    assert shown.fields[FIELD]["all"] is True, "and the hub reads so"
    assert either.box.has_left("p1@example.com")


def test_who_is_there_already_is_not_unsubscribed_by_a_create(trial: Wants) -> None:
    """The create meets them, and what the hub wants of them is told by an update."""
    trial.person()
    (receipt,) = trial.write(
        "contacts", new("contacts", "k-1", email="p1@example.com", subscriptions__501="SUBSCRIBED")
    )
    assert receipt.error is not None
    assert trial.box.wish("p1@example.com", NEWS) == "NOT_SPECIFIED"


# --- the dialect


def test_every_call_for_statuses_is_held_against_what_hubspot_describes(trial: Wants) -> None:
    people = [trial.person(number) for number in range(3)]
    trial.box.opt_out("p0@example.com")
    trial.box.opt_out("p1@example.com", NEWS)
    trial.connector.fetch("contacts", people)
    trial.write("contacts", *(trial.edited(id_, subscriptions__all=True) for id_ in people[1:]))
    trial.tell(people[0], subscriptions__all=True)
    wider = trial.connect(resubscribe="carry_out")
    wider.write("contacts", [trial.edited(people[1], subscriptions__501="SUBSCRIBED")])
    assert len(STATUSES.covers(trial.box.journal, path=documented)) == 5
    (asked,) = [one for one in trial.box.journal if one.call.path.endswith("/batch/unsubscribe-all")]
    for wrong in (
        asked._replace(call=asked.call._replace(body=b'{"inputs": "p1@example.com"}')),
        asked._replace(call=asked.call._replace(query={})),
        asked._replace(body=b'{"status": "DONE", "results": []}'),
    ):
        assert violations([wrong])


# --- settings and scopes


def test_settings_that_are_no_words_are_refused() -> None:
    for settings in ({"legal_basis": "BECAUSE"}, {"resubscribe": "yes"}):
        trial = Trial()
        with pytest.raises(ConfigError):
            trial.connect(**settings)
        trial.close()
    assert len(BASES) == 7


def test_check_takes_one_scope_for_both_and_tells_what_the_plan_lacks(small: Wants) -> None:
    small.box.scopes -= {"communication_preferences.read", "communication_preferences.write"}
    found = small.connector.check()
    assert any("subscriptions.501 (Newsletter)" in one.what for one in found.findings)
    assert found.ok
    assert any("refusals, and no grants" in one.what for one in found.findings)
    small.box.scopes -= {"communication_preferences.read_write"}
    missing = [one.what for one in small.connector.check().findings if not one.ok]
    assert [what.split()[2] for what in missing] == [
        "communication_preferences.read", "communication_preferences.write",
    ]  # fmt: skip


def test_grants_are_told_in_the_form_of_the_published_contract(trial: Wants) -> None:
    trial.tell(trial.person(), subscriptions__501="SUBSCRIBED")
    (sent,) = [one for one in trial.box.journal if one.call.path == "/communication-preferences/v3/subscribe"]
    assert orjson.loads(sent.call.body) == {"emailAddress": "p1@example.com", "subscriptionId": "501"}
