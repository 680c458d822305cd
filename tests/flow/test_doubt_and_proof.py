"""What proves that a provider took a message, and what proves nothing."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from campaigns.delivery import Status
from campaigns.outcome import Outcome
from channels.base import Handover, Inbound, Message, Receipt, accepted, postponed
from channels.routing import only
from dispatcher import campaigning, receipts
from dispatcher.inbound import Taken, take_in
from dispatcher.ledger import campaigns, inquiry_lists, trail
from dispatcher.ledger import tables as t
from dispatcher.ledger.inquiry_lists import Wanted
from dispatcher.receipts import Effect
from dispatcher.settling import settle_batch
from dispatcher.tokens import TokenFor
from tests.flow.rehearsing import (
    DAY,
    SMS,
    Overheard,
    Rehearsal,
    customer,
    open_rehearsal,
    scenario_text,
)
from tests.flow.test_receipts import token
from tests.flow.test_settling import ANNA, MINUTE, NUMBER, Doubtful, doubtful, listed, look, send


@pytest.fixture
def on_either(tmp_path: Path, ledger_url: str) -> Iterator[Rehearsal]:
    one = open_rehearsal(tmp_path, ledger_url)
    yield one.rehearsal
    one.close()


def tell(rehearsal: Rehearsal, reference: str | None, outcome: Outcome | None = None) -> Effect:
    name = token(rehearsal, SMS, TokenFor.RECEIPT)
    receipt = Receipt(name, reference, outcome, final=outcome is not None)
    return receipts.take(rehearsal.engine, SMS, "smsaero", receipt, {"status": "3"})


# A stage on the way -----------------------------------------------------------------------------


@pytest.mark.parametrize("before_the_first_look", [True, False])
def test_a_receipt_that_an_sms_is_on_its_way_proves_that_it_was_taken_whatever_the_list_says(
    on_either: Rehearsal, before_the_first_look: bool
) -> None:
    provider = doubtful(on_either, lambda _sought: [])
    send(on_either)
    if not before_the_first_look:
        look(on_either, 10 * MINUTE)
    assert tell(on_either, "77") is Effect.SIGN
    [attempt] = on_either.attempts()
    assert (attempt.reference, attempt.handed_at) == ("77", on_either.clock.now())
    for _ in range(3):
        look(on_either, 20 * MINUTE)
    assert on_either.outcomes() == ["uncertain"]
    assert provider.asked
    provider.states["77"] = listed("77", Outcome.DELIVERED)
    look(on_either, 2 * 60 * MINUTE)
    assert on_either.outcomes() == ["delivered"]
    assert len(provider.sent) == 1


def test_a_stage_without_a_name_keeps_the_list_from_being_believed(rehearsal: Rehearsal) -> None:
    provider = doubtful(rehearsal, lambda _sought: [])
    send(rehearsal)
    tell(rehearsal, None)
    rehearsal.run(2 * DAY)
    row = rehearsal.row("1", SMS)
    assert (rehearsal.outcomes(), row.status, row.due_at) == (["uncertain"], "uncertain", None)
    assert len(provider.sent) == 1


def test_a_status_that_nobody_knows_is_proof_of_the_message_all_the_same(
    rehearsal: Rehearsal,
) -> None:
    provider = doubtful(rehearsal, lambda _sought: [])
    send(rehearsal)
    assert tell(rehearsal, None, Outcome.UNCERTAIN) is Effect.STALE
    rehearsal.run(2 * DAY)
    assert (rehearsal.outcomes(), len(provider.sent)) == (["uncertain"], 1)


def test_a_stage_that_overtakes_the_answer_gives_the_open_attempt_its_name(
    on_either: Rehearsal,
) -> None:
    """The worker dies with the answer in its hands: the attempt is asked for by its name."""
    provider = doubtful(on_either, lambda _sought: [])

    class Overtaken(Doubtful):
        async def deliver(self, message: Message) -> Handover:
            handover = await super().deliver(message)
            await asyncio.to_thread(tell, on_either, "77")
            return handover

    one = Overtaken(provider.inner, provider.has)
    on_either.engine.channels = {SMS: only(one)}
    send(on_either)
    [attempt] = on_either.attempts()
    assert (attempt.outcome, attempt.reference) == (Outcome.UNCERTAIN, "77")
    look(on_either, 10 * MINUTE)
    assert one.asked == ["77"]


def test_a_provider_that_says_it_took_nothing_after_its_receipt_came_gets_nothing_again(
    on_either: Rehearsal,
) -> None:
    sent: list[Message] = []

    class Contradicting(Overheard):
        async def deliver(self, message: Message) -> Handover:
            sent.append(message)
            await asyncio.to_thread(tell, on_either, "77")
            return postponed("throttled", 1)

    one = Contradicting(on_either.engine.channels[SMS].first, lambda _m: None, lambda _m: None)
    on_either.engine.channels = {SMS: only(one)}
    on_either.launch([ANNA], scenario_text("sms"))
    for _ in range(5):
        look(on_either, MINUTE)
    assert len(sent) == 1
    assert len(on_either.attempts()) == 1


def test_a_stage_does_not_change_what_is_known_already(rehearsal: Rehearsal) -> None:
    rehearsal.launch([ANNA], scenario_text("sms"))
    rehearsal.run(MINUTE)
    [before] = rehearsal.attempts()
    assert before.outcome is Outcome.DELIVERED
    assert tell(rehearsal, "4711") is Effect.SIGN
    assert rehearsal.attempts() == [before]


# A receipt without anything in it -----------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_who_looks_whether_an_address_exists_puts_nothing_in_doubt(
    rehearsal: Rehearsal, method: str
) -> None:
    rehearsal.launch([ANNA], scenario_text("sms"))
    look(rehearsal)
    assert rehearsal.status("1", SMS) is Status.AWAITING
    base = f"{rehearsal.engine.receipts_url}/smsaero"
    name = token(rehearsal, SMS, TokenFor.RECEIPT)
    assert requests.request(method, f"{base}/{name}", timeout=5).status_code == 400
    assert rehearsal.status("1", SMS) is Status.AWAITING
    with rehearsal.ledger.read() as tx:
        [kept] = tx.execute(t.receipts.select()).all()
    assert (kept.effect, kept.outcome, kept.payload) == ("unreadable", None, {"kind": "receipt"})
    assert requests.request(method, f"{base}/1-1-abc", timeout=5).status_code == 403
    assert rehearsal.count("receipts") == 1


# Answers ------------------------------------------------------------------------------------------


def write(rehearsal: Rehearsal, text: str) -> Taken:
    return take_in(rehearsal.engine, "smsaero", Inbound("555", NUMBER, text))


def test_thanks_for_yesterdays_sms_do_not_settle_todays_that_was_never_sent(
    on_either: Rehearsal,
) -> None:
    on_either.launch([ANNA], scenario_text("sms"))
    on_either.run(DAY)
    doubtful(on_either, lambda _sought: [])
    second = on_either.launch([ANNA], scenario_text("sms"))
    look(on_either)
    assert on_either.outcomes(second) == ["uncertain"]
    write(on_either, "Спасибо, оплачу завтра")
    assert (on_either.outcomes(), on_either.outcomes(second)) == (["answered"], ["uncertain"])
    with on_either.ledger.read() as tx:
        [inquiry] = inquiry_lists.found(tx, Wanted())
    assert inquiry.attempt_id == on_either.attempts()[0].id


def test_an_answer_settles_an_sms_in_doubt_that_is_known_to_be_taken(on_either: Rehearsal) -> None:
    doubtful(on_either, lambda _sought: [])
    send(on_either)
    tell(on_either, "77")
    write(on_either, "Спасибо")
    assert on_either.outcomes() == ["answered"]


def test_who_writes_when_nobody_knows_whether_our_sms_went_is_known_but_settles_nothing(
    on_either: Rehearsal,
) -> None:
    doubtful(on_either, lambda _sought: [])
    send(on_either)
    write(on_either, "Когда дадут свет")
    assert on_either.outcomes() == ["uncertain"]
    with on_either.ledger.read() as tx:
        [inquiry] = inquiry_lists.found(tx, Wanted())
    assert (inquiry.account_number, inquiry.attempt_id) == ("1", None)


# Ids that come again ------------------------------------------------------------------------------


def test_what_was_kept_of_an_attempt_that_was_none_is_not_lent_to_the_next_one(
    on_either: Rehearsal,
) -> None:
    """SQLite gives its id away again; the next SMS must be sought with looks of its own."""

    class Late(Doubtful):
        """Answers only when it was given up and looked for: nothing was sent, for certain."""

        async def deliver(self, message: Message) -> Handover:
            handover = await super().deliver(message)
            if len(self.sent) > 1:
                return handover
            await asyncio.to_thread(give_up_and_look)
            return postponed("throttled", 60)

    def give_up_and_look() -> None:
        lease = timedelta(seconds=on_either.engine.settings.lease_seconds)
        on_either.clock.move_to(on_either.clock.now() + max(lease, 10 * MINUTE))
        on_either.works.loop.recover()
        settle_batch(on_either.engine, SMS, [on_either.row("1", SMS).id])
        assert on_either.count("receipts") == 1

    inner = on_either.engine.channels[SMS].first
    one = Late(inner, lambda _sought: [])
    on_either.engine.channels = {SMS: only(one)}
    on_either.launch([ANNA], scenario_text("sms"))
    look(on_either)
    assert (on_either.attempts(), on_either.status("1", SMS)) == ([], Status.PENDING)
    look(on_either, 10 * MINUTE)
    assert len(one.sent) == 2
    look(on_either, 10 * MINUTE)
    assert on_either.outcomes() == ["uncertain"]  # one look of its own, and not two
    with on_either.ledger.read() as tx:
        looks = [
            row.attempt_id for row in tx.execute(t.receipts.select().order_by(t.receipts.c.id))
        ]
    assert looks == [None, on_either.attempts()[0].id]


def test_a_campaign_does_not_inherit_the_trail_of_one_that_was_taken_back(
    on_either: Rehearsal,
) -> None:
    name = on_either.store([customer("1", NUMBER)], scenario_text("sms"))
    engine = on_either.engine
    campaigning.preview(engine, "trial", name, "alice")
    now = on_either.clock.now()
    first = campaigning.launch(engine, "trial", name, "bob")
    with on_either.ledger.write() as tx:
        trail.note(tx, now, "bob", "campaign.note", "campaign:9")
        trail.note(tx, now, "bob", "audience.note", "audience:700")
        for table in (t.deliveries, t.campaigns):
            tx.execute(table.delete())
    second = campaigning.launch(engine, "trial", name, "carol")
    with on_either.ledger.read() as tx:
        everybody = [[act.actor for act in trail.of(tx, one.subject)] for one in (first, second)]
        assert campaigns.get(tx, second.id) == second
    assert everybody == [["bob", "bob"], ["carol", "carol"]]
    if on_either.ledger.is_sqlite:
        assert second.id == 10


def test_a_preview_leaves_nothing_in_the_trail(on_either: Rehearsal) -> None:
    name = on_either.store([customer("1", NUMBER)], scenario_text("sms"))
    before = on_either.count("trail")
    campaigning.preview(on_either.engine, "trial", name, "alice")
    assert on_either.count("trail") == before
    assert on_either.count("campaigns") == 0


# Our own limit --------------------------------------------------------------------------------


class Pace:
    """Notes whose turns were asked for, and refuses when it is closed."""

    def __init__(self) -> None:
        self.turns: list[tuple[int, bool]] = []
        self.is_open = True

    async def turn(self, campaign_id: int, *, urgent: bool) -> float | None:
        self.turns.append((campaign_id, urgent))
        return None if self.is_open else 30.0


def test_questions_take_turns_like_messages_and_wait_for_another_time_when_there_is_no_room(
    rehearsal: Rehearsal,
) -> None:
    pace = Pace()
    rehearsal.engine.pacers = {(SMS, "smsaero"): pace}
    provider = doubtful(rehearsal, lambda _sought: [])
    send(rehearsal)
    assert pace.turns == [(1, False)]
    pace.is_open = False
    look(rehearsal, 10 * MINUTE)
    look(rehearsal, 10 * MINUTE)
    assert not provider.sought
    assert pace.turns[1:] == [(0, False)] * 2
    pace.is_open = True
    for minutes in (20, 40):
        look(rehearsal, minutes * MINUTE)
    assert rehearsal.outcomes() == ["not_taken"]
    assert len(provider.sought) == len(pace.turns) - 3 == 4


def test_an_sms_whose_question_has_no_room_is_not_taken_for_one_without_a_receipt(
    rehearsal: Rehearsal,
) -> None:
    pace, provider = Pace(), doubtful(rehearsal, lambda _sought: None)

    class Taking(Doubtful):
        async def deliver(self, message: Message) -> Handover:
            self.sent.append(message)
            return accepted("11")

    one = Taking(provider.inner, provider.has)
    rehearsal.engine.channels = {SMS: only(one)}
    rehearsal.engine.pacers = {(SMS, "smsaero"): pace}
    rehearsal.launch([ANNA], scenario_text("sms"))
    look(rehearsal)
    pace.is_open = False
    rehearsal.run(30 * 60 * MINUTE)
    assert rehearsal.status("1", SMS) is Status.AWAITING
    pace.is_open = True
    one.states["11"] = listed("11", Outcome.DELIVERED)
    look(rehearsal, 10 * MINUTE)
    assert rehearsal.outcomes() == ["delivered"]
