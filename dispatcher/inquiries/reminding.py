"""Reminders of deadlines: to whoever has to answer and to their head, before and after.

Called about once a minute, by any number of robots. What is told is told once for ever: each letter
is an occasion of its own in the outbox.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from campaigns.channel import ChannelName
from campaigns.holidays import Holidays
from campaigns.inquiry.deadlines import Due, Reminder, reminders
from campaigns.inquiry.working_days import add_working_days
from dispatcher.engine import Engine
from dispatcher.inquiries.letters import to_remind
from dispatcher.ledger import Transaction, inquiries, inquiry_lists, outbox
from dispatcher.ledger.inquiries import Inquiry
from dispatcher.ledger.outbox import MailKind
from templates.errors import RenderError

log = structlog.get_logger()

# The day's reminders are there when people come to work.
MORNING = time(9)
# A robot that was away for so long makes up for it; nobody is reminded of what is older.
LOOKS_BACK = timedelta(days=31)
BATCH = 100
_AND = "+"  # between two reminders of one letter


def remind(engine: Engine, now: datetime) -> int:
    """Owe the reminders that are due; how many letters. Each batch is a transaction of its own."""
    if not engine.channels.get(ChannelName.EMAIL):
        return 0
    with engine.ledger.read() as tx:
        round_ = _Round(engine, _day(engine, now), engine.rules(tx).holidays, now)
    written, after_id = 0, 0
    while True:
        found, wanted = round_.look(after_id)
        if wanted:
            written += round_.write(wanted)
        if len(found) < BATCH:
            break
        after_id = found[-1].id
    if written:
        log.info("reminded", letters=written)
    return written


def _day(engine: Engine, now: datetime) -> date:
    """The day whose reminders are due: until the morning, it is yesterday."""
    local = now.astimezone(ZoneInfo(engine.settings.zone))
    return local.date() if local.time() >= MORNING else local.date() - timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Round:
    """One look through the deadlines."""

    engine: Engine
    day: date
    holidays: Holidays
    now: datetime

    def look(self, after_id: int) -> tuple[Sequence[Inquiry], Sequence[int]]:
        """The next inquiries whose deadlines are near, and those of them that want a letter."""
        ahead = self.engine.inquiry_rules.periods.remind_working_days
        last = add_working_days(self.day, ahead, self.holidays)
        with self.engine.ledger.read() as tx:
            first = self.day - LOOKS_BACK
            found = inquiry_lists.nearing(tx, first, last, after_id, BATCH)
            told = _told(tx, [one.id for one in found])
        wanted = [one.id for one in found if any(self._untold(one, told[one.id]))]
        return found, wanted

    def write(self, inquiry_ids: Sequence[int]) -> int:
        """The letters about these, as they stand now that nobody else can change them."""
        count = 0
        with self.engine.ledger.write() as tx:
            held = [inquiries.hold(tx, one) for one in inquiry_ids]
            told = _told(tx, inquiry_ids)
            for inquiry in held:
                for to, due in self._untold(inquiry, told[inquiry.id]):
                    occasion = _occasion(inquiry, due, to)
                    try:
                        letter = to_remind(self.engine, inquiry, due, to, occasion, self.now)
                    except RenderError as error:  # it is one inquiry's, and stops no other
                        kind = type(error).__name__
                        log.error("reminder.unwritten", inquiry=inquiry.id, kind=kind)
                        continue
                    count += outbox.owe(tx, letter, self.now) is not None
        return count

    def _untold(
        self, inquiry: Inquiry, told: Sequence[str]
    ) -> Iterator[tuple[str, Sequence[Reminder]]]:
        """Who is to be reminded, and of what: of both deadlines by one letter."""
        every = self._due(inquiry)
        for to in self._told_to(inquiry):
            known = _keys(told, to)
            if due := [one for one in every if one.key(inquiry.id) not in known]:
                yield to, due

    def _due(self, inquiry: Inquiry) -> Sequence[Reminder]:
        if inquiry.answer_on is None:
            return ()
        owed = Due(inquiry.respond_on or inquiry.answer_on, inquiry.answer_on)
        registered_on = inquiry.received_at.astimezone(ZoneInfo(self.engine.settings.zone)).date()
        periods = self.engine.inquiry_rules.periods
        found = reminders(owed, inquiry.status, registered_on, self.day, periods, self.holidays)
        return [one for one in found if one.on >= self.day - LOOKS_BACK]

    def _told_to(self, inquiry: Inquiry) -> Sequence[str]:
        """The person and the head, each once; without a person, whoever looks at such inquiries."""
        person = inquiry.person or self.engine.settings.inquiries_to
        return list(dict.fromkeys(to for to in (person, inquiry.head) if to))


def _occasion(inquiry: Inquiry, due: Sequence[Reminder], to: str) -> str:
    """Names a letter by every reminder in it, so that none is told again alone."""
    return f"{_AND.join(one.key(inquiry.id) for one in due)}:{to}"


def _keys(occasions: Sequence[str], to: str) -> frozenset[str]:
    """The reminders that this address was sent, alone or two in a letter."""
    theirs = [one.removesuffix(f":{to}") for one in occasions if one.endswith(f":{to}")]
    return frozenset(key for one in theirs for key in one.split(_AND))


def _told(tx: Transaction, inquiry_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
    """The occasions of the reminders that were owed before, by inquiry."""
    told: dict[int, list[str]] = {one: [] for one in inquiry_ids}
    for letter in inquiry_lists.written(tx, inquiry_ids, MailKind.REMINDER):
        told[letter.inquiry_id].append(letter.occasion)
    return told
