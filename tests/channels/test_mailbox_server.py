"""The sandbox's mailbox: a real IMAP server that tells of letters at once, and forgets them."""

import contextlib
import logging
import threading
import warnings
from datetime import UTC, datetime

import pytest
from imap_tools import MailBoxUnencrypted
from imap_tools.errors import MailboxLoginError
from pydantic import SecretStr

from channels.mailbox.account import MailboxAccount
from channels.mailbox.imap_session import open_session
from channels.sandbox.mailbox_server import MailboxServer

LETTER = b"From: a@example.org\r\nSubject: light\r\n\r\n\xd0\xa1\xd0\xb2\xd0\xb5\xd1\x82\r\n"


def opened(server: MailboxServer) -> MailBoxUnencrypted:
    box = MailBoxUnencrypted(server.host, server.port, timeout=5)
    box.login(server.username, server.password)
    return box


def test_a_dropped_letter_lies_in_the_inbox_byte_for_byte_with_its_time() -> None:
    when = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    with MailboxServer() as server:
        server.drop(LETTER, when)
        server.drop(LETTER + b"x" * 3_000_000)
        assert server.messages() == [LETTER, LETTER + b"x" * 3_000_000]
        assert server.messages("Processed") == []
        with opened(server) as box:
            _typ, [answer] = box.client.fetch("1", "(INTERNALDATE)")
            assert isinstance(answer, bytes)
            assert b"23-Nov-2026 09:00:00" in answer or b"23-Nov-2026 12:00:00" in answer


def test_who_idles_is_told_at_once_also_of_what_came_just_before() -> None:
    with MailboxServer() as server:
        box = MailboxAccount(
            name="info",
            host=server.host,
            port=server.port,
            username=server.username,
            password=SecretStr(server.password),
            tls="none",
        )
        session = open_session(box, threading.Event(), timeout_seconds=5)
        for _each in range(20):
            session.waiting()
            server.drop(LETTER)  # before IDLE: no command of ours has told us of it
            session.rest(2)
            assert session.has_news
        session.waiting()
        dropping = threading.Timer(0.05, server.drop, [LETTER])
        dropping.start()
        session.rest(2)
        assert session.has_news
        dropping.join()
        session.close()


def test_letters_may_be_dropped_from_many_threads() -> None:
    with MailboxServer() as server:
        threads = [threading.Thread(target=server.drop, args=(LETTER,)) for _each in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.messages()) == 20


def test_a_wrong_password_is_refused() -> None:
    with (
        MailboxServer() as server,
        MailBoxUnencrypted(server.host, server.port) as box,
        pytest.raises(MailboxLoginError),
    ):
        box.login(server.username, "wrong")


def test_a_server_that_stopped_may_be_followed_by_another_on_its_port() -> None:
    with MailboxServer() as first:
        first.drop(LETTER)
        port = first.port
    with MailboxServer(port=port) as second:
        assert second.messages() == []
        second.drop(LETTER)
        assert second.messages() == [LETTER]


def test_stopping_cuts_connections_without_a_word_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with warnings.catch_warnings(), caplog.at_level(logging.DEBUG):
        warnings.simplefilter("error")
        server = MailboxServer().start()
        box = opened(server)
        server.stop()
        with contextlib.suppress(ConnectionError):
            while box.client.sock.recv(1000):
                pass
        box.client.shutdown()
        server.stop()
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
