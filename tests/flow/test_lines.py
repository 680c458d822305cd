"""Calls at once: by provider account and by desk, exact over all workers; nobody asks in vain."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from campaigns.delivery import Status
from campaigns.desk import Desk, Desks
from campaigns.outcome import Outcome
from campaigns.recipient import Recipient
from channels.base import CallMessage, Message
from dispatcher.errors import BadSetting
from dispatcher.ledger import claims, lines, open_ledger
from dispatcher.lines import OWN_LIMIT
from dispatcher.opening import open_batch
from dispatcher.pacing import ProviderLimit
from dispatcher.wiring import make_engine
from templates.call import Action
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    DAY,
    EMAIL,
    HOUR,
    PHONE,
    SMS,
    Rehearsal,
    customer,
    open_rehearsal,
    scenario_text,
    settings_for,
)
from tests.flow.talking import Talk, talk_scenario

TOMSK = "Томское отделение"
OPERATOR = "+73822000000"


def people(count: int, branch: str = "") -> list[Recipient]:
    return [
        replace(customer(f"{branch}{n}", f"+7916{len(branch):03}{n:04}", row=n + 2), branch=branch)
        for n in range(count)
    ]


class Watched:
    """The most calls that were under way at any time, and what each of them offered."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.rehearsal = rehearsal
        self.most: Counter[str] = Counter()
        self.offered: list[bool] = []
        rehearsal.overhear(PHONE, before=self.look)

    def look(self, message: Message) -> None:
        assert isinstance(message, CallMessage)
        self.offered.append(message.script.offers(Action.OPERATOR))
        with self.rehearsal.ledger.read() as tx:
            by_provider, by_desk = lines.under_way(tx, self.rehearsal.clock.now())
        for name, count in (*by_provider.items(), *((k, v.calls) for k, v in by_desk.items())):
            self.most[name] = max(self.most[name], count)


def with_desks(rehearsal: Rehearsal, default: Desk, branches: Mapping[str, Desk]) -> Watched:
    rehearsal.engine.desks = Desks(default, branches)
    return Watched(rehearsal)


def test_no_more_calls_at_once_than_the_account_bears_and_everybody_is_called(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(limits={"phone.twilio": ProviderLimit(at_once=3)})
    watched = Watched(rehearsal)
    rehearsal.launch(people(20), scenario_text("phone"))
    rehearsal.run(2 * HOUR)
    assert len(rehearsal.taken(PHONE)) == 20
    assert watched.most["twilio"] == 3
    rows = rehearsal.rows().values()
    assert {row.status for row in rows} == {Status.POSITIVE}
    # To wait for a line is no attempt, and no fault of the provider's.
    assert {(row.attempts, row.postponed) for row in rows} == {(1, 0)}


def test_each_desk_has_its_own_lines_and_the_rest_share_the_default(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    watched = with_desks(rehearsal, Desk(lines=2), {TOMSK: Desk(lines=1)})
    rehearsal.launch(people(6, TOMSK) + people(6, "Омск"), scenario_text("phone"))
    rehearsal.run(2 * HOUR)
    assert len(rehearsal.taken(PHONE)) == 12
    assert (watched.most[TOMSK], watched.most[""]) == (1, 2)
    assert {a.desk for a in rehearsal.attempts()} == {TOMSK, ""}


def test_while_operators_are_there_no_more_are_called_than_they_can_be_expected_to_bear(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse()
    desk = Desk(operator=OPERATOR, operators=1, expected_share=0.5)
    watched = with_desks(rehearsal, desk, {})
    rehearsal.launch(people(10), scenario_text("phone"))
    rehearsal.run(2 * HOUR)
    assert len(rehearsal.taken(PHONE)) == 10
    assert all(watched.offered)
    assert watched.most["twilio"] == 2


def test_outside_operator_hours_the_key_is_not_offered_and_operators_bound_nothing(
    rehearse: Rehearse,
) -> None:
    saturday = datetime(2026, 9, 5, 7, 0, tzinfo=UTC)
    rehearsal = rehearse(start_at=saturday)
    desk = Desk(operator=OPERATOR, operators=1, expected_share=0.5)
    watched = with_desks(rehearsal, desk, {})
    rehearsal.launch(people(10), scenario_text("phone"))
    rehearsal.run(HOUR)
    assert len(rehearsal.taken(PHONE)) == 10
    assert not any(watched.offered)


def test_without_any_desk_no_call_offers_an_operator(rehearsal: Rehearsal) -> None:
    watched = Watched(rehearsal)
    rehearsal.launch(people(2), scenario_text("phone"))
    rehearsal.run(HOUR)
    assert watched.offered == [False, False]


def test_a_desk_without_lines_calls_nobody_until_it_has_one(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    with_desks(rehearsal, Desk(), {TOMSK: Desk(lines=0)})
    rehearsal.launch(people(2, TOMSK) + people(2), scenario_text("phone"))
    rehearsal.run(HOUR)
    assert len(rehearsal.taken(PHONE)) == 2
    waiting = rehearsal.row(f"{TOMSK}0")
    # Not even looked at: nothing is written about it again and again.
    assert (waiting.status, waiting.reason, waiting.attempts) == (Status.PENDING, "", 0)
    assert waiting.due_at == rehearsal.campaigns[0].start_at
    rehearsal.engine.desks = Desks()
    rehearsal.run(HOUR)
    assert len(rehearsal.taken(PHONE)) == 4


def test_in_a_cascade_who_waits_for_a_line_is_not_passed_over_by_the_next_channel(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(limits={"phone.twilio": ProviderLimit(at_once=1)})
    order = 'kind = "cascade"\nchannels = ["phone", "sms"]\ndelay = "2d"'
    rehearsal.launch(people(5), scenario_text("phone", "sms", order=order, top='stop_on = "any"'))
    rehearsal.run(DAY)
    assert len(rehearsal.taken(PHONE)) == 5
    assert rehearsal.taken(SMS) == []


def test_a_turn_that_would_come_too_late_is_no_attempt_and_nobodys_fault(
    rehearse: Rehearse,
) -> None:
    class Full:
        """Whoever comes first is told to come again."""

        def __init__(self) -> None:
            self.told: set[int] = set()

        async def turn(self, campaign_id: int, *, urgent: bool) -> float | None:
            if len(self.told) == 3:
                return None
            self.told.add(len(self.told))
            return 30.0

    rehearsal = rehearse()
    rehearsal.engine.pacers = {(PHONE, "twilio"): Full()}
    reasons: list[str] = []
    rehearsal.launch(people(3), scenario_text("phone"))
    rehearsal.works.loop.tick()
    rehearsal.work()
    rows = rehearsal.rows().values()
    reasons = [row.reason for row in rows]
    assert reasons == [OWN_LIMIT] * 3
    assert {(row.status, row.attempts, row.postponed) for row in rows} == {(Status.PENDING, 0, 0)}
    rehearsal.run(HOUR)
    assert len(rehearsal.taken(PHONE)) == 3


@pytest.mark.parametrize("round_number", range(3))
def test_workers_on_postgresql_that_open_at_once_never_take_the_last_line_both(
    tmp_path: Path, postgres_url: str, round_number: int
) -> None:
    opened = open_rehearsal(
        tmp_path, postgres_url, limits={"phone.twilio": ProviderLimit(at_once=5)}
    )
    rehearsal = opened.rehearsal
    try:
        rehearsal.rest()
        for part in range(4):
            rehearsal.launch(people(8, "x" * part), scenario_text("phone"))
        rehearsal.engine.settings = rehearsal.engine.settings.model_copy(update={"limits": {}})
        now = rehearsal.clock.now()
        rehearsal.works.loop.tick()
        with rehearsal.ledger.write() as tx:
            claims.release_all(tx, now)
            taken = claims.claim_due(tx, now, now + HOUR, "mine", 100)
        rehearsal.engine.settings = rehearsal.engine.settings.model_copy(
            update={"limits": {"phone.twilio": ProviderLimit(at_once=5)}}
        )
        parts = [[row[0] for row in taken][n::4] for n in range(4)]
        lease = timedelta(minutes=5)

        def open_part(ids: Sequence[int]) -> int:
            def act(tx: object) -> int:
                return len(
                    open_batch(
                        tx,  # type: ignore[arg-type]
                        rehearsal.engine,
                        PHONE,
                        ids,
                        "mine",
                        now,
                        now + lease,
                    )
                )

            return rehearsal.ledger.insist(act)

        with ThreadPoolExecutor(4) as threads:
            counts = list(threads.map(open_part, parts))
        assert sum(counts) == 5
        with rehearsal.ledger.read() as tx:
            by_provider, _by_desk = lines.under_way(tx, rehearsal.clock.now())
        assert by_provider["twilio"] == 5
    finally:
        opened.close()


@pytest.mark.parametrize(
    ("account", "limit"),
    [
        ("phone.twillio", {"per_second": 1}),
        ("fax.twilio", {"per_second": 1}),
        ("phone", {"per_second": 1}),
        ("email.smtp", {"at_once": 3}),
    ],
)
def test_a_limit_that_nothing_would_obey_is_a_bad_setting(
    tmp_path: Path, account: str, limit: Mapping[str, float]
) -> None:
    settings = settings_for(
        tmp_path,
        f"sqlite:///{tmp_path}/ledger.sqlite3",
        limits={account: limit},
        twilio_account_sid="AC" + "0" * 32,
        twilio_auth_token="token",
        caller_id="+74951000000",
        smtp_host="127.0.0.1",
        mail_from="info@example.com",
    )
    with pytest.raises(BadSetting):
        make_engine(settings)


@pytest.mark.parametrize(
    ("limits", "most"),
    [
        ({"sms.smsaero": ProviderLimit(per_second=1)}, 20 + 5),
        ({"sms.smsaero": ProviderLimit(per_second=0.01)}, 1),
        ({}, 60),
    ],
)
def test_no_more_is_claimed_than_can_go_in_a_while(
    rehearse: Rehearse, limits: Mapping[str, ProviderLimit], most: int
) -> None:
    rehearsal = rehearse(limits=limits)
    rehearsal.rest()
    rehearsal.launch(people(60), scenario_text("sms"))
    assert rehearsal.works.loop.tick().claimed == most
    assert rehearsal.works.loop.tick().claimed == 0


def test_while_the_farewell_is_spoken_the_line_is_taken_and_then_it_is_free(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(limits={"phone.twilio": ProviderLimit(at_once=1)})
    with_desks(rehearsal, Desk(lines=1), {})
    rehearsal.launch(people(2), talk_scenario(rehearsal))
    rehearsal.works.loop.tick()
    rehearsal.work()
    Talk(rehearsal, "0").press("1")
    assert [a.outcome for a in rehearsal.attempts()] == [Outcome.KEY_PRESSED]
    placed = []
    for _second in range(20):
        rehearsal.clock.move_to(rehearsal.clock.now() + timedelta(seconds=1))
        rehearsal.works.loop.tick()
        rehearsal.work()
        placed.append(len(rehearsal.taken(PHONE)))
    assert placed == [1] * 14 + [2] * 6


@pytest.mark.parametrize("kind", ["sqlite_url", "postgres_url"])
def test_lines_are_counted_along_an_index(request: pytest.FixtureRequest, kind: str) -> None:
    ledger = open_ledger(request.getfixturevalue(kind))
    asked: list[tuple[str, object]] = []

    def note(*said: object) -> None:
        asked.append((str(said[2]), said[3]))

    with ledger.write() as tx:
        if not ledger.is_sqlite:
            tx.exec_driver_sql("SET LOCAL enable_seqscan = off")  # the table is empty
        event.listen(ledger.engine, "before_cursor_execute", note)
        lines.under_way(tx, datetime(2026, 9, 7, tzinfo=UTC))
        lines.with_operator(tx, "", datetime(2026, 9, 7, tzinfo=UTC))
        lines.calls_by_campaign(tx, datetime(2026, 9, 7, tzinfo=UTC))
        event.remove(ledger.engine, "before_cursor_execute", note)
        explain = "EXPLAIN QUERY PLAN" if ledger.is_sqlite else "EXPLAIN"
        plans = [
            "\n".join(str(row) for row in tx.exec_driver_sql(f"{explain} {said}", values))  # type: ignore[arg-type]
            for said, values in asked
            if "pg_advisory" not in said
        ]
    ledger.close()
    # PostgreSQL may take any index of the open ones: on an empty table they cost the same.
    is_open: tuple[str, ...] = ("ix_attempts_open_desk",)
    if kind == "postgres_url":
        is_open = (*is_open, "uq_attempts_one_open")
    open_and_in_doubt = [is_open, ("ix_attempts_in_doubt",)]
    wanted = [*open_and_in_doubt, ("ix_attempts_farewell",), *open_and_in_doubt, *open_and_in_doubt]
    found = [any(name in plan for name in names) for names, plan in zip(wanted, plans, strict=True)]
    assert found == [True] * 7, plans


def test_the_channels_of_the_other_kinds_have_no_lines(rehearsal: Rehearsal) -> None:
    rehearsal.engine.desks = Desks(Desk(lines=0))
    rehearsal.launch([customer("1", "a@example.com", "+79160000001")], scenario_text("email"))
    rehearsal.run(HOUR)
    assert len(rehearsal.taken(EMAIL)) == 1
