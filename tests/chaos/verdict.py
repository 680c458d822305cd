"""The verdict: what the providers received, by their own record, held against the ledger.

Nothing here asks the engine what it did. The record is received.jsonl, written by the sandbox
alone; hours are computed anew from the zones that the recipients were given.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise

from campaigns.calendar import is_allowed
from campaigns.channel import ChannelName
from tests.chaos.books import Attempt, Books, Point, Received
from tests.chaos.people import Person
from tests.chaos.storm import Course, Strike

# What is on its way when something is decided may arrive until its sender gives it up.
ON_ITS_WAY = timedelta(seconds=3)
# Whoever waits for a turn is looked at once more; a stop is obeyed by then at the latest.
OBEYED_WITHIN = timedelta(seconds=10)
# The next attempt of a letter comes in a week: nothing is put off for longer.
LONGEST_WAIT = timedelta(days=8)
ENDED = {
    *("positive", "given_up", "expired", "settled", "superseded", "withdrawn", "cancelled"),
    "skipped",
}


@dataclass
class Verdict:
    """What was found: lines for a person, under the name of the promise that they break."""

    broken: Mapping[str, list[str]]
    recipients: int
    received: Counter[str]
    statuses: Counter[str]
    uncertain: int = 0  # calls and SMS at the end
    settled_doubts: int = 0  # were uncertain for a while
    given_up: int = 0  # were in doubt because a process died
    hung_in_the_air: int = 0  # when something struck, or were begun while that lasted
    repeated_letters: int = 0  # came again, under the same Message-ID
    slowest_answer: timedelta = field(default=timedelta())

    @property
    def failures(self) -> Mapping[str, Sequence[str]]:
        return {promise: lines for promise, lines in self.broken.items() if lines}

    def count(self, promise: str) -> int:
        return len(self.broken.get(promise, ()))


def judge(
    received: Sequence[Received],
    books: Books,
    course: Course,
    everybody: Sequence[Person],
) -> Verdict:
    """Hold the providers' record against the ledger."""
    return _Court(received, books, course, everybody).judge()


class _Court:
    def __init__(
        self,
        received: Sequence[Received],
        books: Books,
        course: Course,
        everybody: Sequence[Person],
    ) -> None:
        self._received, self._books, self._course = received, books, course
        self._people = everybody
        self._broken: defaultdict[str, list[str]] = defaultdict(list)
        self._verdict = Verdict(
            self._broken,
            len(everybody),
            Counter(one.channel.value for one in received),
            Counter(row.status for row in books.deliveries),
        )

    def judge(self) -> Verdict:
        self._nobody_is_lost()
        self._nobody_is_told_twice()
        self._letters_repeat_themselves_only()
        self._hours_are_kept()
        self._stops_are_obeyed()
        self._letters_are_answered_once()
        self._lists_are_whole()
        self._doubts_are_few_and_listed()
        self._broken["audit"] += self._books.broken_rules
        self._broken["other promises"] += self._course.broken
        if not self._course.calm:
            self._broken["other promises"].append(f"never came to rest: {self._course.left}")
        return self._verdict

    @cached_property
    def _by_point(self) -> Mapping[Point, list[Received]]:
        found: defaultdict[Point, list[Received]] = defaultdict(list)
        for one in self._received:
            found[one.point].append(one)
        return found

    def _nobody_is_lost(self) -> None:
        """Every recipient stands on every channel; every delivery has ended or rests; and what the
        ledger says was taken, was taken."""
        lost = self._broken["lost"]
        expected = len(self._people) * len(ChannelName)
        if len(self._books.deliveries) != expected:
            lost.append(f"{len(self._books.deliveries)} deliveries of {expected}")
        now = self._course.ended_at
        for row in self._books.deliveries:
            if row.status in ENDED or row.status == "uncertain":
                continue
            rests = row.due_at is not None and now < row.due_at < now + LONGEST_WAIT
            if row.status not in ("pending", "awaiting") or not rests:
                due = f"{row.due_at:%d.%m. %H:%M:%S}" if row.due_at else "never"
                lost.append(f"{row.channel} delivery {row.id} stands at {row.status}, due {due}")
        known = {(one.channel, one.reference) for one in self._received}
        for attempt in self._books.attempts:
            taken = attempt.was_handed or attempt.positive
            if taken and (attempt.channel, attempt.reference) not in known:
                lost.append(f"{attempt.channel} attempt {attempt.id} was never received")

    def _nobody_is_told_twice(self) -> None:
        """Of calls and SMS every one that was received is an attempt of its own, and one message
        speaks of all the accounts of a number."""
        attempts: defaultdict[Point, list[Attempt]] = defaultdict(list)
        for row in self._books.attempts:
            attempts[row.point].append(row)
        replies = Counter(reply.point for reply in self._books.replies if reply.may_have_gone)
        names = {row.reference for row in self._books.attempts}
        names |= {row.reference for row in self._books.replies}
        for point, received in self._by_point.items():
            if point[0] is ChannelName.EMAIL:
                continue
            rows, where = attempts.get(point, []), f"{point[0]} to …{point[1][-7:]}"
            if len({one.reference for one in received}) < len(received):
                self._broken["doubled"].append(f"{where}: the same reference twice")
            allowed = len(rows) + replies[point]
            if len(received) > allowed:
                self._broken["doubled"].append(
                    f"{where}: received {len(received)} times in {allowed} attempts and replies"
                )
            if len({row.delivery_id for row in rows}) > 1:
                self._broken["doubled"].append(f"{where}: for each of its accounts")
            nameless = sum(row.reference is None for row in rows) + replies[point]
            strangers = sum(one.reference not in names for one in received)
            if strangers > nameless:
                self._broken["unknown to the ledger"].append(f"{where}: {strangers} messages")

    def _letters_repeat_themselves_only(self) -> None:
        """A letter may come twice, under its own Message-ID."""
        attempts = Counter(row.point for row in self._books.attempts)
        for person in self._people:
            point = (ChannelName.EMAIL, person.email)
            received = self._by_point.get(point, [])
            names = {one.reference for one in received}
            self._verdict.repeated_letters += len(received) - len(names)
            if len(names) > attempts[point]:
                self._broken["doubled"].append(
                    f"e-mail to {person.account}: {len(names)} letters, attempts {attempts[point]}"
                )

    def _hours_are_kept(self) -> None:
        window = self._course.window
        zones = {one.phone: window.zone(one.hours) for one in self._people}
        # A stop is confirmed at any hour.
        replies = {row.reference for row in self._books.replies}
        for one in self._received:
            zone = zones.get(one.contact_point)
            if zone is None or one.reference in replies:
                continue
            allowed = (
                is_allowed(at, zone, window.hours, self._books.holidays)
                for at in (one.at, one.at - ON_ITS_WAY)
            )
            if not any(allowed):
                self._broken["outside the window"].append(
                    f"{one.channel} to …{one.contact_point[-7:]}, {one.at:%H:%M:%S} UTC in {zone}"
                )

    def _stops_are_obeyed(self) -> None:
        for person, stopped_at in self._course.stopped.values():
            points = ((ChannelName.PHONE, person.phone), (ChannelName.SMS, person.phone))
            for point in (*points, (ChannelName.EMAIL, person.email)):
                for one in self._by_point.get(point, ()):
                    late = one.at - stopped_at
                    if late > OBEYED_WITHIN:
                        self._broken["contacted after a stop"].append(
                            f"{one.channel} to {person.account}, {late.total_seconds():.0f} s later"
                        )

    def _letters_are_answered_once(self) -> None:
        for address, written_at in self._course.writers.items():
            answers = self._by_point.get((ChannelName.EMAIL, address), [])
            names = {one.reference for one in answers}
            if len(names) != 1:
                self._broken["letters not answered once"].append(f"{address}: {len(names)} answers")
                continue
            took = min(one.at for one in answers) - written_at
            self._verdict.slowest_answer = max(self._verdict.slowest_answer, took)

    def _lists_are_whole(self) -> None:
        """What a page has taken is there once, with everybody in it."""
        for name, people in self._course.brought.items():
            found = self._course.found.get(name, [])
            if found != [people]:
                self._broken["lists not whole"].append(f"{name}: {found} of {people}")

    def _doubts_are_few_and_listed(self) -> None:
        """At most what hung in the air when something struck, and each one on the list of staff."""
        found = self._verdict
        told = [row for row in self._books.attempts if row.channel is not ChannelName.EMAIL]
        doubtful = [row for row in told if row.is_in_doubt]
        found.uncertain = len(doubtful)
        found.settled_doubts = sum(row.was_in_doubt for row in told)
        found.given_up = len(self._books.given_up)
        found.hung_in_the_air = sum(one.leaves_doubt for one in self._course.strikes)
        found.hung_in_the_air += sum(self._was_begun_under_fire(row) for row in told)
        if found.given_up > found.hung_in_the_air:
            self._broken["other promises"].append(
                f"{found.given_up} in doubt by the death of a process; only "
                f"{found.hung_in_the_air} hung in the air then"
            )
        self._broken["uncertain and not listed"] += [
            f"{row.channel} attempt {row.id}"
            for row in doubtful
            if row.point not in self._books.listed
        ]

    def _was_begun_under_fire(self, attempt: Attempt) -> bool:
        return any(
            one.blow.fault.leaves_doubt
            and one.blast.channel in (None, attempt.channel)
            and one.at <= attempt.started_at < (one.healed_at or self._course.ended_at)
            for one in self._course.strikes
        )


def standstills(
    received: Sequence[Received], strikes: Sequence[Strike], ended_at: datetime
) -> Mapping[str, timedelta]:
    """By kind of fault the longest time in which nothing at all was received, that began between a
    strike and ten seconds after it was healed."""
    longest: defaultdict[str, timedelta] = defaultdict(timedelta)
    gaps = list(pairwise(sorted(one.at for one in received)))
    for strike in strikes:
        until = (strike.healed_at or ended_at) + timedelta(seconds=10)
        name = strike.blow.fault.name
        for begun, over in gaps:
            if over > strike.at and begun < until:
                longest[name] = max(longest[name], over - begun)
    return longest
