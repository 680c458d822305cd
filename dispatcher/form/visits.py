"""How often somebody came lately: what keeps a page for everybody from being used up by one.

In the memory of the process, and bounded: who is remembered longest without coming is forgotten
first. A restart forgets everybody, which costs nothing: a limit is no ledger.
"""

import ipaddress
from collections import OrderedDict, deque
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
# So many different visitors are remembered; each with at most as many instants as may come.
MOST_REMEMBERED = 10_000


class Visits:
    """At most `most` visits of the same name within a sliding `period`.

    For one thread: the endpoint's own.
    """

    def __init__(
        self, most: int, period: timedelta = HOUR, *, remembered: int = MOST_REMEMBERED
    ) -> None:
        self._most, self._period, self._remembered = most, period, remembered
        self._came: OrderedDict[str, deque[datetime]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._came)

    def admit(self, name: str, now: datetime) -> timedelta:
        """Let a visitor in and note it: nothing to wait. Or how long to wait; that counts as no
        visit, so that who comes too often is not kept out for ever."""
        came = self._came.get(name) or deque[datetime]()
        while came and now - came[0] >= self._period:
            came.popleft()
        if len(came) >= self._most:
            return self._period - (now - came[0])
        came.append(now)
        self._came[name] = came
        self._came.move_to_end(name)
        if len(self._came) > self._remembered:
            self._came.popitem(last=False)
        return timedelta()


def visitor_of(host: str | None) -> str:
    """Whom an address of the network stands for: of IPv6, where one line has a whole network of
    addresses, the network. What is no address shares one name."""
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))
