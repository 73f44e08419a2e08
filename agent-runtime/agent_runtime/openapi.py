"""The OpenAPI document: what FastAPI derives, with every error as a problem."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from agent_runtime import __version__
from agent_runtime.problems import MEDIA_TYPE, ProblemDetails

REFERENCE = "#/components/schemas/"


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers with these problems."""
    schema = {"$ref": REFERENCE + "ProblemDetails"}
    return {status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses}


def install(app: FastAPI) -> None:
    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _build(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _build(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title="Agent runtime", version=__version__, description="The API of one agent.", routes=app.routes)
    problem = ProblemDetails.model_json_schema(ref_template=REFERENCE + "{model}")
    schemas = document["components"]["schemas"]
    schemas.update(problem.pop("$defs"))
    schemas["ProblemDetails"] = problem
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def text(app: FastAPI) -> str:
    """The document as it is committed: sorted and indented."""
    return json.dumps(app.openapi(), indent=2, sort_keys=True) + "\n"
