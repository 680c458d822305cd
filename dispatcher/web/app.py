"""The application: every screen, and what stands before them."""

import threading
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from dispatcher.api import application as api
from dispatcher.engine import Engine
from dispatcher.readiness import Readiness
from dispatcher.uploading import MOST_BYTES
from dispatcher.web import (
    api_page,
    audiences,
    audiences_upload,
    calendar_page,
    campaigns,
    campaigns_decisions,
    entry,
    files,
    inquiries,
    journal,
    keys,
    launch,
    launch_approval,
    me,
    people,
    recipients,
    report_files,
    report_periods,
    reports,
    scenarios,
    scenarios_editor,
    settings_page,
    stop_list,
    today,
    webhooks_page,
)
from dispatcher.web.counting import Counting
from dispatcher.web.security import Guard
from dispatcher.web.trouble import TOLD, LastResort, trouble
from dispatcher.web.visitor import Entrance

SCREENS: Sequence[APIRouter] = (
    api_page.screens,
    keys.screens,
    webhooks_page.screens,
    entry.router,
    entry.screens,
    files.router,
    today.screens,
    campaigns_decisions.screens,
    campaigns.screens,
    audiences_upload.screens,
    audiences.screens,
    inquiries.screens,
    launch.screens,
    launch_approval.screens,
    scenarios.screens,
    scenarios_editor.screens,
    reports.screens,
    report_periods.screens,
    report_files.screens,
    recipients.screens,
    stop_list.screens,
    calendar_page.screens,
    me.screens,
    people.screens,
    journal.screens,
    settings_page.screens,
)
# Requests that may be longer than a form, by the beginning of their path.
LIMITS: Mapping[str, int] = {
    "/audiences/upload": MOST_BYTES,
    "/campaigns/": 16 * 1024 * 1024,  # who has paid
    "/api/": api.MOST_BYTES,
}
# Other programs call these.
FOREIGN = ("/api/",)


def application(engine: Engine) -> FastAPI:
    """The staff's screen over one engine."""
    # Whoever says that pages are reached by https is believed: no cookie goes without it.
    tls = engine.settings.web_url.startswith("https:")
    app = FastAPI(
        title="Dispatcher",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # such a redirect would repeat whatever Host a visitor names
        middleware=[
            Middleware(Counting, doors=dict.fromkeys(FOREIGN, "api")),
            Middleware(Guard, limits=dict(LIMITS), foreign=FOREIGN, tls=tls),
            Middleware(LastResort),
            Middleware(Entrance, engine=engine),
        ],
    )
    app.state.engine = engine
    app.state.leaving = threading.Event()  # what is watched ends
    readiness = Readiness(engine)

    async def health(_request: Request) -> Response:
        return PlainTextResponse("ok")

    async def ready(_request: Request) -> Response:
        trouble = await run_in_threadpool(readiness.trouble)
        return PlainTextResponse("not ready" if trouble else "ok", 503 if trouble else 200)

    app.add_route("/health", health)
    app.add_route("/ready", ready)
    for router in SCREENS:
        app.include_router(router)
    for kind in TOLD:
        app.add_exception_handler(kind, trouble)
    app.mount(api.PATH, api.api(engine))
    return app
