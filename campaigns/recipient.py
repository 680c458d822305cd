"""A recipient: one customer of an audience with everything the run needs to know."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from campaigns.channel import ChannelName, ContactKind, Purpose, fits


class Segment(StrEnum):
    PRIVATE = "private"
    BUSINESS = "business"


class ZoneSource(StrEnum):
    """How a recipient's time zone was found. A mobile number never tells it."""

    COLUMN = "column"  # the file names an IANA zone or a UTC offset
    REGION = "region"
    BRANCH = "branch"
    DEFAULT = "default"  # nothing was known: the campaign's own zone, counted in the report


@dataclass(frozen=True, slots=True)
class ContactPoint:
    """A number in E.164 or an e-mail address with a lower-case domain."""

    address: str
    kind: ContactKind


@dataclass(frozen=True, slots=True)
class Consent:
    """What a customer agreed to (`granted`) or refused. None means every purpose or channel."""

    granted: bool
    purpose: Purpose | None = None
    channel: ChannelName | None = None
    basis: str = ""  # where it comes from: the contract, a form, a call
    since_on: date | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """One customer. `fields` holds whatever else templates may say.

    Names of fields carry their unit: `…_kopecks` is an int, `…_on` an ISO date, `…_at` an ISO
    local date and time; any further column is text under its header in lower case with
    underscores.
    """

    row: int
    account_number: str
    contact_points: tuple[ContactPoint, ...]
    name: str = ""
    patronymic: str = ""
    surname: str = ""
    segment: Segment = Segment.PRIVATE
    branch: str = ""
    region: str = ""
    zone: str | None = None
    zone_source: ZoneSource = ZoneSource.DEFAULT
    language: str = "ru"
    consents: tuple[Consent, ...] = ()
    fields: Mapping[str, str | int] = field(default_factory=dict)

    def reachable_on(self, channel: ChannelName) -> tuple[ContactPoint, ...]:
        """The contact points that fit the channel, in the order of the file."""
        return tuple(point for point in self.contact_points if fits(point.kind, channel))
