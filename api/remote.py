"""Remote: another hub, asked by its API with the key in `CONCORD_REMOTE_KEY`; what goes wrong is told with its remedy.

    CONCORD_REMOTE ▶ https, or this very machine ▶ asked ▶ answers
                                                    └▶ no such hub, a wrong certificate, a wrong key, an older hub …

The key comes by the environment only: what stands on a command line is read by everybody on the machine.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from api.client import TIMEOUT, Client, ProblemError
from core.errors import ConcordError, ConfigError, StoreError, register

ADDRESS, KEY = "CONCORD_REMOTE", "CONCORD_REMOTE_KEY"
for _code, _happened, _remedy in (
    ("remote.address", "The address of the other hub cannot be used.", f"Set {ADDRESS} to https:// and its name."),
    ("remote.key", "The other hub does not take the key.", f"Make one there (`concord keys add NAME`), and set {KEY}."),
    ("remote.older", "The other hub does not know what was asked for.", "Bring that hub to this version."),
    ("remote.other", "What answers there is no hub.", f"Set {ADDRESS} to where the hub itself is."),
    (
        "remote.certificate",
        "The other hub's certificate is not good.",
        "Mend it there, or name its maker's in SSL_CERT_FILE.",
    ),
    ("remote.away", "The other hub does not answer.", "See whether it is up, and whether it is reached from here."),
):
    register(_code, _happened, _remedy)


@contextmanager
def asked(address: str | None, key: str | None, *, http: httpx.Client | None = None) -> Iterator[Client]:
    """A client of a hub; every failure of it is a `ConfigError`, or a `StoreError` where trying again may help."""
    address, host = _place(address)
    if not key:
        raise ConfigError(
            f"There is no key for the hub at {host}.", code="remote.key",
            remedy=f"Make one there (`concord keys add NAME`), and set {KEY} in the environment.",
        )  # fmt: skip
    try:
        with Client(address, key, http=http) as hub:
            yield hub
    except ProblemError as error:
        raise _refused(error, host) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
        raise ConfigError(f"'{host}' is no address of a hub.", code="remote.address") from error
    except httpx.TimeoutException as error:
        words = f"The hub at {host} has not answered for {TIMEOUT:.0f} s."
        raise StoreError(words, code="remote.away") from error
    except httpx.HTTPError as error:
        raise _unreached(error, host) from error


def _place(address: str | None) -> tuple[str, str]:
    """The address, and its host as errors name it."""
    said = (address or "").strip()
    try:
        parts = urlsplit(said)
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, host, port = urlsplit(""), "", ""
    if not host or parts.scheme not in ("http", "https") or parts.username is not None:
        raise ConfigError(
            "No other hub is named." if not said else "This is no address of a hub.", code="remote.address",
            remedy=f"Set {ADDRESS} (or --hub) to where it is, such as https://hub.shop.example.",
        )  # fmt: skip
    if parts.scheme == "http" and not _is_here(host):
        raise ConfigError(
            f"The key would go to {host} in clear.", code="remote.address",
            remedy="Use https, or a tunnel to an address of this machine (`ssh -L 8321:127.0.0.1:8321 …`).",
        )  # fmt: skip
    return said, f"{host}{port}"


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refused(error: ProblemError, host: str) -> ConcordError:
    if error.code == "api.key":
        return ConfigError(f"The hub at {host} does not take this key: it was shut, has ended, or never was.",
                           code="remote.key")  # fmt: skip
    if error.code == "api.operation":
        return ConfigError(f"The hub at {host} is older than this program, and does not know what was asked for.",
                           code="remote.older")  # fmt: skip
    if not error.code:
        return ConfigError(f"What answers at {host} is no hub, or not the hub itself (status {error.status}).",
                           code="remote.other")  # fmt: skip
    places = [f"\n  line {one['line']}, column {one['column']}: {one['detail']} {one['remedy']}".rstrip()
              for one in error.errors if one.get("line")]  # fmt: skip
    words = f"{error.detail}{''.join(places)}"
    family = ConfigError if error.status < httpx.codes.INTERNAL_SERVER_ERROR else StoreError
    return family(words, code=error.code, remedy=error.remedy)


def _unreached(error: httpx.HTTPError, host: str) -> ConcordError:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ConfigError(
                f"The certificate of {host} is not good: {cause.verify_message}.", code="remote.certificate",
                remedy="Have it mended there. Where its maker is your own, name that one's in SSL_CERT_FILE.",
            )  # fmt: skip
        cause = cause.__cause__ or cause.__context__
    return StoreError(f"The hub at {host} is not reached: {error}.", code="remote.away")
