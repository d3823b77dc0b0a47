"""Metrics: `/metrics` for Prometheus. What stands is read from the store, what happens is counted in this process.

A scrape reads the store by a fixed number of statements, whatever it holds, so that all processes of an installation
tell the same of it; counters and times are each process's own. Labels are names of connections, streams and kinds and
words of the hub: never a record, an address or a value. `METRICS` declares them all; `docs/metrics.md` is printed from
it, and the dashboard and the alert rules in `deploy/` may name nothing else.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from api import queries
from core import signals
from core.decide.route import Lane
from core.flow.failing import poll_every
from core.flow.hub import HUB
from core.flow.outward.agreement import Agreement
from core.model.instant import SECOND, Instant
from core.signals import Fact, Span
from core.store import connections, descriptions, runs

if TYPE_CHECKING:
    from api.assembly import Installation
    from api.background import Background
    from core.store.connections import ConnectionRow, StreamRow

Kind = Literal["gauge", "counter", "histogram"]

_CALL = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_TURN = (0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0)
_ARRIVAL = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0)
UNKNOWN = "unknown"
"""The label of what belongs to no connection we know: names that anybody may make up are no labels."""


class Metric(NamedTuple):
    """One metric as it is declared."""

    kind: Kind
    labels: tuple[str, ...]
    doc: str
    buckets: tuple[float, ...] = ()

    @property
    def stored(self) -> bool:
        """Whether it is read from the store, and so is the same in every process."""
        return self.kind == "gauge"


def _gauge(doc: str, *labels: str) -> Metric:
    return Metric("gauge", labels, doc)


METRICS: dict[str, Metric] = {
    "concord_build_info": _gauge("Always 1; the labels say what runs.", "version", "python", "store"),
    "concord_connection_info": _gauge("Always 1 for each connection; which tool it is.", "connection", "connector"),
    "concord_connection_paused": _gauge("1 while the connection rests.", "connection"),
    "concord_connection_braked": _gauge("1 while the brake holds what would be written there.", "connection"),
    "concord_stream_read_age_seconds": _gauge("Time since the stream was last read.", "connection", "stream"),
    "concord_stream_poll_interval_seconds": _gauge(
        "The time that is to pass between two readings; a quiet stream is read up to four times less often.",
        "connection", "stream",
    ),
    "concord_stream_overdue_seconds": _gauge(
        "How long a reading has been due; 0 while it is in time.", "connection", "stream"
    ),
    "concord_stream_paused": _gauge("1 while the stream, or writing it, rests.", "connection", "stream"),
    "concord_mapping_lines_resting": _gauge(
        "Lines of mappings that rest because the tool changed a field.", "connection", "stream"
    ),
    "concord_outbox_waiting": _gauge("Records that wait to be written to a connection.", "connection", "lane"),
    "concord_outbox_oldest_seconds": _gauge(
        "How long the longest waiting of them has been due; 0 where none is due yet.", "connection", "lane"
    ),
    "concord_webhook_events_waiting": _gauge("Events that came by webhook and wait to be heard.", "connection"),
    "concord_webhook_oldest_waiting_seconds": _gauge("How long the oldest of them has waited.", "connection"),
    "concord_dead_letters": _gauge("Writes that a tool refused and that wait for somebody.", "connection"),
    "concord_reviews_open": _gauge("Questions that wait for a person, by what they are about.", "what"),
    "concord_reviews_late": _gauge("Those of them whose time is up.", "what"),
    "concord_agreement_ratio": _gauge(
        "The share of fields that are equal on both sides, 0 to 1, as last measured.", "connection", "kind"
    ),
    "concord_agreement_measured_age_seconds": _gauge("Time since that was measured.", "connection"),
    "concord_background_round_age_seconds": _gauge(
        "Time since this process's background ended a round; a first load may take hours."
    ),
    "concord_lane_worked": _gauge(
        "1 while somebody works the lane, or looks what is due (`beat`), 0 while nobody does; where several processes "
        "share the work.",
        "lane",
    ),
    "concord_webhooks_total": Metric(
        "counter", ("connection", "outcome"),
        "Webhooks that came: stored, repeated (known already), refused, failed (the store did not take them).",
    ),
    "concord_webhooks_sent_total": Metric(
        "counter", ("outcome",),
        "Webhooks that the hub sent: accepted, busy (wait a little), refused, ended (nothing more is wanted there), "
        "unanswered.",
    ),
    "concord_tool_calls_total": Metric(
        "counter", ("connection", "connector", "status"),
        "Calls to tools by the class of the answer (2xx to 5xx), or failed where none came.",
    ),
    "concord_tool_throttled_total": Metric(
        "counter", ("connection", "connector"), "Calls that the tool turned away because there were too many (429)."
    ),
    "concord_tool_call_duration_seconds": Metric("histogram", ("connector",), "How long calls take.", _CALL),
    "concord_turn_duration_seconds": Metric(
        "histogram", ("connection", "part"),
        "How long a connection's turn takes, or its half: whole, reading, writing.", _TURN,
    ),
    "concord_runs_total": Metric(
        "counter", ("connection", "what", "outcome"),
        "Runs that did something or failed: what each was (pull, deliver, hear …), done or failed.",
    ),
    "concord_written_total": Metric(
        "counter", ("connection", "verb", "outcome"), "Edits that were sent: done, or the code of the tool's refusal."
    ),
    "concord_webhook_to_written_seconds": Metric(
        "histogram", ("connection",),
        "From a webhook's arrival until what it changed was written to this connection.", _ARRIVAL,
    ),
}  # fmt: skip


class Meters:
    """Counts what happens in this process; a listener of `core.signals`."""

    def __init__(self, connectors: Mapping[str, str] | None = None) -> None:
        """All at nothing. `connectors` says which tool a connection is, of those there are; more are told of."""
        self.registry = CollectorRegistry()
        self._counters = {name: _counter(name, self.registry) for name, one in METRICS.items() if one.kind == "counter"}
        self._times = {
            name: _histogram(name, self.registry) for name, one in METRICS.items() if one.kind == "histogram"
        }
        self._connectors = dict(connectors or {})

    def began(self, span: Span) -> Callable[[], None]:
        """Something began, and is counted once it has ended."""
        return partial(self._ended, span)

    def told(self, what: str, facts: dict[str, Fact]) -> None:
        """Something happened."""
        connection = str(facts.get("connection") or UNKNOWN)
        if what == "opened":
            self._connectors[connection] = str(facts["connector"])
        elif what == "webhook":
            self._count("concord_webhooks_total", connection, facts["outcome"])
        elif what == "sent":
            self._count("concord_webhooks_sent_total", facts["outcome"])
        elif what == "written":
            self._count("concord_written_total", connection, facts["verb"], facts["outcome"], by=facts["number"])
        elif what == "arrived":
            self._took("concord_webhook_to_written_seconds", facts["seconds"], connection)

    def _ended(self, span: Span) -> None:
        connection = str(span.facts.get("connection") or UNKNOWN)
        if span.what == "call":
            self._called(span, connection, self._connectors.get(connection, UNKNOWN))
        elif span.what == "turn":
            self._took("concord_turn_duration_seconds", span.seconds, connection, span.facts["part"])
        elif span.what == "run" and not span.quiet:
            outcome = "done" if span.code is None else "failed"
            self._count("concord_runs_total", connection, span.facts["what"], outcome)

    def _called(self, span: Span, connection: str, connector: str) -> None:
        status = span.facts.get("status")
        shown = f"{status // 100}xx" if isinstance(status, int) else "failed"
        self._count("concord_tool_calls_total", connection, connector, shown)
        self._took("concord_tool_call_duration_seconds", span.seconds, connector)
        if status == 429:
            self._count("concord_tool_throttled_total", connection, connector)

    def _count(self, name: str, *labels: Fact, by: Fact = 1) -> None:
        self._counters[name].labels(*labels).inc(float(by or 0))

    def _took(self, name: str, seconds: Fact, *labels: Fact) -> None:
        self._times[name].labels(*labels).observe(float(seconds or 0))


def _counter(name: str, registry: CollectorRegistry) -> Counter:
    one = METRICS[name]
    return Counter(name, one.doc, one.labels, registry=registry)


def _histogram(name: str, registry: CollectorRegistry) -> Histogram:
    one = METRICS[name]
    return Histogram(name, one.doc, one.labels, buckets=one.buckets, registry=registry)


@contextmanager
def counted(connectors: Mapping[str, str] | None = None) -> Iterator[Meters]:
    """What happens in this process is counted for as long as the block lasts."""
    meters = Meters(connectors)
    leave = signals.listen(meters)
    try:
        yield meters
    finally:
        leave()


class Standing(Collector):
    """What stands in the store now; each scrape asks anew."""

    def __init__(self, installation: Installation, engine: Background | None = None) -> None:
        """Nothing is asked yet."""
        self._installation, self._engine = installation, engine

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """All gauges, in the order of `METRICS`."""
        found = gauges(self._installation, self._engine)
        for name, one in METRICS.items():
            if one.stored:
                family = GaugeMetricFamily(name, one.doc, labels=one.labels)
                for labels, value in found.get(name, ()):
                    family.add_metric([str(label) for label in labels], value)
                yield family


Rows = list[tuple[tuple[Any, ...], float]]
"""Values by their labels."""


def gauges(installation: Installation, engine: Background | None = None) -> dict[str, Rows]:
    """Metric → its values, from one moment of the store; always the same number of statements."""
    now, hub = installation.clock(), installation.hub()
    with installation.store.reading() as tx:
        rows = [one for one in connections.all_connections(tx) if one.name != HUB and one.state != "removed"]
        names = {row.id: row.name for row in rows}
        streams = [one for one in connections.all_streams(tx) if one.connection_id in names]
        asked, waiting = queries.questions(tx, now), queries.lanes(tx)
        dead, unheard = queries.dead_by_connection(tx), queries.unheard(tx)
        measured = [one for one in runs.agreements(tx) if one[0] in names]
        resting = [line.stream_id for line in descriptions.paused(tx)]
    intervals = {stream.id: poll_every(stream) for one in hub.connections.values() for stream in one.streams}
    braked = {one.connection_id for one in asked if one.what == "brake"}
    found: dict[str, Rows] = {
        "concord_build_info": [((_version(), platform.python_version(), _kind_of_store(installation)), 1.0)],
        "concord_connection_info": [((row.name, row.connector), 1.0) for row in rows],
        "concord_connection_paused": [((row.name,), float(row.state == "paused")) for row in rows],
        "concord_connection_braked": [((row.name,), float(row.id in braked)) for row in rows],
        "concord_dead_letters": [((row.name,), dead.get(row.id, 0)) for row in rows],
        **_of_streams(streams, names, intervals, resting, now),
        **_of_outbox(rows, waiting, now),
        **_of_webhooks(rows, unheard, now),
        **_of_reviews(asked),
        **_of_agreement(measured, names, now),
    }
    if installation.presence is not None:
        worked = installation.presence.worked() or {}
        found["concord_lane_worked"] = [((name,), float(there)) for name, there in worked.items()]
    if engine is not None:
        found["concord_background_round_age_seconds"] = [((), _age(engine.ticked_at or engine.started_at, now))]
    return found


def _of_streams(
    streams: Sequence[StreamRow], names: dict[int, str], intervals: dict[int, float], resting: Sequence[int],
    now: Instant,
) -> dict[str, Rows]:  # fmt: skip
    labelled = [((names[one.connection_id], one.name), one) for one in streams]
    read = [(labels, one) for labels, one in labelled if one.id in intervals]
    return {
        "concord_stream_read_age_seconds": [
            (labels, _age(one.read_at, now)) for labels, one in read if one.read_at is not None
        ],
        "concord_stream_poll_interval_seconds": [(labels, intervals[one.id]) for labels, one in read],
        "concord_stream_overdue_seconds": [(labels, _age(one.due_at, now)) for labels, one in read],
        "concord_stream_paused": [(labels, float(one.pause_code is not None)) for labels, one in labelled],
        "concord_mapping_lines_resting": [(labels, resting.count(one.id)) for labels, one in labelled],
    }


def _of_outbox(rows: Sequence[ConnectionRow], waiting: Sequence[queries.Lane], now: Instant) -> dict[str, Rows]:
    held = {(one.connection_id, one.lane): one for one in waiting}
    places = [(row, lane, held.get((row.id, int(lane)))) for row in rows for lane in Lane]
    return {
        "concord_outbox_waiting": [
            ((row.name, lane.name.lower()), one.rows if one else 0) for row, lane, one in places
        ],
        "concord_outbox_oldest_seconds": [
            ((row.name, lane.name.lower()), _age(one.oldest, now) if one else 0.0) for row, lane, one in places
        ],
    }  # fmt: skip


def _of_webhooks(
    rows: Sequence[ConnectionRow], unheard: dict[int, tuple[int, Instant]], now: Instant
) -> dict[str, Rows]:
    counted_ = [(row.name, *unheard.get(row.id, (0, now))) for row in rows]
    return {
        "concord_webhook_events_waiting": [((name,), number) for name, number, _ in counted_],
        "concord_webhook_oldest_waiting_seconds": [((name,), _age(since, now)) for name, _, since in counted_],
    }


def _of_reviews(asked: Sequence[queries.Questions]) -> dict[str, Rows]:
    open_: dict[str, int] = {}
    late: dict[str, int] = {}
    for one in asked:
        open_[one.what] = open_.get(one.what, 0) + one.open
        late[one.what] = late.get(one.what, 0) + one.late
    return {
        "concord_reviews_open": [((what,), number) for what, number in sorted(open_.items())],
        "concord_reviews_late": [((what,), number) for what, number in sorted(late.items())],
    }


def _of_agreement(
    measured: Sequence[tuple[int, str, Instant, dict[str, int]]], names: dict[int, str], now: Instant
) -> dict[str, Rows]:
    latest: dict[str, Instant] = {}
    for id_, _, at, _ in measured:
        latest[names[id_]] = max(at, latest.get(names[id_], at))
    return {
        "concord_agreement_ratio": [
            ((names[id_], kind), Agreement(**counts).share) for id_, kind, _, counts in measured
        ],
        "concord_agreement_measured_age_seconds": [((name,), _age(at, now)) for name, at in latest.items()],
    }  # fmt: skip


def _age(since: Instant, now: Instant) -> float:
    return max(0, now - since) / SECOND


def _version() -> str:
    try:
        return version("concord-hub")
    except PackageNotFoundError:
        return UNKNOWN


def _kind_of_store(installation: Installation) -> str:
    return "embedded" if installation.store.embedded else "postgresql"


def page(installation: Installation, engine: Background | None, meters: Meters | None) -> bytes:
    """What `/metrics` answers, in Prometheus' text form; `StoreError` where the store does not answer."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Standing(installation, engine))
    return generate_latest(registry) + (generate_latest(meters.registry) if meters is not None else b"")


def series() -> frozenset[str]:
    """Every name under which Prometheus knows something of ours."""
    parts = {"gauge": ("",), "counter": ("",), "histogram": ("_bucket", "_sum", "_count")}
    return frozenset(f"{name}{part}" for name, one in METRICS.items() for part in parts[one.kind])


def metrics_page() -> str:
    """`docs/metrics.md`."""
    rows = [
        f"| `{name}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels)} | {one.doc} |"
        for name, one in METRICS.items()
    ]
    return "\n".join(
        [
            "# Metrics",
            "",
            "Printed from the declarations in `api/metrics.py`; change them, not this page.",
            "",
            "`concord up` answers Prometheus at `/metrics`: to whoever asks from the same machine, and to others who "
            "show the token in `CONCORD_METRICS_TOKEN` as `Authorization: Bearer …`. Gauges are read from the store "
            "and are the same in every process; counters and histograms are each process's own and begin anew with it. "
            "No label names a record or a person. `deploy/grafana/concord.json` is a dashboard, "
            "`deploy/prometheus/alerts.yaml` are rules for alerts.",
            "",
            "| Metric | Type | Labels | Meaning |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )
