"""The table of outcomes: complete, and its findings replace each other one way only."""

from itertools import combinations, product

import pytest

from campaigns.channel import ChannelName
from campaigns.outcome import MEANING, Outcome, default_positive, of_call, replaces


def possible_on(channel: ChannelName) -> set[Outcome]:
    return {outcome for outcome, meaning in MEANING.items() if channel in meaning.channels}


def test_every_outcome_has_a_meaning() -> None:
    assert set(MEANING) == set(Outcome)


def test_every_outcome_can_happen_somewhere() -> None:
    assert all(meaning.channels for meaning in MEANING.values())


@pytest.mark.parametrize("channel", ChannelName)
def test_each_channel_can_succeed_fail_and_stay_unknown(channel: ChannelName) -> None:
    outcomes = possible_on(channel)
    assert default_positive(channel)
    assert outcomes - default_positive(channel) - {Outcome.UNCERTAIN}
    assert {Outcome.UNCERTAIN, Outcome.BAD_ADDRESS, Outcome.REJECTED, Outcome.FAILED} <= outcomes


@pytest.mark.parametrize(
    ("channel", "positive"),
    [
        (ChannelName.PHONE, {Outcome.HEARD, Outcome.KEY_PRESSED, Outcome.CONNECTED}),
        (ChannelName.SMS, {Outcome.DELIVERED, Outcome.ANSWERED}),
        (
            ChannelName.EMAIL,
            {Outcome.ACCEPTED, Outcome.READ, Outcome.LINK_FOLLOWED, Outcome.ANSWERED},
        ),
    ],
)
def test_by_default_positive_is_what_the_customer_received(
    channel: ChannelName, positive: set[Outcome]
) -> None:
    assert default_positive(channel) == positive


def test_who_turns_a_call_away_was_not_told_and_may_be_called_again() -> None:
    meaning = MEANING[Outcome.DECLINED]
    assert (meaning.reached, meaning.address_is_dead, meaning.settled) == (False, False, True)
    assert possible_on(ChannelName.SMS).isdisjoint({Outcome.DECLINED})


def test_only_what_is_unknown_is_unsettled() -> None:
    assert {o for o, meaning in MEANING.items() if not meaning.settled} == {Outcome.UNCERTAIN}


def test_a_dead_address_never_reached_anybody() -> None:
    assert not any(m.reached for m in MEANING.values() if m.address_is_dead)


def test_every_other_finding_replaces_an_uncertain_one() -> None:
    assert all(replaces(o, Outcome.UNCERTAIN) for o in Outcome if o is not Outcome.UNCERTAIN)
    assert not any(replaces(Outcome.UNCERTAIN, outcome) for outcome in Outcome)


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        (Outcome.DELIVERED, Outcome.NO_RECEIPT),
        (Outcome.BOUNCED, Outcome.ACCEPTED),
        (Outcome.READ, Outcome.ACCEPTED),
        (Outcome.READ, Outcome.BOUNCED),
        (Outcome.READ, Outcome.BAD_ADDRESS),
        (Outcome.LINK_FOLLOWED, Outcome.READ),
        (Outcome.LINK_FOLLOWED, Outcome.ACCEPTED),
        (Outcome.LINK_FOLLOWED, Outcome.BOUNCED),
        (Outcome.ANSWERED, Outcome.LINK_FOLLOWED),
        (Outcome.KEY_PRESSED, Outcome.HEARD),
    ],
)
def test_a_later_stronger_finding_replaces_a_weaker_and_never_the_other_way_round(
    later: Outcome, earlier: Outcome
) -> None:
    assert replaces(later, earlier)
    assert not replaces(earlier, later)


def test_a_receipt_that_comes_twice_changes_nothing() -> None:
    assert not any(replaces(outcome, outcome) for outcome in Outcome)


def test_two_contradicting_receipts_keep_the_first() -> None:
    assert not replaces(Outcome.UNDELIVERED, Outcome.DELIVERED)
    assert not replaces(Outcome.DELIVERED, Outcome.UNDELIVERED)


def test_no_two_outcomes_replace_each_other_in_turn() -> None:
    assert not any(replaces(a, b) and replaces(b, a) for a, b in combinations(Outcome, 2))
    for a, b, c in product(Outcome, repeat=3):
        if replaces(a, b) and replaces(b, c):
            assert replaces(a, c)


SIGNS = (
    Outcome.HEARD,
    Outcome.MACHINE,
    Outcome.KEY_PRESSED,
    Outcome.NOBODY_FREE,
    Outcome.CONNECTED,
)
ENDS = tuple(o for o, meaning in MEANING.items() if ChannelName.PHONE in meaning.channels)


@pytest.mark.parametrize(
    ("sign", "end", "came_to"),
    [
        (None, Outcome.HEARD, Outcome.HEARD),
        (None, Outcome.HUNG_UP, Outcome.HUNG_UP),
        (Outcome.HEARD, Outcome.HUNG_UP, Outcome.HEARD),
        (Outcome.HEARD, Outcome.MACHINE, Outcome.MACHINE),
        (Outcome.HEARD, Outcome.BUSY, Outcome.BUSY),
        (Outcome.HEARD, Outcome.UNCERTAIN, Outcome.HEARD),
        (Outcome.MACHINE, Outcome.HEARD, Outcome.MACHINE),
        (Outcome.MACHINE, Outcome.FAILED, Outcome.FAILED),
        (Outcome.KEY_PRESSED, Outcome.HUNG_UP, Outcome.KEY_PRESSED),
        (Outcome.KEY_PRESSED, Outcome.MACHINE, Outcome.KEY_PRESSED),
        (Outcome.KEY_PRESSED, Outcome.FAILED, Outcome.KEY_PRESSED),
        (Outcome.KEY_PRESSED, Outcome.NOBODY_FREE, Outcome.NOBODY_FREE),
        (Outcome.NOBODY_FREE, Outcome.HEARD, Outcome.NOBODY_FREE),
        (Outcome.NOBODY_FREE, Outcome.CONNECTED, Outcome.CONNECTED),
        (Outcome.CONNECTED, Outcome.HEARD, Outcome.CONNECTED),
        (Outcome.CONNECTED, Outcome.NO_ANSWER, Outcome.CONNECTED),
    ],
)
def test_the_end_of_a_call_and_its_sign_on_the_way_come_to_one_outcome(
    sign: Outcome | None, end: Outcome, came_to: Outcome
) -> None:
    assert of_call(end, sign) is came_to


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("sign", SIGNS)
def test_a_call_never_comes_to_less_than_its_end_or_its_strong_sign(
    sign: Outcome, end: Outcome
) -> None:
    came_to = of_call(end, sign)
    assert came_to in (sign, end)
    assert not replaces(end, came_to)
    assert not replaces(sign, came_to)


@pytest.mark.parametrize("sign", [None, *SIGNS])
@pytest.mark.parametrize("end", ENDS)
def test_who_asked_for_an_operator_was_connected_or_asked_in_vain(
    sign: Outcome | None, end: Outcome
) -> None:
    came_to = of_call(end, sign, asked_operator=True)
    if (sign, end) == (None, Outcome.UNCERTAIN):
        assert came_to is Outcome.UNCERTAIN
    else:
        assert came_to in (Outcome.CONNECTED, Outcome.NOBODY_FREE)
