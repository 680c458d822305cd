"""The verdict must be able to condemn: books that add up, and one false entry at a time."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from campaigns.channel import ChannelName
from campaigns.holidays import Holidays
from tests.chaos.books import Attempt, Books, Delivery, Received, Reply
from tests.chaos.faults import FAULTS, Blast, Blow, draw_schedule
from tests.chaos.people import Hours, Person, Window, people
from tests.chaos.storm import Course, Strike
from tests.chaos.verdict import Verdict, judge, standstills

PHONE, SMS, EMAIL = ChannelName.PHONE, ChannelName.SMS, ChannelName.EMAIL
NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
LATER = timedelta(seconds=20)
WINDOW = Window.around(NOON, 10, 30)
ANNA = Person("1", "+79160000001", "anna@customers.example", Hours.OPEN)
POINTS = {PHONE: ANNA.phone, SMS: ANNA.phone, EMAIL: ANNA.email}

Story = tuple[list[Received], Books, Course, list[Person]]


def a_good_story() -> Story:
    """Anna was told once on each channel, and wrote to us once."""
    received = [Received(name, POINTS[name], NOON + LATER, f"ref-{name}") for name in ChannelName]
    received.append(Received(EMAIL, "writer@letters.example", NOON + LATER, "<answer>"))
    attempts = [
        Attempt(
            id=number,
            delivery_id=number,
            number=1,
            channel=name,
            contact_point=POINTS[name],
            started_at=NOON + LATER,
            was_handed=True,
            outcome="heard",
            positive=True,
            reference=f"ref-{name}",
            reason="",
        )
        for number, name in enumerate(ChannelName)
    ]
    deliveries = [
        Delivery(number, name, "positive", None) for number, name in enumerate(ChannelName)
    ]
    books = Books(deliveries, attempts, [], frozenset(), [], Holidays())
    course = Course(1, WINDOW, NOON, NOON + timedelta(minutes=5), calm=True)
    course.writers["writer@letters.example"] = NOON
    return received, books, course, [ANNA]


def verdict_on(change: Callable[[Story], Story]) -> Verdict:
    return judge(*change(a_good_story()))


def with_attempts(story: Story, **changes: object) -> Story:
    """The same story, with something else in the attempt of the call."""
    received, books, course, everybody = story
    attempts = [
        replace(row, **changes) if row.channel is PHONE else row  # type: ignore[arg-type]
        for row in books.attempts
    ]
    return received, replace(books, attempts=attempts), course, everybody


def received_as_well(story: Story, *more: Received) -> Story:
    received, *rest = story
    return [*received, *more], *rest  # type: ignore[return-value]


def standing(story: Story, status: str, due_at: datetime | None) -> Story:
    received, books, course, everybody = story
    first, *others = books.deliveries
    changed = [replace(first, status=status, due_at=due_at), *others]
    return received, replace(books, deliveries=changed), course, everybody


def stopped(story: Story) -> Story:
    story[2].stopped[ANNA.account] = (ANNA, NOON)
    return story


def never_calm(story: Story) -> Story:
    story[2].calm = False
    return story


def test_books_that_add_up_are_believed() -> None:
    assert verdict_on(lambda story: story).failures == {}


@pytest.mark.parametrize(
    ("promise", "change"),
    [
        ("lost", lambda s: (s[0][1:], *s[1:])),
        ("lost", lambda s: (s[0], s[1], s[2], [ANNA, replace(ANNA, account="2")])),
        ("lost", lambda s: standing(s, "queued", NOON)),
        ("lost", lambda s: standing(s, "pending", NOON)),
        ("lost", lambda s: standing(s, "pending", None)),
        ("lost", lambda s: standing(s, "pending", NOON + timedelta(days=90))),
        ("doubled", lambda s: received_as_well(s, s[0][0])),
        ("doubled", lambda s: received_as_well(s, replace(s[0][1], reference="other"))),
        ("doubled", lambda s: received_as_well(s, replace(s[0][2], reference="<other>"))),
        (
            "doubled",
            lambda s: (
                s[0],
                replace(
                    s[1],
                    attempts=[*s[1].attempts, replace(s[1].attempts[0], id=9, delivery_id=9)],
                ),
                *s[2:],
            ),
        ),
        ("unknown to the ledger", lambda s: with_attempts(s, reference="another")),
        (
            "outside the window",
            lambda s: ([replace(s[0][0], at=NOON + timedelta(hours=9)), *s[0][1:]], *s[1:]),
        ),
        ("contacted after a stop", stopped),
        ("letters not answered once", lambda s: (s[0][:-1], *s[1:])),
        (
            "letters not answered once",
            lambda s: received_as_well(s, replace(s[0][-1], reference="<another>")),
        ),
        ("uncertain and not listed", lambda s: with_attempts(s, outcome="uncertain")),
        ("other promises", lambda s: (s[0], replace(s[1], given_up=frozenset({0})), *s[2:])),
        ("other promises", never_calm),
        ("audit", lambda s: (s[0], replace(s[1], broken_rules=["keeps_cadence: 1"]), *s[2:])),
    ],
)
def test_a_false_entry_breaks_its_promise(promise: str, change: Callable[[Story], Story]) -> None:
    assert promise in verdict_on(change).failures


@pytest.mark.parametrize(
    "change",
    [
        # The same letter again, and the one answer to a stop.
        lambda s: received_as_well(s, s[0][2]),
        lambda s: (
            [*s[0], Received(SMS, ANNA.phone, NOON + timedelta(hours=9), "reply")],
            replace(s[1], replies=[Reply(SMS, ANNA.phone, True, "reply")]),
            *s[2:],
        ),
        lambda s: standing(s, "pending", NOON + timedelta(hours=2)),
        lambda s: standing(s, "awaiting", NOON + timedelta(minutes=10)),
    ],
)
def test_what_is_allowed_is_let_pass(change: Callable[[Story], Story]) -> None:
    assert verdict_on(change).failures == {}


def strike(fault: str, at: datetime, in_flight: int, channel: ChannelName | None) -> Strike:
    blow = Blow(0, 0, FAULTS[fault], 1)
    return Strike(blow, at, Blast("", channel=channel), {PHONE: in_flight, SMS: 5}, at)


@pytest.mark.parametrize(
    ("struck", "is_broken"),
    [
        (strike("kill-worker", NOON, 1, PHONE), False),
        (strike("kill-worker", NOON, 0, PHONE), True),
        (strike("crash-postgres", NOON, 0, None), False),
        (strike("flush-redis", NOON, 1, None), True),
    ],
)
def test_only_what_hung_in_the_air_may_be_in_doubt(struck: Strike, is_broken: bool) -> None:
    def change(story: Story) -> Story:
        received, books, course, everybody = story
        course.strikes.append(struck)
        return received, replace(books, given_up=frozenset({0})), course, everybody

    assert ("other promises" in verdict_on(change).failures) is is_broken


def test_the_longest_standstill_is_that_around_the_strike() -> None:
    seconds = (0, 1, 2, 9, 10, 40)
    received = [Received(SMS, "+7", NOON + timedelta(seconds=s), str(s)) for s in seconds]
    struck = strike("kill-worker", NOON + timedelta(seconds=1.5), 0, SMS)
    found = standstills(received, [struck], NOON + timedelta(minutes=1))
    assert found == {"kill-worker": timedelta(seconds=30)}


def test_a_storm_can_be_replayed_by_its_seed() -> None:
    drawn = [draw_schedule(seed, list(FAULTS), 300, (3, 8)) for seed in (7, 7, 8)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert {blow.fault.name for blow in drawn[0]} == set(FAULTS)
    assert list(people(50, 7)) == list(people(50, 7)) != list(people(50, 8))


def test_the_hours_of_a_storm_are_what_they_are_called() -> None:
    zones = {hours: WINDOW.zone(hours) for hours in Hours}
    assert zones[Hours.OPENS] == "Etc/GMT+2"
    assert zones[Hours.CLOSES] == "Etc/GMT-8"
    assert WINDOW.toml() == '{ from = "10:00:10", until = "20:00:30" }'


@pytest.mark.parametrize("found", [[], [299], [300, 300]])
def test_a_list_that_is_absent_or_halved_or_there_twice_is_condemned(found: list[int]) -> None:
    def change(story: Story) -> Story:
        received, books, course, everybody = story
        brought = replace(course, brought={"list-1": 300}, found={"list-1": found})
        return received, books, brought, everybody

    assert verdict_on(change).count("lists not whole") == 1
