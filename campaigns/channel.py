"""The three ways to reach a customer, and what a message may be for."""

from enum import StrEnum


class ChannelName(StrEnum):
    PHONE = "phone"
    SMS = "sms"
    EMAIL = "email"


class Purpose(StrEnum):
    """Why a customer is contacted. Marketing and surveys need consent, the rest does not."""

    SERVICE = "service"
    MARKETING = "marketing"
    EMERGENCY = "emergency"
    SURVEY = "survey"


class ContactKind(StrEnum):
    """What a contact point is, as far as its own digits tell."""

    MOBILE = "mobile"
    FIXED = "fixed"
    TOLL_FREE = "toll_free"
    OTHER = "other"  # a valid number of a kind we cannot tell
    EMAIL = "email"


CALLABLE = frozenset({ContactKind.MOBILE, ContactKind.FIXED, ContactKind.OTHER})
TEXTABLE = frozenset({ContactKind.MOBILE, ContactKind.OTHER})


def fits(kind: ContactKind, channel: ChannelName) -> bool:
    """Whether a contact point of this kind can be used on the channel at all.

    No SMS to landlines or toll-free numbers, no calls to toll-free ones.
    """
    if channel is ChannelName.PHONE:
        return kind in CALLABLE
    if channel is ChannelName.SMS:
        return kind in TEXTABLE
    return kind is ContactKind.EMAIL
