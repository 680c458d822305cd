"""The cadence as a picture: where each hour and each attempt stands on the sheet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from campaigns.calendar import zone_named
from campaigns.channel import ChannelName
from campaigns.outlook import ChannelOutlook, Outlook

# In units of the picture, which grows with its place.
LEFT, WIDTH = 168.0, 1000.0
HEAD, ROW = 46.0, 44.0


@dataclass(frozen=True, slots=True)
class Column:
    """A day of the picture."""

    on: date
    x: float
    width: float
    kind: str  # holiday, weekend, or nothing


@dataclass(frozen=True, slots=True)
class Band:
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Mark:
    """An attempt, by the clock on the customer's wall: an export may name a zone by its offset
    alone."""

    number: int
    local: datetime
    x: float


@dataclass(frozen=True, slots=True)
class Lane:
    """A channel: its open hours and its attempts, at the height `y`."""

    channel: ChannelName
    y: float
    open: tuple[Band, ...]
    marks: tuple[Mark, ...]
    skipped: str
    most: int

    @property
    def is_whole(self) -> bool:
        """Whether the last attempt that the scenario allows is in the picture."""
        return len(self.marks) == self.most


@dataclass(frozen=True, slots=True)
class Row:
    """A day of the table: the times of each channel's attempts."""

    on: date
    kind: str
    times: tuple[tuple[datetime, ...], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    zone: str
    start_local: datetime
    start_x: float
    height: float
    columns: tuple[Column, ...]
    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]

    @property
    def attempts(self) -> int:
        return sum(len(lane.marks) for lane in self.lanes)


def draw(outlook: Outlook) -> Picture:
    """Where everything stands."""
    lanes = tuple(_lane(outlook, one, HEAD + ROW * row) for row, one in enumerate(outlook.channels))
    columns = tuple(
        Column(
            day.on,
            _x(outlook, day.begins_at),
            round(_x(outlook, day.ends_at) - _x(outlook, day.begins_at), 1),
            "holiday" if day.is_holiday else "weekend" if day.is_weekend else "",
        )
        for day in outlook.days
    )
    return Picture(
        zone=outlook.zone,
        start_local=outlook.start_at.astimezone(zone_named(outlook.zone)),
        start_x=_x(outlook, outlook.start_at),
        height=HEAD + ROW * len(lanes) + 4,
        columns=columns,
        lanes=lanes,
        rows=tuple(_rows(columns, lanes)),
    )


def _x(outlook: Outlook, at: datetime) -> float:
    share = (at - outlook.begins_at) / (outlook.ends_at - outlook.begins_at)
    return round(LEFT + (WIDTH - LEFT) * share, 1)


def _lane(outlook: Outlook, one: ChannelOutlook, y: float) -> Lane:
    tz = zone_named(outlook.zone)
    bands = []
    for opening in one.openings:
        x = _x(outlook, opening.opens_at)
        bands.append(Band(x, round(_x(outlook, opening.closes_at) - x, 1)))
    marks = tuple(
        Mark(number, at.astimezone(tz), _x(outlook, at))
        for number, at in enumerate(one.attempts, start=1)
    )
    return Lane(one.channel, y, tuple(bands), marks, one.skipped or "", one.most)


def _rows(columns: Sequence[Column], lanes: Sequence[Lane]) -> Iterator[Row]:
    """The days on which something is tried."""
    for column in columns:
        times = tuple(
            tuple(mark.local for mark in lane.marks if mark.local.date() == column.on)
            for lane in lanes
        )
        if any(times):
            yield Row(column.on, column.kind, times)
