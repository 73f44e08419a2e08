"""Errors as RFC 9457 problem details.

A problem never carries what the caller wrote: messages are health data, and errors end up in logs.
"""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
KINDS = {413: "body-too-large"}
TYPE_PREFIX = "urn:agent-runtime:problem:"


class InvalidField(BaseModel):
    """One reason for which a request was not understood."""

    field: str = Field(description="Where: the path to a field, or `body`.")
    reason: str = Field(description="What is wrong with it.")


class ProblemDetails(BaseModel):
    """The one shape of every error."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="Stable identifier of the kind of error.", examples=["urn:agent-runtime:problem:session-busy"])
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    request_id: str
    retry_after: int | None = Field(None, description="Seconds after which another attempt is worthwhile.")
    errors: list[InvalidField] | None = None


class BodyTooLarge(HTTPException):
    """The request's body is larger than the settings allow."""

    def __init__(self) -> None:
        super().__init__(413)


class Problem(Exception):
    """An answer other than success; `kind` is the last part of its type, `retry_after` in seconds."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        retry_after: float | None = None,
        headers: dict[str, str] | None = None,
        errors: list[InvalidField] | None = None,
    ) -> None:
        super().__init__(kind)
        self.status = int(status)
        self.kind = kind
        self.detail = detail
        self.retry_after = None if retry_after is None else max(1, math.ceil(retry_after))
        self.headers = headers or {}
        self.errors = errors

    def details(self, request_id: str) -> ProblemDetails:
        return ProblemDetails(
            type=TYPE_PREFIX + self.kind,
            title=HTTPStatus(self.status).phrase,
            status=self.status,
            detail=self.detail,
            request_id=request_id,
            retry_after=self.retry_after,
            errors=self.errors,
        )

    def response(self, request_id: str) -> JSONResponse:
        headers = dict(self.headers)
        if self.retry_after is not None:
            headers["Retry-After"] = str(self.retry_after)
        body = self.details(request_id).model_dump(exclude_none=True)
        return JSONResponse(body, status_code=self.status, headers=headers, media_type=MEDIA_TYPE)


def request_id_of(scope: Any) -> str:
    """The request's id as the outermost middleware chose it."""
    return str(scope.get("state", {}).get("request_id", ""))


def install(app: FastAPI) -> None:
    """Make every error of `app` a problem."""

    async def answer_problem(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        request.scope["state"]["problem"] = error.kind
        return error.response(request_id_of(request.scope))

    async def answer_validation(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return await answer_problem(request, _invalid(_reasons(error)))

    async def answer_http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        if error.status_code == 400:
            # What the framework says of a body that is not even text.
            return await answer_problem(request, _invalid([InvalidField(field="body", reason="It is not JSON.")]))
        status = HTTPStatus(error.status_code)
        kind = KINDS.get(status, status.name.lower().replace("_", "-"))
        problem = Problem(status, kind, f"{status.phrase}.", headers=dict(error.headers or {}))
        return await answer_problem(request, problem)

    app.add_exception_handler(Problem, answer_problem)
    app.add_exception_handler(RequestValidationError, answer_validation)
    app.add_exception_handler(HTTPException, answer_http)


def _invalid(errors: list[InvalidField]) -> Problem:
    return Problem(422, "invalid-request", "The request does not have the form that the API describes.", errors=errors)


def _reasons(error: RequestValidationError) -> list[InvalidField]:
    """Say where and why, without the input, and without names that the caller made up."""
    reasons = []
    for found in error.errors():
        kind = found["type"]
        location = [str(part) for part in found["loc"] if part != "body"]
        if kind == "extra_forbidden":
            reasons.append(InvalidField(field="body", reason="It has a field that the API does not know."))
        elif kind == "json_invalid":
            reasons.append(InvalidField(field="body", reason="It is not JSON."))
        else:
            reasons.append(InvalidField(field=".".join(location) or "body", reason=str(found["msg"])))
    return reasons
