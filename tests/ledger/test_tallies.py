"""The counters of a campaign are those of its rows, whatever was done to them."""

import contextlib
import threading
from collections.abc import Sequence
from datetime import timedelta

from alembic import command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, update

from campaigns.channel import ChannelName
from campaigns.delivery import SkipReason, Status
from campaigns.outcome import Outcome
from campaigns.plan import Planned
from dispatcher.ledger import (
    Ledger,
    Transaction,
    attempts,
    audiences,
    calls,
    campaigns,
    deliveries,
    migrate,
    reports,
    tallies,
)
from dispatcher.ledger import tables as t
from dispatcher.ledger.attempts import Ending, Opening
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.migration import _config
from dispatcher.ledger.reports import StatusCount
from tests.ledger.making import NOW, PHONE, SMS, campaign_of, due_rows, force, person


def by_kind(counts: Sequence[StatusCount]) -> list[StatusCount]:
    """What was counted from the rows, with reasons as far as counters know them."""
    found: dict[tuple[ChannelName, Status, str], list[int]] = {}
    for one in counts:
        kind = one.reason.partition(":")[0] if one.status in tallies.REASONED else ""
        sums = found.setdefault((one.channel, one.status, kind), [0, 0, 0])
        for place, n in enumerate((one.deliveries, one.attempted, one.attempts)):
            sums[place] += n
    return [StatusCount(*key, *sums) for key, sums in sorted(found.items())]


def agree(tx: Transaction, campaign_id: int) -> None:
    assert tallies.by_status(tx, campaign_id) == by_kind(reports.by_status(tx, campaign_id))
    counted = sorted(reports.by_outcome(tx, campaign_id), key=str)
    assert sorted(tallies.by_outcome(tx, campaign_id), key=str) == counted
    assert tallies.by_provider(tx, campaign_id) == calls.by_provider(tx, campaign_id)
    assert list(tallies.drift(tx, campaign_id)) == []


def ids_of(tx: Transaction, campaign: Campaign) -> Sequence[int]:
    query = select(t.deliveries.c.id).where(t.deliveries.c.campaign_id == campaign.id)
    return tx.execute(query.order_by(t.deliveries.c.id)).scalars().all()


def opened(campaign: Campaign, delivery_id: int, number: int = 1) -> Opening:
    return Opening(delivery_id, number, campaign.id, PHONE, "+79161234567", "twilio", "UTC")


def test_a_plan_is_counted_as_it_is_written(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 30)
    with ledger.write() as tx:
        people = audiences.after(tx, campaign.audience_id, 0, 30)
        skips = [
            Planned(i, SMS, "UTC", (), skipped=SkipReason.NO_CONTACT_POINT)
            for i in list(people)[:7]
        ]
        deliveries.insert_planned(tx, campaign.id, skips, urgent=False)
        deliveries.insert_planned(tx, campaign.id, skips, urgent=False)  # there already
        agree(tx, campaign.id)
        counts = tallies.by_status(tx, campaign.id)
    assert counts == [
        StatusCount(PHONE, Status.PENDING, "", 30, 0, 0),
        StatusCount(SMS, Status.SKIPPED, "no_contact_point", 7, 0, 0),
    ]


def test_attempts_are_counted_from_their_opening_to_a_late_change_of_mind(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 3)
    with ledger.write() as tx:
        ids = ids_of(tx, campaign)
        made = attempts.open_many(tx, [opened(campaign, i) for i in ids], NOW)
        agree(tx, campaign.id)
        assert [c.outcome for c in tallies.by_outcome(tx, campaign.id)] == [None]
    ends = [
        Ending(made[i], outcome, outcome is Outcome.HEARD, NOW, None, "", None, 3.0)
        for i, outcome in zip(ids, (Outcome.HEARD, Outcome.BUSY, Outcome.UNCERTAIN), strict=True)
    ]
    with ledger.write() as tx:
        attempts.end(tx, ends)
        agree(tx, campaign.id)
        attempts.reopen(tx, [made[ids[2]]])
        agree(tx, campaign.id)
        attempts.discard(tx, [made[ids[2]]])
        agree(tx, campaign.id)
        assert tallies.by_provider(tx, campaign.id) == [(PHONE, "twilio", 2, 1)]


def test_a_counter_is_never_ahead_of_what_was_taken_back(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 5)
    with contextlib.suppress(KeyboardInterrupt), ledger.write() as tx:
        deliveries.expire(tx, [campaign.id])
        raise KeyboardInterrupt
    with ledger.read() as tx:
        agree(tx, campaign.id)
        assert [c.status for c in tallies.by_status(tx, campaign.id)] == [Status.PENDING]


def test_a_reason_is_counted_by_its_kind(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 3)
    with ledger.write() as tx:
        first, second, third = ids_of(tx, campaign)
        force(tx, first, status="given_up", reason="no_words: line 1, имя: пусто")
        force(tx, second, status="given_up", reason="no_words: line 7")
        force(tx, third, reason="whatever a provider said")
        agree(tx, campaign.id)
        assert [(c.reason, c.deliveries) for c in tallies.by_status(tx, campaign.id)] == [
            ("no_words", 2),
            ("", 1),
        ]


def test_what_does_not_change_how_a_delivery_stands_writes_no_counter(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 20)
    with ledger.write() as tx:
        tallies.fold(tx)
        d = t.deliveries
        tx.execute(update(d).values(due_at=NOW + timedelta(days=1), reason="later", postponed=2))
        parts = tx.execute(select(func.max(t.delivery_tallies.c.part))).scalar_one()
        agree(tx, campaign.id)
    assert parts == 0


def test_a_plan_taken_back_leaves_no_counter(ledger: Ledger) -> None:
    with ledger.write() as tx:
        campaign = campaign_of(tx, [person("1", "+79161234567")], running=False)
        ids = list(audiences.after(tx, campaign.audience_id, 0, 9))
        planned = [Planned(i, PHONE, "UTC", ("+79161234567",), due_at=NOW) for i in ids]
        deliveries.insert_planned(tx, campaign.id, planned, urgent=False)
    with ledger.write() as tx:
        tallies.fold(tx)
        campaigns.discard(tx, campaign, NOW, unfit_texts=0)
        tallies.fold(tx)
        left = tx.execute(select(func.count()).select_from(t.delivery_tallies)).scalar_one()
    assert left == 0


def test_adding_up_changes_no_count(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 8)
    with ledger.write() as tx:
        for delivery_id in ids_of(tx, campaign):
            force(tx, delivery_id, status="queued")
            attempts.open_many(tx, [opened(campaign, delivery_id)], NOW)
        agree(tx, campaign.id)
        tallies.fold(tx)
        agree(tx, campaign.id)
        tallies.fold(tx)
        agree(tx, campaign.id)
        for table in (t.delivery_tallies, t.attempt_tallies):
            assert tx.execute(select(func.max(table.c.part))).scalar_one() == 0


def test_who_adds_up_waits_for_nobody_and_nobody_for_them(postgres_url: str) -> None:
    ledger = Ledger(postgres_url)
    campaign = due_rows(ledger, 2)
    with ledger.write() as folding, ledger.write() as writing:
        first, _second = ids_of(writing, campaign)
        force(writing, first, status="queued")
        assert tallies.fold(folding) == 1
        with ledger.write() as other:
            assert tallies.fold(other) == 0
        agree(writing, campaign.id)
    with ledger.read() as tx:
        agree(tx, campaign.id)
    ledger.close()


def test_writers_at_once_lose_no_count(postgres_url: str) -> None:
    ledger = Ledger(postgres_url)
    campaign = due_rows(ledger, 200)
    with ledger.read() as tx:
        ids = ids_of(tx, campaign)
    done = threading.Event()

    def move(own: Sequence[int]) -> None:
        for delivery_id in own:
            with ledger.write() as tx:
                force(tx, delivery_id, status="queued")
                attempts.open_many(tx, [opened(campaign, delivery_id)], NOW)

    def fold() -> None:
        while not done.is_set():
            with ledger.write() as tx:
                tallies.fold(tx)
            with ledger.read() as tx:
                assert sum(c.deliveries for c in tallies.by_status(tx, campaign.id)) == 200

    folding = [threading.Thread(target=fold) for _ in range(2)]
    writing = [threading.Thread(target=move, args=(ids[n::4],)) for n in range(4)]
    for one in (*folding, *writing):
        one.start()
    for one in writing:
        one.join()
    done.set()
    for one in folding:
        one.join()
    with ledger.read() as tx:
        agree(tx, campaign.id)
        assert [(c.status, c.deliveries) for c in tallies.by_status(tx, campaign.id)] == [
            (Status.QUEUED, 200)
        ]
    ledger.close()


OF_BEFORE = """
INSERT INTO scenarios VALUES (1, 's', 1, 't', 'd', '', '{}', '2026-01-01', 'a', '{}');
INSERT INTO audiences VALUES (1, 'l', 'l.csv', 'ready', '[]', '[]', 2, 2, '2026-01-01', 'a');
INSERT INTO recipients VALUES
    (1, 1, 2, '1', '', '', '', '', '', '', NULL, 'default', 'ru', '[]', '{}'),
    (2, 1, 3, '2', '', '', '', '', '', '', NULL, 'default', 'ru', '[]', '{}');
INSERT INTO campaigns (id, scenario_id, audience_id, status, zone, start_at, end_at, created_at,
    created_by) VALUES (1, 1, 1, 'running', 'UTC', '2026-01-01', '2026-02-01', '2026-01-01', 'a');
INSERT INTO deliveries (campaign_id, recipient_id, channel, status, reason, urgent, zone, points,
    dead_points, attempts) VALUES
    (1, 1, 'sms', 'given_up', 'words: line 2', false, 'UTC', '[]', '[]', 0),
    (1, 2, 'sms', 'positive', '', false, 'UTC', '[]', '[]', 2);
INSERT INTO attempts (delivery_id, number, campaign_id, channel, contact_point, provider, zone,
    started_at, ended_at, outcome, positive) VALUES
    (2, 1, 1, 'sms', '+7', 'twilio', 'UTC', '2026-01-02', '2026-01-02', 'undelivered', false),
    (2, 2, 1, 'sms', '+7', 'smsaero', 'UTC', '2026-01-03', '2026-01-03', 'delivered', true)
"""


def test_a_ledger_of_before_is_counted_when_it_is_upgraded(unmigrated_url: str) -> None:
    ledger = Ledger(unmigrated_url)
    config = _config()
    with ledger.write() as tx:
        config.attributes["connection"] = tx
        command.upgrade(config, "0004")
        for statement in OF_BEFORE.split(";"):
            tx.exec_driver_sql(statement)
    migrate(ledger)
    with ledger.read() as tx:
        agree(tx, 1)
        assert tallies.by_status(tx, 1) == [
            StatusCount(SMS, Status.GIVEN_UP, "words", 1, 0, 0),
            StatusCount(SMS, Status.POSITIVE, "", 1, 1, 2),
        ]
        assert [one[1:] for one in tallies.by_provider(tx, 1)] == [
            ("smsaero", 1, 1),
            ("twilio", 1, 0),
        ]
    ledger.close()


def test_a_hand_in_the_counters_shows(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 4)
    with ledger.write() as tx:
        tx.execute(
            update(t.delivery_tallies).values(deliveries=t.delivery_tallies.c.deliveries + 2)
        )
        (found,) = tallies.drift(tx, campaign.id)
        assert (found.channel, found.kind, found.surplus) == ("phone", "pending", 2)
        tx.execute(delete(t.delivery_tallies))
        (found,) = tallies.drift(tx, campaign.id)
        assert found.surplus == -4


ACTS = st.tuples(
    st.sampled_from(["status", "reason", "attempts", "due", "fold", "open", "end", "delete"]),
    st.integers(0, 3),
    st.integers(0, 30),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(acts=st.lists(ACTS, max_size=12))
def test_whatever_is_done_the_counters_are_those_of_the_rows(
    ledger: Ledger, acts: list[tuple[str, int, int]]
) -> None:
    with ledger.write() as tx:
        people = [person(str(n), f"+7916000000{n}") for n in range(4)]
        campaign = campaign_of(tx, people, name=f"list {_audiences(tx)}")
        ids = list(audiences.after(tx, campaign.audience_id, 0, 9))
        planned = [Planned(i, PHONE, "UTC", ("+79161234567",), due_at=NOW) for i in ids]
        deliveries.insert_planned(tx, campaign.id, planned, urgent=False)
        rows = ids_of(tx, campaign)
        for act, which, n in acts:
            _act(tx, campaign, act, rows[which], n)
            agree(tx, campaign.id)


def _audiences(tx: Transaction) -> int:
    return tx.execute(select(func.count()).select_from(t.audiences)).scalar_one()


def _act(tx: Transaction, campaign: Campaign, act: str, delivery_id: int, n: int) -> None:
    a = t.attempts
    if act == "status":
        force(tx, delivery_id, status=list(Status)[n % len(Status)].value)
    elif act == "reason":
        force(tx, delivery_id, reason=("", "a", "a: b", ":", "c")[n % 5])
    elif act == "attempts":
        force(tx, delivery_id, attempts=n % 3)
    elif act == "due":
        force(tx, delivery_id, due_at=NOW + timedelta(hours=n))
    elif act == "fold":
        tallies.fold(tx)
    elif act == "end":
        outcome = list(Outcome)[n % len(Outcome)]
        tx.execute(
            update(a)
            .where(a.c.delivery_id == delivery_id)
            .values(outcome=outcome.value, positive=n % 2 == 0, ended_at=NOW)
        )
    elif act == "delete":
        tx.execute(delete(a).where(a.c.delivery_id == delivery_id))
    else:
        tx.execute(update(a).where(a.c.delivery_id == delivery_id).values(ended_at=NOW))
        last = select(func.coalesce(func.max(a.c.number), 0)).where(a.c.delivery_id == delivery_id)
        number = tx.execute(last).scalar_one()
        attempts.open_many(tx, [opened(campaign, delivery_id, number + 1)], NOW)
