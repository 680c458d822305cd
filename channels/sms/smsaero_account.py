"""What SMS Aero says of our account, in words for staff."""

from dataclasses import dataclass
from decimal import Decimal

from channels.balance import balance_words
from channels.base import AccountState
from channels.sms.gate import Exchange
from templates.i18n import _


@dataclass(frozen=True, slots=True)
class Standing:
    """What the gate answered: to our credentials, then of the balance and of the sender's name."""

    exchange: Exchange | None
    balance: Decimal | None = None
    knows_sign: bool = True


def account_state(standing: Standing) -> AccountState:
    exchange = standing.exchange
    if exchange is None or exchange.status is None or exchange.status in {429, 502, 503, 504}:
        return AccountState(False, _("SMS Aero does not answer."))
    body = exchange.body or {}
    if exchange.status in {401, 403} or body.get("success") is False:
        note = _("SMS Aero refuses our account: check smsaero_email and smsaero_api_key.")
        return AccountState(False, note)
    if not body.get("success"):
        note = _("SMS Aero does not answer as agreed: check smsaero_gate.")
        return AccountState(False, note)
    balance = balance_words(standing.balance, "RUB") if standing.balance is not None else ""
    if standing.balance is not None and standing.balance <= 0:
        return AccountState(False, _("SMS Aero: the balance is spent, top it up."), balance)
    if not standing.knows_sign:
        note = _("SMS Aero does not know our sender's name: check sms_sign.")
        return AccountState(False, note, balance)
    return AccountState(True, _("SMS Aero: the account is in order."), balance)
