"""Where a provider's HTTP interface lives, and what its headers say: rules all of them share."""

import ipaddress
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from templates.i18n import _

# A provider that asks for more is down for us; the engine looks again and asks anew.
MAX_RETRY_AFTER_SECONDS = 6 * 3600.0
# Statuses of a request that was given up on or met another one: no verdict on the message.
NO_VERDICT = frozenset({408, 409, 425, 499})


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine, told without asking DNS."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def checked_base_url(url: str) -> str:
    """The base address of a provider without a trailing slash.

    Raises ValueError for anything but https; plain http is for rehearsals on the same machine,
    because the secret key travels in every request.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(
            _("“{url}” is no address of a provider; write it as https://host/path").format(
                url=_without_credentials(url)
            )
        )
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError(
            _("the address of a provider carries no credentials, no “?” and no “#”: {host}").format(
                host=parts.hostname
            )
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError(
            _(
                "plain http would show the secret key to everybody on the way to {host}; "
                "write https:// (http is for the sandbox on this machine)"
            ).format(host=parts.hostname)
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _without_credentials(url: str) -> str:
    return url.rpartition("@")[2][:80]


def retry_after_seconds(header: str | None, now: datetime | None = None) -> float | None:
    """The seconds of a Retry-After header (RFC 9110, section 10.2.3), capped; None when unusable.

    The form with a date needs `now`; without it only seconds are understood.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:12]), MAX_RETRY_AFTER_SECONDS)
    if not text or now is None:
        return None
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    if until.tzinfo is None:
        return None
    return min(max((until - now).total_seconds(), 0.0), MAX_RETRY_AFTER_SECONDS)
