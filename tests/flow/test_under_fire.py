"""What a hostile reader once proved broken, and must stay mended: pauses of days, stops in the
middle of a batch, leases that end, providers that do not answer, callbacks nobody may believe."""

import socketserver
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import update

from campaigns.channel import ChannelName
from campaigns.consent import Suppression
from campaigns.delivery import Status
from campaigns.outcome import Outcome
from channels.base import Channel, Handover, Message, Receipt, accepted, postponed
from channels.routing import only
from dispatcher import campaigning, receipts
from dispatcher.dispatch import ASK_AGAIN
from dispatcher.ledger import suppressions
from dispatcher.ledger import tables as t
from dispatcher.ledger.campaigns import Campaign
from dispatcher.opening import open_batch
from dispatcher.tokens import TokenFor, attempt_key, sign
from dispatcher.worker import SLICE_ROUNDS, send_batch
from tests.flow.conftest import Rehearse
from tests.flow.rehearsing import (
    ACTOR,
    DAY,
    EMAIL,
    HOUR,
    PHONE,
    PROVIDER,
    SECRET,
    SMS,
    Overheard,
    Rehearsal,
    customer,
    patterns,
    scenario_text,
)
from tests.trouble.house import sms_channel
from tests.trouble.servers import Provider, http, sms_taken

NUMBER, ADDRESS = "+79160000001", "anna@example.com"
ANNA = customer("1", NUMBER, ADDRESS)
NUMBERS = [f"+791600000{n:02}" for n in range(40)]
MANY = [customer(str(n), number) for n, number in enumerate(NUMBERS)]
CASCADE = 'kind = "cascade"\ndelay = "1d"\nchannels = ["phone", "sms", "email"]'
EMERGENCY = scenario_text(
    "phone",
    "sms",
    template="emergency",
    purpose="emergency",
    fields="[]",
    top='urgent = true\nsame_contact = "once"\n[values]\nmessage = "Авария в сети."',
)
UNREACHED = patterns(phone={NUMBER: "busy"}, sms={NUMBER: "undelivered"})

Act = Callable[[Rehearsal, Campaign], object]


class Instead(Overheard):
    """A provider that answers some messages in its own way, and the others as it should."""

    def __init__(self, inner: Channel, answer: Callable[[Message], Handover | None]) -> None:
        super().__init__(inner, lambda _message: None, lambda _message: None)
        self.answer = answer

    async def deliver(self, message: Message) -> Handover:
        return self.answer(message) or await super().deliver(message)


def answer_instead(
    rehearsal: Rehearsal, channel: ChannelName, answer: Callable[[Message], Handover | None]
) -> None:
    inner = rehearsal.engine.channels[channel].first
    replacement = only(Instead(inner, answer))
    rehearsal.engine.channels = {**rehearsal.engine.channels, channel: replacement}


def turn(rehearsal: Rehearsal) -> None:
    """One turn of the loop, and the work it asks for."""
    rehearsal.works.loop.tick()
    rehearsal.work()


def tell(rehearsal: Rehearsal, channel: ChannelName, outcome: Outcome, number: int = 1) -> None:
    """A receipt about the first customer's attempt."""
    key = attempt_key(rehearsal.row("1", channel).id, number)
    receipt = Receipt(sign(SECRET, TokenFor.RECEIPT, key), None, outcome)
    receipts.take(rehearsal.engine, channel, PROVIDER[channel], receipt, {})


def first_at(rehearsal: Rehearsal, channel: ChannelName) -> datetime:
    return min(one.received_at for one in rehearsal.taken(channel))


def contacted(rehearsal: Rehearsal) -> Counter[str]:
    """How often each contact point got something, as the providers counted."""
    return Counter(one.contact_point for one in rehearsal.taken())


# A cascade --------------------------------------------------------------------------------------


def pause_for_days(rehearsal: Rehearsal, campaign: Campaign) -> None:
    campaigning.pause(rehearsal.engine, campaign.id, ACTOR)
    rehearsal.run(4 * DAY)
    campaigning.resume(rehearsal.engine, campaign.id, ACTOR)


def run_no_loop_for_days(rehearsal: Rehearsal, _campaign: Campaign) -> None:
    rehearsal.clock.move_to(rehearsal.clock.now() + 4 * DAY)


STANDSTILLS = pytest.mark.parametrize("stand_still", [pause_for_days, run_no_loop_for_days])


@STANDSTILLS
def test_a_cascade_that_stood_still_for_days_goes_on_one_channel_after_the_other(
    rehearse: Rehearse, stand_still: Act
) -> None:
    rehearsal = rehearse(UNREACHED)
    campaign = rehearsal.launch([ANNA], scenario_text(order=CASCADE))
    stand_still(rehearsal, campaign)
    rehearsal.run(HOUR)
    assert {one.channel for one in rehearsal.taken()} == {PHONE}
    rehearsal.run(4 * DAY)
    phone, sms, email = (first_at(rehearsal, channel) for channel in (PHONE, SMS, EMAIL))
    assert DAY <= sms - phone <= DAY + HOUR
    assert DAY <= email - sms <= DAY + HOUR


@STANDSTILLS
def test_a_channel_whose_former_is_skipped_waits_for_nothing(
    rehearse: Rehearse, stand_still: Act
) -> None:
    rehearsal = rehearse(UNREACHED)
    campaign = rehearsal.launch([customer("1", ADDRESS)], scenario_text(order=CASCADE))
    assert rehearsal.row("1", SMS).reason == "no_contact_point"
    stand_still(rehearsal, campaign)
    rehearsal.run(HOUR)
    assert [one.channel for one in rehearsal.taken()] == [EMAIL]


def test_a_channel_whose_former_was_withdrawn_goes_when_it_is_due(rehearse: Rehearse) -> None:
    rehearsal = rehearse(UNREACHED)
    campaign = rehearsal.launch([ANNA], scenario_text(order=CASCADE))
    with rehearsal.ledger.write() as tx:
        no_calls = Suppression("asked", account_number="1", channel=PHONE)
        suppressions.add(tx, no_calls, ACTOR, rehearsal.clock.now())
    rehearsal.run(DAY + HOUR)
    assert rehearsal.status("1", PHONE) is Status.WITHDRAWN
    assert [one.channel for one in rehearsal.taken()] == [SMS]
    assert first_at(rehearsal, SMS) == campaign.start_at + DAY


@pytest.mark.parametrize("once_more", [Status.QUEUED, Status.SENDING])
def test_a_provider_that_is_away_does_not_hold_up_the_next_channel(
    rehearse: Rehearse, once_more: Status
) -> None:
    """Every morning at ten the call is tried again just when the SMS is due: it must not wait."""
    rehearsal = rehearse(UNREACHED)
    answer_instead(rehearsal, PHONE, lambda _message: postponed("no connection"))
    campaign = rehearsal.launch([ANNA], scenario_text(order=CASCADE))
    rehearsal.run(DAY - timedelta(minutes=1))
    rehearsal.rest()
    rehearsal.clock.move_to(campaign.start_at + DAY)
    rehearsal.works.loop.tick()
    phone, sms, now = rehearsal.row("1"), rehearsal.row("1", SMS), rehearsal.clock.now()
    claim = phone.claim or ""
    if once_more is Status.SENDING:
        with rehearsal.ledger.write() as tx:
            open_batch(tx, rehearsal.engine, PHONE, [phone.id], claim, now, now + HOUR)
    assert (rehearsal.status("1"), sms.status) == (once_more, Status.QUEUED)
    send_batch(rehearsal.engine, SMS, [sms.id], claim)
    assert [one.channel for one in rehearsal.taken()] == [SMS]


@STANDSTILLS
def test_those_who_share_a_call_wait_for_it_with_their_own_letters(
    rehearse: Rehearse, stand_still: Act
) -> None:
    """Two flats, one number, two addresses: the second one's letter waits for the first's call."""
    flats = [customer("1", NUMBER, ADDRESS), customer("2", NUMBER, "boris@example.com")]
    rehearsal = rehearse(UNREACHED)
    order = 'kind = "cascade"\ndelay = "1d"\nchannels = ["phone", "email"]'
    campaign = rehearsal.launch(flats, scenario_text("phone", "email", order=order))
    assert rehearsal.row("2", PHONE).reason == "merged"
    stand_still(rehearsal, campaign)
    rehearsal.run(HOUR)
    assert {one.channel for one in rehearsal.taken()} == {PHONE}
    rehearsal.run(2 * DAY)
    assert first_at(rehearsal, EMAIL) - first_at(rehearsal, PHONE) >= DAY
    assert rehearsal.status("2", EMAIL) in (Status.AWAITING, Status.POSITIVE)


# A batch under way ------------------------------------------------------------------------------


def test_a_cap_per_day_holds_inside_one_batch(rehearse: Rehearse) -> None:
    rehearsal = rehearse(max_per_day={SMS: 1})
    flats = [customer(str(n), NUMBER) for n in range(5)]
    rehearsal.launch(flats, scenario_text("sms", top='same_contact = "separate"'))
    rehearsal.run(HOUR)
    assert len(rehearsal.taken(SMS)) == 1
    rehearsal.run(DAY)
    assert len(rehearsal.taken(SMS)) == 2


def stop_them_all(rehearsal: Rehearsal, _campaign: Campaign) -> None:
    with rehearsal.ledger.write() as tx:
        for person in MANY:
            stop = Suppression("asked", account_number=person.account_number)
            suppressions.add(tx, stop, ACTOR, rehearsal.clock.now())


def pause(rehearsal: Rehearsal, campaign: Campaign) -> None:
    campaigning.pause(rehearsal.engine, campaign.id, ACTOR)


def cancel(rehearsal: Rehearsal, campaign: Campaign) -> None:
    campaigning.cancel(rehearsal.engine, campaign.id, ACTOR)


@pytest.mark.parametrize(
    ("decide", "left"),
    [
        (stop_them_all, Status.WITHDRAWN),
        (pause, Status.PENDING),
        (cancel, Status.CANCELLED),
    ],
)
def test_what_is_decided_while_a_batch_is_under_way_comes_too_late_for_one_slice_only(
    rehearse: Rehearse, decide: Act, left: Status
) -> None:
    rehearsal = rehearse(batch_size=len(MANY))
    campaign = rehearsal.launch(MANY, scenario_text("sms"))
    decided: list[object] = []

    def once(_message: Message) -> None:
        if not decided:
            decided.append(True)
            decide(rehearsal, campaign)

    rehearsal.overhear(SMS, before=once)
    turn(rehearsal)
    opened = SLICE_ROUNDS[SMS] * rehearsal.engine.channels[SMS].first.concurrency
    gone = len(rehearsal.taken())
    assert 0 < gone <= opened < len(MANY)
    # On a slow machine the last look holds back some of the slice as well, to be judged anew.
    turn(rehearsal)
    statuses = Counter(row.status for row in rehearsal.rows().values())
    assert statuses[left] == len(MANY) - gone
    turn(rehearsal)
    assert len(rehearsal.taken()) == gone


# A worker that is slower than its lease ---------------------------------------------------------


@pytest.mark.parametrize("loop_looks", [True, False])
def test_a_worker_whose_clock_jumped_past_its_lease_sends_nothing_more(
    rehearse: Rehearse, loop_looks: bool
) -> None:
    """A machine that slept: what it had opened belongs to others now, and is sent once at last."""
    rehearsal = rehearse()
    rehearsal.launch(MANY, scenario_text("sms"))
    asleep: list[object] = []

    def fall_asleep(_message: Message) -> None:
        if not asleep:
            asleep.append(True)
            lease_seconds = rehearsal.engine.settings.lease_seconds
            rehearsal.clock.move_to(rehearsal.clock.now() + timedelta(seconds=lease_seconds + 1))
            if loop_looks:
                assert rehearsal.works.loop.tick().uncertain > 0

    rehearsal.overhear(SMS, before=fall_asleep)
    slice_of_first = SLICE_ROUNDS[SMS] * rehearsal.engine.channels[SMS].first.concurrency
    turn(rehearsal)
    assert len(rehearsal.taken()) == 1 + len(MANY) - slice_of_first
    assert len(rehearsal.attempts()) == len(rehearsal.taken())
    rehearsal.run(HOUR)
    assert contacted(rehearsal) == dict.fromkeys(NUMBERS, 1)
    assert {row.status for row in rehearsal.rows().values()} == {Status.POSITIVE}


def test_a_lost_worker_that_comes_back_with_nothing_sent_gives_the_delivery_back(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.launch([ANNA], scenario_text("sms"))
    tries: list[Status] = []

    def slow(_message: Message) -> Handover | None:
        if tries:
            return None
        lease_seconds = rehearsal.engine.settings.lease_seconds
        rehearsal.clock.move_to(rehearsal.clock.now() + timedelta(seconds=lease_seconds + 1))
        rehearsal.works.loop.tick()
        tries.append(rehearsal.status("1", SMS))
        return postponed("no connection to the gate")

    answer_instead(rehearsal, SMS, slow)
    turn(rehearsal)
    assert tries == [Status.UNCERTAIN]
    assert rehearsal.status("1", SMS) is Status.PENDING
    assert not rehearsal.attempts()
    assert rehearsal.count("touches") == 0
    rehearsal.run(6 * DAY)
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    assert len(rehearsal.taken()) == 1


# Urgent -----------------------------------------------------------------------------------------


def test_an_emergency_is_claimed_though_the_house_is_full_of_bulk(rehearse: Rehearse) -> None:
    rehearsal = rehearse(max_in_flight=10)
    rehearsal.rest()
    rehearsal.launch(MANY, scenario_text("sms"))
    assert rehearsal.works.loop.tick().claimed == 10
    assert rehearsal.works.loop.tick().claimed == 0
    emergency = rehearsal.launch([customer("e", "+79170000001")], EMERGENCY)
    assert rehearsal.works.loop.tick().claimed == 2
    rows = rehearsal.rows(emergency)
    assert {row.status for row in rows.values()} == {Status.QUEUED}
    rehearsal.wake()
    rehearsal.work()
    assert len(contacted(rehearsal)) == 11


def test_an_emergency_calls_at_night_and_on_a_holiday_and_nothing_else_does(
    rehearse: Rehearse,
) -> None:
    night = datetime(2026, 11, 3, 20, 30, tzinfo=UTC)  # 23:30 in Moscow; the 4th is a holiday
    rehearsal = rehearse(start_at=night)
    rehearsal.launch([ANNA], scenario_text("phone", "sms"))
    rehearsal.launch([customer("2", "+79160000002")], EMERGENCY)
    rehearsal.run(HOUR)
    noon_of_holiday = night + timedelta(hours=12, minutes=30)
    rehearsal.run(noon_of_holiday)
    rehearsal.launch([customer("3", "+79160000003")], EMERGENCY)
    rehearsal.run(night + 3 * DAY)
    at = {(one.contact_point[-1], one.channel): one.received_at for one in rehearsal.taken()}
    working_day = datetime(2026, 11, 5, 7, 0, tzinfo=UTC)  # 10:00 in Moscow
    assert at == {
        ("1", PHONE): working_day,
        ("1", SMS): working_day,
        ("2", PHONE): night,
        ("2", SMS): night,
        ("3", PHONE): noon_of_holiday,
        ("3", SMS): noon_of_holiday,
    }


# Doubt ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("paid_first", [True, False])
def test_who_has_paid_ends_as_settled_whatever_the_doubt_about_the_sms(
    rehearse: Rehearse, paid_first: bool
) -> None:
    rehearsal = rehearse(patterns(sms={NUMBER: "no_receipt"}))
    campaign = rehearsal.launch([ANNA], scenario_text("sms"))
    turn(rehearsal)
    if paid_first:
        campaigning.settle(rehearsal.engine, campaign.id, ["1"], ACTOR)
        tell(rehearsal, SMS, Outcome.UNCERTAIN)
    else:
        tell(rehearsal, SMS, Outcome.UNCERTAIN)
        assert rehearsal.status("1", SMS) is Status.UNCERTAIN
        campaigning.settle(rehearsal.engine, campaign.id, ["1"], ACTOR)
    assert rehearsal.status("1", SMS) is Status.SETTLED
    rehearsal.run(15 * DAY)
    assert rehearsal.status("1", SMS) is Status.SETTLED
    assert len(rehearsal.taken()) == 1


def test_doubt_about_the_second_sms_does_not_undo_that_the_first_arrived(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(patterns(sms={NUMBER: "no_receipt"}))
    rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.run(DAY + HOUR)
    tell(rehearsal, SMS, Outcome.DELIVERED, 1)
    assert rehearsal.status("1", SMS) is Status.AWAITING  # the second one is under way
    tell(rehearsal, SMS, Outcome.UNCERTAIN, 2)
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    rehearsal.run(10 * DAY)
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    assert len(rehearsal.taken()) == 2


def test_a_shared_letter_that_bounces_after_its_lead_was_reached_goes_to_the_others(
    rehearse: Rehearse,
) -> None:
    rehearsal = rehearse(patterns(phone={"+79160000002": "busy"}))
    shared = "shared@example.com"
    people = [customer("1", NUMBER, shared), customer("2", "+79160000002", shared)]
    rehearsal.launch(people, scenario_text("phone", "email", top='stop_on = "any"'))
    rehearsal.run(HOUR)
    assert rehearsal.status("1", PHONE) is Status.POSITIVE
    assert rehearsal.row("1", EMAIL).end_as is Status.SUPERSEDED
    tell(rehearsal, EMAIL, Outcome.BOUNCED)
    assert rehearsal.status("1", EMAIL) is Status.SUPERSEDED
    assert rehearsal.status("2", EMAIL) is Status.PENDING
    rehearsal.run(3 * DAY)
    assert rehearsal.status("2", EMAIL) is Status.POSITIVE
    assert contacted(rehearsal)[shared] == 2


# Providers --------------------------------------------------------------------------------------


class Gate(Provider):
    """An SMS gate that takes everything, and answers questions about it only when it is well."""

    def __init__(self) -> None:
        self.sends: list[bytes] = []
        self.questions: list[bytes] = []
        self.is_well = False
        gate = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                line, length = self.rfile.readline(), 0
                while (header := self.rfile.readline()) not in {b"\r\n", b""}:
                    if header.lower().startswith(b"content-length:"):
                        length = int(header.split(b":")[1])
                self.rfile.read(length)
                if b"/sms/send" in line:
                    gate.sends.append(line)
                    self.wfile.write(sms_taken(len(gate.sends)))
                elif line:
                    gate.questions.append(line)
                    self.wfile.write(gate.answer())

        super().__init__(Handler, 0)

    def answer(self) -> bytes:
        if not self.is_well:
            return http(502, "<h1>Bad Gateway</h1>", kind="text/html")
        return http(
            200,
            '{"success": true, "data": {"id": 1001, "status": 1, "extendStatus": "delivery"},'
            ' "message": null}',
        )


def test_a_gate_that_does_not_answer_the_question_is_asked_again_and_nothing_is_sent_twice(
    rehearsal: Rehearsal,
) -> None:
    with Gate() as gate:
        rehearsal.engine.channels = {SMS: only(sms_channel(gate.port))}
        rehearsal.launch([ANNA], scenario_text("sms"))
        turn(rehearsal)
        rehearsal.clock.move_to(rehearsal.clock.now() + DAY)
        for _ in range(3):
            turn(rehearsal)
            assert rehearsal.status("1", SMS) is Status.AWAITING
            rehearsal.clock.move_to(rehearsal.clock.now() + ASK_AGAIN)
        assert len(gate.questions) == 3
        gate.is_well = True
        turn(rehearsal)
    assert rehearsal.outcomes() == ["delivered"]
    assert rehearsal.status("1", SMS) is Status.POSITIVE
    assert len(gate.sends) == 1


def test_a_delivery_postponed_thousands_of_times_is_postponed_once_more(
    rehearsal: Rehearsal,
) -> None:
    people = MANY[:6]
    rehearsal.launch(people, scenario_text("sms"))
    held = rehearsal.row("1", SMS)
    with rehearsal.ledger.write() as tx:
        tx.execute(update(t.deliveries).where(t.deliveries.c.id == held.id).values(postponed=5000))
    answer_instead(
        rehearsal,
        SMS,
        lambda message: postponed("no connection") if message.contact_point == NUMBER else None,
    )
    turn(rehearsal)
    row = rehearsal.row("1", SMS)
    assert (row.status, row.postponed) == (Status.PENDING, 5001)
    assert row.due_at is not None
    assert timedelta() < row.due_at - rehearsal.clock.now() <= HOUR
    assert len(rehearsal.taken()) == len(people) - 1


def test_one_answer_that_cannot_be_written_loses_no_other(rehearsal: Rehearsal) -> None:
    """Half of a surrogate pair for a reference: no database takes it."""
    people = MANY[:6]
    rehearsal.launch(people, scenario_text("sms"))
    answer_instead(
        rehearsal,
        SMS,
        lambda message: accepted("\ud800") if message.contact_point == NUMBER else None,
    )
    turn(rehearsal)
    statuses = {account: row.status for (account, _channel), row in rehearsal.rows().items()}
    assert statuses.pop("1") is Status.SENDING
    assert set(statuses.values()) == {Status.AWAITING}
    rehearsal.run(timedelta(minutes=9))
    assert rehearsal.status("1", SMS) is Status.UNCERTAIN  # the lease is over
    assert len(rehearsal.attempts()) == len(people)


# The endpoint -----------------------------------------------------------------------------------


def call(
    rehearsal: Rehearsal, method: str, path: str, body: bytes = b"", kind: str = ""
) -> requests.Response:
    return requests.request(
        method,
        rehearsal.engine.receipts_url + path,
        data=body,
        headers={"Content-Type": kind} if kind else {},
        timeout=10,
        allow_redirects=False,
    )


@pytest.mark.parametrize("token", ["nonsense", "1-1-" + "0" * 20, "%00", "1-1"])
def test_a_receipt_under_a_forged_token_is_403_and_nothing_of_it_is_kept(
    rehearsal: Rehearsal, token: str
) -> None:
    rehearsal.launch([ANNA], scenario_text("sms"))
    turn(rehearsal)
    for _ in range(3):
        body = b"id=1&status=1&x=" + b"y" * 60_000
        answer = call(
            rehearsal, "POST", f"/smsaero/{token}", body, "application/x-www-form-urlencoded"
        )
        assert answer.status_code == 403
    assert rehearsal.count("receipts") == 0
    assert rehearsal.status("1", SMS) is Status.AWAITING


def letter_path(rehearsal: Rehearsal, purpose: TokenFor) -> str:
    """The path of a link in the first customer's letter."""
    token = sign(SECRET, purpose, attempt_key(rehearsal.row("1", EMAIL).id, 1))
    return f"/{purpose.value}/{token}"


def test_a_program_that_only_looks_whether_a_link_exists_has_followed_nothing(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.launch([ANNA], scenario_text("email"))
    turn(rehearsal)
    path = letter_path(rehearsal, TokenFor.LINK)
    assert call(rehearsal, "HEAD", path).status_code == 302
    assert rehearsal.outcomes() == [None]
    assert call(rehearsal, "GET", path).status_code == 302
    assert rehearsal.outcomes() == ["link_followed"]


def test_a_damaged_link_to_unsubscribe_says_so_instead_of_thanks(rehearsal: Rehearsal) -> None:
    rehearsal.launch([ANNA], scenario_text("email"))
    turn(rehearsal)
    path = letter_path(rehearsal, TokenFor.UNSUBSCRIBE)
    whole = call(rehearsal, "POST", path)
    damaged = call(rehearsal, "POST", path[:-1])
    assert (whole.status_code, damaged.status_code) == (200, 404)
    assert rehearsal.engine.settings.company_phone in damaged.text
    assert rehearsal.engine.settings.company_phone not in whole.text
    assert rehearsal.count("suppressions") == 1


@pytest.mark.parametrize("body", [b'{"a":' * 12_000, b"[" * 60_000, b'{"id": "1"', b"\xff\xfe"])
def test_json_that_nobody_can_read_is_400(rehearsal: Rehearsal, body: bytes) -> None:
    rehearsal.launch([ANNA], scenario_text("sms"))
    turn(rehearsal)
    token = sign(SECRET, TokenFor.RECEIPT, attempt_key(rehearsal.row("1", SMS).id, 1))
    answer = call(rehearsal, "POST", f"/smsaero/{token}", body, "application/json")
    assert answer.status_code == 400
    assert rehearsal.outcomes() == [None]
