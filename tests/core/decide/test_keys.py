from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.decide.blocks import DEFAULT, load_blocks
from core.decide.keys import (
    PROVING,
    awaited_digest,
    awaiting,
    company_name,
    email_digest,
    folded,
    keys_of,
    names_of,
)
from core.errors import ConfigError
from core.model.shapes import KNOWN_BY_EMAIL, SHAPES


def named(kind: str, **values: Any) -> set[tuple[str, str, str]]:
    return {(key.tier, key.name, key.value) for key in keys_of(kind, values)}


def test_a_contact_is_known_by_its_addresses():
    assert named("contact", email="ann@shore.example", other_emails=["a@b.example", "info@b.example"]) == {
        ("verified", "email", "ann@shore.example"),
        ("verified", "email", "a@b.example"),
    }


def test_a_free_mail_address_is_as_good_as_any_for_a_person():
    assert named("contact", email="ann.shore@gmail.com") == {("verified", "email", "ann.shore@gmail.com")}


def test_a_shared_inbox_is_only_a_weak_sign():
    assert named("contact", email="info@shore.example") == {("weak", "inbox", "info@shore.example")}


def test_a_phone_number_counts_only_with_a_family_name():
    assert named("contact", phone="+447700900123") == set()
    assert named("contact", phone="+447700900123", last_name="O'Shore") == {("weak", "phone", "+447700900123 oshore")}


@pytest.mark.parametrize("phone", ["+440000000000", "+4499999999", "+1"])
def test_a_number_typed_to_fill_the_field_is_no_key(phone: str):
    assert named("contact", phone=phone, last_name="Shore") == set()


@pytest.mark.parametrize(
    ("work", "value"),
    [
        ({"company": 11}, "ann shore at #11"),
        ({"company_name": "Shore & Daughters Ltd."}, "ann shore at shore and daughters"),
        ({"company": {"in": "a", "stream": "companies", "id": "7"}}, "ann shore at a/companies/7"),
    ],
)
def test_a_name_counts_only_with_a_company(work: dict[str, Any], value: str):
    assert named("contact", first_name="Ann", last_name="Shore") == set()
    assert named("contact", first_name="Ann", last_name="Shore", **work) == {("weak", "name", value)}


def test_a_company_is_known_by_its_own_domains_and_less_surely_by_its_name():
    assert named("company", name="Shore Ltd", domain="shore.example", other_domains=["shore.co"]) == {
        ("verified", "domain", "shore.example"),
        ("verified", "domain", "shore.co"),
        ("named", "name", "shore"),
    }


@pytest.mark.parametrize("domain", ["gmail.com", "facebook.com", "web.de"])
def test_a_providers_domain_names_no_company(domain: str):
    text = (Path(__file__).parents[3] / "mappings" / "blocks.yaml").read_text(encoding="utf-8")
    blocks = load_blocks(text, file="blocks.yaml")
    assert keys_of("company", {"domain": domain}, blocks) == ()
    assert keys_of("company", {"domain": "shore.example"}, blocks)


def test_an_owner_is_known_by_address_and_less_surely_by_the_whole_name():
    assert named("owner", name="Priya Nair", email="priya@x.example") == {
        ("verified", "email", "priya@x.example"),
        ("named", "name", "priya nair"),
    }
    assert named("owner", name="Priya") == set()


@pytest.mark.parametrize("kind", sorted(SHAPES.keys() - {"contact", "company", "owner"}))
def test_other_kinds_have_no_keys(kind: str):
    example = {name: field.example for name, field in SHAPES[kind].fields.items()}
    assert keys_of(kind, example) == ()


@pytest.mark.parametrize(
    "name",
    ["Bluebird Bakery", "BLUEBIRD BAKERY", "The Bluebird Bakery Ltd.", "Bluebird-Bakery, Inc", "Bluebird  Bakery & Co"],
)
def test_a_companys_name_is_compared_without_its_form(name: str):
    assert company_name(name) == "bluebird bakery"


@pytest.mark.parametrize(
    ("name", "compared"),
    [
        ("Müller GmbH & Co. KG", "muller"),
        ("Société Générale S.A.", "societe generale"),
        ("Limited", "limited"),
        ("The Limited", "limited"),
        ("", ""),
        ("!!!", ""),
    ],
)
def test_odd_company_names(name: str, compared: str):
    assert company_name(name) == compared


@pytest.mark.parametrize(
    ("name", "plain"), [("O'Néill", "oneill"), ("ANN", "ann"), ("Jean-Luc", "jeanluc"), ("  Ann  M. ", "ann m")]
)
def test_names_are_folded(name: str, plain: str):
    assert folded(name) == plain


@given(st.text(max_size=12))
def test_folding_twice_is_folding_once(name: str):
    assert folded(folded(name)) == folded(name)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"first_name": "Ann", "last_name": "Shore"}, ("ann", "shore")),
        ({"full_name": "Ann Mary Shore"}, ("ann mary", "shore")),
        ({"full_name": "Shore"}, ("", "shore")),
        ({"last_name": "Shore", "full_name": "Other Name"}, ("", "shore")),
        ({}, ("", "")),
    ],
)
def test_a_whole_name_is_split_where_it_is_all_there_is(values: dict[str, Any], names: tuple[str, str]):
    assert names_of(values) == names


LETTERS = st.text("abcdefghij", min_size=11, max_size=16)


@given(LETTERS, st.data())
def test_a_name_with_one_slip_shares_a_weak_key(name: str, data: st.DataObject):
    place = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from("abcdefghij"))
    slipped = data.draw(
        st.sampled_from(
            [
                name[:place] + name[place + 1 :],
                name[:place] + letter + name[place + 1 :],
                name[:place] + letter + name[place:],
                name[:place] + name[place : place + 2][::-1] + name[place + 2 :],
            ]
        )
    )
    weak = {key.digest for key in keys_of("company", {"name": name}) if key.tier == "weak"}
    assert weak & {key.digest for key in keys_of("company", {"name": slipped}) if key.tier == "weak"}


def test_digests_are_signed_64_bit_and_the_same_in_every_process():
    key = keys_of("contact", {"email": "ann@shore.example"})[0]
    assert -(2**63) <= key.digest < 2**63
    code = "from core.decide.keys import keys_of; print(keys_of('contact', {'email': 'ann@shore.example'})[0].digest)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(printed.stdout) == key.digest


def test_the_kind_is_part_of_the_digest():
    contact, owner = (keys_of(kind, {"email": "ann@shore.example"})[0] for kind in ("contact", "owner"))
    assert contact.digest != owner.digest


# Block lists


def test_an_installation_adds_to_the_block_lists():
    text = """
    emails: [sandbox@*, "*@internal.example", "probe-*@shop.example"]
    phones: ["+4412345*"]
    domains: [group.example]
    cap: 5
    """
    blocks = load_blocks(text, file="blocks.yaml")
    blocked = ["sandbox@a.example", "ann@internal.example", "probe-7@shop.example", "info@a.example"]
    assert all(blocks.blocks_email(email) for email in blocked)
    assert not blocks.blocks_email("probe@shop.example")
    assert blocks.blocks_phone("+441234567")
    assert blocks.blocks_domain("group.example")
    assert blocks.cap == 5


def test_an_empty_file_gives_the_defaults():
    assert load_blocks("", file="blocks.yaml") == DEFAULT


@pytest.mark.parametrize("text", ["[", "- a", "emials: []", "emails: a@b", "phones: [1]", "cap: 0", "cap: many"])
def test_a_block_list_that_cannot_be_understood_is_an_error(text: str):
    with pytest.raises(ConfigError, match=r"blocks\.yaml"):
        load_blocks(text, file="blocks.yaml")


@pytest.mark.parametrize("kind", KNOWN_BY_EMAIL)
def test_an_address_is_awaited_under_the_key_by_which_its_holder_is_filed(kind: str):
    (key,) = keys_of(kind, {"email": "ann@shore.example"})
    assert email_digest(kind, "ann@shore.example") == key.digest
    assert awaited_digest(awaiting(kind, "ann@shore.example")) == key.digest
    assert awaited_digest({"in": "crm", "stream": "contacts", "id": "ann@shore.example"}) is None


def test_the_kinds_that_are_known_by_email_are_those_that_it_proves():
    assert {kind for kind, fields in PROVING.items() if "email" in fields} == set(KNOWN_BY_EMAIL)
