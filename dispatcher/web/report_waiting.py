"""What pages of reports share: which day it is, and waiting for what is being counted."""

from datetime import date
from zoneinfo import ZoneInfo

from fastapi import Request
from starlette.responses import HTMLResponse

from dispatcher.engine import Engine
from dispatcher.web.rendering import render


def today_of(engine: Engine) -> date:
    """The day it is in the house's zone."""
    return engine.clock.now().astimezone(ZoneInfo(engine.settings.zone)).date()


def still_counting(request: Request, *, is_counting: bool) -> HTMLResponse:
    """What a page that waits gets every second; at the end it is loaded anew."""
    if not is_counting:
        return HTMLResponse("", headers={"HX-Refresh": "true"})
    query = request.url.query
    asked = f"{request.url.path}?{query}" if query else request.url.path
    return render(request, "report_counting.html", asked=asked)
