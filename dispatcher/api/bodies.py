"""Bodies are looked at in a thread: a list of ten thousand customers takes seconds, and the event
loop answers the staff's pages meanwhile."""

from collections.abc import Callable
from typing import Any, get_type_hints

from pydantic import ValidationError
from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from dispatcher.api.payloads import Payload
from dispatcher.api.problems import Problem, not_valid


class Read(Request):
    """A request whose body was looked at already; whoever asks for its JSON is given the payload,
    which is not looked at once more."""

    def __init__(self, request: Request, payload: Payload) -> None:
        super().__init__(request.scope, request.receive)
        self._body = b"{}"  # the rest of it is not needed any more
        self._payload = payload

    async def json(self) -> Any:
        return self._payload


def payload_of(endpoint: Callable[..., Any]) -> type[Payload] | None:
    """What a route expects in its body."""
    kinds = get_type_hints(endpoint).values()
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, Payload)), None)


async def read(request: Request, kind: type[Payload]) -> Request:
    """The request with its payload; as it was, where it brings no JSON. Raises Problem."""
    body = await request.body()
    if not body or not _is_json(request.headers.get("content-type", "")):
        return request
    return Read(request, await run_in_threadpool(_look_at, body, kind))


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )


def _look_at(body: bytes, kind: type[Payload]) -> Payload:
    try:
        found = from_json(body)
    except ValueError:
        raise Problem("malformed", "The body is no JSON.") from None
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        told = error.errors(include_url=False, include_context=False, include_input=False)
        raise not_valid([{**one, "loc": ("body", *one["loc"])} for one in told]) from None
