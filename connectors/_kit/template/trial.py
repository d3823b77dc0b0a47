"""What is tried of Template before anybody gives a key: a few people in its stand-in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors._kit.samples import HERE
from connectors._kit.stand_in import StandIn, over_http
from connectors._kit.template.sandbox import API_KEY, TemplateSandbox
from core.ports import Clock


@contextmanager
def opened(clock: Clock) -> Iterator[StandIn]:
    """The stand-in while it runs."""
    with TemplateSandbox(clock=clock) as box:
        for one in HERE:
            box.keep(
                None,
                {"email": one.email, "name.first": one.first, "name.last": one.last, "phone": one.phone},
            )
        yield over_http(box, {"url": box.url, "api_key": API_KEY})
