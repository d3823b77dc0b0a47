"""`concord backup` and `concord restore`: whole or not at all, while others write, and back without losing anything."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from cryptography.fernet import Fernet
from pydantic import SecretStr

from api.backup import back_up
from api.bringing_back import bring_back
from api.building import ConnectionSpec
from api.settings import Settings
from core.errors import ConfigError, StoreError
from core.flow.restored.setting_back import set_back
from core.store import copying, restores, schema
from core.store.database import Store
from tests.api.conftest import Concord, write_sheet
from tests.support import EVERYTHING, Lab, people

ADA, BEN, CY = "ada@shop.example", "ben@shop.example", "cy@shop.example"


@pytest.fixture
def known(concord: Concord, sheets: Path, mapping: Path) -> Concord:
    """A hub that knows two people from a sheet, which it may change."""
    settings = ("--set", f"folder={sheets}", "--set", "write=in_place", "--mapping", str(mapping), "--yes")
    assert concord("connect", "csv", "sheets", *settings).code == 0
    write_sheet(sheets, [f"{ADA},Adelheid,020 7946 0011", f"{BEN},Ben,020 7946 0012"])
    assert concord("sync", "--until-quiet").code == 0
    return concord


def emails(data: Path) -> set[str]:
    """Whom the database knows."""
    with closing(sqlite3.connect(data / "concord.db")) as found:
        texts = [row[0] for row in found.execute('SELECT "values" FROM record WHERE state = 0')]
    return {one for one in (ADA, BEN, CY) if any(one in text for text in texts)}


def test_back_as_it_was_and_the_old_one_aside(known: Concord, data: Path, sheets: Path, tmp_path: Path):
    file = tmp_path / "kept.zip"
    (data / "confirm.txt").write_text("Dear all", encoding="utf-8")
    told = known("backup", str(file), "--json").json
    assert told["records"] == 2
    assert told["vault_key"] is False
    assert "vault.key" not in zipfile.ZipFile(file).namelist()
    write_sheet(sheets, [f"{BEN},Ben,020 7946 0012", f"{CY},Cy,020 7946 0013"])
    known("sync", "--until-quiet")
    assert emails(data) == {ADA, BEN, CY}
    (data / "confirm.txt").write_text("Dear none", encoding="utf-8")
    unasked = known("restore", str(file))
    assert unasked.code == 2
    assert "already" in unasked.err
    assert emails(data) == {ADA, BEN, CY}
    done = known("restore", str(file), "--yes", "--json").json
    assert emails(data) == {ADA, BEN}
    assert emails(Path(done["aside"])) == {ADA, BEN, CY}
    assert (data / "confirm.txt").read_text(encoding="utf-8") == "Dear all"
    assert (Path(done["aside"]) / "confirm.txt").read_text(encoding="utf-8") == "Dear none"
    assert done["read_again"] == 1
    assert known("sync", "--until-quiet").code == 0
    assert CY in emails(data)
    assert not [one for one in data.iterdir() if one.name.startswith(".restoring")]


def test_the_command_says_what_of_the_key(known: Concord, data: Path, tmp_path: Path):
    assert "not in it" in known("backup", str(tmp_path / "a.zip")).out
    file = tmp_path / "b.zip"
    assert "as you keep a password" in known("backup", str(file), "--with-key").out
    assert file.stat().st_mode & 0o077 == 0
    key = (data / "vault.key").read_bytes()
    shutil.rmtree(data)
    without = known("restore", str(tmp_path / "a.zip"))
    assert without.code == 2
    assert "vault.key" in without.err
    assert not (data / "concord.db").exists()
    assert known("restore", str(file)).code == 0
    assert (data / "vault.key").read_bytes() == key
    assert emails(data) == {ADA, BEN}
    assert known("sync").code == 0


def test_a_key_that_opens_nothing_is_refused_before_anything_is_changed(lab: Lab, tmp_path: Path):
    lab.installation.put_connection(with_secret(lab))
    file = tmp_path / "kept.zip"
    back_up(lab.settings, file, at=lab.clock())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "vault.key").write_bytes(Fernet.generate_key())
    (elsewhere / "vault.key").chmod(0o600)
    with pytest.raises(ConfigError, match="vault key"):
        bring_back(Settings(data=elsewhere), file)
    assert sorted(one.name for one in elsewhere.iterdir()) == ["engine.lock", "vault.key"]


def test_the_erased_stay_erased(known: Concord, data: Path, tmp_path: Path):
    file = tmp_path / "kept.zip"
    known("backup", str(file))
    known("erase", "contact", ADA, "--yes")
    known("sync", "--until-quiet")
    told = known("restore", str(file), "--yes", "--json").json
    assert told["erased_again"] == 1
    assert emails(data) == {BEN}
    # Not even in the pages that are free.
    assert b"Adelheid" not in (data / "concord.db").read_bytes()
    known("sync", "--until-quiet")
    assert emails(data) == {BEN}


def test_locked_it_opens_with_its_passphrase_only(
    known: Concord, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "kept.locked"
    monkeypatch.setenv("CONCORD_BACKUP_PASSPHRASE", "three small words")
    assert known("backup", str(file), "--lock", "--json").json["locked"] is True
    assert ADA.encode() not in file.read_bytes()
    monkeypatch.setenv("CONCORD_BACKUP_PASSPHRASE", "four small words")
    refused = known("restore", str(file), "--yes")
    assert refused.code == 1
    assert "passphrase" in refused.err
    monkeypatch.setenv("CONCORD_BACKUP_PASSPHRASE", "three small words")
    whole = file.read_bytes()
    lines = whole.splitlines(keepends=True)
    for changed in (whole[:-40], b"".join(lines[:-1]), whole[: len(whole) // 2]):
        file.write_bytes(changed)
        assert known("restore", str(file), "--yes").code == 1
    file.write_bytes(whole)
    assert known("restore", str(file), "--yes").code == 0
    assert emails(data) == {ADA, BEN}


@pytest.mark.parametrize("where", ["middle", "end", "database", "empty", "other"])
def test_a_damaged_file_is_refused_and_nothing_is_lost(known: Concord, data: Path, tmp_path: Path, where: str):
    file = tmp_path / "kept.zip"
    known("backup", str(file))
    whole = file.read_bytes()
    before = {one.name for one in data.iterdir()}
    if where == "database":
        # A file that is a zip in order, and holds another database than its manifest says.
        with zipfile.ZipFile(file) as source, zipfile.ZipFile(tmp_path / "other.zip", "w") as into:
            for name in source.namelist():
                data_ = source.read(name)
                into.writestr(name, data_[:-1] + bytes([data_[-1] ^ 1]) if name == "concord.db" else data_)
        file = tmp_path / "other.zip"
    else:
        cut = {"middle": whole[: len(whole) // 2], "end": whole[:-30], "empty": b"", "other": b"hello" * 100}
        file.write_bytes(cut[where])
    refused = known("restore", str(file), "--yes", "--json")
    assert refused.code == 1
    assert '"store.backup"' in refused.out
    assert {one.name for one in data.iterdir()} == before
    assert emails(data) == {ADA, BEN}


def test_a_file_of_another_kind_is_not_replaced(known: Concord, tmp_path: Path):
    file = tmp_path / "letter.txt"
    file.write_text("dear all", encoding="utf-8")
    assert known("backup", str(file)).code == 2
    assert file.read_text(encoding="utf-8") == "dear all"
    assert known("backup", str(tmp_path / "no" / "such.zip")).code == 2


def test_while_the_hub_is_at_work_nothing_is_restored(known: Concord, data: Path, tmp_path: Path):
    file = tmp_path / "kept.zip"
    known("backup", str(file))
    with (data / "engine.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert known("backup", str(file)).code == 0
        refused = known("restore", str(file), "--yes", "--json")
    assert '"store.busy"' in refused.out


def test_a_reader_that_is_still_there_keeps_the_old_one(known: Concord, data: Path, tmp_path: Path):
    file = tmp_path / "kept.zip"
    known("backup", str(file))
    with closing(sqlite3.connect(data / "concord.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM record").fetchone()
        assert known("restore", str(file), "--yes").code == 1
    assert known("restore", str(file), "--yes").code == 0


def test_on_postgresql_another_way_is_named(known: Concord, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("CONCORD_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    for words in (("backup",), ("restore", str(tmp_path / "x.zip"))):
        refused = known(*words)
        assert refused.code == 2
        assert "pg_dump" in refused.err
        assert "docs/keeping.md" in refused.err


# --- below the commands


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    with Lab(tmp_path / "lab") as made:
        yield made


def with_secret(lab: Lab) -> ConnectionSpec:
    lab.tool("shop")
    settings = {"world": lab.tools["shop"].name, "token": "very secret"}
    return ConnectionSpec("shop", "memory", settings, EVERYTHING, "shop.yaml")


def test_a_writer_goes_on_and_the_copy_is_of_one_moment(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two facts are always written together: a copy that mixes moments would tell them apart."""
    monkeypatch.setattr(copying, "_PAGES", 5)
    store, over, written = lab.installation.store, threading.Event(), [0]
    with store.writing() as tx:
        tx.exec_driver_sql("CREATE TABLE pair (name TEXT PRIMARY KEY, number INTEGER, filling TEXT)")
        for name in ("first", "last"):
            tx.exec_driver_sql("INSERT INTO pair VALUES (?, 0, ?)", (name, "x" * 200_000))

    def write() -> None:
        while not over.is_set():
            written[0] += 1
            with store.writing() as tx:
                tx.exec_driver_sql("UPDATE pair SET number = ?, filling = filling || 'y'", (written[0],))

    def seen(_done: int, _total: int) -> None:
        # The copy goes on only when somebody has written meanwhile.
        before = written[0]
        while written[0] < before + 2 and writer.is_alive():
            pass

    writer = threading.Thread(target=write)
    writer.start()
    try:
        back_up(lab.settings, tmp_path / "kept.zip", at=lab.clock(), tell=seen)
    finally:
        over.set()
        writer.join()
    assert written[0] > 20
    with zipfile.ZipFile(tmp_path / "kept.zip") as zipped:
        zipped.extract("concord.db", tmp_path)
    with closing(sqlite3.connect(tmp_path / "concord.db")) as copy:
        assert len({row[0] for row in copy.execute("SELECT number FROM pair")}) == 1
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("when", ["copying", "writing"])
@pytest.mark.parametrize("before", [b"", b"an older one"])
def test_ctrl_c_leaves_no_half_file(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str, before: bytes
):
    folder = tmp_path / "kept"
    folder.mkdir()
    file = folder / "kept.zip"
    if before:
        back_up(lab.settings, file, at=lab.clock())
        before = file.read_bytes()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    if when == "writing":
        monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        back_up(lab.settings, file, at=lab.clock(), tell=interrupt if when == "copying" else None)
    assert [one.name for one in folder.iterdir()] == (["kept.zip"] if before else [])
    if before:
        assert file.read_bytes() == before


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGKILL])
def test_a_process_that_is_ended_in_the_middle_leaves_no_half_file(lab: Lab, tmp_path: Path, sign: signal.Signals):
    store, folder = lab.installation.store, tmp_path / "kept"
    folder.mkdir()
    with store.writing() as tx:
        tx.exec_driver_sql("CREATE TABLE much (text BLOB)")
        for _ in range(40):
            # What cannot be packed, so that it takes its time.
            tx.exec_driver_sql("INSERT INTO much VALUES (randomblob(1000000))")
    # Ctrl-C is heard here even where whoever runs the tests has it ignored, as a shell does for what it runs behind.
    begins = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from api.cli import main; main()"
    command = [sys.executable, "-c", begins, "backup", str(folder / "kept.zip")]
    environment = {**os.environ, "CONCORD_DATA": str(lab.settings.data)}
    for _ in range(9):
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            while process.poll() is None and not list(folder.glob(".kept.zip.*/*")):
                pass
            process.send_signal(sign)
            process.wait(60)
        if process.returncode != 0:
            break
        # It had ended before the signal came.
        (folder / "kept.zip").unlink()
    assert process.returncode not in (0, None)
    assert not (folder / "kept.zip").exists()
    if sign == signal.SIGINT:
        assert list(folder.iterdir()) == []


def test_a_backup_of_an_older_version_is_brought_up(tmp_path: Path):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
    store = Store(f"sqlite:///{old / 'concord.db'}")
    config = Config()
    config.set_main_option("script_location", str(schema._MIGRATIONS))
    with store.writing() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "0007")
        tx.exec_driver_sql("INSERT INTO meta VALUES ('installation', 'abcd1234')")
    store.close()
    with closing(sqlite3.connect(old / "concord.db")) as found:
        (revision,) = found.execute("SELECT version_num FROM alembic_version").fetchone()
    settings = Settings(data=old, vault_key=SecretStr(FERNET))
    made = back_up(settings, tmp_path / "kept.zip", at=1)
    assert made.manifest["schema"] == revision == "0007"
    with closing(sqlite3.connect(old / "concord.db")) as found:
        # Making a backup moves nothing forward.
        assert found.execute("SELECT version_num FROM alembic_version").fetchone() == (revision,)
    bring_back(Settings(data=new, vault_key=SecretStr(FERNET)), made.path)
    with closing(sqlite3.connect(new / "concord.db")) as found:
        (head,) = found.execute("SELECT version_num FROM alembic_version").fetchone()
        assert head > "0007"
        assert found.execute("SELECT value FROM meta WHERE name = 'installation'").fetchone() == ("abcd1234",)


FERNET = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


def test_a_backup_of_a_newer_version_is_refused(lab: Lab, tmp_path: Path):
    with lab.installation.store.writing() as tx:
        tx.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    made = back_up(lab.settings, tmp_path / "kept.zip", at=lab.clock())
    new = tmp_path / "new"
    new.mkdir()
    with pytest.raises(StoreError) as refused:
        bring_back(Settings(data=new, vault_key=SecretStr(FERNET)), made.path)
    assert refused.value.error_code == "store.newer"
    assert [one.name for one in new.iterdir()] == ["engine.lock"]


def test_restored_while_the_tools_moved_on_nothing_is_lost_and_nothing_doubled(lab: Lab, tmp_path: Path):
    for name in ("a", "b", "c"):
        lab.tool(name)
    for person in people(30):
        lab.tools["a"].create("contacts", person)
    lab.sync(until_quiet=True)
    made = back_up(lab.settings, tmp_path / "kept.zip", at=lab.clock())
    lab.wait(86_400)
    for person in people(10, start=30):
        lab.tools["b"].create("contacts", person)
    lab.tools["c"].edit("contacts", lab.find("c", email=people(1)[0]["email"]), job_title="Head")
    lab.sync(until_quiet=True)
    lab.tools["a"].edit("contacts", lab.find("a", email=people(1, start=2)[0]["email"]), job_title="Buyer")
    lab.installation.close()
    done = bring_back(lab.settings, made.path)
    assert done.streams == 3
    lab.restart()
    lab.sync(until_quiet=True)
    for name in lab.tools:
        held = {one["email"]: one for one in lab.tools[name].all("contacts").values()}
        assert len(held) == len(lab.all(name)) == 40
        assert held[people(1)[0]["email"]]["job_title"] == "Head"
        assert held[people(1, start=2)[0]["email"]]["job_title"] == "Buyer"


def test_on_postgresql_it_is_said_by_a_command(tmp_path: Path, postgres_url: str):
    with Lab(tmp_path / "pg", database_url=postgres_url) as lab:
        for name in ("a", "b"):
            lab.tool(name)
        lab.tools["a"].create("contacts", people(1)[0])
        lab.sync(until_quiet=True)
        last = lab.records()[-1].id
        restored = set_back(lab.hub, {"by": "test"})
        assert restored.lost(last + 1)
        lab.tools["b"].create("contacts", people(1, start=1)[0])
        lab.sync(until_quiet=True)
        assert [len(lab.all(name)) for name in ("a", "b")] == [2, 2]
        assert lab.records()[-1].id >= restored.end
        with lab.hub.store.reading() as tx:
            assert restores.latest(tx) == restored._replace(stream_ids=())
