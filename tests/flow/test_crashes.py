"""The process dies at any line between "attempt opened" and "outcome written"."""

import multiprocessing
from datetime import timedelta

import pytest

from campaigns.channel import ChannelName
from campaigns.delivery import Status
from tests.flow.conftest import Rehearse
from tests.flow.dying import DIED, POINTS, live_until
from tests.flow.rehearsing import (
    DAY,
    EMAIL,
    HOUR,
    PHONE,
    SMS,
    Rehearsal,
    customer,
    scenario_text,
)

NUMBER, ADDRESS = "+79160000001", "anna@example.com"
ANNA = customer("1", NUMBER, ADDRESS)
OTHER_NUMBER = "+79160000002"
# Forked from a process without threads, which has read all the libraries once.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.flow.dying"])
# Of what nobody can be sure, there may be a message; of the others it is known that there is none.
UNSENT = POINTS[0]
WRITTEN = POINTS[6]
HANDED_OVER = POINTS[3:]


def let_die(rehearsal: Rehearsal, point: str) -> None:
    """A process of its own takes the campaign up, and dies at the point."""
    arguments = (
        point,
        rehearsal.engine.settings,
        rehearsal.clock.now(),
        rehearsal.engine.receipts_url,
    )
    child = FORKS.Process(target=live_until, args=arguments)
    child.start()
    child.join(60)
    assert child.exitcode == DIED


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("channel", [PHONE, SMS, EMAIL])
def test_whoever_dies_contacts_nobody_twice(
    rehearse: Rehearse, channel: ChannelName, point: str
) -> None:
    """After the restart: uncertain, unless it is known that nothing was sent, or what came of it.

    No receipt comes here. The provider's list tells whether it was sent; if it was not, it goes by
    the cadence. Nor does a call get its words: it is short, with which this scenario is content.
    """
    rehearsal = rehearse()
    content = {"phone": 'positive = ["hung_up"]'} if channel is PHONE else {}
    rehearsal.launch([ANNA], scenario_text(channel.value, rules=content))
    rehearsal.endpoint.stop()
    let_die(rehearsal, point)
    sent = len(rehearsal.taken())
    assert sent == (1 if point in HANDED_OVER else 0)

    rescued = rehearsal.works.loop.recover()

    if point == UNSENT:
        assert rescued == 0
        assert not rehearsal.attempts()
        assert rehearsal.status("1", channel) is Status.PENDING
        return
    if point == WRITTEN:
        assert rescued == 0
        assert rehearsal.status("1", channel) is Status.AWAITING
        assert rehearsal.attempts()[0].reference == rehearsal.taken()[0].reference
        return
    assert rescued == 1
    assert rehearsal.outcomes() == ["uncertain"]
    if channel is SMS:
        # Somebody else's, by which the gate's list proves that it shows what it has.
        rehearsal.launch([customer("2", OTHER_NUMBER)], scenario_text("sms"))
    rehearsal.run(13 * DAY)
    if channel is EMAIL:
        references = {one.reference for one in rehearsal.taken()}
        assert (len(rehearsal.taken()), len(references)) == (sent + 1, 1)
        assert [(a.number, a.sends) for a in rehearsal.attempts()] == [(1, 2)]
        assert rehearsal.status("1", EMAIL) is Status.POSITIVE
    else:
        reached = "hung_up" if channel is PHONE else "delivered"
        assert len([one for one in rehearsal.taken() if one.contact_point != OTHER_NUMBER]) == 1
        assert rehearsal.status("1", channel) is Status.POSITIVE
        assert rehearsal.outcomes() == ([reached] if sent else ["not_taken", reached])


@pytest.mark.parametrize("channel", [PHONE, SMS])
def test_a_call_or_sms_that_was_handed_over_before_the_death_is_settled_by_its_receipt(
    rehearsal: Rehearsal, channel: ChannelName
) -> None:
    rehearsal.launch([ANNA], scenario_text(channel.value))
    let_die(rehearsal, POINTS[4])
    rehearsal.works.loop.recover()
    assert rehearsal.status("1", channel) is Status.UNCERTAIN
    rehearsal.run(HOUR)
    assert rehearsal.status("1", channel) is Status.POSITIVE
    assert len(rehearsal.taken()) == len(rehearsal.attempts()) == 1


def test_what_was_never_opened_is_sent_once_after_the_restart(rehearsal: Rehearsal) -> None:
    rehearsal.launch([ANNA])
    let_die(rehearsal, UNSENT)
    rehearsal.works.loop.recover()
    rehearsal.run(2 * DAY)
    assert len(rehearsal.taken()) == 3
    assert {row.status for row in rehearsal.rows().values()} == {Status.POSITIVE}


def test_other_machines_call_it_uncertain_when_the_lease_is_over(rehearsal: Rehearsal) -> None:
    """Several machines, and nobody restarts the dead one: the lease tells."""
    rehearsal.launch([ANNA], scenario_text("phone"))
    rehearsal.endpoint.stop()
    let_die(rehearsal, POINTS[1])
    lease = timedelta(seconds=rehearsal.engine.settings.lease_seconds)
    rehearsal.clock.move_to(rehearsal.clock.now() + lease - timedelta(seconds=1))
    assert rehearsal.works.loop.tick().uncertain == 0
    rehearsal.clock.move_to(rehearsal.clock.now() + timedelta(seconds=1))
    assert rehearsal.works.loop.tick().uncertain == 1
    assert rehearsal.works.loop.tick().uncertain == 0
    assert rehearsal.status("1", PHONE) is Status.UNCERTAIN
    assert not rehearsal.taken()


def test_recovering_twice_finds_nothing_the_second_time(rehearsal: Rehearsal) -> None:
    rehearsal.launch([ANNA])
    let_die(rehearsal, POINTS[1])
    assert rehearsal.works.loop.recover() == 1
    assert rehearsal.works.loop.recover() == 0
