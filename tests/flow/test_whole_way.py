"""A campaign from its plan to its end, and the sandbox's own count beside the ledger's."""

from campaigns.delivery import Status
from tests.flow.rehearsing import ALL, EMAIL, PHONE, SMS, Rehearsal, customer


def test_who_answers_is_reached_once_on_every_channel(rehearsal: Rehearsal) -> None:
    rehearsal.launch([customer("1", "+79160000001", "anna@example.com")])
    rehearsal.run(rehearsal.campaigns[0].end_at)
    assert {row.status for row in rehearsal.rows().values()} == {Status.POSITIVE}
    assert sorted(one.channel for one in rehearsal.taken()) == [EMAIL, PHONE, SMS]
    assert len(rehearsal.attempts()) == len(ALL)
