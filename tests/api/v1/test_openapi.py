"""What `/v1/openapi.json` promises is what is answered: every operation is called with what its schema allows, and not.

Schemathesis draws the requests; each answer must be documented, fit its schema, and be no 5xx.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.app import create_app
from api.console.people import Role
from api.printed import DOCS
from api.v1.app import create_v1
from api.v1.keys import Keys
from tests.api.v1.conftest import ANN
from tests.support import Lab

CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
# A tenth of what a law gets, for there are many operations; CONCORD_HYPOTHESIS=thorough looks longer.
FEW = settings(
    max_examples=settings().max_examples // 10, deadline=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("api")) as made:
        made.tool("crm")
        made.tools["crm"].create("contacts", ANN)
        made.settle()
        yield made


@pytest.fixture(scope="module")
def schema(lab: Lab) -> schemathesis.BaseSchema:
    lab.installation.settings = lab.settings.model_copy(update={"api_per_minute": 1_000_000})
    token, _ = Keys(lab.installation).make("fuzz", Role.ADMIN, by=None)
    app = create_app(lab.installation)
    found = schemathesis.openapi.from_asgi("/v1/openapi.json", app, headers={"host": "127.0.0.1"})
    found.config.update(headers={"Authorization": f"Bearer {token}", "host": "127.0.0.1"})
    return found


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
def test_every_answer_is_as_it_is_described(schema: schemathesis.BaseSchema, mode: GenerationMode, seed: int) -> None:
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 25
    for operation in operations:

        @seeded(seed)
        @FEW
        @given(case=operation.as_strategy(generation_mode=mode))
        def answered(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=list(CHECKS))

        try:
            answered()
        except Unsatisfiable:
            # Nothing can be wrong in a request that takes nothing.
            assert mode is GenerationMode.NEGATIVE


def test_what_one_answer_gives_the_next_request_takes(schema: schemathesis.BaseSchema, seed: int) -> None:
    """Records are made, changed and read, connections stopped and taken up, in any order that the answers allow."""
    asked: set[str] = set()

    class Workflow(schema.as_state_machine()):  # type: ignore[misc]  # a class that is built of the schema
        def validate_response(self, response: schemathesis.Response, case: schemathesis.Case, **_: Any) -> None:
            asked.add(case.operation.label)
            case.validate_response(response, checks=list(CHECKS))

    few = settings(FEW, stateful_step_count=10)
    run_state_machine_as_test(seeded(seed)(Workflow), settings=few)
    assert len(asked) > 5


def test_the_printed_description_is_current(lab: Lab) -> None:
    printed = json.loads((DOCS / "openapi.json").read_text("utf-8"))
    assert printed == create_v1(lab.installation).openapi()
