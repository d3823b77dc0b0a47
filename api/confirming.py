"""Confirming sign-ups: which mail is sent by which connection, and where its link leads (`consent:` in concord.yaml).

The words are those of `confirm.txt` in the data folder, or the ones that come with the hub: the first line is the
subject, and `{link}` stands where the person is led.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from api.preferences import link
from api.sending import mail_connection, sender
from core.errors import ConfigError, ToolError
from core.flow.consent.confirming import Letter, confirm
from core.flow.leasing import held, take
from core.flow.running import Run

if TYPE_CHECKING:
    from api.assembly import Installation
    from core.flow.hub import Hub

FILE = "confirm.txt"


def ask_sign_ups(installation: Installation, hub: Hub | None = None, *, holder: str = "here") -> None:
    """Ask whoever signed up since the last time, where the configuration says so.

    What the mail server says stands in the log, and is tried again with the next round. One worker at a time asks:
    another one would ask the same people.
    """
    hub, asked = hub or installation.hub(), installation.asking()
    # Whoever signs up by a form of ours is asked by us: nobody else does.
    sources = {*asked.sources, *(one.form.speaks_as for one in hub.forms.values())}
    if asked.mail is None or not sources or not hub.profile.double_opt_in:
        return
    connection = mail_connection(hub, asked.mail)
    if connection is None:
        return
    letter = letter_of(installation.settings.data / FILE)
    lease = take(hub, "confirm", holder)
    if lease is None:
        return
    with held(hub, "confirm", lease) as own, suppress(ToolError), Run(own, connection.id, "confirm") as run:
        done = confirm(
            own,
            sender(own, connection, "consent: {mail: …}"),
            letter,
            lambda record_id, field: f"{link(installation, record_id)}/confirm/{field}",
            sources=sources,
        )
        run.counts = done.counts()


def letter_of(own: Path) -> Letter:
    """The words of the mail; `ConfigError` where they do not say where to go."""
    file = own if own.exists() else Path(__file__).parent / "templates" / FILE
    subject, _, text = file.read_text(encoding="utf-8").partition("\n")
    if "{link}" not in text or not subject.strip():
        raise ConfigError(
            f"{file} is no letter: it has no subject, or does not say where to go.",
            remedy="Write the subject into the first line, and {link} where the person is led.",
        )
    return Letter(subject.strip(), text.lstrip("\n"))
