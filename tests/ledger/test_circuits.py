"""Providers that are left alone, as all processes see them; campaigns that stop themselves."""

import threading
from datetime import timedelta

import pytest

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from dispatcher.ledger import Ledger, attempts, campaigns, circuits, trail
from dispatcher.ledger.attempts import Ending, Opening
from dispatcher.ledger.campaigns import CampaignStatus, Run, Stopped, Why
from dispatcher.ledger.circuits import Circuit
from tests.ledger.making import ACTOR, NOW, SMS, due_rows

KEY = (SMS, "smsaero")
RETRY_AT, UNTIL = NOW + timedelta(seconds=30), NOW + timedelta(minutes=1)


def open_one(ledger: Ledger) -> Circuit:
    with ledger.write() as tx:
        assert circuits.open_(tx, KEY, "no_money", NOW, RETRY_AT)
        return circuits.standing(tx)[KEY]


def test_a_circuit_opens_once_however_many_processes_find_the_trouble(ledger: Ledger) -> None:
    opened = open_one(ledger)
    with ledger.write() as tx:
        assert not circuits.open_(tx, KEY, "failures", UNTIL, UNTIL)
        assert circuits.standing(tx) == {KEY: opened}
    assert (opened.retry_at, opened.openings, opened.reason) == (RETRY_AT, 1, "no_money")


def test_of_many_workers_one_alone_tries_a_provider(ledger: Ledger) -> None:
    opened, won = open_one(ledger), []
    begin = threading.Barrier(8)

    def attempt() -> None:
        begin.wait()
        if ledger.insist(lambda tx: circuits.take_probe(tx, opened, UNTIL)):
            won.append(True)

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [True]


def test_a_trial_that_was_overtaken_changes_nothing(ledger: Ledger) -> None:
    opened = open_one(ledger)
    with ledger.write() as tx:
        assert circuits.take_probe(tx, opened, UNTIL)
        assert not circuits.reopen(tx, opened, "slow", UNTIL)
        assert not circuits.close(tx, KEY, RETRY_AT)
        assert circuits.standing(tx)[KEY].retry_at == UNTIL


def test_a_failed_trial_makes_it_another_opening_in_the_row_and_a_good_one_ends_it(
    ledger: Ledger,
) -> None:
    opened = open_one(ledger)
    with ledger.write() as tx:
        assert circuits.reopen(tx, opened, "slow", UNTIL)
        again = circuits.standing(tx)[KEY]
        assert (again.openings, again.reason, again.opened_at) == (2, "slow", NOW)
        assert circuits.close(tx, KEY, UNTIL)
        assert not circuits.standing(tx)
        assert not circuits.close(tx, KEY)


@pytest.mark.parametrize("note", ["", "failures:1", "failures:1/2 ", "else:1/2", "failures:-1/2"])
def test_what_is_no_note_of_ours_is_read_as_none(note: str) -> None:
    assert Stopped.read(note) is None


def test_a_note_is_read_back_as_it_was_written() -> None:
    for why in Why:
        stopped = Stopped(why, 57, 100)
        assert Stopped.read(str(stopped)) == stopped


def test_a_campaign_that_stops_itself_stops_once_and_staff_begin_the_count_anew(
    ledger: Ledger,
) -> None:
    campaign = due_rows(ledger, 1)
    why = Stopped(Why.FAILURES, 57, 100)
    with ledger.write() as tx:
        [run] = campaigns.running(tx)
        assert campaigns.stop_itself(tx, run, why, "loop", NOW)
        assert not campaigns.stop_itself(tx, run, why, "loop", NOW)
        stopped = campaigns.get(tx, campaign.id)
        assert (stopped.status, stopped.note) == (CampaignStatus.PAUSED, "failures:57/100")
        assert not campaigns.running(tx)
        resumed = campaigns.change(tx, stopped, CampaignStatus.RUNNING, ACTOR, UNTIL)
        assert (resumed.note, resumed.judged_from) == ("", UNTIL)
        # What was found before staff looked must not stop it again.
        assert not campaigns.stop_itself(tx, run, why, "loop", UNTIL)
        acts = [(act.actor, act.action) for act in trail.of(tx, campaign.subject)]
    assert acts[-2:] == [("loop", "campaign.paused"), (ACTOR, "campaign.running")]


def test_the_last_attempts_that_are_over_are_counted_from_where_staff_resumed(
    ledger: Ledger,
) -> None:
    campaign = due_rows(ledger, 9)
    outcomes = [Outcome.FAILED] * 3 + [Outcome.DELIVERED] * 3 + [None] * 3
    with ledger.write() as tx:
        for n, outcome in enumerate(outcomes):
            at = NOW + timedelta(minutes=n)
            opening = Opening(n + 1, 1, campaign.id, ChannelName.SMS, "+7", "smsaero", "UTC")
            [attempt_id] = attempts.open_many(tx, [opening], at).values()
            if outcome is not None:
                ending = Ending(attempt_id, outcome, False, at, None, "", None, None)
                attempts.end(tx, [ending])

        def recent(last: int, judged_after_minutes: int | None = None) -> list[Outcome | None]:
            since = None
            if judged_after_minutes is not None:
                since = NOW + timedelta(minutes=judged_after_minutes)
            return list(campaigns.recent_outcomes(tx, Run(campaign.id, since), last))

        assert recent(100) == [Outcome.DELIVERED] * 3 + [Outcome.FAILED] * 3
        assert recent(4) == [Outcome.DELIVERED] * 3 + [Outcome.FAILED]
        assert recent(100, judged_after_minutes=2) == [Outcome.DELIVERED] * 3
        assert recent(100, judged_after_minutes=8) == []


def test_a_few_who_fail_again_and_again_count_once_each(ledger: Ledger) -> None:
    campaign = due_rows(ledger, 3)
    with ledger.write() as tx:
        for number in range(1, 8):
            at = NOW + timedelta(days=number)
            opening = Opening(1, number, campaign.id, ChannelName.SMS, "+7", "smsaero", "UTC")
            [attempt_id] = attempts.open_many(tx, [opening], at).values()
            outcome = Outcome.UNDELIVERED if number < 7 else Outcome.FAILED
            attempts.end(tx, [Ending(attempt_id, outcome, False, at, None, "", None, None)])
        assert campaigns.recent_outcomes(tx, Run(campaign.id, None), 100) == [Outcome.FAILED]
