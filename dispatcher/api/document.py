"""The OpenAPI document as programs and people need it: problems, keys, scopes."""

from typing import Any

from dispatcher.access.keys import Scope
from dispatcher.api.problems import MEDIA_TYPE, TYPES

_PROBLEM = {
    "type": "object",
    "description": "RFC 9457. A program decides by `type`.",
    "required": ["type", "title", "status", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:dispatcher:problem:invalid"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["detail", "code"],
                "properties": {
                    "detail": {"type": "string"},
                    "code": {"type": "string"},
                    "pointer": {"type": "string", "description": "Of the value (RFC 6901)"},
                    "parameter": {"type": "string"},
                },
            },
        },
    },
}


def finished(document: dict[str, Any]) -> dict[str, Any]:
    """Each route with the scopes it needs and the problems it may answer with."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for left_over in ("HTTPValidationError", "ValidationError"):
        schemas.pop(left_over, None)
    schemas["Problem"] = _PROBLEM
    told = ", ".join(scope.value for scope in Scope)
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": f"A key; its scopes: {told}."}
    }
    document["security"] = [{"key": []}]
    for path in document["paths"].values():
        for operation in path.values():
            _finish(operation)
    return document


def _finish(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    answers.pop("422", None)
    by_status: dict[int, list[str]] = {}
    problems = dict.fromkeys(operation.pop("x-problems"))
    if "requestBody" in operation:
        problems = {"malformed": None, **problems}
    for kind in problems:
        by_status.setdefault(TYPES[kind][0], []).append(kind)
    for status, kinds in sorted(by_status.items()):
        answer: dict[str, Any] = {
            "description": "; ".join(f"{kind}: {TYPES[kind][1]}" for kind in kinds),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        if status in (429, 503):
            answer["headers"] = {
                "Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}
            }
        answers[str(status)] = answer
    scopes = " or ".join(f"`{scope}`" for scope in operation.pop("x-scopes"))
    operation["description"] = f"{operation.get('description', '')}\n\nNeeds {scopes}.".strip()
