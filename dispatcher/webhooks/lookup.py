"""Looking names up, with an end: the system's own look-up knows none.

A resolver that is silent keeps its caller for half a minute or more, and nobody can break that off.
So a thread asks, which may be left behind. While one asks for a name, whoever wants to know the
same waits for its answer: never are more left behind than there are names.
"""

import socket
import threading
from collections.abc import Sequence
from concurrent.futures import Future

_lock = threading.Lock()
_asked: dict[str, Future[Sequence[str]]] = {}


def addresses_of(host: str, seconds: float) -> Sequence[str]:
    """The addresses of a name, the best first. Raises TimeoutError and another OSError where nobody
    knows it."""
    with _lock:
        answer = _asked.get(host)
        if answer is None:
            answer = Future()
            asking = threading.Thread(target=_ask, args=(host, answer), name="look-up", daemon=True)
            asking.start()  # may fail; what it forgets in the end, it waits for the lock to forget
            _asked[host] = answer
    return answer.result(seconds)


def _ask(host: str, answer: Future[Sequence[str]]) -> None:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        addresses = [str(one[4][0]) for one in found]
    except BaseException as error:
        _forget(host)
        answer.set_exception(error)
    else:
        _forget(host)
        answer.set_result(addresses)


def _forget(host: str) -> None:
    """Before it is answered: whoever asks from now on asks anew."""
    with _lock:
        del _asked[host]
