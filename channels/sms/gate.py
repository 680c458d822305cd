"""SMS Aero's own library made safe: one gate, one request, no secret in a log, no DNS at start.

As shipped (3.2.0) `smsaero-api` posts a message again to a second and a third gate whenever an
answer is late or is not JSON, looks up the account's mail domain in DNS when constructed, and
writes the API key, the number and the text into its DEBUG log. Each is undone here, and the answer
that the library folds into an exception is kept (`Exchange`) for the channel to judge.
"""

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from email_validator import EmailNotValidError, validate_email
from requests import PreparedRequest
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from smsaero import SmsAero

from channels.gateway import checked_base_url, is_loopback
from templates.i18n import _

KEY = re.compile(r"[A-Za-z0-9_-]{16,32}")


class _NothingBelowInfo(logging.Filter):
    """The library's DEBUG records hold the API key; no log level may bring them back."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno > logging.DEBUG


def silence_library() -> None:
    """Keep the key, numbers and texts out of the logs, whatever level the program logs at."""
    logger = logging.getLogger("smsaero")
    logger.setLevel(logging.INFO)
    if not any(isinstance(known, _NothingBelowInfo) for known in logger.filters):
        logger.addFilter(_NothingBelowInfo())
    logging.getLogger("urllib3").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Gate:
    """One address of the provider: the scheme, and the rest in the library's own notation."""

    scheme: str
    rest: str  # "@host:port/v2/"

    @property
    def on_this_machine(self) -> bool:
        return is_loopback(urlsplit(f"//{self.rest[1:]}").hostname or "")


def read_gate(text: str | None) -> Gate:
    """`@gate.smsaero.ru/v2/` (the library's notation) or a full address; None is the first gate.

    Raises ValueError for plain http to another machine and for an address with credentials.
    """
    url = (text or SmsAero.GATE_URLS[0]).strip().removeprefix("@")
    if "://" not in url:
        host = urlsplit(f"//{url}").hostname or ""
        url = f"{'http' if is_loopback(host) else 'https'}://{url}"
    base = checked_base_url(url)
    if not base.endswith("/v2"):
        base += "/v2"
    scheme, _separator, rest = base.partition("://")
    return Gate(scheme, f"@{rest}/")


@dataclass(frozen=True, slots=True)
class Exchange:
    """What is known of the one request of a call.

    `sent` is False when no byte of the message can have left: no connection, or one that broke in
    the TLS handshake or at the proxy. Without a `status` no answer came; without a `body` it was no
    JSON object.
    """

    sent: bool
    status: int | None = None
    retry_after: str | None = None
    body: Mapping[str, Any] | None = None


class _OneShot(HTTPAdapter):
    """Sends once, remembers what came of it, and passes it on to the library.

    Whether a message may have been sent is not told by the kind of error: TLS breaks in the
    handshake and in the middle of an answer with the very same exceptions. It is told by the body,
    which is taken from us piece by piece, and only when it is about to be written to an established
    connection. Taken once, it is gone, so that no layer below can post it a second time.
    """

    def __init__(self) -> None:
        super().__init__(max_retries=0)
        self.exchange: Exchange | None = None

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self.exchange = Exchange(sent=False)
        body = request.body
        if not isinstance(body, bytes):
            raise RuntimeError("the SMS library no longer posts JSON")  # noqa: TRY004 - a bug
        once = request.copy()  # its Content-Length stays
        once.body = self._noting(body)  # type: ignore[assignment]  # any iterable is taken
        response = super().send(once, *args, **kwargs)
        self.exchange = _read(response)
        return response

    def _noting(self, body: bytes) -> Iterator[bytes]:
        self.exchange = Exchange(sent=True)
        yield body


def _read(response: requests.Response) -> Exchange:
    try:
        body = json.loads(response.content)
    except (requests.RequestException, ValueError, RecursionError):
        body = None
    return Exchange(
        sent=True,
        status=response.status_code,
        retry_after=response.headers.get("Retry-After"),
        body=body if isinstance(body, dict) else None,
    )


class SafeSmsAero(SmsAero):  # type: ignore[misc]  # the library is untyped
    """The library's client, to be used by one thread. `exchange` tells of the latest request.

    `ca_file` names the authorities to trust (PEM) in place of the public ones. Raises ValueError
    when constructed with unusable credentials.
    """

    def __init__(
        self,
        email: str,
        api_key: str,
        sign: str,
        gate: Gate,
        timeout_seconds: float,
        ca_file: str | None = None,
    ) -> None:
        silence_library()
        self._scheme = gate.scheme
        super().__init__(email, api_key, sign, timeout=timeout_seconds, url_gate=gate.rest)
        self._adapter = _OneShot()
        # The library offers no way to configure its session but this private name.
        self._session: requests.Session = self._SmsAero__sess
        self._session.max_redirects = 0  # a 307 would post the message again
        # A .netrc must not replace the key, nor a rehearsal leave the machine by a proxy.
        self._session.trust_env = False
        if ca_file is not None:
            self._session.verify = ca_file
        if not gate.on_this_machine:
            self._session.proxies = get_environ_proxies(f"{gate.scheme}://{gate.rest[1:]}")
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)

    @property
    def exchange(self) -> Exchange | None:
        return self._adapter.exchange

    def forget_exchange(self) -> None:
        self._adapter.exchange = None

    def close(self) -> None:
        self._session.close()

    def request(
        self,
        selector: str,
        data: dict[str, Any] | None = None,
        page: int | None = None,
        proto: str = "https",  # noqa: ARG002 - the library's signature; the gate's scheme is used
    ) -> Any:
        # From here on the library is content with its arguments: what fails now is not the number.
        self._adapter.exchange = Exchange(sent=False)
        return super().request(selector, data, page, self._scheme)

    @staticmethod
    def init_validate(email: str, api_key: str, signature: str, timeout: float, *_: object) -> None:
        """The library's checks without its look-up in DNS, and a key that cannot break the URL."""
        check_credentials(email, api_key, signature)
        if timeout <= 0:
            raise ValueError("the time-out must be positive")


def check_credentials(email: str, api_key: str, sign: str) -> None:
    """Raises ValueError, without quoting the key, for what the provider could never accept."""
    try:
        validate_email(email, check_deliverability=False)
    except EmailNotValidError:
        raise ValueError(_("smsaero_email is the e-mail address of the account")) from None
    if not KEY.fullmatch(api_key):
        raise ValueError(
            _("smsaero_api_key is 16 to 32 letters and digits from the provider's web page")
        )
    if len(sign) < 2:
        raise ValueError(_("the SMS sender's name needs at least 2 characters"))
