"""What is tried of Mailchimp: an audience with a few members, one of whom has unsubscribed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors._kit.samples import HERE
from connectors._kit.stand_in import StandIn, over_http
from connectors.mailchimp.sandbox import Sandbox
from core.ports import Clock


@contextmanager
def opened(clock: Clock) -> Iterator[StandIn]:
    """The stand-in while it runs."""
    with Sandbox(clock=clock) as box:
        for one in HERE:
            named = {"email_address": one.email, "FNAME": one.first, "LNAME": one.last}
            made = box.create({**named, "tags": ("customer",) if one.number % 2 else ()})
            if one.number == 3:
                box.unsubscribe(made)
        yield over_http(box, {"api_key": box.api_key, "url": box.url, "audience": box.audience.id})
