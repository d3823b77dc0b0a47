"""The seam between simple-salesforce and the kit: a session whose every call goes out through the kit's `Http`.

simple-salesforce 1.12 left alone signs in again without end after a 401 (`SFType`), drops extra headers on the
repeated call, has no timeout, no retries and no locks (tried out 2026-11-21). Here it never sees a 401: signing,
renewing, waiting, limits, errors and discretion are the kit's, and an error of the kit passes through it untouched.
Importing this takes a third of a second; only `client.py` does, at the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response, Session
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from simple_salesforce.api import Salesforce

from connectors._kit.http import Answer, Http

_OWN = frozenset({
    "authorization", "x-prettyprint", "user-agent", "accept", "accept-encoding", "connection", "content-length",
})  # fmt: skip
"""Headers that the kit sets itself, or that nobody needs; all others travel on."""


class Line:
    """One thread's `Salesforce`, and what is known of the call it is about to make."""

    def __init__(self, http: Callable[[], Http], instance_url: str, version: str) -> None:
        self.instance_url = instance_url
        self._adapter = _ThroughTheKit(http)
        session = Session()
        session.trust_env = False
        for scheme in ("https://", "http://"):
            session.mount(scheme, self._adapter)
        self.salesforce = Salesforce(
            session_id="kept by the kit", instance_url=instance_url, version=version, session=session
        )

    @property
    def reading(self) -> bool | None:
        """Whether the coming calls change nothing, whatever their method; None to go by the method."""
        return self._adapter.reading

    @reading.setter
    def reading(self, reading: bool | None) -> None:
        self._adapter.reading = reading


class _ThroughTheKit(BaseAdapter):
    def __init__(self, http: Callable[[], Http]) -> None:
        super().__init__()
        self._http = http
        self.reading: bool | None = None

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,  # noqa: ARG002 -- the kit reads every answer whole
        timeout: Any = None,  # noqa: ARG002 -- the kit has its own
        verify: Any = True,  # noqa: ARG002 -- likewise
        cert: Any = None,  # noqa: ARG002 -- likewise
        proxies: Mapping[str, str] | None = None,  # noqa: ARG002 -- likewise
    ) -> Response:
        """Make the call through the kit, at the address of the instance; its errors are raised as they are."""
        answer = self._http().request(
            request.method or "GET",
            _target(request.url or ""),
            content=request.body,
            headers={name: value for name, value in request.headers.items() if name.lower() not in _OWN},
            reading=self.reading,
        )
        return _Answered(request, answer)

    def close(self) -> None:
        """Nothing is held: the connections are the kit's."""


class _Answered(Response):
    """The kit's answer in the form that simple-salesforce reads."""

    def __init__(self, request: PreparedRequest, answer: Answer) -> None:
        super().__init__()
        self.status_code = answer.status
        self.headers = CaseInsensitiveDict(answer.headers)
        self.url = answer.url
        self.encoding = "utf-8"
        self.request = request
        self._content = answer.content
        self._answer = answer

    def json(self, **_kwargs: Any) -> Any:
        """The JSON that the kit has read already."""
        return self._answer.json()


def _target(url: str) -> str:
    """Path and query: simple-salesforce writes `https` before every address, and the kit knows the right one."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
