"""Names of senders in encoded words that hold signs of the grammar around them."""

import time

import pytest

from campaigns.inquiry.letter import Mailbox
from channels.mailbox.addresses import mailboxes


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("=?utf-8?Q?a:_evil@x.example?= <ivan@example.org>", "a: evil@x.example"),
        ("=?utf-8?Q?a:_<evil@x.example>?= <ivan@example.org>", "a: <evil@x.example>"),
        ("=?utf-8?Q?a,_b;_c?= <ivan@example.org>", "a, b; c"),
        ("=?utf-8?Q?a(b?= <ivan@example.org>", "a(b"),
        ('=?utf-8?Q?a"b?= <ivan@example.org>', 'a"b'),
        ("Mr =?utf-8?Q?a:b?= Jr <ivan@example.org>", "Mr a:b Jr"),
        ("ivan@example.org (=?utf-8?Q?a)b:c?=)", "a)b:c"),
    ],
)
def test_what_an_encoded_word_holds_is_a_name_and_no_address(value: str, name: str) -> None:
    assert mailboxes([value], 9) == (Mailbox("ivan@example.org", name),)


def test_name_and_address_encoded_together_are_taken_apart_without_the_encoding() -> None:
    assert mailboxes(["=?utf-8?Q?Ivan_<ivan@example.org>?="], 9) == (
        Mailbox("ivan@example.org", "Ivan"),
    )
    # Decoded, it is a group's name and its member.
    assert mailboxes(["=?utf-8?Q?a:_ivan@example.org?="], 9) == (Mailbox("ivan@example.org", ""),)


def test_what_only_begins_like_an_encoded_word_is_read_as_it_stands() -> None:
    assert mailboxes(["=?x: =?utf-8?Q?a ivan@example.org, =?= <b@example.org>"], 9)[0] == (
        Mailbox("ivan@example.org", "=?utf-8?Q?a")
    )


@pytest.mark.parametrize("piece", ["=?", "=?a?q?", "=?a?q?x", "=?a?q?x?= ", '=?a?q?"?=', "=?a?q?("])
def test_a_megabyte_of_beginnings_takes_no_time(piece: str) -> None:
    begun_at = time.perf_counter()
    mailboxes([piece * (1_000_000 // len(piece)) + "<ivan@example.org>"], 9)
    assert time.perf_counter() - begun_at < 5
