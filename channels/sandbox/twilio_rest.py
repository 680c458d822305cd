"""The forms Twilio's REST API answers in: errors, lists and its way to write instants."""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

API = "/2010-04-01"
MAX_PAGE_SIZE = 1000


@dataclass(frozen=True, slots=True)
class Account:
    sid: str
    token: str = field(repr=False)

    def signature(self, url: str, form: Mapping[str, str]) -> str:
        """X-Twilio-Signature: HMAC-SHA1 over the address and the sorted form
        (https://www.twilio.com/docs/usage/webhooks/webhooks-security)."""
        signed = url + "".join(f"{name}{form[name]}" for name in sorted(form))
        mac = hmac.new(self.token.encode(), signed.encode(), "sha1")
        return base64.b64encode(mac.digest()).decode()

    def admits(self, request: Request) -> bool:
        kind, _space, given = request.headers.get("authorization", "").partition(" ")
        expected = base64.b64encode(f"{self.sid}:{self.token}".encode())
        return kind.lower() == "basic" and hmac.compare_digest(given.encode(), expected)


def error(
    status: int, code: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    answer = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return JSONResponse(answer, status_code=status, headers=dict(headers or {}))


def not_found(request: Request) -> Response:
    return error(404, 20404, f"The requested resource {request.url.path} was not found")


def instant(at: datetime | None) -> str | None:
    """An instant in the form of RFC 2822, as Twilio writes them all."""
    return format_datetime(at) if at is not None else None


def page_of(
    request: Request, name: str, found: Sequence[Any], show: Callable[[Any], dict[str, Any]]
) -> Response:
    """One page of a list, newest first, with the links the SDK follows."""
    size = min(max(_number(request, "PageSize", 50), 1), MAX_PAGE_SIZE)
    page = max(_number(request, "Page", 0), 0)
    shown = found[page * size : (page + 1) * size]
    kept = [(n, v) for n, v in request.query_params.multi_items() if n not in {"Page", "PageSize"}]

    def link(number: int) -> str:
        query = urlencode([*kept, ("PageSize", size), ("Page", number)])
        return f"{request.url.path}?{query}"

    return JSONResponse(
        {
            name: [show(one) for one in shown],
            "page": page,
            "page_size": size,
            "start": page * size,
            "end": page * size + max(len(shown) - 1, 0),
            "uri": link(page),
            "first_page_uri": link(0),
            "next_page_uri": link(page + 1) if (page + 1) * size < len(found) else None,
            "previous_page_uri": link(page - 1) if page else None,
        }
    )


def on_days(request: Request, name: str, at: datetime) -> bool:
    """Whether an instant fits the filters `Name` (a day in UTC), `Name<` and `Name>` (a day, or an
    instant in the form of ISO 8601)."""
    day, exactly = at.date().isoformat(), at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    asked = request.query_params
    exact, until, since = asked.get(name), asked.get(f"{name}<"), asked.get(f"{name}>")
    return (
        (not exact or day == exact[:10])
        and (not until or (exactly if "T" in until else day) <= until)
        and (not since or (exactly if "T" in since else day) >= since)
    )


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, "")
    return int(text[:9]) if text.isascii() and text.isdigit() else default
