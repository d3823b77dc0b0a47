"""What SEARCH finds (RFC 3501, section 6.4.4), and which numbers a set means."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message

from connectors.smtp.sandbox_mail import Mail
from connectors.smtp.sandbox_words import Words
from core.model.instant import moment

Wanted = Callable[[int, Mail, Sequence[Mail]], bool]
"""(number, mail, all mails of the session) → whether it is meant."""

_SET = re.compile(r"(?:\d+|\*)(?::(?:\d+|\*))?(?:,(?:\d+|\*)(?::(?:\d+|\*))?)*")
_FLAGS = {"SEEN": r"\Seen", "ANSWERED": r"\Answered", "DELETED": r"\Deleted", "FLAGGED": r"\Flagged"}


class NotUnderstood(Exception):
    """The command is answered with BAD."""


def chosen(text: str, present: Iterable[int]) -> set[int]:
    """The numbers of a set; `*` is the largest there is, so that `5:*` always holds that one."""
    if not _SET.fullmatch(text):
        raise NotUnderstood("Invalid set")
    there = sorted(present)
    largest = there[-1] if there else 0
    found: set[int] = set()
    for part in text.split(","):
        ends = [largest if end == "*" else int(end) for end in part.split(":")]
        found |= {number for number in there if min(ends) <= number <= max(ends)}
    return found


def criteria(words: Words) -> Wanted:
    """The predicate of a SEARCH; all keys must hold."""
    if [str(word).upper() for word in words[:1]] == ["CHARSET"]:
        if str(words[1]).upper() not in ("UTF-8", "US-ASCII"):
            raise NotUnderstood("Unknown charset")
        words = words[2:]
    if not words:
        raise NotUnderstood("SEARCH takes criteria")
    rest = iter(words)
    wanted = [_key(word, rest) for word in rest]
    return lambda number, mail, view: all(one(number, mail, view) for one in wanted)


def _key(word: object, rest: Iterator[object]) -> Wanted:
    if isinstance(word, list):
        return criteria(word)
    name = str(word).upper()
    if _SET.fullmatch(name):
        return lambda number, _, view: number in chosen(name, range(1, len(view) + 1))
    if name == "ALL":
        return lambda *_: True
    if name in _FLAGS:
        return lambda _, mail, __: _FLAGS[name] in mail.flags
    if name.removeprefix("UN") in _FLAGS:
        return lambda _, mail, __: _FLAGS[name.removeprefix("UN")] not in mail.flags
    if name == "NOT":
        unwanted = _key(_next(rest), rest)
        return lambda number, mail, view: not unwanted(number, mail, view)
    if name == "OR":
        one, other = _key(_next(rest), rest), _key(_next(rest), rest)
        return lambda number, mail, view: one(number, mail, view) or other(number, mail, view)
    return _about(name, rest)


def _about(name: str, rest: Iterator[object]) -> Wanted:
    """Keys with a value."""
    value = str(_next(rest)) if name in _VALUED else ""
    if name == "UID":
        return lambda _, mail, view: mail.uid in chosen(value, [one.uid for one in view])
    if name == "HEADER":
        words = str(_next(rest)).lower()
        return lambda _, mail, __: any(words in text.lower() for text in _header(mail.raw, value))
    if name in ("FROM", "TO", "CC", "SUBJECT"):
        return lambda _, mail, __: any(value.lower() in text.lower() for text in _header(mail.raw, name))
    if name in ("TEXT", "BODY"):
        return lambda _, mail, __: value.lower() in _text(mail.raw, with_header=name == "TEXT").lower()
    if name in ("SINCE", "BEFORE", "ON"):
        day = _day(value)
        tests = {"SINCE": lambda at: at >= day, "BEFORE": lambda at: at < day, "ON": lambda at: at == day}
        return lambda _, mail, __: tests[name](moment(mail.at).date())
    if name in ("LARGER", "SMALLER"):
        size = int(value)
        return lambda _, mail, __: len(mail.raw) > size if name == "LARGER" else len(mail.raw) < size
    raise NotUnderstood(f"Unknown search key {name}")


_VALUED = frozenset(
    "UID HEADER FROM TO CC SUBJECT TEXT BODY SINCE BEFORE ON LARGER SMALLER".split()  # noqa: SIM905 -- reads better
)


def _next(rest: Iterator[object]) -> object:
    try:
        return next(rest)
    except StopIteration:
        raise NotUnderstood("A search key lacks its value") from None


def _day(text: str) -> object:
    try:
        return datetime.strptime(text, "%d-%b-%Y").replace(tzinfo=UTC).date()
    except ValueError:
        raise NotUnderstood("Invalid date") from None


def _header(raw: bytes, name: str) -> list[str]:
    return [str(make_header(decode_header(value))) for value in message_from_bytes(raw).get_all(name, [])]


def _text(raw: bytes, *, with_header: bool) -> str:
    """The words of a mail, decoded, those of mails inside it included."""
    mail = message_from_bytes(raw)
    head, _, body = raw.partition(b"\r\n\r\n")
    words = [body.decode("utf-8", "replace"), *(_decoded(part) for part in mail.walk())]
    return "\n".join([*([head.decode("utf-8", "replace")] if with_header else []), *words])


def _decoded(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
