"""Consents and refusals: what a column is about by its header, and what a cell says."""

from dataclasses import dataclass
from functools import lru_cache

from campaigns.audience.dates import parse_date
from campaigns.audience.findings import CellError
from campaigns.channel import ChannelName, Purpose
from campaigns.recipient import Consent
from templates.i18n import _

YES = frozenset(
    [
        "да",
        "д",
        "есть",
        "1",
        "yes",
        "y",
        "true",
        "истина",
        "+",
        "согласен",
        "согласна",
        "дано",
        "получено",
        "v",
        "x",
        "х",
    ]
)
NO = frozenset(["нет", "н", "0", "no", "n", "false", "ложь", "не"])
REFUSED = frozenset(
    ["отказ", "отказался", "отказалась", "отказано", "отозвано", "отозван", "запрет", "запрещено"]
)
NOTHING = frozenset(("", "-", "–", "—", "н/д"))
_REFUSAL_WORDS = ("отказ", "не беспоко", "opt out", "optout", "стоп лист", "запрет")
_CONSENT_WORDS = ("соглас", "consent", "opt in", "optin")
_NO_MAILING = ("персональн", "пдн", "обработк")  # the law on personal data: not about mailing
_PURPOSES = {
    Purpose.MARKETING: ("реклам", "маркет", "marketing", "акци", "предложен"),
    Purpose.SURVEY: ("опрос", "анкет", "survey"),
    Purpose.SERVICE: ("сервисн", "service", "информир"),
    Purpose.EMERGENCY: ("авари", "emergency"),
}
_CHANNELS = {
    ChannelName.SMS: ("sms", "смс"),
    ChannelName.EMAIL: ("email", "e mail", "почт", "емейл", "имейл"),
    ChannelName.PHONE: ("звон", "обзвон", "автоинформ", "phone", "call", "голосов", "телефон"),
}


@dataclass(frozen=True, slots=True)
class ConsentColumn:
    """What a "yes" in the column means. `refusal`: the column records who does NOT want it."""

    refusal: bool
    purpose: Purpose | None
    channel: ChannelName | None
    basis: str


def consent_column(key: str, header: str) -> ConsentColumn | None:
    """The meaning of a header (`key` is its normalised form), or None if it is about no consent."""
    refusal = any(word in key for word in _REFUSAL_WORDS)
    if any(word in key for word in _NO_MAILING):
        return None
    if not refusal and not any(word in key for word in _CONSENT_WORDS):
        return None
    purpose = next((p for p, words in _PURPOSES.items() if any(w in key for w in words)), None)
    channel = next((c for c, words in _CHANNELS.items() if any(w in key for w in words)), None)
    return ConsentColumn(refusal, purpose, channel, header)


@lru_cache(maxsize=4096)
def read_consent(column: ConsentColumn, text: str) -> Consent | None:
    """What the cell says; None for an empty cell and for a "no" in a column of refusals.

    A date means yes since that day. Raises `CellError`, since a refusal that cannot be read must
    not become a message that was not wanted.
    """
    word = text.strip().casefold()
    if word in NOTHING:
        return None
    since_on = None
    if word in REFUSED:
        said_yes = column.refusal
    elif word in YES or word in NO:
        said_yes = word in YES
    else:
        try:
            since_on, said_yes = parse_date(word), True
        except CellError as error:
            raise CellError(
                "consent_unreadable",
                _("It is not clear whether the customer agreed or refused."),
                _("Write yes or no, or the date on which it was said; or leave the cell empty."),
            ) from error
    if column.refusal and not said_yes:
        return None
    granted = said_yes and not column.refusal
    return Consent(granted, column.purpose, column.channel, column.basis, since_on)
