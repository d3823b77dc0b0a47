"""Block lists: addresses, numbers and domains that many people share and nobody is known by.

Shared inboxes are data below. The domains of mail providers and page hosts are in `mappings/blocks.yaml`, where an
admin adds to them; whoever reads the file hands its text to `load_blocks`:

    emails: [test@*, "*@internal.example", "probe-*@shop.example"]
    phones: ["+440000*"]
    domains: [shared-host.example]
    cap: 20
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from ruamel.yaml.error import YAMLError

from core.errors import ConfigError
from core.model.yaml_reader import yaml_reader


def listed(words: str) -> frozenset[str]:
    """A set of words, written with spaces between them."""
    return frozenset(words.split())


SHARED_INBOXES = listed("""
    abuse accounting accounts admin administration billing bookings careers contact contacto customerservice
    donotreply do-not-reply empfang enquiries finance frontdesk hallo hello help helpdesk hr info inquiries
    invoice invoices jobs kontakt mail mailer-daemon marketing nobody no-reply none noreply office orders
    payments postmaster press privacy purchasing rechnung rechnungen reception reservations root sales service
    shop spam support team test testing unknown ventas vertrieb webmaster zentrale
""")
"""What stands before the `@` of an inbox that is nobody's own."""


_FILED = 2
"""Which version of this program files the keys: another one files what is known anew."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """What is no key. `cap`: a key that more records hold is shared by many people and does not match."""

    inboxes: frozenset[str] = SHARED_INBOXES
    domains: frozenset[str] = frozenset()
    mail_domains: frozenset[str] = frozenset()
    emails: re.Pattern[str] | None = None
    phones: re.Pattern[str] | None = None
    cap: int = 20
    allowed: re.Pattern[str] | None = None
    """Addresses, numbers and domains that count although a list names them."""
    tiers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """(kind, tier) → what a match by it may do (`core.decide.matching`), where that is not to join."""

    @property
    def mark(self) -> str:
        """The same for lists that say the same."""
        lists = [sorted(self.inboxes), sorted(self.domains), sorted(self.mail_domains)]
        patterns = [one.pattern if one else "" for one in (self.emails, self.phones, self.allowed)]
        said = (lists, patterns, self.cap, sorted(self.tiers.items()), _FILED)
        return blake2b(repr(said).encode(), digest_size=8).hexdigest()

    def says(self, kind: str, tier: str) -> str:
        """What a match by a tier of keys may do: join, ask or ignore."""
        return self.tiers.get((kind, tier), "join")

    def allows(self, word: str) -> bool:
        """Whether an address, number or domain counts, whatever the lists say."""
        return self.allowed is not None and self.allowed.match(word) is not None

    def blocks_email(self, email: str) -> bool:
        """Whether an address is nobody's own, or no address at all."""
        inbox, _, domain = email.partition("@")
        if self.allows(email):
            return False
        if inbox in self.inboxes or domain in self.mail_domains:
            return True
        return self.emails is not None and self.emails.match(email) is not None

    def blocks_phone(self, phone: str) -> bool:
        """Whether a number was only typed to fill the field: too short, or one digit over and over."""
        if self.allows(phone):
            return False
        if len(phone) < 7 or phone[-6:] == phone[-1] * 6:
            return True
        return self.phones is not None and self.phones.match(phone) is not None

    def blocks_domain(self, domain: str) -> bool:
        """Whether a domain belongs to a provider and not to the company that uses it."""
        return (domain in self.domains or domain in self.mail_domains) and not self.allows(domain)


DEFAULT = Blocks()


@lru_cache(maxsize=8)
def load_blocks(text: str, *, file: str) -> Blocks:
    """The defaults and what a YAML file adds to them; `ConfigError` for a file that cannot be understood.

    A text is read once: each change of the configuration asks for it again.
    """
    try:
        content = yaml_reader().load(text) or {}
    except YAMLError as error:
        raise ConfigError(f"{file} is not valid YAML: {error}") from error
    if not isinstance(content, dict) or not content.keys() <= {"emails", "phones", "domains", "cap"}:
        raise ConfigError(f"{file}: a block list has `emails`, `phones`, `domains` and `cap`, nothing else")
    cap = content.get("cap", DEFAULT.cap)
    if not isinstance(cap, int) or cap < 1:
        raise ConfigError(f"{file}: `cap` is a whole number, at least 1")
    emails, phones, domains = (_patterns(content, name, file) for name in ("emails", "phones", "domains"))
    return extended(DEFAULT, emails=emails, phones=phones, domains=domains, cap=cap)


def extended(
    blocks: Blocks,
    *,
    emails: Sequence[str] = (),
    phones: Sequence[str] = (),
    domains: Iterable[str] = (),
    allow: Iterable[str] = (),
    cap: int | None = None,
    tiers: Mapping[tuple[str, str], str] | None = None,
) -> Blocks:
    """A block list with more on it; `*` stands for anything."""
    return replace(
        blocks,
        inboxes=blocks.inboxes | {one.removesuffix("@*") for one in emails if _is_inbox(one)},
        domains=blocks.domains | set(domains),
        mail_domains=blocks.mail_domains | {one.removeprefix("*@") for one in emails if _is_domain(one)},
        emails=_any_of((one for one in emails if not _is_inbox(one) and not _is_domain(one)), blocks.emails),
        phones=_any_of(phones, blocks.phones),
        allowed=_any_of(allow, blocks.allowed),
        cap=blocks.cap if cap is None else cap,
        tiers={**blocks.tiers, **(tiers or {})},
    )


def _patterns(content: dict[str, Any], name: str, file: str) -> list[str]:
    listed = content.get(name) or []
    if not isinstance(listed, list) or not all(isinstance(one, str) and one for one in listed):
        raise ConfigError(f"{file}: `{name}` is a list of texts; `*` stands for anything")
    return [one.strip().lower() for one in listed]


def _is_inbox(pattern: str) -> bool:
    return pattern.endswith("@*") and not set(pattern[:-2]) & set("*?[")


def _is_domain(pattern: str) -> bool:
    return pattern.startswith("*@") and not set(pattern[2:]) & set("*?[")


def _any_of(patterns: Iterable[str], earlier: re.Pattern[str] | None) -> re.Pattern[str] | None:
    listed = [*([earlier.pattern] if earlier else []), *(translate(pattern) for pattern in patterns)]
    return re.compile("|".join(listed)) if listed else None
