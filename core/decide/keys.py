"""By what a record is recognised: the keys under which it is filed and found again.

Keys have tiers. `verified`: one is enough (a person's email, a company's own domain). `named`: enough when
only one record has it (a company's name, without its legal form). `weak`: one of several signs together (a
phone number and a family name), or a reason to ask (a company's name that differs by a slip of the pen). The
store files digests and looks them up a page at a time; `core.decide.match` compares the real values before it
believes them.

Deals, tickets, activities, documents and payments have no keys: their names repeat, so they are the same in
two tools only where a tool says so.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from unicodedata import combining, normalize

from xxhash import xxh3_64_intdigest

from core.decide.blocks import DEFAULT, Blocks, listed
from core.model.values import Json, Values

TIERS = ("verified", "named", "weak")
"""From the strongest to the weakest."""


PROVING = {"contact": ("email",), "company": ("domain",), "owner": ("email",)}
"""Kind → the fields that prove who it is; many tools let no two of their records share them."""


class Key(NamedTuple):
    """One key. `digest` is a signed 64-bit number, the same in every process, of kind, name and `value`."""

    tier: str
    digest: int
    name: str
    value: str


def keys_of(kind: str, values: Values, blocks: Blocks = DEFAULT) -> tuple[Key, ...]:
    """The keys of a record; none for kinds that are never matched across tools."""
    if kind == "contact":
        return _contact_keys(values, blocks)
    if kind == "company":
        return _company_keys(values, blocks)
    if kind == "owner":
        return _owner_keys(values, blocks)
    return ()


def email_digest(kind: str, email: str) -> int:
    """The digest under which whoever of a kind has an email address is filed, unless the block lists name it."""
    return _key("verified", kind, "email", email).digest


def awaiting(kind: str, email: str) -> Json:
    """How a claim refers to whoever has an address, as long as nobody alone is known by it."""
    return {"by": "email", "of": kind, "id": email}


def awaited_digest(word: Json) -> int | None:
    """The key under which such a word is waited for; None for any other word."""
    return email_digest(word["of"], word["id"]) if isinstance(word, dict) and word.get("by") == "email" else None


def reach_of(kind: str, values: Values, blocks: Blocks = DEFAULT) -> tuple[int, ...]:
    """The digests under which a person is filed for whoever asks by an address or number that is no key by itself.

    Newcomers are never looked up by them: a household shares a number, and a team an inbox.
    """
    if kind != "contact":
        return ()
    phone, phones, emails = values.get("phone"), values.get("other_phones"), values.get("other_emails")
    points = [phone] if phone else []
    if phones:
        points += phones
    if emails:
        points += [one for one in emails if blocks.blocks_email(one)]
    return tuple([reach_digest(point) for point in points])


def reach_digest(point: str) -> int:
    """The digest of one such address or number."""
    return _key("reach", "contact", "reach", point).digest


def identity_digest(stream_id: int, value: Json) -> int:
    """The digest under which a tool's own lasting mark of a record is filed; it is a key in this one stream only."""
    return _key("verified", "identity", str(stream_id), str(value)).digest


def names_of(values: Values) -> tuple[str, str]:
    """A person's first and last name, folded; split at the last space where only the whole name is known."""
    first, last = values.get("first_name"), values.get("last_name")
    if not first and not last:
        whole = values.get("full_name") or values.get("name")
        if whole:
            first, _, last = whole.rpartition(" ")
    return (folded(first) if first else ""), (folded(last) if last else "")


def folded(text: str) -> str:
    """A name without case, accents and punctuation: `O'Néill` → `oneill`."""
    return text.lower() if text.isascii() and text.isalnum() else _folded(text)


@lru_cache(maxsize=8_192)
def _folded(text: str) -> str:
    plain = text.casefold()
    if not plain.isascii():
        # Twice, because taking letters apart shows capitals that had no small form, and the other way round.
        plain = normalize("NFKD", normalize("NFKD", plain).casefold())
        plain = "".join(one for one in plain if not combining(one))
    return " ".join(_MARKS.sub("", plain).split())


@lru_cache(maxsize=8_192)
def company_name(text: str) -> str:
    """A company's name as it is compared: folded, `and` for `&`, without `The` and its legal form."""
    words = folded(text.replace("&", " and ").replace("+", " and ").replace("-", " ").replace("/", " ")).split()
    if len(words) > 1 and words[0] == "the":
        words = words[1:]
    while len(words) > 1 and words[-1] in _LEGAL_FORMS:
        words = words[:-1]
        if len(words) > 1 and words[-1] == "and":
            words = words[:-1]
    return " ".join(words)


_MARKS = re.compile(r"[^\w\s]|_")
_LEGAL_FORMS = listed("""
    ab ag as aps asa bv co company corp corporation cv eg ek ev gbr gesmbh gmbh inc incorporated kft
    kg kgaa limited llc llp lp ltd mbh nv ohg oy oyj plc pte pty sa sarl sas sasu sl slu spa spzoo
    srl sro ug
""")

_SLIP_LETTERS = 5
"""A slip of the pen touches one end of a name with twice as many letters at most; the other finds it."""


_INBOX = ("weak", "contact", "inbox")


def _contact_keys(values: Values, blocks: Blocks) -> tuple[Key, ...]:
    get = values.get
    keys = []
    email = get("email")
    if email:
        # A shared inbox names nobody, but the same inbox with the same name, or none at all, is a sign.
        shared = blocks.blocks_email(email)
        keys.append(_key(*_INBOX, email) if shared else _key("verified", "contact", "email", email))
    others = get("other_emails")
    if others:
        keys += [_key("verified", "contact", "email", one) for one in others if not blocks.blocks_email(one)]
    first, last = names_of(values)
    phone = get("phone")
    if last:
        if phone and not blocks.blocks_phone(phone):
            keys.append(_key("weak", "contact", "phone", f"{phone} {last}"))
        work = get("company") or get("company_name")
        if work and first:
            keys.append(_key("weak", "contact", "name", f"{first} {last} at {_workplace(work)}"))
    return tuple(keys)


def _company_keys(values: Values, blocks: Blocks) -> tuple[Key, ...]:
    domains = [values.get("domain"), *(values.get("other_domains") or ())]
    keys = [
        _key("verified", "company", "domain", domain)
        for domain in domains
        if domain and not blocks.blocks_domain(domain)
    ]
    name = company_name(values.get("name") or "")
    if name:
        keys.append(_key("named", "company", "name", name))
        letters = name.replace(" ", "")
        if len(letters) >= 2 * _SLIP_LETTERS:
            keys.append(_key("weak", "company", "head", letters[:_SLIP_LETTERS]))
            keys.append(_key("weak", "company", "tail", letters[-_SLIP_LETTERS:]))
    return tuple(keys)


def _owner_keys(values: Values, blocks: Blocks) -> tuple[Key, ...]:
    keys = []
    email = values.get("email")
    if email and not blocks.blocks_email(email):
        keys.append(_key("verified", "owner", "email", email))
    name = folded(values.get("name") or "")
    if " " in name:
        # A first name alone names several people in most teams.
        keys.append(_key("named", "owner", "name", name))
    return tuple(keys)


def _workplace(work: Json) -> str:
    """A company by its id in the hub, its place in a tool, or its name."""
    if isinstance(work, str):
        return company_name(work)
    return f"{work['in']}/{work['stream']}/{work['id']}" if isinstance(work, dict) else f"#{work}"


def _key(tier: str, kind: str, name: str, value: str) -> Key:
    digest = xxh3_64_intdigest(f"{kind}|{name}|{value}".encode("utf-8", "surrogatepass"))
    # Past the named constructor, which takes as long as the rest together: a first load makes millions.
    return tuple.__new__(Key, (tier, digest if digest < _HALF else digest - _WHOLE, name, value))


_HALF, _WHOLE = 2**63, 2**64
