"""What is tried of a mail server: a mailbox in which a few mails have come back, and somebody complained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors._kit.samples import HERE
from connectors._kit.stand_in import StandIn
from connectors.smtp.sandbox import Sandbox
from core.ports import Clock


@contextmanager
def opened(clock: Clock) -> Iterator[StandIn]:
    """The stand-in while it runs."""
    with Sandbox(clock=clock) as box:
        for one in HERE[3:6]:
            box.bounce(one.email)
        box.complain(HERE[6].email)
        box.write("About your offer", "Thank you, it came today.")
        # Its bounces are only read, and no trial sends mail.
        yield StandIn(box.settings(), (("127.0.0.1", box.smtp_port), ("127.0.0.1", box.imap_port)), lambda: ())
