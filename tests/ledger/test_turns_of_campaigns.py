"""Running campaigns take turns: a million rows of one do not hold up a hundred of another."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event

from campaigns.channel import ChannelName
from dispatcher.dispatch import in_turn
from dispatcher.ledger import Ledger, claims, deliveries
from dispatcher.ledger.campaigns import Campaign
from dispatcher.ledger.claims import share_out
from tests.ledger.making import EMAIL, LATER, NOW, PHONE, SMS, due_rows

KEYS = st.tuples(st.integers(1, 8), st.sampled_from(ChannelName))


def crowd(
    ledger: Ledger, count: int, name: str, due_at: datetime, *, urgent: bool = False
) -> Campaign:
    """A running campaign with very many calls that are due."""
    campaign = due_rows(ledger, 1, name=name, due_at=due_at, urgent=urgent)
    with ledger.write() as tx:
        numbers = (
            "(WITH RECURSIVE n(i) AS"
            f" (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count - 1}) SELECT i FROM n)"
        )
        tx.exec_driver_sql(
            "INSERT INTO recipients (audience_id, row, account_number, name, patronymic, surname,"
            " segment, branch, region, zone, zone_source, language, consents, fields)"
            f" SELECT audience_id, i + 1, account_number || '-' || i, name, patronymic, surname,"
            " segment, branch, region, zone, zone_source, language, consents, fields"
            f" FROM recipients r, {numbers} many WHERE r.audience_id = {campaign.audience_id}"
        )
        tx.exec_driver_sql(
            "INSERT INTO deliveries (campaign_id, recipient_id, channel, status, due_at, urgent,"
            " zone, points, dead_points)"
            " SELECT d.campaign_id, r.id, d.channel, d.status, d.due_at, d.urgent, d.zone,"
            " d.points, d.dead_points FROM deliveries d, recipients r"
            f" WHERE d.campaign_id = {campaign.id} AND r.audience_id = {campaign.audience_id}"
            " AND r.id <> d.recipient_id"
        )
        if not ledger.is_sqlite:
            tx.exec_driver_sql("ANALYZE deliveries")
    return campaign


def by_campaign(claimed: list[tuple[int, int, ChannelName, bool]]) -> Counter[int]:
    return Counter(row[1] for row in claimed)


def take(ledger: Ledger, limit: int, **more: Any) -> list[tuple[int, int, ChannelName, bool]]:
    with ledger.write() as tx:
        return list(claims.claim_due(tx, NOW, LATER, "claim", limit, **more))


def test_a_crowd_that_was_due_before_does_not_hold_up_a_small_campaign(ledger: Ledger) -> None:
    large = crowd(ledger, 20_000, "large", NOW - timedelta(hours=9))
    assert by_campaign(take(ledger, 1000)) == {large.id: 1000}
    small = due_rows(ledger, 100, name="small")
    # Whatever room there is next goes to the one that has nothing in flight.
    assert by_campaign(take(ledger, 60)) == {small.id: 60}
    assert by_campaign(take(ledger, 60)) == {small.id: 40, large.id: 20}


def test_room_that_one_campaign_does_not_use_goes_to_the_others(ledger: Ledger) -> None:
    small = due_rows(ledger, 5, name="small")
    large, other = (due_rows(ledger, 100, name=name) for name in ("large", "other"))
    assert by_campaign(take(ledger, 65)) == {small.id: 5, large.id: 30, other.id: 30}


def test_the_room_of_a_channel_bounds_that_channel_alone(ledger: Ledger) -> None:
    due_rows(ledger, 20)
    assert len(take(ledger, 100, rooms={PHONE: 3, SMS: 0})) == 3
    assert len(take(ledger, 100, rooms={PHONE: 0})) == 0
    assert len(take(ledger, 100, rooms={SMS: 0})) == 17


def test_urgent_campaigns_share_among_themselves_before_the_others(ledger: Ledger) -> None:
    due_rows(ledger, 50, name="bulk", due_at=NOW - timedelta(days=1))
    first = due_rows(ledger, 50, name="first", urgent=True)
    second = due_rows(ledger, 50, name="second", urgent=True)
    assert by_campaign(take(ledger, 40)) == {first.id: 20, second.id: 20}
    assert len(take(ledger, 40, urgent=False)) == 40


@given(
    st.integers(0, 300),
    st.dictionaries(KEYS, st.integers(0, 100), max_size=10),
    st.dictionaries(st.sampled_from(ChannelName), st.integers(0, 60)),
)
def test_shares_use_the_room_and_even_out_what_is_held(
    room: int, held: dict[claims.Key, int], rooms: dict[ChannelName, int]
) -> None:
    shares = share_out(room, held, rooms)
    assert all(share > 0 for share in shares.values())
    assert sum(shares.values()) <= room
    for channel, most in rooms.items():
        assert sum(share for key, share in shares.items() if key[1] is channel) <= most
    free = [key for key in held if key[1] not in rooms]
    if free:
        assert sum(shares.values()) == room
    level = {key: held[key] + shares.get(key, 0) for key in held}
    for key in shares:
        # Whoever got something stands no higher than one above all that could have had it.
        assert all(level[key] <= level[other] + 1 for other in free)


def test_batches_go_out_one_of_each_campaign_in_turn_urgent_ones_first() -> None:
    claimed = [(n, 1, SMS, False) for n in range(5)] + [(n, 2, SMS, False) for n in range(10, 12)]
    claimed += [(20, 3, SMS, True), (30, 1, EMAIL, False)]
    batches = list(in_turn(claimed, lambda channel: 2 if channel is SMS else 100))
    assert batches[0] == (SMS, True, [20])
    assert sorted(batches[1:4]) == [
        (EMAIL, False, [30]),
        (SMS, False, [0, 1]),
        (SMS, False, [10, 11]),
    ]
    assert batches[4:] == [(SMS, False, [2, 3]), (SMS, False, [4])]


class Bounded:
    """Every desk but these is full."""

    def __init__(self, **free: int) -> None:
        self.free = free

    def left(self, scenario_id: int, desk: str) -> int | None:
        return self.free.get(desk, 0)

    def take(self, desk: str, count: int) -> None:
        self.free[desk] -= count


def spread_over_desks(ledger: Ledger, campaign: Campaign, count: int) -> None:
    with ledger.write() as tx:
        tx.exec_driver_sql(
            f"UPDATE deliveries SET desk = 'desk' || (id - (id / {count}) * {count})"
            f" WHERE campaign_id = {campaign.id}"
        )


def test_a_full_desk_is_stepped_over_however_many_wait_for_it(ledger: Ledger) -> None:
    for name in ("one", "two"):
        campaign = crowd(ledger, 3000, name, NOW - timedelta(hours=1))
        with ledger.write() as tx:
            tx.exec_driver_sql("UPDATE deliveries SET desk = 'b' WHERE id - (id / 500) * 500 = 7")
    assert by_campaign(take(ledger, 100, desks=Bounded())) == {}
    shares = by_campaign(take(ledger, 100, desks=Bounded(b=4)))
    assert shares == {campaign.id: 2, campaign.id - 1: 2}
    assert len(take(ledger, 100, desks=Bounded(b=50))) == 8


def test_desks_of_a_campaign_share_its_room(ledger: Ledger) -> None:
    campaign = crowd(ledger, 100, "one", NOW)
    spread_over_desks(ledger, campaign, 4)
    taken = take(ledger, 40)
    with ledger.read() as tx:
        rows = deliveries.load(tx, [row[0] for row in taken])
    assert Counter(row.desk for row in rows.values()) == {f"desk{n}": 10 for n in range(4)}


def test_claiming_and_waking_walk_along_the_index_on_both_databases(ledger: Ledger) -> None:
    for name in ("one", "two"):
        spread_over_desks(ledger, crowd(ledger, 3000, name, NOW - timedelta(hours=1)), 20)
    if not ledger.is_sqlite:
        with ledger.write() as tx:
            tx.exec_driver_sql("ANALYZE deliveries")
    said: list[tuple[str, Any]] = []

    def listen(_c: Any, _cursor: Any, statement: str, given: Any, _x: Any, many: bool) -> None:
        if "deliveries" in statement:
            said.append((statement, given))

    event.listen(ledger.engine, "before_cursor_execute", listen)
    with ledger.write() as tx:
        free = Bounded(desk3=4, desk7=1000)
        assert len(claims.claim_due(tx, NOW, LATER, "claim", 10, desks=free)) == 10
        assert claims.queued_calls(tx).total() == 10
        assert claims.next_due(tx) is not None
    event.remove(ledger.engine, "before_cursor_execute", listen)
    explain = "EXPLAIN QUERY PLAN" if ledger.is_sqlite else "EXPLAIN"
    with ledger.write() as tx:
        for statement, values in said:
            steps = [str(row) for row in tx.exec_driver_sql(f"{explain} {statement}", values)]
            plan = "\n".join(steps)
            assert "SCAN deliveries" not in plan
            assert "Seq Scan on deliveries" not in plan
            if "'pending'" in statement and "ORDER BY" in statement:
                assert "ix_deliveries_due" in plan, f"{statement}\n{plan}"
                # The few that are taken may be put in order; those that wait never.
                assert not [s for s in steps if "Sort Key" in s and "due.id" not in s], plan
                assert "TEMP B-TREE FOR ORDER BY" not in plan
