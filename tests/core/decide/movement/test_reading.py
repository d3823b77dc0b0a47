"""The file of a movement policy: what it says, and that every mistake is told with its place and a remedy."""

from __future__ import annotations

from datetime import date

import pytest

from core.decide.movement.doubts import takes_all
from core.decide.movement.hours import Span, Stretch
from core.decide.movement.policy import FirstAction, Mode, Policy, Rung, Step
from core.decide.movement.reading import load_leniently, load_policy
from core.mapping.filter import filter_of
from core.mapping.problem import MappingError, Problem
from core.model.instant import DAY, from_iso
from core.model.locale import Locale
from core.model.shapes import SHAPES

GOOD = """\
time_zone: Europe/London
hours:
  monday to friday: [09:00-12:00, 13:00 to 17:30]
  Saturday: 10:00-14:00
  sunday: closed
holidays:
  Christmas: [12-25, 12-26]
  Works outing: 2026-06-19
absences:
  Priya@shop.example: 2026-12-21 to 2027-01-02
escalate_to: anna@shop.example
answered_within: 7d
ladders:
  enquiry:
    - {after: 30min, do: remind, say: "{name} waits"}
    - {after: 1h, do: escalate}
    - {after: 4h, do: reassign}
    - {after: 2d, do: reactivate, to: bob@shop.example}
ladder: enquiry
stages:
  contact:
    New enquiry:
      when: {lifecycle_stage: lead, last_contacted_at: {known: false}}
      means: They asked, and nobody has answered.
      journey: captured
      evidence: [asked, replied]
      exit: Somebody answered.
      first: {say: "Call {name} about {asked}", within: 15min, type: call}
      oldest: 2d
  deal:
    Proposal sent:
      means: They have our proposal.
      journey: qualified
  deal in Renewals:
    Proposal sent:
      means: They have the renewal.
      journey: retained
  ticket:
    Open:
      when: {priority: high}
      means: Somebody is at it.
      journey: responded
hand_offs:
  Missed call:
    of: activity
    when: {type: call, direction: inbound, status: no_show}
    first: {say: "Call {name} back", within: 15min, type: call}
ownership:
  Fresh:
    of: [contact, deal]
    arrives: outside hours
    by: [language, territory]
    to: {Anna@shop.example: 2, bob@shop.example: 1}
reactivation:
  Quiet:
    of: contact
    when: {lifecycle_stage: customer}
    after: 180d
    first: {say: "Ask {name}", within: 5d}
after_sale:
  Review:
    of: deal
    when: {status: won}
    after: 7d
    first: {say: "Ask for a review", within: 2d, type: email}
follow_through: {assign: ask, task: act, remind: off}
"""


def read(text: str) -> Policy:
    return load_policy(text, file="movement.yaml", shapes=SHAPES, locale=Locale())


def problems(text: str) -> list[Problem]:
    return load_leniently(text, file="movement.yaml", shapes=SHAPES, locale=Locale())[1].problems


def test_it_says_what_is_written():
    policy = read(GOOD)
    assert policy.hours.zone == "Europe/London"
    assert policy.hours.week[0] == (Stretch(540, 720), Stretch(780, 1050))
    assert policy.hours.week[5:] == ((Stretch(600, 840),), ())
    assert policy.hours.yearly == {(12, 25), (12, 26)}
    assert policy.hours.holidays == {date(2026, 6, 19)}
    assert policy.escalate_to == "anna@shop.example"
    assert policy.answered_within == 7 * DAY
    assert policy.modes == {Step.ASSIGN: Mode.ASK, Step.TASK: Mode.ACT, Step.REMIND: Mode.OFF}
    assert policy.mode(Step.ESCALATE) is Mode.OFF
    assert policy.hand_offs[0].first == FirstAction("Call {name} back", Span(15), "call")
    assert policy.hand_offs[0].quiet is None
    assert policy.reactivate[0].after == 180 * DAY
    assert policy.after_sale[0].first == FirstAction("Ask for a review", Span(days=2), "email")
    assert problems(GOOD) == []


def test_a_stage_may_ask_for_evidence_of_another_tool():
    line = "      evidence: [asked, replied]\n"
    assert not any(stage.others_only for stage in read(GOOD).stages)
    asking = read(GOOD.replace(line, f"{line}      evidence_from: other\n", 1))
    assert next(stage.others_only for stage in asking.stages if stage.evidence == ("asked", "replied"))
    (wrong,) = problems(GOOD.replace(line, f"{line}      evidence_from: others\n", 1))
    assert "`other`" in str(wrong)


def test_the_last_day_of_an_absence_counts():
    (away,) = read(GOOD).absences
    assert away.who == "priya@shop.example"
    assert (away.since, away.until) == (from_iso("2026-12-21T00:00:00Z"), from_iso("2027-01-03T00:00:00Z"))


def test_a_rung_turns_to_whom_its_step_is_about():
    assert read(GOOD).ladders["enquiry"].rungs == (
        Rung(Span(30), Step.REMIND, "owner", "{name} waits"),
        Rung(Span(60), Step.ESCALATE, "manager"),
        Rung(Span(240), Step.REASSIGN, ""),
        Rung(Span(days=2), Step.REACTIVATE, "bob@shop.example"),
    )


def test_a_rule_about_several_kinds_is_one_for_each():
    contact, deal = read(GOOD).assignments
    assert (contact.kind, deal.kind) == ("contact", "deal")
    assert deal.to == ("anna@shop.example", "bob@shop.example")
    assert deal.share == {"anna@shop.example": 2}
    assert (deal.arrives, deal.by) == ("outside", ("language", "territory"))


def test_a_deal_is_in_the_stage_of_its_name_and_of_its_own_pipeline_first():
    policy = read(GOOD)
    sent = {"stage": "Proposal sent", "status": "open"}
    assert policy.stage_of("deal", sent).name == "Proposal sent"  # type: ignore[union-attr]
    assert policy.stage_of("deal", {"stage": "Proposal sent"}) is not None
    renewal = policy.stage_of("deal", {**sent, "pipeline": "Renewals"})
    assert renewal is not None
    assert (renewal.name, renewal.means) == ("Renewals: Proposal sent", "They have the renewal.")
    assert policy.stage_of("deal", {**sent, "status": "lost"}) is None
    assert policy.stage_of("deal", {"stage": "Elsewhere", "status": "open"}) is None


def test_a_ticket_that_is_solved_is_in_no_stage():
    policy = read(GOOD)
    assert policy.stage_of("ticket", {"priority": "high", "status": "waiting"}) is not None
    assert policy.stage_of("ticket", {"priority": "high", "status": "solved"}) is None


def test_a_stage_that_is_not_open_asks_for_nothing_and_is_known_all_the_same():
    won = "stages: {deal: {Won: {when: {status: won}, means: Paid., journey: delivered, open: no, evidence: payment}}}"
    policy = read(won)
    assert policy.stage_of("deal", {"status": "won"}) is None
    place = policy.place_of("deal", {"status": "won"})
    assert place is not None
    assert place.evidence == ("payment",)


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet\n", "absences: {}\n", "stages:\n"])
def test_who_says_nothing_asks_nothing(text: str):
    policy = read(text if text.strip().strip("#").strip() != "nothing yet" else "")
    assert policy.stages == ()
    assert policy.hours.is_open(0 + DAY)


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("time_zone: Europe/London", "time_zone: Europe/Londn", "1:12", "Did you mean `Europe/London`"),
        ("time_zone: Europe/London", "time_zone: ../London", "1:12", "no time zone"),
        ("hours:", "ours:", "2:1", "Did you mean `hours`"),
        ("  Saturday:", "  Satuday:", "4:3", "Did you mean `saturday`"),
        ("  Saturday: 10", "  friday to saturday: 10", "4:3", "Friday is said twice"),
        ("10:00-14:00", "14:00-10:00", "4:13", "22:00-24:00"),
        ("10:00-14:00", "10-14", "4:13", "[09:00-12:00, 13:00-17:30]"),
        ("10:00-14:00", "10:00-24:30", "4:13", "These are no hours"),
        ("[09:00-12:00, 13:00 to 17:30]", "[09:00-13:00, 12:00-17:30]", "3:21", "overlap"),
        ("[12-25, 12-26]", "[12-25, 13-26]", "7:22", "There is no such day"),
        ("2026-06-19", "19 June", "8:17", "2026-04-03"),
        ("Priya@shop.example:", "Priya:", "10:3", "anna@shop.example"),
        ("2026-12-21 to 2027-01-02", "2027-01-02 to 2026-12-21", "10:23", "It ends before it begins"),
        ("escalate_to: anna@shop.example", "escalate_to: Anna", "11:14", "no email address"),
        ("answered_within: 7d", "answered_within: a week", "12:18", "30min, 4h or 2d"),
        ("after: 30min", "after: 0min", "15:15", "30min, 4h or 2d"),
        ("do: remind", "do: remnd", "15:26", "Did you mean `remind`"),
        ("do: remind", "do: assign", "15:26", "task, remind, escalate, reassign or reactivate"),
        ("{after: 1h, do: escalate}", "{do: escalate}", "16:7", "has no `after`"),
        ("to: bob@shop.example", "to: manger", "18:39", "Did you mean `manager`"),
        ("{name} waits", "{nam} waits", "15:39", "Did you mean `name`"),
        ("ladder: enquiry", "ladder: enqury", "19:9", "Did you mean `enquiry`"),
        ("  contact:\n", "  contacts:\n", "21:3", "Did you mean `contact`"),
        ("  deal in Renewals:", "  contact in Renewals:", "34:3", "deal in NAME"),
        ("lifecycle_stage: lead, last", "lifecycle_stag: lead, last", "23:14", "Did you mean `lifecycle_stage`"),
        ("lifecycle_stage: lead, last", "lifecycle_stage: leed, last", "23:31", "Did you mean `lead`"),
        ("{known: false}}\n", "{knwon: false}}\n", "23:57", "Did you mean `known`"),
        ("      means: They asked, and nobody has answered.\n", "", "22:5", "has no `means`"),
        ("journey: captured", "journey: capturd", "25:16", "Did you mean `captured`"),
        ("[asked, replied]", "[asked, repled]", "26:25", "Did you mean `replied`"),
        ("within: 15min, type: call}\n      oldest", "within: soon, type: call}\n      oldest", "28:57", "30min"),
        ("type: call}\n      oldest", "type: letter}\n      oldest", "28:70", "task, call, meeting or email"),
        ("oldest: 2d", "oldest: 2 weeks", "29:15", "30min, 4h or 2d"),
        ("      oldest: 2d", "      oldst: 2d", "29:7", "Did you mean `oldest`"),
        ("      oldest: 2d", "      ladder: enqiry", "29:15", "Did you mean `enquiry`"),
        ("      oldest: 2d", "      open: perhaps", "29:13", "yes or no"),
        ("of: activity", "of: contact", "45:9", "activity or document"),
        ("status: no_show}", "status: noshow}", "46:52", "Did you mean `no_show`"),
        ("    first: {say: \"Call {name} back\", within: 15min, type: call}\n", "", "44:3", "has no `first`"),
        ("of: [contact, deal]", "of: [contact, dael]", "50:19", "Did you mean `deal`"),
        ("arrives: outside hours", "arrives: at night", "51:14", "outside hours"),
        ("by: [language,", "by: [languages,", "52:10", "Did you mean `language`"),
        ("bob@shop.example: 1}", "bob@shop.example: 0}", "53:50", "at least 1"),
        ("    after: 180d\n", "", "55:3", "has no `after`"),
        ("assign: ask", "asign: ask", "66:18", "Did you mean `assign`"),
        ("assign: ask", "assign: aks", "66:26", "Did you mean `ask`"),
        ("after_sale:\n", "hand_offs:\n", "60:1", "said twice"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_to_do(old: str, new: str, place: str, words: str):
    assert GOOD.count(old) >= 1
    with pytest.raises(MappingError) as error:
        read(GOOD.replace(old, new, 1))
    told = str(error.value)
    assert f"movement.yaml:{place}: " in told, told
    assert words in told, told


def test_all_mistakes_are_told_at_once():
    broken = GOOD.replace("2027-01-02", "2026-01-02").replace("do: remind", "do: remnd").replace("Renewals", "")
    with pytest.raises(MappingError) as error:
        read(broken)
    assert len(error.value.problems) == 3
    assert all(one.remedy or one.expected for one in error.value.problems)


def test_a_name_that_differs_by_capitals_alone_is_one_too_many():
    text = "ladders: {call: [{after: 1h, do: remind}], Call: [{after: 2h, do: remind}]}\nladder: call\n"
    with pytest.raises(MappingError, match="twice"):
        read(text)


def test_an_installation_that_never_opens_is_a_mistake():
    with pytest.raises(MappingError, match="No day is ever open"):
        read("hours: {every day: closed}")


def test_hours_that_go_round_the_end_of_the_week():
    week = read("hours: {saturday to monday: 10:00-12:00}").hours.week
    assert [bool(day) for day in week] == [True, False, False, False, False, True, True]


def test_another_text_is_another_policy():
    assert read(GOOD).mark == read(GOOD).mark
    assert read(GOOD).mark != read(GOOD.replace("15min", "20min", 1)).mark
    assert read("").mark == Policy().mark == ""


# What is doubtful.


def stages(*whens: str) -> str:
    lines = [f"    S{number}: {{when: {when}, means: m, journey: captured}}" for number, when in enumerate(whens)]
    return "\n".join(["stages:", "  contact:", *lines])


@pytest.mark.parametrize(
    ("earlier", "later", "unreached"),
    [
        ("{lifecycle_stage: lead}", "{lifecycle_stage: lead}", True),
        ("{lifecycle_stage: [lead, customer]}", "{lifecycle_stage: lead, source: web}", True),
        ("{lifecycle_stage: {not: customer}}", "{lifecycle_stage: [lead, null]}", True),
        ("{source: {known: true}}", "{source: web}", True),
        ("{source: {contains: we}}", "{source: [web, Webinar]}", True),
        ("{lifecycle_stage: lead}", "{lifecycle_stage: [lead, customer]}", False),
        ("{lifecycle_stage: lead, source: web}", "{lifecycle_stage: lead}", False),
        ("{source: {contains: we}}", "{source: {contains: web}}", False),
        ("{source: web}", "{utm_source: web}", False),
    ],
)
def test_a_stage_that_nothing_reaches_is_a_mistake_where_it_is_certain(earlier: str, later: str, unreached: bool):
    found = [one for one in problems(stages(earlier, later)) if "takes all of it first" in one.what]
    assert bool(found) is unreached
    if found:
        assert (found[0].line, found[0].severity) == (4, "error")


def test_a_pipelines_own_stages_are_reached_whatever_stands_before_them():
    anything = "stages:\n  deal: {Any: {when: {status: open}, means: m, journey: captured}}\n"
    assert problems(anything + "  deal in Renewals: {Due: {means: m, journey: retained}}\n") == []


def test_no_filter_takes_all_and_is_taken_by_none():
    def made(said: object) -> object:
        return filter_of(said, SHAPES["contact"], Locale(), where="test")

    everything = read("ownership: {All: {of: contact}}").assignments[0].when
    web = made({"source": "web"})
    assert takes_all(everything, web)  # type: ignore[arg-type]
    assert not takes_all(web, everything)  # type: ignore[arg-type]


def test_a_first_action_that_stalls_unheard_is_a_doubt():
    (doubt,) = problems(
        GOOD.replace("ladder: enquiry\n", "", 1).replace("captured\n", "captured\n      ladder: enquiry\n")
    )
    assert (doubt.severity, doubt.what) == (
        "warning",
        "`Missed call` has a first action, and nothing happens when it stalls.",
    )
    assert doubt.remedy


def test_a_ladder_that_nothing_climbs_is_a_doubt():
    (doubt,) = problems("ladders: {spare: [{after: 1h, do: remind}]}")
    assert (doubt.severity, doubt.line) == ("warning", 1)
    assert "Nothing climbs" in doubt.what
    assert read("ladders: {spare: [{after: 1h, do: remind}]}").ladders["spare"].rungs


def test_a_manager_whom_not_everybody_has_is_a_doubt():
    (doubt,) = problems(GOOD.replace("escalate_to: anna@shop.example\n", ""))
    assert doubt.severity == "warning"
    assert "escalate_to" in doubt.remedy
