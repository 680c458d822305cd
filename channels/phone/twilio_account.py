"""What Twilio says of our account, in words for staff."""

import re
from typing import Any

from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException

from channels.base import AccountState
from channels.phone.twilio_codes import NO_MONEY
from channels.phone.twilio_http import NoAnswer, NotConnected, Throttled
from templates.i18n import _

_AMOUNT = re.compile(r"-?\d{1,12}(\.\d{1,6})?")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_UNREADABLE = (ValueError, TypeError, AttributeError, RecursionError)


async def account_state(client: Any, account_sid: str) -> AccountState:
    """Ask for the account, and for its balance where it is told; never raises for an answer."""
    account = client.api.v2010.accounts(account_sid)
    try:
        status = (await account.fetch_async()).status
    except NotConnected:
        return AccountState(False, _("There is no connection to Twilio."))
    except Throttled:
        return AccountState(False, _("Twilio asks us to slow down; ask again in a minute."))
    except (TwilioRestException, TwilioServiceException) as error:
        return AccountState(False, _refusal(error.status, error.code))
    except (NoAnswer, TwilioException, *_UNREADABLE):
        return AccountState(False, _("Twilio does not answer as agreed."))
    if status == "active":
        return AccountState(True, _("The Twilio account is active."), await _balance(account))
    if status == "suspended":
        note = _("Twilio has suspended the account: look at its balance and at Twilio's letters.")
    elif status == "closed":
        note = _("The Twilio account is closed.")
    else:
        note = _("Twilio does not answer as agreed.")
    return AccountState(False, note)


def _refusal(status: object, code: object) -> str:
    if isinstance(code, int) and code in NO_MONEY:
        return _("Twilio has suspended the account: look at its balance and at Twilio's letters.")
    if isinstance(status, int) and status in {401, 403, 404}:
        return _(
            "Twilio refuses our account: check twilio_account_sid and twilio_auth_token "
            "in the settings."
        )
    return _("Twilio does not answer as agreed.")


async def _balance(account: Any) -> str:
    """The balance with its currency; nothing where Twilio keeps it to itself (a subaccount's)."""
    try:
        found = await account.balance.fetch_async()
        amount, currency = str(found.balance), str(found.currency)
    except (Throttled, NotConnected, NoAnswer, TwilioException, *_UNREADABLE):
        return ""
    if not _AMOUNT.fullmatch(amount) or not _CURRENCY.fullmatch(currency):
        return ""
    return f"{amount} {currency.upper()}"
