"""Walks the bounce mailbox by UID, and says of each address what stands: a complaint before a bounce, the newest last.

The cursor is (UIDVALIDITY, last UID). Reports say nothing about each other, and a walk sees them in the order in which
they came; so a bounce on a page is held against all complaints in the mailbox, which are few and easily found, lest it
hide one. A mail that somebody threw away changes nothing: no walk says that it showed all there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from connectors.smtp.imapwords import Mail
from connectors.smtp.mailbox import Mailbox, Place
from connectors.smtp.reports import COMPLAINT, HARD, Evidence, is_report, read_report
from core.errors import CursorExpired
from core.model.instant import Instant, iso
from core.ports import Cursor, Page, Remote

WINDOW = 1_000
"""UIDs that are looked through at once; providers cap an answer to SEARCH there (RFC 9738)."""
WINDOWS = 50
"""Windows without a mail after which a page ends all the same."""


class Sighting(NamedTuple):
    """What one report said about one address, and when."""

    evidence: Evidence
    uid: int
    at: Instant

    @property
    def weight(self) -> tuple[bool, int]:
        """What stands is what weighs most."""
        return self.evidence.status == COMPLAINT, self.uid


class Bounces:
    """The bounce mailbox as a stream."""

    def __init__(self, mailbox: Mailbox, name: str, page_size: int) -> None:
        self.name = name
        self._mailbox = mailbox
        self._size = max(1, page_size)
        self._validity = 0
        self._complaints: dict[int, list[Sighting]] = {}
        """UID → what it says; a mail never changes."""

    def read(self, cursor: Cursor | None) -> Page:
        """The next page of mails, as records of the addresses in their reports. `CursorExpired` when UIDs are void."""
        place = self._mailbox.examine(self.name)
        after = 0
        if cursor:
            if cursor.get("uidvalidity") != place.uidvalidity:
                raise CursorExpired("The mailbox was made anew: its UIDs are void.", stream="bounces")
            after = int(cursor.get("uid") or 0)
        uids, upto = self._following(after, place)
        sightings, problems = self._seen(uids)
        if any(one.evidence.status == HARD for one in sightings):
            addresses = {one.evidence.address for one in sightings}
            sightings += [one for one in self._complained(place) if one.evidence.address in addresses]
        following = {"uidvalidity": place.uidvalidity, "uid": upto}
        return Page(_records(sightings), following, more=upto < place.uidnext - 1, problems=problems)

    def fetch(self, ids: Sequence[str]) -> list[Remote]:
        """What stands about these addresses; a tombstone where no report in the mailbox is about one."""
        if not ids:
            return []
        place = self._mailbox.examine(self.name)
        uids = {uid for id_ in ids for uid in self._mailbox.search(self.name, "TEXT", id_)}
        sightings = [*self._seen(sorted(uids))[0], *self._complained(place)]
        if {one.evidence.address for one in sightings}.issuperset(ids):
            return _asked_for(ids, sightings)
        # Not every server looks into what is encoded, and nothing shall be called gone that is there.
        coded = set(self._mailbox.search(self.name, 'HEADER Content-Type "report" TEXT', "base64")) - uids
        return _asked_for(ids, [*sightings, *self._seen(sorted(coded))[0]])

    def _following(self, after: int, place: Place) -> tuple[list[int], int]:
        """The UIDs of the next page, and up to where they were looked for."""
        end = place.uidnext - 1
        for _ in range(WINDOWS):
            if after >= end:
                break
            until = min(after + WINDOW, end)
            uids = self._mailbox.between(self.name, after + 1, until)
            if len(uids) > self._size:
                return uids[: self._size], uids[self._size - 1]
            after = until
            if uids:
                return uids, after
        return [], after

    def _seen(self, uids: Sequence[int]) -> tuple[list[Sighting], list[str]]:
        """What the reports among these mails say, and which of them cannot be read."""
        sightings: list[Sighting] = []
        problems: list[str] = []
        for start in range(0, len(uids), self._size):
            for mail in self._reports(uids[start : start + self._size]):
                said, problem = read_report(mail.raw)
                sightings += [Sighting(one, mail.uid, mail.at) for one in said]
                problems += [f"{self.name}, mail {mail.uid}: {problem}."] if problem else []
        return sightings, problems

    def _reports(self, uids: Sequence[int]) -> list[Mail]:
        kinds = self._mailbox.headers(self.name, uids, "CONTENT-TYPE")
        wanted = [mail.uid for mail in kinds if is_report(mail.raw.decode("utf-8", "replace"))]
        return self._mailbox.mails(self.name, wanted)

    def _complained(self, place: Place) -> list[Sighting]:
        """All complaints in the mailbox."""
        if place.uidvalidity != self._validity:
            self._validity, self._complaints = place.uidvalidity, {}
        uids = self._mailbox.search(self.name, "HEADER Content-Type", "feedback-report")
        self._complaints = {uid: self._complaints[uid] for uid in uids if uid in self._complaints}
        unread = [uid for uid in uids if uid not in self._complaints]
        self._complaints |= {uid: [] for uid in unread}
        for one in self._seen(unread)[0]:
            self._complaints[one.uid].append(one)
        return [one for sightings in self._complaints.values() for one in sightings]


def _asked_for(ids: Sequence[str], sightings: Iterable[Sighting]) -> list[Remote]:
    found = {remote.id: remote for remote in _records(sightings)}
    return [found.get(id_) or Remote(id_, {}, deleted=True) for id_ in ids]


def _records(sightings: Iterable[Sighting]) -> list[Remote]:
    standing: dict[str, Sighting] = {}
    for one in sorted(sightings, key=lambda one: one.weight):
        standing[one.evidence.address] = one
    return [_record(one) for one in sorted(standing.values(), key=lambda one: one.uid)]


def _record(sighting: Sighting) -> Remote:
    address, status, code, reason = sighting.evidence
    fields = {"address": address, "status": status, "code": code, "reason": reason, "at": iso(sighting.at)}
    return Remote(address, fields, modified_at=sighting.at)
