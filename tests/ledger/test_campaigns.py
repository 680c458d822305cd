"""Legal changes of a campaign's status, its beginning and its end by themselves."""

from datetime import timedelta

import pytest

from campaigns.delivery import Status
from dispatcher.errors import NotFound, NotPossible
from dispatcher.ledger import Ledger, campaigns, trail
from dispatcher.ledger.campaigns import LEGAL, CampaignStatus
from dispatcher.ledger.tables import campaigns as table
from tests.ledger.making import ACTOR, NOW, campaign_of, due_rows, force, person

AFTER_END = NOW + timedelta(days=15)


@pytest.mark.parametrize("before", CampaignStatus)
@pytest.mark.parametrize("after", CampaignStatus)
def test_a_campaign_changes_only_as_the_table_says(
    ledger: Ledger, before: CampaignStatus, after: CampaignStatus
) -> None:
    with ledger.write() as tx:
        campaign = campaign_of(tx, [person("1")])
        tx.execute(table.update().values(status=before))
        if after in LEGAL[before]:
            changed = campaigns.change(tx, campaign, after, ACTOR, NOW)
            assert changed.status is after
            assert (changed.closed_at is None) == bool(LEGAL[after])
            return
        with pytest.raises(NotPossible):
            campaigns.change(tx, campaign, after, ACTOR, NOW)
        assert campaigns.get(tx, campaign.id).status is before


def test_every_change_stands_in_the_trail_with_its_actor(ledger: Ledger) -> None:
    with ledger.write() as tx:
        campaign = campaign_of(tx, [person("1")])
        campaigns.change(tx, campaign, CampaignStatus.PAUSED, "olga", NOW)
        acts = [(act.action, act.actor) for act in trail.of(tx, campaign.subject)]
    assert acts == [
        ("campaign.launch", ACTOR),
        ("campaign.scheduled", ACTOR),
        ("campaign.running", ACTOR),
        ("campaign.paused", "olga"),
    ]


def test_a_scheduled_campaign_starts_at_its_hour_and_not_before(ledger: Ledger) -> None:
    with ledger.write() as tx:
        campaign = campaign_of(tx, [person("1")], running=False)
        campaigns.change(tx, campaign, CampaignStatus.SCHEDULED, ACTOR, NOW)
        assert campaigns.start_due(tx, campaign.start_at - timedelta(microseconds=1)) == 0
        assert campaigns.next_turn(tx, NOW) == campaign.start_at
        assert campaigns.start_due(tx, campaign.start_at) == 1
        assert campaigns.start_due(tx, campaign.start_at) == 0
        assert campaigns.next_turn(tx, NOW) == campaign.end_at


@pytest.mark.parametrize(
    ("status", "before_end", "after_end"),
    [
        (Status.PENDING, False, False),
        (Status.QUEUED, False, False),
        (Status.SENDING, False, False),
        (Status.AWAITING, False, False),
        (Status.UNCERTAIN, False, True),
        (Status.POSITIVE, True, True),
    ],
)
def test_a_campaign_is_complete_when_nothing_is_left_to_do(
    ledger: Ledger, status: Status, before_end: bool, after_end: bool
) -> None:
    campaign = due_rows(ledger, 2)
    with ledger.write() as tx:
        force(tx, 1, status=Status.POSITIVE)
        force(tx, 2, status=status)
        assert bool(campaigns.close_finished(tx, NOW)) is before_end
        if not before_end:
            assert bool(campaigns.close_finished(tx, AFTER_END)) is after_end
        done = campaigns.get(tx, campaign.id).status is CampaignStatus.COMPLETED
        assert done is (before_end or after_end)


def test_a_campaign_cannot_end_before_it_starts_or_in_the_past(ledger: Ledger) -> None:
    with ledger.write() as tx:
        known = campaign_of(tx, [person("1")])
        wrong = [(NOW, NOW), (NOW - timedelta(days=2), NOW - timedelta(days=1))]
        for start_at, end_at in wrong:
            with pytest.raises(NotPossible):
                campaigns.create(
                    tx,
                    scenario_id=known.scenario_id,
                    audience_id=known.audience_id,
                    zone="Europe/Moscow",
                    start_at=start_at,
                    end_at=end_at,
                    actor=ACTOR,
                    now=NOW,
                )
        assert len(campaigns.everything(tx)) == 1
        with pytest.raises(NotFound, match="99"):
            campaigns.get(tx, 99)
