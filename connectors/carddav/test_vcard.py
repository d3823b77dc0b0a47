"""The laws of reading and editing cards, on random cards and on those of real address books."""

from __future__ import annotations

from pathlib import Path

import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st

from connectors._kit.dav.contentline import escape, joined, parts, split, unescape
from connectors._kit.dav.dialect import MemberError
from connectors.carddav.editing import edit, new
from connectors.carddav.vcard import CardError, read
from core.model.instant import from_iso
from core.model.values import Json
from core.ports import Fields

PAYLOADS = Path(__file__).parent / "payloads"
APPLE = (PAYLOADS / "apple.vcf").read_bytes().decode()

# Anything XML can carry, but no outer white space (readers trim) and no lone carriage return (it becomes a newline).
TEXT = (
    st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), max_size=80)
    .map(str.strip)
    .filter(lambda text: text and not text.lower().startswith(("tel:", "mailto:")))
)
WORDS = st.lists(TEXT, max_size=4, unique=True)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("fn", "nickname", "title", "note", "url", "org", "department", "x-hub-stage"), TEXT),
        "n.given": TEXT | st.none(),
        **dict.fromkeys(("n.family", "n.suffix", "adr.street", "adr.city"), TEXT),
        "email": TEXT,
        "other_emails": WORDS,
        "phone": TEXT,
        "other_phones": WORDS,
        "categories": WORDS,
        "bday": st.dates().map(lambda day: day.isoformat()),
    },
)
LINES = st.lists(
    st.sampled_from(
        [
            "FN:Anna Berg", "N:Berg;Anna;;Dr.;", "N:Berg;Anna,Maria", "EMAIL;TYPE=work:a@x.test",
            "item1.EMAIL;type=INTERNET;type=pref:b@x.test", "item1.X-ABLabel:_$!<Other>!$_", "EMAIL;PREF=1:c@x.test",
            "EMAIL;TYPE=\"home,pref\":d@x.test", "TEL;TYPE=CELL:+44 20 7946 0000", "TEL;VALUE=uri:tel:+44-20-7946-0001",
            "TEL;TYPE=FAX:1", "ADR;TYPE=home:;;1 High St\\, Flat 2;London;;N1;UK", "ADR;LABEL=\"1; Low:St\":;;Low St;",
            "ORG:Acme;Sales;West", "ORG:", "CATEGORIES:a,b\\,c", "categories:b", "NOTE:one\\ntwo", "NOTE;LANGUAGE=en:x",
            "BDAY:19960415", "BDAY:--0415", "BDAY;X-APPLE-OMIT-YEAR=1604:1604-04-15", "REV:20260101T000000Z",
            "X-CUSTOM;A=b:c", "PHOTO;ENCODING=b;TYPE=JPEG:AAAA\n BBBB\n CCCC", "UID:1", "no colon here", "URL:https://x.test/?a=1;b",
            "NOTE:" + "long " * 30 + "\n\tand folded", "", "TEL:", "x.y.z:w", ";;;:", "item2.URL:https://y.test",
        ]
    ),
    max_size=25,
)  # fmt: skip


@st.composite
def cards(draw: st.DrawFn) -> str:
    version = draw(st.sampled_from(["3.0", "4.0", "2.1"]))
    end = draw(st.sampled_from(["\r\n", "\n"]))
    lines = ["BEGIN:VCARD", f"VERSION:{version}", *draw(LINES), "END:VCARD", ""]
    return "\n".join(lines).replace("\n", end)


def at(fields: Fields, path: str) -> Json:
    group, _, name = path.rpartition(".")
    return fields.get(group, {}).get(name) if group else fields.get(path)


@given(st.text() | cards())
def test_lines_put_together_are_the_text_they_came_from(text: str) -> None:
    assert joined(split(text)) == text


@given(st.text() | LINES.map("\n".join) | cards().map(lambda card: card[:-20]))
def test_reading_never_fails_but_in_one_way(text: str) -> None:
    for whole in (text, f"BEGIN:VCARD\n{text}\nEND:VCARD"):
        try:
            assert read(whole).fields["card"] == whole
        except CardError:
            continue


@given(TEXT)
def test_escaped_text_reads_back(text: str) -> None:
    assert unescape(escape(text)) == text
    assert parts(f"{escape(text)};{escape(text)}", ";") == [escape(text)] * 2


@given(cards())
def test_an_edit_of_nothing_is_the_same_card(card: str) -> None:
    assert edit(card, {}, revision="20261121T090000Z") == card


@given(cards())
def test_an_edit_to_what_stands_already_is_the_same_card(card: str) -> None:
    fields = {name: value for name, value in read(card).fields.items() if name not in ("uid", "card", "bday_text")}
    assert edit(card, fields, revision="20261121T090000Z") == card


@given(cards(), CHANGES)
def test_what_was_edited_reads_back(card: str, changes: Fields) -> None:
    after = read(edit(card, changes)).fields
    for name, value in changes.items():
        if name.startswith("other_"):
            first = after.get("email" if name == "other_emails" else "phone")
            # Where nothing is preferred, the first of the others is.
            expected = {item for item in value if item != first}
            assert set(after.get(name, [])) == expected
        elif name == "categories":
            assert set(after.get(name, [])) == set(value)
        else:
            assert at(after, name) == value


@given(cards(), CHANGES)
def test_a_repeated_edit_changes_nothing_more(card: str, changes: Fields) -> None:
    once = edit(card, changes)
    assert edit(once, changes) == once


OWNERS = {
    "fn": "FN", "nickname": "NICKNAME", "title": "TITLE", "note": "NOTE", "url": "URL", "org": "ORG",
    "department": "ORG", "x-hub-stage": "X-HUB-STAGE", "email": "EMAIL", "other_emails": "EMAIL", "phone": "TEL",
    "other_phones": "TEL", "categories": "CATEGORIES", "bday": "BDAY", "n.given": "N", "n.family": "N",
    "n.suffix": "N", "adr.street": "ADR", "adr.city": "ADR",
}  # fmt: skip


@given(cards(), CHANGES)
def test_lines_not_concerned_stay_byte_for_byte(card: str, changes: Fields) -> None:
    concerned = {OWNERS[name] for name in changes} | {"FN", "REV", "X-ABLABEL"}

    def others(text: str) -> list[str]:
        return [line.raw for line in split(text) if line.name not in concerned]

    assert others(edit(card, changes, revision="20261121T090000Z")) == others(card)


@given(CHANGES)
def test_a_new_card_is_read_alike_by_an_independent_library(changes: Fields) -> None:
    card = new("uid-1", changes)
    other = vobject.readOne(card)
    assert other.uid.value == "uid-1"
    assert other.fn.value.strip()
    for name in ("title", "note", "nickname"):
        if name in changes:
            assert getattr(other, name).value.strip() == changes[name]
    if changes.get("email"):
        assert changes["email"] in [line.value.strip() for line in other.contents["email"]]


@given(cards(), CHANGES)
def test_no_line_is_longer_than_the_standard_allows_after_an_edit(card: str, changes: Fields) -> None:
    known = {line.raw for line in split(card)}
    for line in split(edit(card, changes)):
        if line.raw not in known and "QUOTED-PRINTABLE" not in line.raw:
            assert all(
                len(row.encode()) <= 75 for row in line.raw.rstrip("\r\n").split("\r\n" if "\r" in card else "\n")
            )


def changed_lines(before: str, after: str) -> tuple[list[str], list[str]]:
    old, now = split(before), split(after)
    return (
        [line.raw.strip() for line in old if line.raw not in [one.raw for one in now]],
        [line.raw.strip() for line in now if line.raw not in [one.raw for one in old]],
    )


def test_an_apple_card_reads_as_people_see_it() -> None:
    fields, revised_at, is_group = read(APPLE)
    assert not is_group
    assert revised_at == from_iso("2026-03-01T08:30:00Z")
    assert fields["n"] == {"family": "O'Neil, Jr", "given": "Zoë", "prefix": "Dr."}
    assert (fields["email"], fields["other_emails"]) == (
        "zoe@work.example",
        ["zoe@home.example", "old@home.example"],
    )
    assert (fields["phone"], fields["other_phones"]) == ("+44 20 7946 0000", ["07700 900123"])
    assert (fields["org"], fields["department"]) == ("Acme; Sons", "Sales")
    assert fields["adr"] == {
        "street": "1 High Street\nFlat 2", "city": "London", "postal_code": "N1 9GU", "country": "United Kingdom",
    }  # fmt: skip
    assert fields["categories"] == ["VIP", "friends, old"]
    assert "bday" not in fields
    assert fields["bday_text"] == "1604-04-15"
    assert fields["x-hub-stage"] == "lead"


def test_an_address_that_becomes_the_preferred_one_keeps_its_line() -> None:
    after = edit(APPLE, {"email": "zoe@home.example", "other_emails": ["zoe@work.example", "old@home.example"]})
    assert changed_lines(APPLE, after) == (
        [
            "EMAIL;type=INTERNET;type=WORK;type=pref:zoe@work.example",
            "item1.EMAIL;type=INTERNET:zoe@home.example",
        ],
        [
            "EMAIL;type=INTERNET;type=WORK:zoe@work.example",
            "item1.EMAIL;type=INTERNET;TYPE=pref:zoe@home.example",
        ],
    )
    assert after == edit(APPLE, {"email": "zoe@home.example"})


def test_removing_one_of_the_others_removes_its_line_and_label_only() -> None:
    after = edit(APPLE, {"other_emails": ["old@home.example"]})
    assert changed_lines(APPLE, after) == (
        ["item1.EMAIL;type=INTERNET:zoe@home.example", "item1.X-ABLabel:Skiing club"],
        [],
    )


def test_a_new_preferred_address_leaves_the_old_one_its_parameters() -> None:
    others = ["zoe@work.example", "zoe@home.example", "old@home.example"]
    after = edit(APPLE, {"email": "zoe@new.example", "other_emails": others})
    assert changed_lines(APPLE, after) == (
        ["EMAIL;type=INTERNET;type=WORK;type=pref:zoe@work.example"],
        ["EMAIL;type=INTERNET;type=WORK:zoe@work.example", "EMAIL;TYPE=pref:zoe@new.example"],
    )
    assert read(after).fields["email"] == "zoe@new.example"


def test_an_address_that_is_replaced_is_replaced_where_it_stood() -> None:
    after = edit(APPLE, {"email": "zoe@new.example"})
    assert changed_lines(APPLE, after)[1] == ["EMAIL;type=INTERNET;type=WORK;type=pref:zoe@new.example"]


def test_a_number_in_another_spelling_keeps_its_line() -> None:
    after = edit(APPLE, {"phone": "+442079460000", "other_phones": ["+447700900123"]})
    assert changed_lines(APPLE, after)[1] == [
        "TEL;type=WORK;type=VOICE;type=pref:+442079460000",
        "TEL;type=CELL;type=VOICE:+447700900123",
    ]
    assert "TEL;type=WORK;type=FAX:+44 20 7946 9999" in after


def test_the_shown_name_follows_the_name_it_was_made_of() -> None:
    card = new("1", {"n.given": "Anna", "n.family": "Berg"})
    assert read(edit(card, {"n.family": "Holm"})).fields["fn"] == "Anna Holm"
    own = edit(card, {"fn": "Annie!"})
    assert read(edit(own, {"n.family": "Holm"})).fields["fn"] == "Annie!"


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"n.given": "Anna"}, "Anna"),
        ({"org": "Acme"}, "Acme"),
        ({"email": "a@x.test"}, "a@x.test"),
        ({}, "Unnamed"),
    ],
)
def test_a_card_always_has_a_name_to_show(changes: Fields, shown: str) -> None:
    assert read(new("1", {"note": "x", **changes})).fields["fn"] == shown


def test_revision_follows_an_edit() -> None:
    after = edit(APPLE, {"title": "Chair"}, revision="20261121T090000Z")
    assert changed_lines(APPLE, after) == (["REV:2026-03-01T08:30:00Z", "TITLE:Head of Sales"],
                                           ["REV:20261121T090000Z", "TITLE:Chair"])  # fmt: skip


def test_an_old_card_with_quoted_printable_is_read_and_written() -> None:
    card = (PAYLOADS / "nokia-2.1.vcf").read_bytes().decode()
    assert read(card).fields["n"] == {"family": "Müller", "given": "Jörg"}
    assert read(card).fields["note"] == "first line\nsecond line that is long"
    assert read(card).fields["email"] == "joerg@example.test"
    after = edit(card, {"n.given": "Zoë"})
    assert "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;Zo=C3=AB;;;" in after
    assert read(after).fields["n"]["given"] == "Zoë"


@pytest.mark.parametrize("text", ["", "hello", "BEGIN:VCALENDAR\nEND:VCALENDAR", "BEGIN:VCARD\nFN:x", "<html>"])
def test_what_is_no_card_is_told(text: str) -> None:
    with pytest.raises(MemberError):
        read(text)


@pytest.mark.parametrize(
    "changes", [{"card": "x"}, {"shoe_size": "9"}, {"fn": ["a"]}, {"categories": "a"}, {"note": "\x00"}, {"adr": "x"},
                {"bday": "soon"}]
)  # fmt: skip
def test_what_cannot_stand_in_a_card_is_refused(changes: Fields) -> None:
    with pytest.raises(MemberError):
        edit(APPLE, changes)
