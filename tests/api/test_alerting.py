"""Alerts from the hub to whoever is to hear, by mail and by hooks over real sockets, first, again and over."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from api import alerting
from api.assembly import Text
from api.cli import main
from api.snapshot import snapshot
from core.errors import ConfigError, StoreError
from core.model.instant import HOUR
from core.ports import Message, Receipt
from core.store import alerts, connections, runs
from tests.core.store.test_statements import counted
from tests.support import Lab, people

ALERTS = Text("mail: post\nto: [anna@shop.example]\nafter: 2min\nagain: 4h\n", "alerts.yaml")


class Hook:
    """An address that takes what is posted, and may be down."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.status = 200
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if hook.status == 200:
                    hook.bodies.append(body)
                self.send_response(hook.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/services/T0/B0/secret"


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path, tick=0) as made:
        made.tool("crm")
        for one in people(3):
            made.tools["crm"].create("contacts", one)
        made.settle()
        yield made


def told_by(lab: Lab, **settings: Any) -> None:
    lab.installation.settings = lab.installation.settings.model_copy(update=settings)


def rests(lab: Lab) -> None:
    """The connection is paused, as by an admin who must sign in again."""
    with lab.installation.store.writing() as tx:
        (row,) = [one for one in connections.all_connections(tx) if one.name == "crm"]
        connections.change_connection(tx, row.id, state="paused", pause_code="signed_out", pause_note="signed out")
    lab.refreshed()


def goes_on(lab: Lab) -> None:
    with lab.installation.store.writing() as tx:
        (row,) = [one for one in connections.all_connections(tx) if one.name == "crm"]
        connections.resume(tx, row.id)
    lab.refreshed()


def listed() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["alerts"])
    assert ended.value.code == 0


def whats(lab: Lab, minutes: int = 0) -> list[str]:
    lab.wait(60 * minutes)
    return [one.what for one in alerting.look(lab.installation)]


def test_a_chat_hears_of_a_connection_that_rests_and_when_it_goes_on(lab: Lab, hook: Hook) -> None:
    told_by(lab, alert_slack=SecretStr(hook.address))
    rests(lab)
    assert whats(lab) == []
    assert whats(lab, 2) == ["first"]
    assert whats(lab, 10) == []
    assert whats(lab, 4 * 60) == ["again"]
    goes_on(lab)
    assert whats(lab, 1) == []
    assert whats(lab, 2) == ["over"]
    assert [body["text"].split(":")[0] for body in hook.bodies] == ["Wrong", "Still wrong", "Over"]
    assert "concord resume crm" in hook.bodies[0]["text"]


def test_a_program_hears_it_as_json(lab: Lab, hook: Hook) -> None:
    told_by(lab, alert_webhook=SecretStr(hook.address))
    rests(lab)
    whats(lab)
    whats(lab, 3)
    ((one,),) = [body["alerts"] for body in hook.bodies]
    assert (one["what"], one["kind"], one["connection"]) == ("first", "connection", "crm")
    assert one["says"] == "crm rests: signed out"


def test_what_no_way_carries_is_told_with_the_next_look_and_nothing_secret_is_in_the_log(lab: Lab, hook: Hook) -> None:
    told_by(lab, alert_slack=SecretStr(hook.address))
    rests(lab)
    whats(lab)
    hook.status = 503
    assert whats(lab, 3) == []
    hook.status = 200
    assert whats(lab, 1) == ["first"]
    goes_on(lab)
    whats(lab, 1)
    hook.status = 503
    assert whats(lab, 3) == []
    hook.status = 200
    assert whats(lab, 1) == ["over"]
    assert whats(lab, 1) == []
    with lab.installation.store.reading() as tx:
        every = [one for one in runs.recent(tx, limit=50) if one.what == "alert"]
    assert {one.message for one in every if one.message} == {"The hook answered 503."}
    assert "secret" not in str(every)


def test_mail_goes_to_everybody_named_and_one_way_is_enough(
    lab: Lab, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Message] = []

    class Post:
        def send(self, messages: Sequence[Message]) -> Sequence[Receipt]:
            sent.extend(messages)
            return [Receipt(one.key) for one in messages]

        def sent(self, key: str) -> bool | None:
            return any(one.key == key for one in sent)

    lab.installation.change(texts={"alerts": ALERTS})
    there = {"post": lab.connection("crm")}
    monkeypatch.setattr(alerting, "mail_connection", lambda _hub, name: there.get(name))
    monkeypatch.setattr(alerting, "sender", lambda *_: Post())
    told_by(lab, alert_slack=SecretStr(hook.address))
    hook.status = 500
    rests(lab)
    whats(lab)
    assert whats(lab, 3) == ["first"]
    (mail,) = sent
    assert mail.to == "anna@shop.example"
    assert mail.subject == "Concord · Wrong: crm rests: signed out"


def test_refused_writes_a_queue_and_falling_agreement_are_troubles(lab: Lab) -> None:
    state = snapshot(lab.installation)
    assert list(alerting.troubles_of(state, lab.installation.alerting())) == []
    (crm,) = state["connections"]
    crm |= {"dead_letters": 2, "outbox": 20_000, "lag_seconds": 3_600.0, "agreement": 0.951}
    state["reviews"]["late"] = 1
    found = {one.kind: one.says for one in alerting.troubles_of(state, lab.installation.alerting())}
    assert found == {
        "lag": "Changes have waited 1 h for crm",
        "queue": "20,000 changes wait for crm",
        "dead_letters": "crm refused 2 writes",
        "agreement": "Only 95.1 % of crm agrees with the hub",
        "reviews": "1 question is late",
    }


def test_what_stops_the_hub_itself_is_told_too(lab: Lab, hook: Hook) -> None:
    told_by(lab, alert_slack=SecretStr(hook.address))
    full = StoreError("The disk is full: nothing of this step was kept.", code="store.full")
    alerting.look(lab.installation, [full])
    lab.wait(180)
    assert [one.what for one in alerting.look(lab.installation, [full])] == ["first"]
    assert "The disk is full" in hook.bodies[0]["text"]


def test_a_test_goes_by_every_way_and_says_where_there_is_none(lab: Lab, hook: Hook) -> None:
    with pytest.raises(ConfigError, match="Nobody is told"):
        alerting.trial(lab.installation)
    told_by(lab, alert_slack=SecretStr(hook.address), alert_webhook=SecretStr(hook.address))
    assert alerting.trial(lab.installation) == [
        alerting.Trial("slack", "answered 200"), alerting.Trial("webhook", "answered 200"),
    ]  # fmt: skip
    assert len(hook.bodies) == 2
    hook.status = 403
    assert [str(one.error) for one in alerting.trial(lab.installation)] == ["The hook answered 403."] * 2


def test_one_that_is_put_off_is_told_when_its_time_has_come_and_its_end_at_once(lab: Lab, hook: Hook) -> None:
    told_by(lab, alert_slack=SecretStr(hook.address))
    rests(lab)
    assert [*whats(lab), *whats(lab, 3)] == ["first"]
    key, until = ("connection", "crm"), lab.clock() + 10 * HOUR
    with pytest.raises(ConfigError, match="why"):
        alerting.put_off(lab.installation, key, until, "Bob", " ")
    with pytest.raises(ConfigError, match="not wrong any more"):
        alerting.put_off(lab.installation, ("lag", "crm"), until, "Bob", "at rest")
    alerting.put_off(lab.installation, key, until, "Bob", "the tool's admin is away")
    assert [*whats(lab, 5 * 60), *whats(lab, 4 * 60)] == []
    assert whats(lab, 60) == ["again"]
    alerting.put_off(lab.installation, key, lab.clock() + 10 * HOUR, "Bob", "still away")
    goes_on(lab)
    assert [*whats(lab), *whats(lab, 3)] == ["over"]
    with lab.installation.store.reading() as tx:
        told = alerts.told(tx)
    assert [(one.what, one.to) for one in told] == [("over", ["slack"]), ("again", ["slack"]), ("first", ["slack"])]


def test_whoever_puts_one_off_during_a_look_is_not_overruled(lab: Lab) -> None:
    rests(lab)
    whats(lab)
    with lab.installation.store.writing() as tx:
        before = alerts.standing(tx)
        alerts.put_off(tx, ("connection", "crm"), 9, "Bob", "away")
        alerts.put(tx, before, [one._replace(told_at=5) for one in before])
        (after,) = alerts.standing(tx)
    assert (after.told_at, after.quiet_until, after.quiet_by) == (5, 9, "Bob")


def test_the_command_lists_what_stands(lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                       monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("CONCORD_DATA", str(tmp_path))
    listed()
    assert "Nothing is wrong." in capsys.readouterr().out
    rests(lab)
    whats(lab)
    with lab.installation.store.reading() as tx:
        assert [one.kind for one in alerts.standing(tx)] == ["connection"]
    listed()
    assert "crm rests: signed out" in capsys.readouterr().out


def test_a_look_for_trouble_counts_nothing_that_is_simply_there(lab: Lab) -> None:
    lab.tool("crm").create("contacts", {"email": "ann@shore.example"})
    lab.settle()
    with counted(lab.hub.store) as statements:
        alerting.look(lab.installation)
    assert [one for one in statements if " FROM record" in one or one.endswith(" FROM binding GROUP BY")] == []
    assert sum(" FROM binding" in one for one in statements) == 1  # those with problems, which an index has
    state = snapshot(lab.installation)
    there = len(lab.records())
    assert (state["records"], state["connections"][0]["records"]) == ({"contact": there}, there)
