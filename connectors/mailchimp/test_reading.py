"""Walking the audience: in the order of change, over a list that moves, and whole now and then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors._kit.mischief import Switch
from connectors.mailchimp.members import hash_of
from connectors.mailchimp.test_mailchimp import Trial
from core.errors import ConfigError, CursorExpired, SchemaChanged, Unsupported
from core.ports import Remote

LIST = "GET /3.0/lists/{list_id}/members"


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial(page_size=100)
    yield made
    made.close()


def ids(records: list[Remote]) -> list[str]:
    return [one.id for one in records]


def test_a_member_is_shown_with_everything_it_has_and_blanks_are_named(trial: Trial) -> None:
    id_ = trial.person(tags=["vip", "garden"], LNAME="")
    (shown,) = trial.fetch(id_)
    assert shown.id == id_ == shown.fields["contact_id"]
    assert shown.fields["email_address"] == "p1@example.com"
    assert shown.fields["tags"] == ["garden", "vip"]
    assert shown.fields["FNAME"] == "Pat"
    for blank in ("LNAME", "PHONE", "ADDRESS", "sms_subscription_status", "unsubscribe_reason"):
        assert shown.fields[blank] is None
    assert shown.version == shown.fields["last_changed"]


def test_a_confirmation_is_known_to_have_changed_the_status_and_a_later_edit_hides_that(trial: Trial) -> None:
    id_ = trial.person(status="pending")
    assert trial.fetch(id_)[0].changed is None
    trial.time.sleep(60)
    trial.box.confirm(id_)
    confirmed = trial.fetch(id_)[0]
    assert confirmed.changed == frozenset({"status"})
    trial.time.sleep(60)
    trial.box.edit(id_, {"FNAME": "Later"})
    later = trial.fetch(id_)[0]
    assert later.changed is None
    assert later.fields["timestamp_opt"] == confirmed.version


def test_a_poll_without_news_is_one_call(trial: Trial) -> None:
    trial.person()
    _, cursor, whole = trial.walk()
    assert whole
    trial.time.sleep(3600)
    assert trial.calls_of(lambda: trial.walk(cursor)) == [LIST]


def test_an_import_with_one_stamp_is_walked_whole_and_nobody_twice(trial: Trial) -> None:
    made = trial.box.fill(950)
    records, _, whole = trial.walk()
    assert sorted(ids(records)) == sorted(made)
    assert whole


def test_stamps_that_move_on_are_walked_by_stamp(trial: Trial) -> None:
    made = trial.box.fill(450, seconds_between=2)
    trial.time.sleep(2000)
    records, _, _ = trial.walk()
    assert sorted(ids(records)) == sorted(made)
    offsets = [one.call.query["offset"] for one in trial.box.journal]
    assert set(offsets) == {"0"}, "no page was cut by offset, so none could slip"


@pytest.mark.parametrize("leaving", [40, 250])
@pytest.mark.parametrize("between", [0, 2])
def test_whoever_is_edited_during_a_walk_hides_nobody(trial: Trial, leaving: int, between: int) -> None:
    """Those that were shown go to the list's end, and the others slip under the reader."""
    made = trial.box.fill(900, seconds_between=between)
    trial.time.sleep(3600)
    first = trial.connector.read("members", None)
    second = trial.connector.read("members", first.next)
    third = trial.connector.read("members", second.next)
    shown = ids([*first.records, *second.records, *third.records])
    for id_ in shown[:leaving]:
        trial.box.edit(id_, {"FNAME": "Edited"})
    rest, _, _ = trial.walk(third.next)
    assert set(made) == {*shown, *ids(rest)}
    edited = {one.id for one in rest if one.fields["FNAME"] == "Edited"}
    assert edited == set(shown[:leaving]), "and what they were edited to is seen in the same walk"


def test_shuffled_and_doubled_pages_hide_nobody(trial: Trial) -> None:
    made = trial.box.fill(450, seconds_between=1)
    trial.time.sleep(2000)
    trial.mischief.chances |= {Switch.DOUBLED: 1.0, Switch.SHUFFLED: 1.0}
    records, _, _ = trial.walk()
    assert set(ids(records)) == set(made)


def test_what_is_committed_late_is_found_by_the_look_back(trial: Trial) -> None:
    id_ = trial.person()
    _, cursor, _ = trial.walk()
    trial.time.sleep(10)
    trial.mischief.once(Switch.LATE)
    trial.box.edit(id_, {"FNAME": "Late"})
    records, _, _ = trial.walk(cursor)
    assert [one.fields["FNAME"] for one in records] == ["Late"]


def test_an_archived_member_is_a_tombstone_and_comes_back(trial: Trial) -> None:
    id_ = trial.person()
    _, cursor, _ = trial.walk()
    trial.time.sleep(200)
    trial.box.archive(id_)
    (gone,), cursor, _ = trial.walk(cursor)
    assert (gone.id, gone.deleted) == (id_, True)
    assert trial.fetch(id_)[0].deleted
    trial.time.sleep(200)
    trial.box.confirm(id_)
    (back,), _, _ = trial.walk(cursor)
    assert (back.id, back.deleted, back.fields["status"]) == (id_, False, "subscribed")


def test_a_whole_walk_comes_once_a_day_and_shows_tags_and_who_is_gone_for_good(trial: Trial) -> None:
    kept, erased = trial.person(1), trial.person(2)
    _, cursor, _ = trial.walk()
    trial.time.sleep(3600)
    _, cursor, _ = trial.walk(cursor)
    trial.box.edit(kept, {"tags": ["new"]})
    trial.box.erase(erased)
    records, cursor, whole = trial.walk(cursor)
    assert (records, whole) == ([], False), "a tag moves no stamp, and nothing is left of who is gone"
    trial.time.sleep(86_400)
    records, cursor, whole = trial.walk(cursor)
    assert whole
    assert [(one.id, one.fields["tags"]) for one in records] == [(kept, ["new"])]
    trial.time.sleep(3600)
    assert trial.walk(cursor)[2] is False


def test_a_whole_walk_may_be_switched_off() -> None:
    trial = Trial(whole_every=0)
    trial.person()
    _, cursor, _ = trial.walk()
    trial.time.sleep(10 * 86_400)
    assert trial.walk(cursor)[2] is False
    trial.close()


def test_more_tags_than_are_shown_are_asked_for(trial: Trial) -> None:
    tags = [f"tag {number:03}" for number in range(70)]
    trial.person(1, tags=tags)
    trial.person(2, tags=["one"])
    records, _, _ = trial.walk()
    assert [one.fields["tags"] for one in records] == [tags, ["one"]]
    assert len(trial.box.calls("GET", "/3.0/lists/{list_id}/members/{name}/tags")) == 1


def test_a_place_of_somebody_elses_making_is_expired(trial: Trial) -> None:
    strange: list[dict[str, Any]] = [
        {"token": "x"}, {"high": None, "walked": 1}, {"seen": []}, {"seen": [], "whole": True, "more": 1},
    ]  # fmt: skip
    for cursor in strange:
        with pytest.raises(CursorExpired):
            trial.connector.read("members", cursor)


def test_a_hash_leads_to_the_member(trial: Trial) -> None:
    id_ = trial.person()
    hash_ = hash_of("P1@Example.com")
    lead, member = trial.fetch(hash_)
    assert (lead.id, lead.deleted, lead.moved_to) == (hash_, True, id_)
    assert (member.id, member.fields["FNAME"]) == (id_, "Pat")
    unknown = hash_of("nobody@example.com")
    assert trial.fetch(unknown) == [Remote(unknown, {}, deleted=True)]


def test_a_missing_member_is_believed_only_where_ids_are_honoured(trial: Trial) -> None:
    """Else a Mailchimp that takes hashes only would look as if everybody had been deleted."""
    id_ = trial.person()
    trial.box.paths_by_hash = True
    with pytest.raises(Unsupported) as caught:
        trial.fetch(id_)
    assert "hash" in caught.value.remedy
    assert not trial.connector.check().ok
    again = trial.connect(paths="hash")
    assert [one.id for one in again.fetch("members", [id_])] == [id_]
    assert again.check().ok


def test_an_audience_that_is_not_there_is_said_to_be_so() -> None:
    trial = Trial(audience="0000000000")
    for act in (lambda: trial.connector.read("members", None), lambda: trial.connector.describe("members")):
        with pytest.raises(SchemaChanged, match="audience") as caught:
            act()
        assert "Newsletter: a1b2c3d4e5" in caught.value.remedy
    none = trial.connect(audience="")
    with pytest.raises(ConfigError, match="audience") as lacking:
        none.read("members", None)
    assert "Newsletter: a1b2c3d4e5" in lacking.value.remedy
    trial.close()
