"""How a route says what a key must be allowed, and what all routes are given.

@routes.on("POST", "/messages", Scope.SEND, status=202)
def send_message(engine: Engined, caller: Caller, message: MessageIn) -> Answer: ...
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.responses import Response

from dispatcher.access.keys import Key, Scope
from dispatcher.api.bodies import payload_of, read
from dispatcher.api.problems import Problem
from dispatcher.api.seats import Seats
from dispatcher.engine import Engine

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])
# What any route may answer besides, for the document.
_EVERYWHERE = ("no-key", "not-allowed", "invalid", "too-many", "busy", "away")


class Needs:
    """The scope that a route asks of a key. Raises Problem."""

    def __init__(self, *scopes: Scope) -> None:
        """Any of them will do."""
        self.scopes = scopes

    def __call__(self, request: Request) -> None:
        if self.scopes and caller_of(request).scopes.isdisjoint(self.scopes):
            needed = " or ".join(scope.value for scope in self.scopes)
            raise Problem("not-allowed", f"This needs a key with the scope {needed}.")


class Seated(APIRoute):
    """A route that takes a seat when the whole body is here: who sends slowly keeps nobody up."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer, kind = super().get_route_handler(), payload_of(self.endpoint)

        async def answer_seated(request: Request) -> Response:
            if kind is None:
                async with seats_of(request).one():
                    return await answer(request)
            await request.body()
            async with seats_of(request).one():
                return await answer(await read(request, kind))

        return answer_seated


class Routes(APIRouter):
    """The routes of one subject. `seated` False: they read their body themselves, and take a seat
    whenever they need one."""

    def __init__(self, tag: str, *, seated: bool = True) -> None:
        super().__init__(tags=[tag], route_class=Seated if seated else APIRoute)

    def on(
        self,
        method: str,
        path: str,
        *scopes: Scope,
        status: int = 200,
        problems: Sequence[str] = (),
        response_model: type[BaseModel] | None = None,
        more_of_document: Mapping[str, Any] = MappingProxyType({}),
    ) -> Callable[[_Endpoint], _Endpoint]:
        """A route; `problems` are those that it answers besides what every route does."""
        return self.api_route(
            path,
            methods=[method],
            status_code=status,
            dependencies=[Depends(Needs(*scopes))],
            openapi_extra={
                "x-scopes": [scope.value for scope in scopes],
                "x-problems": [*_EVERYWHERE, *problems],
                **more_of_document,
            },
            response_model=response_model,
        )


def caller_of(request: Request) -> Key:
    """Whose key it is; the door let nobody in without one."""
    key: Key = request.state.key
    return key


def engine_of(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def seats_of(request: Request) -> Seats:
    seats: Seats = request.app.state.seats
    return seats


Engined = Annotated[Engine, Depends(engine_of)]
Caller = Annotated[Key, Depends(caller_of)]
# As far as the ledger counts.
Number = Annotated[int, Path(ge=1, le=2_147_483_647)]
Facts = Mapping[str, Any]
