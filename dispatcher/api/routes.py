"""How a route says what a key must be allowed, and what all routes are given.

@routes.on("POST", "/messages", Scope.SEND, status=202)
def send_message(engine: Engined, caller: Caller, message: MessageIn) -> Answer: ...
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel

from dispatcher.access.keys import Key, Scope
from dispatcher.api.problems import Problem
from dispatcher.engine import Engine

_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])
# What any route may answer besides, for the document.
_EVERYWHERE = ("no-key", "not-allowed", "invalid", "too-many", "away")


class Needs:
    """The scope that a route asks of a key. Raises Problem."""

    def __init__(self, *scopes: Scope) -> None:
        """Any of them will do."""
        self.scopes = scopes

    def __call__(self, request: Request) -> None:
        if self.scopes and caller_of(request).scopes.isdisjoint(self.scopes):
            needed = " or ".join(scope.value for scope in self.scopes)
            raise Problem("not-allowed", f"This needs a key with the scope {needed}.")


class Routes(APIRouter):
    """The routes of one subject."""

    def __init__(self, tag: str) -> None:
        super().__init__(tags=[tag])

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


Engined = Annotated[Engine, Depends(engine_of)]
Caller = Annotated[Key, Depends(caller_of)]
# As far as the ledger counts.
Number = Annotated[int, Path(ge=1, le=2_147_483_647)]
Facts = Mapping[str, Any]
