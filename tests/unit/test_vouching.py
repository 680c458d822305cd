"""Whose letter is it? From's own, or that of somebody who forged it."""

import time

import pytest

from campaigns.inquiry.letter import Letter, Mailbox
from campaigns.inquiry.vouching import is_vouched_for

ANNA = "anna@mail.example"


def letter(path: str | None, *senders: str, **headers: str) -> Letter:
    return Letter(
        senders=tuple(map(Mailbox, senders or (ANNA,))),
        return_path=path,
        headers={name.replace("_", "-"): (value,) for name, value in headers.items()},
    )


@pytest.mark.parametrize("path", [ANNA, f"<{ANNA}>", "Anna+x@MAIL.example"])
def test_what_left_the_senders_own_mailbox_is_vouched_for(path: str) -> None:
    assert is_vouched_for(letter(path))


@pytest.mark.parametrize("path", [None, "", "<>", "boris@mail.example", "anna@other.example"])
def test_what_left_another_mailbox_is_not(path: str | None) -> None:
    assert not is_vouched_for(letter(path))


def test_nobody_and_several_are_not_vouched_for() -> None:
    assert not is_vouched_for(letter(ANNA, ANNA, "boris@mail.example"))
    assert not is_vouched_for(Letter(return_path=ANNA))


@pytest.mark.parametrize(
    ("value", "is_vouched"),
    [
        ("mx.energo.example; spf=pass; dkim=pass; dmarc=pass", True),
        ("mx.energo.example; spf=none; dkim=none", True),
        ("mx.energo.example; spf=fail smtp.mailfrom=anna@mail.example", False),
        ("mx.energo.example; spf=softfail", False),
        ("mx.energo.example; SPF = FAIL", False),
        ("mx.energo.example; dkim=fail (body hash did not verify)", False),
        ("mx.energo.example; dmarc=fail (p=none)", False),
        ("mx.energo.example; dkim=permerror", False),
        ("mx.energo.example; spf=fail (forwarded); dkim=pass; dmarc=pass", True),
    ],
)
def test_a_check_that_failed_outweighs_the_envelope(value: str, is_vouched: bool) -> None:
    assert is_vouched_for(letter(ANNA, authentication_results=value)) is is_vouched


@pytest.mark.parametrize(
    ("value", "is_vouched"), [("Pass (x)", True), ("fail", False), ("SoftFail (x)", False)]
)
def test_an_older_header_tells_as_much(value: str, is_vouched: bool) -> None:
    assert is_vouched_for(letter(ANNA, received_spf=value)) is is_vouched


@pytest.mark.parametrize("piece", ["spf ", "spf=", " ", "dmarc=pas", "="])
def test_a_megabyte_of_anything_takes_no_time(piece: str) -> None:
    value = piece * (1_000_000 // len(piece))
    started = time.perf_counter()
    is_vouched_for(letter(ANNA, authentication_results=value, received_spf=value))
    assert time.perf_counter() - started < 2
