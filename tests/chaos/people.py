"""Whom a storm is about: an audience by seed, hours that are allowed for some of them and not for
others, and the fates that await their messages."""

import csv
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Self

from campaigns import scenario

HEADER = ("Лицевой счёт", "Имя", "Отчество", "Телефон", "E-mail", "Часовой пояс", "Долг")
NAMES = (("Анна", "Сергеевна"), ("Пётр", "Ильич"), ("Мария", "Ивановна"), ("Олег", "Львович"))
SCENARIO = "chaos-debt"


class Hours(StrEnum):
    """What the clock on a recipient's wall says while the storm lasts."""

    OPEN = "open"  # early in the afternoon
    OPENS = "opens"  # the window opens under way
    CLOSES = "closes"  # it closes under way
    NIGHT = "night"


# Of a hundred recipients; e-mail goes to all of them at once, calls and SMS in their hours.
SHARES = {Hours.OPEN: 76, Hours.OPENS: 10, Hours.CLOSES: 8, Hours.NIGHT: 6}


@dataclass(frozen=True)
class Window:
    """The allowed hours of a storm's scenario, and a whole-hour zone for each kind of recipient.

    Zones move by whole hours, so the minutes and seconds of the window are those of the instants at
    which it is to open and to close.
    """

    opens_at: datetime
    closes_at: datetime

    @classmethod
    def around(cls, start_at: datetime, opens_after: float, closes_after: float) -> Self:
        """One that opens, and closes, so many seconds after a start."""
        opens_at, closes_at = (
            (start_at + timedelta(seconds=seconds)).astimezone(UTC).replace(microsecond=0)
            for seconds in (opens_after, closes_after)
        )
        return cls(opens_at, closes_at)

    @property
    def hours(self) -> scenario.Window:
        """As the calendar judges by them."""
        return scenario.Window(
            opens_at=self.opens_at.time().replace(hour=10),
            closes_at=self.closes_at.time().replace(hour=20),
        )

    def zone(self, hours: Hours) -> str:
        match hours:
            case Hours.OPENS:
                return _zone_where(self.opens_at, 10)
            case Hours.CLOSES:
                return _zone_where(self.closes_at, 20)
            case Hours.OPEN:
                return _zone_where(self.opens_at, 14)
            case Hours.NIGHT:
                return _zone_where(self.opens_at, 2)

    def toml(self) -> str:
        """As a scenario writes it, within the standard's 10:00 to 21:00."""
        return f'{{ from = "10:{self.opens_at:%M:%S}", until = "20:{self.closes_at:%M:%S}" }}'


def _zone_where(at: datetime, hour: int) -> str:
    """A zone in which the clock shows that hour at this instant; the signs of these names are
    turned round (POSIX)."""
    offset = (hour - at.hour + 12) % 24 - 12
    return f"Etc/GMT{-offset:+d}" if offset else "Etc/GMT"


@dataclass(frozen=True)
class Person:
    account: str
    phone: str
    email: str
    hours: Hours


def people(count: int, seed: int) -> Iterator[Person]:
    """The recipients of a storm. One in twenty-five shares the number of the one before."""
    chance = random.Random(f"people {seed}")
    phone, hours = "", Hours.OPEN
    for number in range(count):
        if not phone or chance.random() >= 0.04:
            phone = f"+79{160000000 + number * 7 + seed % 7:09d}"
            hours = chance.choices(list(SHARES), list(SHARES.values()))[0]
        yield Person(f"{70000000 + number}", phone, f"client{number}@customers.example", hours)


def write_audience(path: Path, count: int, seed: int, window: Window) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(HEADER)
        zones = {hours: window.zone(hours) for hours in Hours}
        for number, one in enumerate(people(count, seed)):
            name, patronymic = NAMES[number % len(NAMES)]
            debt = f"{100 + number % 9000},{number % 100:02d}"
            rows.writerow(
                (one.account, name, patronymic, one.phone, one.email, zones[one.hours], debt)
            )


def scenario_text(window: Window, settle_seconds: float) -> str:
    """A debt reminder on all channels. So long are calls and SMS waited for before they are asked
    about; letters that have not bounced by a third of it have arrived."""
    return f"""
name = "{SCENARIO}"
title = "Напоминание о задолженности"
purpose = "service"
same_contact = "merge"
fields = ["debt_kopecks"]

[channels.phone]
template = "debt-reminder"
settle_after = "{settle_seconds:.0f}s"
window = {window.toml()}

[channels.sms]
template = "debt-reminder"
settle_after = "{settle_seconds:.0f}s"
window = {window.toml()}

[channels.email]
template = "debt-reminder"
settle_after = "{settle_seconds / 3:.0f}s"
"""


# The weather among the providers, by channel: everything that a real one has done to somebody.
MIX = {
    "phone": {
        "heard": 40,
        "hung_up": 8,
        "no_answer": 12,
        "busy": 12,
        "key_1": 6,
        "machine": 8,
        "declined": 3,
        "failed": 1,
        "bad_number": 1,
        "timeout_after_accept": 0.5,
        "drop_after_accept": 1,
        "html_502": 0.3,
        "throttled": 1,
        "duplicate_receipt": 2,
        "reordered_receipts": 2,
        "no_receipt": 0.5,
    },
    "sms": {
        "delivered": 80,
        "undelivered": 4,
        "bad_number": 1,
        "replies_stop": 1,
        "replies_question": 0.5,
        "timeout_after_accept": 0.5,
        "drop_after_accept": 1,
        "html_502": 0.3,
        "throttled": 1,
        "duplicate_receipt": 3,
        "reordered_receipts": 3,
        "no_receipt": 1,
    },
    "email": {
        "accepted": 94,
        "550": 1,
        "450": 1,
        "full": 0.5,
        "timeout_after_accept": 0.3,
        "drop_after_accept": 1,
    },
}


def patterns_text(late_seconds: float) -> str:
    """The table of fates: the mix, and two of a hundred numbers of which a receipt comes as late as
    that in the customers' world."""
    late = f'outcome = "late_receipt"\nhours = {late_seconds / 3600:g}\n'
    lines = [
        f'[[rules]]\nchannel = "{channel}"\nends = "{ends}"\n{late}'
        for channel in ("phone", "sms")
        for ends in ("77", "33")
    ]
    # Our answers to letters: some servers take the letter and hang up before they say so.
    for address, outcome in (
        ("writer*7@*", "drop"),
        ("writer*@*", "accepted"),
        ("desk@*", "accepted"),
    ):
        rule = f'channel = "email"\naddress = "{address}"\noutcome = "{outcome}"\n'
        lines.append(f"[[rules]]\n{rule}")
    for channel, fates in MIX.items():
        lines.append(f"[mix.{channel}]")
        lines += [f"{fate} = {weight:g}" for fate, weight in fates.items()]
    return "\n".join(lines) + "\n"
