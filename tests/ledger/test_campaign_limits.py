"""A campaign's own limit of an hour: what is claimed of it, whoever claims, and what others get."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from campaigns.channel import ChannelName
from campaigns.hourly import Hourly
from dispatcher.ledger import Ledger, campaign_limits, campaigns, claims
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.claims import Claimed
from tests.ledger.making import LATER, NOW, PHONE, SMS, due_rows

SECOND = timedelta(seconds=1)


def limited(ledger: Ledger, count: int, name: str, per_hour: int) -> Campaign:
    campaign = due_rows(ledger, count, name=name)
    with ledger.write() as tx:
        campaign_limits.keep(tx, campaign.id, {PHONE: per_hour})
    return campaign


def take(ledger: Ledger, at: datetime = NOW, limit: int = 100) -> Mapping[int, int]:
    """How many of each campaign are claimed."""
    with ledger.write() as tx:
        rows = claims.claim_due(tx, at, LATER, "claim", limit)
    return count(rows)


def count(rows: Sequence[Claimed]) -> dict[int, int]:
    return {one: [row[1] for row in rows].count(one) for one in {row[1] for row in rows}}


def begin(ledger: Ledger, campaign: Campaign, at: datetime, count: int) -> None:
    """As a worker does that opens so many attempts, whatever was claimed."""
    with ledger.write() as tx:
        allowance = campaign_limits.hold(tx, campaign.id, PHONE, at)
        assert allowance is not None
        for _one in range(count):
            allowance.take()
        campaign_limits.write_down(tx, allowance)
        claims.release_all(tx, at)


def test_what_is_claimed_and_not_begun_is_not_claimed_again(ledger: Ledger) -> None:
    campaign = limited(ledger, 50, "one", 300)
    assert take(ledger) == {campaign.id: Hourly(300).at_once}
    assert take(ledger) == {}


def test_a_limited_campaign_leaves_the_room_to_those_beside_it(ledger: Ledger) -> None:
    small, other = limited(ledger, 50, "small", 30), due_rows(ledger, 90, name="other")
    assert take(ledger, limit=20) == {small.id: 1, other.id: 19}
    begin(ledger, small, NOW, 1)
    assert take(ledger, limit=20) == {other.id: 20}


def test_between_two_of_its_turns_it_is_not_due_and_the_loop_sleeps_until_the_next(
    ledger: Ledger,
) -> None:
    campaign = limited(ledger, 50, "one", 30)
    begin(ledger, campaign, NOW, 1)
    turn = NOW + timedelta(minutes=2)
    with ledger.read() as tx:
        assert claims.heads_due(tx, turn - SECOND, [PHONE]) == []
        [head] = claims.heads_due(tx, turn, [PHONE])
        assert claims.next_due(tx) == turn == head.due_at
        assert campaign_limits.next_looks(tx, campaign.id, NOW) == {PHONE: turn}
        assert campaign_limits.next_looks(tx, campaign.id, turn) == {}
    assert take(ledger, turn - SECOND) == {}
    assert take(ledger, turn) == {campaign.id: 1}


def test_of_two_loops_at_once_one_claims_what_is_limited_and_nobody_waits(ledger: Ledger) -> None:
    if ledger.is_sqlite:
        return  # one writer at a time
    small, other = limited(ledger, 50, "small", 300), due_rows(ledger, 40, name="other")
    with ledger.write() as one, ledger.write() as two:
        first = count(claims.claim_due(one, NOW, LATER, "a", 20))
        second = count(claims.claim_due(two, NOW, LATER, "b", 20))
    assert first == {small.id: 10, other.id: 10}
    assert second == {other.id: 20}


def test_a_crowd_that_may_not_be_called_now_does_not_hold_up_those_behind_it(
    ledger: Ledger,
) -> None:
    campaign = limited(ledger, 100, "one", 1)
    claimed = []
    for _turn in range(6):
        with ledger.write() as tx:
            ids = [row[0] for row in claims.claim_due(tx, NOW, LATER, "claim", 100)]
            claimed.append(len(ids))
            # A worker finds that none of them may be called, and puts them off.
            claims.give_back(tx, ids, "claim", NOW + timedelta(days=1))
        begin(ledger, campaign, NOW, 0)
    assert claimed == [1, 2, 4, 8, 16, 32]
    begin(ledger, campaign, NOW, 1)
    assert take(ledger, NOW + timedelta(hours=1)) == {campaign.id: 1}


def test_limits_are_kept_by_channel_and_go_with_a_draft_that_is_taken_back(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 1)
    with ledger.write() as tx:
        campaign_limits.keep(tx, campaign.id, {SMS: 7, PHONE: 300})
    with ledger.read() as tx:
        assert list(campaign_limits.of(tx, campaign.id).items()) == [(PHONE, 300), (SMS, 7)]
    with ledger.write() as tx:
        draft = campaigns.create(
            tx,
            scenario_id=campaign.scenario_id,
            audience_id=campaign.audience_id,
            zone="Europe/Moscow",
            start_at=NOW,
            end_at=NOW + timedelta(days=1),
            actor="test",
            now=NOW,
            limits={ChannelName.EMAIL: 9},
        )
        assert campaign_limits.of(tx, draft.id) == {ChannelName.EMAIL: 9}
        campaigns.discard(tx, draft, NOW, unfit_texts=0)
        assert campaign_limits.of(tx, draft.id) == {}


def test_a_campaign_that_stood_for_days_makes_up_for_two_minutes_at_most(ledger: Ledger) -> None:
    campaign = limited(ledger, 500, "one", 300)
    begin(ledger, campaign, NOW, 10)
    assert take(ledger, NOW + timedelta(days=3)) == {campaign.id: Hourly(300).at_once}
