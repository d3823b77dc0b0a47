from __future__ import annotations

from typing import Any

import pytest

from core.decide.existence import Verdict, deletion, departure, revival


@pytest.mark.parametrize(
    ("policy", "in_step", "record", "binding", "elsewhere", "review"),
    [
        ("ignore", True, "stays", "kept", "nothing", False),
        ("ignore", False, "stays", "kept", "nothing", False),
        ("unlink", True, "stays", "unlinked", "nothing", False),
        ("unlink", False, "stays", "unlinked", "nothing", False),
        ("archive", True, "archived", "kept", "archive", False),
        ("archive", False, "stays", "released", "nothing", False),
        ("propagate", True, "deleted", "kept", "delete", False),
        ("propagate", False, "stays", "released", "nothing", False),
        ("ask", True, "stays", "kept", "nothing", True),
        ("ask", False, "stays", "kept", "nothing", True),
    ],
)
def test_what_a_deletion_means(policy: Any, in_step: bool, record: str, binding: str, elsewhere: str, review: bool):
    verdict = deletion(policy, in_step=in_step, others=("b", "c"))
    assert verdict[:3] == (record, binding, elsewhere)
    assert verdict.review is review
    assert verdict.connections == (("b", "c") if elsewhere != "nothing" else ())
    assert verdict.note


def test_the_last_tool_to_delete_leaves_nobody_to_tell():
    assert deletion("propagate", in_step=True).connections == ()


def test_only_a_genuine_edit_brings_a_deleted_record_back():
    assert revival(genuine_edit=False) is None
    assert isinstance(revival(genuine_edit=True), Verdict)


@pytest.mark.parametrize(
    ("policy", "can_delete", "means"),
    [
        ("propagate", True, "delete"),
        ("propagate", False, "ask"),
        ("ignore", True, "nothing"),
        ("archive", True, "archive"),
        ("unlink", True, "unlink"),
        ("ask", True, "ask"),
    ],
)
def test_what_a_deletion_in_the_hub_means_for_a_connection(policy: Any, can_delete: bool, means: str):
    assert departure(policy, can_delete=can_delete) == means
