"""`python -m tests.fuzz.guided WHAT SECONDS`: noise that coverage guides, at a webhook's door or the mapping checker.

WHAT is `mappings`, or a tool whose webhooks are signed as it signs them, so that the noise gets behind the signature.
Runs in an environment of its own (`make fuzz-guided`), whose fuzzer Python's own sanitizer drives; what crashes is
written to a file, whose name is printed, and tried again by naming that file after SECONDS.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["connectors", "core.mapping", "core.model"]):
    from connectors.google_calendar.connector import build as google_calendar
    from connectors.hubspot.connector import build as hubspot
    from connectors.mailchimp.connector import build as mailchimp
    from connectors.memory.connector import build as memory
    from connectors.stripe.connector import build as stripe
    from core.errors import ConcordError, ConfigError
    from core.mapping.check import check_text
    from core.model.instant import SECOND
    from core.model.shapes import SHAPES
    from core.ports import Context, Notice, Request
    from tests.fuzz import signing
    from tests.fuzz.lines import lines

NOW, SECRET = 1_795_251_602 * SECOND, "whsec_a-secret-of-the-sender"
CORPUS = Path("var/fuzz")
"""Inputs that reached something new, by target; gone on from in the next run."""
LONGEST = 4_000
"""Bytes of an input; known good ones that are no longer begin the corpus."""
_OAUTH = {"client_id": "c", "client_secret": "s", "refresh_token": "r"}
TOOLS: Mapping[str, tuple[Callable[[Context], Any], Mapping[str, str], signing.Signing, str]] = {
    "hubspot": (hubspot, {"token": "pat-none", "client_secret": SECRET}, signing.hubspot, ""),
    "mailchimp": (
        mailchimp,
        {"api_key": "k-us1", "audience": "a1", "webhook_secret": "chosen", "signing_secret": SECRET},
        signing.mailchimp,
        "?secret=chosen",
    ),
    "stripe": (stripe, {"api_key": "sk_test_1", "webhook_secret": SECRET}, signing.stripe, ""),
    "memory": (memory, {"world": "guided", "webhook_secret": SECRET}, signing.memory, ""),
    "google_calendar": (google_calendar, {**_OAUTH, "channel_token": SECRET}, signing.google, ""),
}


def door(tool: str) -> Callable[[bytes], None]:
    """What a tool sends, signed: it gives notices, or is refused in words."""
    build, settings, signs, query = TOOLS[tool]
    connector = build(Context("guided", dict(settings), clock=lambda: NOW))
    url = f"https://hub.example/hooks/{tool}{query}"

    def send(body: bytes) -> None:
        with suppress(ConcordError):
            told = connector.receive(Request("POST", url, dict(signs(url, SECRET, body, NOW)), body, NOW))
            assert all(isinstance(one, Notice) for one in told)

    return send


def mapping(noise: bytes) -> None:
    """Any text: it gives problems with their places."""
    text = noise.decode("utf-8", "replace")
    with suppress(ConfigError):
        problems = check_text(text, file="fuzz.yaml", shapes=SHAPES)
        assert all(one.what and 0 <= one.line <= lines(text) + 1 for one in problems)


def main() -> None:
    """Fuzz one target for so long."""
    what, seconds, *files = sys.argv[1:]
    if what not in ("mappings", *TOOLS):
        sys.exit(f"There is nothing called '{what}' to fuzz. Choose mappings, {', '.join(TOOLS)}.")
    corpus = CORPUS / what
    corpus.mkdir(parents=True, exist_ok=True)
    for one in Path("mappings").glob("*.yaml") if what == "mappings" else Path("connectors", what).glob("payloads/*"):
        if one.is_file() and one.stat().st_size <= LONGEST:
            (corpus / one.name).write_bytes(one.read_bytes())
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=20", "-rss_limit_mb=2000"]
    options.append(f"-artifact_prefix={CORPUS}/")
    atheris.Setup([sys.argv[0], *options, *(files or [str(corpus)])], mapping if what == "mappings" else door(what))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
