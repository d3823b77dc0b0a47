"""The connector keeps the contract on a stand-in for a mail provider: by password, and by token over TLS."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connectors._kit.catalogue import entry
from connectors._kit.clock import VirtualTime
from connectors._kit.contract import ContractSuite, Harness
from connectors._kit.mischief import Mischief
from connectors.smtp.connector import Mail, build
from connectors.smtp.sandbox import Sandbox
from connectors.smtp.sandbox_certificate import certificate_in
from connectors.smtp.sandbox_tokens import TokenDesk
from core import mapping
from core.errors import ToolError
from core.model.shapes import SHAPES
from core.ports import Context, Cursor, Fields, Message, Page, Receipt, Remote

STREAM = "bounces"


class MailHarness(Harness):
    connector = "smtp"

    def start(self) -> None:
        self.mischief = Mischief()
        self.box = self.opened()
        self.box.start()
        self.box.manners.rejected["gone@example.com"] = "550 5.1.1 No such user here"
        self.connectors: list[Any] = []

    def opened(self) -> Sandbox:
        return Sandbox(clock=self.time, mischief=self.mischief)

    def connect(self, settings: Mapping[str, Any] | None = None) -> Any:
        self.connectors.append(super().connect(settings))
        return self.connectors[-1]

    def close(self) -> None:
        for connector in self.connectors:
            connector.close()
        self.box.stop()

    def take_down(self) -> None:
        self.box.stop()

    def settings(self) -> dict[str, Any]:
        return {**self.box.settings(), "page_size": 3}

    def sample(self, stream: str, number: int) -> Fields:
        return {
            "address": f"p{number}@example.com", "status": "hard", "code": "5.1.1",
            "reason": f"550 5.1.1 <p{number}@example.com>: unknown",
        }  # fmt: skip

    def change(self, stream: str, number: int) -> Fields:
        return {"reason": f"550 5.1.1 still nobody, for the {number}. time"}

    def create(self, stream: str, fields: Fields) -> str:
        self.box.bounce(fields["address"], fields["code"], fields["reason"])
        return str(fields["address"])

    def edit(self, stream: str, id_: str, fields: Fields) -> None:
        self.box.bounce(id_, "5.1.1", fields["reason"])

    def delete(self, stream: str, id_: str) -> None:
        self.box.tidy(id_)

    def refused_message(self) -> Message | None:
        return Message("to-nobody", "gone@example.com", "Hello", "Is anybody there?")

    def arrived(self) -> list[tuple[str, str]]:
        return [(one.to[0], header(one.raw, "Message-ID")) for one in self.box.sent]


def header(raw: bytes, name: str) -> str:
    """A header of a mail as it was sent, unfolded; blank where there is none."""
    head = re.sub(r"\r\n[ \t]+", " ", raw.decode().partition("\r\n\r\n")[0])
    found = re.search(rf"^{name}: *(.*)$", head.replace("\r\n", "\n"), re.MULTILINE)
    return found[1] if found else ""


class TestMail(ContractSuite):
    harness = MailHarness


class TokenHarness(MailHarness):
    """Encrypted by STARTTLS, and signed in by tokens that OAuth gives."""

    def opened(self) -> Sandbox:
        self.certificate = certificate_in(self.folder)
        box = Sandbox(clock=self.time, mischief=self.mischief, tls=self.certificate.server, token="not-yet")
        self.desk = TokenDesk(box.door, clock=self.time)
        self.desk.start()
        return box

    def close(self) -> None:
        super().close()
        self.desk.stop()

    def settings(self) -> dict[str, Any]:
        rest = {name: value for name, value in super().settings().items() if name != "password"}
        return {**rest, **self.desk.settings(), "ca_file": str(self.certificate.file)}


class TestMailByTokenOverTls(ContractSuite):
    harness = TokenHarness


class Trial:
    """A stand-in, a connection to it, and short words for both."""

    def __init__(self, *, box: dict[str, Any] | None = None, **more: Any) -> None:
        self.time = VirtualTime(tick=1000)
        self.mischief = Mischief()
        self.box = Sandbox(clock=self.time, mischief=self.mischief, **(box or {}))
        self.box.start()
        self.settings = {**self.box.settings(), **more}
        self.connectors: list[Mail] = []
        self.saved: list[tuple[str, str]] = []
        self.connector = self.connect()

    def connect(self, **more: Any) -> Mail:
        """Another process with the same connection; a setting that is None is left out."""
        settings = {name: value for name, value in {**self.settings, **more}.items() if value is not None}
        context = Context("trial", settings, clock=self.time, sleep=self.time.sleep, save_secret=self.save)
        self.connectors.append(build(context))
        return self.connectors[-1]

    def save(self, name: str, value: str) -> None:
        self.saved.append((name, value))

    def close(self) -> None:
        for connector in self.connectors:
            connector.close()
        self.box.stop()

    def send(self, *messages: Message) -> list[Receipt]:
        return list(self.connector.send(messages))

    def failure(self, *messages: Message) -> ToolError:
        """What goes wrong with the first message, raised or in its receipt."""
        try:
            receipts = self.send(*messages)
        except ToolError as error:
            return error
        assert receipts[0].error is not None
        return receipts[0].error

    def page(self, cursor: Cursor | None = None) -> Page:
        return self.connector.read(STREAM, cursor)

    def walk(self, cursor: Cursor | None = None) -> dict[str, Remote]:
        """The last word about each address, from a cursor on."""
        found: dict[str, Remote] = {}
        for _ in range(1000):
            page = self.connector.read(STREAM, cursor)
            found |= {remote.id: remote for remote in page.records}
            cursor = page.next
            if not page.more:
                return found
        raise AssertionError("the walk does not end")


def to(name: str = "pat", **more: Any) -> Message:
    """A message to NAME@example.org, with a key of its own."""
    told = {"key": f"key-{name}", "to": f"{name}@example.org", "subject": "Your order", "text": "It is on its way."}
    return Message(**(told | more))


def test_the_default_mapping_reads_bounces_as_evidence() -> None:
    words = mapping.load(entry("smtp").mapping_path.read_text(encoding="utf-8"), file="smtp.yaml")
    bounces = mapping.translator(words.streams[STREAM], shapes=SHAPES)
    rows = [{"address": "Pat@Example.org", "status": status} for status in ("hard", "complaint")]
    read = [(one.values.get("email"), one.values.get("consent.email")) for one in bounces.read(rows)]
    assert read == [("pat@example.org", "suppressed"), ("pat@example.org", "denied")]
    assert not bounces.write({"email": "pat@example.org", "consent.email": "granted"}).fields
