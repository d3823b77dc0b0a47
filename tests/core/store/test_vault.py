"""The vault: what was sealed opens with its key, whatever other keys came since, and with no other."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ConfigError
from core.store import keyring
from core.store.sealed import PLACES
from core.store.tables import metadata
from core.store.vault import UNNAMED, Vault, key_name, named

KEYS = [Fernet.generate_key().decode() for _ in range(4)]
SECRETS = st.dictionaries(st.text(max_size=20), st.text(max_size=60), max_size=4)


@given(SECRETS, st.permutations(KEYS), st.integers(0, 3))
def test_all_keys_open_whichever_sealed(secrets: dict[str, str], keys: list[str], which: int):
    sealed = Vault(keys[which]).seal(secrets)
    vault = Vault(",".join(keys))
    assert vault.open(sealed) == secrets
    anew = vault.sealed_anew(sealed)
    assert (anew is None) == (which == 0)
    assert vault.open(anew or sealed) == secrets
    assert key_name(anew or sealed) == vault.names[0] == named(keys[0])
    assert anew is None or vault.sealed_anew(anew) is None


@given(SECRETS, st.data())
def test_nothing_opens_without_its_key_or_after_a_change(secrets: dict[str, str], data: st.DataObject):
    sealed = Vault(KEYS[0]).seal(secrets)
    with pytest.raises(ConfigError, match=named(KEYS[0])):
        Vault(",".join(KEYS[1:])).open(sealed)
    at = data.draw(st.integers(0, len(sealed) - 1))
    one, other = data.draw(st.permutations(b"AZaz09-_."))[:2]
    changed = bytearray(sealed)
    # What is drawn must not follow from what is sealed, which is another each time.
    changed[at] = one if one != sealed[at] else other
    try:
        # The last letter of base64 carries bits that count for nothing.
        assert Vault(KEYS[0]).open(bytes(changed)) == secrets
    except ConfigError as error:
        told = "".join(traceback.format_exception(error))
        assert KEYS[0] not in told
        assert sealed.decode() not in told


@given(st.binary(max_size=200))
def test_anything_else_is_refused_in_words(noise: bytes):
    with pytest.raises(ConfigError):
        Vault(KEYS[0]).open(noise)


def test_what_was_sealed_before_keys_had_names_opens():
    old = Fernet(KEYS[1].encode()).encrypt(b'{"token":"x"}')
    vault = Vault(f"{KEYS[0]}\n{KEYS[1]}\n")
    assert key_name(old) == UNNAMED
    assert vault.open(old) == {"token": "x"}
    assert key_name(vault.sealed_anew(old) or b"") == named(KEYS[0])


@pytest.mark.parametrize(
    "wrong",
    ["", " , ", "not-a-key", KEYS[0][:-3], f"{KEYS[0]},{KEYS[1][:-3]}"],
    ids=["nothing", "commas", "words", "cut", "one good, one cut"],
)
def test_a_key_that_is_none_is_refused_and_not_repeated(wrong: str):
    with pytest.raises(ConfigError) as caught:
        Vault(wrong)
    told = "".join(traceback.format_exception(caught.value)) + str(caught.value.to_json())
    assert not any(part and part in told for part in wrong.strip(" ,").split(","))
    assert KEYS[0] not in repr(Vault(KEYS[0]))


def test_processes_that_run_find_a_new_key_in_the_file(tmp_path: Path):
    one, other = Vault.in_folder(tmp_path), Vault.in_folder(tmp_path)
    before = one.seal({"token": "x"})
    keyring.put_first(tmp_path / "vault.key")
    sealed = other.seal({"token": "y"})
    assert key_name(sealed) != key_name(before)
    assert one.open(sealed) == {"token": "y"}
    assert other.open(before) == {"token": "x"}
    assert one.names == other.names


def test_a_running_process_does_not_lose_its_keys_with_the_file(tmp_path: Path):
    vault = Vault.in_folder(tmp_path)
    (tmp_path / "vault.key").unlink()
    assert vault.open(vault.seal({"token": "x"})) == {"token": "x"}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666])
def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, mode: int):
    file = tmp_path / "keys"
    file.write_text(KEYS[0])
    file.chmod(mode)
    with pytest.raises(ConfigError, match="Others than its owner") as caught:
        Vault.of_file(file)
    assert "chmod 600" in (caught.value.remedy or "")
    file.chmod(0o600)
    assert Vault.of_file(file).names == (named(KEYS[0]),)


def test_a_key_file_that_is_away_is_told(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read"):
        Vault.of_file(tmp_path / "nowhere")


def test_keys_are_what_a_program_prints():
    printing = f"{sys.executable} -c \"print('{KEYS[0]}')\""
    assert Vault(keyring.printed_by(printing)).names == (named(KEYS[0]),)


@pytest.mark.parametrize(
    "program", ["/nowhere/at-all --key s3cret-word", f"{sys.executable} -c \"import sys; sys.exit('s3cret-word')\""]
)
def test_a_program_that_fails_is_told_without_its_words(program: str):
    with pytest.raises(ConfigError, match="gave no vault key") as caught:
        keyring.printed_by(program)
    assert "s3cret-word" not in "".join(traceback.format_exception(caught.value))


def test_the_walk_that_seals_anew_knows_every_sealed_column():
    """Columns are called by what stands in them; one that is missing would be lost with the old key."""
    called = {"sealed", "secrets", "totp"}
    every = {column for table in metadata.sorted_tables for column in table.c if column.name in called}
    assert len(every) > 3
    assert every <= {place.sealed for place in PLACES}
