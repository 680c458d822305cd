"""A status that no table knows: told to staff once, believed by nobody."""

import re

import structlog

from campaigns.channel import ChannelName

log = structlog.get_logger()

# Providers name their statuses by a short word or number; anything else may hold personal data.
_NAME = re.compile(r"[a-zA-Z][a-zA-Z_ -]{0,31}|\d{1,3}")


def report_strange_status(channel: ChannelName, provider: str, status: object) -> str:
    """Warn of a status we have no meaning for; what to write into the receipt's `detail`.

    The message counts as uncertain until the provider says something we understand.
    """
    text = str(status if status is not None else "").strip()
    name = text if _NAME.fullmatch(text) else "unreadable"
    log.warning("receipt.strange_status", channel=channel.value, provider=provider, status=name)
    return f"unknown status {name}"
