"""A campaign that limits itself: no sliding hour holds more attempts, whatever happens."""

import random
import uuid
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.hourly import Hourly
from campaigns.outcome import Outcome
from campaigns.recipient import Recipient
from dispatcher import campaigning
from dispatcher.errors import NotPossible
from dispatcher.ledger import Transaction, campaign_limits, campaigns, claims
from dispatcher.ledger.attempts import Attempt
from dispatcher.ledger.campaigns import Campaign
from dispatcher.opening import open_batch
from dispatcher.record import Finding, record
from templates.i18n import speaking
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    DAY,
    EMAIL,
    HOUR,
    MONDAY,
    PHONE,
    SMS,
    Rehearsal,
    customer,
    open_rehearsal,
    scenario_text,
)

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def people(count: int, prefix: str = "a", zone: str = "Europe/Moscow") -> list[Recipient]:
    return [
        customer(
            f"{prefix}{n}", f"+7916{ord(prefix[0]):03}{n:04}", f"{prefix}{n}@example.com", zone=zone
        )
        for n in range(count)
    ]


@pytest.fixture
def on_either(ledger_url: str, tmp_path: Path) -> Iterator[Rehearsal]:
    """A whole engine on either database, in which nobody works."""
    opened = open_rehearsal(tmp_path, ledger_url)
    opened.rehearsal.rest()
    yield opened.rehearsal
    opened.close()


def most_within_an_hour(attempts: Sequence[Attempt]) -> int:
    begun = sorted(one.started_at for one in attempts)
    return max((bisect_left(begun, at + HOUR) - bisect_left(begun, at) for at in begun), default=0)


def turn(rehearsal: Rehearsal, after: timedelta = SECOND) -> int:
    rehearsal.clock.move_to(rehearsal.clock.now() + after)
    claimed = rehearsal.works.loop.tick().claimed
    rehearsal.work()
    return claimed


@pytest.mark.parametrize("seed", range(2))
def test_no_sliding_hour_holds_more_whenever_anybody_claims_and_opens(
    on_either: Rehearsal, seed: int
) -> None:
    """Claims of several loops at any instants, workers that come at once, late or never."""
    chance = random.Random(seed)
    rehearsal, clock = on_either, on_either.clock
    campaign = rehearsal.launch(people(40), scenario_text("phone"), limits={PHONE: 40})
    batches: list[tuple[str, list[int]]] = []

    def claim(tx: Transaction) -> None:
        now, name = clock.now(), uuid.uuid4().hex
        campaigns.start_due(tx, now)
        claims.release_lapsed(tx, now)
        taken = claims.claim_due(tx, now, now + 5 * MINUTE, name, 100)
        if taken:
            batches.append((name, [row[0] for row in taken]))

    def open_some(tx: Transaction) -> None:
        now = clock.now()
        name, ids = chance.choice(batches[-3:])  # some come twice, some never
        opened = open_batch(tx, rehearsal.engine, PHONE, ids, name, now, now + 5 * MINUTE)
        silent = [Finding(one.attempt_id, Outcome.NO_ANSWER, now) for one in opened]
        record(tx, rehearsal.engine, silent, now)

    for _step in range(250):
        pauses = [timedelta(), SECOND, 20 * SECOND, 90 * SECOND, 3 * MINUTE]
        clock.move_to(clock.now() + chance.choice(pauses))
        rehearsal.ledger.insist(claim)
        for _worker in range(chance.randrange(4)):
            rehearsal.ledger.insist(open_some)
    attempts = rehearsal.attempts(campaign)
    assert len(attempts) > 60
    assert {attempt.number for attempt in attempts} > {1}
    assert most_within_an_hour(attempts) <= 40


def test_it_goes_evenly_and_uses_the_hour(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    rehearsal.launch(people(130), scenario_text("email"), limits={EMAIL: 60})
    rehearsal.run(2 * HOUR)
    begun = [one.started_at for one in rehearsal.attempts()]
    assert 0.95 * 60 * 2 <= len(begun) <= 120 + 2
    assert most_within_an_hour(rehearsal.attempts()) <= 60
    quarters = [(at - MONDAY) // (15 * MINUTE) for at in begun]
    assert all(14 <= quarters.count(one) <= 17 for one in range(8))


def test_what_waits_for_the_limit_is_not_touched_again_and_again(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    rehearsal.launch(people(50), scenario_text("phone"), limits={PHONE: 10})
    claimed = sum(turn(rehearsal) for _second in range(30))
    assert claimed == len(rehearsal.attempts()) == 1
    waiting = [row for row in rehearsal.rows().values() if row.status is Status.PENDING]
    assert {(row.reason, row.due_at) for row in waiting} == {("", MONDAY)}


def test_a_campaign_beside_it_goes_on_at_full_speed(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    small = rehearsal.launch(people(200, "a"), scenario_text("email"), limits={EMAIL: 60})
    other = rehearsal.launch(people(200, "b"), scenario_text("email"))
    rehearsal.run(2 * MINUTE)
    assert len(rehearsal.attempts(other)) == 200
    assert 2 <= len(rehearsal.attempts(small)) <= 4


def test_only_the_channel_that_is_named_is_limited(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    rehearsal.launch(people(30), scenario_text("phone", "email"), limits={PHONE: 1})
    rehearsal.run(HOUR - MINUTE)
    assert (len(rehearsal.taken(PHONE)), len(rehearsal.taken(EMAIL))) == (1, 30)


def test_a_zone_whose_window_has_closed_does_not_stand_before_one_that_is_open(
    rehearse: Rehearse,
) -> None:
    evening = datetime(2026, 9, 7, 13, 0, tzinfo=UTC)  # 23:00 in Vladivostok, 16:00 in Moscow
    rehearsal = rehearse(start_at=evening - 4 * HOUR)
    far = people(400, "f", "Asia/Vladivostok")
    rehearsal.launch([*far, *people(40, "m")], scenario_text("phone"), limits={PHONE: 2})
    # Nobody works until the far ones may not be called any more.
    rehearsal.clock.move_to(evening)
    for _second in range(30):
        turn(rehearsal)
    assert [one.zone for one in rehearsal.attempts()] == ["Europe/Moscow"]


def test_letters_that_go_once_more_take_their_place_in_the_hour(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    campaign = rehearsal.launch(people(1), scenario_text("email"), limits={EMAIL: 1})
    turn(rehearsal)
    with rehearsal.ledger.read() as tx:
        now = rehearsal.clock.now()
        assert campaign_limits.next_looks(tx, campaign.id, now) == {EMAIL: now + HOUR}


def test_workers_that_open_at_once_take_no_place_twice(tmp_path: Path, postgres_url: str) -> None:
    opened = open_rehearsal(tmp_path, postgres_url)
    rehearsal = opened.rehearsal
    try:
        rehearsal.rest()
        campaign = rehearsal.launch(people(40), scenario_text("sms"))
        now = rehearsal.clock.now()
        with rehearsal.ledger.write() as tx:
            campaigns.start_due(tx, now)
            taken = claims.claim_due(tx, now, now + HOUR, "mine", 100)
        assert len(taken) == 40
        # The limit is there only now, as if everybody had claimed at once.
        with rehearsal.ledger.write() as tx:
            campaign_limits.keep(tx, campaign.id, {SMS: 300})
        parts = [[row[0] for row in taken][n::4] for n in range(4)]

        def open_part(ids: Sequence[int]) -> int:
            def act(tx: Transaction) -> int:
                lease_until = now + 5 * MINUTE
                opening = open_batch(tx, rehearsal.engine, SMS, ids, "mine", now, lease_until)
                return len(opening)

            return rehearsal.ledger.insist(act)

        with ThreadPoolExecutor(4) as threads:
            counts = list(threads.map(open_part, parts))
        assert sum(counts) == Hourly(300).at_once == len(rehearsal.attempts())
        put_off = [row for row in rehearsal.rows().values() if row.status is Status.PENDING]
        assert {(row.reason, row.attempts, row.postponed) for row in put_off} == {
            ("campaign_limit", 0, 0)
        }
        assert all(row.due_at and row.due_at > now for row in put_off)
    finally:
        opened.close()


def test_in_a_cascade_who_waits_for_the_limit_is_not_passed_over_by_the_next_channel(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse()
    order = 'kind = "cascade"\nchannels = ["phone", "sms"]\ndelay = "2d"'
    rehearsal.launch(
        people(5),
        scenario_text("phone", "sms", order=order, top='stop_on = "any"'),
        limits={PHONE: 1},
    )
    rehearsal.run(4 * DAY)
    assert len(rehearsal.taken(PHONE)) == 5
    assert rehearsal.taken(SMS) == []


@pytest.mark.parametrize(
    ("limits", "said"), [({SMS: 5}, "does not use"), ({PHONE: 0}, "whole number")]
)
def test_a_limit_that_makes_no_sense_is_refused(
    rehearse: Rehearse, limits: Mapping[ChannelName, int], said: str
) -> None:
    rehearsal = rehearse()
    with speaking("en"), pytest.raises(NotPossible, match=said):
        rehearsal.launch(people(1), scenario_text("phone"), limits=limits)


def test_a_campaign_that_is_paused_and_resumed_keeps_its_limit(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    campaign: Campaign = rehearsal.launch(people(50), scenario_text("email"), limits={EMAIL: 30})
    for _round in range(3):
        rehearsal.run(20 * MINUTE)
        campaigning.pause(rehearsal.engine, campaign.id, "test")
        campaigning.resume(rehearsal.engine, campaign.id, "test")
    assert len(rehearsal.attempts()) >= 28
    assert most_within_an_hour(rehearsal.attempts()) <= 30
