"""Likeness: whether two names may be one person's, or one company's, spelt in two ways.

Asked where an address or a domain is shared already. An address is often shared by a couple, and goes to somebody
else when its owner leaves; a first name tells such people apart, a last name that changed does not. All names here
are folded (`core.decide.keys`).
"""

from __future__ import annotations

from functools import lru_cache

from core.decide.nicknames import one_persons

Names = tuple[str, str]
"""First and last name; blank where it is not known."""

FIRST_NAMES = "the first names differ"
WHOLLY = "the names are wholly different"

_SHORT_FORM = 3
"""Letters that a short form has at least (`rob` for `robert`)."""
_ENOUGH = 5
"""Letters that a name has at least for one wrong letter in it to be a slip: `tim` is not `tom` misspelt."""
_SPOKEN = (
    ("ph", "f"), ("ck", "k"), ("sch", "sh"), ("ou", "u"), ("oo", "u"), ("ks", "x"),
    ("c", "k"), ("q", "k"), ("j", "i"), ("y", "i"), ("w", "v"), ("z", "s"),
)  # fmt: skip
"""Letters that one language writes where another one writes others; the longer ones first."""
_ANOTHERS = ("a", "e", "s", "ina", "ine", "ette")
"""Endings that make another name, a woman's of a man's mostly: `martina` is no longer form of `martin`."""


def names_differ(mine: Names, theirs: Names) -> str | None:
    """What in two people's names speaks against their being one, in words; None where nothing does."""
    (first, last), (their_first, their_last) = mine, theirs
    if not first or not their_first or same_first(first, their_first) or _rearranged(mine, theirs):
        return None
    return WHOLLY if last and their_last and not _same_last(last, their_last) else FIRST_NAMES


def last_names_differ(mine: Names, theirs: Names) -> bool:
    """Whether both last names are known and are not the same, however the names were typed in."""
    return bool(mine[1] and theirs[1]) and not _same_last(mine[1], theirs[1]) and not _rearranged(mine, theirs)


def agree(mine: Names, theirs: Names) -> bool:
    """Whether both first names are known and are one person's, and the last names do not differ."""
    both = bool(mine[0] and theirs[0])
    return both and names_differ(mine, theirs) is None and not last_names_differ(mine, theirs)


def same_first(one: str, other: str) -> bool:
    """Whether two first names may be one person's: equal, an initial, a short form, a slip, one of several.

    Spellings of one sound are one name, too: `yara` and `jara`, `sofia` and `zofia`.
    """
    if one == other or one_persons(one, other) or _sound(one) == _sound(other):
        return True
    if " " in one or " " in other:
        parts, others = one.split(), other.split()
        return not {*parts}.isdisjoint(others) or same_first(parts[0], others[0])
    if min(len(one), len(other)) == 1:
        return one[0] == other[0]
    return _short_form(one, other) or _slip(one, other)


def same_company(one: str, other: str) -> bool:
    """Whether two names, without their legal forms, may be one company's: the words of one are all in the other."""
    words, others = {*one.split()}, {*other.split()}
    return one.replace(" ", "") == other.replace(" ", "") or words <= others or others <= words or _slip(one, other)


def _same_last(one: str, other: str) -> bool:
    """A double name is either of its halves, too."""
    return one == other or not {*one.split()}.isdisjoint(other.split()) or _slip(one, other)


def _rearranged(mine: Names, theirs: Names) -> bool:
    """The same words, typed into other columns."""
    words, others = {*" ".join(mine).split()}, {*" ".join(theirs).split()}
    if words <= others or others <= words:
        return True
    return all((*mine, *theirs)) and same_first(mine[0], theirs[1]) and _same_last(mine[1], theirs[0])


def _short_form(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return len(short) >= _SHORT_FORM and long.startswith(short) and long[len(short) :] not in _ANOTHERS


@lru_cache(maxsize=8_192)
def _sound(name: str) -> str:
    """About how a name is spoken, in whichever language it was written down."""
    for written, spoken in _SPOKEN:
        name = name.replace(written, spoken)
    name = name[:1] + name[1:].replace("h", "")
    name = "".join(letter for at, letter in enumerate(name) if letter != name[at - 1 : at])
    return f"{name[:-1]}a" if name.endswith("e") else name


def _slip(one: str, other: str) -> bool:
    """One letter wrong, too much or swapped, inside the word: people see a wrong beginning, and an end means much."""
    if abs(len(one) - len(other)) > 1 or min(len(one), len(other)) < _SHORT_FORM:
        return False
    if (one[0], one[-1]) != (other[0], other[-1]):
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest, others = one[start:], other[start:]
    if len(rest) != len(others):
        return rest[1:] == others or others[1:] == rest
    swapped = rest[:2] == others[1::-1] and rest[2:] == others[2:]
    return swapped or (rest[1:] == others[1:] and len(one) >= _ENOUGH)
