"""A stand-in for one Salesforce org on loopback: its interface, and the people and admins who work in it by hand.

It speaks versions 60.0 to 68.0 of the REST interface, Bulk 2.0 and the part of Tooling that makes fields, as
Salesforce's public documents and the published request set say (2021-01, read 2026-11-21), and knows nothing
of the connector. What the sources leave open is an attribute with `unconfirmed` in its line.
"""

from __future__ import annotations

from typing import Any

from connectors._kit.mischief import Mischief
from connectors.salesforce.sandbox_auth import Auth
from connectors.salesforce.sandbox_bulk import Bulk
from connectors.salesforce.sandbox_describe import Describe
from connectors.salesforce.sandbox_people import People
from connectors.salesforce.sandbox_reading import Reading
from connectors.salesforce.sandbox_tooling import Tooling
from core.ports import Clock

__all__ = ["Sandbox"]


class Sandbox(Auth, Describe, Reading, Tooling, Bulk, People):
    """One org: `with Sandbox(clock=clock) as box: Http(box.url, …)`."""

    def __init__(
        self, *, clock: Clock, mischief: Mischief | None = None, skew: int = 0, port: int = 0, daily: int | None = None
    ) -> None:
        line: dict[str, Any] = {"clock": clock, "mischief": mischief, "skew": skew, "port": port, "daily": daily}
        super().__init__(**line)
