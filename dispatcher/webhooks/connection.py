"""One POST to an address that somebody typed in, such that no harm can come of it.

The name is looked up first, each address is checked, and the connection goes to the very address
that was checked: a name that answers differently the second time leads nowhere else. TLS proves the
name. No redirect is followed, a little of the answer is read, and everything together has an end.
"""

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping

from dispatcher.webhooks.address import BadAddress, Place, is_loopback
from dispatcher.webhooks.lookup import addresses_of
from templates.i18n import _

LOOKUP_SECONDS = 5.0
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
MOST_ANSWER_BYTES = 4096
# IPv4 behind a translator (RFC 6052): any house's addresses may be.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


def post(place: Place, body: bytes, headers: Mapping[str, str], *, loopback: bool = False) -> int:
    """Send it; the status of the answer. Raises BadAddress, OSError and http.client.HTTPException
    where there is none."""
    address = _checked(place, loopback=loopback)
    sock = socket.create_connection((address, place.port), CONNECT_SECONDS)
    with sock, _ended_in_time(sock.dup()):
        sock.settimeout(ANSWER_SECONDS)
        connection: http.client.HTTPConnection
        if place.is_secure:
            connection = http.client.HTTPSConnection(place.host, place.port)
            context = ssl.create_default_context()
            connection.sock = context.wrap_socket(sock, server_hostname=place.host)
        else:
            connection = http.client.HTTPConnection(place.host, place.port)
            connection.sock = sock
        try:
            connection.request("POST", place.path, body, dict(headers))
            answer = connection.getresponse()
            answer.read(MOST_ANSWER_BYTES)
            return answer.status
        finally:
            connection.close()


def refuse_houses(place: Place, *, loopback: bool = False) -> None:
    """Raises BadAddress where a name leads into a house already now. One that nobody knows yet will
    do: it is looked up again each time that something is sent."""
    with contextlib.suppress(OSError):
        _checked(place, loopback=loopback)


def _checked(place: Place, *, loopback: bool) -> str:
    """The address to connect to: one that the whole internet may reach. Raises BadAddress when the
    name leads into a house, ours or another one's; of several addresses none may."""
    addresses = addresses_of(place.host, LOOKUP_SECONDS)
    for address in addresses:
        if not _is_public(address) and not (loopback and is_loopback(address)):
            raise BadAddress(_("This name leads into a network of a house: nothing is sent there."))
    return addresses[0]


@contextlib.contextmanager
def _ended_in_time(kept: socket.socket) -> Iterator[None]:
    """Whoever answers one byte in nine seconds keeps us for ten seconds, not for ever. `kept` is
    another handle of the same connection, which stays ours whoever wraps the first."""

    def cut() -> None:
        with contextlib.suppress(OSError):
            kept.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(ANSWER_SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        kept.close()


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.partition("%")[0])
    if ip in _TRANSLATED:
        return False
    mapped = getattr(ip, "ipv4_mapped", None) or getattr(ip, "sixtofour", None)
    if mapped is not None and not mapped.is_global:
        return False
    return ip.is_global and not ip.is_multicast
