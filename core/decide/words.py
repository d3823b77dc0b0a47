"""Words: by what people look records up, the words of what they call them.

A record is filed under each word of its name (`Shape.name_of`), in small letters and without accents, so that whoever
remembers a part of it finds it: `müll ann` finds Anna Müller. The store keeps the words in their order and gives back
whoever has one that begins alike; `holds` says of these who is meant.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache

from core.decide.keys import folded
from core.model.shape import Shape
from core.model.values import Values

_MARKS = {
    "owner": "o",
    "company": "f",
    "contact": "c",
    "deal": "d",
    "ticket": "t",
    "activity": "a",
    "document": "p",
    "payment": "m",
}
"""Kind → the letter before its words: whoever looks for a person does not meet all deals called alike. They are stored,
so none may ever become another's."""
_LONGEST, _MOST = 24, 12
"""Letters of a word, and words of a record, under which it is filed: a sentence for a name costs no more than this."""
_APART = re.compile(r"[^\w\s'\u2019`\u00b4]|_")
"""What parts words, but for the apostrophe: `Jean-Luc O'Néill` is jean, luc and oneill."""


@lru_cache(maxsize=8_192)
def words_in(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared, each once."""
    # Most names are letters and spaces, and a first load makes millions of them.
    is_plain = text.isascii() and text.replace(" ", "").isalnum()
    plain = text.lower() if is_plain else folded(_APART.sub(" ", text))
    return tuple(dict.fromkeys(word[:_LONGEST] for word in plain.split()))


def filed(kind: str, words: Collection[str]) -> list[bytes]:
    """Words as the store keeps them: as bytes, which every database sorts alike."""
    mark = _MARKS[kind]
    return [(mark + word).encode("utf-8", "surrogatepass") for word in words]


def words_of(shape: Shape, values: Values) -> list[bytes]:
    """The words under which a record is filed."""
    return filed(shape.kind, words_in(shape.name_of(values))[:_MOST])


def holds(shape: Shape, values: Values, asked: Collection[str]) -> int:
    """How well a record's name answers these words: 2 with each of them whole, 1 with what begins so, 0 not."""
    own = words_in(shape.name_of(values))
    if all(word in own for word in asked):
        return 2
    return 1 if all(any(one.startswith(word) for one in own) for word in asked) else 0
