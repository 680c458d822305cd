"""Why we hold a message back ourselves, though it was opened."""

from enum import StrEnum


class OwnReason(StrEnum):
    """What the hand-over says that stands for such a message. It is counted under its name in small
    letters."""

    WINDOW = "window closed"
    LEASE = "lease over"
    PROVIDER_AWAY = "provider away"
    PACE = "own_limit"
    DECIDED = "decided meanwhile"
    LEDGER_AWAY = "ledger away"
    STOPPED = "stopped"
