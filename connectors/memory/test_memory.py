"""The memory tool keeps the contract, and its habits and troubles are what they say they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from random import Random
from typing import Any, ClassVar

import orjson
import pytest

from connectors._kit.clock import VirtualTime
from connectors._kit.contract import ContractSuite, Harness
from connectors._kit.contract.preparing import PreparingTests
from connectors._kit.hostile.people import People
from connectors._kit.mischief import Mischief, Switch, spellings
from connectors._kit.signatures import sign_standard
from connectors.memory.connector import FIXES, MemoryConnector, Options, build, forget, manifest_for, use
from connectors.memory.tool import Habits, Tool
from core.errors import Exists, Forbidden, Gone, Refused, Stale, Unavailable, Unknown, Unsupported
from core.manifest import Manifest
from core.model.instant import SECOND
from core.ports import Context, Edit, Fields, Finding, Request, Verb

SECRET = "whsec_c2VjcmV0LW9mLXRoZS1tZW1vcnktdG9vbA=="
TOKEN = "open-sesame"


class MemoryHarness(Harness):
    connector = "memory"
    people = People(
        "contacts",
        {
            "email": "email", "first_name": "first_name", "last_name": "last_name", "phone": "phone",
            "job_title": "job_title", "consent.email": "email_consent",
        },
    )  # fmt: skip

    def start(self) -> None:
        self.mischief = Mischief()
        habits = Habits(token=TOKEN, validator=_no_forbidden_words)
        self.tool = use(Tool(str(self.folder), clock=self.time, habits=habits, mischief=self.mischief))
        self.news: list[tuple[str, str]] = []
        self.tool.on_change = lambda stream, id_: self.news.append((stream, id_))

    def close(self) -> None:
        forget(str(self.folder))

    def take_down(self) -> None:
        self.tool.down = True

    def settings(self) -> dict[str, Any]:
        return {"world": str(self.folder), "token": TOKEN, "page_size": 3, "webhook_secret": SECRET}

    def unprepared(self) -> dict[str, Any]:
        self.tool.missing.update(FIXES)
        return self.settings()

    def sample(self, stream: str, number: int) -> Fields:
        return {"name": f"Sample {number}", "email": f"s{number}@example.com", "address.city": "Leeds"}

    def change(self, stream: str, number: int) -> Fields:
        return {"name": f"Changed {number}"}

    def clearable(self, stream: str) -> str | None:
        return "address.city"

    def refused(self, stream: str) -> Fields | None:
        return {"name": "forbidden"}

    def create(self, stream: str, fields: Fields) -> str:
        return self.tool.create(stream, fields)

    def edit(self, stream: str, id_: str, fields: Fields) -> None:
        self.tool.edit(stream, id_, fields)

    def delete(self, stream: str, id_: str) -> None:
        self.tool.delete(stream, id_)

    def merge(self, stream: str, winner: str, loser: str) -> str:
        return self.tool.merge(stream, winner, loser)

    def show(self, stream: str, id_: str) -> Fields | None:
        return self.tool.get(stream, id_)

    def count(self, stream: str) -> int:
        return len(self.tool.all(stream))

    def webhook(self, stream: str, id_: str) -> Request:
        return self.tool.webhook(stream, id_, secret=SECRET)

    def unknown_webhook(self) -> Request:
        body = orjson.dumps({"id": "evt-9", "type": "invoice.paid"})
        headers = sign_standard(body, id_="evt-9", sent_at=self.time(), secret=SECRET)
        return Request("POST", "https://hub.example/hooks/memory", headers, body, self.time())

    def called(self) -> list[str]:
        return [one.address for one in self.tool.hooks.values() if not one.asleep]

    def sent(self) -> list[Request]:
        news, self.news = self.news, []
        return [request for stream, id_ in news for request in self.tool.told(stream, id_)]

    def switch_off(self) -> bool:
        for one in self.tool.hooks.values():
            one.asleep = True
        return True


def _no_forbidden_words(_stream: str, fields: Fields) -> str | None:
    return "No such names here." if fields.get("name") == "forbidden" else None


class TestMemory(ContractSuite):
    harness = MemoryHarness


class StampHarness(MemoryHarness):
    """Read by modified stamps, and no versions compared."""

    streams = ("contacts",)
    more: ClassVar[dict[str, Any]] = {"mode": "stamp", "answers": "written", "versions": False}

    def start(self) -> None:
        super().start()
        self.tool.habits.versions = self.more.get("versions", True)
        self.tool.habits.idempotent = self.more.get("idempotent", True)

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), **self.more}

    @property
    def manifest(self) -> Manifest:
        return manifest_for(self.more, super().manifest)


class TestMemoryByStamp(ContractSuite):
    harness = StampHarness


class ListingHarness(StampHarness):
    """Read whole each time; writes answer nothing, and a repeated create would make a second record."""

    more: ClassVar[dict[str, Any]] = {"mode": "listing", "answers": "nothing", "idempotent": False}


class TestMemoryByListing(ContractSuite):
    harness = ListingHarness


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime(tick=1000)


@pytest.fixture
def tool(time: VirtualTime) -> Tool:
    return Tool(clock=time)


def connector(tool: Tool, **options: Any) -> MemoryConnector:
    return MemoryConnector(tool, Options(**options))


def create(key: str, **fields: Any) -> Edit:
    return Edit(Verb.CREATE, "contacts", key, fields=fields)


def update(id_: str, version: str | None = None, **fields: Any) -> Edit:
    return Edit(Verb.UPDATE, "contacts", "key", id_, fields, version=version)


def test_connections_that_name_one_world_share_it(time: VirtualTime) -> None:
    try:
        one = build(Context("a", {"world": "shared"}, time))
        other = build(Context("b", {"world": "shared"}, time))
        one.write("contacts", [create("k", email="a@example.com")])
        assert [remote.fields for remote in other.read("contacts", None).records] == [{"email": "a@example.com"}]
    finally:
        forget("shared")


def test_a_tool_respells_what_it_is_given_once_and_for_all(tool: Tool) -> None:
    tool.habits.spellings = spellings("phone: phone; last_name: squeeze, upper, truncate 5; name.nick: trim")
    (receipt,) = connector(tool).write(
        "contacts", [create("k", phone="+441134960000", last_name="van  der", **{"name.nick": " Bo "})]
    )
    kept = {"phone": "+4411 3496 0000", "last_name": "VAN D", "name": {"nick": "Bo"}}
    assert receipt.fields == kept
    tool.edit("contacts", receipt.remote_id or "", kept)
    assert tool.get("contacts", receipt.remote_id or "") == kept


def test_a_unique_field_is_held(tool: Tool) -> None:
    tool.habits.unique = {"contacts": "email"}
    first = tool.create("contacts", {"email": "a@example.com"})
    other = tool.create("contacts", {"email": "b@example.com"})
    made, changed = connector(tool).write(
        "contacts", [create("k", email="a@example.com"), update(other, email="a@example.com")]
    )
    assert isinstance(made.error, Exists)
    assert made.error.remote_id == first
    assert isinstance(changed.error, Refused)
    assert tool.writes == 0


def test_a_write_by_the_hub_counts_as_one(tool: Tool) -> None:
    talk = connector(tool)
    talk.write("contacts", [create("k1", a=1), create("k1", a=1), update("con-9", a=2)])
    assert tool.writes == 1
    assert tool.calls == {"write": 1}
    assert tool.writes_to == {("contacts", "con-1"): 1}


def test_a_create_whose_record_was_deleted_since_is_gone(tool: Tool) -> None:
    talk = connector(tool)
    (made,) = talk.write("contacts", [create("k", a=1)])
    tool.delete("contacts", made.remote_id or "")
    (again,) = talk.write("contacts", [create("k", a=1)])
    assert isinstance(again.error, Gone)
    found = talk.find("contacts", "k")
    assert found is not None
    assert found.deleted


def test_without_idempotence_a_repeat_makes_a_second_and_find_knows_the_first(tool: Tool) -> None:
    tool.habits.idempotent = False
    talk = connector(tool)
    first, second = talk.write("contacts", [create("k", a=1), create("k", a=1)])
    assert first.remote_id != second.remote_id
    found = talk.find("contacts", "k")
    assert found is not None
    assert found.id == first.remote_id


def test_without_versions_the_last_writer_wins(tool: Tool) -> None:
    id_ = tool.create("contacts", {"a": 1})
    assert isinstance(connector(tool).write("contacts", [update(id_, "v0", a=2)])[0].error, Stale)
    tool.habits.versions = False
    assert connector(tool).write("contacts", [update(id_, "v0", a=2)])[0].error is None
    assert tool.get("contacts", id_) == {"a": 2}


def test_a_merge_into_a_new_record_forwards_both(tool: Tool) -> None:
    one, two = (tool.create("contacts", {"name": name, name: 1}) for name in ("a", "b"))
    survivor = tool.merge("contacts", one, two, into_new=True)
    assert {remote.moved_to for remote in connector(tool).fetch("contacts", [one, two])} == {survivor}
    assert tool.get("contacts", survivor) == {"name": "a", "a": 1, "b": 1}


def test_a_record_that_is_turned_into_one_of_another_stream_forwards_there(tool: Tool, time: VirtualTime) -> None:
    one, two = (tool.create("contacts", {"name": name, name: 1}) for name in ("a", "b"))
    made = tool.convert("contacts", one, "deals")
    assert tool.convert("contacts", two, "deals", into=made) == made
    assert tool.get("deals", made) == {"name": "a", "a": 1, "b": 1}
    for remote in connector(tool).fetch("contacts", [one, two]):
        assert (remote.deleted, remote.moved_to, remote.moved_stream) == (True, made, "deals")
    (receipt,) = connector(tool).write("contacts", [update(one, name="c")])
    assert isinstance(receipt.error, Gone)
    assert (receipt.error.moved_to, receipt.error.moved_stream) == (made, "deals")
    (notice,) = connector(tool, webhook_secret=SECRET).receive(tool.webhook("contacts", one, secret=SECRET))
    assert notice.remote is not None
    assert (notice.kind, notice.remote.moved_to, notice.remote.moved_stream) == ("merged", made, "deals")


def test_what_is_missing_is_made_by_who_may(tool: Tool) -> None:
    talk = connector(tool)
    tool.missing.add("key_field")
    tool.forbidden.add("setup")
    with pytest.raises(Forbidden):
        talk.prepare("key_field")
    tool.forbidden.clear()
    with pytest.raises(Unsupported):
        talk.prepare("a coffee")
    assert [finding.fix for finding in talk.check().findings if not finding.ok] == ["key_field"]
    assert [finding.ok for finding in talk.prepare("key_field")] == [True]
    assert talk.check().ok


class Idle(MemoryConnector):
    """Says that it made what it did not make."""

    def prepare(self, fix: str) -> Sequence[Finding]:
        return [Finding(True, f"made {fix}")]


@pytest.mark.parametrize("broken", [True, False])
def test_the_contract_finds_out_who_makes_nothing(tool: Tool, broken: bool) -> None:
    tool.missing.add("key_field")
    made = (Idle if broken else MemoryConnector)(tool, Options())
    with pytest.raises(AssertionError) if broken else nullcontext():
        PreparingTests().test_preparing_twice_does_no_harm(made)


def test_an_id_may_come_back(tool: Tool) -> None:
    id_ = tool.create("contacts", {"a": 1})
    cursor = connector(tool).read("contacts", None).next
    tool.delete("contacts", id_)
    assert tool.create("contacts", {"a": 2}, id=id_) == id_
    (remote,) = connector(tool).read("contacts", cursor).records
    assert (remote.id, remote.deleted, remote.fields) == (id_, False, {"a": 2})
    assert tool.recreate("contacts", id_) != id_


def test_late_and_tied_stamps_are_older_or_equal_and_never_run_backwards(tool: Tool, time: VirtualTime) -> None:
    first = tool.create("contacts", {"a": 1})
    time.sleep(100)
    tool.mischief.once(Switch.LATE)
    late = tool.create("contacts", {"a": 2})
    tool.mischief.once(Switch.TIED)
    tied = tool.create("contacts", {"a": 3})
    stamps = {remote.id: remote.modified_at or 0 for remote in connector(tool).read("contacts", None).records}
    assert stamps[late] < time()
    assert stamps[tied] == max(stamps[first], stamps[late])
    tool.mischief.once(Switch.LATE)
    tool.edit("contacts", tied, {"a": 4})
    (again,) = connector(tool).fetch("contacts", [tied])
    assert (again.modified_at or 0) >= stamps[tied]


def test_skew_shows_in_stamps(tool: Tool, time: VirtualTime) -> None:
    tool.skew = 300 * SECOND
    id_ = tool.create("contacts", {})
    (remote,) = connector(tool).fetch("contacts", [id_])
    assert abs((remote.modified_at or 0) - time() - 300 * SECOND) < SECOND


def test_a_lagging_listing_shows_the_old_state_not_a_hole(tool: Tool, time: VirtualTime) -> None:
    id_ = tool.create("contacts", {"a": 1})
    time.sleep(60)
    tool.edit("contacts", id_, {"a": 2})
    tool.lag = 30 * SECOND
    (old,) = connector(tool, mode="listing").read("contacts", None).records
    assert old.fields == {"a": 1}
    assert connector(tool).fetch("contacts", [id_])[0].fields == {"a": 2}
    time.sleep(60)
    (new,) = connector(tool, mode="listing").read("contacts", None).records
    assert new.fields == {"a": 2}


def test_an_empty_answer_claims_to_be_complete(tool: Tool) -> None:
    tool.create("contacts", {})
    tool.mischief.once(Switch.EMPTY)
    page = connector(tool).read("contacts", None)
    assert (list(page.records), page.complete, page.more) == ([], True, False)
    assert len(connector(tool).read("contacts", page.next or None).records) == 1


def test_doors_can_be_shut(tool: Tool) -> None:
    tool.forbidden.add("contacts")
    with pytest.raises(Forbidden):
        connector(tool).read("contacts", None)
    assert not connector(tool).check().ok
    tool.down = True
    with pytest.raises(Unavailable):
        connector(tool).read("deals", None)


def test_cursors_can_be_expired_by_the_tool(tool: Tool) -> None:
    tool.create("contacts", {})
    cursor = connector(tool).read("contacts", None).next
    tool.expire_cursors()
    with pytest.raises(Exception, match="no longer honours"):
        connector(tool).read("contacts", cursor)
    fresh = connector(tool).read("contacts", None).next
    assert not connector(tool).read("contacts", fresh).records


def test_the_same_seed_makes_the_same_trouble(time: VirtualTime) -> None:
    def story() -> list[str]:
        mischief = Mischief(Random(7), {"throttled": 0.3, "lost_answer": 0.3, "partial": 0.2})
        tool = Tool(clock=VirtualTime(), mischief=mischief)
        told = []
        for number in range(40):
            try:
                (receipt,) = connector(tool).write("contacts", [create(f"k{number}", a=number)])
                told.append(str(receipt.error))
            except Exception as error:
                told.append(str(error))
        return told

    assert story() == story()
    assert len(set(story())) == 4


def test_whoever_listens_hears_of_each_change(tool: Tool) -> None:
    heard: list[tuple[str, str]] = []
    tool.on_change = lambda stream, id_: heard.append((stream, id_))
    id_ = tool.create("contacts", {})
    connector(tool).write("contacts", [update(id_, a=1)])
    assert heard == [("contacts", id_)] * 2


def test_a_world_on_disk_is_seen_by_another_tool(tmp_path: Path, time: VirtualTime) -> None:
    path = tmp_path / "crm.json"
    mine, theirs = (Tool(clock=time, path=path) for _ in range(2))
    id_ = mine.create("contacts", {"a": 1})
    connector(theirs).write("contacts", [update(id_, a=2), create("k", a=3)])
    assert mine.get("contacts", id_) == {"a": 2}
    assert mine.writes == 2
    found = connector(mine).find("contacts", "k")
    assert found is not None
    assert found.fields == {"a": 3}
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".json", ".lock"]


KILLED = """
import os, signal, sys
from pathlib import Path
from connectors.memory.connector import MemoryConnector, Options
from connectors.memory.tool import Tool
from core.ports import Edit, Verb

tool = Tool(clock=lambda: 1_000_000, path=Path(sys.argv[1]))
tool.on_change = lambda stream, id_: id_ == "con-3" and os.kill(os.getpid(), signal.SIGKILL)
edits = [Edit(Verb.CREATE, "contacts", f"k{n}", fields={"n": n}) for n in range(10)]
MemoryConnector(tool, Options()).write("contacts", edits)
"""


def test_a_kill_in_the_middle_of_a_batch_leaves_the_first_items_done(tmp_path: Path, time: VirtualTime) -> None:
    path = tmp_path / "crm.json"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    killed = subprocess.run([sys.executable, "-c", KILLED, path], env=environment, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL
    after = Tool(clock=time, path=path)
    talk = connector(after)
    assert [fields["n"] for fields in after.all("contacts").values()] == [0, 1, 2]
    assert [talk.find("contacts", f"k{n}") is not None for n in range(5)] == [True, True, True, False, False]
    talk.write("contacts", [create(f"k{n}", n=n) for n in range(10)])
    assert len(after.all("contacts")) == 10


def test_a_lost_answer_is_unknown_although_all_was_done(tool: Tool) -> None:
    tool.mischief.once(Switch.LOST_ANSWER)
    with pytest.raises(Unknown):
        connector(tool).write("contacts", [create("k1", a=1), create("k2", a=2)])
    assert len(tool.all("contacts")) == 2


def test_the_payload_of_a_changed_contact_is_read(tool: Tool, time: VirtualTime) -> None:
    body = (Path(__file__).parent / "payloads" / "contact.changed.synthetic.json").read_bytes()
    headers = sign_standard(body, id_="evt-7", sent_at=time(), secret=SECRET)
    request = Request("POST", "https://hub.example/hooks/memory", headers, body, time())
    (notice,) = connector(tool, webhook_secret=SECRET).receive(request)
    assert (notice.kind, notice.event_id, notice.stream) == ("changed", "evt-7", "contacts")
    assert notice.remote is not None
    assert (notice.remote.id, notice.remote.version, notice.remote.deleted) == ("con-1", "v7", False)
    assert notice.remote.fields == {"email": "ada@example.com", "first_name": "Ada"}


def test_a_walk_by_stamp_that_rested_in_the_middle_loses_no_edit(tool: Tool, time: VirtualTime) -> None:
    tool.habits.resolution, tool.habits.cap = SECOND, 2
    ids = [tool.create("contacts", {"a": number}) for number in range(3)]
    talk = connector(tool, mode="stamp")
    page = talk.read("contacts", None)
    tool.edit("contacts", ids[0], a="edited in the second at which the walk stands")
    time.sleep(3_600)
    tool.edit("contacts", ids[2], a="edited long after")
    while page.more:
        page = talk.read("contacts", page.next)
    assert ids[0] in {remote.id for remote in talk.read("contacts", page.next).records}
