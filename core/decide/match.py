"""Whose record is it: an existing one, a new one, or a question for a person.

The cases, in the order a person would ask: does one verified key name exactly one record? does its name? do
several weak signs together? Whatever names several records, or is contradicted by what else is known, is a
review; the first hit is never taken just because it came first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple

from core.decide.blocks import DEFAULT, Blocks
from core.decide.keys import Key, company_name, keys_of, names_of
from core.decide.likeness import WHOLLY, agree, last_names_differ, names_differ, same_company
from core.model.values import Values, is_blank

ALIKE = 0.9
"""Names this similar may be one name and a slip of the pen."""


class Candidate(NamedTuple):
    """A record that shares a key's digest.

    `tiers` are those that were hit, for the log. `taken`: another record of this connection and kind is bound to
    it already.
    """

    record_id: int
    values: Values
    tiers: tuple[str, ...] = ()
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """It is this record; `evidence` says why in words."""

    record_id: int
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class New:
    """It is not known. `duplicate_of`: the tool itself holds it twice; the other is bound to this record."""

    duplicate_of: int | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """It may be one of these records; a person says which, if any."""

    record_ids: tuple[int, ...]
    evidence: tuple[str, ...]


Match = Join | New | Ambiguous


class Weighed(NamedTuple):
    """What speaks for two records being one, and what against, in words."""

    speaks_for: tuple[str, ...]
    speaks_against: tuple[str, ...]


class _Hit(NamedTuple):
    candidate: Candidate
    keys: tuple[Key, ...]
    doubt: str | None
    """Why this may be another one after all."""


def match(
    kind: str,
    values: Values,
    keys: Sequence[Key],
    candidates: Iterable[Candidate],
    *,
    blocks: Blocks = DEFAULT,
) -> Match:
    """Decide from the candidates that share a digest; equal digests of different values do not count."""
    shared = _shared(kind, keys, candidates, blocks)
    for tier in ("verified", "named", "weak"):
        if blocks.says(kind, tier) == "ignore":
            continue
        hits = [
            _Hit(candidate, common, _doubt(kind, tier, values, candidate.values, common))
            for candidate, common in shared
            if any(key.tier == tier for key in common) and not _is_other(kind, tier, values, candidate.values)
        ]
        if len(hits) > 1 and tier == "verified":
            hits = _named_by_all(kind, values, hits)
        if hits:
            found = _decide(hits)
            if found is not None:
                return _asked(found) if blocks.says(kind, tier) == "ask" else found
    return New()


def weigh(kind: str, values: Values, other: Values, *, blocks: Blocks = DEFAULT) -> Weighed:
    """Two records side by side: which keys they share, and what in their names and addresses differs."""
    ((_, common),) = _shared(kind, keys_of(kind, values, blocks), [Candidate(0, other)], blocks)
    tiers = {key.tier for key in common}
    doubts = [_doubt(kind, tier, values, other, common) for tier in ("verified", "named", "weak") if tier in tiers]
    doubts += [_own_keys_differ(kind, values, other)] if kind in ("contact", "company") else []
    if kind == "contact":
        doubts.append(names_differ(names_of(values), names_of(other)))
    alike = ["same first and last name"] if kind == "contact" and agree(names_of(values), names_of(other)) else []
    against = dict.fromkeys(doubt for doubt in doubts if doubt is not None)
    return Weighed((*_evidence([_Hit(Candidate(0, other), common, None)]), *alike), tuple(against))


def _named_by_all(kind: str, values: Values, hits: list[_Hit]) -> list[_Hit]:
    """Of several that share an address, the one whose name is the same, where the names of all others differ.

    A couple may share an address, and one that was given up goes to somebody else: the name then says whose it is.
    """
    certain = [hit for hit in hits if hit.doubt is None]
    if len(certain) == 1 and _agree(kind, values, certain[0].candidate.values):
        return certain
    return hits


def _agree(kind: str, values: Values, other: Values) -> bool:
    if kind == "contact":
        return agree(names_of(values), names_of(other))
    mine, theirs = company_name(values.get("name") or ""), company_name(other.get("name") or "")
    return kind == "company" and bool(mine) and mine == theirs


def _decide(hits: Sequence[_Hit]) -> Match | None:
    """One certain record joins; several, or a doubtful one, are a question; None means to look on."""
    free = [hit for hit in hits if not hit.candidate.taken]
    if not free:
        certain = sorted(hit.candidate.record_id for hit in hits if hit.doubt is None)
        return New(duplicate_of=certain[0], evidence=_evidence(hits)) if certain else None
    if len(free) == 1 and free[0].doubt is None:
        return Join(free[0].candidate.record_id, _evidence(free))
    return Ambiguous(tuple(sorted({hit.candidate.record_id for hit in free})), _evidence(free))


def _asked(found: Match) -> Match:
    """What would join is a question, where an admin wants to be asked."""
    if not isinstance(found, Join):
        return found
    return Ambiguous((found.record_id,), (*found.evidence, "but such a match is to be asked about"))


def _shared(
    kind: str, keys: Sequence[Key], candidates: Iterable[Candidate], blocks: Blocks
) -> list[tuple[Candidate, tuple[Key, ...]]]:
    """Each candidate with the keys it really shares, keys that too many share left out."""
    wanted = {(key.name, key.value): key for key in keys}
    found = []
    for candidate in candidates:
        own = {(key.name, key.value) for key in keys_of(kind, candidate.values, blocks)}
        found.append((candidate, [name for name in wanted if name in own]))
    held = Counter(name for _, names in found for name in names)
    return [
        (candidate, tuple(wanted[name] for name in names if held[name] <= blocks.cap)) for candidate, names in found
    ]


def _is_other(kind: str, tier: str, values: Values, other: Values) -> bool:
    """Whether a weak sign is no sign: a couple with one phone, two companies whose names begin alike."""
    if tier != "weak":
        return False
    if kind == "company":
        mine, theirs = company_name(values.get("name") or ""), company_name(other.get("name") or "")
        # `Shop 12` is not `Shop 13` misspelt: numbers tell names apart.
        return _digits(mine) != _digits(theirs) or _ratio(mine, theirs) < ALIKE
    (first, last), (their_first, their_last) = names_of(values), names_of(other)
    if last and their_last and last != their_last:
        return True
    return bool(first and their_first) and not _same_first(first, their_first)


def _doubt(kind: str, tier: str, values: Values, other: Values, common: Sequence[Key]) -> str | None:
    """Why a person should look before the two are made one, or None."""
    if tier == "verified":
        return _contradiction(kind, values, other, common)
    if tier == "named":
        return _own_keys_differ(kind, values, other)
    if kind == "company":
        return "the names differ by a few letters"
    mine, theirs = names_of(values), names_of(other)
    if mine == theirs == ("", ""):
        return None
    if not mine[0] or not theirs[0]:
        return "one of the two has no first name"
    if len(common) == 1 and common[0].name == "inbox" and not (mine[1] and theirs[1]):
        return "one of the two has no last name"
    if len(common) == 1 and common[0].name == "name":
        return _own_keys_differ(kind, values, other)
    return None


def _contradiction(kind: str, values: Values, other: Values, common: Sequence[Key]) -> str | None:
    """One address or domain, but two people or companies: a couple shares it, or it has changed hands."""
    if kind == "contact":
        return _two_people(values, other, common)
    return _two_companies(values, other, common) if kind == "company" else None


def _two_people(values: Values, other: Values, common: Sequence[Key]) -> str | None:
    mine, theirs = names_of(values), names_of(other)
    if mine == theirs:
        return None
    differ = names_differ(mine, theirs)
    # Who marries keeps the address; who only shares the first name with its former owner has it alone.
    if differ is None and last_names_differ(mine, theirs) and not _stands(values, other, "email", common):
        return "the last names differ, and one of the two has this email only beside another"
    return differ


def _two_companies(values: Values, other: Values, common: Sequence[Key]) -> str | None:
    """A company trades under several names, so its present domain is believed whatever they are."""
    mine, theirs = company_name(values.get("name") or ""), company_name(other.get("name") or "")
    if not mine or not theirs or same_company(mine, theirs) or _stands(values, other, "domain", common):
        return None
    return f"{WHOLLY}, and one of the two has this domain only beside another"


def _stands(values: Values, other: Values, field: str, common: Sequence[Key]) -> bool:
    """Whether a shared key is the address that stands for both, and for neither one that it once had."""
    own = values.get(field)
    return own == other.get(field) and any(key.value == own for key in common)


def _own_keys_differ(kind: str, values: Values, other: Values) -> str | None:
    name = "domain" if kind == "company" else "email"
    mine, theirs = values.get(name), other.get(name)
    if is_blank(mine) or is_blank(theirs) or mine == theirs:
        return None
    return f"each has a different {name}"


def _same_first(one: str, other: str) -> bool:
    """The same first name, or its initial."""
    return one == other or (1 in {len(one), len(other)} and one[0] == other[0])


def _digits(name: str) -> str:
    return "".join(letter for letter in name if letter.isdigit())


def _ratio(one: str, other: str) -> float:
    """How similar two texts are, 0 to 1, whichever comes first."""
    if one > other:
        one, other = other, one
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _evidence(hits: Iterable[_Hit]) -> tuple[str, ...]:
    """What speaks for it and what against, in words, without saying anything twice."""
    said = []
    for hit in hits:
        said += [f"same {_WORDS.get(key.name, key.name)}" for key in hit.keys]
        said += [f"but {hit.doubt}"] if hit.doubt else []
    return tuple(dict.fromkeys(said))


_WORDS = {
    "inbox": "shared inbox",
    "phone": "phone and last name",
    "head": "beginning of the name",
    "tail": "end of the name",
}
