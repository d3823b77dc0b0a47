"""Trouble with HubSpot: each kind becomes the right error, in words somebody can act on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from connectors._kit.errors import Reply
from connectors._kit.mischief import Switch
from connectors.hubspot.client import ToolTime
from connectors.hubspot.sandbox import Call, Quotas, Response, Sandbox
from connectors.hubspot.test_hubspot import KEY, Trial, new
from connectors.hubspot.trouble import Explained, said, until_midnight
from connectors.hubspot.words import HOW_TO_GRANT, OBJECTS
from core.errors import (
    Exists,
    Forbidden,
    Refused,
    SchemaChanged,
    SignedOut,
    Throttled,
    Unavailable,
    Unknown,
    Unsupported,
)
from core.model.instant import SECOND, from_iso
from core.ports import Context, Edit, Receipt, Verb


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


class Moody(Sandbox):
    """Answers what a test puts in, for calls whose path ends so."""

    moods: dict[str, list[Response]] = {}  # noqa: RUF012 -- each test puts one of its own in its place

    def answer(self, call: Call) -> Response | None:
        for ending, responses in self.moods.items():
            if call.path.endswith(ending) and responses:
                return responses.pop(0)
        return super().answer(call)


@pytest.fixture
def moody() -> Iterator[Trial]:
    made = Trial(Moody)
    made.box.moods = {}
    yield made
    made.close()


# --- who may do what


def test_a_token_revoked_in_the_middle_signs_out_and_the_walk_goes_on_later() -> None:
    trial = Trial(page_size=2)
    try:
        ids = [trial.box.create("contacts", {"email": f"p{n}@example.com"}) for n in range(5)]
        page = trial.connector.read("contacts", None)
        trial.box.revoke()
        with pytest.raises(SignedOut) as caught:
            trial.connector.read("contacts", page.next)
        assert trial.box.token not in str(caught.value)
        with pytest.raises(SignedOut):
            trial.connector.check()
        with pytest.raises(SignedOut):
            trial.write("contacts", new("contacts", "k", email="x@example.com"))
        trial.box.revoked = False
        rest, _ = trial.walk("contacts", page.next)
        assert [one.id for one in [*page.records, *rest]] == ids
    finally:
        trial.close()


def test_a_missing_scope_is_named_with_how_to_grant_it(trial: Trial) -> None:
    trial.box.scopes.discard("crm.objects.deals.read")
    trial.box.scopes.discard("crm.objects.contacts.write")
    with pytest.raises(Forbidden, match=r"crm\.objects\.deals\.read") as caught:
        trial.connector.read("deals", None)
    assert caught.value.remedy == HOW_TO_GRANT
    trial.connector.read("contacts", None)
    with pytest.raises(Forbidden, match=r"crm\.objects\.contacts\.write"):
        trial.write("contacts", new("contacts", "k", email="x@example.com"))
    checkup = trial.connector.check()
    bad = {finding.what: finding.remedy for finding in checkup.findings if not finding.ok}
    assert {what.split()[2] for what in bad} == {"crm.objects.deals.read", "crm.objects.contacts.write"}
    assert set(bad.values()) == {HOW_TO_GRANT}
    assert "24601001" in checkup.account


def test_where_nobody_tells_the_scopes_each_stream_is_tried(moody: Trial) -> None:
    moody.box.moods["/access-token-info"] = [Response(404, {"message": "no such token"})]
    moody.box.scopes.discard("crm.objects.owners.read")
    bad = [finding.what for finding in moody.connector.check().findings if not finding.ok]
    assert len(bad) == 1
    assert "Owners cannot be read" in bad[0]


def test_the_key_property_is_missed_and_made(trial: Trial) -> None:
    trial.box.remove_property("deals", KEY)
    trial.box.remove_property("calls", KEY)
    trial.box.world.schema.properties["notes"].pop(KEY)
    trial.box.add_property("notes", KEY)
    (receipt,) = trial.write("deals", new("deals", "k-1", dealname="Deal"))
    assert isinstance(receipt.error, SchemaChanged)
    assert KEY in str(receipt.error)
    assert "--fix" in receipt.error.remedy
    assert trial.box.count("deals") == 0
    with pytest.raises(SchemaChanged, match=KEY) as caught:
        trial.connector.find("deals", "k-1")
    assert "--fix" in caught.value.remedy
    missing, twofold = [finding for finding in trial.connector.check().findings if not finding.ok]
    assert missing.fix == "key_property"
    assert "deals, calls" in missing.what
    assert "notes" in twofold.what
    assert not twofold.fix
    after = trial.connector.prepare("key_property")
    assert [finding.ok for finding in after] == [False], "only a person can mend the one that is not unique"
    (receipt,) = trial.write("deals", new("deals", "k-1", dealname="Deal"))
    assert receipt.error is None
    with pytest.raises(Unsupported):
        trial.connector.prepare("pipelines")


def test_preparing_without_the_scope_says_which(trial: Trial) -> None:
    trial.box.remove_property("deals", KEY)
    trial.box.scopes.discard("crm.schemas.deals.write")
    with pytest.raises(Forbidden, match=r"crm\.schemas\.deals\.write"):
        trial.connector.prepare("key_property")


# --- what HubSpot's admin has set up


def refusal(trial: Trial, **fields: Any) -> Any:
    """The error of one bad create among two good ones."""
    good = [new("companies", f"good-{n}", name=f"Good {n}") for n in range(2)]
    first, bad, last = trial.write("companies", good[0], new("companies", "bad", **fields), good[1])
    assert first.error is None
    assert last.error is None
    return bad.error


def test_a_required_property_is_asked_for_by_name(trial: Trial) -> None:
    trial.box.require("companies", "name")
    error = refusal(trial, domain="example.com")
    assert isinstance(error, Refused)
    assert "required" in str(error)
    assert error.facts["field"] == "name"


def test_a_validation_rule_is_told_in_the_admins_words(trial: Trial) -> None:
    trial.box.validate("companies", "phone", lambda text: text.startswith("+44"), "Only numbers in the UK, please.")
    error = refusal(trial, name="Example", phone="+3312345")
    assert isinstance(error, Refused)
    assert "Only numbers in the UK, please." in str(error)
    assert error.facts["field"] == "phone"


def test_an_unknown_option_is_refused_by_name(trial: Trial) -> None:
    error = refusal(trial, name="Example", lifecyclestage="nowhere")
    assert isinstance(error, Refused)
    assert error.facts["field"] == "lifecyclestage"


@pytest.mark.parametrize("blunt", [False, True])
def test_a_property_that_was_removed_changes_the_schema(blunt: bool) -> None:
    from connectors.hubspot.test_writing import Blunt

    trial = Trial(Blunt if blunt else Sandbox)
    try:
        trial.box.add_property("companies", "colour")
        assert "colour" in [field.name for field in trial.connector.describe("companies").fields]
        trial.box.remove_property("companies", "colour")
        ids = [trial.box.create("companies", {"name": f"C{n}"}) for n in range(6)]
        edits = [trial.update("companies", id_, name="New", **({"colour": "red"} if n % 2 else {}))
                 for n, id_ in enumerate(ids)]  # fmt: skip
        receipts: list[Receipt] = []
        calls = trial.calls_of(lambda: receipts.extend(trial.write("companies", *edits)))
        assert [type(one.error) for one in receipts] == [type(None), SchemaChanged] * 3
        assert receipts[1].error is not None
        assert receipts[1].error.facts["field"] == "colour"
        assert len(calls) <= 2, "those who name it are known, the others are sent again"
        trial.walk("companies")
        assert "colour" not in [field.name for field in trial.connector.describe("companies").fields]
    finally:
        trial.close()


def test_what_cannot_be_written_is_said(trial: Trial) -> None:
    with pytest.raises(Unsupported, match="users of HubSpot"):
        trial.write("owners", Edit(Verb.UPDATE, "owners", "k", "7", {"firstName": "Ann"}))
    for act in (trial.connector.describe, lambda stream: trial.connector.read(stream, None)):
        with pytest.raises(Unsupported, match="no stream 'tickets'"):
            act("tickets")


# --- limits


def test_calls_stay_within_what_the_account_allows() -> None:
    trial = Trial(limits=Quotas(per_ten_seconds=40, search_per_second=5), calls=40)
    try:
        for number in range(100):
            trial.connector.fetch("owners", [str(number)])
        assert {one.status for one in trial.box.journal} == {200}
        assert trial.time.slept > 10
    finally:
        trial.close()


def test_what_hubspot_says_is_left_is_believed(moody: Trial) -> None:
    left = {"X-HubSpot-RateLimit-Max": "190", "X-HubSpot-RateLimit-Remaining": "0"}
    moody.box.moods["/owners/2026-03"] = [Response(200, {"results": []}, left), Response(200, {"results": []})]
    moody.connector.read("owners", None)
    assert moody.time.slept == pytest.approx(0.1, abs=0.1), "of a window that rolls something is soon free again"


def test_a_wait_that_hubspot_does_not_name_is_that_of_its_window(moody: Trial) -> None:
    body = {"status": "error", "message": "slow down", "errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}
    moody.box.moods["/owners/2026-03"] = [Response(429, body)]
    moody.connector.read("owners", None)
    assert moody.time.slept == pytest.approx(10, abs=0.1)


def test_a_quota_that_is_gone_waits_for_the_accounts_midnight(moody: Trial) -> None:
    moody.box.moods["/details"] = [Response(200, {"portalId": 7, "timeZone": "America/New_York"})]
    moody.connector.check()
    body = {"status": "error", "message": "daily limit", "errorType": "RATE_LIMIT", "policyName": "DAILY"}
    moody.box.moods["/owners/2026-03"] = [Response(429, body)]
    with pytest.raises(Throttled) as caught:
        moody.connector.read("owners", None)
    midnight = from_iso("2026-11-22T00:00:00-05:00")
    assert caught.value.wait == pytest.approx((midnight - moody.time()) / SECOND, abs=5)
    sent = len(moody.box.journal)
    with pytest.raises(Throttled):
        moody.connector.read("contacts", None)
    assert len(moody.box.journal) == sent, "nothing is sent until then"
    moody.time.sleep(caught.value.wait or 0)
    moody.connector.read("owners", None)


def test_a_daily_quota_of_the_stand_in_is_met_like_the_real_one() -> None:
    trial = Trial(limits=Quotas(daily=5))
    try:
        for _ in range(2):
            trial.connector.read("owners", None)
        with pytest.raises(Throttled) as caught:
            trial.connector.read("owners", None)
        assert (caught.value.wait or 0) > 0
    finally:
        trial.close()


@pytest.mark.parametrize(
    ("now", "zone", "hours"),
    [
        ("2026-11-21T09:00:00Z", "UTC", 15),
        ("2026-11-21T09:00:00Z", "Europe/Berlin", 14),
        ("2026-11-21T09:00:00Z", "America/Los_Angeles", 23),
        ("2026-10-24T22:30:00Z", "Europe/Berlin", 24.5),  # the day on which clocks go back has 25 hours
        ("2026-11-21T09:20:00Z", None, 40 / 60),
        ("2026-11-21T09:20:00Z", "Nowhere/Else", 40 / 60),
    ],
)
def test_midnight_is_that_of_the_zone(now: str, zone: str | None, hours: float) -> None:
    assert until_midnight(from_iso(now), zone) == pytest.approx(hours * 3600, abs=2)


# --- HubSpot in trouble


def explained(status: int, body: Any, *, reading: bool = True, **headers: str) -> Any:
    context = Context("none", {}, clock=lambda: 0)
    at = from_iso("2026-11-21T09:00:00Z")
    reply = Reply("POST", status, {name.replace("_", "-"): value for name, value in headers.items()},
                  body if isinstance(body, bytes) else orjson.dumps(body), reading, at)  # fmt: skip
    return Explained(ToolTime(context))(reply, "words")


def test_a_move_to_another_data_centre_is_waited_for() -> None:
    error = explained(477, {"message": "migration in progress"}, retry_after="86400")
    assert isinstance(error, Throttled)
    assert error.wait == 86400
    assert explained(477, b"").wait == 3600


def test_what_never_reached_hubspot_is_unavailable_and_the_rest_goes_by_the_table() -> None:
    assert isinstance(explained(521, b"", reading=False), Unavailable)
    for status in (401, 404, 500, 502, 504, 524):
        assert explained(status, b"<html>") is None


def test_a_gateway_that_gives_up_leaves_a_write_unknown(moody: Trial) -> None:
    moody.box.moods["/batch/create"] = [
        Response(504, b"<html><title>504</title></html>", {"Content-Type": "text/html"})
    ]
    with pytest.raises(Unknown):
        moody.write("companies", new("companies", "k", name="Example"))


def test_an_answer_that_does_not_speak_of_a_record_leaves_it_unknown(moody: Trial) -> None:
    moody.box.moods["/batch/create"] = [Response(201, {"status": "COMPLETE", "results": []})]
    (receipt,) = moody.write("companies", new("companies", "k", name="Example"))
    assert isinstance(receipt.error, Unknown)


def test_errors_that_name_no_input_are_sorted_out_one_by_one(moody: Trial) -> None:
    vague = {"status": "error", "category": "VALIDATION_ERROR", "message": "Something is wrong.", "context": {}}
    moody.box.moods["/batch/create"] = [Response(207, {"status": "COMPLETE", "results": [], "errors": [vague]})]
    found = moody.write("companies", *[new("companies", f"k-{n}", name=f"C{n}") for n in range(4)])
    assert [one.error for one in found] == [None] * 4
    assert moody.box.count("companies") == 4


def test_reading_goes_on_over_a_short_failure(trial: Trial) -> None:
    trial.box.create("contacts", {"email": "ann@example.com"})
    trial.mischief.once(Switch.UNAVAILABLE, 2)
    assert len(trial.walk("contacts")[0]) == 1


# --- HubSpot's words


def test_an_error_body_is_read_whatever_of_it_there_is() -> None:
    bodies: list[Any] = [None, [], "text", {}, {"errors": None, "context": []}, {"message": None, "errors": ["x"]}]
    for body in bodies:
        assert said(body).words == ""
    one = said({
        "message": 'Property values were not valid: [{"isValid":false,"message":"Email x is invalid",'
                   '"error":"INVALID_EMAIL","name":"email"}]',
        "category": "VALIDATION_ERROR",
    })  # fmt: skip
    assert one.words == "Property values were not valid Email x is invalid"
    assert one.properties == ("email",)
    assert one.codes == {"INVALID_EMAIL"}
    assert said({"message": "broken [{not json"}).words == "broken [{not json"


@pytest.mark.parametrize(
    ("message", "id_"),
    [
        ("Contact already exists. Existing ID: 9951", "9951"),
        (
            "Cannot set PropertyValueCoordinates{propertyName=concord_key, value=7} on 12. 345 already has that value.",
            "345",
        ),
    ],
)
def test_the_record_in_the_way_is_found_in_the_text(message: str, id_: str) -> None:
    for status in (400, 409):
        error = explained(status, {"message": message, "category": "VALIDATION_ERROR"})
        assert isinstance(error, Exists)
        assert error.remote_id == id_


# --- signing in with OAuth


@pytest.fixture
def app() -> Iterator[Trial]:
    made = Trial()
    made.settings |= {"token": None, "client_id": made.box.client_id, "refresh_token": made.box.refresh_token}
    made.connector = made.connect()
    yield made
    made.close()


def test_a_token_is_renewed_ahead_of_its_end(app: Trial) -> None:
    app.connector.read("owners", None)
    app.time.sleep(1600)
    app.connector.read("owners", None)
    assert len(app.box.granted) == 1
    app.time.sleep(100)
    app.connector.read("owners", None)
    assert len(app.box.granted) == 2
    assert 401 not in [one.status for one in app.box.journal]


def test_a_token_that_ends_early_is_renewed_once(app: Trial) -> None:
    app.connector.read("owners", None)
    for token in app.box.granted:
        app.box.granted[token] = app.time() - 5 * SECOND
    app.connector.read("owners", None)
    assert len(app.box.granted) == 2
    assert [one.status for one in app.box.journal].count(401) == 1


def test_a_refresh_token_that_was_replaced_is_kept_before_it_is_used(app: Trial) -> None:
    class Rotating(Moody):
        """Gives another refresh token each time."""

    trial = Trial(Rotating)
    answer = {"access_token": trial.box.token, "refresh_token": "second", "expires_in": 1800}
    trial.box.moods = {"/oauth/2026-03/token": [Response(200, answer)]}
    more = {"token": None, "client_id": "app", "client_secret": "castle", "refresh_token": "first"}
    trial.connect(**more).read("owners", None)
    assert trial.saved == [("refresh_token", "second")]
    trial.close()


def test_a_refresh_token_that_is_no_longer_good_signs_out(app: Trial) -> None:
    app.box.refresh_token = "another"
    with pytest.raises(SignedOut) as caught:
        app.connector.check()
    assert "na1-refresh-sandbox" not in str(caught.value)


def test_an_app_that_may_all_is_well(app: Trial) -> None:
    checkup = app.connector.check()
    assert checkup.ok, checkup.findings


def test_every_stream_is_described_with_choices_and_owners(trial: Trial) -> None:
    trial.box.add_property("contacts", "shoe_size", kind="number", field_type="number")
    for stream in OBJECTS:
        fields = {field.name: field for field in trial.connector.describe(stream).fields}
        assert fields["hubspot_owner_id"].refers_to == "owners"
        assert fields["hs_object_id"].read_only
    fields = {field.name: field for field in trial.connector.describe("contacts").fields}
    assert fields["shoe_size"].custom
    assert not fields["email"].custom
    assert fields["hs_email_optout"].choices == ("true", "false")
    assert fields["lifecyclestage"].choices[:2] == ("subscriber", "lead")
    assert fields["associations.company"].refers_to == "companies"
    assert "closedwon" in {field.name: field for field in trial.connector.describe("deals").fields}["dealstage"].choices
