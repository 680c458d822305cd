"""Who is asked for an account number, and who is left alone with it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.inquiry.status import Missing
from dispatcher.ledger import Ledger
from tests.flow.letters_by_hand import letter
from tests.flow.mail_sink import MailSink
from tests.flow.robot_post import Post, open_post


@pytest.fixture
def post(tmp_path: Path, ledger: Ledger) -> Iterator[Post]:
    with MailSink() as sink:
        yield open_post(tmp_path, ledger, sink)


def test_thanks_for_our_answer_are_not_answered_by_asking_for_the_account_again(
    post: Post,
) -> None:
    post.arrive(letter())
    [first] = post.answers()
    post.arrive(letter("Спасибо!", subject=first.header("Subject")))
    [_, second] = post.answers()
    assert "лицевого счёта" in first.text
    assert "лицевого счёта" not in second.text
    assert post.inquiries()[0].missing == (Missing.ACCOUNT,)


def test_who_asks_for_a_new_connection_is_never_asked_for_an_account(post: Post) -> None:
    post.arrive(letter("Как подключить новый дом?", subject="Технологическое присоединение"))
    post.arrive(letter("Вот ещё план участка.", subject="Re: [2026-000001]"))
    post.arrive(letter("И паспорт.", subject="Re: [2026-000001]"))
    assert post.inquiries()[0].missing == ()
    assert len(post.answers()) == 3
    assert all("лицевого счёта" not in one.text for one in post.answers())
