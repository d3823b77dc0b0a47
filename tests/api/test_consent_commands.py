"""`concord consent`: what was said, the proof of it, and who meddled with it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from core.model.instant import from_iso
from tests.api.conftest import Concord, write_sheet

ADA = "ada@shop.example"


@pytest.fixture
def consented(connected: Concord, sheets: Path) -> Concord:
    """A hub in which somebody has said something about consent."""
    write_sheet(sheets, [f"{ADA},Ada,020 7946 0011", "ben@shop.example,Ben,020 7946 0012"])
    connected("sync", "--until-quiet")
    for field, status in (("consent.email", "granted"), ("consent.sms", "denied"), ("consent.email", "denied")):
        connected("edit", "contact", ADA, field, status)
    connected("sync", "--until-quiet")
    return connected


def test_the_log_tells_everything_that_was_said(consented: Concord):
    told = consented("consent", "log", ADA, "--json").json
    assert [(one["source"], one["channel"], one["status"]) for one in told] == [
        ("hub", "email", "granted"), ("hub", "sms", "denied"), ("hub", "email", "denied"),
    ]  # fmt: skip
    assert "email: denied" in consented("consent", "log", ADA).out
    unknown = consented("consent", "log", "nobody@shop.example")
    assert unknown.code == 2
    assert "Nobody is known" in unknown.err


def test_a_ledger_that_nobody_touched_holds(consented: Concord, tmp_path: Path):
    told = consented("consent", "verify", "--json").json
    assert (told["holds"], told["entries"], told["wrong"]) == (True, 3, [])
    assert told["heads"] >= 1
    kept = tmp_path / "heads.json"
    kept.write_text(consented("consent", "heads", "--json").out)
    assert consented("consent", "verify", "--against", str(kept)).code == 0
    kept.write_text("[{}]")
    assert consented("consent", "verify", "--against", str(kept)).code == 2


def test_who_meddles_is_found(consented: Concord, tmp_path: Path):
    (database,) = tmp_path.rglob("concord.db")
    with closing(sqlite3.connect(database)) as raw:
        said = "replace(CAST(body AS TEXT), 'denied', 'granted')"
        raw.execute(f"UPDATE consent_entry SET body = CAST({said} AS BLOB) WHERE place = 2")
        raw.execute(f"UPDATE consent_entry SET body = {said} WHERE place = 1")
        raw.commit()
    found = consented("consent", "verify")
    assert found.code == 1
    assert "entry 1 is not what was entered" in found.out
    assert "entry 2 is not what was entered" in found.out


def test_a_proof_is_checked_with_a_hash_and_a_key_alone(consented: Concord):
    """As docs/consent.md says, without a line of Concord's own."""
    told = consented("consent", "prove", "1", "--json").json
    found = sha256(b"\0" + bytes.fromhex(told["salt"]) + told["body"].encode()).digest()
    assert found.hex() == told["leaf"]
    place, last = told["entry"]["place"], told["head"]["size"] - 1
    for one in map(bytes.fromhex, told["path"]):
        if place & 1 or place == last:
            found = sha256(b"\1" + one + found).digest()
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = sha256(b"\1" + found + one).digest()
        place, last = place >> 1, last >> 1
    head = told["head"]
    assert found.hex() == head["root"]
    signed = {
        "at": from_iso(head["at"]), "installation": told["installation"], "root": head["root"], "size": head["size"]
    }  # fmt: skip
    message = json.dumps(signed, sort_keys=True, separators=(",", ":")).encode()
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(head["key"])).verify(bytes.fromhex(head["signature"]), message)
    assert consented("consent", "prove", "99").code == 2
