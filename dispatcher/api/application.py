"""The API as an application of its own, which the staff's screen mounts at /api/v1."""

from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.api import campaigns, messages, stop_list, uploads
from dispatcher.api.document import finished
from dispatcher.api.door import Door
from dispatcher.api.pace import Pace
from dispatcher.api.problems import Problem, not_valid
from dispatcher.api.seats import Seats
from dispatcher.engine import Engine

log = structlog.get_logger()

PATH = "/api/v1"
# For the staff's guard, which stands before: the door has a limit for each route.
MOST_BYTES = 64 * 1024 * 1024
_ABOUT = (
    "Messages to single customers, campaigns, settlements and the stop-list, for other systems of "
    "the company. Every request carries a key: `Authorization: Bearer dsp_…`."
)


def api(engine: Engine, pace: Pace | None = None) -> FastAPI:
    """The API over one engine."""
    app = FastAPI(
        title="Dispatcher API",
        version="1",
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        redirect_slashes=False,
        middleware=[Middleware(Door, engine=engine, pace=pace or Pace())],
    )
    app.state.engine = engine
    app.state.seats = Seats()
    for module in (messages, campaigns, uploads, stop_list):
        app.include_router(module.routes)
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _not_found)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    return app


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document of the API; made once."""
    if not app.openapi_schema:
        made = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=[{"url": PATH}],
        )
        app.openapi_schema = finished(made)
    return app.openapi_schema


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101 - registered for it alone
    return error.answer(request.state.request_id)


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    return not_valid(error.errors()).answer(request.state.request_id)


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    kinds = {404: "not-found", 405: "no-such-method", 413: "too-large", 415: "wrong-media-type"}
    kind = kinds.get(error.status_code, "malformed")
    headers = {k: v for k, v in (error.headers or {}).items() if k.lower() == "allow"}
    return Problem(kind, headers=headers).answer(request.state.request_id)
