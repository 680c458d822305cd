"""What the doctor knows before judging. Plain values: a test can write them down by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.ledger.circuits import Circuit
from dispatcher.ledger.processes import Seen
from dispatcher.ledger.symptoms import Begun, Left, OpenCalls, StoppedCampaign


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is due on a channel. `late_since` is set where somebody could have been contacted for
    some minutes already, in open hours, and was not; `is_moving`: others were meanwhile."""

    count: int
    oldest_at: datetime
    late_since: datetime | None = None
    is_moving: bool = False


@dataclass(frozen=True, slots=True)
class Disk:
    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class LedgerFacts:
    """What stands in the ledger. `alarms` are the mail-robot's own, in the reader's language."""

    clock_ahead: timedelta = timedelta()
    processes: Sequence[Seen] = ()
    left: Left | None = None  # what processes were at that are gone
    under_way: Sequence[int] = ()  # campaigns
    waiting: Mapping[ChannelName, Waiting] = field(default_factory=dict)
    in_flight: Mapping[tuple[ChannelName, Status], int] = field(default_factory=dict)
    calls: OpenCalls | None = None
    lines_are_full: bool = False  # no call that waits could be placed now
    jobs_waiting: int = 0  # that staff asked for
    events_waiting: int = 0  # that other systems are to hear
    undecided: Mapping[int, int] = field(default_factory=dict)  # by campaign
    circuits: Sequence[Circuit] = ()
    stopped: Sequence[StoppedCampaign] = ()
    restored: Sequence[int] = ()  # campaigns that a restore paused, and nobody resumed
    drafts: Sequence[Begun] = ()
    imports: Sequence[Begun] = ()
    reply_due_at: datetime | None = None
    alarms: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """`ledger` None: it could not be asked; `ledger_trouble` or the versions say why.

    `depths` None: there is no queue of its own, or it does not answer (`queue_trouble`).
    """

    now: datetime
    zone: str = "Europe/Moscow"
    channels: Mapping[ChannelName, Sequence[str]] = field(default_factory=dict)
    channels_trouble: str = ""
    reports_cannot_come: bool = False  # providers outside are used, and no address is told them
    takes_letters: bool = False
    disk: Disk | None = None
    version: str | None = None  # of the ledger's schema; None: there is no ledger
    newest_version: str = ""  # that this program knows
    ledger_trouble: str = ""
    ledger: LedgerFacts | None = None
    queue_trouble: str = ""
    depths: Mapping[str, int] | None = None
