"""How often somebody may try a password before nobody is let in by that door for a while.

Each try is counted before it is known whether it is right: who tries many at the same moment, or at
several processes, gains nothing. There are four counts:

- of one login from one address: the soonest, for whoever guesses from where they sit;
- of one address: later, for many clerks may come from the same one;
- of one login from anywhere: much later, for else anybody could keep a clerk out from elsewhere;
- of a browser in which the person was before: that alone, and nothing that others try counts there
  (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").

A session that is open, and a link that an administrator has made, are never touched by it.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, staff
from templates.i18n import ngettext

WITHIN = timedelta(minutes=15)
MOST_OF_ONE, MOST_OF_ADDRESS = 10, 50
LONG_WITHIN = timedelta(hours=1)
MOST_OF_LOGIN = 100


class Barred(NotPossible):
    """Too many tries lately: nobody is let in, whatever the password. It does not say whether
    there is anybody of that login."""

    def __init__(self, within: timedelta) -> None:
        minutes = int(within.total_seconds() // 60)
        words = ngettext(
            "Too many attempts. Try again in {count} minute, or ask for a new link.",
            "Too many attempts. Try again in {count} minutes, or ask for a new link.",
            minutes,
        )
        super().__init__(words.format(count=minutes))


@dataclass(frozen=True, slots=True)
class Door:
    """What is counted together: `most` tries `within` so long. `whom` tells nobody who it is."""

    whom: str
    most: int
    within: timedelta


def doors_of(login: str, address: str, device: str, secret: str) -> Sequence[Door]:
    """Through which doors a try goes; the first one is forgotten when the password was right.

    `device` is what the browser remembers of a former log-in (`new_device`), or nothing.
    """
    login = login.casefold()
    if is_device_of(device, login, secret):
        return (Door(_digest("device", device), MOST_OF_ONE, WITHIN),)
    return (
        Door(_digest("one", login, _network(address)), MOST_OF_ONE, WITHIN),
        Door(_digest("address", _network(address)), MOST_OF_ADDRESS, WITHIN),
        Door(_digest("login", login), MOST_OF_LOGIN, LONG_WITHIN),
    )


def try_doors(tx: Transaction, doors: Sequence[Door], now: datetime) -> Sequence[int]:
    """Count one try at all of them; the numbers of it, one for each. Raises Barred, and counts
    nothing, where one of them has had too many."""
    for door in doors:
        if staff.knocked(tx, door.whom, now - door.within) >= door.most:
            raise Barred(door.within)
    return [staff.knock(tx, door.whom, now) for door in doors]


def open_doors(tx: Transaction, doors: Sequence[Door], counted: Sequence[int]) -> None:
    """The password was right: this try counts no more, and at the first door nothing does."""
    staff.take_back_knocks(tx, counted)
    staff.forget_knocks(tx, doors[0].whom)


def new_device(login: str, secret: str) -> str:
    """What a browser keeps of a log-in: a random word, and our signature that it is the login's."""
    word = secrets.token_urlsafe(16)
    return f"{word}.{_signature(word, login.casefold(), secret)}"


def is_device_of(device: str, login: str, secret: str) -> bool:
    word, _dot, signature = device.partition(".")
    right = _signature(word, login.casefold(), secret)
    return hmac.compare_digest(signature.encode(), right.encode())


def _signature(word: str, login: str, secret: str) -> str:
    return hmac.new(secret.encode(), f"device {word} {login}".encode(), hashlib.sha256).hexdigest()


def _network(address: str) -> str:
    """Where somebody is: of IPv6 the network, which one subscriber has to himself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ipaddress.ip_network((found, 64), strict=False))
    return str(found)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
