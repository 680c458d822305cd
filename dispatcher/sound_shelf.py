"""Recorded sound files near the door: providers of calls fetch them while a customer listens.

A digest names one content for ever, so what was read once is handed out without the ledger, as long
as there is room on the shelf.
"""

import re
from collections import OrderedDict
from threading import Lock

from dispatcher.ledger import Ledger, sounds

DIGEST = re.compile(r"[0-9a-f]{64}")
ROOM_BYTES = 32 * 1024 * 1024


class SoundShelf:
    """The sounds asked for of late, `room_bytes` of them at most; safe between threads."""

    def __init__(self, ledger: Ledger, *, room_bytes: int = ROOM_BYTES) -> None:
        self._ledger, self._room_bytes = ledger, room_bytes
        self._held: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def at_hand(self, digest: str) -> bytes | None:
        """The content if it lies on the shelf."""
        with self._lock:
            content = self._held.get(digest)
            if content is not None:
                self._held.move_to_end(digest)
            return content

    def fetch(self, digest: str) -> bytes | None:
        """The content from the ledger; None when there is no such sound."""
        with self._ledger.read() as tx:
            content = sounds.content(tx, digest)
        if content is not None and len(content) <= self._room_bytes:
            self._put(digest, content)
        return content

    def _put(self, digest: str, content: bytes) -> None:
        with self._lock:
            self._held[digest] = content
            self._held.move_to_end(digest)
            while sum(map(len, self._held.values())) > self._room_bytes:
                self._held.popitem(last=False)
