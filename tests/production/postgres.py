"""A PostgreSQL of our own, which may be broken off and started again; nobody else's database is touched."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.production.stack import children, free_port, resident


def programs() -> Path | None:
    """Where PostgreSQL's own programs are; None where there is no server to be had."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    return next((one.parent for one in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), None)


class Cluster:
    """A server with one database, on a port of this machine."""

    def __init__(self, folder: Path, bin: Path) -> None:
        """Nothing runs yet."""
        self._folder, self._bin, self._port = folder, bin, free_port()

    @property
    def url(self) -> str:
        """The database."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def make(self) -> None:
        """An empty one; it is started."""
        self._folder.mkdir(parents=True)
        if os.geteuid() == 0:
            # It does not run as root.
            user = pwd.getpwnam("postgres")
            os.chown(self._folder, user.pw_uid, user.pw_gid)
        self._do("initdb", "--pgdata", str(self._folder / "data"), "--username", "postgres", "--auth", "trust")
        self.start()

    def start(self) -> None:
        """Begin."""
        options = f"-p {self._port} -k {self._folder} -h 127.0.0.1 -c max_connections=100"
        self._ctl("start", "--options", options, "--log", str(self._folder / "log"))

    def break_off(self) -> None:
        """End at once, as if the power had failed, and start again: it mends itself from its log."""
        self._ctl("stop", "--mode", "immediate")
        self.start()

    def memory(self) -> float:
        """MiB that it takes up."""
        pid = int((self._folder / "data/postmaster.pid").read_text("utf-8").split()[0])
        return sum(resident(one) for one in (pid, *children(pid)))

    def stop(self) -> None:
        """End."""
        self._ctl("stop", "--mode", "fast")

    def _ctl(self, *words: str) -> None:
        self._do("pg_ctl", "--pgdata", str(self._folder / "data"), "--wait", *words)

    def _do(self, program: str, *words: str) -> None:
        command = [str(self._bin / program), *words]
        if os.geteuid() == 0:
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def cluster(folder: Path, bin: Path) -> Iterator[Cluster]:
    """A server for a while."""
    made = Cluster(folder, bin)
    made.make()
    try:
        yield made
    finally:
        made.stop()
