"""An address that somebody typed in: what of it will do, told before anything is sent there.

What a name leads to is looked up by `connection`, each time anew.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from dispatcher.errors import NotPossible
from templates.i18n import _

LONGEST_URL = 2000
SECURE_PORT, PLAIN_PORT = 443, 80
# Those below belong to services of other kinds: mail, remote shells, files.
FIRST_FREE_PORT = 1024
# Letters, digits, hyphens (RFC 1123 section 2.1), and the underscore that some write nevertheless.
_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)
# Whatever ends in a number is an address however it is written: 2130706433, 0x7f.1, 127.1.
_NUMBER = re.compile(r"(.*\.)?(\d+|0x[0-9a-f]*)")
# Names that mean something within a house alone: RFC 6761, 6762, 8375; ICANN 2024-07-29.
_OF_A_HOUSE = ("localhost", "local", "home.arpa", "internal")


class BadAddress(NotPossible):
    """Nothing is sent there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a webhook listens."""

    host: str
    port: int
    path: str
    is_secure: bool


def place_of(url: str, *, loopback: bool = False) -> Place:
    """An address taken apart. `loopback`: plain http on this very machine will do, too, as tests
    and rehearsals need it. Raises BadAddress with what to write instead."""
    bad = BadAddress(
        _(
            "An address such as https://billing.example.com/hooks is expected, without a user and "
            "“#”."
        )
    )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise bad from None
    is_plain = len(url) <= LONGEST_URL and url.isascii() and url.isprintable() and " " not in url
    if not host or not is_plain or "@" in parts.netloc or parts.fragment or "\\" in url:
        raise bad
    is_secure = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if loopback and is_loopback(host) and parts.scheme in ("http", "https"):
        return Place(host, port or (SECURE_PORT if is_secure else PLAIN_PORT), path, is_secure)
    if not is_secure:
        raise bad
    _refuse_host(host, bad)
    if port is None:
        port = SECURE_PORT
    if port != SECURE_PORT and port < FIRST_FREE_PORT:
        words = _(
            "Port {port} belongs to a service of another kind: {secure} is usual, or one from "
            "{first} on."
        )
        raise BadAddress(words.format(port=port, secure=SECURE_PORT, first=FIRST_FREE_PORT))
    return Place(host, port, path, is_secure)


def is_loopback(host: str) -> bool:
    """This very machine, by its address or its name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def _refuse_host(host: str, bad: BadAddress) -> None:
    if ":" in host or _NUMBER.fullmatch(host):
        raise BadAddress(
            _("Give the name of the server, not its number: a certificate proves a name.")
        )
    if not _NAME.fullmatch(host):
        raise bad
    if "." not in host or f".{host}".endswith(tuple(f".{name}" for name in _OF_A_HOUSE)):
        raise BadAddress(
            _(
                "Only a house's own network knows this name. Give one by which the internet "
                "reaches that system."
            )
        )
