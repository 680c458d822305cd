"""Today: what runs, what waits for somebody, what is wrong."""

from fastapi import Request
from starlette.responses import Response

from dispatcher.access.roles import Right
from dispatcher.web.rendering import render
from dispatcher.web.screens import Engined, Screens

screens = Screens()


@screens.page("/", Right.LOOK)
def today(request: Request, engine: Engined) -> Response:  # noqa: ARG001
    return render(request, "today.html")
