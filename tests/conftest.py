"""What every test may use: a seed, fresh databases on real servers where there are any, and no way out.

Everything random in a run follows from one seed, printed in the report's header; `CONCORD_SEED=<it>` repeats
the run. Tests reach loopback only. A test that needs a server is skipped where none answers, or fails when
`CONCORD_REQUIRE_SERVICES=1` says that one is expected.
"""

from __future__ import annotations

import gc
import ipaddress
import logging
import os
import random
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NoReturn

import psycopg
import pytest
import redis
import structlog
from hypothesis import HealthCheck, settings
from psycopg import sql
from sqlalchemy import URL, make_url

from tests.compiled import compiled_once
from tests.installed import Installed, copied

# --- the seed


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed once, before worker processes start, and give it to hypothesis too."""
    chosen = os.environ.setdefault("CONCORD_SEED", str(secrets.randbelow(2**32)))
    # Sandboxes are on loopback, whichever database is used.
    os.environ.setdefault("CONCORD_ALLOW_PRIVATE", "true")
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = chosen


def pytest_report_header() -> str:
    """Say how to repeat this run."""
    return f"seed: {os.environ['CONCORD_SEED']} (repeat with CONCORD_SEED={os.environ['CONCORD_SEED']})"


@pytest.fixture
def seed() -> int:
    """The seed of this run, for `random.Random(seed)`."""
    return int(os.environ["CONCORD_SEED"])


@pytest.fixture
def rng(seed: int) -> random.Random:
    """A generator of this run's seed, fresh for each test, so that tests do not depend on their order."""
    return random.Random(seed)


# Deadlines are off because a busy machine is not a defect. `thorough` is for a long look at one law:
# CONCORD_HYPOTHESIS=thorough make test ARGS="-k fold"
_COMMON: dict[str, Any] = {
    "deadline": None,
    "derandomize": False,
    "print_blob": True,
    "suppress_health_check": [HealthCheck.too_slow],
}
settings.register_profile("ci", max_examples=60, **_COMMON)
settings.register_profile("thorough", max_examples=2000, **_COMMON)
settings.load_profile(os.environ.get("CONCORD_HYPOTHESIS", "ci"))


# --- no way out


def _is_near(host: object) -> bool:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).partition("%")[0]).is_loopback
    except ValueError:
        return str(host).endswith(".localhost")


def _stay_near(event: str, args: tuple[Any, ...]) -> None:
    if not event.startswith("socket."):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        host = address[0] if isinstance(address, tuple) else None  # anything else is a socket file
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    else:
        return
    if not _is_near(host):
        raise RuntimeError(
            f"A test tried to reach {host!r}; tests talk to loopback only. "
            "Use the tool's sandbox, or respx for a single call."
        )


# An audit hook sees every connection that Python code opens, whichever library does it, and cannot be undone.
sys.addaudithook(_stay_near)


# --- real servers


def _without(server: str, why: Exception, variable: str) -> NoReturn:
    reason = next(iter(str(why).strip().splitlines()), type(why).__name__)
    words = f"No {server} answers ({reason}). Start one, or name it in {variable}."
    if os.environ.get("CONCORD_REQUIRE_SERVICES") == "1":
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


def _plain(url: URL) -> str:
    """The address in the form the database's own client library reads."""
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def _postgres_server() -> URL | psycopg.Error:
    """The server's address, or why there is none; asked once a session."""
    url = make_url(os.environ.get("CONCORD_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/"))
    url = url.set(database=url.database or "postgres")
    try:
        psycopg.connect(_plain(url), connect_timeout=3).close()
    except psycopg.Error as error:
        return error
    return url


@pytest.fixture
def bare_postgres_url(_postgres_server: URL | psycopg.Error) -> Iterator[str]:
    """The SQLAlchemy URL of a fresh database without any table, dropped after the test."""
    server = _answering(_postgres_server)
    with _made(server) as url:
        yield url


@pytest.fixture(scope="session")
def _installed(_postgres_server: URL | psycopg.Error) -> Iterator[Installed]:
    with ExitStack() as opened:
        yield Installed(lambda: opened.enter_context(_made(_answering(_postgres_server))))


@pytest.fixture
def postgres_url(_installed: Installed) -> Iterator[str]:
    """The SQLAlchemy URL of a database with Concord's tables and nothing in them.

    A test process makes it once and empties it after each test: making one takes longer than most tests.
    """
    yield _installed.url()
    _installed.empty()


def _answering(server: URL | psycopg.Error) -> URL:
    if not isinstance(server, URL):
        _without("PostgreSQL", server, "CONCORD_TEST_POSTGRES")
    return server


@contextmanager
def _made(server: URL) -> Iterator[str]:
    name = f"concord_test_{secrets.token_hex(6)}"
    with psycopg.connect(_plain(server), autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        # Nobody cuts the power in a test of this server, and waiting for the disk is most of what one would wait for.
        admin.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(sql.Identifier(name)))
        try:
            yield server.set(database=name).render_as_string(hide_password=False)
        finally:
            # With force: a test that leaves a connection open must not leave its database behind too.
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


_CLAIMED = "concord:test:claimed"


@pytest.fixture
def redis_url() -> Iterator[str]:
    """The URL of a Redis database that held nothing, emptied after the test.

    It holds one key of ours, by which test processes running side by side keep out of each other's database.
    A database with anything in it is somebody's, and never touched.
    """
    server = os.environ.get("CONCORD_TEST_REDIS", "redis://127.0.0.1:6379").rstrip("/")
    for number in range(15, 0, -1):
        url = f"{server}/{number}"
        with redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=10) as client:
            try:
                if not client.set(_CLAIMED, "1", nx=True, ex=600):
                    continue
                if client.dbsize() != 1:
                    client.delete(_CLAIMED)
                    continue
            except redis.RedisError as error:
                _without("Redis", error, "CONCORD_TEST_REDIS")
            try:
                yield url
            finally:
                client.flushdb()
            return
    _without("empty Redis database", LookupError("all of 1 to 15 are in use"), "CONCORD_TEST_REDIS")


@pytest.fixture(scope="session", autouse=True)
def _made_once() -> Iterator[None]:
    """What each store would make anew, although it is the same for all of them."""
    with compiled_once(), copied():
        yield


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command sets logging up for its process; the next test finds it as it was."""
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    for one in logging.getLogger().handlers[:]:
        if type(one).__module__ == "api.logs":
            logging.getLogger().removeHandler(one)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow tests begin first, so that no worker is left alone with them at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """What is there before the first test stays to the end: the collector need not look at it after each."""
    gc.collect()
    gc.freeze()
