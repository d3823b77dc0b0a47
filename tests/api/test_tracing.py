"""Traces: one change from its webhook to its last write, over processes, and nothing of anybody in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.assembly import Installation
from api.tracing import MOST, Tracing, ids, traced, wanted
from connectors._kit.endpoints import endpoint
from core import signals
from core.errors import ConfigError
from core.signals import Origin
from tests.api.hooked import CRM, NEWS, Street
from tests.support import people

ANN, PHONE = "ann.birch@shore.example", "+442071838750"
SEEN_NOWHERE = ("ann", "birch", "shore", "2071838750", "baker", "pat-na1", "a-secret", "?")


@contextmanager
def recorded(installation: Installation) -> Iterator[InMemorySpanExporter]:
    """The spans of one process."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    hub = installation.hub()
    leave = signals.listen(Tracing(provider, hub.installation, hub.connectors))
    try:
        yield exporter
    finally:
        leave()
        provider.shutdown()


@pytest.fixture
def street(tmp_path: Path) -> Iterator[Street]:
    """Ann is in three tools: two behind sandboxes that speak HTTP, and one more."""
    with Street(tmp_path) as made:
        made.lab.tool("sheet", mapping=SHEET)
        made.ann = made.crm.create(  # type: ignore[attr-defined]
            "contacts", {"email": ANN, "firstname": "Ann", "lastname": "Birch", "phone": PHONE}
        )
        made.settle()
        yield made


SHEET = """
contacts:
  as: contact
  fields:
    email: {field: email}
    first_name: {field: first_name}
    last_name: {field: last_name}
    phone: {field: phone, steps: [phone]}
"""


def edited(street: Street, **properties: str) -> None:
    """Somebody edits Ann in the CRM, which tells the hub by one webhook."""
    street.crm.edit("contacts", street.ann, properties)  # type: ignore[attr-defined]
    (request,) = street.crm.take_events()
    assert street.send(request).status_code == 200


def trace_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.trace_id)


def whole(spans: tuple[ReadableSpan, ...]) -> str:
    """Everything a collector gets to see of the spans."""
    return " ".join(f"{one.name} {dict(one.attributes or {})} {one.status.description} {one.events}" for one in spans)


def test_one_change_is_one_trace_from_its_webhook_to_the_last_write_over_processes(street: Street) -> None:
    with recorded(street.lab.installation) as door:
        edited(street, firstname="Annette")
    # Another process hears it, and yet another one writes; only the store is between them.
    with recorded(street.lab.installation) as ear:
        street.hear(CRM)
    with recorded(street.lab.installation) as hand:
        street.lab.turn(NEWS)
        street.lab.turn("sheet")
    (webhook,) = door.get_finished_spans()
    assert (webhook.name, webhook.parent) == ("webhook", None)
    trace = trace_of(webhook)
    heard = [one for one in ear.get_finished_spans() if one.name == "hear"]
    sent = [one for one in hand.get_finished_spans() if one.name == "contacts" or "edits" in str(one.attributes)]
    assert [trace_of(one) for one in heard] == [trace]
    assert heard[0].parent is not None
    assert heard[0].parent.span_id == webhook.context.span_id
    assert {one.attributes["concord.connection"] for one in sent} == {NEWS, "sheet"}  # type: ignore[index]
    assert {trace_of(one) for one in sent} == {trace}
    assert {one.parent.span_id for one in sent if one.parent} == {heard[0].context.span_id}
    calls = [one for one in hand.get_finished_spans() if one.attributes and "url.template" in one.attributes]
    written = [one for one in calls if trace_of(one) == trace]
    assert written, "the write's own call belongs to the trace"
    assert {one.attributes["concord.connector"] for one in written} == {"mailchimp"}  # type: ignore[index]
    assert {one.attributes["http.response.status_code"] for one in written} == {200}  # type: ignore[index]
    seen = (*door.get_finished_spans(), *ear.get_finished_spans(), *hand.get_finished_spans())
    told = whole(seen).lower()
    for word in (*SEEN_NOWHERE, str(street.ann), "annette"):  # type: ignore[attr-defined]
        assert word not in told, word


def test_changes_that_become_one_write_are_linked_in_both_directions(street: Street) -> None:
    other = street.crm.create("contacts", {"email": "ben@shore.example", "firstname": "Ben"})
    street.settle()
    with recorded(street.lab.installation) as exporter:
        edited(street, firstname="Annette")
        street.hear(CRM)
        street.crm.edit("contacts", other, {"firstname": "Benno"})
        assert [one.status_code for one in street.sent()] == [200]
        street.hear(CRM)
        street.lab.turn("sheet")
    spans = exporter.get_finished_spans()
    origins = {trace_of(one) for one in spans if one.name == "webhook"}
    assert len(origins) == 2
    (sent,) = [one for one in spans if one.attributes and one.attributes.get("concord.edits") == 2]
    assert {link.context.trace_id for link in sent.links} == origins
    handed = [one for one in spans if one.name.endswith("(with others)") and trace_of(one) in origins]
    assert {trace_of(one) for one in handed} == origins
    assert {link.context.span_id for one in handed for link in one.links} == {sent.context.span_id}


def test_what_a_poll_found_is_one_trace_too(street: Street) -> None:
    with recorded(street.lab.installation) as exporter:
        street.crm.edit("contacts", street.ann, {"firstname": "Anna"})  # type: ignore[attr-defined]
        street.crm.take_events()
        street.lab.wait(3600)
        street.lab.turn(CRM)
        street.lab.turn("sheet")
    spans = exporter.get_finished_spans()
    (pulled,) = [one for one in spans if one.attributes and one.attributes.get("concord.heard") == 1]
    (sent,) = [one for one in spans if one.attributes and one.attributes.get("concord.connection") == "sheet"
               and "concord.edits" in one.attributes]  # fmt: skip
    assert trace_of(sent) == trace_of(pulled)


def test_a_look_that_finds_nothing_leaves_no_span(street: Street) -> None:
    with recorded(street.lab.installation) as exporter:
        street.lab.turn("sheet")
    assert exporter.get_finished_spans() == ()


def test_a_first_load_is_not_followed_record_by_record(street: Street) -> None:
    for person in people(MOST + 5):
        street.lab.tools["sheet"].create("contacts", person)
    with recorded(street.lab.installation) as exporter:
        street.lab.settle("sheet", CRM)
    assert all(len(one.links) <= MOST + 1 for one in exporter.get_finished_spans())


def test_ids_are_the_same_in_every_process_and_of_one_installation_only() -> None:
    webhook, heard = Origin(webhook_id=7), Origin(3, 7)
    assert ids("a", webhook).trace == ids("a", heard).trace == ids("a", webhook).trace
    assert ids("a", webhook).span != ids("a", heard).span
    assert len({ids(one, webhook) for one in ("a", "b")} | {ids("a", Origin(7))}) == 3


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://api.example/crm/v3/objects/contacts/4711?email=ann@x.example", "/crm/v3/objects/contacts/{}"),
        ("https://dav.example/dav/ann/addressbook/birch.vcf", "/dav/{}/{}/{}"),
        ("https://x.example/3.0/lists/ab12/members/0cc175b9c0f1b6a8", "/3.0/lists/{}/members/{}"),
        ("https://x.example", "/"),
    ],
)
def test_an_endpoint_names_nobody(url: str, shown: str) -> None:
    assert endpoint(url) == shown


def test_the_words_of_endpoints_are_no_names() -> None:
    from connectors._kit.endpoints import _WORDS

    assert all(re.fullmatch(r"[a-z0-9_-]{2,32}", word) for word in _WORDS)


def test_nothing_is_sent_unless_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, street: Street
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    with traced(street.lab.installation):
        assert not signals.heard()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    assert wanted()
    with traced(street.lab.installation):
        assert signals.heard()
    assert not signals.heard()
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert not wanted()


def test_without_the_extra_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, street: Street) -> None:
    import sys

    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    missing: Any = None
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", missing)
    with pytest.raises(ConfigError) as caught, traced(street.lab.installation):
        pass
    assert "concord-hub[tracing]" in caught.value.remedy
