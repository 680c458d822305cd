"""Today: what runs, what waits for somebody, what is wrong, and when calls are allowed."""

from typing import Any

from fastapi import Request
from starlette.responses import Response

from dispatcher.access.roles import Right
from dispatcher.engine import Engine
from dispatcher.inquiries import desk
from dispatcher.watching.today import Day, DayWatch
from dispatcher.web.campaigns_words import named
from dispatcher.web.live import Show, stream
from dispatcher.web.rendering import render
from dispatcher.web.screens import Asker, Engined, Screens

screens = Screens()

# Without a script the page asks anew as often.
REFRESH_SECONDS = 30
PIECES = {name: f"today_{name}.html" for name in ("decisions", "running", "health", "hours")}
KEY = "day"


@screens.page("/", Right.LOOK)
def today(request: Request, engine: Engined) -> Response:
    day = _watch(request, engine).look()
    return render(
        request,
        "today.html",
        pieces=PIECES,
        refresh=REFRESH_SECONDS,
        today=desk.today(engine, day.made_at),
        **_values(day),
    )


@screens.page("/live", Right.LOOK)
async def live(request: Request, engine: Engined, person: Asker) -> Response:
    watch = _watch(request, engine)
    return stream(request, engine, KEY, lambda: Show(PIECES, _values(watch.look())), person)


def _values(day: Day) -> dict[str, Any]:
    return {"day": day, **named()}


def _watch(request: Request, engine: Engine) -> DayWatch:
    """One of the process: what is wrong is asked once for all who open the page."""
    state = request.app.state
    if not hasattr(state, "day_watch"):
        state.day_watch = DayWatch(engine)
    watch: DayWatch = state.day_watch
    return watch
