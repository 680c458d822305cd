"""Many rows in one statement mean the same as one statement for each."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DataError

from dispatcher.ledger import Ledger, bulk
from dispatcher.ledger.tables import circuits, trail

AT = datetime(2026, 12, 1, 6, 30, 15, 123456, tzinfo=UTC)


def entries(count: int) -> list[dict[str, object]]:
    return [
        {
            "at": AT + timedelta(seconds=n),
            "actor": f"Ольга \\ «{n}» \"'%s",
            "action": "a",
            "subject": "campaign:1",
            "details": {"rows": n, "пусто": None, "list": ["x", True]},
        }
        for n in range(count)
    ]


def exactly(value: object) -> str:
    """As it is written: 1 and True are equal, and not the same."""
    return json.dumps(value, sort_keys=True, default=str)


def test_rows_come_back_as_they_went_in(ledger: Ledger) -> None:
    rows = entries(300)
    with ledger.write() as tx:
        bulk.insert(tx, trail, rows)
    with ledger.read() as tx:
        found = tx.execute(select(trail).order_by(trail.c.id)).mappings().all()
    assert [{name: row[name] for name in rows[0]} for row in found] == rows


@pytest.mark.parametrize(
    "differ",
    [
        {"at": [AT, AT + timedelta(seconds=1), AT]},
        {"actor": ["a", "b", ""], "subject": ["x", "x", "y"]},
        {"details": [{"n": 1}, {"n": True}, {"n": 1.0}]},
        {},
    ],
    ids=["when", "who", "documents that Python takes for one", "nothing"],
)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_rows_have_in_common_is_theirs_all_the_same(
    ledger: Ledger, differ: dict[str, list[object]], count: int
) -> None:
    [one] = entries(1)
    rows = [one | {name: values[n] for name, values in differ.items()} for n in range(count)]
    with ledger.write() as tx:
        bulk.insert(tx, trail, rows[:1])
        bulk.insert_told(tx, trail, rows[1:], ("id",))
        bulk.insert(tx, trail, rows)
        found = tx.execute(select(trail).order_by(trail.c.id)).mappings().all()
        again = [
            {"id": row["id"], "was": "a", **rows[n % count], "action": "b"}
            for n, row in enumerate(found[:3], 1)
        ]
        changed = bulk.update(tx, trail, again, where={"id": "id", "action": "was"})
        after = tx.execute(select(trail).order_by(trail.c.id)).mappings().all()
    assert [exactly({name: row[name] for name in one}) for row in found] == [
        exactly(row) for row in rows * 2
    ]
    assert changed == len(again)
    assert [exactly(row["details"]) for row in after[:3]] == [
        exactly(row["details"]) for row in again
    ]


def test_inserting_tells_which_row_got_which_id(ledger: Ledger) -> None:
    with ledger.write() as tx:
        told = bulk.insert_told(tx, trail, entries(50), ("id", "actor"))
        kept = {row.id: row.actor for row in tx.execute(select(trail))}
    assert dict(told) == kept
    assert len(kept) == 50


def test_a_row_that_is_there_may_be_left_as_it_is(ledger: Ledger) -> None:
    row = {"channel": "sms", "provider": "a", "opened_at": AT, "retry_at": AT, "openings": 1}
    with ledger.write() as tx:
        bulk.insert(tx, circuits, [row | {"reason": "first"}])
        bulk.insert(
            tx,
            circuits,
            [row | {"reason": "second"}, row | {"provider": "b", "reason": "new"}],
            or_leave=True,
        )
        reasons = {row.provider: row.reason for row in tx.execute(select(circuits))}
    assert reasons == {"a": "first", "b": "new"}


def test_only_rows_that_still_stand_as_expected_are_changed(ledger: Ledger) -> None:
    with ledger.write() as tx:
        ids = [i for (i,) in sorted(bulk.insert_told(tx, trail, entries(3), ("id",)))]
        changed = bulk.update(
            tx,
            trail,
            [
                {"id": ids[0], "was": "a", "action": "b", "at": AT, "details": {"n": 1}},
                {"id": ids[1], "was": "other", "action": "b", "at": AT, "details": {"n": 2}},
            ],
            where={"id": "id", "action": "was"},
        )
        rows = tx.execute(select(trail).order_by(trail.c.id)).all()
    assert changed == 1
    assert [row.action for row in rows] == ["b", "a", "a"]
    assert rows[0].details == {"n": 1}
    assert rows[0].at == AT


def test_among_thousands_of_values_is_one_parameter(ledger: Ledger) -> None:
    with ledger.write() as tx:
        ids = [i for (i,) in bulk.insert_told(tx, trail, entries(10), ("id",))]
        wanted = [*ids[:4], *range(1_000_000, 1_100_000)]
        by_id = tx.execute(select(trail.c.id).where(bulk.among(tx, trail.c.id, wanted)))
        by_word = select(trail.c.id).where(bulk.among(tx, trail.c.action, ["a", "{"]))
        assert sorted(by_id.scalars()) == sorted(ids[:4])
        assert len(tx.execute(by_word).all()) == 10
        assert tx.execute(select(trail.c.id).where(bulk.among(tx, trail.c.id, []))).all() == []


def test_an_instant_of_another_zone_is_the_same_instant(ledger: Ledger) -> None:
    omsk = AT.astimezone(timezone(timedelta(hours=6)))
    with ledger.write() as tx:
        bulk.insert(tx, trail, [entries(1)[0] | {"at": omsk}])
        assert tx.execute(select(trail.c.at)).scalar_one() == AT


def test_an_instant_without_a_zone_is_refused(ledger: Ledger) -> None:
    row = entries(1)[0] | {"at": AT.replace(tzinfo=None)}
    with pytest.raises(Exception, match="zone"), ledger.write() as tx:
        bulk.insert(tx, trail, [row])


def test_what_is_too_long_is_refused_and_not_cut(postgres_url: str) -> None:
    ledger = Ledger(postgres_url)
    with pytest.raises(DataError), ledger.write() as tx:
        bulk.insert(tx, trail, [entries(1)[0] | {"action": "a" * 41}])
    ledger.close()
