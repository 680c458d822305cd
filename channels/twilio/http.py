"""The way to Twilio's servers: one request, one time-out that is really kept, nothing logged.

The library's asynchronous client passes its `timeout` on as None, which aiohttp reads as "wait for
ever", logs every request at INFO, and lets the Retry-After of a 429 get lost in an exception.
"""

import base64
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit, urlunsplit

import aiohttp
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response

from channels.gateway import checked_base_url, retry_after_seconds

_CONNECT_SHARE = 0.6  # of the time-out: a connection that takes longer was certainly not used


class Throttled(Exception):
    """Twilio asks us to slow down (HTTP 429): the call was not taken."""

    def __init__(self, retry_after: float | None) -> None:
        self.retry_after_seconds = retry_after
        super().__init__("throttled")


class NotConnected(Exception):
    """No connection was made: the call was certainly not taken."""


class NoAnswer(Exception):
    """The request went out and no usable answer came back: the call may have been taken."""


class TwilioHttp(AsyncTwilioHttpClient):  # type: ignore[misc]  # the library is untyped
    """HTTP for the library's client. `base_url` replaces Twilio's own scheme and host (sandbox);
    `tls_context` the public authorities.
    """

    def __init__(
        self,
        base_url: str | None,
        timeout_seconds: float,
        connections: int,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(pool_connections=False)
        base = urlsplit(checked_base_url(base_url)) if base_url else None
        self._base = (base.scheme, base.netloc) if base else None
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, ssl=tls_context or True),
            timeout=aiohttp.ClientTimeout(
                total=timeout_seconds, connect=timeout_seconds * _CONNECT_SHARE
            ),
        )

    async def request(
        self,
        method: str,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the session's own is kept
        allow_redirects: bool = False,  # noqa: ARG002 - never: a call would be placed twice
    ) -> Response:
        """Raises Throttled, NotConnected or NoAnswer; other statuses are the library's to read."""
        sent = dict(headers or {})
        if auth is not None:
            sent["Authorization"] = "Basic " + base64.b64encode(":".join(auth).encode()).decode()
        try:
            async with self._http.request(
                method.upper(),
                self._rebased(url),
                params=params,
                data=aiohttp.FormData(_pairs(data)) if data else None,
                headers=sent,
                allow_redirects=False,
            ) as answer:
                text = await answer.text(errors="replace")
                if answer.status == 429:
                    raise Throttled(retry_after_seconds(answer.headers.get("Retry-After")))
                return Response(answer.status, text, answer.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise NotConnected(type(error).__name__) from error
        except (aiohttp.ClientConnectorCertificateError, aiohttp.InvalidURL) as error:
            raise NotConnected(type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswer(type(error).__name__) from error

    def _rebased(self, url: str) -> str:
        if self._base is None:
            return url
        parts = urlsplit(url)
        return urlunsplit((*self._base, parts.path, parts.query, ""))

    async def close(self) -> None:
        await self._http.close()


def _pairs(fields: Mapping[str, object]) -> list[tuple[str, str]]:
    """Form fields; a list becomes one field repeated, as Twilio wants it."""
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        values = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, _text(one)) for one in values]
    return pairs


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
