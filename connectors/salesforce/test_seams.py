"""How calls travel: signing in by three ways, sessions that end, threads, the day's quota, errors told apart."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import orjson
import pytest

from connectors._kit.catalogue import entry
from connectors._kit.errors import Reply
from connectors._kit.sandbox import Response
from connectors.salesforce.by_hand import Org, change, done, walked
from connectors.salesforce.client import LIMITS, quota_told
from connectors.salesforce.words import QUOTA_WAIT, explained, long_id
from core.errors import (
    ConfigError,
    Exists,
    Forbidden,
    Garbled,
    Gone,
    Refused,
    SchemaChanged,
    SignedOut,
    Throttled,
    Unavailable,
    Unknown,
)
from core.ports import Edit, Verb

TOKEN = "POST /services/oauth2/token"


def test_importing_the_connector_imports_no_library() -> None:
    code = (
        "import sys, connectors.salesforce.connector\nprint({'simple_salesforce', 'requests', 'zeep'} & {*sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout.strip() == "set()"


# --- signing in


def test_each_of_the_three_ways_signs_in(org: Org) -> None:
    box = org.box
    ways: list[dict[str, Any]] = [
        {"client_secret": box.client_secret},
        {"username": box.username, "private_key": box.private_key},
        {"client_secret": box.client_secret, "refresh_token": box.refresh_token},
    ]
    for way in ways:
        connector = org.connect({"login_url": box.url, "client_id": box.client_id, **way})
        assert box.username in connector.check().account
    grants = [one.call.form()["grant_type"] for one in box.calls("POST", "/services/oauth2/token")]
    assert grants == ["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer", "refresh_token"]


def test_without_a_way_to_sign_in_it_is_not_even_built(org: Org) -> None:
    with pytest.raises(ConfigError, match="no way to sign in"):
        org.connect({"login_url": org.box.url, "client_id": "x"})
    with pytest.raises(ConfigError, match="username"):
        org.connect({"login_url": org.box.url, "client_id": "x", "private_key": org.box.private_key})
    with pytest.raises(ConfigError, match="custom field"):
        org.connect(key_field="Name' OR 1=1")


def test_a_renewed_refresh_token_is_kept_before_it_is_used(org: Org) -> None:
    org.box.rotates = True
    connector = org.connect(refresh_token=org.box.refresh_token)
    walked(connector, "Account")
    assert org.secrets == [("refresh_token", org.box.refresh_token)]
    org.box.end_sessions()
    walked(connector, "Account")
    assert org.secrets[1:] == [("refresh_token", org.box.refresh_token)]


def test_an_address_in_clear_text_is_not_trusted_with_a_token(org: Org) -> None:
    connector = org.connect()
    connector.client._login_url = "https://login.salesforce.com"
    with pytest.raises(Garbled, match="not encrypted"):
        connector.check()


def test_a_session_that_ended_is_renewed_once(org: Org) -> None:
    org.box.create("Contact", {"LastName": "Shore"})
    connector = org.connect()
    _, cursor = walked(connector, "Contact")
    org.time.sleep(org.box.session_seconds + 60)
    before = len(org.box.journal)
    walked(connector, "Contact", cursor)
    asked = org.asked(before)
    assert asked[:3] == ["GET queryAll/", TOKEN, "GET queryAll/"]
    assert asked.count(TOKEN) == 1


def test_headers_survive_a_session_that_ends_before_a_conditional_write(org: Org) -> None:
    id_ = org.box.create("Contact", {"LastName": "Shore"})
    connector = org.connect()
    (remote,) = connector.fetch("Contact", [id_])
    write = connector.client.update

    def ended(*call: Any) -> None:
        org.box.end_sessions()
        write(*call)

    connector.client.update = ended  # type: ignore[method-assign, assignment]
    before = len(org.box.journal)
    done(connector, change("Contact", remote, Title="Buyer"))
    path = f"PATCH sobjects/Contact/{id_}"
    assert org.asked(before) == ["GET queryAll/", path, TOKEN, path]
    refused, renewed = [one.call.headers for one in org.box.journal[before:] if one.call.method == "PATCH"]
    assert refused["authorization"] != renewed["authorization"]
    assert refused["if-unmodified-since"] == renewed["if-unmodified-since"]


def test_a_session_that_is_never_accepted_is_renewed_once_and_given_up(org: Org) -> None:
    connector = org.connect()
    walked(connector, "Contact")
    ended = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    org.box.authorise = lambda call: Response(401, ended)  # type: ignore[method-assign]
    before = len(org.box.journal)
    with pytest.raises(SignedOut):
        connector.describe("Contact")
    assert org.asked(before).count(TOKEN) == 1
    assert len(org.asked(before)) == 3


def test_an_app_that_was_taken_away_is_signed_out(org: Org) -> None:
    connector = org.connect()
    _, cursor = walked(connector, "Contact")
    org.box.revoke()
    with pytest.raises(SignedOut) as caught:
        connector.read("Contact", cursor)
    assert org.box.client_secret not in f"{caught.value} {caught.value.facts}"
    with pytest.raises(SignedOut):
        connector.check()


def test_check_renews_a_session_that_ended(org: Org) -> None:
    connector = org.connect()
    assert connector.check().ok
    org.box.end_sessions()
    assert connector.check().ok


# --- threads


def test_many_threads_read_and_write_through_one_connection(org: Org) -> None:
    ids = [org.box.create("Contact", {"LastName": f"Shore {number}"}) for number in range(8)]
    connector = org.connect()
    found: dict[str, Any] = {}
    wrong: list[BaseException] = []

    def work(id_: str) -> None:
        try:
            for round_ in range(5):
                (remote,) = connector.fetch("Contact", [id_])
                done(connector, Edit(Verb.UPDATE, "Contact", f"{id_}{round_}", id_, {"Title": f"{id_} {round_}"}))
                found[id_] = remote.fields["LastName"]
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(id_,)) for id_ in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert found == {id_: f"Shore {number}" for number, id_ in enumerate(ids)}
    assert all((org.box.show("Contact", id_) or {})["Title"] == f"{id_} 4" for id_ in ids)
    assert org.asked().count(TOKEN) == 1, "they share one sign-in"


# --- the day's quota


def test_the_days_quota_and_a_missing_permission_are_told_apart() -> None:
    with Org(daily=100) as org:
        connector = org.connect(reserve=0)
        walked(connector, "Contact")
        org.box.calls_today = 100
        with pytest.raises(Throttled) as caught:
            connector.describe("Contact")
        assert caught.value.wait == QUOTA_WAIT
        org.box.calls_today = 0
        org.time.sleep(QUOTA_WAIT + 1)
        org.box.restrict("Contact")
        (receipt,) = connector.write("Contact", [Edit(Verb.CREATE, "Contact", "k", fields={"LastName": "Shore"})])
        assert isinstance(receipt.error, Forbidden)


def test_a_reserve_of_the_days_calls_is_left_to_others() -> None:
    with Org(daily=1000) as org:
        connector = org.connect(reserve=20)
        walked(connector, "Contact")
        org.box.calls_today = 790
        for _ in range(10):
            connector.describe("Account")
        with pytest.raises(Throttled) as caught:
            connector.describe("Account")
        assert org.box.calls_today == 800
        assert caught.value.wait is not None
        org.box.calls_today = 100
        org.time.sleep(caught.value.wait + 1)
        connector.describe("Account")


def test_too_many_calls_at_once_are_tried_again_soon(org: Org) -> None:
    connector = org.connect()
    walked(connector, "Contact")
    org.box.mischief.once("throttled")
    connector.describe("Contact")


def test_the_header_of_the_quota_is_read_and_one_apps_share_is_not() -> None:
    told = quota_told({"sforce-limit-info": "api-usage=25/5000; per-app-api-usage=17/250(appName=x)"})
    assert told is not None
    assert (told.remaining, told.allowed) == (4975, 5000)
    assert quota_told({"sforce-limit-info": "per-app-api-usage=17/250(appName=x)"}) is None
    assert quota_told({}) is None


def test_the_manifest_declares_the_limits_that_are_kept() -> None:
    declared = entry("salesforce").manifest.limits
    assert (declared.requests, declared.per_seconds) == (LIMITS.requests, LIMITS.per_seconds)


# --- errors


@pytest.mark.parametrize(
    ("status", "code", "method", "kind"),
    [
        (400, "INVALID_FIELD", "GET", SchemaChanged),
        (400, "MALFORMED_QUERY", "GET", Refused),
        (400, "UNABLE_TO_LOCK_ROW", "PATCH", Unavailable),
        (400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "PATCH", Refused),
        (400, "DUPLICATE_VALUE", "POST", Exists),
        (400, "DUPLICATE_VALUE", "PATCH", Refused),
        (403, "REQUEST_LIMIT_EXCEEDED", "GET", Throttled),
        (403, "INSUFFICIENT_ACCESS_OR_READONLY", "PATCH", Forbidden),
        (404, "NOT_FOUND", "GET", Gone),
        (404, "ENTITY_IS_DELETED", "PATCH", Gone),
        (500, "UNKNOWN_EXCEPTION", "GET", Unavailable),
        (500, "UNKNOWN_EXCEPTION", "PATCH", Unknown),
        (503, "SERVER_UNAVAILABLE", "PATCH", Unavailable),
        (401, "INVALID_SESSION_ID", "GET", SignedOut),
    ],
)
def test_a_code_says_what_a_status_does_not(status: int, code: str, method: str, kind: type[Exception]) -> None:
    body = orjson.dumps([{"message": "Words of Salesforce", "errorCode": code, "fields": []}])
    error = explained(Reply(method, status, {}, body, reading=method == "GET"), "Words of Salesforce")
    assert type(error) is kind
    assert "Words of Salesforce" in str(error)


def test_a_page_that_says_nothing_goes_by_its_status() -> None:
    assert explained(Reply("GET", 502, {}, b"<html>Bad gateway</html>"), "") is None
    assert explained(Reply("GET", 500, {}, b'{"odd": 1}'), "") is None
    assert isinstance(explained(Reply("GET", 403, {}, b"Bad_OAuth_Token"), ""), SignedOut)
    assert explained(Reply("GET", 403, {}, b'[{"errorCode": "FORBIDDEN", "message": "Bad_Id"}]'), "Bad_Id") is None


def test_short_ids_get_the_letters_that_tell_their_case() -> None:
    assert long_id("001D000000IqhSL") == "001D000000IqhSLIAZ"
    assert long_id("001D000000IqhSLIAZ") == "001D000000IqhSLIAZ"
