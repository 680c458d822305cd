"""The API keeps to its own document, whatever it is sent."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dispatcher.api.pace import Pace
from tests.api.caller import Town

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# A fixed seed: CI finds the same today and tomorrow.
PLAN = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def test_whatever_is_sent_the_answer_is_one_that_the_document_names(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pace, "wait_seconds", lambda *_given: 0)
    town.store()
    system = town.system()
    system.send()  # something is there to be found
    schema = schemathesis.openapi.from_url(f"{town.server.url}/api/v1/openapi.json")
    schema.config.base_url = f"{town.server.url}/api/v1"
    asked = 0
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]

        def probe(case: Any) -> None:
            nonlocal asked
            asked += 1
            headers = {"Authorization": f"Bearer {system.key}"}
            case.call_and_validate(headers=headers, checks=CHECKS, session=system.session)

        @PLAN
        @given(case=operation.as_strategy())
        def run(case: Any) -> None:
            probe(case)

        run()
    assert asked > 100
