"""When a mailbox was first looked into, on both databases: kept once, for ever."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from channels.mailbox.look import FirstLook
from dispatcher.ledger import Ledger, mailboxes
from dispatcher.ledger.mailboxes import MailboxState

NOON = datetime(2026, 9, 7, 9, 0, tzinfo=UTC)
FIRST = FirstLook(NOON, 2**32 - 1, 2**32 - 1)
LATER = FirstLook(NOON + timedelta(days=9), 2, 20)


def keep(ledger: Ledger, look: FirstLook, name: str = "info") -> FirstLook:
    with ledger.write() as tx:
        return mailboxes.first_look(tx, name, look)


def states(ledger: Ledger) -> list[MailboxState]:
    with ledger.read() as tx:
        return list(mailboxes.everything(tx))


def test_the_first_look_is_kept_and_later_ones_are_told_of_it(ledger: Ledger) -> None:
    assert keep(ledger, FIRST) == FIRST
    assert keep(ledger, LATER) == FIRST
    assert keep(ledger, LATER, "other") == LATER
    with ledger.write() as tx:
        mailboxes.note(tx, MailboxState("info", NOON, 1, NOON, 2143))
    assert keep(ledger, LATER) == FIRST
    assert states(ledger)[0].left_alone == 2143


def test_who_could_not_look_before_looks_first_now(ledger: Ledger) -> None:
    with ledger.write() as tx:
        mailboxes.note(tx, MailboxState("info", None, trouble="no connection"))
    assert keep(ledger, FIRST) == FIRST
    assert states(ledger) == [MailboxState("info", None, trouble="no connection")]


def test_robots_that_look_at_the_same_moment_agree(ledger: Ledger) -> None:
    looks = [FirstLook(NOON, 1, number) for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        told = set(pool.map(lambda look: keep(ledger, look), looks))
    assert len(told) == 1
