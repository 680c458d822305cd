"""What IMAP servers answer, in the shapes that the protocol allows and in some it does not."""

import random
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.mailbox.backoff import Backoff
from channels.mailbox.imap_answers import Measure, bodies, instant, measures, uid_set
from channels.mailbox.imap_memory import FolderMemory
from channels.mailbox.imap_troubles import Trouble, is_passing, trouble_of, words

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_texts_are_found_wherever_the_server_names_the_uid() -> None:
    answer = [
        (b"1 (UID 5 BODY[] {3}", b"one"),
        b")",
        b"2 (FLAGS (\\Seen) UID 9)",  # somebody read another letter meanwhile
        (b"3 (FLAGS () BODY[] {3}", b"two"),
        b" UID 6)",
        b'4 (UID 7 BODY[] "th\\"ree")',
        b"5 (UID 8 BODY[] NIL)",
        (b"6 (BODY[]<0> {4} ", b"four"),
        b" UID 10 FLAGS (\\Recent))",
        None,
    ]
    assert bodies(answer) == {5: b"one", 6: b"two", 7: b'th"ree', 10: b"four"}


def test_a_letter_that_the_server_sends_twice_is_the_first_one() -> None:
    answer = [(b"1 (UID 5 BODY[] {3}", b"one"), b")", (b"1 (UID 5 BODY[] {3}", b"two"), b")"]
    assert bodies(answer) == {5: b"one"}


def test_sizes_and_arrivals_come_in_any_order_and_nonsense_is_left_out() -> None:
    answer = [
        b'1 (INTERNALDATE " 7-Jul-2026 02:44:25 -0700" UID 5 RFC822.SIZE 10)',
        b'2 (UID 6 RFC822.SIZE 999999999999 INTERNALDATE "yesterday")',
        b"3 (UID 7 FLAGS ())",
        None,
        (b"4 (UID 8 RFC822.SIZE 4 X {1}", b"x"),
        b")",
    ]
    zone = timezone(-timedelta(hours=7))
    assert measures(answer) == {
        5: Measure(10, datetime(2026, 7, 7, 2, 44, 25, tzinfo=zone)),
        6: Measure(2**31 - 1, None),
        8: Measure(4, None),
    }


@pytest.mark.parametrize(
    "told", [b"", b"31-Feb-2026 00:00:00 +0000", b"1-Foo-2026 00:00:00 +0000", b"\xff", b"1-Jan"]
)
def test_an_arrival_that_is_no_date_is_none(told: bytes) -> None:
    assert instant(told) is None


@given(
    st.lists(
        st.one_of(st.none(), st.binary(max_size=60), st.tuples(st.binary(max_size=60), st.binary()))
    )
)
def test_no_answer_makes_reading_it_fail(answer: list[object]) -> None:
    bodies(answer)
    measures(answer)


@pytest.mark.parametrize(
    "worst",
    [b'BODY[] "' * 120_000, b'BODY[] "' + b"\\" * 1_000_000, b"UID " * 250_000, b"(" * 1_000_000],
)
def test_a_megabyte_of_the_worst_answer_is_read_in_one_pass(worst: bytes) -> None:
    began = time.monotonic()
    bodies([worst])
    measures([worst])
    assert time.monotonic() - began < 3


@given(st.sets(st.integers(min_value=1, max_value=60)))
def test_a_set_of_uids_names_each_once(uids: set[int]) -> None:
    named: list[int] = []
    for run in uid_set(uids).split(","):
        if run:
            first, _colon, last = run.partition(":")
            named += range(int(first), int(last or first) + 1)
    assert named == sorted(uids)


def test_the_wait_doubles_to_its_limit_with_some_chance_and_starts_anew() -> None:
    backoff = Backoff(20.0, dice=random.Random(7))
    waits = [backoff.next_seconds() for _each in range(8)]
    limits = [1, 2, 4, 8, 16, 20, 20, 20]
    assert all(limit / 2 <= wait <= limit for wait, limit in zip(waits, limits, strict=True))
    assert len({round(wait / limit, 6) for wait, limit in zip(waits, limits, strict=True)}) == 8
    backoff.reset()
    assert backoff.next_seconds() <= 1


def test_a_letter_that_failed_is_tried_at_once_alone_and_then_less_and_less_often() -> None:
    clock = [100.0]
    memory = FolderMemory(lambda: clock[0])
    memory.turn_to(1)
    memory.arrived(7, NOON)
    memory.put_off(7)
    assert memory.unknown([7, 8]) == [7, 8]
    assert memory.is_suspect(7)
    assert (memory.stuck, memory.put_off_count, memory.oldest_at) == (0, 1, NOON)
    memory.put_off(7)
    assert memory.stuck == 1
    assert memory.unknown([7, 8]) == [8]
    assert memory.seconds_until_due() == 5
    clock[0] += 5
    assert memory.unknown([7, 8]) == [7, 8]
    for _each in range(10):
        memory.put_off(7)
    assert memory.seconds_until_due() == 1800


def test_what_vanished_or_belongs_to_another_folder_is_forgotten() -> None:
    memory = FolderMemory(lambda: 0.0)
    memory.turn_to(1)
    memory.is_over([1, 2])
    memory.put_off(3)
    memory.arrived(3, NOON)
    assert memory.unknown([1, 2, 4]) == [4]
    assert (memory.put_off_count, memory.oldest_at) == (0, None)
    assert memory.unknown([1, 2, 4]) == [4]
    memory.turn_to(2)
    assert memory.unknown([1, 2, 4]) == [1, 2, 4]


@pytest.mark.parametrize(
    ("told", "passing"),
    [
        (("NO", [b"[UNAVAILABLE] Temporary authentication failure."]), True),
        (("NO", [b"[AUTHENTICATIONFAILED] Authentication failed."]), False),
        (("NO", [b"wrong"]), False),
    ],
)
def test_a_server_that_cannot_ask_for_the_password_is_not_said_to_refuse_it(
    told: object, passing: bool
) -> None:
    assert is_passing(told) is passing


def test_every_trouble_has_words_without_the_errors_own() -> None:
    assert len({words(trouble) for trouble in Trouble}) == len(Trouble)
    assert trouble_of(ValueError("secret")) is Trouble.STRANGE
    assert "secret" not in words(trouble_of(OSError("secret")))
