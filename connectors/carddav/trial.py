"""What is tried of an address book: a few people's cards, one with a line that no other tool knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from connectors._kit.samples import HERE, Person
from connectors._kit.stand_in import StandIn, line_of
from connectors.carddav.sandbox import Sandbox
from core.ports import Clock


@contextmanager
def opened(clock: Clock) -> Iterator[StandIn]:  # noqa: ARG001 -- an address book stamps nothing
    """The stand-in while it runs."""
    with Sandbox() as box:
        for one in HERE:
            box.put(f"sample-{one.number}.vcf", _card(one))
        settings = {"url": box.url, "username": box.username, "password": box.password}
        yield StandIn(settings, (line_of(box.url),), lambda: box.written)


def _card(one: Person) -> str:
    lines = [
        "BEGIN:VCARD", "VERSION:3.0", f"UID:sample-{one.number}", f"FN:{one.first} {one.last}",
        f"N:{one.last};{one.first};;;", f"EMAIL;TYPE=INTERNET:{one.email}", f"TEL;TYPE=WORK,VOICE:{one.phone}",
        f"ORG:{one.company.name}", *([f"TITLE:{one.title}"] if one.number % 2 else []),
        *(["X-FAVOURITE-TEA:Assam"] if one.number == 2 else []), "END:VCARD",
    ]  # fmt: skip
    return "\r\n".join(lines) + "\r\n"
