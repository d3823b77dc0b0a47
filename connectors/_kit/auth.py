"""Signing in with something that does not change: a key, a name and password, a bearer token.

An `Auth` gives headers and query parameters, and names its secrets so that they can be blotted out of
messages. What expires and is renewed lives in `oauth.py` and keeps the same protocol.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Protocol


class Auth(Protocol):
    """How calls are signed. Thread-safe."""

    def headers(self) -> Mapping[str, str]:
        """Headers to add to a call. May renew a token first; then it raises what renewing raises."""
        ...

    def params(self) -> Mapping[str, str]:
        """Query parameters to add to a call."""
        ...

    def renewed(self, headers: Mapping[str, str]) -> bool:
        """After a 401 on a call with these headers: whether there are now others worth one more try."""
        ...

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        ...


class _Fixed:
    """Headers and parameters that stay as they are."""

    def __init__(
        self,
        *secrets: str,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> None:
        self._secrets = secrets
        self._headers = dict(headers or {})
        self._params = dict(params or {})

    def headers(self) -> Mapping[str, str]:
        """Headers to add to a call."""
        return self._headers

    def params(self) -> Mapping[str, str]:
        """Query parameters to add to a call."""
        return self._params

    def renewed(self, headers: Mapping[str, str]) -> bool:  # noqa: ARG002 -- part of the protocol
        """Never: there is nothing to renew."""
        return False

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return self._secrets

    def __repr__(self) -> str:
        return f"{type(self).__name__}(•••)"


class NoAuth(_Fixed):
    """Nobody signs in."""

    def __init__(self) -> None:
        super().__init__()


class Bearer(_Fixed):
    """`Authorization: Bearer TOKEN`; another scheme where a tool has its own."""

    def __init__(self, token: str, *, scheme: str = "Bearer") -> None:
        super().__init__(token, headers={"Authorization": f"{scheme} {token}"})


class Basic(_Fixed):
    """A name and a password, UTF-8."""

    def __init__(self, name: str, password: str) -> None:
        packed = base64.b64encode(f"{name}:{password}".encode()).decode("ascii")
        super().__init__(password, packed, headers={"Authorization": f"Basic {packed}"})


class Key(_Fixed):
    """An API key in a header or, where a tool wants it so, in the query."""

    def __init__(self, key: str, *, header: str | None = None, param: str | None = None) -> None:
        if (header is None) == (param is None):
            raise ValueError("a key goes either into a header or into a query parameter")
        super().__init__(key, headers={header: key} if header else None, params={param: key} if param else None)
