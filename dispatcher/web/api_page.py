"""What other systems can ask for, as people read it: made from the API's own document."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.responses import Response

from dispatcher.access.roles import Right
from dispatcher.api.application import PATH, api, document
from dispatcher.api.problems import TYPES
from dispatcher.web.rendering import render
from dispatcher.web.screens import Engined, Screens

screens = Screens()


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a body: its path, its kind, whether it must be there, what it means."""

    name: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be asked for."""

    method: str
    path: str
    title: str
    about: tuple[str, ...]  # paragraphs
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answers: tuple[tuple[str, str], ...]

    @property
    def anchor(self) -> str:
        return self.title.lower().replace(" ", "-")


@screens.page("/settings/api", Right.LOOK)
def about_api(request: Request, engine: Engined) -> Response:
    told = document(api(engine))
    return render(
        request,
        "api.html",
        base=PATH,
        groups=_groups(told),
        problems=[(kind, status, title) for kind, (status, title) in TYPES.items()],
    )


def _groups(told: Mapping[str, Any]) -> Mapping[str, list[Operation]]:
    groups: dict[str, list[Operation]] = {}
    schemas = told["components"]["schemas"]
    for path, operations in told["paths"].items():
        for method, one in operations.items():
            groups.setdefault(one["tags"][0], []).append(_operation(method, path, one, schemas))
    return groups


def _operation(
    method: str, path: str, one: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Operation:
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {})
    return Operation(
        method=method.upper(),
        path=path,
        title=one["summary"],
        about=tuple(" ".join(part.split()) for part in one["description"].split("\n\n")),
        parameters=tuple(
            Field(p["name"], _kind(p["schema"]), p["required"], p.get("description", ""))
            for p in one.get("parameters", ())
        ),
        body=tuple(_fields(body["schema"], schemas)) if body else (),
        answers=tuple(
            (status, answer["description"]) for status, answer in one["responses"].items()
        ),
    )


def _fields(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], before: str = ""
) -> Iterator[Field]:
    """Every value of a body, those within others below them."""
    made = _named(schema, schemas)
    required = made.get("required", ())
    for name, value in made.get("properties", {}).items():
        inner, mark = _inner(value)
        about = value.get("description", "")
        yield Field(f"{before}{name}{mark}", _kind(value), name in required, about)
        if inner is not None:
            yield from _fields(inner, schemas, f"{before}{name}{mark}.")


def _inner(value: Mapping[str, Any]) -> tuple[Mapping[str, Any] | None, str]:
    """What stands within a value, and how its name shows that there are several."""
    for one in (value, *value.get("anyOf", ())):
        if "$ref" in one:
            return (one, "")
        if "$ref" in one.get("items", {}):
            return (one["items"], "[]")
    return None, ""


def _named(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = str(schema.get("$ref", ""))
    found: Mapping[str, Any] = schemas[reference.rpartition("/")[2]] if reference else schema
    return found


def _kind(value: Mapping[str, Any]) -> str:
    """As short as it can be told."""
    if "anyOf" in value:
        kinds = dict.fromkeys(_kind(one) for one in value["anyOf"] if one.get("type") != "null")
        return " | ".join(kinds)
    if "enum" in value:
        return " | ".join(map(str, value["enum"]))
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if value.get("type") == "array":
        return f"[{_kind(value['items'])}]"
    return str(value.get("format") or value.get("type", ""))
