"""`python -m tests.advisories`: looks every pinned package up among the published advisories, by pip-audit.

Ends with 0 when nothing is known against any of them, with 1 and a list when something is, and with 2 when
the service could not be asked about all: silence is then no answer. Looks at the lock alone, installs nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.sbom import LOCK

AUDITOR = Path(".venv-audit/bin/pip-audit")


class Advisory(NamedTuple):
    """What is known against a package."""

    package: str
    version: str
    id: str
    mended_in: tuple[str, ...]

    def __str__(self) -> str:
        mended = f"mended in {' and '.join(self.mended_in)}" if self.mended_in else "not mended yet"
        return f"{self.package} {self.version}: {self.id}, {mended}"


class Answer(NamedTuple):
    """What the service said."""

    asked: int
    unanswered: dict[str, str]
    """Package → why nothing is known of it."""
    advisories: list[Advisory]

    @property
    def code(self) -> int:
        """What the command ends with."""
        return 1 if self.advisories else 2 if self.unanswered or not self.asked else 0


def read(report: Mapping[str, Any]) -> Answer:
    """The answer in a report of pip-audit's (`--format json`)."""
    unanswered, found = {}, []
    for one in report["dependencies"]:
        if "skip_reason" in one:
            unanswered[one["name"]] = one["skip_reason"]
        for hole in one.get("vulns", ()):
            found.append(Advisory(one["name"], one["version"], hole["id"], tuple(hole["fix_versions"])))
    return Answer(len(report["dependencies"]), unanswered, sorted(found))


def main() -> int:
    """Ask, and tell."""
    words = [str(AUDITOR), "--requirement", str(LOCK), "--require-hashes", "--disable-pip"]
    words += ["--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    try:
        answer = read(json.loads(done.stdout))
    except (ValueError, KeyError):
        sys.stderr.write(f"The advisories could not be had: {done.stderr.strip().splitlines()[-1:] or ['no word']}\n")
        return 2
    for one in answer.advisories:
        sys.stdout.write(f"{one}\n")
    known = answer.asked - len(answer.unanswered)
    sys.stdout.write(f"{known} of {answer.asked} packages looked up, {len(answer.advisories)} advisories\n")
    if answer.unanswered:
        why = next(iter(answer.unanswered.values()))
        sys.stdout.write(f"Nothing was said of the others, e.g.: {why}. Run it where pypi.org itself can be reached.\n")
    return answer.code


if __name__ == "__main__":
    sys.exit(main())
