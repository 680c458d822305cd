"""Registering an inquiry, by whichever channel it came: a number, a topic, somebody to answer it,
and the days by which.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from dispatcher.engine import Engine
from dispatcher.ledger import Transaction, inquiries
from dispatcher.ledger.inquiries import NewInquiry


@dataclass(frozen=True, slots=True)
class Registered:
    id: int
    number: str


def register(tx: Transaction, engine: Engine, new: NewInquiry, now: datetime) -> Registered:
    """Write down an inquiry under the next number of the year, by the house's own zone."""
    year = now.astimezone(ZoneInfo(engine.settings.zone)).year
    number = inquiries.next_number(tx, year)
    return Registered(inquiries.register(tx, new, number, now), number)
