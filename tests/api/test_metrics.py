"""`/metrics`: what it tells, what a scrape costs, who may ask; and that dashboard and rules name what there is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from ruamel.yaml import YAML
from sqlalchemy import event

from api import metrics
from api.app import create_app
from api.metrics import METRICS, Meters, counted
from core import signals
from core.errors import Unavailable
from core.model.instant import HOUR
from core.store import connections, notices, outbox, reviews
from core.store.notices import Told
from core.store.outbox import Mark
from core.store.reviews import Question
from tests.support import Lab, people

ROOT = Path(__file__).parents[2]
LABELS = {
    "connection", "connector", "stream", "lane", "kind", "what", "outcome", "status", "part", "verb", "version",
    "python", "store",
}  # fmt: skip
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(params=["embedded", "postgres"])
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lab]:
    url: str | None = request.getfixturevalue("postgres_url") if request.param == "postgres" else None
    with Lab(tmp_path / "data", database_url=url) as made:
        yield made


def scraped(lab: Lab, meters: Meters | None = None) -> Samples:
    text = metrics.page(lab.installation, None, meters).decode()
    return {
        (one.name, frozenset(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def value(found: Samples, name: str, **labels: str) -> float:
    return found[name, frozenset(labels.items())]


def test_what_stands_is_told(lab: Lab) -> None:
    lab.tool("crm", policy={"poll_every": 60})
    lab.tool("news")
    for person in people(3):
        lab.tools["crm"].create("contacts", person)
    lab.settle()
    lab.sync()
    lab.wait(90)
    now, crm = lab.clock(), lab.connection("crm")
    with lab.hub.store.writing() as tx:
        outbox.mark(tx, [Mark(crm.id, 1, 0, 0, now - 7_000_000), Mark(crm.id, 2, 2, 0, now + HOUR)])
        reviews.ask(tx, [Question("brake", {"note": "much"}, crm.id)], now=now)
        notices.keep(tx, crm.id, b"{}", [Told("e1", "changed", None, None, "", None)], at=now - 3_000_000)
        connections.change_connection(tx, lab.connection("news").id, state="paused", pause_code="signed_out")
    found = scraped(lab)
    assert value(found, "concord_stream_poll_interval_seconds", connection="crm", stream="contacts") == 60
    assert value(found, "concord_stream_read_age_seconds", connection="crm", stream="contacts") >= 90
    assert value(found, "concord_stream_overdue_seconds", connection="crm", stream="contacts") >= 29
    assert value(found, "concord_outbox_waiting", connection="crm", lane="consent") == 1
    assert value(found, "concord_outbox_oldest_seconds", connection="crm", lane="consent") == pytest.approx(7, abs=0.1)
    assert value(found, "concord_outbox_oldest_seconds", connection="crm", lane="live") == 0
    assert value(found, "concord_connection_braked", connection="crm") == 1
    assert value(found, "concord_connection_paused", connection="news") == 1
    assert value(found, "concord_webhook_events_waiting", connection="crm") == 1
    assert value(found, "concord_webhook_oldest_waiting_seconds", connection="crm") == pytest.approx(3, abs=0.1)
    assert value(found, "concord_reviews_open", what="brake") == 1
    assert value(found, "concord_connection_info", connection="crm", connector="memory") == 1


def test_what_happens_is_counted(lab: Lab) -> None:
    lab.tool("crm")
    lab.tool("news")
    with counted() as meters:
        for person in people(3):
            lab.tools["crm"].create("contacts", person)
        lab.settle()
        found = scraped(lab, meters)
    assert value(found, "concord_written_total", connection="news", verb="create", outcome="done") == 3
    assert value(found, "concord_runs_total", connection="crm", what="pull", outcome="done") >= 1
    assert value(found, "concord_turn_duration_seconds_count", connection="news", part="whole") >= 1
    assert not signals.heard()


def test_calls_are_counted_by_tool_and_class() -> None:
    with counted() as meters:
        signals.tell("opened", connection="crm", connector="memory")
        for status in (200, 204, 429, 503):
            with signals.span("call", connection="crm", method="GET") as span:
                span.note(status=status)
        with pytest.raises(Unavailable), signals.span("call", connection="crm", method="GET"):
            raise Unavailable("gone")
        signals.tell("webhook", connection=None, outcome="refused")
    get = meters.registry.get_sample_value
    known = {"connection": "crm", "connector": "memory"}
    classes = {
        one: get("concord_tool_calls_total", {**known, "status": one}) for one in ("2xx", "4xx", "5xx", "failed")
    }
    assert classes == {"2xx": 2, "4xx": 1, "5xx": 1, "failed": 1}
    assert get("concord_tool_throttled_total", known) == 1
    assert get("concord_webhooks_total", {"connection": "unknown", "outcome": "refused"}) == 1


def test_a_scrape_costs_the_same_however_much_is_held(lab: Lab) -> None:
    lab.tool("crm")
    asked: list[str] = []
    event.listen(lab.installation.store.engine, "before_cursor_execute", lambda *words: asked.append(words[2]))
    scraped(lab)
    asked.clear()
    scraped(lab)
    few = len(asked)
    for number in range(6):
        lab.tool(f"more{number}")
    for person in people(40):
        lab.tools["crm"].create("contacts", person)
    lab.settle()
    scraped(lab)
    asked.clear()
    scraped(lab)
    assert few == len(asked) <= 10


def test_names_and_labels_are_those_that_are_declared(lab: Lab) -> None:
    for name, one in METRICS.items():
        assert re.fullmatch(r"concord_[a-z_]+", name)
        assert set(one.labels) <= LABELS, name
        assert name.endswith("_total") == (one.kind == "counter"), name
        assert one.kind != "histogram" or name.endswith("_seconds"), name
    lab.tool("crm")
    with counted() as meters:
        lab.settle()
        found = scraped(lab, meters)
    known = metrics.series()
    assert {name for name, _ in found} <= known | {f"{name}_created" for name in METRICS} | {
        f"{name.removesuffix('_total')}_created" for name in METRICS
    }


def visit(lab: Lab, *, client: str, headers: dict[str, str] | None = None) -> int:
    app = create_app(lab.installation, host="0.0.0.0")  # noqa: S104 - nothing listens
    with TestClient(app, base_url="http://127.0.0.1", client=(client, 50000)) as asker:
        return int(asker.get("/metrics", headers=headers or {}).status_code)


def test_who_may_ask(lab: Lab) -> None:
    assert visit(lab, client="127.0.0.1") == 200
    assert visit(lab, client="10.0.0.9") == 403
    assert visit(lab, client="127.0.0.1", headers={"X-Forwarded-For": "10.0.0.9"}) == 403
    lab.installation.settings = lab.installation.settings.model_validate(
        {**lab.installation.settings.model_dump(), "metrics_token": "sesame"}
    )
    assert visit(lab, client="10.0.0.9") == 403
    assert visit(lab, client="10.0.0.9", headers={"Authorization": "Bearer wrong"}) == 403
    assert visit(lab, client="10.0.0.9", headers={"Authorization": "Bearer sesame"}) == 200


def named(text: str) -> set[str]:
    return set(re.findall(r"\bconcord_[a-z_]+", text))


def test_the_dashboard_and_the_rules_name_what_there_is() -> None:
    dashboard = json.loads((ROOT / "deploy/grafana/concord.json").read_text(encoding="utf-8"))
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    rules = YAML(typ="safe").load((ROOT / "deploy/prometheus/alerts.yaml").read_text(encoding="utf-8"))
    asked = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    assert len(shown) > 15
    assert len(asked) > 10
    for expression in (*shown, *asked, dashboard["templating"]["list"][1]["definition"]):
        assert named(expression), expression
        assert named(expression) <= metrics.series(), expression
        for name, words in re.findall(r"(concord_[a-z_]+)\{([^}]*)\}", expression):
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            labels = set(re.findall(r"(\w+)\s*[=!]", words))
            assert labels <= {*METRICS[base].labels, "le"}, expression
    whole = {re.sub(r"_(bucket|sum|count)$", "", name) for text in (*shown, *asked) for name in named(text)}
    # What has no place on either was declared for nobody.
    assert METRICS.keys() - whole <= {"concord_agreement_measured_age_seconds"}
