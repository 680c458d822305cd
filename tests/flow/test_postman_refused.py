"""What a mail server refuses: the recipient's mailbox for good, us until staff have mended it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.outcome import Outcome
from channels.base import Cause, Fault, Handover, HandoverKind
from dispatcher.ledger import Ledger, outbox
from dispatcher.ledger.outbox import Claimed, MailKind, MailStatus, Owed
from dispatcher.mailrobot.endings import (
    DOUBT_PAUSE,
    KEEP_TRYING,
    LONGEST_PAUSE,
    LONGEST_PAUSE_REFUSED,
    MOST_DOUBTS,
    ending_of,
)
from dispatcher.mailrobot.wellbeing import wellbeing
from tests.flow.letters_by_hand import ANNA, INFO
from tests.flow.mail_sink import MailSink
from tests.flow.rehearsing import HOUR, MONDAY
from tests.flow.robot_post import Post, open_post

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def post(tmp_path: Path, ledger: Ledger) -> Iterator[Post]:
    with MailSink() as sink:
        yield open_post(tmp_path, ledger, sink)


def owe(
    post: Post, name: str, kind: MailKind = MailKind.ACKNOWLEDGEMENT, age: timedelta = timedelta()
) -> None:
    now = post.clock.now()
    content = f"Message-ID: <{name}@example.com>\r\nSubject: {name}\r\n\r\nbody\r\n".encode()
    owed = Owed(name, kind, "", ANNA, f"<{name}@example.com>", content, asked_at=now - age)
    with post.ledger.write() as tx:
        outbox.owe(tx, owed, now)


def test_an_answer_to_an_old_inquiry_survives_a_hiccup_of_the_mail_server(post: Post) -> None:
    """Staff have fourteen days; what is tried for five begins when they have written."""
    owe(post, "a", MailKind.ANSWER, age=10 * DAY)
    post.sink.refusals[ANNA] = "450 4.3.2 not now"
    post.send()
    [row] = post.rows("outbox")
    assert (row.status, row.owed_at) == ("waiting", post.clock.now())
    assert row.asked_at == post.clock.now() - 10 * DAY
    post.sink.refusals.clear()
    post.wait(HOUR)
    post.send()
    assert [row.status for row in post.rows("outbox")] == ["sent"]


@pytest.mark.parametrize(
    "refusal", ["554 5.7.1 <x>: Client host rejected", "550 relay not permitted"]
)
def test_who_refuses_us_is_asked_again_until_it_is_mended(post: Post, refusal: str) -> None:
    owe(post, "a")
    post.sink.refusals[ANNA] = refusal
    for _ in range(14):
        post.send()
        [row] = post.rows("outbox")
        assert row.status == "waiting"
        assert row.due_at - post.clock.now() <= HOUR
        post.wait(row.due_at - post.clock.now())
    assert row.due_at - row.owed_at > HOUR
    assert any(row.reason in alarm for alarm in wellbeing(post.engine).alarms)
    post.sink.refusals.clear()
    post.send()
    assert [row.status for row in post.rows("outbox")] == ["sent"]
    assert wellbeing(post.engine).alarms == wellbeing_without_letters(post)


def wellbeing_without_letters(post: Post) -> tuple[str, ...]:
    """The mailbox of the tests is looked into by nobody."""
    return tuple(one for one in wellbeing(post.engine).alarms if "info" in one)


def test_what_is_refused_for_five_days_is_given_up_and_an_alarm_for_a_day(post: Post) -> None:
    owe(post, "a")
    post.sink.refusals[ANNA] = "554 5.7.1 you are on a list"
    post.send()
    post.wait(KEEP_TRYING)
    post.send()
    [row] = post.rows("outbox")
    assert (row.status, row.given_up_at) == ("failed", post.clock.now())
    found = wellbeing(post.engine)
    assert found.given_up == 1
    assert any("RCPT 554 5.7.1" in alarm for alarm in found.alarms)
    post.wait(DAY)
    found = wellbeing(post.engine)
    assert (found.given_up, found.alarms) == (0, wellbeing_without_letters(post))


def test_a_mailbox_that_is_not_there_ends_a_letter_and_is_no_alarm(post: Post) -> None:
    """Forged senders come every day."""
    owe(post, "a")
    post.sink.refusals[ANNA] = "550 5.1.1 nobody"
    post.send()
    [row] = post.rows("outbox")
    assert (row.status, row.given_up_at) == ("failed", None)
    found = wellbeing(post.engine)
    assert (found.given_up, found.alarms) == (0, wellbeing_without_letters(post))


@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
def test_a_server_that_refuses_the_null_path_gets_the_answer_from_our_own_address(
    post: Post, at: str
) -> None:
    owe(post, "a")
    refusal = "553 5.7.1 <>: Sender address rejected: not owned by user"
    if at == "MAIL":
        post.sink.sender_refusals[""] = refusal
    else:
        post.sink.refusals[ANNA] = refusal
        post.sink.after_refusal = post.sink.refusals.clear
    post.send()
    assert [one.sender for one in post.sink.received] == [INFO]
    [row] = post.rows("outbox")
    assert (row.status, row.sender, row.sends) == ("sent", INFO, 2)


def test_a_server_that_refuses_our_own_address_as_well_is_asked_again_later(post: Post) -> None:
    owe(post, "a")
    post.sink.sender_refusals.update({"": "550 5.7.1 no", INFO: "550 5.7.1 no"})
    post.send()
    [row] = post.rows("outbox")
    assert (row.status, row.sender, row.sends) == ("waiting", INFO, 2)
    assert row.due_at > post.clock.now()


HANDOVERS = st.builds(
    Handover,
    st.sampled_from(HandoverKind),
    outcome=st.sampled_from([None, Outcome.BAD_ADDRESS, Outcome.REJECTED, Outcome.BOUNCED]),
    about_recipient=st.booleans(),
    cause=st.none() | st.sampled_from(Cause),
    fault=st.none() | st.sampled_from(Fault),
    retry_after_seconds=st.none() | st.floats(0, 1e6),
)


@given(
    HANDOVERS,
    st.integers(1, 100_000),
    st.integers(0, 5),
    st.timedeltas(timedelta(0), 30 * DAY),
    st.sampled_from(["", INFO]),
)
def test_every_letter_is_sent_or_tried_again_within_an_hour_or_failed_for_a_reason(
    handover: Handover, sends: int, doubts: int, age: timedelta, sender: str
) -> None:
    owed_at = MONDAY - age
    one = Claimed(
        id=1,
        kind=MailKind.ACKNOWLEDGEMENT,
        inquiry_id=None,
        letter_id=None,
        sender=sender,
        recipient=ANNA,
        message_id="<a@example.com>",
        content=b"",
        asked_at=owed_at - 30 * DAY,
        owed_at=owed_at,
        sends=sends,
        doubts=doubts,
    )
    ending = ending_of(one, handover, MONDAY, INFO)
    assert (ending.status is MailStatus.SENT) == (handover.kind is HandoverKind.ACCEPTED)
    assert (ending.status is MailStatus.WAITING) == (ending.due_at is not None)
    if ending.due_at is not None:
        assert MONDAY <= ending.due_at <= MONDAY + LONGEST_PAUSE_REFUSED
        assert handover.kind is HandoverKind.REFUSED or ending.due_at <= MONDAY + LONGEST_PAUSE
        assert age < KEEP_TRYING or ending.sender == INFO
    if handover.kind is HandoverKind.UNCERTAIN:
        assert ending.in_doubt
        assert ending.due_at is None or ending.due_at >= MONDAY + DOUBT_PAUSE or handover.cause
        assert (ending.status is MailStatus.FAILED) or doubts + 1 < MOST_DOUBTS
    if ending.status is not MailStatus.FAILED:
        assert ending.given_up_at is None
    if ending.sender is not None:
        assert (sender, ending.sender) == ("", INFO)
