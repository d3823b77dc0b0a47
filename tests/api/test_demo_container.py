"""The container files say what is true of the program: commands, paths, the lock, and a user without power.

The image itself is built where there is an engine; here both files are read and held against the code.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from api.cli import app
from api.lanes import Lane
from api.settings import Settings

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """(word, rest) of each instruction, lines joined and comments left out."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    start = max(place for place, (word, _) in enumerate(found) if word == "FROM")
    return found[start:]


def said(word: str, where: list[tuple[str, str]]) -> list[str]:
    return [rest for one, rest in where if one == word]


def compose() -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return read


def options_of(words: list[str]) -> None:
    """A command of the program with options that it has."""
    assert words[0] == "concord"
    command = next(one for one in app.registered_commands if getattr(one.callback, "__name__", "") == words[1])
    known = set(getattr(command.callback, "__annotations__", ()))
    for word in words[2:]:
        if word.startswith("--"):
            assert word.removeprefix("--").replace("-", "_") in known, word


def test_every_stage_is_a_slim_python_that_the_project_supports() -> None:
    bases = [rest.split()[0] for rest in said("FROM", instructions())]
    assert set(bases) == {"python:3.11-slim"}


def test_everything_comes_from_the_lock_with_hashes_and_from_no_named_index() -> None:
    installs = [shlex.split(rest) for rest in said("RUN", instructions()) if "pip install" in rest]
    assert len(installs) == 2
    locked, own = installs
    assert {"--require-hashes", "--only-binary=:all:", "requirements.lock"} <= set(locked)
    assert {"--no-deps", "--no-build-isolation", "."} <= set(own)
    files = [(ROOT / name).read_text(encoding="utf-8") for name in ("Dockerfile", "docker-compose.yml")]
    text = "\n".join(line for one in files for line in one.splitlines() if not line.startswith("#"))
    assert not re.findall(r"index-url|find-links|trusted-host|PIP_", text)
    assert not [url for url in re.findall(r"https?://[^\s/'\"]+", text) if "127.0.0.1" not in url]


def test_it_runs_as_a_user_without_power_that_owns_the_data_folder() -> None:
    stage = last_stage()
    (user,) = said("USER", stage)
    assert user not in ("root", "0")
    made = " ".join(said("RUN", stage))
    assert f"useradd --system --uid 10001 --create-home {user}" in made
    assert f"--owner={user}" in made
    words = [word for word, _ in stage]
    assert words.index("USER") < words.index("CMD")
    assert said("VOLUME", stage) == ["/data"]
    assert "CONCORD_DATA=/data" in " ".join(said("ENV", stage))


def test_it_runs_the_hub_and_asks_the_page_that_tells_its_health() -> None:
    stage = last_stage()
    command = json.loads(said("CMD", stage)[0])
    assert command[:2] == ["concord", "up"]
    options_of(command)
    port = command[command.index("--port") + 1]
    assert said("EXPOSE", stage) == [port]
    (health,) = said("HEALTHCHECK", stage)
    asked = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", health)
    assert asked is not None
    assert asked[1] == port
    assert f'"{asked[2]}"' in (ROOT / "api" / "app.py").read_text(encoding="utf-8")
    python = json.loads(health.partition("CMD")[2])
    assert python[:2] == ["python", "-c"]
    compile(python[2], "healthcheck", "exec")


def test_what_is_copied_is_there_and_reaches_the_builder() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = [rest.split()[:-1] for rest in said("COPY", instructions()) if not rest.startswith("--from")]
    sources = {name for names in copied for name in names}
    assert sources == let_in
    assert all((ROOT / name).exists() for name in sources)
    assert "*" in ignored
    for secret in (".env", "data/vault.key", ".git/config"):
        assert not any(fnmatch.fnmatch(secret, pattern) for pattern in let_in)


def test_every_package_of_the_project_is_copied() -> None:
    listed = re.search(r"^include = \[(.*)\]", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed is not None
    packages = {name.rstrip("*") for name in re.findall(r'"([^"]+)"', listed[1])}
    assert packages <= {rest.split()[0] for rest in said("COPY", instructions())}


@pytest.mark.parametrize("name", ["concord", "demo"])
def test_each_service_runs_a_command_there_is_and_is_seen_from_this_machine_only(name: str) -> None:
    service = compose()["services"][name]
    options_of(service["command"])
    assert service["build"] == "."
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    inside = service["command"][service["command"].index("--port") + 1]
    assert all(port.endswith(f":{inside}") for port in service["ports"])
    known = {f"CONCORD_{field.upper()}" for field in Settings.model_fields} | {"CONCORD_LOG"}
    assert set(service["environment"]) <= known


def test_the_hub_keeps_its_data_and_the_demo_never_touches_it() -> None:
    services, volumes = compose()["services"], compose()["volumes"]
    assert services["concord"]["command"][1] == "up"
    assert services["concord"]["volumes"] == ["data:/data"]
    assert "data" in volumes
    demo = services["demo"]
    assert demo["command"][1] == "demo"
    assert demo["profiles"] == ["demo"]
    assert "volumes" not in demo
    assert demo["environment"]["CONCORD_DATA"] != "/data"
    ports = [service["ports"][0].split(":")[1] for service in services.values() if "ports" in service]
    assert len(set(ports)) == len(ports)


@pytest.mark.parametrize("name", ["concord", "demo", "api", "worker", "loader", "beat"])
def test_ours_run_as_nobody_and_write_nowhere_but_in_their_data(name: str) -> None:
    assert said("USER", last_stage()) == ["concord"]
    service = compose()["services"][name]
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]  # noqa: S108 - a folder in the container
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service


PRODUCTION = ("api", "worker", "loader", "beat", "postgres", "redis")


def test_production_is_started_only_when_it_is_asked_for() -> None:
    services = compose()["services"]
    assert [name for name, one in services.items() if one.get("profiles") == ["production"]] == list(PRODUCTION)
    assert services.keys() - PRODUCTION == {"concord", "demo"}


@pytest.mark.parametrize("name", ["api", "worker", "loader", "beat"])
def test_each_process_of_production_runs_a_command_there_is(name: str) -> None:
    service = compose()["services"][name]
    options_of(service["command"])
    known = {f"CONCORD_{field.upper()}" for field in Settings.model_fields} | {"CONCORD_LOG"}
    assert set(service["environment"]) <= known
    assert {"CONCORD_DATABASE_URL", "CONCORD_REDIS_URL"} <= set(service["environment"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert service["volumes"] == ["production:/data"]


def test_the_lanes_of_the_workers_are_all_there_are() -> None:
    services = compose()["services"]
    commands = [services[name]["command"] for name in ("worker", "loader")]
    assert ",".join(one[one.index("--queues") + 1] for one in commands).split(",") == list(Lane)


def test_what_touches_a_file_is_asked_by_that_file() -> None:
    for name in ("worker", "loader", "beat"):
        service = compose()["services"][name]
        touched = service["command"][service["command"].index("--alive") + 1]
        assert touched in service["healthcheck"]["test"][1]
        assert any(touched.startswith(one) for one in service["tmpfs"])


@pytest.mark.parametrize("name", PRODUCTION)
def test_every_process_of_production_is_watched_bounded_and_without_power(name: str) -> None:
    service = compose()["services"][name]
    limits = service["deploy"]["resources"]["limits"]
    assert {"memory", "cpus"} <= limits.keys()
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    # Concord's own have the user and the question of their image.
    assert service.get("build") == "." or service["user"] not in ("root", "0")
    assert service.get("build") == "." or "healthcheck" in service


def test_no_secret_stands_in_the_file_and_nobody_outside_reaches_the_stores() -> None:
    read = compose()
    for service in read["services"].values():
        for variable, value in service.get("environment", {}).items():
            if any(word in variable for word in ("PASSWORD", "KEY", "TOKEN")) and variable != "CONCORD_PASSWORDS":
                assert re.fullmatch(r"\$\{\w+:-\}", value), variable
    assert "${POSTGRES_PASSWORD:-}" in read["services"]["api"]["environment"]["CONCORD_DATABASE_URL"]
    assert read["networks"]["inside"] == {"internal": True}
    for name in ("postgres", "redis"):
        assert read["services"][name]["networks"] == ["inside"]
        assert "ports" not in read["services"][name]
