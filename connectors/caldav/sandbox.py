"""The stand-in calendar server: what RFC 4791 and 6638 add to the kit's WebDAV server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar
from xml.etree import ElementTree

from connectors._kit.dav import sandbox as kit
from connectors._kit.dav.sandbox import DavSandbox, Kind, Stored, uid
from connectors._kit.mischief import Mischief

__all__ = ["Habits", "Sandbox"]

CAL = "{urn:ietf:params:xml:ns:caldav}"
_BOTH = ("VEVENT", "VTODO")


@dataclass
class Habits(kit.Habits):
    """A calendar server's ways. The defaults are those of a good one."""

    components: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Calendar → the components it takes; both, where it is not named."""
    tells_components: bool = True
    """Its content types name the component, as those of Radicale and sabre/dav do, and of Xandikos do not."""
    schedules: bool = False
    """It writes to invited people by itself (`calendar-auto-schedule`)."""


class Sandbox(DavSandbox):
    """The server; see `connectors._kit.dav.sandbox`."""

    kind: ClassVar[Kind] = Kind(
        space=CAL, well_known="caldav", home="calendar-home-set", collection="calendar", data="calendar-data",
        multiget="calendar-multiget", query="calendar-query", media="text/calendar", usual="calendar",
    )  # fmt: skip
    habits: Habits

    def __init__(self, habits: Habits | None = None, mischief: Mischief | None = None) -> None:
        super().__init__(habits or Habits(), mischief)

    def features(self) -> str:
        """What the `DAV` header of OPTIONS says."""
        return "1, 3, access-control, calendar-access" + (", calendar-auto-schedule" if self.habits.schedules else "")

    def media(self, body: str) -> str:
        """The content type, with the component where the server tells it."""
        component = f";component={_component(body).lower()}" if self.habits.tells_components else ""
        return f"text/calendar;charset=utf-8{component}"

    def props(self, name: str) -> Mapping[str, str]:
        """Which components a calendar takes."""
        told = "".join(f'<C:comp name="{one}"/>' for one in self.habits.components.get(name, _BOTH))
        return {f"{CAL}supported-calendar-component-set": told}

    def fault(self, name: str, body: str) -> tuple[int, str] | None:
        """As RFC 4791 §5.3.2.1 asks: one kind of component, one UID, what the standard needs, no METHOD."""
        lines = re.sub(r"\r?\n[ \t]", "", body).splitlines()
        found = {line.partition(":")[2] for line in lines if line.startswith("BEGIN:")} & {*_BOTH, "VJOURNAL"}
        if not body.startswith("BEGIN:VCALENDAR") or lines[-1] != "END:VCALENDAR" or "VERSION:2.0" not in lines:
            return 400, "valid-calendar-data"
        if len(found) == 1 and not found <= set(self.habits.components.get(name, _BOTH)):
            return 403, "supported-calendar-component"
        ids = {line for line in lines if line.startswith("UID:")}
        whole = not _without("DTSTAMP", lines) and not (found == {"VEVENT"} and _without("DTSTART", lines))
        if len(found) != 1 or len(ids) != 1 or not whole or any(line.startswith("METHOD:") for line in lines):
            return 400, "valid-calendar-object-resource"
        return _undescribed(lines)

    def respelt(self, body: str) -> str:
        """As servers that store what they parsed: no folds, names upper case, stamps of their own, titles trimmed."""
        lines = re.sub(r"\r?\n[ \t]", "", body).strip().splitlines()
        respelt = [re.sub(r"^([^:;]+)", lambda found: found[1].upper(), line) for line in lines]
        squeezed = [re.sub(" +", " ", line).rstrip() if line.startswith("SUMMARY") else line for line in respelt]
        kept = [line for line in squeezed if not line.startswith(("PRODID", "COMMENT"))]
        return "\r\n".join([kept[0], "PRODID:-//Sandbox//EN", *kept[1:], ""])

    def searched(self, query: ElementTree.Element, members: Mapping[str, Stored]) -> Mapping[str, Stored]:
        """Objects of a component with a UID, which is all that is asked for."""
        wanted = query.findtext(f".//{CAL}text-match")
        filters = [one.get("name") for one in query.iter(f"{CAL}comp-filter")]
        return {
            name: one
            for name, one in members.items()
            if _component(one.body) == filters[-1] and (wanted is None or wanted in uid(one.body))
        }


def _component(body: str) -> str:
    found = re.search(r"(?m)^BEGIN:(VEVENT|VTODO|VJOURNAL)\r?$", body)
    return found[1] if found else ""


def _without(name: str, lines: list[str]) -> bool:
    """Whether some event or task lacks a property."""
    inside, told = False, True
    for line in lines:
        if line in ("BEGIN:VEVENT", "BEGIN:VTODO"):
            inside, told = True, False
        elif line in ("END:VEVENT", "END:VTODO"):
            if not told:
                return True
            inside = False
        elif inside and re.split("[:;]", line)[0] == name:
            told = True
    return False


def _undescribed(lines: list[str]) -> tuple[int, str] | None:
    """A time zone must be described in the object that names it (RFC 5545 §3.2.19)."""
    named = {found[1].strip('"') for line in lines if (found := re.match(r'[A-Z-]+[^:]*;TZID=("[^"]*"|[^;:]*)', line))}
    described = {line.partition(":")[2] for line in lines if line.startswith("TZID:")}
    return None if named <= described else (400, "valid-calendar-data")
