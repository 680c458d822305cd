"""By when an inquiry must be answered, and who is reminded of it when.

The standard `004`, chapter 5 and chapter 8, section 5: a letter is answered, or gets an interim
answer, in 3 days; an answer in substance takes 14 calendar days, which an interim answer (10 days
after registration at the latest) extends by at most 15. A form of the site is looked at within 3
working days of the production calendar. Days are local days of the house; the day of registration
does not count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from campaigns.holidays import Holidays
from campaigns.inquiry.rules import Periods
from campaigns.inquiry.status import OPEN, InquiryChannel, InquiryStatus
from campaigns.inquiry.working_days import add_working_days, working_days_before

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Due:
    """The last days on which it is still in time. `respond_on` is never after `answer_on`."""

    respond_on: date  # an answer or an interim one; a form is looked at
    answer_on: date  # an answer in substance


class Deadline(StrEnum):
    RESPOND = "respond"
    ANSWER = "answer"


class When(StrEnum):
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Reminder:
    """That a deadline is near (`before`) or missed (`after`)."""

    deadline: Deadline
    when: When
    on: date  # the deadline itself

    def key(self, inquiry_id: int) -> str:
        """Names this reminder for ever. A deadline that was moved is another one."""
        return f"reminder:{inquiry_id}:{self.deadline}:{self.when}:{self.on.isoformat()}"


def due(channel: InquiryChannel, registered_on: date, periods: Periods, holidays: Holidays) -> Due:
    """The deadlines of an inquiry that is registered on this day."""
    answer_on = registered_on + timedelta(days=periods.answer_days)
    if channel is InquiryChannel.FORM:
        respond_on = add_working_days(registered_on, periods.form_working_days, holidays)
    elif periods.respond_in_working_days:
        respond_on = add_working_days(registered_on, periods.respond_days, holidays)
    else:
        respond_on = registered_on + timedelta(days=periods.respond_days)
    # Working days over the New Year holidays end after the answer is due; it is the stricter one.
    return Due(min(respond_on, answer_on), answer_on)


def interim_by(registered_on: date, periods: Periods) -> date:
    """The last day on which an interim answer may be given."""
    return registered_on + timedelta(days=periods.interim_days)


def interim_until(answer_on: date, registered_on: date, periods: Periods) -> date:
    """The latest day to which interim answers, one or several, may put off the answer.

    `answer_on` is the day promised now: an extension that was given already is not given again, and
    nothing that was promised is taken back when staff make the periods shorter.
    """
    first = min(answer_on, registered_on + timedelta(days=periods.answer_days))
    return max(answer_on, first + timedelta(days=periods.extension_days))


def reminders(
    owed: Due,
    status: InquiryStatus,
    registered_on: date,
    today: date,
    periods: Periods,
    holidays: Holidays,
) -> Sequence[Reminder]:
    """The reminders that are due on this day and have not become pointless since.

    Before a deadline: some working days ahead of it, but not on the day of registration, when the
    specialist has the letter anyhow. After it: from the first day on. Each stays due on the days
    that follow, so that a robot that was away makes up for it; `Reminder.key` keeps it to once.
    """
    found = []
    for deadline, on in _open_deadlines(owed, status):
        ahead = working_days_before(on, periods.remind_working_days, holidays)
        if today > on:
            found.append(Reminder(deadline, When.AFTER, on))
        elif today >= max(ahead, registered_on + _DAY):
            found.append(Reminder(deadline, When.BEFORE, on))
    return found


def _open_deadlines(owed: Due, status: InquiryStatus) -> Iterator[tuple[Deadline, date]]:
    """What is owed still: an interim answer is a response, and an answer is both."""
    if status not in OPEN:
        return
    if status is not InquiryStatus.INTERIM and owed.respond_on < owed.answer_on:
        yield Deadline.RESPOND, owed.respond_on
    yield Deadline.ANSWER, owed.answer_on
