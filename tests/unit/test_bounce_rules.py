"""What follows from a report on a letter, whatever its address went through before."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.channel import ChannelName
from campaigns.inquiry.bounce_rules import (
    FAILURES,
    OUTCOMES,
    REST,
    SIGNS_OF_LIFE,
    SOFT_ENOUGH,
    SOFT_WITHIN,
    AddressHistory,
    Consequence,
    Reported,
    Stop,
    what_follows,
)
from campaigns.inquiry.report import ReportKind
from campaigns.outcome import MEANING, Outcome

NOW = datetime(2026, 9, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SENT = NOW - DAY
NEW = AddressHistory()
ACCEPTED = Reported(Outcome.ACCEPTED, SENT)

kinds = st.sampled_from(ReportKind)
instants = st.integers(0, 60 * 24).map(lambda hours: NOW - timedelta(hours=hours))
on_email = [outcome for outcome, m in MEANING.items() if ChannelName.EMAIL in m.channels]
reported = st.builds(Reported, st.sampled_from([None, *on_email]), instants, is_known=st.booleans())
histories = st.builds(
    AddressHistory, st.lists(instants, max_size=6).map(tuple), st.none() | instants
)


def soft(*days_ago: float, alive: float | None = None) -> AddressHistory:
    return AddressHistory(
        tuple(NOW - days * DAY for days in days_ago), None if alive is None else NOW - alive * DAY
    )


@pytest.mark.parametrize(
    ("kind", "follows"),
    [
        (ReportKind.HARD, Consequence(Outcome.BAD_ADDRESS, Stop())),
        (ReportKind.REJECTED, Consequence(Outcome.REJECTED)),
        (ReportKind.SOFT, Consequence(Outcome.BOUNCED)),
        (ReportKind.FULL, Consequence(Outcome.DEFERRED)),
        (ReportKind.READ, Consequence(Outcome.READ)),
        (ReportKind.DELAYED, Consequence()),
        (ReportKind.DELIVERED, Consequence()),
        (ReportKind.DELETED, Consequence()),
        (ReportKind.UNKNOWN, Consequence()),
    ],
)
def test_each_kind_of_report_on_an_accepted_letter_has_its_consequence(
    kind: ReportKind, follows: Consequence
) -> None:
    assert what_follows(kind, ACCEPTED, NEW, NOW) == follows


def test_what_is_recorded_is_possible_on_e_mail_and_failures_reach_nobody() -> None:
    assert all(ChannelName.EMAIL in MEANING[outcome].channels for outcome in OUTCOMES.values())
    assert not any(MEANING[OUTCOMES[kind]].reached for kind in FAILURES)


@pytest.mark.parametrize(
    ("history", "rests"),
    [
        (NEW, False),
        (soft(7), False),
        (soft(14, 7), True),
        (soft(29.9, 7), True),
        (soft(30, 7), False),
        (soft(60, 50, 40), False),
        (soft(14, 7, alive=10), False),
        (soft(14, 7, alive=14), False),
        (soft(14, 7, alive=20), True),
        (soft(28, 21, 14, alive=25), True),
    ],
)
def test_the_third_letter_within_thirty_days_that_comes_back_unread_brings_a_rest(
    history: AddressHistory, rests: bool
) -> None:
    stop = what_follows(ReportKind.SOFT, ACCEPTED, history, NOW).stop
    assert stop == (Stop(NOW + REST) if rests else None)


@pytest.mark.parametrize("kind", [ReportKind.HARD, ReportKind.SOFT])
@pytest.mark.parametrize("seen", sorted(SIGNS_OF_LIFE))
def test_an_address_where_this_letter_was_read_is_not_stopped(
    kind: ReportKind, seen: Outcome
) -> None:
    assert what_follows(kind, Reported(seen, SENT), soft(3, 2, 1), NOW).stop is None


def test_a_report_that_comes_after_a_later_letter_was_read_stops_nothing() -> None:
    late = Reported(Outcome.ACCEPTED, NOW - 20 * DAY)
    assert what_follows(ReportKind.HARD, late, soft(alive=3), NOW).stop is None
    assert what_follows(ReportKind.HARD, late, soft(alive=21), NOW).stop == Stop()


def test_a_letter_that_came_back_already_does_not_count_again() -> None:
    bounced = Reported(Outcome.BOUNCED, SENT)
    assert what_follows(ReportKind.SOFT, bounced, soft(14, 7), NOW).stop is None


def test_that_the_mailbox_does_not_exist_counts_after_a_softer_word_too() -> None:
    assert what_follows(ReportKind.HARD, Reported(Outcome.BOUNCED, SENT), NEW, NOW).stop == Stop()


@given(kinds, reported, histories)
def test_a_report_that_had_its_effect_has_no_other(
    kind: ReportKind, about: Reported, history: AddressHistory
) -> None:
    known = Reported(about.outcome, about.sent_at, is_known=True)
    assert what_follows(kind, known, history, NOW) == Consequence()


@given(kinds, reported, histories)
def test_only_a_dead_mailbox_is_stopped_for_good_and_only_letters_that_come_back_for_a_while(
    kind: ReportKind, about: Reported, history: AddressHistory
) -> None:
    stop = what_follows(kind, about, history, NOW).stop
    if stop is None:
        return
    assert about.outcome not in SIGNS_OF_LIFE
    assert history.alive_at is None or history.alive_at <= about.sent_at
    if stop.until_at is None:
        assert kind is ReportKind.HARD
    else:
        assert kind is ReportKind.SOFT
        assert stop.until_at == NOW + REST
        lately = [at for at in history.soft_at if at > NOW - SOFT_WITHIN]
        assert len(lately) + 1 >= SOFT_ENOUGH


@given(kinds, reported, histories, instants)
def test_a_letter_that_was_read_never_makes_a_stop_likelier(
    kind: ReportKind, about: Reported, history: AddressHistory, read_at: datetime
) -> None:
    alive_at = max(filter(None, (history.alive_at, read_at)))
    livelier = AddressHistory(history.soft_at, alive_at)
    before = what_follows(kind, about, history, NOW)
    after = what_follows(kind, about, livelier, NOW)
    assert after.outcome is before.outcome
    assert after.stop in (None, before.stop)
