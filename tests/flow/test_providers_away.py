"""Providers in trouble and campaigns that stop themselves, seen from whole campaigns: who takes
over, who waits, who is told, and that nothing goes round in circles."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from types import MappingProxyType

import pytest
from structlog.testing import capture_logs

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from channels.base import (
    Cause,
    Channel,
    Handover,
    Message,
    Receipt,
    accepted,
    postponed,
    refused,
    uncertain,
)
from channels.health import STREAK
from channels.routing import Providers, Route
from dispatcher import campaigning, health, receipts
from dispatcher.cli import summary
from dispatcher.ledger import circuits, trail
from dispatcher.ledger.campaigns import Campaign, CampaignStatus, get
from dispatcher.ledger.circuits import Circuit, Key
from dispatcher.receipts import Effect
from dispatcher.report import figures
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    ACTOR,
    DAY,
    EMAIL,
    HOUR,
    PHONE,
    SMS,
    Overheard,
    Rehearsal,
    customer,
    patterns,
    scenario_text,
)

MINUTE = timedelta(minutes=1)
NUMBERS = [f"+791600001{n:02}" for n in range(60)]
MANY = [customer(str(n), number) for n, number in enumerate(NUMBERS)]
ANNA = customer("1", NUMBERS[0], "anna@example.com")
AWAY = postponed("no connection", cause=Cause.UNREACHABLE)
BROKE = postponed("no credits", cause=Cause.NO_MONEY)
BY_SMS = scenario_text("sms")
CASCADE = 'kind = "cascade"\ndelay = "1d"\nchannels = ["sms", "email"]'
UNREACHED = patterns(sms={NUMBERS[0]: "undelivered"})

Answer = Callable[[Message], Handover | None]


class Named(Overheard):
    """A provider of this name that answers in its own way, or lets the sandbox answer."""

    def __init__(self, inner: Channel, name: str, answer: Answer) -> None:
        super().__init__(inner, lambda _message: None, lambda _message: None)
        self.provider, self.answer = name, answer
        self.asked: list[str] = []

    async def deliver(self, message: Message) -> Handover:
        self.asked.append(message.contact_point)
        return self.answer(message) or await super().deliver(message)


def set_up(
    rehearsal: Rehearsal,
    channel: ChannelName,
    answers: dict[str, Answer],
    *routes: Route,
) -> dict[str, Named]:
    """Put these providers in the place of the sandbox's one."""
    inner = rehearsal.engine.channels[channel].first
    found = {name: Named(inner, name, answer) for name, answer in answers.items()}
    ways = Providers(MappingProxyType(dict(found)), routes)
    rehearsal.engine.channels = {**rehearsal.engine.channels, channel: ways}
    return found


def well(message: Message) -> Handover:
    return accepted(f"r-{message.contact_point}")


def away(_message: Message) -> Handover:
    return AWAY


def standing(rehearsal: Rehearsal) -> dict[Key, Circuit]:
    with rehearsal.ledger.read() as tx:
        return dict(circuits.standing(tx))


def now_of(rehearsal: Rehearsal, campaign: Campaign) -> Campaign:
    with rehearsal.ledger.read() as tx:
        return get(tx, campaign.id)


# Another provider --------------------------------------------------------------------------------


def test_what_one_provider_certainly_did_not_take_goes_by_the_other_within_seconds(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse()
    ways = set_up(rehearsal, SMS, {"a": away, "b": well})
    rehearsal.launch(MANY, BY_SMS)
    begun = rehearsal.clock.now()
    rehearsal.run(2 * MINUTE)
    assert Counter(ways["b"].asked) == dict.fromkeys(NUMBERS, 1)
    attempts = rehearsal.attempts()
    assert {(a.provider, a.number) for a in attempts} == {("b", 1)}
    assert max(a.started_at for a in attempts) - begun <= 2 * MINUTE
    assert set(standing(rehearsal)) == {(SMS, "a")}


@pytest.mark.parametrize(
    "answer",
    [
        lambda _message: uncertain("no answer after the request was sent"),
        lambda _message: refused(Outcome.FAILED, "not accepted"),
        lambda _message: refused(Outcome.BAD_ADDRESS, "no such number"),
    ],
    ids=["uncertain", "refused", "bad number"],
)
def test_nobody_takes_over_what_may_have_been_sent_or_was_refused(
    rehearse: Rehearse, answer: Answer
) -> None:
    rehearsal = rehearse()
    ways = set_up(rehearsal, SMS, {"a": answer, "b": well}, Route(provider="b", weight=0))
    rehearsal.launch([ANNA], BY_SMS)
    rehearsal.run(5 * MINUTE)
    assert (len(ways["a"].asked), len(ways["b"].asked)) == (1, 0)


def test_a_throttled_message_goes_by_the_other_provider_and_no_circuit_opens(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse()
    throttled = postponed("429", 3600.0, cause=Cause.THROTTLED)
    ways = set_up(rehearsal, SMS, {"a": lambda _message: throttled, "b": well})
    rehearsal.launch(MANY, BY_SMS)
    rehearsal.run(2 * MINUTE)
    assert Counter(ways["b"].asked) == dict.fromkeys(NUMBERS, 1)
    assert not standing(rehearsal)


def test_a_message_that_every_provider_turned_away_waits_as_long_as_the_last_one_asked(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse()
    throttled = postponed("429", 3600.0, cause=Cause.THROTTLED)
    ways = set_up(rehearsal, SMS, dict.fromkeys(("a", "b"), lambda _message: throttled))
    rehearsal.launch([ANNA], BY_SMS)
    rehearsal.run(59 * MINUTE)
    assert [len(way.asked) for way in ways.values()] == [1, 1]
    due_at = rehearsal.row("1", SMS).due_at
    assert due_at is not None
    assert due_at > rehearsal.clock.now()


def test_a_late_receipt_of_one_provider_is_not_taken_for_the_others(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    set_up(rehearsal, SMS, {"b": well})
    rehearsal.launch([ANNA], BY_SMS)
    rehearsal.run(MINUTE)
    late = Receipt(None, f"r-{NUMBERS[0]}", Outcome.UNDELIVERED)
    assert receipts.take(rehearsal.engine, SMS, "a", late, {}) is Effect.UNKNOWN
    assert rehearsal.status("1", SMS) is Status.AWAITING
    assert receipts.take(rehearsal.engine, SMS, "b", late, {}) is Effect.RECORDED


# A circuit ---------------------------------------------------------------------------------------


def test_a_provider_without_a_connection_is_asked_seldom_and_everything_goes_when_it_is_back(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(batch_size=10)
    is_back: list[bool] = []
    ways = set_up(rehearsal, SMS, {"a": lambda message: well(message) if is_back else AWAY})
    rehearsal.launch(MANY, BY_SMS)
    with capture_logs() as lines:
        rehearsal.run(HOUR)
        first_wave = len(ways["a"].asked)
        # Two slices may have been under way in two threads; then one trial after the other.
        assert first_wave < 2 * 2 * 8 + 12
        assert not rehearsal.attempts()
        rows = rehearsal.rows().values()
        assert {row.status for row in rows} == {Status.PENDING}
        assert "provider_away" in {row.reason for row in rows}
        is_back.append(True)
        rehearsal.run(HOUR)
    assert Counter(a.contact_point for a in rehearsal.attempts()) == dict.fromkeys(NUMBERS, 1)
    assert not standing(rehearsal)
    events = [line["event"] for line in lines if line["event"].startswith("provider.")]
    assert events[0] == "provider.away"
    assert events[-1] == "provider.back"
    assert not any(number[2:] in str(lines) for number in NUMBERS)
    with rehearsal.ledger.read() as tx:
        acts = [act.action for act in trail.of(tx, "provider:sms.a")]
    assert acts == events


def test_while_a_provider_is_tried_only_one_message_goes_there(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    ways = set_up(rehearsal, SMS, {"a": away})
    rehearsal.launch(MANY, BY_SMS)
    rehearsal.run(10 * timedelta(seconds=1))
    asked = len(ways["a"].asked)
    circuit = standing(rehearsal)[SMS, "a"]
    rehearsal.clock.move_to(circuit.retry_at + 6 * MINUTE)  # everybody who waits is due
    rehearsal.works.loop.tick()
    rehearsal.work()
    assert len(ways["a"].asked) == asked + 1
    assert standing(rehearsal)[SMS, "a"].openings == circuit.openings + 1


def test_with_the_balance_spent_sms_wait_and_calls_and_letters_go_on(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    paid: list[bool] = []
    ways = set_up(rehearsal, SMS, {"a": lambda message: well(message) if paid else BROKE})
    people = [customer(str(n), NUMBERS[n], f"c{n}@example.com") for n in range(20)]
    campaign = rehearsal.launch(people)
    rehearsal.run(9 * MINUTE)
    assert len(ways["a"].asked) <= 16  # the slice that was under way
    assert {len(rehearsal.taken(PHONE)), len(rehearsal.taken(EMAIL))} == {20}
    with rehearsal.ledger.read() as tx:
        report = figures.of_campaign(tx, campaign.id, rehearsal.clock.now())
    assert [(one.channel, one.reason) for one in report.away] == [(SMS, "no_money")]
    assert "закончились деньги" in summary.circuit_words(report.away[0], "Europe/Moscow")
    paid.append(True)
    with rehearsal.ledger.write() as tx:
        assert health.close_by_hand(tx, (SMS, "a"), "olga", rehearsal.clock.now())
    rehearsal.run(30 * MINUTE)
    assert Counter(a.channel for a in rehearsal.attempts())[SMS] == 20
    assert now_of(rehearsal, campaign).status is not CampaignStatus.PAUSED


def test_a_worker_that_dies_over_the_trial_leaves_it_to_the_next_one(rehearse: Rehearse) -> None:
    rehearsal = rehearse()
    ways = set_up(rehearsal, SMS, {"a": well})
    now = rehearsal.clock.now()
    with rehearsal.ledger.write() as tx:
        circuits.open_(tx, (SMS, "a"), "failures", now - HOUR, now)
        lost = circuits.standing(tx)[SMS, "a"]
        assert circuits.take_probe(tx, lost, now + health.probe_time(rehearsal.engine.settings))
    rehearsal.launch(MANY, BY_SMS)
    rehearsal.run(timedelta(seconds=1))
    assert not ways["a"].asked
    rehearsal.run(30 * MINUTE)
    assert Counter(ways["a"].asked) == dict.fromkeys(NUMBERS, 1)


def test_in_a_cascade_a_channel_that_is_away_is_not_waited_for_even_while_it_is_tried(
    rehearse: Rehearse,
) -> None:
    """The SMS is tried every quarter of an hour, also when the letter's hour has come."""
    rehearsal = rehearse(UNREACHED)
    set_up(rehearsal, SMS, {"a": lambda _message: BROKE})
    campaign = rehearsal.launch([ANNA], scenario_text("sms", "email", order=CASCADE))
    rehearsal.run(DAY - MINUTE)
    rehearsal.rest()
    rehearsal.clock.move_to(campaign.start_at + DAY)
    with rehearsal.ledger.write() as tx:
        # A trial is under way just now, for whomever; Anna's SMS never was one itself.
        tx.exec_driver_sql("UPDATE deliveries SET postponed = 0")
    rehearsal.wake()
    rehearsal.works.loop.tick()
    rehearsal.work()
    assert [one.channel for one in rehearsal.taken()] == [EMAIL]


def test_a_provider_away_for_days_does_not_keep_the_simulated_clock_busy(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse()
    ways = set_up(rehearsal, SMS, {"a": away})
    campaign = rehearsal.launch(MANY, BY_SMS, days=1)
    rehearsal.run(2 * DAY)
    assert now_of(rehearsal, campaign).status is CampaignStatus.COMPLETED
    assert {row.status for row in rehearsal.rows().values()} == {Status.EXPIRED}
    assert len(ways["a"].asked) < 11 * 4 + 60  # a trial each quarter of an hour of the window


def test_four_failures_in_a_row_are_no_reason_to_leave_a_provider_alone(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse()
    set_up(rehearsal, SMS, {"a": away})
    rehearsal.launch(MANY[: STREAK - 1], BY_SMS)
    rehearsal.run(timedelta(seconds=10))
    assert not standing(rehearsal)


# A campaign that stops itself --------------------------------------------------------------------


def test_a_campaign_half_of_whose_attempts_fail_technically_stops_and_says_why(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(pause_min_attempts=20, batch_size=20)
    set_up(rehearsal, SMS, {"a": lambda _message: refused(Outcome.FAILED, "30034")})
    campaign = rehearsal.launch(MANY, BY_SMS)
    with capture_logs() as lines:
        rehearsal.run(DAY + HOUR)
    stopped = now_of(rehearsal, campaign)
    assert stopped.status is CampaignStatus.PAUSED
    assert stopped.note == "failures:60/60"
    assert len(rehearsal.attempts()) == 60  # the second day's were not begun
    [told] = [line for line in lines if line["event"] == "campaign.paused_itself"]
    assert (told["log_level"], told["campaign"]) == ("error", campaign.id)
    with rehearsal.ledger.read() as tx:
        report = figures.of_campaign(tx, campaign.id, rehearsal.clock.now())
        last = trail.of(tx, campaign.subject)[-1]
    assert (last.actor, last.action) == ("loop", "campaign.paused")
    assert summary.facts(report)["note"] == "failures:60/60"


def test_a_resumed_campaign_is_judged_by_what_happens_from_then_on(rehearse: Rehearse) -> None:
    rehearsal = rehearse(pause_min_attempts=20)
    mended: list[bool] = []
    fails = refused(Outcome.FAILED, "30034")
    set_up(rehearsal, SMS, {"a": lambda message: well(message) if mended else fails})
    campaign = rehearsal.launch(MANY, BY_SMS)
    rehearsal.run(DAY + HOUR)
    mended.append(True)
    campaigning.resume(rehearsal.engine, campaign.id, ACTOR)
    rehearsal.run(2 * DAY)
    resumed = now_of(rehearsal, campaign)
    assert (resumed.status, resumed.note) == (CampaignStatus.RUNNING, "")
    assert Counter(a.handed_at is not None for a in rehearsal.attempts())[True] >= len(MANY)


def test_customers_who_are_busy_or_gone_stop_no_campaign(rehearse: Rehearse) -> None:
    fates = {number: ("busy", "bad_number")[n % 2] for n, number in enumerate(NUMBERS)}
    rehearsal = rehearse(patterns(phone=fates), pause_min_attempts=10)
    campaign = rehearsal.launch(MANY, scenario_text("phone"))
    rehearsal.run(DAY)
    assert now_of(rehearsal, campaign).status is CampaignStatus.RUNNING
    assert not standing(rehearsal)


def test_a_campaign_whose_messages_cannot_be_made_stops_before_it_has_given_all_up(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(pause_min_attempts=20, batch_size=10)
    campaign = rehearsal.launch(MANY, BY_SMS)
    with rehearsal.ledger.write() as tx:
        # Somebody mended the list behind the campaign's back: the amounts are gone.
        tx.exec_driver_sql("UPDATE recipients SET fields = '{}'")
    with capture_logs() as lines:
        rehearsal.run(HOUR)
    stopped = now_of(rehearsal, campaign)
    assert stopped.status is CampaignStatus.PAUSED
    assert stopped.note.startswith("words:")
    assert [line["campaign"] for line in lines if line["event"] == "campaign.paused_itself"]
    statuses = Counter(row.status for row in rehearsal.rows().values())
    assert 20 <= statuses[Status.GIVEN_UP] < len(MANY)
