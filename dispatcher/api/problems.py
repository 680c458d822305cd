"""Errors as other programs read them: `application/problem+json` (RFC 9457).

`type` is stable and is what a program decides by; `detail` is for people. What was sent is never
said again: it may be personal data.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse

MEDIA_TYPE = "application/problem+json"
# So many wrong values are told of a request.
MOST_ERRORS = 100
_PREFIX = "urn:dispatcher:problem:"
# Each type with its status and its title, which never change either.
TYPES: Mapping[str, tuple[int, str]] = {
    "malformed": (400, "The request cannot be read"),
    "no-key": (401, "A valid key is needed"),
    "not-allowed": (403, "The key may not do this"),
    "not-found": (404, "There is no such thing"),
    "no-such-method": (405, "This cannot be done here"),
    "under-way": (409, "The same request is being carried out"),
    "not-possible": (409, "Not possible in the present state"),
    "too-large": (413, "The request is too large"),
    "wrong-media-type": (415, "Another kind of content is expected"),
    "invalid": (422, "Some values are not valid"),
    "unfit": (422, "The scenario cannot speak to this customer"),
    "key-used-before": (422, "The idempotency key was used for another request"),
    "too-many": (429, "Too many requests"),
    "too-often": (429, "This customer was told enough for today"),
    "broken": (500, "Something went wrong here"),
    "busy": (503, "Too much is asked for at once"),
    "away": (503, "The database does not answer"),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one value. `pointer` leads to it in the body (RFC 6901); `parameter` names
    one of the address or a header instead."""

    detail: str
    code: str
    pointer: str | None = None
    parameter: str | None = None

    def as_json(self) -> dict[str, str]:
        place = {"pointer": f"#{self.pointer}"} if self.pointer is not None else {}
        if self.parameter is not None:
            place = {"parameter": self.parameter}
        return {"detail": self.detail, "code": self.code, **place}


@dataclass
class Problem(Exception):
    """An answer that says what is wrong. `kind` is one of TYPES."""

    kind: str
    detail: str = ""
    errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return TYPES[self.kind][0]

    def answer(self, request_id: str) -> JSONResponse:
        status, title = TYPES[self.kind]
        body: dict[str, Any] = {"type": _PREFIX + self.kind, "title": title, "status": status}
        if self.detail:
            body["detail"] = self.detail
        if self.errors:
            body["errors"] = [error.as_json() for error in self.errors]
        body |= {**self.more, "request_id": request_id}
        return JSONResponse(body, status, headers=dict(self.headers), media_type=MEDIA_TYPE)


def invalid(pointer: str, code: str, detail: str) -> Problem:
    """One value of the body is wrong."""
    return Problem("invalid", errors=[FieldError(detail, code, pointer)])


def not_valid(found: Iterable[Mapping[str, Any]]) -> Problem:
    """Every wrong value that validation has found, by its place; never the value itself."""
    errors: list[FieldError] = []
    for one in found:
        where, *place = one["loc"]
        if one["type"] == "json_invalid":
            return Problem("malformed", "The body is no JSON.")
        if where == "body":
            errors.append(FieldError(one["msg"], one["type"], pointer_to(place)))
        else:
            name = str(place[0]) if place else str(where)
            errors.append(FieldError(one["msg"], one["type"], parameter=name))
        if len(errors) == MOST_ERRORS:
            break
    return Problem("invalid", errors=errors)


def pointer_to(place: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join(f"/{str(one).replace('~', '~0').replace('/', '~1')}" for one in place)
