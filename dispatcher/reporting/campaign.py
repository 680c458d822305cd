"""What a campaign's page tells beyond the report: by branch and by column, and what it cost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from dispatcher.ledger import Transaction, breakdowns, campaigns, spending
from dispatcher.ledger.audiences import StoredAudience
from dispatcher.ledger.breakdowns import KNOWN
from dispatcher.ledger.spending import Carried
from dispatcher.report.figures import CampaignReport
from dispatcher.retention import books

# Columns of a file whose names end so hold amounts and days: nearly every one is different.
_NO_GROUPS = ("_kopecks", "_on", "_at")


@dataclass(frozen=True, slots=True)
class GroupChannel:
    """How a group stands on one channel: `customers` are `planned` and those skipped."""

    channel: ChannelName
    customers: int
    planned: int
    reached: int
    attempts: int


@dataclass(frozen=True, slots=True)
class GroupFigure:
    """Customers who have the same value; None: all those whose values are not told apart."""

    value: str | None
    channels: tuple[GroupChannel, ...]

    @property
    def customers(self) -> int:
        """Each stands on every channel once."""
        return max((one.customers for one in self.channels), default=0)


@dataclass(frozen=True, slots=True)
class CampaignCounts:
    """A campaign, counted from its rows; nobody is named in it. `groups`: by column."""

    report: CampaignReport
    carried: tuple[Carried, ...]
    groups: Mapping[str, tuple[GroupFigure, ...]] = field(default_factory=dict)


def columns_of(audience: StoredAudience) -> Sequence[str]:
    """By what the customers of an audience can be told apart: what all have, then the file's own
    columns of words."""
    own = [name for name in audience.columns if not name.endswith(_NO_GROUPS)]
    return [*KNOWN, *(name for name in own if name not in KNOWN)]


def count(
    tx: Transaction, campaign_id: int, now: datetime, columns: Sequence[str] = KNOWN
) -> CampaignCounts:
    """Count a campaign as it stands at `now`, or take its report from the books that were closed.
    Raises NotFound."""
    report = books.report_of(tx, campaign_id, now)
    return CampaignCounts(
        # Whom it names belongs to nobody who may not see persons, and into no store.
        report=replace(report, uncertain=(), row_errors=()),
        carried=tuple(spending.carried(tx, [campaign_id])),
        groups={column: groups(tx, campaign_id, column) for column in columns},
    )


def groups(tx: Transaction, campaign_id: int, column: str) -> tuple[GroupFigure, ...]:
    """The campaign's customers by a column, the largest group first, the mixed one last."""
    audience_id = campaigns.get(tx, campaign_id).audience_id
    sums: dict[tuple[str | None, ChannelName], Counter[str]] = {}
    for one in breakdowns.by_value(tx, campaign_id, audience_id, column):
        known = sums.setdefault((one.value, one.channel), Counter())
        known["customers"] += one.deliveries
        known["planned"] += one.deliveries if one.status is not Status.SKIPPED else 0
        known["reached"] += one.deliveries if one.status is Status.POSITIVE else 0
        known["attempts"] += one.attempts
    names = ("customers", "planned", "reached", "attempts")
    channels = [channel for channel in ChannelName if any(key[1] is channel for key in sums)]
    figures = [
        GroupFigure(
            value,
            tuple(
                GroupChannel(channel, *(sums.get((value, channel), Counter())[n] for n in names))
                for channel in channels
            ),
        )
        for value in dict.fromkeys(value for value, _channel in sums)
    ]
    return tuple(
        sorted(figures, key=lambda one: (one.value is None, -one.customers, one.value or ""))
    )
