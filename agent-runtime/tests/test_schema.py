"""The app keeps to its OpenAPI document, whatever it is sent: requests are made from the document, and broken on purpose."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)
from starlette.testclient import TestClient

from agent_runtime.contract import contract_app
from tests.support import markers

CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
    negative_data_rejection,
    unsupported_method,
)

app = contract_app()
schema = schemathesis.openapi.from_asgi("/openapi.json", app)


@pytest.fixture(scope="module", autouse=True)
def _started() -> object:
    with TestClient(app) as client:
        yield client


@schema.parametrize()
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_app_answers_as_its_document_says(case: schemathesis.Case[Any]) -> None:
    response = case.call()
    if response.status_code >= 400:
        markers.record("problems.txt", response.text + "\n")
    case.validate_response(response, checks=list(CHECKS))
