"""Posts: the body of a request as one text a field, whether a browser or a program sent it.

Nothing is judged here. Lists become words with commas between; `utm`, `consent` and `address` of a JSON body may be
objects. A file is not taken: its name stays in its place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from email import message_from_bytes
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

import orjson

from core.decide.leads import Posted
from core.errors import NotTaken
from core.model.consent import PREFIX

LARGEST = 65_536
"""Bytes of a body that are read."""
FIELDS = 200
"""So many fields are read."""

JSON = "application/json"
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


async def body_of(stream: AsyncIterator[bytes], length: str | None, largest: int = LARGEST) -> bytes:
    """The bytes of a request; `NotTaken` where they are more than a form has."""
    found = b""
    if length is not None and length.isdigit() and int(length) > largest:
        raise _too_large(largest)
    async for part in stream:
        found += part
        if len(found) > largest:
            raise _too_large(largest)
    return found


def posted(content_type: str, body: bytes, fields: int = FIELDS) -> Posted:
    """The fields of a body; `NotTaken` for what is none."""
    sort = content_type.partition(";")[0].strip().lower()
    if sort == JSON:
        return _of_json(body)
    if sort == MULTIPART:
        return _joined(_of_parts(content_type, body))
    if sort == URLENCODED or not sort:
        return _joined(_of_query(body, fields))
    raise NotTaken(f"A lead cannot be read from {sort[:60]!r}.", remedy=f"Post {JSON}, {URLENCODED} or {MULTIPART}.")


def _of_query(body: bytes, fields: int) -> Iterable[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=fields)
    except ValueError as error:
        raise NotTaken("The form has too many fields.", code="lead.too_large") from error


def _of_parts(content_type: str, body: bytes) -> Iterable[tuple[str, str]]:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = message_from_bytes(head + body, policy=HTTP)
    if not message.is_multipart():
        raise NotTaken("The parts of the form cannot be told apart.", remedy="Send it with its boundary.")
    for part in list(message.iter_parts())[:FIELDS]:
        name = part.get_param("name", header="content-disposition")
        file = part.get_filename()
        if not isinstance(name, str):
            continue
        content = part.get_payload(decode=True)
        text = content.decode("utf-8", "replace") if isinstance(content, bytes) else ""
        yield name, text if file is None else f"{file} (a file, which was not kept)" if file else ""


def _of_json(body: bytes) -> Posted:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise NotTaken("The body is no valid JSON.") from error
    if not isinstance(told, dict):
        raise NotTaken("The body is JSON, and no object.")
    inside = {"utm": "utm_", "consent": PREFIX, "address": ""}
    found: dict[str, str] = {}
    for name, value in list(told.items())[:FIELDS]:
        if name in inside and isinstance(value, Mapping):
            found |= {f"{inside[name]}{one}": _text(word) for one, word in list(value.items())[:FIELDS]}
        else:
            found[name] = _text(value)
    return found


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and not any(isinstance(one, dict | list) for one in value):
        return ", ".join(filter(None, map(_text, value)))
    return orjson.dumps(value).decode()


def _joined(pairs: Iterable[tuple[str, str]]) -> Posted:
    found: dict[str, list[str]] = {}
    for name, text in pairs:
        found.setdefault(name, []).append(text)
    return {name: ", ".join(filter(None, dict.fromkeys(texts))) for name, texts in found.items()}


def _too_large(largest: int) -> NotTaken:
    return NotTaken(f"More than {largest // 1024} KB were posted.", code="lead.too_large")
