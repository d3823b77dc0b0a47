"""Pages of records in a tool's own web interface: an address template, checked, filled in, and made an address. Pure.

    {site}/lightning/r/{stream}/{id}/view
    https://app.example.com/contacts/{portal}/{id}

`{id}` is the record's id there, `{stream}` the stream's name, any other word a setting of the connection. What is put
in is quoted; a setting that is an address may stand at the beginning alone, and goes in as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

ID, STREAM = "id", "stream"
_WORD = re.compile(r"\{([^{}]*)\}")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def wrong(template: str, settings: Mapping[str, str]) -> str:
    """What is wrong with a template, in a sentence; '' where nothing is. `settings` name → type, as manifests say."""
    if any(one in _WORD.sub("", template) for one in "{}"):
        return "A brace is not closed, or not opened."
    if any(one.isspace() for one in template):
        return "There is a blank in it."
    words = _WORD.findall(template)
    if ID not in words:
        return "It does not say where the record's id goes: `{id}`."
    for word in words:
        if word not in (ID, STREAM) and word not in settings:
            return f"`{{{word}}}` is no setting of the connection."
        if settings.get(word) == "secret":
            return f"`{{{word}}}` is a secret, and stands in no address."
        if settings.get(word) == "url" and not template.startswith(f"{{{word}}}/"):
            return f"`{{{word}}}` is an address, and may only stand at the beginning, before a `/`."
    begins = _WORD.match(template)
    if begins is not None and settings.get(begins[1]) == "url":
        return ""
    return "" if _is_safe(_WORD.sub("x", template)) else "It does not begin with `https://` and the name of a server."


def filled(template: str, settings: Mapping[str, Any], stream: str) -> str:
    """A template with all but the id put in; '' where a setting that it needs is not said, or it is no safe address."""

    def put(found: re.Match[str]) -> str:
        if found[1] == ID:
            return found[0]
        value = stream if found[1] == STREAM else settings.get(found[1])
        if value in (None, ""):
            raise KeyError(found[1])
        text = str(value)
        if found.start() or "://" not in text:
            return quote(text, safe="")
        if any(one in text for one in "{}?#"):
            raise KeyError(found[1])
        return text.rstrip("/")

    try:
        made = _WORD.sub(put, template)
    except KeyError:
        return ""
    return made if _is_safe(_WORD.sub("x", made)) else ""


def address(page: str, remote_id: str) -> str:
    """The address of one record, by what `filled` gave; '' for nothing."""
    return page.replace(f"{{{ID}}}", quote(remote_id, safe="")) if page and remote_id else ""


def _is_safe(text: str) -> bool:
    """Encrypted, or on this machine; and not of somebody's name at a server."""
    try:
        parts = urlsplit(text)
        host, name = parts.hostname, parts.username
    except ValueError:
        return False
    if not host or name is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
