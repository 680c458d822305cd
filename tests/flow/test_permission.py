"""May we, at this very instant? What happened between planning and sending is honoured."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns.channel import ChannelName, ContactKind, Purpose
from campaigns.consent import Suppression
from campaigns.delivery import Status
from campaigns.recipient import Consent, ContactPoint, Recipient
from dispatcher import campaigning
from dispatcher.ledger import calendar, suppressions
from dispatcher.ledger.campaigns import Campaign, CampaignStatus
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    ACTOR,
    DAY,
    EMAIL,
    HOUR,
    MONDAY,
    PHONE,
    SMS,
    WEEK,
    Rehearsal,
    customer,
    patterns,
    scenario_text,
)

ANNA = customer("1", "+79160000001", "anna@example.com")
Act = Callable[[Rehearsal, Campaign], object]


def suppress(account: str | None = None, point: str | None = None) -> Act:
    def act(rehearsal: Rehearsal, _campaign: Campaign) -> None:
        stop = Suppression("asked", account_number=account, contact_point=point)
        with rehearsal.ledger.write() as tx:
            suppressions.add(tx, stop, ACTOR, rehearsal.clock.now())

    return act


def test_each_reason_to_skip_is_told(rehearsal: Rehearsal) -> None:
    suppress("stopped")(rehearsal, None)  # type: ignore[arg-type]
    refused = replace(ANNA, account_number="refused", consents=(Consent(False),))
    fixed = ContactPoint("+74951234567", ContactKind.FIXED)
    people = [
        customer("nobody"),
        Recipient(4, "landline", (fixed,), fields={"debt_kopecks": 5}),
        refused,
        customer("stopped", "+79160000002"),
        customer("paid", "+79160000003", debt=0),
        Recipient(8, "unknown", (ContactPoint("+79160000004", ContactKind.MOBILE),)),
        customer("a", "+79160000005"),
        customer("b", "+79160000005"),
    ]
    rehearsal.launch(people, scenario_text("phone", "sms"))
    rows = rehearsal.rows()
    assert len(rows) == len(people) * 2
    assert {account: rows[account, SMS].reason for account, _channel in rows} == {
        "nobody": "no_contact_point",
        "landline": "bad_number_type",
        "refused": "no_consent",
        "stopped": "suppressed",
        "paid": "nothing_due",
        "unknown": "missing_field",
        "a": "",
        "b": "merged",
    }
    assert rows["landline", PHONE].status is Status.PENDING


def test_marketing_goes_only_to_those_who_agreed(rehearsal: Rehearsal) -> None:
    agreed = replace(customer("yes", "+79160000002"), consents=(Consent(True, Purpose.MARKETING),))
    text = scenario_text(
        "sms",
        template="service-offer",
        purpose="marketing",
        fields="[]",
        top="""
[values]
offer_subject = "Тема"
offer = "Заменим счётчик за один визит."
offer_details = "Подробности на сайте."
""",
    )
    rehearsal.launch([ANNA, agreed], text)
    rehearsal.run(DAY)
    assert [one.contact_point for one in rehearsal.taken()] == ["+79160000002"]
    assert rehearsal.row("1", SMS).reason == "no_consent"


def pause(rehearsal: Rehearsal, campaign: Campaign) -> None:
    campaigning.pause(rehearsal.engine, campaign.id, ACTOR)


def cancel(rehearsal: Rehearsal, campaign: Campaign) -> None:
    campaigning.cancel(rehearsal.engine, campaign.id, ACTOR)


def settle(rehearsal: Rehearsal, campaign: Campaign) -> None:
    campaigning.settle(rehearsal.engine, campaign.id, ["1"], ACTOR)


@pytest.mark.parametrize("when", ["planned", "claimed"])
@pytest.mark.parametrize(
    ("act", "becomes"),
    [
        (suppress(account="1"), Status.WITHDRAWN),
        (suppress(point="+79160000001"), Status.WITHDRAWN),
        (pause, Status.PENDING),
        (cancel, Status.CANCELLED),
        (settle, Status.SETTLED),
    ],
    ids=["account", "number", "pause", "cancel", "settle"],
)
def test_what_was_decided_after_planning_is_honoured_at_the_instant_of_sending(
    rehearsal: Rehearsal, act: Act, becomes: Status, when: str
) -> None:
    campaign = rehearsal.launch([ANNA], scenario_text("phone"))
    if when == "claimed":
        rehearsal.rest()
        rehearsal.works.loop.tick()
        assert rehearsal.status("1") is Status.QUEUED
        act(rehearsal, campaign)
        rehearsal.wake()
        rehearsal.work()
    else:
        act(rehearsal, campaign)
        rehearsal.run(HOUR)
    assert rehearsal.status("1") is becomes
    assert not rehearsal.taken()
    assert not rehearsal.attempts()


def test_a_paused_campaign_goes_on_where_it_stood(rehearsal: Rehearsal) -> None:
    campaign = rehearsal.launch([ANNA], scenario_text("phone"))
    pause(rehearsal, campaign)
    rehearsal.run(HOUR)
    campaigning.resume(rehearsal.engine, campaign.id, ACTOR)
    rehearsal.run(HOUR)
    assert rehearsal.status("1") is Status.POSITIVE


def test_only_the_stopped_number_of_two_is_left_alone(rehearse: Rehearse) -> None:
    rehearsal = rehearse(patterns(phone={"+79160000001": "busy", "+79160000002": "busy"}))
    people = [customer("1", "+79160000001", "+79160000002")]
    campaign = rehearsal.launch(people, scenario_text("phone"))
    suppress(point="+79160000002")(rehearsal, campaign)
    rehearsal.run(DAY)
    assert {one.contact_point for one in rehearsal.taken()} == {"+79160000001"}


@pytest.mark.parametrize(
    "again",
    [customer("1", "+79160000002"), customer("2", "+79160000001")],
    ids=["same customer", "same number"],
)
def test_seven_days_after_a_positive_call_hold_across_campaigns(
    rehearsal: Rehearsal, again: Recipient
) -> None:
    text = scenario_text("phone")
    rehearsal.launch([ANNA], text)
    rehearsal.run(HOUR)
    [first] = rehearsal.attempts()
    second = rehearsal.launch([again], text)
    rehearsal.run(WEEK + 2 * DAY)
    [later] = rehearsal.attempts(second)
    assert first.ended_at is not None
    assert later.started_at - first.ended_at >= WEEK


@pytest.mark.parametrize(("rules", "waits"), [("", True), ('quiet_after_positive = "0s"', False)])
def test_an_emergency_that_waits_for_the_quiet_time_says_so_before_it_is_launched(
    rehearsal: Rehearsal, rules: str, waits: bool
) -> None:
    rehearsal.launch([ANNA], scenario_text("phone"))
    rehearsal.run(HOUR)
    urgent = scenario_text(
        "phone", purpose="emergency", top="urgent = true", rules={"phone": rules}
    )
    name = rehearsal.store([ANNA, customer("2", "+79160000002", row=3)], urgent)
    expected = {PHONE: 1} if waits else {}
    shown = campaigning.preview(rehearsal.engine, "trial", name, "olga")
    assert shown.held_back == expected
    told: dict[ChannelName, int] = {}
    campaigning.launch(rehearsal.engine, "trial", name, "olga", told_held_back=told.update)
    assert told == expected


def test_who_only_waits_for_the_morning_is_not_told_as_held_back(rehearsal: Rehearsal) -> None:
    name = rehearsal.store([ANNA], scenario_text("phone"))
    night = rehearsal.clock.now() + DAY
    night = night.replace(hour=1)
    shown = campaigning.preview(
        rehearsal.engine, "trial", name, "olga", start_at=night, end_at=night + WEEK
    )
    assert shown.held_back == {}


@pytest.mark.parametrize(
    "again",
    [customer("1", "+79160000002"), customer("2", "+79160000001")],
    ids=["same customer", "same number"],
)
def test_seven_days_hold_for_two_campaigns_that_begin_at_once(
    rehearsal: Rehearsal, again: Recipient
) -> None:
    text = scenario_text("phone")
    both = [rehearsal.launch([ANNA], text), rehearsal.launch([again], text)]
    rehearsal.run(WEEK + 2 * DAY)
    found = [attempt for campaign in both for attempt in rehearsal.attempts(campaign)]
    first, later = sorted(found, key=lambda attempt: attempt.started_at)
    assert first.ended_at is not None
    assert later.started_at - first.ended_at >= WEEK


def test_a_cap_of_one_sms_a_day_holds_across_campaigns(rehearse: Rehearse) -> None:
    rehearsal = rehearse(max_per_day={ChannelName.SMS: 1})
    text = scenario_text("sms")
    both = [rehearsal.launch([ANNA], text) for _ in range(2)]
    rehearsal.run(2 * DAY)
    [first], [later] = (rehearsal.attempts(campaign) for campaign in both)
    assert abs(later.started_at - first.started_at) >= DAY


ZONES = ("Europe/Kaliningrad", "Europe/Moscow", "Asia/Yekaterinburg", "Asia/Kamchatka")


def test_nobody_is_called_or_texted_outside_ten_and_twenty_one_of_their_own_time(
    rehearse: Rehearse,
) -> None:
    points = {f"+7916000000{n}": zone for n, zone in enumerate(ZONES)}
    busy = dict.fromkeys(points, "no_answer")
    rehearsal = rehearse(patterns(phone=busy, sms=dict.fromkeys(points, "undelivered")))
    people = [customer(zone, point, zone=zone) for point, zone in points.items()]
    rehearsal.launch(people, scenario_text("phone", "sms"), start_at=MONDAY - 7 * HOUR)
    rehearsal.run(3 * DAY)
    locals_ = [
        (one.received_at.astimezone(ZoneInfo(points[one.contact_point]))).hour
        for one in rehearsal.taken()
    ]
    assert len(locals_) >= 3 * len(ZONES) * 3
    assert min(locals_) == 10
    assert max(locals_) <= 20


@pytest.mark.parametrize("lifted", [False, True])
def test_the_fourth_of_november_is_skipped_unless_staff_say_otherwise(
    rehearse: Rehearse, lifted: bool
) -> None:
    eve = datetime(2026, 11, 3, 17, 0, tzinfo=UTC)  # 20:00 in Moscow
    rehearsal = rehearse(patterns(phone={"+79160000001": "busy"}), start_at=eve)
    if lifted:
        with rehearsal.ledger.write() as tx:
            calendar.correct(tx, date(2026, 11, 4), False, "works", ACTOR, eve)
    rehearsal.launch([ANNA], scenario_text("phone"))
    rehearsal.run(2 * DAY)
    moscow = ZoneInfo("Europe/Moscow")
    days = {one.received_at.astimezone(moscow).day for one in rehearsal.taken()}
    assert days == ({3, 4, 5} if lifted else {3, 5})


def test_a_holiday_declared_after_planning_is_honoured(rehearsal: Rehearsal) -> None:
    rehearsal.launch([ANNA], scenario_text("phone", "email"))
    with rehearsal.ledger.write() as tx:
        calendar.correct(tx, MONDAY.date(), True, "mourning", ACTOR, MONDAY)
    rehearsal.run(timedelta(hours=23))
    assert not rehearsal.taken(PHONE)
    assert rehearsal.taken(EMAIL)
    rehearsal.run(DAY)
    [call] = rehearsal.taken(PHONE)
    assert call.received_at == MONDAY + DAY


def test_a_batch_that_is_late_does_not_send_at_the_closing_hour(rehearse: Rehearse) -> None:
    """Opened at 20:59:59, and the clock strikes while the first message is handed over."""
    last_second = MONDAY + 11 * HOUR - timedelta(seconds=1)
    rehearsal = rehearse(start_at=last_second)
    people = [customer(str(n), f"+7916000000{n}") for n in range(5)]
    rehearsal.engine.channels[PHONE].first.concurrency = 1  # type: ignore[misc]
    rehearsal.launch(people, scenario_text("phone"))
    rehearsal.overhear(
        PHONE, before=lambda _: rehearsal.clock.move_to(last_second + timedelta(seconds=1))
    )
    rehearsal.works.loop.tick()
    rehearsal.work()
    assert len(rehearsal.taken()) == 1
    left = [row for row in rehearsal.rows().values() if row.attempts == 0]
    assert len(left) == 4
    assert {row.due_at for row in left} == {MONDAY + DAY}
    assert len(rehearsal.attempts()) == 1  # a postponement is no attempt


def test_what_is_left_at_the_end_is_expired_and_listed(rehearse: Rehearse) -> None:
    rehearsal = rehearse(patterns(phone={"+79160000001": "busy"}))
    campaign = rehearsal.launch([ANNA], scenario_text("phone"), days=0.5)
    rehearsal.run(DAY)
    row = rehearsal.row("1")
    assert (row.status, row.reason, row.due_at) == (Status.EXPIRED, "campaign_end", None)
    assert row.attempts == len(rehearsal.taken())
    assert max(one.received_at for one in rehearsal.taken()) < campaign.end_at


@pytest.mark.parametrize("status", [CampaignStatus.SCHEDULED, CampaignStatus.RUNNING])
def test_a_campaign_found_late_after_an_outage_fires_nothing(
    rehearsal: Rehearsal, status: CampaignStatus
) -> None:
    text = scenario_text("phone", "sms", "email")
    campaign = rehearsal.launch([ANNA], text, start_at=MONDAY + HOUR, days=1)
    if status is CampaignStatus.RUNNING:
        rehearsal.rest()
        rehearsal.clock.move_to(MONDAY + HOUR)
        rehearsal.works.loop.tick()
    rehearsal.clock.move_to(campaign.end_at + timedelta(microseconds=1))
    if status is CampaignStatus.RUNNING:
        rehearsal.wake()
    rehearsal.run(DAY)
    assert not rehearsal.taken()
    assert {row.status for row in rehearsal.rows().values()} == {Status.EXPIRED}
