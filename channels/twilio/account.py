"""What Twilio says of our account; asked without placing a call or sending anything."""

from typing import Any

from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException

from channels.balance import balance_words, read_amount
from channels.base import AccountState
from channels.twilio.errors import NO_MONEY
from channels.twilio.http import NoAnswer, NotConnected, Throttled
from templates.i18n import _

# What the library lets out when an answer is not the agreed JSON, or is nested without end.
UNREADABLE = (
    ValueError,
    TypeError,
    AttributeError,
    KeyError,
    RecursionError,
    OverflowError,
)


async def account_state(client: Any, account_sid: str) -> AccountState:
    """The state of the account by the library's `client` (untyped); never raises."""
    try:
        account = await client.api.v2010.accounts(account_sid).fetch_async()
        status = account.status
    except (TwilioRestException, TwilioServiceException) as error:
        return _refused(error.status, error.code)
    except (Throttled, NotConnected, NoAnswer):
        return AccountState(False, _("Twilio does not answer."))
    except (TwilioException, *UNREADABLE):
        return AccountState(False, _("Twilio does not answer as agreed: check twilio_base_url."))
    balance = await _balance(client, account_sid)
    match status:
        case "active":
            return AccountState(True, _("Twilio: the account is active."), balance)
        case "suspended":
            note = _("Twilio has suspended the account: top up its balance or ask their support.")
        case "closed":
            note = _("The account at Twilio is closed.")
        case _other:
            note = _("Twilio does not answer as agreed: check twilio_base_url.")
    return AccountState(False, note, balance)


def _refused(status: object, code: object) -> AccountState:
    if isinstance(code, int) and code in NO_MONEY:
        note = _("Twilio has suspended the account: top up its balance or ask their support.")
    elif isinstance(status, int) and status in {401, 403, 404}:
        note = _("Twilio refuses our account: check twilio_account_sid and twilio_auth_token.")
    else:
        note = _("Twilio does not answer as agreed: check twilio_base_url.")
    return AccountState(False, note)


async def _balance(client: Any, account_sid: str) -> str:
    """The balance in words, empty where Twilio tells none (accounts within another one)."""
    try:
        told = await client.api.v2010.accounts(account_sid).balance.fetch_async()
        amount, currency = read_amount(told.balance), str(told.currency or "")
    except (Throttled, NotConnected, NoAnswer, TwilioException, *UNREADABLE):
        return ""
    named = len(currency) == 3 and currency.isascii() and currency.isalpha()
    return balance_words(amount, currency.upper()) if amount is not None and named else ""
