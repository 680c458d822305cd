"""What a channel at Twilio is, whatever it carries: an account, its connections, its signature."""

import re
import ssl
from collections.abc import Awaitable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from channels.base import (
    AccountState,
    Cause,
    Forged,
    Handover,
    Payload,
    accepted,
    postponed,
    uncertain,
)
from channels.gateway import checked_base_url
from channels.looplocal import LoopLocal
from channels.twilio.account import UNREADABLE, account_state
from channels.twilio.errors import Codes, judge_error
from channels.twilio.http import NoAnswer, NotConnected, Throttled, TwilioHttp
from templates.i18n import _

ACCOUNT_SID = re.compile(r"AC[0-9a-fA-F]{32}")
# Whatever a question can end in that is no proper answer.
NO_PROPER_ANSWER = (Throttled, NotConnected, NoAnswer, TwilioException, *UNREADABLE)


@dataclass(frozen=True, slots=True)
class _Line:
    client: Any  # the library is untyped
    http: TwilioHttp


class TwilioConnection:
    """The account and the way to it. `what` names the channel to whoever misuses it.

    `base_url` is for the sandbox (https, or plain http on this machine); `tls_context` names whom
    to trust in place of the public authorities. Raises ValueError for an account SID or a base
    address that cannot be right. Time-outs are in seconds.
    """

    provider = "twilio"

    def __init__(
        self,
        what: str,
        account_sid: str,
        auth_token: str,
        *,
        base_url: str | None,
        timeout_seconds: float,
        concurrency: int,
        tls_context: ssl.SSLContext | None,
    ) -> None:
        if not ACCOUNT_SID.fullmatch(account_sid) or not auth_token:
            raise ValueError(
                _("twilio_account_sid is AC and 32 hexadecimal digits, and a token goes with it")
            )
        self.concurrency = concurrency
        self._account_sid, self._auth_token = account_sid, auth_token
        self._base_url = checked_base_url(base_url) if base_url else None
        self._timeout_seconds = timeout_seconds
        self._tls_context = tls_context
        self._validator = RequestValidator(auth_token)
        self._lines: LoopLocal[_Line] = LoopLocal(what)

    async def __aenter__(self) -> Self:
        if not self._lines.join():
            http = TwilioHttp(
                self._base_url, self._timeout_seconds, self.concurrency, self._tls_context
            )
            client = Client(self._account_sid, self._auth_token, http_client=http)
            self._lines.open(_Line(client, http))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        line = self._lines.leave()
        if line is not None:
            await line.http.close()

    @property
    def _client(self) -> Any:
        """The library's client (untyped) of this loop; RuntimeError outside `async with`."""
        return self._lines.current().client

    async def account(self) -> AccountState:
        """Ask for the account and, where Twilio tells it, the balance."""
        return await account_state(self._client, self._account_sid)

    def _genuine_path(self, payload: Payload) -> str:
        """The path of a request that Twilio's signature covers, address and form; else Forged."""
        signature = payload.headers.get("x-twilio-signature", "")
        try:
            genuine = self._validator.validate(payload.url, dict(payload.form), signature)
            path = urlsplit(payload.url).path
        except ValueError:  # an address that cannot be parsed
            genuine, path = False, ""
        if not signature or not genuine:
            raise Forged("a callback without Twilio's signature")
        return path


async def handed(creating: Awaitable[Any], sid: re.Pattern[str], codes: Codes) -> Handover:
    """What came of creating one resource, which is named by a SID of that form."""
    try:
        created = await creating
    except Throttled as error:
        return postponed("throttled (429)", error.retry_after_seconds, cause=Cause.THROTTLED)
    except NotConnected:
        return postponed("no connection to Twilio", cause=Cause.UNREACHABLE)
    except NoAnswer as error:
        return uncertain(f"no answer from Twilio: {error}")
    except (TwilioRestException, TwilioServiceException) as error:
        return judge_error(error, codes)
    except (TwilioException, *UNREADABLE):
        return uncertain("an answer from Twilio that cannot be read")
    if not isinstance(created.sid, str) or not sid.fullmatch(created.sid):
        return uncertain("an answer from Twilio without a SID")
    return accepted(created.sid)
