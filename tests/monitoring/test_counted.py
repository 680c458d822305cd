"""What a process counts, while a campaign goes its way."""

from pathlib import Path

import pytest
from prometheus_client import generate_latest

from campaigns.channel import ChannelName
from campaigns.outcome import Outcome
from channels.base import Cause, Handover, postponed
from dispatcher import metrics
from dispatcher.handing_over import STOPPED
from dispatcher.last_look import DECIDED, UNKNOWN
from dispatcher.lines import OWN_LIMIT
from dispatcher.own_reasons import OwnReason
from dispatcher.record import Finding, record
from tests.channels.servers import closed_port
from tests.trouble.house import House, customer, living, mail_channel
from tests.trouble.servers import PostOffice

EMAIL = ChannelName.EMAIL


def counted(name: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(f"dispatcher_{name}", labels) or 0.0


def campaign(house: House, people: int) -> None:
    house.import_rows([customer(n) for n in range(people)])
    house.launch(EMAIL)
    house.turn()


def test_letters_that_a_server_takes_are_counted_and_timed(tmp_path: Path) -> None:
    mail = {"channel": "email", "provider": "smtp"}
    name = "handover_seconds_count"
    handed = counted(name, kind="accepted", **mail)
    with PostOffice() as server, living(tmp_path, {EMAIL: mail_channel(server.port)}) as house:
        batches = counted("batch_seconds_count", channel="email")
        campaign(house, 3)
    assert counted(name, kind="accepted", **mail) == handed + 3
    assert counted("batch_seconds_count", channel="email") == batches + 1


def test_an_outcome_is_counted_once_though_it_is_told_twice(tmp_path: Path) -> None:
    told = {"channel": "email", "provider": "smtp", "outcome": "bounced", "positive": "false"}
    before = counted("attempts_ended_total", **told)
    with PostOffice() as server, living(tmp_path, {EMAIL: mail_channel(server.port)}) as house:
        house.import_rows([customer(1)])
        launched = house.launch(EMAIL)
        house.turn()
        [attempt] = house.attempts(launched)
        finding = Finding(attempt.id, Outcome.BOUNCED, house.clock.now())
        for _time in range(2):
            with house.engine.ledger.write() as tx:
                record(tx, house.engine, [finding], house.clock.now())
    assert counted("attempts_ended_total", **told) == before + 1


def test_messages_that_no_server_took_are_counted_by_the_reason(tmp_path: Path) -> None:
    told = {"channel": "email", "provider": "smtp", "reason": "unreachable"}
    before = counted("postponed_total", **told)
    with living(tmp_path, {EMAIL: mail_channel(closed_port())}) as house:
        campaign(house, 2)
    assert counted("postponed_total", **told) == before + 2


@pytest.mark.parametrize("cause", Cause)
def test_a_provider_s_reason_is_a_word_of_a_closed_set(cause: Cause) -> None:
    handover = postponed("550 mailbox +79161234567 is odd", cause=cause)
    assert metrics.postponed_for(handover, asked=True) == cause.value


def test_whatever_else_a_provider_says_has_one_word_for_it() -> None:
    odd = postponed("450 anna@example.com: later")
    assert metrics.postponed_for(odd, asked=True) == "other"
    assert metrics.postponed_for(odd, asked=False) == "other"
    full = postponed("452 full", about_recipient=True, cause=Cause.THROTTLED)
    assert metrics.postponed_for(full, asked=True) == "recipient"


@pytest.mark.parametrize("reason", OwnReason)
def test_each_reason_of_our_own_has_its_word(reason: OwnReason) -> None:
    word = metrics.postponed_for(postponed(reason), asked=False)
    assert word == reason.name.lower()


@pytest.mark.parametrize(
    ("held_back", "word"),
    [
        (STOPPED, "stopped"),  # each restart of a worker
        (DECIDED, "decided"),
        (UNKNOWN, "ledger_away"),
        (postponed(OWN_LIMIT), "pace"),
    ],
)
def test_what_is_held_back_is_counted_under_its_reason(held_back: Handover, word: str) -> None:
    assert metrics.postponed_for(held_back, asked=False) == word


def test_no_figure_tells_of_anybody(tmp_path: Path) -> None:
    with PostOffice() as server, living(tmp_path, {EMAIL: mail_channel(server.port)}) as house:
        campaign(house, 3)
    told = generate_latest(metrics.REGISTRY).decode()
    assert "dispatcher_handover_seconds_bucket" in told
    for word in ("@", "+7916", "7000000", "Анна"):
        assert word not in told
