"""Echo or news: what a reading says that the hub did not know, and since when.

A reading is compared with what the tool was known or told to hold, both translated to canonical values: what
is equal is an echo, whoever wrote it; what differs is a genuine edit and becomes a claim. Whether a reading
may be used at all (`is_news`, `is_stale`) and which moment an edit gets (`stamp_for`) stand here too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from core.decide.settle import element_key, strictness
from core.decide.skew import UNKNOWN, Skew, correct
from core.model.claim import Claim, Claims, Evidence, Stamp
from core.model.instant import SECOND, Instant
from core.model.shape import Shape
from core.model.values import Json, Values, is_blank


def heard(  # noqa: PLR0913 - a reading has many sides, and each is said by name
    shape: Shape,
    *,
    now: Values,
    before: Values | None,
    claims: Claims,
    stamp: Stamp,
    when_blank: Mapping[str, str],
    fields: Collection[str],
    said: Collection[str] | None = None,
    named: Collection[str] | None = None,
    named_stamp: Stamp | None = None,
) -> Claims | None:
    """The binding's claims after a reading, or None when it was an echo.

    `now` and `before` are the canonical values of the reading and of what was expected; `before` is None at
    first sight, when every value is a claim and a blank is none. `fields` are those the mapping reads; `said`
    those that a partial reading holds, the others being unchanged. Fields in `named` are known, from an event
    or a history, to have changed at `named_stamp`; the rest are stamped with `stamp`.

    Consent does not widen by replacing one's own word either: a status that is wider than the one claimed,
    and not granted by the person, leaves the claim as it was. The claims are then given back unchanged, not
    None, because the tool now holds what does not stand and must be told again.
    """
    if now == before:
        return None
    if before is None and not claims.values:
        return _first_sight(now, stamp, named, named_stamp)
    known = claims.values if before is None else before
    read = fields if said is None else [name for name in fields if name in said]
    changed = news(now, known, read, when_blank)
    if not changed:
        return None if before is not None else claims
    dated = _together(shape, named) if named else ()
    fresh = {}
    for name in _with_sides(shape, changed, now, known, read):
        own = named_stamp if named_stamp is not None and name in dated else stamp
        value = _or_none(now.get(name))
        declared = shape.fields.get(name)
        without: tuple[Json, ...] = ()
        if declared is not None and declared.is_set:
            whole = {**known, **{one: now.get(one) for one in read}}
            without = _taken_out(claims, name, known, whole, beside=declared.beside)
        if declared is not None and declared.rule == "strictest" and _widens(claims.get(name), value, own):
            continue
        if value is not None or without or name in changed:
            fresh[name] = Claim(value, own, without)
    return claims.renewed(fresh)


def news(now: Values, before: Values, read: Iterable[str], when_blank: Mapping[str, str]) -> list[str]:
    """The fields that are no echo: they differ, and are not a blank that the mapping ignores."""
    return [
        name
        for name in read
        if not _same(now.get(name), before.get(name))
        and (not is_blank(now.get(name)) or when_blank.get(name) == "clear")
    ]


def stamp_for(
    modified_at: Instant | None,
    read_at: Instant,
    last_read_at: Instant | None = None,
    skew: Skew = UNKNOWN,
    *,
    evidence: Evidence = Evidence.MODIFIED,
) -> Stamp:
    """When an edit was made, by our clock.

    With the tool's own stamp: that moment, back to the larger of the clock's uncertainty and the one second
    to which many tools cut their stamps; a stamp from the future counts as the moment of reading. Without
    one: some time since the last reading, or ever.
    """
    if modified_at is None:
        return Stamp(read_at, min(last_read_at or 0, read_at), Evidence.FIRST_SEEN)
    at = min(correct(modified_at, skew), read_at)
    return Stamp(at, at - max(skew.uncertainty, SECOND), evidence)


def is_news(kept_modified_at: Instant | None, reading_modified_at: Instant | None) -> bool:
    """Whether a reading may be newer than the one kept; both stamps are the tool's own, uncorrected.

    Equal stamps may hide a second edit within the same second, so only an older stamp is no news.
    """
    if kept_modified_at is None or reading_modified_at is None:
        return True
    return reading_modified_at >= kept_modified_at


def is_stale(began_at: Instant, wrote_at: Instant | None) -> bool:
    """Whether a reading began before our own latest write to that record had ended; it is read again."""
    return wrote_at is not None and began_at < wrote_at


def _first_sight(now: Values, stamp: Stamp, named: Collection[str] | None, named_stamp: Stamp | None) -> Claims:
    values = dict(now)
    if not all(values.values()):
        values = {name: value for name, value in values.items() if value or value == 0}
    if not named or named_stamp is None or named_stamp == stamp:
        return Claims(values, (stamp,))
    return Claims(values, (stamp, named_stamp), {name: 1 for name in values if name in named})


def _with_sides(
    shape: Shape, changed: Collection[str], now: Values, before: Values, read: Collection[str]
) -> list[str]:
    """The changed fields, and what is always claimed together with one of them."""
    together = dict.fromkeys(changed)
    for name in read:
        declared = shape.fields.get(name)
        main = declared.beside if declared else None
        if main is None or not (name in together or main in together):
            continue
        if name not in together and is_blank(now.get(name)) and not is_blank(before.get(name)):
            # A blank that the mapping ignores is not heard by this way round either.
            continue
        together[name] = None
        if main in read and not is_blank(now.get(main)):
            together[main] = None
    return list(together)


def _together(shape: Shape, named: Collection[str]) -> Collection[str]:
    """The named fields and those that are claimed together with one of them, under the same stamp."""
    pairs = [(name, declared.beside) for name, declared in shape.fields.items() if declared.beside]
    tied = [one for pair in pairs if pair[0] in named or pair[1] in named for one in pair if one]
    return {*named, *tied}


def _taken_out(claims: Claims, name: str, before: Values, now: Values, *, beside: str | None) -> tuple[Json, ...]:
    """The elements this source removed, now and earlier; moving one to the field beside removes nothing."""
    held = _elements(now, name, beside)
    lost = {element_key(element): element for element in claims.without.get(name, ())}
    lost |= _elements(before, name, beside)
    return tuple(element for key, element in sorted(lost.items()) if key not in held)


def _elements(values: Values, name: str, beside: str | None) -> dict[str, Json]:
    elements = list(values.get(name) or ())
    main = values.get(beside) if beside else None
    if not is_blank(main):
        elements.append(main)
    return {element_key(element): element for element in elements}


def _widens(claimed: Claim | None, value: Json, stamp: Stamp) -> bool:
    """Whether a new word would silently replace a narrower one of the same source."""
    if claimed is None or is_blank(claimed.value) or stamp.explicit:
        return False
    narrow = strictness(claimed.value)
    return narrow > 0 and (is_blank(value) or strictness(value) < narrow)


def _same(one: Json, other: Json) -> bool:
    """Equal, blank alike, or the same elements in another order."""
    if one == other:
        return True
    if isinstance(one, list) and isinstance(other, list):
        return sorted(map(element_key, one)) == sorted(map(element_key, other))
    return is_blank(one) and is_blank(other)


def _or_none(value: Json) -> Json:
    return None if is_blank(value) else value
