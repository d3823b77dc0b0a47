"""What the README says runs: its commands are taken out of it and tried, in order, on the demo's own business.

Commands that would ask a person, reach the internet or run for ever are held against `--help` instead.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from api.demo import business

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONCORD = [sys.executable, "-c", "from api.cli import main; main()"]
# Beginnings of commands that are not carried out.
ONLY_READ = ("connect carddav", "up", "demo")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def concord(words: list[str], where: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CONCORD, *words], cwd=where, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as after `make demo` was ended, with somebody's own files beside it."""
    where = tmp_path_factory.mktemp("readme")
    (where / "files").mkdir()
    for name, text in business.sheets().items():
        if name == "deals.csv":
            continue
        (where / "files" / name).write_bytes(text.encode())
    (where / "concord.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    ended = concord(["demo", "--once", "--json"], where, clean())
    assert ended.returncode == 0, ended.stderr
    return where


def clean() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CONCORD_")}
    return {**kept, "PYTHONPATH": str(ROOT)}


def exported(file: Path) -> dict[str, str]:
    """What a file for the shell exports."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return dict(shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in lines)


@pytest.mark.slow
def test_the_commands_run_as_written(home: Path):
    environment, tried = clean(), 0
    for line in "".join(blocks("sh")).splitlines():
        words = shlex.split(line)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            environment[name] = value
            continue
        if words[0] == ".":
            environment |= exported(home / words[1])
            continue
        if words[0] == "echo":
            subprocess.run(["sh", "-c", line], cwd=home, check=True)
            continue
        assert words[0] == ".venv/bin/concord", line
        tried += 1
        if " ".join(words[1:]).startswith(ONLY_READ):
            told = concord([words[1], "--help"], home, environment)
            options = {word for word in words if word.startswith("--")}
            assert told.returncode == 0
            assert all(option in told.stdout for option in options), line
            continue
        ended = concord(words[1:], home, environment)
        assert ended.returncode == 0, f"{line}\n{ended.stdout}\n{ended.stderr}"
    assert tried > 10


def test_the_two_commands_are_in_the_makefile():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in blocks("")[0].splitlines():
        make, target = line.split()
        assert make == "make"
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_command_is_in_the_table():
    from api.cli import app

    named = set(re.findall(r"^\| `concord (\w+)", README, re.MULTILINE))
    commands = {one.name or getattr(one.callback, "__name__", "") for one in app.registered_commands}
    groups = {one.name for one in app.registered_groups}
    assert named == commands | groups


def test_every_link_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_every_named_setting_is_one():
    from api.remote import ADDRESS, KEY
    from api.settings import Settings

    known = {f"CONCORD_{name.upper()}" for name in Settings.model_fields} | {"CONCORD_LOG", "CONCORD_LOG_FORMAT"}
    known |= {ADDRESS, KEY}
    assert set(re.findall(r"`(CONCORD_\w+)`", README)) <= known
