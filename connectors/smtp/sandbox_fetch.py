"""What FETCH shows of a mail (RFC 3501, section 6.4.5): the items that are asked for, and no others."""

from __future__ import annotations

import re
from typing import Any

from connectors.smtp.sandbox_mail import Mail
from connectors.smtp.sandbox_search import NotUnderstood
from core.model.instant import moment

_SECTION = re.compile(
    r"BODY(?P<peek>\.PEEK)?\[(?P<section>|TEXT|HEADER|HEADER\.FIELDS(?P<not>\.NOT)? \((?P<names>[^)]*)\))\]"
    r"(?:<(?P<start>\d+)\.(?P<length>[1-9]\d*)>)?",
    re.IGNORECASE,
)
_PLAIN = ("UID", "FLAGS", "INTERNALDATE", "RFC822.SIZE")
_FAST = ["FLAGS", "INTERNALDATE", "RFC822.SIZE"]


def items(word: Any) -> list[str]:
    """The items of a FETCH, one or in brackets; `NotUnderstood` for what this server does not speak."""
    if word == "FAST":
        return list(_FAST)
    names = [str(one) for one in word] if isinstance(word, list) else [str(word)]
    unknown = [name for name in names if name.upper() not in _PLAIN and not _SECTION.fullmatch(name)]
    if unknown or not names:
        raise NotUnderstood(f"Unknown fetch item {unknown[:1]}")
    return names


def fetched(mail: Mail, wanted: list[str], *, keep_unseen: bool) -> bytes:
    """The items of one mail as they go over the line; a body that is shown without PEEK is seen from then on."""
    return b" ".join(_item(mail, name, keep_unseen) for name in wanted)


def _item(mail: Mail, name: str, keep_unseen: bool) -> bytes:
    plain = name.upper()
    if plain == "UID":
        return b"UID %d" % mail.uid
    if plain == "FLAGS":
        return b"FLAGS (%s)" % " ".join(sorted(mail.flags)).encode()
    if plain == "INTERNALDATE":
        return b'INTERNALDATE "%s"' % moment(mail.at).strftime("%d-%b-%Y %H:%M:%S +0000").encode()
    if plain == "RFC822.SIZE":
        return b"RFC822.SIZE %d" % len(mail.raw)
    asked = _SECTION.fullmatch(name)
    assert asked is not None  # noqa: S101 -- `items` let it pass
    if not asked["peek"] and not keep_unseen:
        mail.flags.add(r"\Seen")
    data = _section(mail.raw, asked)
    origin = ""
    if asked["start"] is not None:
        start = int(asked["start"])
        data, origin = data[start : start + int(asked["length"])], f"<{start}>"
    return b"BODY[%s]%s {%d}\r\n%s" % (asked["section"].upper().encode(), origin.encode(), len(data), data)


def _section(raw: bytes, asked: re.Match[str]) -> bytes:
    head, blank, text = raw.partition(b"\r\n\r\n")
    head += b"\r\n"
    section = asked["section"].upper()
    if section == "":
        return raw
    if section == "TEXT":
        return text
    if section == "HEADER":
        return head + (b"\r\n" if blank else b"")
    names = {name.lower() for name in asked["names"].split()}
    fields = re.findall(rb"[^\r\n]+\r\n(?:[ \t][^\r\n]*\r\n)*", head)
    kept = [one for one in fields if (one.split(b":")[0].decode().strip().lower() in names) != bool(asked["not"])]
    return b"".join(kept) + b"\r\n"
