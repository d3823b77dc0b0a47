"""What may be done with what was said: case by case, and the laws that hold for any words."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decide.permission import Asked, Permission, Word, permitted, strictest, words_of
from core.decide.profile import Profile, load_profile
from core.decide.settle import strictness
from core.decide.topics import load_topics
from core.errors import ConfigError
from core.model.claim import Stamp, Voice
from core.model.instant import DAY, from_iso
from core.model.shapes.contact import CHANNELS, CONSENTS
from tests.core.decide.voices import voice

ANN, OLD = "ann@shore.example", "ann@hill.example"
NOW = from_iso("2026-11-29T12:00:00Z")
LOOSE = Profile(each_purpose=False)
STRICT = Profile()
_IDS = count(1)


def word(status: str, at: int = 1, *, channel: str = "email", topic: str | None = None, **more: Any) -> Word:
    points = more.pop("points", frozenset([ANN]))
    stamp = Stamp(at, more.pop("since", at), explicit=more.pop("explicit", False))
    return Word(next(_IDS), more.pop("source", "shop"), channel, topic, status, stamp, points, **more)


def ask(*words: Word, channel: str = "email", topic: str | None = None, point: str | None = ANN, **more: Any):
    profile = more.pop("profile", LOOSE)
    return permitted(words, Asked(channel, topic, point, more.pop("now", NOW), **more), profile)


def told(found: Permission) -> tuple[bool, str, str]:
    return found.allowed, found.state, found.reason


# --- the strictest word


def test_nobody_said_anything_and_nothing_is_permitted() -> None:
    assert told(ask()) == (False, "unknown", "unknown")


@pytest.mark.parametrize("status", CONSENTS)
def test_one_word_is_the_state(status: str) -> None:
    found = ask(word(status))
    assert (found.allowed, found.state) == (status == "granted", status)
    assert "shop says so since 1970-01-01" in found.why
    assert found.why.endswith(".")


def test_the_strictest_word_stands_and_decides() -> None:
    words = [word("granted", 9, source="crm"), word("denied", 2), word("pending", 5, source="form")]
    found = ask(*words)
    assert told(found) == (False, "denied", "denied")
    assert found.decided_by == (words[1],)


def test_email_opt_out_must_not_become_an_sms_opt_in() -> None:
    words = [word("denied"), word("denied", channel="email", topic="news")]
    assert told(ask(*words, channel="sms", point="+447700900123")) == (False, "unknown", "unknown")
    granted = word("granted", 9, explicit=True)
    assert ask(word("denied", channel="sms"), granted, channel="sms", point=None).state == "denied"


def test_a_do_not_contact_covers_every_channel_and_every_grant() -> None:
    never = word("denied", channel="all", points=None, source="crm")
    for channel in CHANNELS:
        granted = word("granted", 9, channel=channel, explicit=True)
        found = ask(never, granted, channel=channel)
        assert told(found) == (False, "denied", "do_not_contact")
        assert found.decided_by == (never,)


def test_only_a_refusal_means_anything_for_all_channels() -> None:
    for status in ("granted", "pending", "suppressed"):
        assert told(ask(word(status, channel="all", points=None))) == (False, "unknown", "unknown")
    never, over = word("denied", channel="all"), word("granted", 5, channel="all", explicit=True)
    assert told(ask(never, over)) == (False, "unknown", "unknown"), "that it is over permits nothing"
    assert ask(never, over, word("granted")).allowed


# --- addresses


def test_a_changed_address_takes_the_refusal_along_and_leaves_the_grant_behind() -> None:
    denied, granted = word("denied", points=frozenset([OLD])), word("granted", points=frozenset([OLD]))
    assert ask(denied).state == "denied"
    assert told(ask(granted)) == (False, "unknown", "other_address")
    assert ask(granted, point=OLD).allowed


def test_an_address_that_bounced_is_closed_by_itself() -> None:
    bounced, granted = word("suppressed", points=frozenset([OLD])), word("granted")
    assert ask(bounced, granted).allowed
    assert ask(bounced, granted, point=OLD).state == "suppressed"
    assert not ask(word("pending", points=frozenset([OLD])), point=ANN).allowed


def test_what_nobody_knows_the_address_of_narrows_and_does_not_permit() -> None:
    assert ask(word("granted", points=None)).state == "unknown"
    assert ask(word("suppressed", points=None), word("granted")).state == "suppressed"


# --- the person's own word


def test_only_the_persons_own_newer_grant_answers_a_refusal() -> None:
    denied = word("denied", 5)
    assert ask(denied, word("granted", 9)).state == "denied", "a machine widens nothing"
    assert ask(denied, word("granted", 4, explicit=True)).state == "denied", "it was said before"
    assert ask(denied, word("granted", 9, since=5, explicit=True)).state == "denied", "it is not certainly newer"
    assert ask(denied, word("granted", 9, explicit=True)).allowed
    assert ask(word("denied", 10), word("granted", 9, explicit=True)).state == "denied"


def test_a_grant_for_another_address_answers_nothing_here() -> None:
    elsewhere = word("granted", 9, explicit=True, points=frozenset([OLD]))
    assert ask(word("denied"), elsewhere).state == "denied"
    assert ask(word("denied"), elsewhere, point=OLD).allowed
    assert ask(word("suppressed"), elsewhere).state == "suppressed"


# --- topics


def test_a_topics_refusal_is_about_the_topic() -> None:
    words = [word("granted"), word("denied", topic="news")]
    assert ask(*words, topic="news").state == "denied"
    assert ask(*words).allowed
    assert ask(*words, topic="offers").allowed


def test_a_general_refusal_covers_every_topic_and_no_grant_for_a_topic_opens_it() -> None:
    words = [word("denied"), word("granted", 9, topic="news", explicit=True)]
    assert ask(*words, topic="news").state == "denied"
    assert ask(*words).state == "denied"


def test_a_general_grant_covers_a_topic_unless_each_purpose_needs_its_own() -> None:
    assert ask(word("granted"), topic="news").allowed
    found = ask(word("granted"), topic="news", profile=STRICT)
    assert told(found) == (False, "unknown", "other_purpose")
    assert "`news`" in found.why
    assert ask(word("granted", topic="news"), topic="news", profile=STRICT).allowed


def test_a_general_grant_answers_a_topics_refusal_only_where_it_speaks_for_topics() -> None:
    words = [word("denied", 2, topic="news"), word("granted", 5, explicit=True), word("granted", 1, topic="news")]
    assert ask(*words, topic="news").allowed
    assert ask(*words, topic="news", profile=STRICT).state == "denied"


def test_one_who_comes_back_says_yes_to_all_and_to_the_topic() -> None:
    words = [word("denied", 2), word("granted", 5, explicit=True), word("granted", 5, topic="news", explicit=True)]
    assert ask(*words, topic="news", profile=STRICT).allowed


# --- proof, time, age


def test_a_grant_expires_and_only_the_person_renews_it() -> None:
    profile = Profile(each_purpose=False, expires_after=24)
    old, new = NOW - 731 * DAY, NOW - 700 * DAY
    assert ask(word("granted", new), profile=profile).allowed
    assert told(ask(word("granted", old), profile=profile)) == (False, "unknown", "expired")
    assert not ask(word("granted", old), word("granted", new), profile=profile).allowed
    assert ask(word("granted", old), word("granted", new, explicit=True), profile=profile).allowed


def test_a_profile_may_ask_for_the_persons_own_act() -> None:
    profile = Profile(grant_needs="first_hand")
    assert told(ask(word("granted"), profile=profile)) == (False, "pending", "unproven")
    assert ask(word("granted", explicit=True), profile=profile).allowed


@pytest.mark.parametrize(
    ("birthday", "reason"),
    [("2010-11-30", "under_age"), ("2010-11-29", "granted"), (None, "granted"), ("unreadable", "granted")],
)
def test_who_is_under_age_needs_a_guardian(birthday: str | None, reason: str) -> None:
    found = ask(word("granted", explicit=True), birthday=birthday, profile=STRICT)
    assert found.reason == reason
    assert found.allowed == (reason == "granted")
    assert ask(word("granted", explicit=True, guardian=True), birthday=birthday, profile=STRICT).allowed
    assert ask(word("granted", guardian=True), birthday=birthday, profile=STRICT).allowed == found.allowed
    assert ask(word("denied"), birthday=birthday, profile=STRICT).state == "denied"


def test_an_unknown_age_is_a_childs_where_the_profile_says_so() -> None:
    profile = Profile(age=13, unknown_age="child")
    assert told(ask(word("granted"), profile=profile)) == (False, "pending", "age_unknown")
    assert ask(word("granted"), birthday="1984-05-09", profile=profile).allowed


def test_silence_permits_only_where_nobody_said_anything_at_all() -> None:
    profile = Profile(each_purpose=False, silence_permits=("email",))
    assert told(ask(profile=profile)) == (True, "unknown", "silence")
    assert not ask(channel="sms", profile=profile).allowed
    assert not ask(word("denied", topic="offers"), topic="news", profile=profile).allowed
    assert told(ask(birthday="2020-01-01", profile=profile)) == (False, "unknown", "under_age")
    assert not ask(word("denied", channel="all"), profile=profile).allowed


def test_of_several_people_at_one_address_the_narrowest_counts() -> None:
    granted, unknown, denied = ask(word("granted")), ask(), ask(word("denied"))
    assert strictest([unknown, granted]).allowed
    assert strictest([granted, denied, unknown]).state == "denied"


# --- from voices


def test_a_words_address_is_the_one_its_source_has_beside_it() -> None:
    voices = {
        1: voice("shop", 5, email=ANN, consent__email="granted", consent__sms="denied"),
        2: voice("crm", 3, email=OLD, phone="+447700900123", consent__email__news="denied", consent__all="denied"),
    }
    found = words_of(voices, "email", {"email": ANN})
    assert [(one.source, one.channel, one.topic, one.status, one.points) for one in found] == [
        ("shop", "email", None, "granted", frozenset([ANN])),
        ("crm", "email", "news", "denied", frozenset([OLD])),
        ("crm", "all", None, "denied", frozenset([OLD])),
    ]


def test_an_address_that_came_after_the_grant_is_not_the_one_it_was_given_for() -> None:
    def said_at(grant_at: int, *, since: int = 9) -> tuple[Word, Word]:
        said = voice("shop", grant_at, consent__email="granted", consent__sms="suppressed").claims
        moved = voice("shop", 9, since=since, email=ANN, phone="+447700900123").claims
        both = voice("shop").claims.renewed({**dict(said.items()), **dict(moved.items())})
        one = {1: Voice("shop", both)}
        return words_of(one, "email", {"email": ANN})[0], words_of(one, "sms", {})[0]

    granted, suppressed = said_at(5)
    assert (granted.points, suppressed.points) == (frozenset(), frozenset())
    granted, suppressed = said_at(5, since=2)
    assert granted.points == frozenset(), "it may have come after it"
    assert suppressed.points == frozenset(["+447700900123"]), "it may have been there"
    assert said_at(9)[0].points == frozenset([ANN])


def test_what_is_said_in_the_hub_is_about_the_address_that_stands() -> None:
    voices = {
        1: voice("shop", 5, email=ANN),
        2: voice("crm", 5, email=OLD),
        3: voice("hub", 9, consent__email="granted"),
    }
    (found,) = words_of(voices, "email", {"email": ANN})
    assert found.points == frozenset([ANN])
    voices[1] = voice("shop", 12, email=ANN)
    (found,) = words_of(voices, "email", {"email": ANN})
    assert found.points == frozenset()
    assert words_of({3: voices[3]}, "email", {})[0].points is None


# --- laws

SOURCES, POINTS = st.sampled_from(["a", "b", "hub"]), st.sampled_from([ANN, OLD])
TIMES = st.integers(0, 12).map(lambda step: NOW - step * 100 * DAY)


@st.composite
def words(draw: st.DrawFn, /, *, channels: tuple[str, ...] = ("email", "sms", "all"), **fixed: Any) -> Word:
    at = draw(TIMES)
    return Word(
        draw(st.integers(1, 4)), draw(SOURCES), draw(st.sampled_from(channels)),
        draw(st.sampled_from([None, "news", "offers"])), fixed.get("status") or draw(st.sampled_from(CONSENTS)),
        Stamp(at, at - draw(st.integers(0, 3)) * 60 * DAY, explicit=fixed.get("explicit", draw(st.booleans()))),
        draw(st.none() | st.frozensets(POINTS, max_size=2)), guardian=draw(st.booleans()),
    )  # fmt: skip


MANY = st.lists(words(), max_size=7)
ASKED = st.builds(
    Asked, st.sampled_from(["email", "sms"]), st.sampled_from([None, "news"]), st.none() | POINTS, st.just(NOW),
    st.sampled_from([None, "1984-05-09", "2015-01-01"]),
)  # fmt: skip
PROFILES = st.builds(
    Profile, each_purpose=st.booleans(), silence_permits=st.sampled_from([(), ("email",)]),
    grant_needs=st.sampled_from(["word", "first_hand"]), expires_after=st.sampled_from([None, 12]),
    age=st.sampled_from([None, 13]), unknown_age=st.sampled_from(["adult", "child"]),
)  # fmt: skip


def width(found: Permission) -> tuple[bool, int]:
    """How much is permitted; silence, which is no word, counts only by whether it permits."""
    return found.allowed, -strictness(found.state) if found.state in CONSENTS else 0


@given(MANY, ASKED, PROFILES, st.randoms(use_true_random=False))
def test_the_order_of_words_is_of_no_account(said: list[Word], asked: Asked, profile: Profile, chance: Any) -> None:
    mixed = [*said, *said]
    chance.shuffle(mixed)
    assert permitted(mixed, asked, profile) == permitted(said, asked, profile)


@given(MANY, words().filter(lambda one: one.status != "granted"), ASKED, PROFILES)
def test_a_stricter_word_never_widens(said: list[Word], more: Word, asked: Asked, profile: Profile) -> None:
    before, after = permitted(said, asked, profile), permitted([*said, more], asked, profile)
    assert width(after) <= width(before)


@given(MANY, words(explicit=False), ASKED, PROFILES)
def test_no_word_but_the_persons_own_ever_widens(said: list[Word], more: Word, asked: Asked, profile: Profile) -> None:
    """It may fill silence, where the profile takes a source's word; it opens nothing that any word has closed."""
    before, after = permitted(said, asked, profile), permitted([*said, more], asked, profile)
    if before.reason in ("unknown", "other_address", "other_purpose") and profile.grant_needs == "word":
        assert not after.allowed or more.status == "granted"
    else:
        assert width(after) <= width(before)


@given(MANY, st.lists(words(channels=("sms",)), max_size=5), ASKED, PROFILES)
def test_channels_are_apart(said: list[Word], others: list[Word], asked: Asked, profile: Profile) -> None:
    asked = asked._replace(channel="email")
    assert permitted([*said, *others], asked, profile) == permitted(said, asked, profile)


@given(MANY, words(channels=("all",), status="denied"), ASKED, PROFILES)
def test_a_do_not_contact_closes_everything(said: list[Word], never: Word, asked: Asked, profile: Profile) -> None:
    never = never._replace(topic=None, stamp=Stamp(NOW, NOW))
    found = permitted([*said, never], asked, profile)
    assert told(found) == (False, "denied", "do_not_contact")


@given(MANY, ASKED, PROFILES)
def test_what_is_permitted_is_granted_or_silent_and_says_why(said: list[Word], asked: Asked, profile: Profile) -> None:
    found = permitted(said, asked, profile)
    assert found.allowed == (found.reason in ("granted", "silence"))
    assert found.why.endswith(".")
    assert found.decided_by or found.reason in ("unknown", "silence", "under_age", "age_unknown")


# --- profiles and topics as data

FILES = sorted(Path(__file__).parents[3].glob("profiles/*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_profiles_hold_and_name_their_sources(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    profile = load_profile(text, file=file.name)
    assert profile.title.lower() == file.stem
    assert profile.silence_permits == (), "silence permits no message, whatever the law says of other things"
    assert "# Sources: " in text


def test_there_are_the_four_profiles() -> None:
    assert {file.stem for file in FILES} == {"gdpr", "ccpa", "lgpd", "coppa"}


@pytest.mark.parametrize("text", ["age: old", "agee: 3", "silence_permits: [mail]", "unsure: [x]", "[]x: [", "- a"])
def test_a_profile_with_mistakes_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"p\.yaml"):
        load_profile(text, file="p.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("News: x", "cannot be a topic's name"),
        ("news: {channels: [email]}", "does not say what it is about"),
        ("news: {doc: x, channels: [mail]}", "channels"),
        ("news: {doc: x, chanels: [email]}", "is not a word of a topic"),
        ("news:", "a value it cannot have"),
        ("[news]", "is not a map"),
    ],
)
def test_topics_with_mistakes_are_refused_with_their_place(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_topics(text, file="topics.yaml")
