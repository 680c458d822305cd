"""E-mail by SMTP: the envelope as one group of commands, and connections that outlive a batch."""

import asyncio
import contextlib
import gc
import itertools
import ssl
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.outcome import Outcome
from channels.base import Handover, HandoverKind, MailMessage
from channels.email.connections import ConnectionPool, MailServer
from channels.email.envelope import EnvelopeAddress, UnsafeAddress, envelope_address
from channels.email.smtp import SmtpChannel, TlsMode
from tests.channels.servers import CLOSE, HOLD, ScriptedSmtp
from tests.channels.smtp_groups import AGREED, GroupServer, Script
from tests.channels.twins import deliver, letter

YES, THEIRS, GO_ON, TAKEN = AGREED
GROUPS = {"EHLO": "250-scripted\r\n250 PIPELINING"}
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def channel(port: int, timeout_seconds: float = 5.0) -> SmtpChannel:
    return SmtpChannel(
        "127.0.0.1", port, tls="none", timeout_seconds=timeout_seconds, concurrency=1
    )


def two_letters() -> tuple[MailMessage, MailMessage]:
    return letter("anna@example.com"), letter("oleg@example.com", name="2")


def kinds(handovers: list[Handover]) -> list[HandoverKind]:
    return [handover.kind for handover in handovers]


def test_the_envelope_goes_out_in_one_group_where_the_server_takes_groups() -> None:
    with GroupServer() as server:
        handovers = deliver(channel(server.port), *two_letters())
    assert kinds(handovers) == [HandoverKind.ACCEPTED] * 2
    [heard] = server.connections
    assert heard.groups == [
        f"MAIL FROM:<energy@example.com>\r\nRCPT TO:<{name}@example.com>\r\nDATA\r\n".encode()
        for name in ("anna", "oleg")
    ]
    assert [one.count(b"Message-ID") for one in heard.letters] == [1, 1]


def test_a_server_that_offers_no_groups_is_spoken_to_step_by_step() -> None:
    with ScriptedSmtp({"MAIL": "550 5.7.1 no"}) as server:
        deliver(channel(server.port), letter("anna@example.com"))
    assert [command[:4] for command in server.commands] == ["EHLO", "MAIL", "QUIT"]


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("trouble", [HOLD, CLOSE, "nonsense"], ids=["silent", "cut", "nonsense"])
def test_trouble_within_a_group_is_postponed_and_nothing_is_sent(
    command: str, trouble: object
) -> None:
    with ScriptedSmtp(GROUPS | {command: trouble}) as server:
        [handover] = deliver(channel(server.port, 0.3), letter("anna@example.com"))
    assert handover.kind is HandoverKind.POSTPONED
    assert not any(server.letters)


@pytest.mark.parametrize("trouble", [HOLD, CLOSE, "nonsense", "354 and?", "199 well"])
def test_trouble_after_the_letter_of_a_group_is_uncertain(trouble: object) -> None:
    with ScriptedSmtp(GROUPS | {"END": trouble}) as server:
        [handover] = deliver(channel(server.port, 0.3), letter("anna@example.com"))
    assert (handover.kind, handover.reference) == (HandoverKind.UNCERTAIN, "<1@mail.example.com>")
    assert len(server.letters) == 1


def test_after_a_group_that_was_refused_the_next_one_begins_with_a_reset() -> None:
    with GroupServer(Script((YES, b"550 5.1.1 nobody", b"503 no recipients"))) as server:
        first, second = deliver(channel(server.port), *two_letters())
    assert (first.kind, first.outcome) == (HandoverKind.REFUSED, Outcome.BAD_ADDRESS)
    assert second.kind is HandoverKind.ACCEPTED
    [heard] = server.connections
    assert [group.startswith(b"RSET\r\nMAIL") for group in heard.groups] == [False, True]


@pytest.mark.parametrize("verdict", [b"554 5.5.1 no valid recipients", b"250 taken, for nobody"])
def test_a_letter_for_nobody_is_ended_by_a_lone_dot_and_counts_for_nothing(verdict: bytes) -> None:
    """RFC 2920, section 3.1: DATA may be agreed to though no recipient was."""
    with GroupServer(Script((YES, b"550 5.1.1 nobody", GO_ON, verdict))) as server:
        first, second = deliver(channel(server.port), *two_letters())
    assert (first.kind, first.outcome) == (HandoverKind.REFUSED, Outcome.BAD_ADDRESS)
    assert second.kind is HandoverKind.ACCEPTED
    [heard] = server.connections
    assert heard.letters[0] == b".\r\n"
    assert heard.letters[1].startswith(b"Message-ID: <2@mail.example.com>")
    assert heard.groups[1].startswith(b"RSET\r\n")


@pytest.mark.parametrize("end", [None, b"nonsense"])
def test_a_server_that_goes_away_at_the_lone_dot_changes_nothing(end: bytes | None) -> None:
    with GroupServer(Script((YES, b"550 5.1.1 nobody", GO_ON, end))) as server:
        first, second = deliver(channel(server.port), *two_letters())
    assert kinds([first, second]) == [HandoverKind.REFUSED, HandoverKind.ACCEPTED]
    assert len(server.connections) == 2


@pytest.mark.parametrize("theirs", [THEIRS, b"354 what?"])
def test_a_recipient_whose_sender_was_refused_gets_no_empty_letter(theirs: bytes) -> None:
    """A dot would send one: the connection is cut without it."""
    with GroupServer(Script((b"550 5.7.1 not you", theirs, GO_ON))) as server:
        first, second = deliver(channel(server.port), *two_letters())
    assert kinds([first, second]) == [HandoverKind.REFUSED, HandoverKind.ACCEPTED]
    assert server.connections[0].letters == [b""]
    assert len(server.connections) == 2


@pytest.mark.parametrize(
    ("answers", "kind", "about_recipient"),
    [
        ((b"550 5.7.1 not you", b"503 first MAIL", b"503 first MAIL"), HandoverKind.REFUSED, False),
        ((YES, b"450 4.2.0 greylisted", b"554 nobody"), HandoverKind.POSTPONED, True),
        ((YES, b"421 4.3.2 going down", None), HandoverKind.POSTPONED, False),
        ((YES, THEIRS, b"421 4.3.2 going down"), HandoverKind.POSTPONED, False),
        ((YES, THEIRS, b"250 already?"), HandoverKind.POSTPONED, False),
        ((b"250-2.1.0 yes\r\n250 yours", b"550-5.1.1\r\n550 5.1.1 no", b"503 no"),
         HandoverKind.REFUSED, False),
        ((b"550 5.7.1 not you", None), HandoverKind.REFUSED, False),
    ],
)  # fmt: skip
def test_the_first_step_that_was_not_agreed_to_decides(
    answers: tuple[bytes | None, ...], kind: HandoverKind, about_recipient: bool
) -> None:
    with GroupServer(Script(answers)) as server:
        first, second = deliver(channel(server.port), *two_letters())
    assert (first.kind, first.about_recipient) == (kind, about_recipient)
    assert second.kind is HandoverKind.ACCEPTED
    assert [one.count(b"Message-ID") for one in server.letters] == [1]


def test_a_kept_connection_told_to_go_within_a_group_is_opened_anew() -> None:
    with GroupServer(Script(), Script((b"421 4.4.2 idle too long", None))) as server:
        handovers = deliver(channel(server.port), *two_letters())
    assert kinds(handovers) == [HandoverKind.ACCEPTED] * 2
    assert len(server.connections) == len(server.letters) == 2


def test_an_answer_too_many_beside_354_stops_the_letter() -> None:
    """It would be taken for the verdict."""
    with GroupServer(Script(beside_354=b"250 2.0.0 taken\r\n")) as server:
        first, second = deliver(channel(server.port), *two_letters())
    assert kinds([first, second]) == [HandoverKind.POSTPONED, HandoverKind.ACCEPTED]
    assert server.connections[0].letters == [b""]


def test_what_a_server_says_unasked_ends_the_connection_and_costs_no_letter() -> None:
    with GroupServer(Script(after_verdict=b"421 4.4.2 good bye\r\n")) as server:
        handovers = deliver(channel(server.port), *two_letters())
    assert kinds(handovers) == [HandoverKind.ACCEPTED] * 2
    assert len(server.connections) == len(server.letters) == 2


def test_an_answer_that_never_ends_is_given_up() -> None:
    with ScriptedSmtp(GROUPS | {"MAIL": "250-x\r\n" * 8000 + "250 x"}) as server:
        [handover] = deliver(channel(server.port), letter("anna@example.com"))
    assert handover.kind is HandoverKind.POSTPONED


codes = st.sampled_from([b"250", b"251", b"354", b"421", b"450", b"452", b"503", b"550", b"554"])


@settings(max_examples=60, deadline=None)
@given(st.tuples(codes, codes, codes, codes), st.lists(st.integers(1, 40), max_size=6))
def test_however_a_group_is_answered_the_letter_goes_only_when_all_of_it_was_agreed_to(
    said: tuple[bytes, bytes, bytes, bytes], cuts: list[int]
) -> None:
    def pieces(data: bytes) -> list[bytes]:
        edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
        return [data[a:b] for a, b in itertools.pairwise(edges)]

    with GroupServer(Script([code + b" 0.0.0 so" for code in said], pieces)) as server:
        [handover] = deliver(channel(server.port), letter("anna@example.com"))
    mail, rcpt, data, end = (int(code) for code in said)
    agreed = mail < 300 and rcpt < 300 and data == 354
    # A fresh connection that is told 421 at once is not tried again.
    whole = [one for one in server.letters if b"Message-ID" in one]
    assert len(whole) == agreed
    assert (handover.kind is HandoverKind.ACCEPTED) is (agreed and end < 300)
    assert (handover.kind is HandoverKind.UNCERTAIN) is (agreed and 300 <= end < 400)
    if b".\r\n" in server.letters:  # lone dots: only where there is nobody to give them to
        assert rcpt >= 400


def test_a_letter_that_is_called_off_takes_its_connection_along() -> None:
    with ScriptedSmtp(GROUPS | {"RCPT": HOLD}) as server:
        mail = channel(server.port)

        async def call_off() -> None:
            async with mail:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(mail.deliver(letter("anna@example.com")), 0.1)

        asyncio.run(call_off())
        gc.collect()
    assert server.letters == []


# Connections that outlive a batch.


@pytest.fixture(params=LOOPS)
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    """One event loop for several batches, as a worker's thread has it."""
    make: Callable[[], asyncio.AbstractEventLoop] = LOOPS[request.param]
    with asyncio.Runner(loop_factory=make) as runner:
        yield runner
    gc.collect()  # what was left open would warn now


def test_batches_of_one_loop_share_their_connection(runner: asyncio.Runner) -> None:
    with GroupServer() as server:
        mail = channel(server.port)
        runner.run(mail.__aenter__())
        for message in two_letters():
            assert runner.run(mail.deliver(message)).kind is HandoverKind.ACCEPTED
        runner.run(mail.__aexit__(None, None, None))
    assert len(server.connections) == 1
    assert server.connections[0].farewell == b"QUIT\r\n"


def test_a_server_that_went_away_between_batches_costs_no_letter(runner: asyncio.Runner) -> None:
    with GroupServer() as server:
        mail = channel(server.port)
        runner.run(mail.__aenter__())
        for message in two_letters():
            assert runner.run(mail.deliver(message)).kind is HandoverKind.ACCEPTED
            server.cut()
            assert server.left.acquire(timeout=5)
        runner.run(mail.__aexit__(None, None, None))
    assert len(server.connections) == len(server.letters) == 2


def server_at(port: int) -> MailServer:
    return MailServer("127.0.0.1", port, None, None, "none", 5.0, True, None, None)


def test_a_connection_nobody_needs_is_said_goodbye_to(runner: asyncio.Runner) -> None:
    with GroupServer() as server:

        async def idle() -> bool:
            pool = ConnectionPool(server_at(server.port), 1, longest_idle_seconds=0.05)
            pool.put_back((await pool.take())[0])
            left = await asyncio.to_thread(server.left.acquire, timeout=5)
            await pool.close()
            return left

        assert runner.run(idle())
    assert server.connections[0].farewell == b"QUIT\r\n"


def test_a_connection_idle_for_too_long_is_not_used_again(runner: asyncio.Runner) -> None:
    with GroupServer() as server:

        async def take_twice() -> tuple[bool, bool]:
            pool = ConnectionPool(server_at(server.port), 1, longest_idle_seconds=0)
            first, _fresh = await pool.take()
            pool.put_back(first)
            second, fresh = await pool.take()
            pool.put_back(second)
            await pool.close()
            return second is first, fresh

        assert runner.run(take_twice()) == (False, True)
    assert [heard.farewell for heard in server.connections] == [b"QUIT\r\n"] * 2


@pytest.mark.parametrize("tls", ["tls", "starttls"])
@pytest.mark.parametrize("end", ["250 taken", CLOSE], ids=["taken", "cut"])
def test_over_tls_letters_go_by_any_event_loop_and_leave_nothing_open(
    runner: asyncio.Runner,
    tls: TlsMode,
    end: object,
    server_tls: ssl.SSLContext,
    client_tls: ssl.SSLContext,
) -> None:
    offer = {"EHLO": "250-scripted\r\n250-STARTTLS\r\n250 PIPELINING", "STAR": "220 go", "END": end}
    contexts = {"tls": server_tls} if tls == "tls" else {"starttls": server_tls}
    with ScriptedSmtp(offer, **contexts) as server:
        mail = SmtpChannel(
            "127.0.0.1", server.port, tls=tls, timeout_seconds=5.0, tls_context=client_tls
        )

        async def batch() -> list[Handover]:
            async with mail:
                return [await mail.deliver(message) for message in two_letters()]

        handovers = runner.run(batch())
    expected = HandoverKind.UNCERTAIN if end is CLOSE else HandoverKind.ACCEPTED
    assert kinds(handovers) == [expected] * 2
    assert len(server.letters) == 2


# Addresses.


@pytest.mark.parametrize("domain", ["x\uff1e.рф", "x\u3000y.рф", "\uff1cx.рф"])
def test_a_domain_that_would_turn_into_brackets_or_spaces_is_refused(domain: str) -> None:
    with pytest.raises(UnsafeAddress):
        envelope_address(f"anna@{domain}")


def test_a_domain_in_full_width_letters_is_a_domain() -> None:
    assert envelope_address("anna@\uff58.рф") == EnvelopeAddress("anna@x.xn--p1ai", False)


# The envelope of the next letter, behind the end of this one.


def chain(
    mail: SmtpChannel, *messages: MailMessage, goes: Callable[[MailMessage], bool] = lambda _m: True
) -> list[Handover]:
    """Deliver one after the other, each announced with the one before; `goes`: whether an announced
    one goes when its turn has come."""

    async def batch() -> list[Handover]:
        handovers = []
        waiting = list(messages)
        async with mail:
            while waiting:
                message = waiting.pop(0)
                if goes(message):
                    following = iter(waiting[:1])
                    follows = partial(next, following, None)
                    handovers.append(await mail.deliver(message, follows))
                else:
                    mail.take_back(message)
        return handovers

    return asyncio.run(batch())


def three_letters() -> tuple[MailMessage, ...]:
    return tuple(letter(f"{name}@example.com", name=name) for name in ("1", "2", "3"))


def test_the_next_envelope_goes_out_with_the_end_of_a_letter() -> None:
    with GroupServer(announced=2) as server:
        handovers = chain(channel(server.port), *three_letters())
    assert kinds(handovers) == [HandoverKind.ACCEPTED] * 3
    [heard] = server.connections
    assert all(f"RCPT TO:<{n}@".encode() in heard.groups[n - 1] for n in (1, 2, 3))
    assert [one.count(b"Message-ID") for one in heard.letters] == [1, 1, 1]
    assert heard.farewell == b"QUIT\r\n"


def test_a_server_that_offers_no_groups_is_told_of_no_next_letter() -> None:
    with ScriptedSmtp({}) as server:
        handovers = chain(channel(server.port), *three_letters())
    assert kinds(handovers) == [HandoverKind.ACCEPTED] * 3
    assert len(server.letters) == 3


@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (b"550 5.7.1 spam", HandoverKind.REFUSED),
        (b"451 4.3.0 later", HandoverKind.POSTPONED),
        (b"421 4.3.2 going down", HandoverKind.POSTPONED),
        (b"354 and?", HandoverKind.UNCERTAIN),
        (None, HandoverKind.UNCERTAIN),
    ],
)
def test_whatever_is_said_of_a_letter_the_one_behind_it_arrives_once(
    end: bytes | None, kind: HandoverKind
) -> None:
    with GroupServer(Script((YES, THEIRS, GO_ON, end))) as server:
        first, second = chain(channel(server.port), *two_letters())
    assert kinds([first, second]) == [kind, HandoverKind.ACCEPTED]
    assert [one.count(b"<2@mail") for one in server.letters if one.endswith(b".\r\n")] == [0, 1]


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ((b"550 5.7.1 not you", b"503 no", b"503 no"), HandoverKind.REFUSED),
        ((YES, b"550 5.1.1 nobody", b"503 no recipients"), HandoverKind.REFUSED),
        ((YES, b"550 5.1.1 nobody", GO_ON, TAKEN), HandoverKind.REFUSED),
        ((YES, b"450 4.2.0 greylisted", b"554 nobody"), HandoverKind.POSTPONED),
        ((YES, THEIRS, b"451 4.3.0 later"), HandoverKind.POSTPONED),
        # Over a fresh connection.
        ((YES, THEIRS, None), HandoverKind.ACCEPTED),
        ((b"421 4.4.2 idle too long", None), HandoverKind.ACCEPTED),
        ((None,), HandoverKind.ACCEPTED),
    ],
)
def test_what_is_said_to_an_announced_envelope_is_about_its_own_letter(
    answers: tuple[bytes | None, ...], kind: HandoverKind
) -> None:
    with GroupServer(Script(), Script(answers)) as server:
        first, second, third = chain(channel(server.port), *three_letters())
    assert kinds([first, second, third]) == [HandoverKind.ACCEPTED, kind, HandoverKind.ACCEPTED]
    whole = [one for one in server.letters if b"Message-ID" in one]
    assert len(whole) == 2 + (kind is HandoverKind.ACCEPTED)


def test_of_an_announced_letter_that_is_taken_back_nothing_is_sent() -> None:
    """The server waits for it, and for no other: its connection is of no use any more."""
    with GroupServer() as server:
        _first, second, third = messages = three_letters()
        handovers = chain(channel(server.port), *messages, goes=lambda one: one is not second)
    assert kinds(handovers) == [HandoverKind.ACCEPTED] * 2
    assert server.connections[0].letters[-1] == b""
    whole = [one for one in server.letters if b"Message-ID" in one]
    assert [third.message_id.encode() in one for one in whole] == [False, True]


def test_an_announced_letter_that_comes_late_goes_over_a_fresh_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("channels.email.connections.LONGEST_ANNOUNCED_SECONDS", 0)
    with GroupServer() as server:
        handovers = chain(channel(server.port), *two_letters())
    assert kinds(handovers) == [HandoverKind.ACCEPTED] * 2
    assert len(server.connections) == 2
    assert server.connections[0].letters[1:] == [b""]


def test_whoever_forgets_an_announced_letter_holds_up_nobody_for_ever() -> None:
    """The pool has one slot, which the announced letter holds until it is taken back."""
    with GroupServer() as server:
        mail = channel(server.port)
        first, second = two_letters()

        async def batch() -> Handover:
            async with mail:
                await mail.deliver(first, lambda: second)
                mail.take_back(second)
                mail.take_back(second)
                return await asyncio.wait_for(mail.deliver(letter("ira@example.com", name="3")), 5)

        assert asyncio.run(batch()).kind is HandoverKind.ACCEPTED


def test_an_announced_letter_of_which_nobody_says_a_word_holds_up_nobody_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("channels.email.connections.LONGEST_ANNOUNCED_SECONDS", 0.05)
    with GroupServer() as server:
        mail = channel(server.port)
        first, second = two_letters()

        async def batch() -> Handover:
            async with mail:
                await mail.deliver(first, lambda: second)
                return await asyncio.wait_for(mail.deliver(letter("ira@example.com", name="3")), 5)

        assert asyncio.run(batch()).kind is HandoverKind.ACCEPTED


def test_a_letter_called_off_with_the_next_one_announced_frees_its_place() -> None:
    with GroupServer(Script((YES, THEIRS, GO_ON, TAKEN), pieces=lambda _data: [])) as server:
        mail = channel(server.port)

        async def batch() -> Handover:
            async with mail:
                first, second = two_letters()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(mail.deliver(first, lambda: second), 0.2)
                return await asyncio.wait_for(mail.deliver(second), 5)

        assert asyncio.run(batch()).kind is HandoverKind.ACCEPTED


@settings(max_examples=60, deadline=None)
@given(st.tuples(codes, codes, codes, codes), st.tuples(codes, codes, codes, codes))
def test_however_two_letters_in_a_row_are_answered_each_is_told_what_was_said_of_it(
    one: tuple[bytes, bytes, bytes, bytes], two: tuple[bytes, bytes, bytes, bytes]
) -> None:
    scripts = [Script([code + b" 0.0.0 so" for code in said]) for said in (one, two)]
    with GroupServer(*scripts) as server:
        handovers = chain(channel(server.port), *two_letters())
    for name, handover in zip((b"<1@mail", b"<2@mail"), handovers, strict=True):
        taken = sum(name in mail for mail in server.letters)
        assert taken <= 1
        if handover.kind in (HandoverKind.ACCEPTED, HandoverKind.UNCERTAIN):
            assert taken == 1
