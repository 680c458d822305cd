"""A house in which a campaign is under way, built attempt by attempt."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from tests.flow.builders import (
    EMAIL,
    PHONE,
    SMS,
    START,
    Books,
    address,
    mobile,
    open_books,
    recipient,
)
from tests.web.house import Guest, House, house_over

MINUTE = timedelta(minutes=1)
ZONES = ("Asia/Novosibirsk", "Asia/Vladivostok", "Europe/Moscow", "Europe/Kaliningrad")


@dataclass
class Office:
    """Books, and the pages over them."""

    books: Books
    house: House

    @property
    def campaign_id(self) -> int:
        return self.books.campaign.id

    @property
    def path(self) -> str:
        return f"/campaigns/{self.campaign_id}"

    @property
    def clerk(self) -> Guest:
        return self.house.visit()

    def make(self, channel: ChannelName, outcomes: Sequence[Outcome | None]) -> None:
        """One attempt each to the first customers, a second apart, from now on."""
        at = self.books.clock.now()
        for number, outcome in enumerate(outcomes):
            at += timedelta(seconds=1)
            lasting = timedelta(milliseconds=500)
            self.books.attempt(account_of(number), channel, at, outcome, lasting)


def account_of(number: int) -> str:
    return str(70_000_000_001 + number)


@contextmanager
def open_office(folder: Path, people: int = 12) -> Iterator[Office]:
    """A campaign on three channels that began just now, at 10:00 in Novosibirsk."""
    books = open_books(folder)
    books.launch(
        [
            recipient(
                account_of(number),
                mobile(f"+7916{number:07}"),
                address(f"client{number}@example.com"),
                row=number + 2,
                zone=ZONES[number % len(ZONES)],
            )
            for number in range(people)
        ]
    )
    with house_over(books.engine) as house:
        yield Office(books, house)
    books.ledger.close()


__all__ = ["EMAIL", "MINUTE", "PHONE", "SMS", "START", "Office", "account_of", "open_office"]
