"""Letters taken in: registered, answered and passed on, once, whatever comes and whoever dies."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, event
from sqlalchemy.exc import TimeoutError as PoolTimeout
from structlog.testing import capture_logs

from campaigns.inquiry.rules import Topic, TopicRule
from campaigns.inquiry.status import CloseReason, InquiryChannel, InquiryStatus, Missing
from campaigns.inquiry.verdict import Reason
from campaigns.stop_words import Wish
from channels.mailbox.account import MailboxAccount
from channels.mailbox.arrived import Arrived
from channels.mailbox.reading import read_letter
from dispatcher import tokens
from dispatcher.errors import LedgerAway
from dispatcher.inquiries.house import house_of
from dispatcher.inquiries.letters import LARGEST_PASSED_ON
from dispatcher.ledger import Ledger, connection, inquiries, letters, suppressions
from dispatcher.ledger.inquiries import NewInquiry
from dispatcher.mailrobot.carrying_out import carry_out
from dispatcher.mailrobot.deciding import decide
from dispatcher.mailrobot.taking_in import TakingIn
from dispatcher.tokens import TokenFor
from tests.flow.letters_by_hand import ANNA, INFO, letter, with_attachment
from tests.flow.mail_sink import MailSink
from tests.flow.rehearsing import DAY, HOUR
from tests.flow.robot_post import BOX, DESK, Post, open_post

BORIS = "boris@example.org"
EVERYTHING = ("letters", "letter_sources", "inquiries", "inquiry_numbers", "outbox")


@pytest.fixture
def open_one(tmp_path: Path, ledger: Ledger) -> Iterator[Callable[..., Post]]:
    """With settings of the test's own, on both databases."""
    with MailSink() as sink:
        yield lambda **settings: open_post(tmp_path, ledger, sink, **settings)


@pytest.fixture
def post(open_one: Callable[..., Post]) -> Post:
    return open_one()


@pytest.fixture
def quick(tmp_path: Path, sqlite_url: str) -> Iterator[Callable[..., Post]]:
    """On one database, for what does not depend on it."""
    ledger = Ledger(sqlite_url)
    with MailSink() as sink:
        yield lambda **settings: open_post(tmp_path, ledger, sink, **settings)
    ledger.close()


# One letter -------------------------------------------------------------------------------------


def test_a_letter_is_registered_answered_and_passed_on(post: Post) -> None:
    raw = letter()
    assert post.taking_in.take([post.arrived(raw, uid=7)]) == [7]
    [inquiry] = post.inquiries()
    assert (inquiry.number, inquiry.channel) == ("2026-000001", InquiryChannel.EMAIL)
    assert (inquiry.status, inquiry.person) == (InquiryStatus.ROUTED, DESK)
    assert (inquiry.contact_point, inquiry.topic) == (ANNA, Topic.OUTAGE)
    assert (inquiry.respond_on, inquiry.answer_on) == (date(2026, 9, 10), date(2026, 9, 21))
    assert inquiry.text == "Здравствуйте! Третий день нет света в доме. Когда его дадут?"
    [row] = post.rows("letters")
    assert (row.verdict, row.inquiry_id, row.size_bytes) == ("answer", inquiry.id, len(raw))
    with post.ledger.read() as tx:
        assert letters.original(tx, row.id).content == raw
        assert letters.uids_taken(tx, "info", 1, [6, 7, 8]) == {7}
        assert letters.uids_taken(tx, "info", 2, [7]) == frozenset()

    [answer] = post.answers()
    assert answer.sender == ""
    assert answer.header("Auto-Submitted") == "auto-replied"
    assert answer.header("In-Reply-To") == answer.header("References") == row.message_id
    assert answer.header("Subject") == "Re: Нет света [2026-000001]"
    assert "Третий день нет света" in answer.text
    assert "21 сентября 2026" in answer.text

    [passed] = post.sink.to(DESK)
    assert passed.header("Auto-Submitted") == "auto-generated"
    assert "dispatcher inquiries answer 2026-000001" in passed.text
    [whole] = passed.letter.iter_attachments()
    assert whole.get_filename() == "2026-000001.eml"
    assert whole.get_content() == raw


class Killed(BaseException):
    """The process dies here; nobody can catch it."""


@contextmanager
def dying_at(ledger: Ledger, statement: int) -> Iterator[list[str]]:
    """Of the statements of a transaction the one with this number is the last moment."""
    seen: list[str] = []

    def die(_connection: Connection, _cursor: object, sql: str, *_rest: object) -> None:
        seen.append(sql)
        if len(seen) == statement:
            raise Killed

    event.listen(ledger.engine, "before_cursor_execute", die)
    try:
        yield seen
    finally:
        event.remove(ledger.engine, "before_cursor_execute", die)


def test_whoever_dies_at_any_statement_has_done_nothing_and_after_the_last_everything(
    post: Post,
) -> None:
    raw, statement, survived = letter(), 0, False
    while not survived:
        statement += 1
        with dying_at(post.ledger, statement) as seen:
            try:
                post.taking_in.take([post.arrived(raw, uid=1)])
                survived = len(seen) < statement
            except Killed:
                pass
        counts = [len(post.rows(table)) for table in (*EVERYTHING, "mailbox_messages")]
        assert counts == ([1, 1, 1, 1, 2, 1] if survived else [0, 0, 0, 0, 0, 0]), seen[-1]
    assert statement > 15
    assert len(post.answers()) == len(post.sink.to(DESK)) == 1


def test_whoever_dies_at_the_commit_has_done_nothing(post: Post) -> None:
    def die(_connection: Connection) -> None:
        raise Killed

    event.listen(post.ledger.engine, "commit", die)
    with pytest.raises(Killed):
        post.arrive(letter())
    event.remove(post.ledger.engine, "commit", die)
    assert not any(post.rows(table) for table in EVERYTHING)
    post.arrive(letter())
    assert len(post.answers()) == 1


# Copies -----------------------------------------------------------------------------------------


def test_a_letter_that_comes_again_is_taken_once(post: Post) -> None:
    """In one batch, by another mailbox, and after a robot that died before it marked it."""
    raw = letter()
    by_another = letter(above="Received: from mx2.example.org; Mon, 7 Sep 2026 07:00:01 +0000\r\n")
    post.taking_in.take([post.arrived(raw, uid=1), post.arrived(raw, uid=2)])
    assert post.taking_in.take([post.arrived(raw, uid=1)]) == [1]
    assert post.taking_in.take([post.arrived(by_another, uid=9, mailbox="second")]) == [9]
    assert len(post.inquiries()) == len(post.rows("letters")) == len(post.answers()) == 1
    with post.ledger.read() as tx:
        assert letters.uids_taken(tx, "info", 1, [1, 2]) == {1, 2}
        assert letters.uids_taken(tx, "second", 1, [9]) == {9}


def test_mail_systems_that_end_lines_differently_make_no_other_letter(post: Post) -> None:
    raw = letter("Одна строка.\nДругая.")
    post.arrive(raw, raw.replace(b"\r\n", b"\n"), raw + b"\r\n\r\n")
    assert len(post.rows("letters")) == 1


def test_other_words_under_the_same_message_id_are_registered_and_not_answered(post: Post) -> None:
    name = "<same@example.org>"
    post.arrive(letter(message_id=name), letter("Где мой счёт?", message_id=name))
    assert post.reasons() == [Reason.LETTER, Reason.ANSWERED_BEFORE]
    assert len(post.inquiries()) == 2
    assert len(post.answers()) == len(post.owed("route")) == 1


def test_the_same_words_again_belong_to_the_first_inquiry_and_the_third_time_nobody_answers(
    post: Post,
) -> None:
    for n in range(4):
        post.arrive(letter(message_id=f"<{n}@example.org>", headers={"X-Copy": str(n)}))
        post.wait(HOUR)
    assert post.reasons() == [Reason.LETTER, Reason.FOLLOW_UP, Reason.REPEATED, Reason.REPEATED]
    assert len(post.inquiries()) == 1
    assert {row.inquiry_id for row in post.rows("letters")} == {1}
    first, again = post.answers()
    assert "зарегистрировали" in first.text
    assert "уже зарегистрирован" in again.text
    assert "2026-000001" in again.text
    post.arrive(letter(sender=BORIS))
    assert len(post.inquiries()) == 2


def test_two_letters_without_a_single_header_are_two(post: Post) -> None:
    post.arrive(b"To: x@example.com\r\n\r\n", b"Cc: y@example.com\r\n\r\n", b"")
    assert len(post.rows("letters")) == len(post.inquiries()) == 3


# Going on with an inquiry -----------------------------------------------------------------------


def test_an_answer_to_our_answer_goes_on_with_its_inquiry_whoever_writes(post: Post) -> None:
    post.arrive(letter())
    [answer] = post.answers()
    post.wait(DAY)
    more = letter("Добавлю: и соседи тоже.", sender=BORIS, subject="Re: x")
    thread = letter("И подъезд.", subject="y", headers={"References": answer.header("Message-ID")})
    post.arrive(
        more.replace(
            b"\r\nDate", f"\r\nIn-Reply-To: {answer.header('Message-ID')}\r\nDate".encode()
        )
    )
    post.arrive(thread)
    assert post.reasons()[1:] == [Reason.FOLLOW_UP, Reason.FOLLOW_UP]
    assert len(post.inquiries()) == 1
    assert len(post.owed("route")) == 3
    [added] = post.answers(BORIS)
    assert "добавили его к обращению от 7 сентября 2026" in added.text
    assert added.header("Subject").endswith("[2026-000001]")


def test_the_number_in_the_subject_holds_for_who_asked_and_nobody_else(post: Post) -> None:
    with post.ledger.write() as tx:
        form = NewInquiry(
            InquiryChannel.FORM,
            "site",
            "1",
            "Anna@example.org",
            Wish.QUESTION,
            "Нет света",
        )
        inquiries.register(tx, form, inquiries.next_number(tx, 2026), post.clock.now())
    post.arrive(letter("Ещё добавлю.", subject="RE: [2026-000001]"))
    post.arrive(letter("И я.", sender=BORIS, subject="RE: [2026-000001]"))
    post.arrive(letter("Нет такого.", sender=BORIS, subject="RE: [2026-009999]"))
    assert post.reasons() == [Reason.FOLLOW_UP, Reason.LETTER, Reason.LETTER]
    assert [row.inquiry_id for row in post.rows("letters")] == [1, 2, 3]


def test_an_account_that_was_asked_for_is_filled_in_and_not_asked_for_again(post: Post) -> None:
    post.arrive(letter())
    assert post.inquiries()[0].missing == (Missing.ACCOUNT,)
    assert "лицевого счёта" in post.answers()[0].text
    said = letter("Лицевой счёт 4012345678", subject="Re: [2026-000001]")
    post.arrive(said)
    post.arrive(letter("Спасибо, жду ответа.", subject="Re: [2026-000001]"))
    [inquiry] = post.inquiries()
    assert (inquiry.account_number, inquiry.missing) == ("4012345678", ())
    assert all("лицевого счёта" not in one.text for one in post.answers()[1:])
    assert "4012345678" in post.sink.to(DESK)[-1].text


@pytest.mark.parametrize("words", ["Здравствуйте! Третий день нет света в доме.", "Всё ещё темно."])
def test_a_letter_after_the_inquiry_is_over_begins_one_that_follows_it(
    post: Post, words: str
) -> None:
    post.arrive(letter("Здравствуйте! Третий день нет света в доме."))
    with post.ledger.write() as tx:
        inquiries.close(tx, 1, "olga", post.clock.now(), CloseReason.ANSWERED)
    post.arrive(letter(words, subject="Re: Нет света [2026-000001]"))
    old, new = post.inquiries()
    assert (old.status, new.status) == (InquiryStatus.CLOSED, InquiryStatus.ROUTED)
    assert (new.number, new.follows_id) == ("2026-000002", old.id)
    assert "2026-000002" in post.answers()[1].header("Subject")


def test_an_inquiry_that_staff_close_while_a_letter_is_decided_is_followed_by_a_new_one(
    tmp_path: Path, postgres_url: str
) -> None:
    """On PostgreSQL; SQLite has one writer at a time."""
    ledger = Ledger(postgres_url)
    with MailSink() as sink:
        post = open_post(tmp_path, ledger, sink)
        post.arrive(letter())
        more = letter("И соседи.", subject="Re: [2026-000001]")
        with ledger.write() as tx:
            now = post.clock.now()
            decided = decide(tx, post.engine, house_of(post.engine), read_letter(more), more, now)
            with ledger.write() as staff:
                inquiries.close(staff, 1, "olga", now, CloseReason.DONE)
            carry_out(tx, post.engine, post.arrived(more), decided, now)
        assert [one.follows_id for one in post.inquiries()] == [None, 1]
        assert "2026-000002" in post.answers()[1].header("Subject")
    ledger.close()


# Too much ---------------------------------------------------------------------------------------


def test_a_sender_gets_so_many_answers_a_day_and_is_registered_all_the_same(
    open_one: Callable[..., Post],
) -> None:
    post = open_one(robot_answers_per_day=3)
    for n in range(5):
        post.arrive(letter(f"Вопрос номер {n}"))
    post.arrive(letter("Другой человек", sender=BORIS))
    assert post.reasons() == [*[Reason.LETTER] * 3, *[Reason.TOO_MANY] * 2, Reason.LETTER]
    assert len(post.inquiries()) == 6
    assert len(post.owed("route")) == 4  # of the others there was enough
    assert [one.status for one in post.inquiries()[2:5]] == [
        InquiryStatus.ROUTED,
        InquiryStatus.REGISTERED,
        InquiryStatus.REGISTERED,
    ]
    post.wait(DAY, HOUR)
    post.arrive(letter("Новый день"))
    assert len(post.answers()) == 4


def test_whom_we_answer_is_counted_too_under_however_many_names_he_writes(
    open_one: Callable[..., Post],
) -> None:
    post = open_one(robot_answers_per_day=3)
    for n in range(5):
        path = f"Return-Path: <{BORIS}>\r\n"
        post.arrive(letter(f"Вопрос {n}", sender=f"a{n}@example.org", above=path))
    assert len(post.answers(BORIS)) == 3
    assert post.reasons()[3:] == [Reason.TOO_MANY] * 2


# Who writes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelt", [ANNA, "Anna@example.org"])
def test_a_customer_of_the_base_is_greeted_by_name_and_patronymic(post: Post, spelt: str) -> None:
    post.known("4012345678", "Анна", spelt)
    post.known("4012345678", "Анна", spelt)  # in a newer list, too
    post.arrive(letter(sender="Дешёвые кредиты <anna@example.org>"))
    [answer] = post.answers()
    assert "Анна Петровна" in answer.text
    assert "кредиты" not in str(answer.letter)
    assert "кредиты" not in answer.header("To")
    [inquiry] = post.inquiries()
    assert (inquiry.account_number, inquiry.customer) == ("4012345678", "Анна Петровна")


def test_who_is_unknown_or_shares_an_address_is_greeted_without_a_name(post: Post) -> None:
    post.known("4012345678", "Анна", BORIS)
    post.known("4012345679", "Борис", BORIS)
    post.arrive(letter(sender=BORIS), letter())
    for answer in (*post.answers(), *post.answers(BORIS)):
        assert "Здравствуйте!" in answer.text
        assert "Петровна" not in answer.text
    assert {one.account_number for one in post.inquiries()} == {None}


def test_somebody_elses_account_in_the_text_reveals_nobodys_name(post: Post) -> None:
    post.known("4012345678", "Анна", ANNA)
    post.arrive(letter("Чей лицевой счёт 4012345678?", sender=BORIS))
    [answer] = post.answers(BORIS)
    assert "Анна" not in answer.text
    assert "Петровна" not in answer.text
    assert post.inquiries()[0].account_number == "4012345678"


def test_who_writes_in_the_name_of_another_is_not_told_how_that_one_is_called(post: Post) -> None:
    post.known("4012345678", "Анна", ANNA)
    post.arrive(letter(above=f"Return-Path: <{BORIS}>\r\n"))
    [answer] = post.answers(BORIS)
    assert "Петровна" not in answer.text
    assert "Петровна" not in answer.header("To")
    assert "4012345678" not in answer.text


def test_an_english_letter_gets_an_english_answer_and_staff_a_russian_one(post: Post) -> None:
    post.arrive(letter("Hello, we have had no electricity since Monday.", subject="No power"))
    [answer] = post.answers()
    assert "2026-000001" in answer.text
    assert not any("а" <= c <= "я" for c in answer.text.replace("Энергосбыт", "").lower())
    assert "Вам поручено обращение" in post.sink.to(DESK)[0].text


def test_a_letter_that_says_stop_is_obeyed_and_confirmed_and_needs_nobody(post: Post) -> None:
    path = "Return-Path: <anna@example.org>\r\n"
    post.arrive(letter("СТОП", subject="", sender="Anna@Example.org", above=path))
    with post.ledger.read() as tx:
        stops = [one.suppression for one in suppressions.standing(tx, post.clock.now())]
    assert stops
    assert {one.contact_point for one in stops} == {ANNA}
    [inquiry] = post.inquiries()
    assert (inquiry.kind, inquiry.status) == (Wish.STOP, InquiryStatus.CLOSED)
    [answer] = post.answers()
    assert "Рассылка отключена" in answer.header("Subject")
    assert not post.owed("route")


# Where it came ----------------------------------------------------------------------------------


def test_rules_know_a_mailbox_by_its_address_whichever_way_the_letter_came(
    quick: Callable[..., Post],
) -> None:
    box = BOX.model_copy(
        update={"name": "second", "username": "u1", "address": "meter@example.com"}
    )
    post = quick(mailboxes=(BOX, box))
    rule = TopicRule(Topic.READING, mailboxes=("meter@example.com",))
    post.engine.inquiry_rules = replace(post.engine.inquiry_rules, topics=(rule,))
    post.arrive(letter("Раз"), mailbox="info")
    post.arrive(letter("Два"), mailbox="second")
    post.arrive(letter("Три", above="Delivered-To: meter@example.com\r\n"), mailbox="lmtp")
    topics = [one.topic for one in post.inquiries()]
    assert topics == [Topic.OTHER, Topic.READING, Topic.READING]


def test_a_mailbox_may_have_the_longest_name_that_settings_allow(
    open_one: Callable[..., Post],
) -> None:
    name = "n" * 60
    box = MailboxAccount(name=name, host="127.0.0.1", username=INFO)
    post = open_one(mailboxes=(box,))
    post.arrive(letter(), mailbox=name)
    [row] = post.rows("inquiries")
    assert (row.provider, row.kind) == (name, Wish.QUESTION)


# Numbers ----------------------------------------------------------------------------------------


def test_numbers_begin_anew_with_the_year_of_the_house_and_have_no_gaps(
    open_one: Callable[..., Post],
) -> None:
    post = open_one(start_at=datetime(2026, 12, 31, 20, 58, tzinfo=UTC))  # 23:58 in Moscow
    post.arrive(letter("Раз"), letter("Два"))
    with dying_at(post.ledger, 20), pytest.raises(Killed):
        post.arrive(letter("Никогда"), letter("И это"))
    post.arrive(letter("Три"))
    post.wait(timedelta(minutes=2))
    post.arrive(letter("Четыре"), letter("Пять"))
    assert [one.number for one in post.inquiries()] == [
        *(f"2026-00000{n}" for n in (1, 2, 3)),
        *(f"2027-00000{n}" for n in (1, 2)),
    ]
    post.send()
    assert "1 января 2027" in post.sink.to(DESK)[-1].text


def test_two_robots_that_take_the_same_letters_at_once_take_each_once(
    tmp_path: Path, postgres_url: str
) -> None:
    """On PostgreSQL, where both may write; two mailboxes of one letter, and a sender's second."""
    raws = [letter(f"Вопрос {n}", sender=f"a{n % 10}@example.org") for n in range(30)]
    ledgers = [Ledger(postgres_url) for _ in range(2)]
    with MailSink() as sink:
        posts = [open_post(tmp_path, one, sink) for one in ledgers]
        begin, failures = threading.Barrier(2), []

        def work(post: Post, order: list[bytes]) -> None:
            try:
                begin.wait(10)
                for start in range(0, len(order), 5):
                    post.arrive(*order[start : start + 5])
            except BaseException as error:
                failures.append(error)

        hands = [
            threading.Thread(target=work, args=(posts[0], raws)),
            threading.Thread(target=work, args=(posts[1], raws[::-1])),
        ]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join(60)
        assert failures == []
        numbers = sorted(one.number for one in posts[0].inquiries())
        assert numbers == [f"2026-{n:06}" for n in range(1, 31)]
        assert len(posts[0].rows("letters")) == len(posts[0].owed()) == 30
    for one in ledgers:
        one.close()


# Hostile ----------------------------------------------------------------------------------------


@contextmanager
def refusing(ledger: Ledger, condition: str) -> Iterator[None]:
    """The ledger itself refuses letters like this."""
    if ledger.is_sqlite:
        made = (
            f"CREATE TRIGGER poison BEFORE INSERT ON letters WHEN NEW.{condition} "
            "BEGIN SELECT RAISE(ABORT, 'poison'); END"
        )
        unmade = "DROP TRIGGER poison"
    else:
        made = f"ALTER TABLE letters ADD CONSTRAINT poison CHECK (NOT ({condition}))"
        unmade = "ALTER TABLE letters DROP CONSTRAINT poison"
    with ledger.write() as tx:
        tx.exec_driver_sql(made)
    try:
        yield
    finally:
        with ledger.write() as tx:
            tx.exec_driver_sql(unmade)


def test_a_letter_that_the_ledger_refuses_is_kept_as_it_is_and_holds_nobody_up(post: Post) -> None:
    batch = [letter("Раз"), letter("Два", subject="poison"), letter("Три")]
    with refusing(post.ledger, "subject = 'poison'"):
        taken = post.taking_in.take([post.arrived(raw, n) for n, raw in enumerate(batch, 1)])
    assert sorted(taken) == [1, 2, 3]
    assert [one.kind for one in post.inquiries()] == [
        Wish.QUESTION,
        Wish.UNREADABLE,
        Wish.QUESTION,
    ]
    assert [row.subject for row in post.rows("letters")] == ["Нет света", "", "Нет света"]
    with post.ledger.read() as tx:
        assert letters.original(tx, post.rows("letters")[1].id).content == batch[1]
    assert len(post.answers()) == 2
    assert len(post.sink.to(DESK)) == 3


def test_a_letter_that_cannot_be_kept_at_all_stays_in_its_mailbox_alone(post: Post) -> None:
    batch = [letter("Раз"), letter("Два, и длиннее всех других"), letter("Три")]
    size = len(batch[1])
    with refusing(post.ledger, f"size_bytes = {size}"), capture_logs() as told:
        taken = post.taking_in.take([post.arrived(raw, n) for n, raw in enumerate(batch, 1)])
    assert sorted(taken) == [1, 3]
    [refused] = [one for one in told if one["event"] == "letter.not_taken"]
    assert refused["where"].startswith("dispatcher/ledger/letters.py:")
    assert "Два" not in str(told)
    assert len(post.inquiries()) == 2
    assert post.taking_in.take([post.arrived(batch[1], 2)]) == [2]
    assert len(post.answers()) == 3


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 50,
        b"\r\n\r\n",
        b"From: \r\nSubject: \r\n\r\n",
        b"\xff\xfe\xfd no header at all",
        b"From: <[abc@x>\r\nMessage-ID: <[abc@x>\r\n\r\nhello",
    ],
)
def test_a_letter_without_anything_is_kept_and_shown_to_a_person(post: Post, raw: bytes) -> None:
    post.arrive(raw, letter())
    assert [row.verdict for row in post.rows("letters")] == ["silent", "answer"]
    assert post.reasons()[0] == Reason.NO_SENDER
    assert post.inquiries()[0].status is InquiryStatus.ROUTED
    with post.ledger.read() as tx:
        assert letters.original(tx, 1).content == raw
    assert len(post.answers()) == 1
    assert len(post.sink.to(DESK)) == 2


def test_nul_bytes_and_halves_of_characters_are_kept_by_both_databases(post: Post) -> None:
    nasty = "=?utf-8?b?AGEAYg==?= =?utf-16-le?b?ANgA2A==?= \x00"
    raw = letter("a\x00b", sender=f'"{nasty}" <{ANNA}>', subject=nasty)
    raw = raw.replace(b"a\x00b", b"a\x00b \xed\xa0\x80 \xf0\x9f \xff \x1b[31m")
    attached = with_attachment(1000).replace(b"scan.tif", b'"a\x00\xed\xa0\x80.tif"')
    post.arrive(raw, attached)
    assert len(post.inquiries()) == 2
    for inquiry in post.inquiries():
        told = f"{inquiry.text}{inquiry.subject}{inquiry.customer}"
        assert not {"\x00", "\x1b", "\ud800"} & set(told)
    with post.ledger.read() as tx:
        assert letters.original(tx, 1).content == raw
    assert len(post.answers()) == 2


def test_a_letter_of_thirty_megabytes_is_kept_whole_and_passed_on_without_its_weight(
    post: Post,
) -> None:
    raw = with_attachment(30 * 1024 * 1024)
    assert len(raw) > 3 * LARGEST_PASSED_ON
    post.arrive(raw)
    with post.ledger.read() as tx:
        kept = letters.original(tx, 1)
    assert (len(kept.content), kept.is_whole) == (len(raw), True)
    assert len(post.answers()) == 1
    [passed] = post.sink.to(DESK)
    assert len(passed.content) < 100_000
    assert not list(passed.letter.iter_attachments())


def test_of_a_letter_too_large_to_be_fetched_the_beginning_is_kept_and_answered(post: Post) -> None:
    raw = with_attachment(100_000)[:50_000]
    size = 900 * 1024 * 1024
    now = post.clock.now()
    arrived = Arrived("info", raw, now, 1, 1, size_bytes=size, is_whole=False)
    assert post.taking_in.take([arrived]) == [1]
    [row] = post.rows("letters")
    assert (row.size_bytes, "too_large" in row.flaws) == (size, True)
    assert len(post.answers()) == 1


def test_an_address_that_no_header_can_carry_is_registered_and_stops_nobody(post: Post) -> None:
    bad = letter("Раз", sender='=?utf-8?q?a=0Ab?= <"a b"@example.org>')
    post.arrive(bad, letter("Два", sender="иван@почта.рф"), letter())
    assert len(post.inquiries()) == 3
    assert len(post.answers()) == 1


# Our own ----------------------------------------------------------------------------------------


def test_our_own_letters_that_come_round_are_answered_by_nobody(post: Post) -> None:
    post.arrive(letter())
    post.send()
    for one in list(post.sink.received):
        post.arrive(one.content)
        # Forwarded by a program that leaves its mark out.
        post.arrive(one.content.replace(b"X-Loop", b"X-Lost").replace(INFO.encode(), b"x@x.org"))
    post.send()
    assert len(post.sink.received) == 2
    assert len(post.inquiries()) == 1


def test_an_unsubscribing_that_nobody_can_have_sent_does_nothing(post: Post) -> None:
    token = tokens.sign("another secret", TokenFor.UNSUBSCRIBE, "1-1")
    post.arrive(letter("", subject=f"unsubscribe {token}"))
    assert post.reasons() == [Reason.LETTER]
    with post.ledger.read() as tx:
        assert not suppressions.standing(tx, post.clock.now())


def test_letters_are_kept_though_their_mailbox_is_told_later(post: Post) -> None:
    """What was taken in under one UIDVALIDITY is new under another, and known by itself."""
    raw = letter()
    post.taking_in.take([Arrived("info", raw, post.clock.now(), 1, 5)])
    post.taking_in.take([Arrived("info", raw, post.clock.now(), 2, 1)])
    with post.ledger.read() as tx:
        assert letters.uids_taken(tx, "info", 2, [1]) == {1}
    assert len(post.answers()) == 1


def test_a_ledger_that_is_away_is_told_and_nothing_is_called_safe(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PATIENCE_SECONDS", 0.0)
    ledger = Ledger(sqlite_url)
    with MailSink() as sink:
        post = open_post(tmp_path, ledger, sink)

        def away(_connection: Connection, *_rest: object) -> None:
            raise PoolTimeout

        event.listen(ledger.engine, "before_cursor_execute", away)
        with pytest.raises(LedgerAway):
            TakingIn(post.engine).take([post.arrived(letter(), 1), post.arrived(letter("b"), 2)])
        event.remove(ledger.engine, "before_cursor_execute", away)
        assert not post.rows("letters")
    ledger.close()
