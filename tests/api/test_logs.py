"""Log lines: JSON with their place, and nothing that a person or a tool said, whatever goes wrong."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from api import logs
from api.logs import placed, set_up
from connectors._kit.mischief import Switch
from core.errors import ConfigError, Garbled, Refused, Unavailable
from core.flow.running import Run
from core.ports import Request
from tests.api.hooked import CRM, NEWS, Street
from tests.support import Lab

PERSON = {
    "email": "zebedee.quill@harrow.example",
    "first_name": "Zebedee",
    "last_name": "Quill",
    "phone": "+442071838750",
}
SECRETS = ("pat-na1-sandbox", "a-secret-in-the-address", "a-secret-that-signs")
WORDS = ("zebedee", "quill", "harrow", "2071838750", "7183 8750", *SECRETS)


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything that is logged at any level, also by libraries, as it is written."""
    monkeypatch.setenv("CONCORD_LOG", "debug")
    monkeypatch.setenv("CONCORD_LOG_FORMAT", "json")
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    set_up()
    yield out
    logs.take_down()


def parsed(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def silent_about(out: io.StringIO, *more: str) -> None:
    told = out.getvalue().lower()
    for word in (*WORDS, *more):
        assert word.lower() not in told, word


def test_a_sync_with_every_kind_of_trouble_tells_nothing_of_anybody(tmp_path: Path, lines: io.StringIO) -> None:
    with Street(tmp_path) as street, placed(street.lab.hub.installation):
        id_ = street.crm.create("contacts", {"email": PERSON["email"], "firstname": "Zebedee", "lastname": "Quill",
                                             "phone": PERSON["phone"]})  # fmt: skip
        street.settle()
        street.crm.edit("contacts", id_, {"firstname": "Zeb Quill"})
        (request,) = street.crm.take_events()
        assert street.send(request).status_code == 200
        street.hear(CRM)
        # A request that nobody signed, one that is no JSON, one for an address that somebody made up.
        assert street.send(request, content=request.body.replace(b"Quill", b"Quilt")).status_code == 401
        street.send(Request("POST", f"{street.url}/hooks/zebedee.quill@harrow.example", {}, b"Zebedee Quill", 0))
        street.lab.turn(NEWS)
        # The tools turn calls away, break off, and answer what is none.
        for box in (street.crm, street.news):
            box.mischief.once("throttled")
            box.mischief.once("garbled", 2)
        street.crm.edit("contacts", id_, {"phone": "+442071838751"})
        street.lab.wait(7200)
        street.lab.sync()
        street.crm.mischief.chances[Switch.UNAVAILABLE] = 1.0
        street.lab.wait(7200)
        street.lab.sync()
    silent_about(lines, "zeb")
    told = parsed(lines)
    events = {one["event"] for one in told}
    assert {
        "http.call",
        "http.retry",
        "run.done",
        "run.failed",
        "a webhook was stored",
        "a webhook was refused",
    } <= events
    placed_ = [one for one in told if one["event"] == "http.call" and one.get("run")]
    assert placed_
    assert {"connection", "run", "trace", "timestamp", "level"} <= placed_[-1].keys()


def test_a_run_that_fails_tells_its_code_and_place_and_not_its_words(tmp_path: Path, lines: io.StringIO) -> None:
    with Lab(tmp_path / "data") as lab, placed(lab.hub.installation):
        lab.tool("crm")
        with pytest.raises(Unavailable), Run(lab.hub, lab.connection("crm").id, "pull", "contacts"):
            raise Unavailable(f"{PERSON['email']} cannot be read.")
    silent_about(lines)
    (failed,) = [one for one in parsed(lines) if one["event"] == "run.failed"]
    assert (failed["code"], failed["connection"], failed["stream"]) == ("unavailable", "crm", "contacts")
    assert len(failed["trace"]) == 32


personal = st.sampled_from([*PERSON.values(), "Zebedee Quill", "Harrow Row 7, Zebedee's", *SECRETS])


@settings(max_examples=40)
@given(
    words=personal,
    kind=st.sampled_from([ValueError, KeyError, Refused, Garbled, Unavailable, UnicodeError]),
    depth=st.integers(0, 3),
    caused=st.booleans(),
)
def test_no_error_and_no_trace_of_one_tells_its_words(words: str, kind: Any, depth: int, caused: bool) -> None:
    out = io.StringIO()
    structlog.configure(
        processors=[*logs._COMMON, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(out),
    )

    def fail(left: int, held: str) -> None:
        if left:
            return fail(left - 1, held)
        raise kind(f"{held} is wrong")

    try:
        try:
            fail(depth, words)
        except Exception as error:
            if caused:
                raise RuntimeError(words) from error
            raise
    except Exception:
        structlog.get_logger("concord").exception("it failed")
    structlog.reset_defaults()
    silent_about(out)
    (line,) = parsed(out)
    assert line["error"] == ("RuntimeError" if caused else kind.__name__)
    assert line["at"][-1].startswith("tests/api/test_logs.py:")


def test_what_libraries_log_keeps_its_fixed_words_only(lines: io.StringIO) -> None:
    library = logging.getLogger("somelib.pool")
    library.debug("debug of %s", PERSON["email"])
    library.info("GET https://api.example/contacts?email=%s", PERSON["email"])
    library.warning("cannot reach %s for %s", "the host", PERSON["email"])
    library.warning(f"no answer for {PERSON['email']} at {PERSON['phone']} of 'Zebedee Quill'")
    try:
        raise LookupError(PERSON["email"])
    except LookupError:
        library.exception("Exception in application")
    silent_about(lines)
    told = parsed(lines)
    assert [one["level"] for one in told] == ["warning", "warning", "error"]
    assert {one["library"] for one in told} == {"somelib.pool"}
    assert told[0]["event"] == "cannot reach %s for %s"
    assert told[2]["error"] == "LookupError"


def test_what_nobody_caught_is_a_line_without_its_words(lines: io.StringIO) -> None:
    def ends() -> None:
        raise KeyError(PERSON["email"])

    before = sys.excepthook, threading.excepthook
    with placed("here"):
        thread = threading.Thread(target=ends)
        thread.start()
        thread.join()
        try:
            ends()
        except KeyError as error:
            sys.excepthook(type(error), error, error.__traceback__)
    assert (sys.excepthook, threading.excepthook) == before
    silent_about(lines)
    assert [one["error"] for one in parsed(lines)] == ["KeyError", "KeyError"]


def test_the_store_tells_no_values_when_a_statement_fails(tmp_path: Path) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    with Lab(tmp_path / "data") as lab, lab.hub.store.engine.connect() as tx:
        with pytest.raises(DBAPIError) as caught:
            tx.execute(text("INSERT INTO meta VALUES (:email, NULL)"), {"email": PERSON["email"]})
        assert PERSON["email"] not in str(caught.value)


@pytest.mark.parametrize(("name", "said"), [("CONCORD_LOG", "loud"), ("CONCORD_LOG_FORMAT", "xml")])
def test_a_level_or_form_that_there_is_not_is_told(monkeypatch: pytest.MonkeyPatch, name: str, said: str) -> None:
    monkeypatch.setenv(name, said)
    with pytest.raises(ConfigError) as caught:
        set_up()
    assert name in caught.value.message


def test_lines_are_json_unless_a_person_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("CONCORD_LOG_FORMAT", raising=False)
    shown = {}
    for out in (io.StringIO(), Terminal()):
        monkeypatch.setattr(sys, "stderr", out)
        set_up()
        structlog.get_logger("concord").warning("it rains", code="wet")
        shown[type(out).__name__] = out.getvalue()
    assert json.loads(shown["StringIO"])["code"] == "wet"
    assert "it rains" in shown["Terminal"]
    assert not shown["Terminal"].startswith("{")
