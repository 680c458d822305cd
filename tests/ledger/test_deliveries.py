"""Claims, leases and legal changes of deliveries, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from campaigns.channel import ChannelName
from campaigns.delivery import LEGAL, SkipReason, Status
from campaigns.outcome import Outcome
from campaigns.plan import Planned
from dispatcher.ledger import Ledger, audiences, campaigns, claims, deliveries, groups, tables
from dispatcher.ledger.campaigns import CampaignStatus
from dispatcher.ledger.deliveries import Change
from tests.ledger.making import (
    ACTOR,
    EMAIL,
    LATER,
    NOW,
    PHONE,
    SMS,
    campaign_of,
    due_rows,
    force,
    person,
)

Claimed = tuple[int, int, ChannelName, bool]


def claim(ledger: Ledger, limit: int = 100, name: str = "claim") -> list[Claimed]:
    with ledger.write() as tx:
        return list(claims.claim_due(tx, NOW, LATER, name, limit))


def status_of(ledger: Ledger, delivery_id: int = 1) -> Status:
    with ledger.read() as tx:
        return deliveries.load(tx, [delivery_id])[delivery_id].status


def test_a_plan_stored_twice_stands_once(ledger: Ledger) -> None:
    with ledger.write() as tx:
        campaign = campaign_of(tx, [person("1", "+79160000001")])
        [one] = audiences.after(tx, campaign.audience_id, 0)
        planned = [
            Planned(one, PHONE, "Asia/Omsk", ("+79160000001", "+79160000002"), due_at=NOW),
            Planned(one, EMAIL, "Asia/Omsk", skipped=SkipReason.NO_CONTACT_POINT),
        ]
        deliveries.insert_planned(tx, campaign.id, planned[:1], urgent=False)
        deliveries.insert_planned(tx, campaign.id, planned, urgent=True)
        rows = deliveries.load(tx, range(1, 10))
        assert deliveries.last_planned(tx, campaign.id) == one
    assert [(r.channel, r.status, r.reason, r.urgent) for r in rows.values()] == [
        (PHONE, Status.PENDING, "", False),
        (EMAIL, Status.SKIPPED, "no_contact_point", True),
    ]
    assert next(iter(rows.values())).points == ("+79160000001", "+79160000002")


def test_a_claim_takes_no_more_than_its_limit_and_the_rest_stays_due(ledger: Ledger) -> None:
    due_rows(ledger, 10)
    assert len(claim(ledger, 4)) == 4
    assert len(claim(ledger, 100)) == 6
    assert claim(ledger) == []


def test_what_is_due_a_microsecond_later_is_not_claimed(ledger: Ledger) -> None:
    due_rows(ledger, 1, due_at=NOW + timedelta(microseconds=1))
    assert claim(ledger) == []


def test_urgent_deliveries_are_claimed_first_though_others_wait_longer(ledger: Ledger) -> None:
    due_rows(ledger, 5, name="old", due_at=NOW - timedelta(hours=5))
    urgent = due_rows(ledger, 2, name="new", urgent=True)
    assert [(row[1], row[3]) for row in claim(ledger, 2)] == [(urgent.id, True)] * 2


def test_a_channel_that_is_not_set_up_is_not_claimed(ledger: Ledger) -> None:
    due_rows(ledger, 2)
    with ledger.write() as tx:
        assert not claims.claim_due(tx, NOW, LATER, "claim", 10, (SMS, EMAIL))
        assert len(claims.claim_due(tx, NOW, LATER, "claim", 10, (PHONE,))) == 2


@pytest.mark.parametrize("status", sorted(set(CampaignStatus) - {CampaignStatus.RUNNING}))
def test_only_a_running_campaign_is_claimed(ledger: Ledger, status: CampaignStatus) -> None:
    due_rows(ledger, 2)
    with ledger.write() as tx:
        tx.execute(tables.campaigns.update().values(status=status))
    assert claim(ledger) == []


def test_a_campaign_past_its_end_is_not_claimed(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 2)
    with ledger.write() as tx:
        assert not claims.claim_due(tx, campaign.end_at, LATER, "claim", 10)
        last_instant = campaign.end_at - timedelta(microseconds=1)
        assert len(claims.claim_due(tx, last_instant, LATER, "claim", 10)) == 2


def test_many_claimers_at_once_never_get_the_same_row(ledger: Ledger) -> None:
    due_rows(ledger, 120)

    def take(worker: int) -> list[int]:
        mine: list[int] = []
        while taken := claim(ledger, 7, f"claim-{worker}"):
            mine += [row[0] for row in taken]
        return mine

    with ThreadPoolExecutor(4) as threads:
        parts = list(threads.map(take, range(4)))
    everything = [delivery_id for part in parts for delivery_id in part]
    # A claimer that met only locked rows may stop early; what it left is taken by nobody twice.
    everything += [row[0] for row in claim(ledger, 1000)]
    assert sorted(everything) == list(range(1, 121))


def test_rows_locked_by_one_claimer_are_passed_over_by_the_next(postgres_url: str) -> None:
    ledger = Ledger(postgres_url)
    try:
        due_rows(ledger, 6)
        with ledger.write() as first, ledger.write() as second:
            mine = claims.claim_due(first, NOW, LATER, "a", 4)
            others = claims.claim_due(second, NOW, LATER, "b", 4)
        assert (len(mine), len(others)) == (4, 2)
        assert not {row[0] for row in mine} & {row[0] for row in others}
    finally:
        ledger.close()


def test_a_lapsed_claim_is_due_again_and_a_holding_one_is_not(ledger: Ledger) -> None:
    due_rows(ledger, 2)
    claim(ledger, 1)
    with ledger.write() as tx:
        assert claims.release_lapsed(tx, LATER - timedelta(microseconds=1)) == 0
        assert claims.release_lapsed(tx, LATER) == 1
        row = deliveries.load(tx, [1])[1]
        assert (row.status, row.due_at, row.claim) == (Status.PENDING, LATER, None)


def test_after_the_only_worker_died_every_claim_is_due_at_once(ledger: Ledger) -> None:
    due_rows(ledger, 3)
    claim(ledger, 2)
    with ledger.write() as tx:
        assert claims.release_all(tx, NOW) == 2
    assert len(claim(ledger)) == 3


def test_what_is_claimed_or_being_sent_counts_as_in_flight(ledger: Ledger) -> None:
    due_rows(ledger, 4)
    claim(ledger, 2)
    with ledger.write() as tx:
        force(tx, 3, status=Status.SENDING)
        force(tx, 4, status=Status.AWAITING)
        assert claims.in_flight(tx) == 3


@pytest.mark.parametrize("before", Status)
def test_an_illegal_change_of_a_delivery_is_refused_and_changes_nothing(
    ledger: Ledger, before: Status
) -> None:
    due_rows(ledger, 1)
    with ledger.write() as tx:
        force(tx, 1, status=before)
    for after in sorted(set(Status) - LEGAL[before] - {before}):
        with ledger.write() as tx, pytest.raises(ValueError, match="cannot go"):
            deliveries.change(tx, [Change(1, before, after)])
    assert status_of(ledger) is before


def test_a_change_leaves_a_row_alone_that_has_moved_on_meanwhile(ledger: Ledger) -> None:
    due_rows(ledger, 2)
    with ledger.write() as tx:
        force(tx, 1, status=Status.SETTLED)
        deliveries.change(tx, [Change(n, Status.PENDING, Status.QUEUED) for n in (1, 2)])
    assert (status_of(ledger, 1), status_of(ledger, 2)) == (Status.SETTLED, Status.QUEUED)


def test_a_change_writes_all_that_it_names_and_keeps_the_rest(ledger: Ledger) -> None:
    due_rows(ledger, 1)
    claim(ledger)
    with ledger.write() as tx:
        deliveries.change(
            tx,
            [
                Change(
                    1,
                    Status.QUEUED,
                    Status.SENDING,
                    due_at=LATER,
                    outcome=Outcome.BUSY,
                    attempts=3,
                    postponed=2,
                    dead_points={"+7"},
                    end_as=Status.SETTLED,
                )
            ],
        )
        row = deliveries.load(tx, [1])[1]
        assert (row.attempts, row.postponed, row.outcome) == (3, 2, Outcome.BUSY)
        assert (row.dead_points, row.end_as, row.claim) == (
            frozenset({"+7"}),
            Status.SETTLED,
            "claim",
        )
        deliveries.change(tx, [Change(1, Status.SENDING, Status.AWAITING, due_at=LATER)])
        row = deliveries.load(tx, [1])[1]
        assert (row.attempts, row.outcome, row.dead_points) == (3, Outcome.BUSY, frozenset({"+7"}))
        assert (row.claim, row.end_as) == (None, None)


def test_the_end_of_a_campaign_expires_what_waits_and_nothing_else(ledger: Ledger) -> None:
    campaign = due_rows(ledger, len(Status))
    with ledger.write() as tx:
        for number, status in enumerate(Status, 1):
            force(tx, number, status=status)
        assert deliveries.expire(tx, [campaign.id]) == 2
        rows = deliveries.load(tx, range(1, len(Status) + 1))
    changed = {s for s, row in zip(Status, rows.values(), strict=True) if row.status is not s}
    assert changed == {Status.PENDING, Status.QUEUED}
    assert [rows[1].status, rows[1].reason, rows[1].due_at] == [
        Status.EXPIRED,
        "campaign_end",
        None,
    ]


def test_cancelling_ends_what_waits_and_marks_what_is_in_flight(ledger: Ledger) -> None:
    campaign = due_rows(ledger, len(Status))
    with ledger.write() as tx:
        for number, status in enumerate(Status, 1):
            force(tx, number, status=status)
        assert deliveries.cancel(tx, campaign.id) == 2
        rows = deliveries.load(tx, range(1, len(Status) + 1)).values()
    marked = {s for s, row in zip(Status, rows, strict=True) if row.end_as is Status.CANCELLED}
    assert marked == {Status.SENDING, Status.AWAITING, Status.UNCERTAIN}


def test_a_joined_recipient_takes_over_the_points_and_the_others(ledger: Ledger) -> None:
    with ledger.write() as tx:
        campaign = campaign_of(tx, [person(a, "+79160000001") for a in "123"])
        first, second, third = audiences.after(tx, campaign.audience_id, 0)
        merged = {"skipped": SkipReason.MERGED, "lead_id": first}
        deliveries.insert_planned(
            tx,
            campaign.id,
            [
                Planned(first, PHONE, "Asia/Omsk", ("+79160000001",), due_at=NOW),
                Planned(second, PHONE, "Asia/Omsk", **merged),  # type: ignore[arg-type]
                Planned(third, PHONE, "Asia/Omsk", **merged),  # type: ignore[arg-type]
                Planned(second, SMS, "Asia/Omsk", **merged),  # type: ignore[arg-type]
            ],
            urgent=False,
        )
        group = groups.members(tx, campaign.id, PHONE, [first])[first]
        assert [m.recipient_id for m in group] == [second, third]
        lead = deliveries.load(tx, [1])[1]
        groups.take_over(tx, lead, group[0], [group[1].id], LATER)
        heir = deliveries.load(tx, [group[0].id])[group[0].id]
        assert (heir.status, heir.points, heir.due_at) == (Status.PENDING, lead.points, LATER)
        assert heir.lead_id is None
        left = groups.members(tx, campaign.id, PHONE, [first, second])
        assert {k: [m.recipient_id for m in v] for k, v in left.items()} == {second: [third]}
        assert len(deliveries.siblings(tx, campaign.id, [second])) == 2
        assert len(deliveries.of_accounts(tx, campaign.id, ["2", "3", "nobody"])) == 3


def test_the_next_wake_is_the_earliest_of_all_that_waits(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 3, due_at=LATER)
    with ledger.write() as tx:
        assert claims.next_due(tx) == LATER
        force(tx, 2, status=Status.AWAITING, due_at=NOW)
        assert claims.next_due(tx) == NOW
        force(tx, 2, status=Status.POSITIVE, due_at=NOW)
        campaigns.change(tx, campaign, CampaignStatus.PAUSED, ACTOR, NOW)
        assert claims.next_due(tx) is None
