"""What the sandbox really took: one line for each call, SMS and letter, written by it alone."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from campaigns.channel import ChannelName


@dataclass(frozen=True, slots=True)
class Taken:
    """A call, an SMS or a letter that the sandbox took; the reference is the provider's own."""

    channel: ChannelName
    contact_point: str
    received_at: datetime
    reference: str

    def line(self) -> str:
        return json.dumps(
            {
                "channel": self.channel.value,
                "contact_point": self.contact_point,
                "received_at": self.received_at.astimezone(UTC).isoformat(),
                "reference": self.reference,
            },
            ensure_ascii=False,
        )


class Journal:
    """Writes received.jsonl; only the sandbox's own thread calls it.

    In simulated time many things arrive at one instant in an order that depends on the threads of
    the machine. Their lines wait until the instant is over and are written sorted, so that the
    same seed gives the same file byte for byte. In real time each line is written at once, and an
    older journal is continued.
    """

    def __init__(self, path: Path | None, *, simulated: bool) -> None:
        self.taken: list[Taken] = []
        self._simulated = simulated
        self._waiting: list[Taken] = []
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w" if simulated else "a", encoding="utf-8", newline="\n")

    def add(self, taken: Taken) -> None:
        self.taken.append(taken)
        if self._file is None:
            return
        if self._waiting and self._waiting[0].received_at != taken.received_at:
            self._write_waiting()
        self._waiting.append(taken)
        if not self._simulated:
            self.flush()

    def flush(self) -> None:
        """Write what waits and hand it to the operating system."""
        self._write_waiting()
        if self._file is not None:
            self._file.flush()

    def close(self) -> None:
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write_waiting(self) -> None:
        if self._file is not None:
            self._file.writelines(sorted(f"{taken.line()}\n" for taken in self._waiting))
        self._waiting.clear()
