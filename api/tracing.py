"""Tracing: what `core.signals` tells, as spans of OpenTelemetry. Needs the extra `concord-hub[tracing]`.

It is on where `OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_TRACES_EXPORTER` is set, and
goes by the standard `OTEL_*` variables. The ids of a trace are worked out from numbers that the store holds (of a
webhook, of a run), so that a change is one trace from the webhook to its last write, whichever process does which part
of it. What follows from several origins has a trace of its own that is linked with each, in both directions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

from core import signals
from core.errors import ConfigError
from core.signals import Fact, Origin, Span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import SpanContext

    from api.assembly import Installation

_SWITCHES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER")
MOST = 32
"""So many origins are linked; a write that follows from more is a flood, and the first ones tell enough."""
_CONFIG = "Install it with `pip install 'concord-hub[tracing]'`, or unset OTEL_TRACES_EXPORTER and the endpoint."


class Ids(NamedTuple):
    """A trace and a span in it, as numbers of 128 and 64 bits."""

    trace: int
    span: int


def ids(installation: str, origin: Origin) -> Ids:
    """The ids of an origin: the same in every process of an installation, and never those of another one's."""
    root = f"webhook {origin.webhook_id}" if origin.webhook_id is not None else f"run {origin.run_id}"
    own = f"run {origin.run_id}" if origin.run_id is not None else root
    return Ids(_number(16, installation, "trace", root), _number(8, installation, "span", own))


def _number(size: int, *words: str) -> int:
    return int.from_bytes(blake2b("\0".join(words).encode(), digest_size=size).digest(), "big") or 1


def wanted() -> bool:
    """Whether the environment asks for traces."""
    asked = any(os.environ.get(name) for name in _SWITCHES)
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    return asked and not off


@contextmanager
def traced(installation: Installation) -> Iterator[None]:
    """Spans are sent where the environment asks for it, while the block lasts; `ConfigError` without the extra."""
    if not wanted():
        yield
        return
    provider = _provider()
    hub = installation.hub()
    leave = signals.listen(Tracing(provider, hub.installation, hub.connectors))
    try:
        yield
    finally:
        leave()
        provider.shutdown()


def _provider() -> TracerProvider:
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
    except ImportError as error:
        raise ConfigError("Traces are asked for, and OpenTelemetry is not installed.", remedy=_CONFIG) from error
    named = Resource.create({"service.name": "concord"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=named)
    shown = os.environ.get("OTEL_TRACES_EXPORTER") == "console"
    provider.add_span_processor(
        BatchSpanProcessor(ConsoleSpanExporter(out=sys.stderr) if shown else OTLPSpanExporter())
    )
    return provider


_inside: ContextVar[_Open | None] = ContextVar("concord_span", default=None)
"""The span that is under way in this thread."""


class _Open:
    """A span under way, and whether anything happened in it."""

    __slots__ = ("context", "moved", "span")

    def __init__(self, span: Any, context: SpanContext) -> None:
        self.span, self.context, self.moved = span, context, False


class Tracing:
    """A listener of `core.signals` that makes spans of what it hears."""

    def __init__(self, provider: TracerProvider, installation: str, connectors: Mapping[str, str]) -> None:
        """Spans go to the provider; `installation` makes their ids ours, `connectors` says which tool is which."""
        self._given = _GivenIds(provider.id_generator)
        provider.id_generator = self._given  # type: ignore[assignment]  # speaks like one; its base needs the extra
        self._tracer, self._sampler = provider.get_tracer("concord"), provider.sampler
        self._installation = installation
        self._connectors = dict(connectors)

    def told(self, what: str, facts: dict[str, Fact]) -> None:
        """What a connection's tool is; all else is no span."""
        if what == "opened":
            self._connectors[str(facts["connection"])] = str(facts["connector"])

    def began(self, span: Span) -> Callable[[], None]:
        """Begin a span. A turn has none: its runs tell what it did."""
        if span.what == "turn":
            return _nothing
        before = _inside.get()
        opened = self._open(span, before)
        token = _inside.set(opened)

        def ended() -> None:
            _inside.reset(token)
            if span.quiet and not opened.moved:
                # It did nothing, as most looks do; a span that is never ended is never sent.
                return
            if before is not None:
                before.moved = True
            self._tell(opened, span)

        return ended

    def _open(self, span: Span, before: _Open | None) -> _Open:
        from opentelemetry.trace import SpanKind

        origins = [self._context(one) for one in span.after[:MOST]]
        parent, linked = self._parent(span, origins, before)
        kind = {"call": SpanKind.CLIENT, "webhook": SpanKind.CONSUMER, "send": SpanKind.PRODUCER}.get(span.what)
        with self._given.be(ids(self._installation, span.own) if span.own is not None else None):
            made = self._tracer.start_span(
                self._name(span), context=_within(parent), kind=kind or SpanKind.INTERNAL, links=_links(linked)
            )
        opened = _Open(made, made.get_span_context())
        if len(origins) > 1:
            self._hand_on(span, origins, opened.context)
        return opened

    def _parent(
        self, span: Span, origins: list[SpanContext], before: _Open | None
    ) -> tuple[SpanContext | None, list[SpanContext]]:
        """What it is a part of, and what it is linked with.

        With one origin it is a part of that one's trace, wherever it runs; with several, of what it runs in.
        """
        around = before.context if before is not None else None
        if len(origins) == 1:
            return origins[0], [around] if around is not None and around.trace_id != origins[0].trace_id else []
        if span.what == "run":
            # Its trace is worked out from its own number, so it is nobody's part.
            return None, [*origins, *([around] if around is not None else [])]
        return around, origins

    def _hand_on(self, span: Span, origins: list[SpanContext], to: SpanContext) -> None:
        """In each origin's trace a word of where it goes on: links are followed in one direction only."""
        for one in origins:
            handed = self._tracer.start_span(
                f"{self._name(span)} (with others)", context=_within(one), links=_links([to])
            )
            handed.end()

    def _context(self, origin: Origin) -> SpanContext:
        from opentelemetry.trace import SpanContext, TraceFlags

        found = ids(self._installation, origin)
        # What another process has decided of this trace is decided again in the same way, by its id.
        decided = self._sampler.should_sample(None, found.trace, "origin").decision.is_sampled()  # type: ignore[no-untyped-call]
        flags = TraceFlags(TraceFlags.SAMPLED if decided else TraceFlags.DEFAULT)
        return SpanContext(found.trace, found.span, is_remote=True, trace_flags=flags)

    def _name(self, span: Span) -> str:
        if span.what == "call":
            return f"{span.facts['method']} {span.facts.get('endpoint', '')}".strip()
        return " ".join(str(span.facts[name]) for name in ("what", "stream") if span.facts.get(name)) or span.what

    def _tell(self, opened: _Open, span: Span) -> None:
        from opentelemetry.trace import StatusCode

        for name, value in span.facts.items():
            if value is not None:
                opened.span.set_attribute(_NAMES.get(name, f"concord.{name}"), value)
        connector = self._connectors.get(str(span.facts.get("connection")))
        if connector is not None:
            opened.span.set_attribute("concord.connector", connector)
        if span.code is not None:
            opened.span.set_attribute("error.type", span.code)
            opened.span.set_status(StatusCode.ERROR)
        opened.span.end()


_NAMES = {"method": "http.request.method", "endpoint": "url.template", "status": "http.response.status_code"}
"""Facts that OpenTelemetry has names for."""


class _GivenIds:
    """Makes ids as before, but for a span whose ids are given."""

    def __init__(self, before: Any) -> None:
        self._before = before
        self._given: ContextVar[Ids | None] = ContextVar("concord_ids", default=None)

    @contextmanager
    def be(self, given: Ids | None) -> Iterator[None]:
        """The next span has these."""
        token = self._given.set(given)
        try:
            yield
        finally:
            self._given.reset(token)

    def generate_trace_id(self) -> int:
        """128 bits."""
        given = self._given.get()
        return given.trace if given is not None else int(self._before.generate_trace_id())

    def generate_span_id(self) -> int:
        """64 bits."""
        given = self._given.get()
        return given.span if given is not None else int(self._before.generate_span_id())

    def is_trace_id_random(self) -> bool:
        """Not all of them are."""
        return False


def _within(context: SpanContext | None) -> Any:
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    return Context() if context is None else set_span_in_context(NonRecordingSpan(context), Context())


def _links(contexts: list[SpanContext]) -> Any:
    from opentelemetry.trace import Link

    return [Link(one) for one in contexts]


def _nothing() -> None:
    return
