"""Mailchimp's words, read: problems, members that were refused among others, and a member as it comes."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

import orjson
import pytest

from connectors._kit.errors import Reply
from connectors._kit.payload import Payload
from connectors.mailchimp.members import flat, remote
from connectors.mailchimp.trouble import COMPLIANCE, CROWDED, FORGOTTEN, explained, item_error, said
from core.errors import REGISTRY, Exists, Forbidden, Gone, Refused, SignedOut, Throttled, Unsupported
from core.model.instant import from_iso

PAYLOADS = Path(__file__).parent / "payloads"


def reply(status: int, **body: object) -> Reply:
    return Reply("PATCH", status, {}, orjson.dumps(body) if body else b"", reading=False)


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (reply(429, title="Too Many Requests"), Throttled, "throttled"),
        (reply(403), Throttled, "throttled"),
        (reply(403, title="User Disabled", detail="Off."), Forbidden, "forbidden"),
        (reply(403, title="Wrong Datacenter"), SignedOut, "signed_out"),
        (reply(401, title="API Key Invalid"), SignedOut, "signed_out"),
        (reply(404, title="Resource Not Found"), Gone, "gone"),
        (reply(405, title="Method Not Allowed"), Unsupported, "unsupported"),
        (reply(400, title="Member Exists"), Exists, "exists"),
        (reply(400, title="Member In Compliance State"), Refused, COMPLIANCE),
        (reply(400, title="Forgotten Email Not Subscribed"), Refused, FORGOTTEN),
        (reply(400, title="Invalid Resource", detail="x has signed up to a lot of lists lately"), Refused, CROWDED),
        (reply(400, title="Invalid Resource", errors=[{"field": "FNAME", "message": "Needed"}]), Refused, "refused"),
    ],
)  # fmt: skip
def test_a_problem_is_known_by_its_title(answer: Reply, kind: type[Exception], code: str) -> None:
    error = explained(answer, "")
    assert type(error) is kind or isinstance(error, kind)
    assert error is not None
    assert error.error_code == code
    assert error.remedy


def test_what_is_not_known_goes_by_the_status() -> None:
    for answer in (reply(500, title="Oh"), reply(503), Reply("GET", 200, {}, b"{}")):
        assert explained(answer, "") is None


def test_a_problem_is_read_whatever_of_it_there_is() -> None:
    for body in (b"", b"[]", b"null", b"<html>", b'{"errors": "none", "title": null}', b'{"errors": [7]}'):
        assert said(body).words == ""
    told = said(b'{"title": "Invalid Resource", "detail": "Wrong.", "errors": [{"field": "A", "message": "Bad"}]}')
    assert told.words == "Invalid Resource. Wrong. A: Bad"
    assert len(said(orjson.dumps({"detail": "x" * 5000})).words) <= 300


def test_a_member_that_was_refused_among_others() -> None:
    words = "x is in a compliance state due to unsubscribe, bounce, or compliance review and cannot be subscribed."
    assert item_error({"error": words, "error_code": "ERROR_GENERIC"}).error_code == COMPLIANCE
    assert item_error({"error": "x was permanently deleted and cannot be re-imported."}).error_code == FORGOTTEN
    assert isinstance(item_error({"error": "x is already a list member"}), Exists)
    plain = item_error({"error": "Wrong.", "field": "FNAME", "field_message": "Needed"})
    assert (type(plain), plain.facts) == (Refused, {"field": "FNAME"})
    assert isinstance(item_error({}), Refused)


def test_every_code_says_what_happened_and_what_to_do() -> None:
    for code in (COMPLIANCE, FORGOTTEN, CROWDED):
        assert REGISTRY[code].happened
        assert REGISTRY[code].remedy


def test_a_member_as_it_comes() -> None:
    told = Payload.parse((PAYLOADS / "member.synthetic.json").read_bytes())
    fields = flat(told)
    assert fields["tags"] == ["garden", "vip"]
    assert fields["ADDRESS"]["city"] == "Leeds"
    assert fields["ADDRESS"]["state"] is None
    assert (fields["PHONE"], fields["SCORE"], fields["vip"]) == (None, 35, False)
    assert fields["interests"] == {"9143cf3bd1": True, "3a2a927344": False}
    assert fields["marketing_permissions"][0]["enabled"] is False
    shown = remote(told)
    assert shown.modified_at == from_iso("2026-11-20T16:05:00+00:00")
    archived = remote(Payload({**told.object(""), "status": "archived"}))
    assert (archived.deleted, archived.fields) == (True, {})
    assert "data[merges][FNAME]" in dict(parse_qsl((PAYLOADS / "webhook.synthetic.txt").read_text()))
