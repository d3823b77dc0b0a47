"""What every installation of a test process would make anew, although it is the same for all of them: made once.

    statements     SQLAlchemy keeps what it compiled with the engine and knows it by its dialect
    templates      Jinja compiles a page's source when an environment first prints it
    doors          FastAPI reads each function's signature, and makes a reader for each of its parameters
    authorities    httpx reads the list of those that certificates are believed by

A hub that runs for days does each of these once. Each test opens a store and an application of its own, so most of
its time would go into doing the same again. Nothing else is shared: each engine keeps its own connections, events and
address, each environment its own filters and loaded templates, each application its own routes.
"""

from __future__ import annotations

import inspect
import os
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType
from typing import Any, get_args
from unittest.mock import patch

import httpx
from fastapi.dependencies.utils import _get_signature
from jinja2 import Environment
from pydantic import TypeAdapter
from sqlalchemy import Engine, create_engine, event

from connectors._kit.authorities import authorities

_STATEMENTS = 4_000
"""More than there are, so that none is compiled twice."""
_READY: dict[str, Engine] = {}
"""Dialect → the first engine that was connected: its dialect knows what the server can do."""
_TEMPLATES: dict[tuple[Any, ...], CodeType] = {}
"""What was compiled and how → its code, which knows no environment before it is run in one."""
_READERS: dict[tuple[Any, ...], TypeAdapter[Any]] = {}
"""Type and what is asked of its values → what reads them."""
_SIGNATURES: dict[tuple[CodeType, int], inspect.Signature] = {}
"""A function's code and the names it knows → what it asks for, its annotations as types."""


_compile_anew: Callable[..., Any] = Environment.compile
_read_anew: Callable[[Callable[..., Any]], inspect.Signature] = _get_signature


@contextmanager
def compiled_once() -> Iterator[None]:
    """Stores and applications that are opened meanwhile share what they compile."""
    with (
        patch("core.store.database.create_engine", _sharing),
        patch.object(Environment, "compile", _compile),
        patch("fastapi._compat.v2.TypeAdapter", _reader),
        patch("fastapi.dependencies.utils._get_signature", _signature),
        patch("httpx._transports.default.create_ssl_context", _trust),
    ):
        yield


def _sharing(url: str, **how: Any) -> Engine:
    engine = create_engine(url, query_cache_size=_STATEMENTS, **how)
    name = engine.dialect.name
    if name in _READY:
        engine.dialect, engine._compiled_cache = _READY[name].dialect, _READY[name]._compiled_cache
    else:
        event.listen(engine, "connect", lambda *_: _READY.setdefault(name, engine))
    return engine


def _compile(self: Environment, source: Any, name: str | None = None, filename: str | None = None, **how: Any) -> Any:
    """As Jinja does it; filters are known to the code by name, yet what never changes is filtered while compiling."""
    if not isinstance(source, str) or how:
        return _compile_anew(self, source, name, filename, **how)
    cut = (self.trim_blocks, self.lstrip_blocks, self.keep_trailing_newline, self.autoescape, self.undefined)
    known = (source, name, filename, *cut, *self.filters.items(), *self.tests.items(), *self.extensions)
    if known not in _TEMPLATES:
        _TEMPLATES[known] = _compile_anew(self, source, name, filename)
    return _TEMPLATES[known]


def _reader(annotated: Any, *, config: Any = None) -> TypeAdapter[Any]:
    """As Pydantic makes it; what is asked of a value (its default, its bounds) is compared as it is printed."""
    type_, *asked = get_args(annotated)
    known = (type_, repr(type_), *map(repr, asked), repr(config))
    try:
        if known not in _READERS:
            _READERS[known] = TypeAdapter(annotated, config=config)
    except TypeError:  # a type that cannot be looked up, as it carries something changeable
        return TypeAdapter(annotated, config=config)
    return _READERS[known]


def _signature(call: Callable[..., Any]) -> inspect.Signature:
    """As FastAPI reads it; a function that is made anew for each application keeps the defaults of its own."""
    function = getattr(call, "__func__", call)
    annotations = getattr(function, "__annotations__", {}).values()
    if not isinstance(function, FunctionType) or not all(isinstance(one, str) for one in annotations):
        return _read_anew(call)
    known = (function.__code__, id(function.__globals__))
    if known not in _SIGNATURES:
        _SIGNATURES[known] = _read_anew(function)
    defaults, read = _defaults(function), _SIGNATURES[known]
    asked = [one.replace(default=defaults.get(name, one.empty)) for name, one in read.parameters.items()]
    return read.replace(parameters=asked if call is function else asked[1:])


def _defaults(function: FunctionType) -> dict[str, Any]:
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    given = function.__defaults__ or ()
    return {**dict(zip(names[len(names) - len(given) :], given, strict=True)), **(function.__kwdefaults__ or {})}


def _trust(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
    """As httpx reads it; what a test believes or shows of its own is its own."""
    named = trust_env and (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR"))
    if verify is not True or cert is not None or named:
        return httpx.create_ssl_context(verify=verify, cert=cert, trust_env=trust_env)
    return authorities(trust_env=False)
